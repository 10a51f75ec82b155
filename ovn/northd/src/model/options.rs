//! Reading the string maps (`options`, `other_config`) in which the databases keep typed settings.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use ovsdb::Str;

/// A string map whose values are read with their types. A value that cannot be read is complained about and then
/// as good as absent.
pub struct Options<'a> {
    map: &'a BTreeMap<Str, Str>,
    column: &'static str,
    complaints: &'a mut Vec<String>,
}

impl<'a> Options<'a> {
    /// The values of `column`, with the place where complaints go.
    pub fn new(map: &'a BTreeMap<Str, Str>, column: &'static str, complaints: &'a mut Vec<String>) -> Self {
        Self { map, column, complaints }
    }

    /// The text under `key`; an empty one is none.
    pub fn text(&self, key: &str) -> Option<&'a Str> {
        self.map.get(key).filter(|text| !text.is_empty())
    }

    /// The words under `key`, separated by commas; surrounding blanks and empty words are dropped.
    pub fn list(&self, key: &str) -> Vec<Str> {
        let words = self.text(key).into_iter().flat_map(|text| text.split(','));
        words.map(str::trim).filter(|word| !word.is_empty()).map(Str::from).collect()
    }

    /// Whether `key` is `true` or `false`, in any case of letters.
    pub fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.map.get(key) {
            None => default,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(text) => {
                self.complain(key, text, "true or false");
                default
            }
        }
    }

    /// The number under `key`, if it is in `range`.
    pub fn number(&mut self, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let text = self.map.get(key)?;
        let number = text.trim().parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.complain(key, text, format_args!("a number from {} to {}", range.start(), range.end()));
        }
        number
    }

    fn complain(&mut self, key: &str, text: &str, expected: impl Display) {
        self.complaints.push(format!("{}:{key} is \"{text}\", expected {expected}", self.column));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_typed_and_bad_ones_ignored() {
        let pairs = [("a", "TRUE"), ("b", "yes"), ("n", "7"), ("m", "70000"), ("l", " hv1,, hv2"), ("e", "")];
        let map = pairs.map(|(key, value)| (Str::from(key), Str::from(value))).into();
        let mut complaints = Vec::new();
        let mut options = Options::new(&map, "options", &mut complaints);
        assert!(options.flag("a", false) && options.flag("b", true) && !options.flag("absent", false));
        assert_eq!((options.number("n", 1..=9), options.number("m", 1..=65535)), (Some(7), None));
        assert_eq!(options.list("l"), ["hv1".into(), "hv2".into()] as [Str; 2]);
        assert_eq!((options.text("e"), options.list("absent").len()), (None, 0));
        assert_eq!(
            complaints,
            [
                "options:b is \"yes\", expected true or false",
                "options:m is \"70000\", expected a number from 1 to 65535"
            ]
        );
    }
}
