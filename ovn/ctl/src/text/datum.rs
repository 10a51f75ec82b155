//! Sets and maps: `a, b`, `[a, b]`, `k=v`, `{k=v, l=w}`.

use super::atom::parse_range;
use super::{is_delimiter, parse_atom, token};
use crate::symbols::Symbols;
use ovsdb::{Atom, AtomType, BaseType, ColumnType, Datum};

/// Most elements that ranges in one value may make.
const ELEMENTS_MAX: usize = 65_536;

/// Reads the whole of `text` as a value of type `ty`: elements parted by commas or blanks, in brackets or not.
///
/// # Errors
/// What is wrong, in upstream's words.
pub(crate) fn parse_datum(text: &str, ty: &ColumnType, symbols: &mut Symbols) -> Result<Datum, String> {
    let (open, close) = if ty.is_map() { ('{', '}') } else { ('[', ']') };
    let mut rest = text.trim_start_matches(' ');
    let inside = rest.strip_prefix(open);
    rest = inside.unwrap_or(rest).trim_start_matches(' ');
    let mut pairs = Vec::new();
    while let Some(letter) = rest.chars().next()
        && !(inside.is_some() && letter == close)
    {
        if is_delimiter(letter) {
            return Err(format!("{text}: unexpected \"{letter}\" parsing {}", type_in_words(ty)));
        }
        rest = element(text, rest, ty, symbols, &mut pairs)?.trim_start_matches(' ');
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start_matches(' ');
    }
    if inside.is_some() {
        let Some(after) = rest.strip_prefix(close) else {
            return Err(format!("{text}: missing \"{close}\" at end of data"));
        };
        if !after.trim_start_matches(' ').is_empty() {
            return Err(format!("{text}: trailing garbage after \"{close}\""));
        }
    }
    finish(text, ty, pairs)
}

/// An element, or a pair, or the numbers of a range; values of a set have a placeholder beside them.
fn element<'t>(
    text: &str,
    rest: &'t str,
    ty: &ColumnType,
    symbols: &mut Symbols,
    pairs: &mut Vec<(Atom, Option<Atom>)>,
) -> Result<&'t str, String> {
    let (word, rest) = token(rest)?;
    let Some(value_type) = &ty.value else {
        expand(&word, &ty.key, symbols, pairs)?;
        return Ok(rest);
    };
    let key = parse_atom(&word, &ty.key, symbols)?;
    let rest = rest.trim_start_matches(' ');
    let Some(rest) = rest.strip_prefix('=') else {
        // At the end of the text upstream's message breaks off.
        let found =
            rest.chars().next().map_or_else(String::new, |letter| format!("{letter}\" expecting \"=\""));
        return Err(format!("{text}: syntax error at \"{found}"));
    };
    let (word, rest) = token(rest.trim_start_matches(' '))?;
    pairs.push((key, Some(parse_atom(&word, value_type, symbols)?)));
    Ok(rest)
}

fn expand(
    word: &str,
    base: &BaseType,
    symbols: &mut Symbols,
    pairs: &mut Vec<(Atom, Option<Atom>)>,
) -> Result<(), String> {
    match parse_range(word, base, symbols)? {
        (Atom::Integer(first), Some(Atom::Integer(last))) => {
            let room = ELEMENTS_MAX.saturating_sub(pairs.len());
            if last.abs_diff(first) >= u64::try_from(room).unwrap_or(u64::MAX) {
                return Err(format!("\"{word}\" has more than {ELEMENTS_MAX} elements"));
            }
            pairs.extend((first..=last).map(|number| (Atom::Integer(number), None)));
        }
        (atom, _) => pairs.push((atom, None)),
    }
    Ok(())
}

fn finish(text: &str, ty: &ColumnType, mut pairs: Vec<(Atom, Option<Atom>)>) -> Result<Datum, String> {
    let count = pairs.len();
    let unit = if ty.is_map() { "pair" } else { "value" };
    let bound = |bound: u32| usize::try_from(bound).unwrap_or(usize::MAX);
    if count < bound(ty.min) {
        let min = ty.min;
        return Err(format!("{text}: {count} {unit}(s) specified but the minimum number is {min}"));
    }
    if let Some(max) = ty.max.filter(|&max| count > bound(max)) {
        return Err(format!("{text}: {count} {unit}(s) specified but the maximum number is {max}"));
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        let what = if ty.is_map() { "map contains duplicate key" } else { "set contains duplicate value" };
        return Err(format!("{text}: {what}"));
    }
    Ok(if ty.is_map() {
        Datum::map(pairs.into_iter().filter_map(|(key, value)| Some((key, value?))))
    } else {
        Datum::set(pairs.into_iter().map(|(atom, _)| atom))
    })
}

/// What a column holds, as upstream's errors call it: `string`, `set of up to 4 strings`, `map of (string, integer)
/// pairs`.
fn type_in_words(ty: &ColumnType) -> String {
    let atom = |base: &BaseType| match base.atom {
        AtomType::Integer => "integer",
        AtomType::Real => "real",
        AtomType::Boolean => "boolean",
        AtomType::String => "string",
        AtomType::Uuid => "uuid",
    };
    let key = atom(&ty.key);
    if ty.is_scalar() {
        return key.to_owned();
    }
    let count = match (ty.min, ty.max) {
        (0, None) => String::new(),
        (min, None) => format!("{min} or more "),
        (0, Some(max)) => format!("up to {max} "),
        (min, Some(max)) => format!("{min} to {max} "),
    };
    match &ty.value {
        Some(value) => format!("map of {count}({key}, {}) pairs", atom(value)),
        None => format!("set of {count}{key}s"),
    }
}
