//! One value: a number, a boolean, a string, a UUID or the name of a row to be.

use super::json_string;
use crate::symbols::Symbols;
use ovsdb::{Atom, AtomType, BaseType, Real};

/// Reads the whole of `text` as a value of type `base`. A UUID may be written `@name`, which `symbols` resolves.
///
/// # Errors
/// What is wrong, in upstream's words.
pub(crate) fn parse_atom(text: &str, base: &BaseType, symbols: &mut Symbols) -> Result<Atom, String> {
    match parse_range(text, base, symbols)? {
        (atom, None) => Ok(atom),
        (_, Some(_)) => Err(format!("\"{text}\" is not a valid integer or range")),
    }
}

/// Reads a value, or for integers a range `FIRST-LAST`; then the second is the last value of it.
pub(super) fn parse_range(
    text: &str,
    base: &BaseType,
    symbols: &mut Symbols,
) -> Result<(Atom, Option<Atom>), String> {
    if text.is_empty() {
        return Err(
            "An empty string is not valid as input; use \"\" to represent the empty string".to_owned()
        );
    }
    let (atom, last) = match base.atom {
        AtomType::Integer => {
            let (first, last) = integers(text)?;
            (Atom::Integer(first), last.map(Atom::Integer))
        }
        AtomType::Real => (real(text)?, None),
        AtomType::Boolean => (boolean(text)?, None),
        AtomType::String => (Atom::from(string(text)?), None),
        AtomType::Uuid => (uuid(text, symbols)?, None),
    };
    for atom in std::iter::once(&atom).chain(&last) {
        base.check(atom).map_err(|error| {
            let details = error.details.unwrap_or_default();
            format!("{}: {details}", error.error)
        })?;
    }
    Ok((atom, last))
}

fn integers(text: &str) -> Result<(i64, Option<i64>), String> {
    let invalid = || format!("\"{text}\" is not a valid integer or range");
    let number = |text: &str| text.trim_start().parse::<i64>().ok();
    if let Some(number) = number(text) {
        return Ok((number, None));
    }
    // A minus sign at the beginning belongs to the first number.
    let sign = text.len() - text.trim_start().trim_start_matches(['-', '+']).len();
    let dash = text[sign..].find('-').ok_or_else(invalid)? + sign;
    let (first, last) = (number(&text[..dash]), number(&text[dash + 1..]));
    let (first, last) = first.zip(last).ok_or_else(invalid)?;
    if last < first {
        return Err(format!("\"{text}\" is not a valid range. Range end cannot be before start."));
    }
    Ok((first, Some(last).filter(|&last| last != first)))
}

fn real(text: &str) -> Result<Atom, String> {
    match text.trim_start().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Atom::Real(Real::new(number))),
        _ => Err(format!("\"{text}\" is not a valid real number")),
    }
}

fn boolean(text: &str) -> Result<Atom, String> {
    match text {
        "true" | "yes" | "on" | "1" => Ok(Atom::Boolean(true)),
        "false" | "no" | "off" | "0" => Ok(Atom::Boolean(false)),
        _ => Err(format!("\"{text}\" is not a valid boolean (use \"true\" or \"false\")")),
    }
}

fn string(text: &str) -> Result<String, String> {
    let Some(inside) = text.strip_prefix('"') else { return Ok(text.to_owned()) };
    let Some(inside) = inside.strip_suffix('"') else {
        return Err(format!("{text}: missing quote at end of quoted string"));
    };
    json_string::unescape(inside).map_err(|error| format!("{text}: {error}"))
}

fn uuid(text: &str, symbols: &mut Symbols) -> Result<Atom, String> {
    if text.starts_with('@') {
        return Ok(Atom::Uuid(symbols.refer(text)));
    }
    text.parse().map(Atom::Uuid).map_err(|_| format!("\"{text}\" is not a valid UUID"))
}
