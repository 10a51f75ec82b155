//! A disjunction of conjunctions, of which each term is about one symbol.
//!
//! Such a form is close to OpenFlow: a conjunction in which each term has one alternative is one match, and
//! one in which several terms have several alternatives is one conjunctive match.

use super::{Comparison, Expr, SIZE_MAX, Value};
use crate::error::ErrorKind;
use crate::symbols::Symbol;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The values that a symbol may have, in order, each once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alternatives {
    /// Values and masks, in the bits of the whole field.
    Integers(Vec<(u128, u128)>),
    Strings(Vec<Arc<str>>),
}

impl Alternatives {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(set) => set.len(),
            Self::Strings(set) => set.len(),
        }
    }

    /// Whether there are none, so that nothing can match.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each one alone.
    pub fn singles(&self) -> Vec<Self> {
        match self {
            Self::Integers(set) => set.iter().map(|&pair| Self::Integers(vec![pair])).collect(),
            Self::Strings(set) => set.iter().map(|name| Self::Strings(vec![name.clone()])).collect(),
        }
    }

    /// Adds one at the end, for [`Self::settle`] to put in order.
    fn push(&mut self, value: &Value) {
        match (self, value) {
            (Self::Integers(set), Value::Integer { value, mask }) => set.push((*value, *mask)),
            (Self::Strings(set), Value::String(name)) => set.push(name.clone()),
            (Self::Integers(_), Value::String(_)) | (Self::Strings(_), Value::Integer { .. }) => {
                unreachable!("the type checks of the parser keep strings and integers of a symbol apart")
            }
        }
    }

    /// Adds others at the end, for [`Self::settle`] to put in order.
    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Integers(mine), Self::Integers(theirs)) => mine.extend(theirs),
            (Self::Strings(mine), Self::Strings(theirs)) => mine.extend(theirs),
            (Self::Integers(_), Self::Strings(_)) | (Self::Strings(_), Self::Integers(_)) => {
                unreachable!("the type checks of the parser keep strings and integers of a symbol apart")
            }
        }
    }

    /// Puts alternatives in order, each once, and drops what another one includes.
    fn settle(&mut self) {
        let set = match self {
            Self::Integers(set) => set,
            Self::Strings(set) => {
                set.sort();
                return set.dedup();
            }
        };
        if set.len() < 2 {
            return;
        }
        set.sort_unstable();
        set.dedup();
        if set.iter().all(|(_, mask)| *mask == set[0].1) {
            return;
        }
        let masks: BTreeSet<u128> = set.iter().map(|(_, mask)| *mask).collect();
        if masks.len() < 2 {
            return;
        }
        let included = |&(value, mask): &(u128, u128)| {
            masks.iter().any(|&wider| wider != mask && wider & !mask == 0 && has(set, (value & wider, wider)))
        };
        let kept = set.iter().filter(|pair| !included(pair)).copied().collect();
        *set = kept;
    }

    /// What is in both. The cost goes with the pairs of distinct masks and the size of the result,
    /// not with the product of the sizes.
    fn intersection(&self, other: &Self, budget: &mut Budget) -> Result<Self, ErrorKind> {
        let (mine, theirs) = match (self, other) {
            (Self::Strings(mine), Self::Strings(theirs)) => {
                let both = mine.iter().filter(|name| theirs.binary_search(name).is_ok());
                return Ok(Self::Strings(both.cloned().collect()));
            }
            (Self::Integers(mine), Self::Integers(theirs)) if mine.len() * theirs.len() <= FEW => {
                return pairwise(mine, theirs, budget);
            }
            (Self::Integers(mine), Self::Integers(theirs)) => (by_mask(mine), by_mask(theirs)),
            (Self::Integers(_), Self::Strings(_)) | (Self::Strings(_), Self::Integers(_)) => {
                unreachable!("the type checks of the parser keep strings and integers of a symbol apart")
            }
        };
        let mut both = Vec::new();
        for (my_mask, my_values) in &mine {
            for (their_mask, their_values) in &theirs {
                let common = my_mask & their_mask;
                let mut index: BTreeMap<u128, Vec<u128>> = BTreeMap::new();
                for value in their_values {
                    index.entry(value & common).or_default().push(*value);
                }
                for value in my_values {
                    for their_value in index.get(&(value & common)).into_iter().flatten() {
                        budget.spend(1)?;
                        both.push((value | their_value, my_mask | their_mask));
                    }
                }
            }
        }
        let mut both = Self::Integers(both);
        both.settle();
        Ok(both)
    }
}

/// So many pairs of alternatives are looked at one by one.
const FEW: usize = 16;

fn pairwise(
    mine: &[(u128, u128)],
    theirs: &[(u128, u128)],
    budget: &mut Budget,
) -> Result<Alternatives, ErrorKind> {
    let mut both = Vec::new();
    for (my_value, my_mask) in mine {
        for (their_value, their_mask) in theirs {
            if (my_value ^ their_value) & my_mask & their_mask == 0 {
                both.push((my_value | their_value, my_mask | their_mask));
            }
        }
    }
    budget.spend(both.len())?;
    let mut both = Alternatives::Integers(both);
    both.settle();
    Ok(both)
}

/// Whether a value with a mask is one of those in order.
pub(super) fn has(set: &[(u128, u128)], pair: (u128, u128)) -> bool {
    set.binary_search(&pair).is_ok()
}

fn by_mask(set: &[(u128, u128)]) -> BTreeMap<u128, Vec<u128>> {
    let mut by_mask: BTreeMap<u128, Vec<u128>> = BTreeMap::new();
    for &(value, mask) in set {
        by_mask.entry(mask).or_default().push(value);
    }
    by_mask
}

/// A symbol and what it may be. Ordered by the symbol's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    pub symbol: &'static Symbol,
    pub alternatives: Alternatives,
}

/// A conjunction of clauses, each about another symbol, sorted by the symbol's name. Without clauses
/// it is true of every packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disjunct {
    pub clauses: Vec<Clause>,
}

/// How many alternatives may still be made.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, amount: usize) -> Result<(), ErrorKind> {
        self.0 = self.0.checked_sub(amount).ok_or(ErrorKind::TooLarge { limit: SIZE_MAX })?;
        Ok(())
    }
}

/// Brings a simplified expression without conditions into normal form. An empty list is false.
///
/// Clauses about a symbol that must be multiplied out have one alternative each.
///
/// # Errors
/// If that takes more than [`SIZE_MAX`] comparisons.
pub fn normalize(expr: &Expr) -> Result<Vec<Disjunct>, ErrorKind> {
    let mut budget = Budget(SIZE_MAX);
    let mut out: Vec<Disjunct> = Vec::new();
    for disjunct in disjuncts(expr, &mut budget)? {
        multiply_out(disjunct, &mut out, &mut budget)?;
    }
    if out.iter().any(|disjunct| disjunct.clauses.is_empty()) {
        return Ok(vec![Disjunct::default()]);
    }
    if out.len() > 1 {
        let mut seen = BTreeSet::new();
        out.retain(|disjunct| seen.insert(disjunct.sort_key()));
    }
    Ok(out)
}

impl Disjunct {
    fn sort_key(&self) -> Vec<(&'static str, Alternatives)> {
        self.clauses.iter().map(|clause| (clause.symbol.name, clause.alternatives.clone())).collect()
    }

    /// How many alternatives all clauses have together.
    fn size(&self) -> usize {
        1 + self.clauses.iter().map(|clause| clause.alternatives.len()).sum::<usize>()
    }

    /// Adds a clause. Whether anything is left.
    fn restrict(&mut self, clause: Clause, budget: &mut Budget) -> Result<bool, ErrorKind> {
        match self.clauses.binary_search_by_key(&clause.symbol.name, |clause| clause.symbol.name) {
            Err(i) => self.clauses.insert(i, clause),
            Ok(i) => {
                budget.spend(self.clauses[i].alternatives.len())?;
                let both = self.clauses[i].alternatives.intersection(&clause.alternatives, budget)?;
                if both.is_empty() {
                    return Ok(false);
                }
                self.clauses[i].alternatives = both;
            }
        }
        Ok(true)
    }

    /// What is in both, `None` if that is nothing.
    fn intersection(&self, other: &Self, budget: &mut Budget) -> Result<Option<Self>, ErrorKind> {
        budget.spend(self.size() + other.size())?;
        let mut both = self.clone();
        for clause in &other.clauses {
            if !both.restrict(clause.clone(), budget)? {
                return Ok(None);
            }
        }
        Ok(Some(both))
    }
}

fn disjuncts(expr: &Expr, budget: &mut Budget) -> Result<Vec<Disjunct>, ErrorKind> {
    match expr {
        Expr::Boolean(true) => Ok(vec![Disjunct::default()]),
        Expr::Boolean(false) => Ok(Vec::new()),
        Expr::ChassisResident { .. } => {
            debug_assert!(false, "conditions are resolved before an expression is normalized");
            Ok(Vec::new())
        }
        Expr::Comparison(comparison) => {
            budget.spend(1)?;
            Ok(vec![Disjunct { clauses: vec![comparison_clause(comparison)] }])
        }
        Expr::Or(terms) => {
            if let Some(clause) = one_clause(expr, budget)? {
                return Ok(vec![Disjunct { clauses: vec![clause] }]);
            }
            let mut all = Vec::new();
            for term in terms {
                all.extend(disjuncts(term, budget)?);
            }
            Ok(join_single_clauses(all))
        }
        Expr::And(terms) => conjunction(terms, budget),
    }
}

/// A conjunction multiplied out. What does not multiply comes first, so that it removes as much as it can.
fn conjunction(terms: &[Expr], budget: &mut Budget) -> Result<Vec<Disjunct>, ErrorKind> {
    let mut common = Disjunct { clauses: Vec::with_capacity(terms.len()) };
    let mut factors = Vec::new();
    for (i, term) in terms.iter().enumerate() {
        // Terms that imply the same say it again and again.
        if terms[i.saturating_sub(FEW)..i].contains(term) {
            continue;
        }
        match one_clause(term, budget)? {
            Some(clause) => {
                if !common.restrict(clause, budget)? {
                    return Ok(Vec::new());
                }
            }
            None => factors.push(disjuncts(term, budget)?),
        }
    }
    factors.sort_by_key(Vec::len);
    let mut product = vec![common];
    for factor in &factors {
        let mut next = Vec::new();
        for left in &product {
            for right in factor {
                next.extend(left.intersection(right, budget)?);
            }
        }
        product = join_single_clauses(next);
    }
    Ok(product)
}

/// An expression that is about one symbol, as a clause.
fn one_clause(expr: &Expr, budget: &mut Budget) -> Result<Option<Clause>, ErrorKind> {
    let clause = match expr {
        Expr::Comparison(comparison) => comparison_clause(comparison),
        Expr::Or(terms) => {
            let mut comparisons = terms.iter().map(|term| match term {
                Expr::Comparison(comparison) => Some(comparison),
                Expr::Boolean(_) | Expr::And(_) | Expr::Or(_) | Expr::ChassisResident { .. } => None,
            });
            let Some(first) = comparisons.next().flatten() else { return Ok(None) };
            let symbol = first.field.symbol;
            let mut clause = comparison_clause(first);
            for comparison in comparisons {
                match comparison {
                    Some(comparison) if comparison.field.symbol == symbol => {
                        clause.alternatives.push(&comparison.value);
                    }
                    Some(_) | None => return Ok(None),
                }
            }
            clause.alternatives.settle();
            clause
        }
        Expr::Boolean(_) | Expr::And(_) | Expr::ChassisResident { .. } => return Ok(None),
    };
    budget.spend(clause.alternatives.len())?;
    Ok(Some(clause))
}

fn comparison_clause(comparison: &Comparison) -> Clause {
    let alternatives = match &comparison.value {
        Value::Integer { value, mask } => Alternatives::Integers(vec![(*value, *mask)]),
        Value::String(name) => Alternatives::Strings(vec![name.clone()]),
    };
    Clause { symbol: comparison.field.symbol, alternatives }
}

/// Makes one clause of all disjuncts that are one clause about the same symbol.
fn join_single_clauses(all: Vec<Disjunct>) -> Vec<Disjunct> {
    if all.len() < 2 {
        return all;
    }
    let mut joined: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut out: Vec<Disjunct> = Vec::new();
    for mut disjunct in all {
        if disjunct.clauses.len() != 1 {
            out.push(disjunct);
            continue;
        }
        match joined.get(disjunct.clauses[0].symbol.name) {
            Some(&i) => {
                if let Some(clause) = disjunct.clauses.pop() {
                    out[i].clauses[0].alternatives.merge(clause.alternatives);
                }
            }
            None => {
                joined.insert(disjunct.clauses[0].symbol.name, out.len());
                out.push(disjunct);
            }
        }
    }
    for &i in joined.values() {
        out[i].clauses[0].alternatives.settle();
    }
    out
}

/// Splits the clauses that must have one alternative.
fn multiply_out(disjunct: Disjunct, out: &mut Vec<Disjunct>, budget: &mut Budget) -> Result<(), ErrorKind> {
    let splits = |clause: &Clause| clause.symbol.must_crossproduct && clause.alternatives.len() > 1;
    if !disjunct.clauses.iter().any(splits) {
        out.push(disjunct);
        return Ok(());
    }
    let mut product = vec![disjunct];
    let count = product[0].clauses.len();
    for i in 0..count {
        if !product[0].clauses[i].symbol.must_crossproduct || product[0].clauses[i].alternatives.len() < 2 {
            continue;
        }
        let mut next = Vec::new();
        for disjunct in product {
            for single in disjunct.clauses[i].alternatives.singles() {
                budget.spend(disjunct.size())?;
                let mut disjunct = disjunct.clone();
                disjunct.clauses[i].alternatives = single;
                next.push(disjunct);
            }
        }
        product = next;
    }
    out.extend(product);
    Ok(())
}
