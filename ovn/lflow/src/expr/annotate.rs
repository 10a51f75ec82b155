//! Everything in terms of fields, with all that a field implies said aloud.

use super::{Comparison, Expr, Relation, Value};
use crate::symbols::{Body, FieldRef, Level, Symbol};

/// Replaces predicates by what they stand for and subfields by bits of fields, and adds the
/// prerequisites of every symbol.
///
/// Prerequisites hold on both sides of a negation: `tcp.src != 80` is true of TCP packets only, and so is
/// `!(tcp.src == 80)`. Of a disjunction about one symbol they are said once, so that large sets
/// stay what they are.
pub fn annotate(expr: Expr) -> Expr {
    match expr {
        Expr::Boolean(_) | Expr::ChassisResident { .. } => expr,
        Expr::Comparison(_) | Expr::And(_) | Expr::Or(_) => {
            let mut terms = Vec::new();
            add(expr, &mut terms);
            Expr::and(terms)
        }
    }
}

/// Adds an expression, annotated, to terms of which all must be true.
fn add(expr: Expr, all: &mut Vec<Expr>) {
    match expr {
        Expr::Boolean(_) | Expr::ChassisResident { .. } => all.push(expr),
        Expr::Comparison(comparison) => {
            let symbol = comparison.field.symbol;
            all.push(expand(comparison));
            imply(symbol, all);
        }
        Expr::And(terms) => terms.into_iter().for_each(|term| add(term, all)),
        Expr::Or(terms) => match common_symbol(&terms) {
            Some(symbol) => {
                let expanded = terms.into_iter().map(|term| match term {
                    Expr::Comparison(comparison) => expand(comparison),
                    other => annotate(other),
                });
                all.push(Expr::or(expanded));
                imply(symbol, all);
            }
            None => all.push(Expr::or(terms.into_iter().map(annotate))),
        },
    }
}

/// Adds what a symbol and the fields that it is part of imply.
pub(super) fn imply(symbol: &'static Symbol, all: &mut Vec<Expr>) {
    let mut next = Some(symbol);
    while let Some(symbol) = next {
        all.extend(symbol.prerequisites().cloned());
        next = match symbol.body {
            Body::Subfield { parent, .. } => crate::symbols::table().get(parent),
            Body::Integer { .. } | Body::String(_) | Body::Predicate(_) | Body::Ovn(_) => None,
        };
    }
}

/// The symbol that all terms compare.
fn common_symbol(terms: &[Expr]) -> Option<&'static Symbol> {
    let mut symbols = terms.iter().map(|term| match term {
        Expr::Comparison(comparison) => Some(comparison.field.symbol),
        Expr::Boolean(_) | Expr::And(_) | Expr::Or(_) | Expr::ChassisResident { .. } => None,
    });
    let first = symbols.next()??;
    symbols.all(|symbol| symbol == Some(first)).then_some(first)
}

/// The comparison in terms of fields, with the prerequisites of the predicates in it.
fn expand(comparison: Comparison) -> Expr {
    if let Value::Integer { value, .. } = comparison.value
        && let Some(says) =
            comparison.field.symbol.annotated((value & 1 == 1) ^ (comparison.relation == Relation::Ne))
    {
        return says.clone();
    }
    match comparison.field.resolve() {
        Some(field) => Expr::Comparison(Comparison { field, ..comparison }),
        None => Expr::Comparison(comparison),
    }
}

/// Whether an expression, as it is written, compares anything nominal.
pub(crate) fn refers_to_nominal(expr: &Expr) -> bool {
    match expr {
        Expr::Boolean(_) | Expr::ChassisResident { .. } => false,
        Expr::Comparison(Comparison { field: FieldRef { symbol, .. }, .. }) => {
            symbol.level() == Level::Nominal
        }
        Expr::And(terms) | Expr::Or(terms) => terms.iter().any(refers_to_nominal),
    }
}
