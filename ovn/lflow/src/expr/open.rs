//! Expressions of which address sets are left open: what one member adds is found without looking at the others.
//!
//! A large set changes by a few members at a time. [`OpenSets`] stands in for the sets while an expression is parsed
//! and puts a placeholder where a set is; the placeholder goes through the usual steps as a constant among others, and
//! [`OpenMatches`] finds it again in the normal form. There the set is one clause's choice, so that a member is one
//! more alternative of that clause: a flow of its own where there is no other choice, an alternative of one dimension
//! of a conjunctive match where there is.
//!
//! That is only so where nothing else is said of the symbol that is compared with the set, and the comparison is not
//! negated; [`OpenSets::can_stay_open`] tells.

use super::matches::{CLAUSES_MAX, Matches, Test, add_disjunct, tests};
use super::normalize::{Alternatives, Clause, Disjunct, has};
use super::plain::ROOM;
use super::{Comparison, Conjunction, Expr, LogicalMatch, Ports, Relation, Sets, Value};
use crate::error::ErrorKind;
use crate::lexer::{Format, Integer};
use crate::symbols::{Body, FieldRef, Symbol, ones};
use openflow::{Field, Match};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The value of the first placeholder; the others follow it. Whoever really writes it loses speed, nothing else.
const PLACEHOLDER: u128 = 0x9e5a_c0de_71bd_44a3_5f0d_e2b1_d3a7_1c00;

/// Narrower fields have too few values to tell a placeholder from what is meant. Addresses are wider.
const BITS_MIN: u16 = 32;

/// How many sets of one expression can be left open; further ones are not.
const OPEN_MAX: usize = 64;

/// Sets of which some are left open.
pub struct OpenSets<'a> {
    sets: &'a dyn Sets,
    is_open: &'a dyn Fn(&str) -> bool,
    /// The set behind each placeholder. A set that is named twice has two.
    open: RefCell<Vec<Arc<str>>>,
}

impl Sets for OpenSets<'_> {
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>> {
        let mut open = self.open.borrow_mut();
        if open.len() >= OPEN_MAX || !(self.is_open)(name) {
            return self.sets.address_set(name);
        }
        let value = placeholder(open.len());
        open.push(name.into());
        // It fits every field: how wide the members are is seen when they come.
        Some(Arc::new(vec![Integer { value, mask: None, format: Format::Hexadecimal, bits: 1 }]))
    }

    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>> {
        self.sets.port_group(name)
    }
}

fn placeholder(i: usize) -> u128 {
    PLACEHOLDER + i as u128
}

impl<'a> OpenSets<'a> {
    /// The sets for which `is_open` says so are left open, the others are those of `sets`.
    pub fn new(sets: &'a dyn Sets, is_open: &'a dyn Fn(&str) -> bool) -> Self {
        Self { sets, is_open, open: RefCell::default() }
    }

    /// The sets that were left open so far, in the order in which they were asked for.
    pub fn open(&self) -> Vec<Arc<str>> {
        self.open.borrow().clone()
    }

    /// Whether the sets that were left open can stay so in an expression that was parsed with them and annotated.
    pub fn can_stay_open(&self, annotated: &Expr) -> bool {
        let mut comparisons = BTreeMap::new();
        collect(annotated, &mut comparisons);
        let count = self.open.borrow().len();
        let stays = |i: usize| {
            comparisons.iter().any(|(symbol, comparisons)| {
                is_alone(placeholder(i), comparisons) && !is_constrained(annotated, symbol)
            })
        };
        (0..count).all(stays)
    }
}

/// All comparisons by the name of their symbol.
fn collect<'e>(expr: &'e Expr, comparisons: &mut BTreeMap<&'static str, Vec<&'e Comparison>>) {
    match expr {
        Expr::Boolean(_) | Expr::ChassisResident { .. } => {}
        Expr::Comparison(comparison) => {
            comparisons.entry(comparison.field.symbol.name).or_default().push(comparison);
        }
        Expr::And(terms) | Expr::Or(terms) => terms.iter().for_each(|term| collect(term, comparisons)),
    }
}

/// Whether a placeholder is one of the comparisons with a symbol, and none of the others can be mistaken for it or
/// includes it.
fn is_alone(placeholder: u128, comparisons: &[&Comparison]) -> bool {
    let mut found = 0;
    for Comparison { field, relation, value } in comparisons {
        let is_field = matches!(field.symbol.body, Body::Integer { .. }) && field.is_whole();
        let (Value::Integer { value, mask }, Relation::Eq, true) = (value, relation, is_field) else {
            return false;
        };
        if placeholder & ones(field.bits) & mask == *value {
            found += 1;
            if *mask != ones(field.bits) || field.bits < BITS_MIN || field.symbol.must_crossproduct {
                return false;
            }
        }
    }
    found == 1
}

/// Whether a packet has to pass more than one comparison with a symbol, so that these restrict each other.
fn is_constrained(expr: &Expr, symbol: &str) -> bool {
    fn is_about(expr: &Expr, symbol: &str) -> bool {
        match expr {
            Expr::Boolean(_) | Expr::ChassisResident { .. } => false,
            Expr::Comparison(comparison) => comparison.field.symbol.name == symbol,
            Expr::And(terms) | Expr::Or(terms) => terms.iter().any(|term| is_about(term, symbol)),
        }
    }
    match expr {
        Expr::Boolean(_) | Expr::ChassisResident { .. } | Expr::Comparison(_) => false,
        Expr::Or(terms) => terms.iter().any(|term| is_constrained(term, symbol)),
        Expr::And(terms) => {
            terms.iter().filter(|term| is_about(term, symbol)).count() > 1
                || terms.iter().any(|term| is_constrained(term, symbol))
        }
    }
}

/// A normal form with open sets.
#[derive(Clone, Debug)]
pub struct OpenMatches {
    normal: Vec<Disjunct>,
    open: Vec<Arc<str>>,
}

/// What the flows of one disjunct have in common, and its clauses with a choice.
struct OpenDisjunct<'n> {
    base: Match,
    choices: Vec<Choice<'n>>,
    /// The number of the conjunctive match, if it is one.
    id: Option<u32>,
}

struct Choice<'n> {
    symbol: &'static Symbol,
    fixed: Vec<Test>,
    open: Vec<&'n str>,
}

impl OpenDisjunct<'_> {
    /// That a flow is an alternative of a choice.
    fn conjunction(&self, choice: usize) -> Option<Conjunction> {
        let clauses = self.choices.len() as u8;
        self.id.map(|id| Conjunction { id, clause: choice as u8, clauses })
    }
}

impl OpenMatches {
    /// `normal` is the normal form of an expression that was parsed with `sets`, and in which these can stay open.
    pub fn new(normal: Vec<Disjunct>, sets: &OpenSets<'_>) -> Self {
        Self { normal, open: sets.open() }
    }

    /// The sets that are open, in the order of their places in the text.
    pub fn open(&self) -> &[Arc<str>] {
        &self.open
    }

    /// How many conjunction ids there are at most: all are below this.
    pub fn ids(&self) -> u32 {
        self.normal.len() as u32
    }

    /// The flows that do not depend on what is in the open sets. Conjunction ids count from zero.
    ///
    /// # Errors
    /// If they are too many.
    pub fn fixed(&self, ports: &dyn Ports) -> Result<Vec<LogicalMatch>, ErrorKind> {
        let mut matches = Matches::default();
        for (i, disjunct) in self.normal.iter().enumerate() {
            if !disjunct.clauses.iter().any(|clause| self.is_open(clause)) {
                add_disjunct(disjunct, ports, &mut || i as u32, &mut matches)?;
                continue;
            }
            let Some(open) = self.open_disjunct(i, disjunct, ports)? else { continue };
            for (j, choice) in open.choices.iter().enumerate() {
                for test in &choice.fixed {
                    let mut matching = open.base.clone();
                    if test.apply(&mut matching) {
                        matches.add(matching, open.conjunction(j))?;
                    }
                }
            }
            if let Some(id) = open.id {
                matches.add(open.base.with(Field::ConjId, id), None)?;
            }
        }
        Ok(matches.list)
    }

    /// What members of the open sets add, for [`member_matches`].
    ///
    /// # Errors
    /// If there are too many sets in one conjunctive match.
    pub fn parts(&self, ports: &dyn Ports) -> Result<Vec<OpenPart>, ErrorKind> {
        let mut parts = Vec::new();
        for (i, disjunct) in self.normal.iter().enumerate() {
            let Some(open) = self.open_disjunct(i, disjunct, ports)? else { continue };
            for (j, choice) in open.choices.iter().enumerate() {
                for set in &choice.open {
                    let (base, symbol) = (open.base.clone(), choice.symbol);
                    let part =
                        OpenPart { set: (*set).into(), base, symbol, conjunction: open.conjunction(j) };
                    if !parts.contains(&part) {
                        parts.push(part);
                    }
                }
            }
        }
        Ok(parts)
    }

    fn is_open(&self, clause: &Clause) -> bool {
        (0..self.open.len()).any(|i| has_placeholder(clause, i))
    }

    /// `None` if no packet can match, whatever is in the sets.
    fn open_disjunct(
        &self,
        index: usize,
        disjunct: &Disjunct,
        ports: &dyn Ports,
    ) -> Result<Option<OpenDisjunct<'_>>, ErrorKind> {
        let mut base = Match::any();
        let mut choices = Vec::new();
        for clause in &disjunct.clauses {
            let holes: Vec<usize> = (0..self.open.len()).filter(|&i| has_placeholder(clause, i)).collect();
            let mut fixed = clause.clone();
            if let Alternatives::Integers(set) = &mut fixed.alternatives {
                let all = ones(clause.symbol.bits());
                set.retain(|pair| !holes.iter().any(|&i| *pair == (placeholder(i) & all, all)));
            }
            let fixed = tests(&fixed, ports);
            match (&fixed[..], &holes[..]) {
                ([], []) => return Ok(None),
                ([test], []) => {
                    if !test.apply(&mut base) {
                        return Ok(None);
                    }
                }
                _ => {
                    let open = holes.iter().map(|&i| &*self.open[i]).collect();
                    choices.push(Choice { symbol: clause.symbol, fixed, open });
                }
            }
        }
        if choices.len() > CLAUSES_MAX {
            return Err(ErrorKind::TooLarge { limit: CLAUSES_MAX });
        }
        let id = (choices.len() > 1).then_some(index as u32);
        Ok(Some(OpenDisjunct { base, choices, id }))
    }
}

/// What the members of a set add to one conjunction of an expression, with the names of ports looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenPart {
    set: Arc<str>,
    /// What is required besides.
    base: Match,
    /// What a member is a value of.
    symbol: &'static Symbol,
    conjunction: Option<Conjunction>,
}

impl OpenPart {
    /// Whose members these are.
    pub fn set(&self) -> &str {
        &self.set
    }
}

/// The flows that a member of a set adds to those of an expression, of which `parts` are all that depends on sets.
///
/// # Errors
/// If it does not fit the fields that the set is compared with.
pub fn member_matches(
    parts: &[OpenPart],
    set: &str,
    member: &Integer,
) -> Result<Vec<LogicalMatch>, ErrorKind> {
    let mut matches = Matches::default();
    for part in parts.iter().filter(|part| &*part.set == set) {
        let mut matching = part.base.with_room(1 + ROOM);
        if member_test(part.symbol, member)?.is_some_and(|test| test.apply(&mut matching)) {
            matches.add(matching, part.conjunction)?;
        }
    }
    Ok(matches.list)
}

fn has_placeholder(clause: &Clause, i: usize) -> bool {
    let all = ones(clause.symbol.bits());
    match &clause.alternatives {
        Alternatives::Integers(set) => {
            clause.symbol.bits() >= BITS_MIN && has(set, (placeholder(i) & all, all))
        }
        Alternatives::Strings(_) => false,
    }
}

/// The test for one member.
fn member_test(symbol: &'static Symbol, member: &Integer) -> Result<Option<Test>, ErrorKind> {
    let field_bits = symbol.bits();
    if member.bits > field_bits {
        let field = symbol.name.to_owned();
        return Err(ErrorKind::ConstantTooWide { constant_bits: member.bits, field_bits, field });
    }
    let mask = member.mask.unwrap_or(u128::MAX) & ones(field_bits);
    let field = FieldRef::whole(symbol).openflow();
    Ok(field.map(|(field, low, _)| Test { field, value: (member.value & mask) << low, mask: mask << low }))
}
