//! Only equality, of whole fields under a mask; no constants inside.

use super::{Comparison, Expr, Ports, Relation, Value};
use crate::error::ErrorKind;
use crate::expr::SIZE_MAX;
use crate::symbols::{FieldRef, ones};

/// Replaces `is_chassis_resident()` by what it is on this chassis, and folds constants.
pub fn resolve_conditions(expr: Expr, ports: &dyn Ports) -> Expr {
    if !depends_on_chassis(&expr) {
        return expr;
    }
    match expr {
        Expr::ChassisResident { port, negated } => Expr::Boolean(ports.is_chassis_resident(&port) != negated),
        Expr::And(terms) => fold_and(terms.into_iter().map(|term| resolve_conditions(term, ports))),
        Expr::Or(terms) => fold_or(terms.into_iter().map(|term| resolve_conditions(term, ports))),
        Expr::Boolean(_) | Expr::Comparison(_) => expr,
    }
}

/// Whether an expression asks where a port is.
pub fn depends_on_chassis(expr: &Expr) -> bool {
    match expr {
        Expr::Boolean(_) | Expr::Comparison(_) => false,
        Expr::And(terms) | Expr::Or(terms) => terms.iter().any(depends_on_chassis),
        Expr::ChassisResident { .. } => true,
    }
}

/// Turns an annotated expression into one of masked equalities, and folds constants.
///
/// Afterwards every integer comparison is `==` with a nonzero mask on a whole field.
///
/// # Errors
/// If that takes more than [`SIZE_MAX`] comparisons.
pub fn simplify(expr: Expr) -> Result<Expr, ErrorKind> {
    let mut budget = SIZE_MAX;
    simplify_within(expr, &mut budget)
}

fn simplify_within(expr: Expr, budget: &mut usize) -> Result<Expr, ErrorKind> {
    Ok(match expr {
        Expr::Boolean(_) | Expr::ChassisResident { .. } => expr,
        Expr::Comparison(comparison) => {
            let simple = simplify_comparison(comparison);
            let size = if let Expr::Or(terms) = &simple { terms.len() } else { 1 };
            *budget = budget.checked_sub(size).ok_or(ErrorKind::TooLarge { limit: SIZE_MAX })?;
            simple
        }
        Expr::And(terms) => {
            let terms: Vec<Expr> =
                terms.into_iter().map(|term| simplify_within(term, budget)).collect::<Result<_, _>>()?;
            fold_and(terms)
        }
        Expr::Or(terms) => {
            let terms: Vec<Expr> =
                terms.into_iter().map(|term| simplify_within(term, budget)).collect::<Result<_, _>>()?;
            fold_or(terms)
        }
    })
}

fn fold_and(terms: impl IntoIterator<Item = Expr>) -> Expr {
    let mut is_false = false;
    let rest = terms.into_iter().filter(|term| {
        is_false |= matches!(term, Expr::Boolean(false));
        !matches!(term, Expr::Boolean(true))
    });
    let joined = Expr::and(rest);
    if is_false { Expr::Boolean(false) } else { joined }
}

fn fold_or(terms: impl IntoIterator<Item = Expr>) -> Expr {
    let mut is_true = false;
    let rest = terms.into_iter().filter(|term| {
        is_true |= matches!(term, Expr::Boolean(true));
        !matches!(term, Expr::Boolean(false))
    });
    let joined = Expr::or(rest);
    if is_true { Expr::Boolean(true) } else { joined }
}

fn simplify_comparison(comparison: Comparison) -> Expr {
    let Comparison { field, relation, value: Value::Integer { value, mask } } = comparison else {
        return Expr::Comparison(comparison);
    };
    let whole = FieldRef::whole(field.symbol);
    let equal = |value: u128, mask: u128| Expr::equality(whole, value << field.low, mask << field.low);
    let bits = |of: u128| (0..field.bits).map(move |bit| 1 << bit).filter(move |bit: &u128| of & bit != 0);
    // With a bit turned and the higher ones as they are, a number is on the other side of `value`.
    // These are the fewest masks that cover such a range.
    let beyond = |value: u128, turnable: u128| {
        Expr::or(bits(turnable).map(|bit| equal(value ^ bit, ones(field.bits) & !(bit - 1))))
    };
    let below = |value| beyond(value, value);
    let above = |value| beyond(value, !value & ones(field.bits));
    match relation {
        Relation::Eq if mask == 0 => Expr::Boolean(true),
        Relation::Eq => equal(value, mask),
        Relation::Ne => Expr::or(bits(mask).map(|bit| equal(value ^ bit, bit))),
        Relation::Lt => below(value),
        Relation::Gt => above(value),
        Relation::Le if value == ones(field.bits) => Expr::Boolean(true),
        Relation::Ge if value == 0 => Expr::Boolean(true),
        Relation::Le => below(value + 1),
        Relation::Ge => above(value - 1),
    }
}
