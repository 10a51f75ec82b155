//! JSON text with the places of its values: to be looked through in any order, without a copy of anything.

use std::borrow::Cow;

/// Longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Deepest nesting that is looked at; a transaction has seven levels.
const NESTING_MAX: usize = 16;

/// The places of all values in a text, keys of objects included, in the order in which they begin.
#[derive(Debug)]
pub(crate) struct Tape<'t> {
    text: &'t [u8],
    places: Vec<Place>,
}

/// One value: its text, and the number of the first value behind it.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    end: u32,
    next: u32,
}

/// One value of a [`Tape`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'t> {
    tape: &'t Tape<'t>,
    at: u32,
}

impl<'t> Tape<'t> {
    /// Finds the values of `text`, which is valid JSON: of other text this finds what it finds. `None` if it is too
    /// long or too deep.
    pub(crate) fn new(text: &'t [u8]) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        // A value and what is around it are rarely shorter than four octets.
        let mut places: Vec<Place> = Vec::with_capacity(text.len() / 4);
        let mut open: Vec<usize> = Vec::with_capacity(NESTING_MAX);
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            let end = match byte {
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {
                    at += 1;
                    continue;
                }
                b'}' | b']' => {
                    at += 1;
                    let next = u32::try_from(places.len()).ok()?;
                    let place = places.get_mut(open.pop()?)?;
                    (place.end, place.next) = (u32::try_from(at).ok()?, next);
                    continue;
                }
                b'{' | b'[' => {
                    if open.len() == NESTING_MAX {
                        return None;
                    }
                    open.push(places.len());
                    at + 1
                }
                b'"' => string_end(text, at)?,
                _ => at + text[at..].iter().position(is_delimiter).unwrap_or(text.len() - at),
            };
            let number = places.len() + 1;
            places.push(Place {
                start: u32::try_from(at).ok()?,
                end: u32::try_from(end).ok()?,
                next: u32::try_from(number).ok()?,
            });
            at = end;
        }
        open.is_empty().then_some(Self { text, places })
    }

    /// The outermost value.
    pub(crate) fn root(&'t self) -> Option<Json<'t>> {
        (!self.places.is_empty()).then_some(Json { tape: self, at: 0 })
    }
}

fn is_delimiter(byte: &u8) -> bool {
    matches!(byte, b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')
}

/// Where the string that begins at `start` ends, its quotes included.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += text.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

impl<'t> Json<'t> {
    fn place(self) -> Place {
        self.tape.places[self.at as usize]
    }

    /// The text of the value.
    pub(crate) fn text(self) -> &'t [u8] {
        let Place { start, end, .. } = self.place();
        self.tape.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// A string.
    pub(crate) fn string(self) -> Option<Cow<'t, str>> {
        match self.plain() {
            Some(plain) => Some(Cow::Borrowed(plain)),
            None => serde_json::from_slice(self.text()).ok().map(Cow::Owned),
        }
    }

    /// A string that needs no escapes.
    pub(crate) fn plain(self) -> Option<&'t str> {
        let inner = self.text().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        if inner.contains(&b'\\') { None } else { std::str::from_utf8(inner).ok() }
    }

    /// The elements of an array.
    pub(crate) fn array(self) -> Option<Elements<'t>> {
        (self.text().first() == Some(&b'[')).then(|| self.inner())
    }

    /// The elements of an array of so many.
    pub(crate) fn array_of<const N: usize>(self) -> Option<[Self; N]> {
        let mut elements = self.array()?;
        let mut out = [self; N];
        for element in &mut out {
            *element = elements.next()?;
        }
        elements.next().is_none().then_some(out)
    }

    /// The members of an object whose names need no escapes.
    pub(crate) fn object(self) -> Option<impl Iterator<Item = Option<(&'t str, Self)>>> {
        let mut elements = (self.text().first() == Some(&b'{')).then(|| self.inner())?;
        Some(std::iter::from_fn(move || {
            let name = elements.next()?;
            Some(name.plain().zip(elements.next()))
        }))
    }

    fn inner(self) -> Elements<'t> {
        Elements { tape: self.tape, at: self.at + 1, end: self.place().next }
    }
}

/// What an array holds.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'t> {
    tape: &'t Tape<'t>,
    at: u32,
    end: u32,
}

impl<'t> Iterator for Elements<'t> {
    type Item = Json<'t>;

    fn next(&mut self) -> Option<Json<'t>> {
        if self.at >= self.end {
            return None;
        }
        let json = Json { tape: self.tape, at: self.at };
        self.at = json.place().next;
        Some(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    /// The value again, from what the tape says of it.
    fn value(json: Json<'_>) -> Value {
        if let Some(elements) = json.array() {
            return Value::Array(elements.map(value).collect());
        }
        match json.object() {
            Some(members) => {
                let members = members.map(|member| member.expect("names in these tests are plain"));
                Value::Object(
                    members.map(|(name, json)| (name.to_owned(), value(json))).collect::<Map<_, _>>(),
                )
            }
            None => serde_json::from_slice(json.text()).expect("it is a value"),
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a\\\\\"\né{}\\[\\],:]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-c]{1,3}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_found_as_they_are(json in json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&json).unwrap() } else { json.to_string() };
            let tape = Tape::new(text.as_bytes()).unwrap();
            prop_assert_eq!(value(tape.root().unwrap()), json);
        }

        #[test]
        fn any_text_is_looked_through(text in "[\\[\\]{}\",:\\\\a1 ]{0,30}") {
            if let Some(tape) = Tape::new(text.as_bytes()) {
                for at in 0..tape.places.len() {
                    let json = Json { tape: &tape, at: u32::try_from(at).unwrap() };
                    let _ = (json.string(), json.array().map(Iterator::count), json.object().map(Iterator::count));
                }
            }
        }
    }

    #[test]
    fn what_is_too_deep_is_not_looked_at() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(Tape::new(&nested(NESTING_MAX)).is_some());
        assert!(Tape::new(&nested(NESTING_MAX + 1)).is_none());
    }

    #[test]
    fn strings_are_read_with_their_escapes() {
        let tape = Tape::new(br#"["a","\u00e9\"","\ud800"]"#).unwrap();
        let strings: Vec<Option<String>> =
            tape.root().unwrap().array().unwrap().map(|json| json.string().map(Cow::into_owned)).collect();
        assert_eq!(strings, [Some("a".to_owned()), Some("é\"".to_owned()), None]);
        assert!(
            tape.root().unwrap().array_of::<3>().is_some() && tape.root().unwrap().array_of::<2>().is_none()
        );
    }
}
