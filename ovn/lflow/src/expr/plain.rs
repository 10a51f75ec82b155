//! The short way from an expression to matches, for one that is a conjunction with at most one choice in it, as nearly
//! all of those that logical flows have.
//!
//! What such an expression says becomes tests of fields at once, with what symbols imply looked up ready made; there is
//! no tree to annotate and simplify, and no normal form. What else there is goes the long way, and tests hold the two to
//! the same meaning.

use super::matches::Test;
use super::{Comparison, Expr, LogicalMatch, Ports, Relation, SIZE_MAX, Value, annotate, port_key, simplify};
use crate::symbols::{FieldRef, Symbol};
use openflow::{Field, Match};
use std::borrow::Cow;
use std::sync::Arc;

/// A conjunction with at most one choice, up to what names of ports mean.
#[derive(Clone, Debug)]
pub struct Plain {
    /// All that depends on nothing else.
    base: Match,
    /// Fields that hold the keys of ports.
    names: Vec<(Field, Arc<str>)>,
    /// Ports that must be here, or must not.
    residents: Vec<(Arc<str>, bool)>,
    choice: Option<Choice>,
    /// It contradicts itself.
    is_never: bool,
}

/// How many fields there is room for at first, which is enough for most.
const FIELDS: usize = 6;

/// How many fields whoever uses a match is going to add: that of the datapath.
pub(super) const ROOM: usize = 1;

/// Alternatives for one field.
#[derive(Clone, Debug)]
enum Choice {
    /// All of the same bits, in order, each once.
    Tests(Cow<'static, [Test]>),
    /// In order, each once.
    Names(Field, Vec<Arc<str>>),
}

/// What a predicate says, or what a symbol implies, as tests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Says {
    tests: Vec<Test>,
    choices: Vec<Vec<Test>>,
}

impl Plain {
    /// The conjunction of expressions as they were parsed. `None` if it has to go the long way.
    pub fn of(terms: &[&Expr]) -> Option<Self> {
        let mut builder = Builder { base: Match::any().with_room(FIELDS), ..Builder::default() };
        for term in terms {
            builder.add(term)?;
        }
        builder.finish()
    }

    /// The matches, none of them conjunctive. As by the long way, an alternative that names an unknown port is left out.
    pub fn to_matches(&self, ports: &dyn Ports) -> Vec<LogicalMatch> {
        let resident = |(port, negated): &(Arc<str>, bool)| ports.is_chassis_resident(port) != *negated;
        if self.is_never || !self.residents.iter().all(resident) {
            return Vec::new();
        }
        let mut base = self.base.with_room(self.names.len() + ROOM);
        for (field, name) in &self.names {
            match port_key(name, ports).map(|key| test_of_key(*field, key)) {
                Some(test) if test.apply(&mut base) => {}
                Some(_) | None => return Vec::new(),
            }
        }
        let with = |test: Test| {
            let mut matching = base.with_room(1 + ROOM);
            test.apply(&mut matching).then_some(LogicalMatch { matching, conjunctions: Vec::new() })
        };
        match &self.choice {
            None => vec![LogicalMatch { matching: base, conjunctions: Vec::new() }],
            Some(Choice::Tests(tests)) => tests.iter().copied().filter_map(with).collect(),
            Some(Choice::Names(field, names)) => {
                let mut keys: Vec<u32> = names.iter().filter_map(|name| port_key(name, ports)).collect();
                keys.sort_unstable();
                keys.dedup();
                keys.into_iter().filter_map(|key| with(test_of_key(*field, key))).collect()
            }
        }
    }
}

fn test_of_key(field: Field, key: u32) -> Test {
    Test { field, value: key.into(), mask: field.full_mask() }
}

/// A conjunction while terms are added to it.
#[derive(Default)]
struct Builder {
    base: Match,
    names: Vec<(Field, Arc<str>)>,
    residents: Vec<(Arc<str>, bool)>,
    choices: Vec<Choice>,
    is_never: bool,
}

impl Builder {
    /// `None` if the term is not plain.
    fn add(&mut self, term: &Expr) -> Option<()> {
        match term {
            Expr::Boolean(truth) => self.is_never |= !truth,
            Expr::ChassisResident { port, negated } => self.residents.push((port.clone(), *negated)),
            Expr::Comparison(comparison) => self.compare(comparison)?,
            Expr::And(terms) => return terms.iter().try_for_each(|term| self.add(term)),
            Expr::Or(terms) => {
                let symbol = self.choose(terms)?;
                self.say(symbol.implied()?);
            }
        }
        Some(())
    }

    fn compare(&mut self, comparison: &Comparison) -> Option<()> {
        let Comparison { field, relation, value } = comparison;
        match value {
            Value::String(name) => {
                let (field, ..) = field.openflow().filter(|_| *relation == Relation::Eq)?;
                self.names.push((field, name.clone()));
            }
            Value::Integer { value, .. } if field.symbol.is_predicate() => {
                self.say(field.symbol.says((value & 1 == 1) ^ (*relation == Relation::Ne))?);
                return Some(());
            }
            Value::Integer { value, mask } => match relation {
                Relation::Eq if *mask == 0 => {}
                Relation::Eq => self.test(test(field, *value, *mask)?),
                Relation::Ne if mask.count_ones() == 1 => self.test(test(field, value ^ mask, *mask)?),
                Relation::Ne | Relation::Lt | Relation::Le | Relation::Gt | Relation::Ge => return None,
            },
        }
        self.say(field.symbol.implied()?);
        Some(())
    }

    fn test(&mut self, test: Test) {
        self.is_never |= !test.apply(&mut self.base);
    }

    fn say(&mut self, says: &'static Says) {
        says.tests.iter().for_each(|test| self.test(*test));
        for choice in &says.choices {
            // Symbols that imply the same say it again and again.
            let same = |other: &Choice| matches!(other, Choice::Tests(Cow::Borrowed(known)) if *known == &choice[..]);
            if !self.choices.iter().any(same) {
                self.choices.push(Choice::Tests(Cow::Borrowed(choice)));
            }
        }
    }

    /// A disjunction of comparisons with one symbol, which is given back.
    fn choose(&mut self, terms: &[Expr]) -> Option<&'static Symbol> {
        if terms.len() > SIZE_MAX {
            return None;
        }
        let Some(Expr::Comparison(first)) = terms.first() else { return None };
        let symbol = first.field.symbol;
        if symbol.is_string() {
            let (field, ..) = first.field.openflow()?;
            let mut names = terms.iter().map(name_of).collect::<Option<Vec<_>>>()?;
            names.sort_unstable();
            names.dedup();
            self.choices.push(Choice::Names(field, names));
        } else {
            self.choices.push(Choice::Tests(Cow::Owned(alternatives(terms)?)));
        }
        Some(symbol)
    }

    /// `None` if more than one choice is left.
    fn finish(mut self) -> Option<Plain> {
        while !self.is_never && self.decide() {}
        let choice = self.choices.pop();
        if !self.choices.is_empty() && !self.is_never {
            return None;
        }
        let Self { base, names, residents, is_never, .. } = self;
        Some(Plain { base, names, residents, choice, is_never })
    }

    /// Takes away a choice that is none, since no more than one of its tests goes with the rest.
    fn decide(&mut self) -> bool {
        let admitted = |tests: &[Test], base: &Match| {
            let mut fit = tests.iter().filter(|test| base.admits(test.field, test.value, test.mask)).copied();
            let first = fit.next();
            (fit.next().is_none()).then_some(first)
        };
        for (i, choice) in self.choices.iter().enumerate() {
            let Choice::Tests(tests) = choice else { continue };
            let Some(only) = admitted(tests, &self.base) else { continue };
            self.choices.swap_remove(i);
            match only {
                Some(test) => self.test(test),
                None => self.is_never = true,
            }
            return true;
        }
        false
    }
}

fn name_of(term: &Expr) -> Option<Arc<str>> {
    match term {
        Expr::Comparison(Comparison { relation: Relation::Eq, value: Value::String(name), .. }) => {
            Some(name.clone())
        }
        Expr::Comparison(_)
        | Expr::Boolean(_)
        | Expr::And(_)
        | Expr::Or(_)
        | Expr::ChassisResident { .. } => None,
    }
}

/// Comparisons of the same bits of one field with different values.
fn alternatives(terms: &[Expr]) -> Option<Vec<Test>> {
    let mut tests = Vec::with_capacity(terms.len());
    let mut compared: Option<(FieldRef, u128)> = None;
    for term in terms {
        let Expr::Comparison(Comparison {
            field,
            relation: Relation::Eq,
            value: Value::Integer { value, mask },
        }) = term
        else {
            return None;
        };
        let same = *compared.get_or_insert((*field, *mask)) == (*field, *mask);
        if !same || *mask == 0 || field.symbol.is_predicate() {
            return None;
        }
        tests.push(test(field, *value, *mask)?);
    }
    tests.sort_unstable_by_key(|test| test.value);
    tests.dedup_by_key(|test| test.value);
    Some(tests)
}

fn test(field: &FieldRef, value: u128, mask: u128) -> Option<Test> {
    let (field, low, _) = field.openflow()?;
    Some(Test { field, value: value << low, mask: mask << low })
}

impl Says {
    /// What an expression says that has been annotated; `None` if it is not plain.
    pub(crate) fn of(annotated: Expr) -> Option<Self> {
        let mut says = Self::default();
        says.add(&simplify(annotated).ok()?)?;
        Some(says)
    }

    fn add(&mut self, expr: &Expr) -> Option<()> {
        match expr {
            Expr::Boolean(true) => {}
            Expr::Comparison(Comparison {
                field,
                relation: Relation::Eq,
                value: Value::Integer { value, mask },
            }) => {
                self.tests.push(test(field, *value, *mask)?);
            }
            Expr::And(terms) => return terms.iter().try_for_each(|term| self.add(term)),
            Expr::Or(terms) => self.choices.push(alternatives(terms)?),
            Expr::Boolean(false) | Expr::Comparison(_) | Expr::ChassisResident { .. } => return None,
        }
        Some(())
    }

    /// What a symbol implies by itself.
    pub(crate) fn implied_by(symbol: &'static Symbol) -> Option<Self> {
        let mut all = Vec::new();
        annotate::imply(symbol, &mut all);
        Self::of(Expr::and(all))
    }
}
