//! JSON written straight from rows, without a tree of values in between: updates and records are most of what a server
//! writes.

use crate::{Atom, Datum, Uuid};
use std::io::Write;

/// JSON text under construction.
#[derive(Debug, Default)]
pub(crate) struct JsonText {
    bytes: Vec<u8>,
    /// The byte that was written before these, if this is the rest of a text.
    before: Option<u8>,
}

impl JsonText {
    /// The rest of a text whose last byte so far is `before`, or a new one. It will have about `capacity` bytes.
    pub(crate) fn after(before: Option<u8>, capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), before }
    }

    /// The last byte so far.
    pub(crate) fn last(&self) -> Option<u8> {
        self.bytes.last().copied().or(self.before)
    }

    /// Bytes that are JSON syntax as they stand.
    pub(crate) fn raw(&mut self, syntax: &str) -> &mut Self {
        self.bytes.extend_from_slice(syntax.as_bytes());
        self
    }

    /// Begins the next member of the object under construction, with a comma if it is not the first.
    pub(crate) fn member(&mut self, name: &str) -> &mut Self {
        if self.last() != Some(b'{') {
            self.raw(",");
        }
        self.string(name).raw(":")
    }

    /// As [`JsonText::member`] for a name that is JSON text already, with a colon.
    pub(crate) fn labelled(&mut self, label: &str) -> &mut Self {
        if self.last() != Some(b'{') {
            self.raw(",");
        }
        self.raw(label)
    }

    /// As [`JsonText::member`] for a UUID.
    pub(crate) fn uuid_member(&mut self, uuid: Uuid) -> &mut Self {
        if self.last() != Some(b'{') {
            self.raw(",");
        }
        self.raw("\"").uuid(uuid).raw("\":")
    }

    pub(crate) fn datum(&mut self, datum: &Datum) -> &mut Self {
        match datum {
            Datum::Set(atoms) => {
                if let Some(atom) = atoms.only() {
                    return self.atom(atom);
                }
                self.raw("[\"set\",[");
                for (i, atom) in atoms.iter().enumerate() {
                    self.separator(i).atom(atom);
                }
                self.raw("]]")
            }
            Datum::Map(pairs) => {
                self.raw("[\"map\",[");
                for (i, (key, value)) in pairs.iter().enumerate() {
                    self.separator(i).raw("[").atom(key).raw(",").atom(value).raw("]");
                }
                self.raw("]]")
            }
        }
    }

    /// The length so far, to come back to by [`JsonText::truncate`].
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes back what was written after [`JsonText::len`] gave `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn integer(&mut self, n: i64) -> &mut Self {
        self.display(&n)
    }

    /// A comma before all elements but the first.
    pub(crate) fn separator(&mut self, index: usize) -> &mut Self {
        if index > 0 { self.raw(",") } else { self }
    }

    fn atom(&mut self, atom: &Atom) -> &mut Self {
        match atom {
            Atom::Integer(n) => self.display(n),
            // Reals are rare, and how they are written is the atom's to say.
            Atom::Real(_) => self.display(&atom.to_json()),
            Atom::Boolean(b) => self.display(b),
            Atom::String(text) => self.string(text),
            Atom::Uuid(uuid) => self.raw("[\"uuid\",\"").uuid(*uuid).raw("\"]"),
        }
    }

    /// A string with its quotes.
    pub(crate) fn string(&mut self, text: &str) -> &mut Self {
        if is_plain(text.as_bytes()) {
            return self.raw("\"").raw(text).raw("\"");
        }
        serde_json::to_writer(&mut self.bytes, text).expect("a string has JSON text and memory takes it");
        self
    }

    /// The digits and hyphens of a UUID.
    pub(crate) fn uuid(&mut self, uuid: Uuid) -> &mut Self {
        self.bytes.extend_from_slice(&uuid.to_text());
        self
    }

    /// What is JSON as it is displayed.
    pub(crate) fn display(&mut self, value: &dyn std::fmt::Display) -> &mut Self {
        write!(self.bytes, "{value}").expect("memory takes what is written");
        self
    }
}

/// The place of the first byte that cannot stand in a string of JSON: a quote, a backslash or a control character.
pub(super) fn first_special(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let found = specials(*word);
        if found != 0 {
            return usize::try_from(found.trailing_zeros() / 8).ok().map(|at| 8 * i + at);
        }
    }
    let is_special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    rest.iter().position(is_special).map(|at| 8 * words.len() + at)
}

/// Whether a string needs no escapes. Looks at eight bytes at a time, for most of what a server sends are strings.
fn is_plain(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    let any = words.iter().fold(0, |any, word| any | specials(*word));
    let mut last = *b"        ";
    last[..rest.len()].copy_from_slice(rest);
    any | specials(last) == 0
}

/// Not zero if one of eight bytes is a quote, a backslash or a control character. The first of those from the low end is
/// marked for certain, and others only where there is one, by the highest bit of the byte (Warren, Hacker's Delight,
/// section 6-1).
fn specials(word: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(word);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let quotes = zeros(word ^ (ONES * u64::from(b'"')));
    let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls) & (ONES * 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_needs_an_escape_is_found_wherever_it_is() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut text = [b'!'; 20];
                text[at] = byte;
                let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
                assert_eq!(is_plain(&text), !is_special, "{byte} at {at}");
                assert_eq!(first_special(&text), is_special.then_some(at), "{byte} at {at}");
                // Others behind it do not hide it.
                text[at + 1..].fill(b'"');
                let first = if is_special { Some(at) } else { (at + 1 < 20).then_some(at + 1) };
                assert_eq!(first_special(&text), first, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn datums_are_written_as_their_json() {
        let uuid = Uuid::from_u128(7);
        let table = [
            Datum::empty_set(),
            Datum::empty_map(),
            Datum::scalar("a\"\n\\\u{1}é"),
            Datum::scalar("sixteen letters and more, none special"),
            Datum::scalar("sixteen letters and more, the last special\\"),
            Datum::scalar("sixteen \" letters and more"),
            Datum::scalar("eight l\u{1f} and more"),
            Datum::scalar("\u{80}\u{a2}\u{dc}é"),
            Datum::set([3, -1]),
            Datum::scalar(1.5),
            Datum::scalar(2.0),
            Datum::set([true, false]),
            Datum::set([uuid, Uuid::ZERO]),
            Datum::map([("k", uuid), ("l", Uuid::ZERO)]),
        ];
        let mut text = JsonText::default();
        text.raw("{");
        for (i, datum) in table.iter().enumerate() {
            text.member(&i.to_string()).datum(datum);
        }
        text.uuid_member(uuid).raw("null}");
        let mut expected: serde_json::Map<_, _> =
            table.iter().enumerate().map(|(i, datum)| (i.to_string(), datum.to_json())).collect();
        expected.insert(uuid.to_string(), serde_json::Value::Null);
        let read: serde_json::Value = serde_json::from_slice(&text.into_bytes()).unwrap();
        assert_eq!(read, serde_json::Value::Object(expected));
    }
}
