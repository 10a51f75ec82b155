//! Strict YAML: duplicate keys and unknown keys are refused, merge keys work, and every value can be located.
//!
//! `serde_yaml` by itself keeps the last of two equal keys and tells positions only for errors that it raises
//! while it visits a value. Both are mended by the same trick: a visitor that raises an error on purpose, in the
//! key or at the value in question, gets that place's position from the parser ([`Source::locate`], [`Unique`]).

use super::diagnostic::{Diagnostic, Refused};
use super::nearest::nearest;
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_yaml::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

/// Larger files are refused unread, in octets.
pub const SIZE_MAX: usize = 4 << 20;

/// A file's text and the name by which it is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Source {
    pub name: String,
    pub text: String,
}

/// One step into a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The value under this key of a mapping.
    Key(String),
    /// This element of a list, from 0.
    Index(usize),
}

impl From<&str> for Part {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Part {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// Where a value stands in a document, from its root.
pub type Path = Vec<Part>;

/// Builds a [`Path`] from keys and indexes: `path!["guests", name, "ip", 0]`.
#[macro_export]
macro_rules! path {
    ($($part:expr),* $(,)?) => { ::std::vec::Vec::<$crate::text::Part>::from([$($crate::text::Part::from($part)),*]) };
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The document as a `T`.
    ///
    /// # Errors
    /// One complaint with its position: bad YAML, a duplicate key, an unknown key, a value that `T` refuses.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Box<Refused>> {
        if self.text.len() > SIZE_MAX {
            let title = format!("the file has {} octets", self.text.len());
            return Err(self.refuse(vec![Diagnostic::error(
                title,
                0..0,
                format!("expected at most {SIZE_MAX}"),
            )]));
        }
        if let Err(e) = serde_yaml::from_str::<Unique>(&self.text) {
            return Err(self.refuse(vec![self.explain(&e)]));
        }
        let typed = match self.merged() {
            None => serde_yaml::from_str::<T>(&self.text),
            Some(value) => value.and_then(T::deserialize),
        };
        typed.map_err(|e| self.refuse(vec![self.explain(&e)]))
    }

    /// The complaints as one error.
    pub fn refuse(&self, diagnostics: Vec<Diagnostic>) -> Box<Refused> {
        Box::new(Refused { source: self.clone(), diagnostics })
    }

    /// The document with its merge keys (`<<`) applied; None when it has none. A document with them
    /// is read as a whole first, and errors in it may then lack an exact position.
    fn merged(&self) -> Option<Result<Value, serde_yaml::Error>> {
        if !self.text.contains("<<") {
            return None;
        }
        let read = serde_yaml::from_str::<Value>(&self.text).and_then(|mut value| {
            value.apply_merge()?;
            Ok(value)
        });
        Some(read)
    }

    /// The octets of the value at `path`; of its key when `key` is true. When the path leads nowhere, the
    /// nearest place above it that exists.
    pub fn locate(&self, path: &[Part], key: bool) -> Range<usize> {
        for end in (0..=path.len()).rev() {
            let probe = Probe { path: &path[..end], key: key && end == path.len() };
            let found = probe.deserialize(serde_yaml::Deserializer::from_str(&self.text));
            if let Err(e) = found
                && e.to_string().contains(FOUND)
                && let Some(location) = e.location()
            {
                return self.token_at(location.line(), location.column());
            }
        }
        0..0
    }

    /// The value's octets.
    pub fn value(&self, path: &[Part]) -> Range<usize> {
        self.locate(path, false)
    }

    /// The octets of the key that leads to the value.
    pub fn key(&self, path: &[Part]) -> Range<usize> {
        self.locate(path, true)
    }

    /// Line and column, both from 1, of an octet.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..offset.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The octets of the word that starts at a line and column (both from 1).
    fn token_at(&self, line: usize, column: usize) -> Range<usize> {
        let mut start = 0;
        for _ in 1..line {
            match self.text[start..].find('\n') {
                Some(at) => start += at + 1,
                None => return self.text.len()..self.text.len(),
            }
        }
        let rest = &self.text[start..];
        start += rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
        start..start + token_length(&self.text[start..])
    }

    /// An error of the parser as a complaint.
    fn explain(&self, error: &serde_yaml::Error) -> Diagnostic {
        let span = error.location().map_or(0..0, |l| self.token_at(l.line(), l.column()));
        let text = without_positions(&error.to_string());
        // Ours say `title: expected ..`, serde's `title, expected ..`; the part after it is shown at the place.
        let cut =
            text.find(": expected ").map(|at| (at, 2)).or_else(|| text.find(", expected ").map(|at| (at, 2)));
        let (title, expected) = match cut {
            Some((at, skip)) => (text[..at].to_owned(), text[at + skip..].replace('`', "")),
            None if text.contains("missing field") => {
                (text.clone(), "expected it in this mapping".to_owned())
            }
            None => {
                (text.clone(), "expected well-formed YAML here, not too deep and not too large".to_owned())
            }
        };
        let mut diagnostic = Diagnostic::error(title, span, expected);
        if let Some(hint) = hint(&text) {
            diagnostic = diagnostic.with_help(hint);
        }
        diagnostic
    }
}

/// The parser's words without its own ` at line 3 column 4`: positions are shown in one way only.
fn without_positions(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" at line ") {
        out.push_str(before);
        let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
        let after = after.strip_prefix(" column ").unwrap_or(after);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out + rest
}

/// For serde's "unknown field `x`, expected one of `a`, `b`": which was probably meant.
fn hint(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("unknown field `").or_else(|| text.split_once("unknown variant `"))?;
    let (typed, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2);
    nearest(typed, known).map(|name| format!("did you mean {name}?"))
}

/// How long the scalar or the punctuation at the start of `rest` is, in octets, for underlining.
fn token_length(rest: &str) -> usize {
    let mut chars = rest.chars();
    let Some(first) = chars.next() else { return 0 };
    match first {
        '{' | '[' | '\n' => 1,
        '"' | '\'' => rest[1..].find([first, '\n']).map_or(rest.len(), |at| at + 2),
        _ => {
            let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
            let mut end = line.len();
            for stop in [": ", " #", ", ", "]", "}"] {
                end = end.min(line.find(stop).unwrap_or(end));
            }
            let token = line[..end].trim_end().trim_end_matches(':');
            token.len().max(first.len_utf8())
        }
    }
}

/// What a [`Probe`] says when it has arrived.
const FOUND: &str = "the place asked for";

/// Walks along a path and fails there, so that the error has the position.
struct Probe<'a> {
    path: &'a [Part],
    key: bool,
}

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FOUND)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Part::Key(wanted), rest)) = self.path.split_first() else {
            return if self.path.is_empty() { Err(A::Error::custom(FOUND)) } else { skip_map(map) };
        };
        let fail = self.key && rest.is_empty();
        while let Some(hit) = map.next_key_seed(KeyProbe { wanted, fail })? {
            if hit {
                return map.next_value_seed(Probe { path: rest, key: self.key });
            }
            map.next_value::<serde::de::IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.path.is_empty() {
            return Err(A::Error::custom(FOUND));
        }
        let wanted = match self.path.first() {
            Some(Part::Index(index)) => *index,
            Some(Part::Key(_)) | None => usize::MAX,
        };
        for _ in 0..wanted {
            if seq.next_element::<serde::de::IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        seq.next_element_seed(Probe { path: &self.path[1..], key: self.key })?;
        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar()
    }
}

impl Probe<'_> {
    fn scalar<E: serde::de::Error>(self) -> Result<(), E> {
        if self.path.is_empty() { Err(E::custom(FOUND)) } else { Ok(()) }
    }
}

fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Compares a key; fails at it when it is the place asked for.
struct KeyProbe<'a> {
    wanted: &'a str,
    fail: bool,
}

impl<'de> DeserializeSeed<'de> for KeyProbe<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyProbe<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match (key == self.wanted, self.fail) {
            (true, true) => Err(E::custom(FOUND)),
            (hit, _) => Ok(hit),
        }
    }
}

/// Any document in which no mapping has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = BTreeSet::new();
        while map.next_key_seed(UniqueKey(&mut seen))?.is_some() {
            map.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}

struct UniqueKey<'a>(&'a mut BTreeSet<String>);

impl<'de> DeserializeSeed<'de> for UniqueKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for UniqueKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is a word")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        if self.0.insert(key.to_owned()) {
            return Ok(());
        }
        Err(E::custom(format_args!("duplicate key {key}: expected each name once in its mapping")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Guest {
        address: String,
        #[serde(default)]
        mtu: Option<u16>,
    }

    type Guests = BTreeMap<String, Guest>;

    fn complaint<T: DeserializeOwned + fmt::Debug>(text: &str) -> String {
        let source = Source::new("t.yaml", text);
        let refused = source.read::<T>().expect_err("must be refused");
        refused.diagnostics.iter().map(|d| d.one_line(&source)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn values_are_found_by_path() {
        let source = Source::new("t", "a: 1\nb:\n  - x\n  - {c: 'two words', d: []}\n");
        let text = |path: &[Part], key| &source.text[source.locate(path, key)];
        assert_eq!(text(&path!["a"], false), "1");
        assert_eq!(text(&path!["a"], true), "a");
        assert_eq!(text(&path!["b", 0], false), "x");
        assert_eq!(text(&path!["b", 1, "c"], false), "'two words'");
        assert_eq!(text(&path!["b", 1, "c"], true), "c");
        assert_eq!(text(&path!["b", 1, "d"], false), "[");
        assert_eq!(source.line_column(source.value(&path!["b", 1, "c"]).start), (4, 9));
        // Leads nowhere: the nearest place above.
        assert_eq!(text(&path!["b", 1, "nothing", "more"], false), "{");
        assert_eq!(text(&path!["a", "deeper"], false), "1");
    }

    #[test]
    fn a_duplicate_key_is_refused_where_it_stands_the_second_time() {
        let text = "a: {address: x}\nb: {address: y}\na: {address: z}\n";
        assert_eq!(
            complaint::<Guests>(text),
            "t.yaml:3:1: error: duplicate key a: expected each name once in its mapping"
        );
        let text = "a: {address: x, address: y}\n";
        assert_eq!(
            complaint::<Guests>(text),
            "t.yaml:1:17: error: a: duplicate key address: expected each name once in its mapping"
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_what_is_known_and_what_was_probably_meant() {
        let source = Source::new("t.yaml", "a:\n  adress: x\n");
        let refused = source.read::<Guests>().unwrap_err();
        insta::assert_snapshot!(refused.to_string(), @r"
        error: a: unknown field `adress`
         --> t.yaml:2:3
          |
        2 |   adress: x
          |   ^^^^^^ expected address or mtu
          |
          = help: did you mean address?
        ");
    }

    #[test]
    fn bad_yaml_a_wrong_type_and_a_missing_key_have_positions() {
        insta::assert_snapshot!(complaint::<Guests>("a: {address: x\nb: 3\n"), @"t.yaml:2:2: error: did not find expected ',' or '}', while parsing a flow mapping: expected well-formed YAML here, not too deep and not too large");
        insta::assert_snapshot!(complaint::<Guests>("a: {address: x, mtu: high}\n"), @r#"t.yaml:1:22: error: a.mtu: invalid type: string "high": expected u16"#);
        insta::assert_snapshot!(complaint::<Guests>("a:\n  mtu: 3\n"), @"t.yaml:2:3: error: a: missing field `address`: expected it in this mapping");
        insta::assert_snapshot!(complaint::<Guests>(""), @"t.yaml:1:1: error: invalid type: Option value: expected a YAML document");
    }

    #[test]
    fn merge_keys_work() {
        let text = "a: &base {address: x, mtu: 9}\nb:\n  <<: *base\n  mtu: 8\n";
        let guests: Guests = Source::new("t", text).read().unwrap();
        assert_eq!(guests["b"], Guest { address: "x".into(), mtu: Some(8) });
    }

    #[test]
    fn deep_nesting_and_alias_bombs_are_refused() {
        let deep = "[".repeat(10_000);
        insta::assert_snapshot!(complaint::<Guests>(&deep), @"t.yaml:1:129: error: recursion limit exceeded: expected well-formed YAML here, not too deep and not too large");
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..9 {
            let previous = format!("*a{}", i - 1);
            bomb += &format!("a{i}: &a{i} [{}]\n", [previous.as_str(); 10].join(", "));
        }
        insta::assert_snapshot!(complaint::<Value>(&bomb), @"t.yaml:1:1: error: repetition limit exceeded: expected well-formed YAML here, not too deep and not too large");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~\n]{0,60}") {
            let source = Source::new("t", text);
            if let Err(refused) = source.read::<Guests>() {
                let _ = refused.to_string();
            }
            let _ = source.value(&path!["a", 1]);
        }
    }
}
