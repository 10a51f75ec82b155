//! Numbers and words that several verbs take.

use super::scan::Scanner;
use crate::Failure;
use crate::failure::fail;
use ovsdb::Datum;
use std::borrow::Cow;

/// Largest priority of most rules.
const PRIORITY_MAX: i64 = 32767;

/// A number that the text begins with, if it is in the range; what follows it is not looked at.
pub(super) fn number(text: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    Scanner::new(text).number(10).filter(|number| range.contains(number))
}

/// A whole text that is a number.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A priority.
pub(super) fn priority(text: &str) -> Result<i64, Failure> {
    match number(text, 0..=PRIORITY_MAX) {
        Some(priority) => Ok(priority),
        None => fail!("{text}: priority must in range 0...{PRIORITY_MAX}"),
    }
}

/// `enabled` or `disabled`.
pub(super) fn enabled(state: &str) -> Result<bool, Failure> {
    match state.to_ascii_lowercase().as_str() {
        "enabled" => Ok(true),
        "disabled" => Ok(false),
        _ => fail!("{state}: state must be \"enabled\" or \"disabled\""),
    }
}

/// The direction that the first letter of the text says.
pub(super) fn direction(text: &str) -> Result<&'static str, Failure> {
    match text.as_bytes().first() {
        Some(b't') => Ok("to-lport"),
        Some(b'f') => Ok("from-lport"),
        _ => fail!("{text}: direction must be \"to-lport\" or \"from-lport\""),
    }
}

/// The pairs among texts such as `key=value`; of those with the same key the last counts, others are left out.
pub(super) fn pairs(texts: &[String]) -> Datum {
    Datum::map(texts.iter().filter_map(|text| text.split_once('=')))
}

/// A text in a column of a table: cut to `max` characters.
pub(super) fn cut(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        Some((end, _)) => text[..end].into(),
        None => text.into(),
    }
}
