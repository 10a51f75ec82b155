//! A command as people write it: one line with quotes, or a list of words.

use schemars::JsonSchema;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// The words of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Words(pub Vec<String>);

/// Why a line is not a list of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    #[error("a quote is not closed: expected another {0}")]
    Open(char),
    #[error("a backslash at the end: expected a character after it")]
    Backslash,
    #[error("an empty command: expected at least one word")]
    Empty,
}

/// Splits a line at white space. Quotes keep white space: within '..' everything is itself, within ".." a backslash
/// takes the next character as it is.
pub fn split(line: &str) -> Result<Vec<String>, BadLine> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (None | Some('"'), '\\') => {
                word.get_or_insert_default().push(chars.next().ok_or(BadLine::Backslash)?);
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(q) = quote {
        return Err(BadLine::Open(q));
    }
    words.extend(word);
    if words.is_empty() { Err(BadLine::Empty) } else { Ok(words) }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            let plain =
                !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "'\"\\".contains(c));
            if plain {
                f.write_str(word)?;
            } else {
                write!(f, "'{}'", word.replace('\'', "'\\''"))?;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LineOrList;
        impl<'de> Visitor<'de> for LineOrList {
            type Value = Words;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command: a line, or a list of words")
            }
            fn visit_str<E: Error>(self, line: &str) -> Result<Words, E> {
                split(line).map(Words).map_err(E::custom)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = seq.next_element()? {
                    words.push(word);
                }
                if words.is_empty() { Err(A::Error::custom(BadLine::Empty)) } else { Ok(Words(words)) }
            }
        }
        deserializer.deserialize_any(LineOrList)
    }
}

impl JsonSchema for Words {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Words".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A command: a line, in which quotes keep white space, or a list of words.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_a_shell_would() {
        let words = |line: &str| split(line).unwrap();
        assert_eq!(words("ls-add sw0"), ["ls-add", "sw0"]);
        assert_eq!(words("  set x 'a b' \"c \\\" d\" e\\ f ''"), ["set", "x", "a b", "c \" d", "e f", ""]);
        assert_eq!(words("a='b c'd"), ["a=b cd"]);
        assert_eq!(split("a 'b"), Err(BadLine::Open('\'')));
        assert_eq!(split("a \\"), Err(BadLine::Backslash));
        assert_eq!(split(" "), Err(BadLine::Empty));
    }

    proptest::proptest! {
        #[test]
        fn words_are_read_back_as_they_are_printed(words in proptest::collection::vec("[ -~]{0,6}", 1..5)) {
            proptest::prop_assert_eq!(split(&Words(words.clone()).to_string()).unwrap(), words);
        }
    }
}
