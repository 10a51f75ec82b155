//! Normal form to OpenFlow matches.

use super::normalize::{Alternatives, Clause, Disjunct};
use super::{Ports, SIZE_MAX, port_key};
use crate::error::ErrorKind;
use crate::symbols::FieldRef;
use openflow::{Field, Match};
use std::collections::HashMap;

/// That a flow is one alternative of one dimension of a conjunctive match.
///
/// It becomes the action `conjunction(id, clause/clauses)`, with clauses counted from 1 in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conjunction {
    pub id: u32,
    /// From 0.
    pub clause: u8,
    /// How many clauses there are: 2 to 64.
    pub clauses: u8,
}

/// One OpenFlow flow of a logical flow, without what all of its flows have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalMatch {
    pub matching: Match,
    /// If empty, the flow has the logical flow's actions; otherwise these are its actions.
    pub conjunctions: Vec<Conjunction>,
}

/// How many dimensions a conjunctive match can have in Open vSwitch.
pub(super) const CLAUSES_MAX: usize = 64;

/// Translates a normal form. `next_id` gives a new conjunction id, unique in the table, each time.
///
/// A disjunct becomes a conjunctive match where that takes fewer flows than multiplying it out. An
/// alternative that names an unknown port is left out: no packet can come from there or go there.
///
/// # Errors
/// If that takes more than [`SIZE_MAX`] flows.
pub fn to_matches(
    normal: &[Disjunct],
    ports: &dyn Ports,
    next_id: &mut dyn FnMut() -> u32,
) -> Result<Vec<LogicalMatch>, ErrorKind> {
    let mut matches = Matches::default();
    for disjunct in normal {
        add_disjunct(disjunct, ports, next_id, &mut matches)?;
    }
    Ok(matches.list)
}

/// Flows by match: two with the same match are one.
#[derive(Default)]
pub(super) struct Matches {
    pub(super) list: Vec<LogicalMatch>,
    /// Where each one is, once there are more than [`FEW`].
    index: HashMap<Match, usize>,
}

/// So many flows are looked through one by one.
const FEW: usize = 8;

impl Matches {
    pub(super) fn add(&mut self, matching: Match, conjunction: Option<Conjunction>) -> Result<(), ErrorKind> {
        if let Some(i) = self.find(&matching) {
            let old = &mut self.list[i].conjunctions;
            match conjunction {
                // The flow that takes the actions right away makes the others of no use.
                None => old.clear(),
                Some(conjunction) => {
                    if !old.is_empty() && !old.contains(&conjunction) {
                        old.push(conjunction);
                    }
                }
            }
            return Ok(());
        }
        if self.list.len() >= SIZE_MAX {
            return Err(ErrorKind::TooLarge { limit: SIZE_MAX });
        }
        if self.list.len() == FEW {
            let known = self.list.iter().enumerate();
            self.index = known.map(|(i, known)| (known.matching.clone(), i)).collect();
        }
        if self.list.len() >= FEW {
            self.index.insert(matching.clone(), self.list.len());
        }
        self.list.push(LogicalMatch { matching, conjunctions: conjunction.into_iter().collect() });
        Ok(())
    }

    fn find(&self, matching: &Match) -> Option<usize> {
        match self.list.len() {
            ..=FEW => self.list.iter().position(|known| known.matching == *matching),
            _ => self.index.get(matching).copied(),
        }
    }
}

pub(super) fn add_disjunct(
    disjunct: &Disjunct,
    ports: &dyn Ports,
    next_id: &mut dyn FnMut() -> u32,
    matches: &mut Matches,
) -> Result<(), ErrorKind> {
    // What every flow of the disjunct matches, and the clauses with a choice.
    let mut base = Match::any();
    let mut choices: Vec<(&Clause, Vec<Test>)> = Vec::new();
    for clause in &disjunct.clauses {
        if let Some(test) = only_test(clause) {
            if !test.apply(&mut base) {
                return Ok(());
            }
            continue;
        }
        let tests = tests(clause, ports);
        match tests[..] {
            [] => return Ok(()),
            [test] => {
                if !test.apply(&mut base) {
                    return Ok(());
                }
            }
            _ => choices.push((clause, tests)),
        }
    }
    let sum: usize = choices.iter().map(|(_, tests)| tests.len()).sum();
    let product = choices.iter().fold(1usize, |product, (_, tests)| product.saturating_mul(tests.len()));
    let conjunctive = sum + 1 < product && choices.len() <= CLAUSES_MAX;
    if !conjunctive {
        return multiply(base, &choices, matches);
    }
    let id = next_id();
    for (i, (_, tests)) in choices.iter().enumerate() {
        for test in tests {
            let mut matching = base.clone();
            if test.apply(&mut matching) {
                let conjunction = Conjunction { id, clause: i as u8, clauses: choices.len() as u8 };
                matches.add(matching, Some(conjunction))?;
            }
        }
    }
    matches.add(base.with(Field::ConjId, id), None)
}

/// One flow for each combination of alternatives.
fn multiply(base: Match, choices: &[(&Clause, Vec<Test>)], matches: &mut Matches) -> Result<(), ErrorKind> {
    let mut product = vec![base];
    for (_, tests) in choices {
        if product.len().saturating_mul(tests.len()) > SIZE_MAX {
            return Err(ErrorKind::TooLarge { limit: SIZE_MAX });
        }
        product = product
            .iter()
            .flat_map(|matching| {
                tests.iter().filter_map(|test| {
                    let mut matching = matching.clone();
                    test.apply(&mut matching).then_some(matching)
                })
            })
            .collect();
    }
    product.into_iter().try_for_each(|matching| matches.add(matching, None))
}

/// A field, a value, and the bits that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) field: Field,
    pub(super) value: u128,
    pub(super) mask: u128,
}

impl Test {
    /// Adds the test to a match, unless it contradicts it.
    pub(super) fn apply(self, matching: &mut Match) -> bool {
        matching.constrain(self.field, self.value, self.mask).is_ok()
    }
}

/// The test of a clause that is a number, as most are.
fn only_test(clause: &Clause) -> Option<Test> {
    let Alternatives::Integers(set) = &clause.alternatives else { return None };
    let &[(value, mask)] = &set[..] else { return None };
    let (field, low, _) = FieldRef::whole(clause.symbol).openflow()?;
    Some(Test { field, value: value << low, mask: mask << low })
}

pub(super) fn tests(clause: &Clause, ports: &dyn Ports) -> Vec<Test> {
    let Some((field, low, _)) = FieldRef::whole(clause.symbol).openflow() else { return Vec::new() };
    match &clause.alternatives {
        Alternatives::Integers(set) => {
            set.iter().map(|(value, mask)| Test { field, value: value << low, mask: mask << low }).collect()
        }
        Alternatives::Strings(names) => names
            .iter()
            .filter_map(|name| port_key(name, ports))
            .map(|key| Test { field, value: key.into(), mask: field.full_mask() })
            .collect(),
    }
}
