//! Conditions on rows: `COLUMN[:KEY]OPERATOR VALUE`.

use super::argument::Argument;
use super::rows::Target;
use crate::Failure;
use crate::context::Context;
use crate::text::{parse_atom, parse_datum};
use ovsdb::{Atom, ColumnType, Datum, Uuid};
use std::cmp::Ordering;

/// The operators, in the order in which errors list them.
const OPERATORS: &[&str] =
    &["=", "!=", "<", ">", "<=", ">=", "{=}", "{!=}", "{<}", "{>}", "{<=}", "{>=}", "{in}", "{not-in}"];

/// Whether a row satisfies a condition.
pub(super) fn satisfies(
    context: &mut Context<'_>,
    target: &Target<'_>,
    row: Uuid,
    condition: &str,
) -> Result<bool, Failure> {
    let argument = Argument::parse(target, condition)?;
    let (operator, value) = argument.operation(condition, OPERATORS)?;
    let have = context.view.value(target.name, row, argument.name).into_owned();
    let Some(key) = &argument.key else {
        let wanted = parse_datum(value, &argument.column.ty, context.symbols)?;
        return Ok(compare(&have, operator, &wanted));
    };
    let value_type = argument.map_value("check")?.clone();
    let key = parse_atom(key, &argument.column.ty.key, context.symbols)?;
    let set = ColumnType { key: value_type, value: None, min: 0, max: None };
    let wanted = parse_datum(value, &set, context.symbols)?;
    match have.get(&key) {
        Some(value) => Ok(compare(&Datum::scalar(value.clone()), operator, &wanted)),
        // A key that is not there is an empty set to the set operators, and nothing to the others.
        None => Ok(operator.starts_with('{') && compare(&Datum::empty_set(), operator, &wanted)),
    }
}

fn compare(have: &Datum, operator: &str, wanted: &Datum) -> bool {
    let within = |a: &Datum, b: &Datum| elements(a).iter().all(|element| elements(b).contains(element));
    match operator {
        "=" | "{=}" => have == wanted,
        "!=" | "{!=}" => have != wanted,
        "<" => order(have, wanted).is_lt(),
        ">" => order(have, wanted).is_gt(),
        "<=" => order(have, wanted).is_le(),
        ">=" => order(have, wanted).is_ge(),
        "{<}" => within(have, wanted) && have.len() < wanted.len(),
        "{>}" => within(wanted, have) && have.len() > wanted.len(),
        "{<=}" | "{in}" => within(have, wanted),
        "{>=}" => within(wanted, have),
        "{not-in}" => !elements(have).iter().any(|element| elements(wanted).contains(element)),
        _ => false,
    }
}

/// Fewer elements come first, then the smaller.
fn order(a: &Datum, b: &Datum) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn elements(value: &Datum) -> Vec<(&Atom, Option<&Atom>)> {
    match value {
        Datum::Set(atoms) => atoms.iter().map(|atom| (atom, None)).collect(),
        Datum::Map(pairs) => pairs.iter().map(|(key, value)| (key, Some(value))).collect(),
    }
}
