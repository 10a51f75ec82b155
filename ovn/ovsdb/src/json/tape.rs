//! JSON text with the places of its values: to be looked through in any order, without a copy of anything.

use super::text::first_special;
use std::borrow::Cow;

/// Longest text that is looked at, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 4 << 20;

/// Deepest nesting that is looked at; a transaction has seven levels.
const NESTING_MAX: usize = 16;

/// Longest number that is looked at, in bytes; a longer one cannot be meant as a 64-bit integer or a double.
const NUMBER_BYTES_MAX: usize = 400;

/// Finds the values of one text, which may come in pieces, and sees to it that it is JSON (RFC 8259): all but the ranges
/// of numbers, the pairing of surrogates, and UTF-8.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// In the order in which they begin, keys of objects included.
    places: Vec<Place>,
    /// The numbers of the arrays and objects that are open, outermost first.
    open: Vec<u32>,
    next: Next,
    /// How far it has come.
    at: usize,
}

/// One value: its text, and the number of the first value behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    start: u32,
    end: u32,
    next: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Array,
    Object,
    /// A string without escapes.
    Plain,
    /// A string with escapes.
    Escaped,
    /// A number, `true`, `false` or `null`.
    Word,
}

/// What may come next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    /// The rest of the last value, a string, and of the last one, a key.
    InString,
    InKey,
}

/// How far a [`Scan`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The text is whole and has this length.
    Whole(usize),
    /// The text goes on.
    More,
    /// It is no JSON, or too deep or too long.
    Odd,
}

/// All values of a text.
#[derive(Clone, Copy, Debug)]
pub struct Tape<'t> {
    text: &'t str,
    places: &'t [Place],
}

/// One value of a [`Tape`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'t> {
    tape: Tape<'t>,
    at: u32,
}

impl Scan {
    /// Begins another text.
    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.open.clear();
        (self.next, self.at) = (Next::default(), 0);
    }

    /// Gives back memory that only long texts need.
    pub(crate) fn shrink(&mut self, places_max: usize) {
        self.places.shrink_to(places_max);
    }

    /// Goes on with `text`, which begins with what it was before.
    pub(crate) fn push(&mut self, text: &[u8]) -> Scanned {
        if text.len() > TEXT_BYTES_MAX {
            return self.push(&text[..TEXT_BYTES_MAX]).or_odd();
        }
        loop {
            if matches!(self.next, Next::InString | Next::InKey) {
                match self.string(text) {
                    Some(true) => {}
                    Some(false) => return Scanned::More,
                    None => return Scanned::Odd,
                }
                continue;
            }
            let Some(byte) = text.get(self.at) else { return Scanned::More };
            let step = match (self.next, byte) {
                (_, b' ' | b'\t' | b'\n' | b'\r') => Step::On(self.next),
                (Next::Value | Next::ValueOrEnd, b'"') => self.begin(Kind::Plain, Next::InString),
                (Next::Key | Next::KeyOrEnd, b'"') => self.begin(Kind::Plain, Next::InKey),
                (Next::Value | Next::ValueOrEnd, b'{') => self.open(Kind::Object, Next::KeyOrEnd),
                (Next::Value | Next::ValueOrEnd, b'[') => self.open(Kind::Array, Next::ValueOrEnd),
                (Next::Colon, b':') => Step::On(Next::Value),
                (Next::CommaOrEnd, b',') => match self.innermost() {
                    Some(Kind::Object) => Step::On(Next::Key),
                    Some(Kind::Array) => Step::On(Next::Value),
                    Some(Kind::Plain | Kind::Escaped | Kind::Word) | None => Step::Odd,
                },
                (Next::KeyOrEnd | Next::CommaOrEnd, b'}') => self.close(Kind::Object),
                (Next::ValueOrEnd | Next::CommaOrEnd, b']') => self.close(Kind::Array),
                (Next::Value | Next::ValueOrEnd, _) => self.word(text),
                _ => Step::Odd,
            };
            match step {
                Step::On(next) => {
                    self.at += 1;
                    self.next = next;
                }
                Step::To(at) => (self.at, self.next) = (at, Next::CommaOrEnd),
                Step::Whole => return Scanned::Whole(self.at + 1),
                Step::More => return Scanned::More,
                Step::Odd => return Scanned::Odd,
            }
        }
    }

    /// The values of `text`, if it is whole.
    pub(crate) fn tape<'t>(&'t self, text: &'t [u8]) -> Option<Tape<'t>> {
        Some(Tape { text: std::str::from_utf8(text).ok()?, places: &self.places })
    }

    fn innermost(&self) -> Option<Kind> {
        self.open.last().and_then(|at| self.places.get(*at as usize)).map(|place| place.kind)
    }

    /// A value begins here.
    fn begin(&mut self, kind: Kind, next: Next) -> Step {
        let number = u32_of(self.places.len() + 1);
        self.places.push(Place { start: u32_of(self.at), end: 0, next: number, kind });
        Step::On(next)
    }

    fn open(&mut self, kind: Kind, next: Next) -> Step {
        if self.open.len() == NESTING_MAX {
            return Step::Odd;
        }
        self.open.push(u32_of(self.places.len()));
        self.begin(kind, next)
    }

    fn close(&mut self, kind: Kind) -> Step {
        let number = u32_of(self.places.len());
        let Some(place) = self.open.pop().and_then(|at| self.places.get_mut(at as usize)) else {
            return Step::Odd;
        };
        if place.kind != kind {
            return Step::Odd;
        }
        (place.end, place.next) = (u32_of(self.at + 1), number);
        if self.open.is_empty() { Step::Whole } else { Step::On(Next::CommaOrEnd) }
    }

    /// The rest of a string. Whether it has ended; `None` if it is odd.
    fn string(&mut self, text: &[u8]) -> Option<bool> {
        loop {
            let rest = text.get(self.at..)?;
            let Some(plain) = first_special(rest) else {
                self.at = text.len();
                return Some(false);
            };
            self.at += plain;
            match rest[plain..] {
                [b'"', ..] => break,
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
                [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(u8::is_ascii_hexdigit) => {
                    self.at += 6;
                }
                [b'\\'] => return Some(false),
                [b'\\', b'u', ref digits @ ..] if digits.len() < 4 => return Some(false),
                _ => return None,
            }
            self.places.last_mut()?.kind = Kind::Escaped;
        }
        self.at += 1;
        self.places.last_mut()?.end = u32_of(self.at);
        self.next = if self.next == Next::InKey { Next::Colon } else { Next::CommaOrEnd };
        Some(true)
    }

    /// A number, `true`, `false` or `null`. Only in an array or an object, so that something follows that ends it.
    fn word(&mut self, text: &[u8]) -> Step {
        let rest = &text[self.at..];
        let Some(len) = rest.iter().take(NUMBER_BYTES_MAX + 1).position(is_delimiter) else {
            let is_word = WORDS.iter().any(|word| word.starts_with(rest));
            let may_be_number = matches!(rest, [b'-' | b'0'..=b'9', ..]) && rest.iter().all(is_number_byte);
            let is_number = may_be_number && rest.len() <= NUMBER_BYTES_MAX;
            return if is_word || is_number { Step::More } else { Step::Odd };
        };
        let word = &rest[..len];
        if self.open.is_empty() || !(WORDS.contains(&word) || is_number(word)) {
            return Step::Odd;
        }
        let end = self.at + len;
        let number = u32_of(self.places.len() + 1);
        self.places.push(Place { start: u32_of(self.at), end: u32_of(end), next: number, kind: Kind::Word });
        Step::To(end)
    }
}

/// What a byte leads to.
enum Step {
    /// To the next byte.
    On(Next),
    /// To this byte, behind a value.
    To(usize),
    Whole,
    More,
    Odd,
}

impl Scanned {
    /// For who has more than may be looked at.
    fn or_odd(self) -> Self {
        match self {
            Self::Whole(len) => Self::Whole(len),
            Self::More | Self::Odd => Self::Odd,
        }
    }
}

const WORDS: [&[u8]; 3] = [b"true", b"false", b"null"];

fn is_number_byte(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

fn is_delimiter(byte: &u8) -> bool {
    matches!(byte, b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')
}

/// Where the string that begins at `start` ends, its quotes included, and whether it has escapes, which are not looked
/// at; `None` if it does not end or has control characters.
pub(crate) fn string_end(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let (mut at, mut has_escapes) = (start + 1, false);
    loop {
        at += first_special(text.get(at..)?)?;
        match text[at] {
            b'"' => return Some((at + 1, has_escapes)),
            b'\\' => (at, has_escapes) = (at + 2, true),
            _ => return None,
        }
    }
}

/// Whether this is a number (RFC 8259 section 6).
pub(crate) fn is_number(word: &[u8]) -> bool {
    fn digits(word: &[u8]) -> Option<&[u8]> {
        let count = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then(|| &word[count..])
    }
    let word = word.strip_prefix(b"-").unwrap_or(word);
    let whole = match word {
        [b'0', rest @ ..] => Some(rest),
        _ => digits(word),
    };
    let fraction = whole.and_then(|rest| match rest {
        [b'.', rest @ ..] => digits(rest),
        _ => Some(rest),
    });
    let exponent = fraction.and_then(|rest| match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => digits(rest),
        _ => Some(rest),
    });
    exponent.is_some_and(<[u8]>::is_empty)
}

/// A place in a text, which is no longer than [`TEXT_BYTES_MAX`].
fn u32_of(place: usize) -> u32 {
    u32::try_from(place).expect("texts are short")
}

impl<'t> Tape<'t> {
    /// The outermost value.
    pub(crate) fn root(&self) -> Option<Json<'t>> {
        (!self.places.is_empty()).then_some(Json { tape: *self, at: 0 })
    }
}

impl<'t> Json<'t> {
    fn place(self) -> Place {
        self.tape.places[self.at as usize]
    }

    /// The text of the value.
    pub(crate) fn text(self) -> &'t str {
        let Place { start, end, .. } = self.place();
        self.tape.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// A string.
    pub(crate) fn string(self) -> Option<Cow<'t, str>> {
        match self.place().kind {
            Kind::Plain => self.plain().map(Cow::Borrowed),
            Kind::Escaped => serde_json::from_str(self.text()).ok().map(Cow::Owned),
            Kind::Array | Kind::Object | Kind::Word => None,
        }
    }

    /// A string that needs no escapes.
    pub(crate) fn plain(self) -> Option<&'t str> {
        let Place { start, end, kind, .. } = self.place();
        if kind == Kind::Plain { self.tape.text.get(start as usize + 1..end as usize - 1) } else { None }
    }

    /// The elements of an array.
    pub(crate) fn array(self) -> Option<Elements<'t>> {
        self.inner(Kind::Array)
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
        let mut elements = self.inner(Kind::Object)?;
        Some(std::iter::from_fn(move || {
            let name = elements.next()?;
            Some(name.plain().zip(elements.next()))
        }))
    }

    fn inner(self, kind: Kind) -> Option<Elements<'t>> {
        let place = self.place();
        (place.kind == kind).then(|| Elements { tape: self.tape, at: self.at + 1, end: place.next })
    }
}

/// What an array holds.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'t> {
    tape: Tape<'t>,
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
impl Scan {
    /// The values of `text`, which is all of one text.
    pub(crate) fn whole<'t>(&'t mut self, text: &'t [u8]) -> Option<Tape<'t>> {
        self.clear();
        if self.push(text) == Scanned::Whole(text.len()) { self.tape(text) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
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
            None => serde_json::from_str(json.text()).expect("it is a value"),
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
        fn values_are_found_as_they_are_however_the_text_is_cut(
            json in json(),
            pretty in any::<bool>(),
            piece_len in 1..9_usize,
        ) {
            let json = Value::Array(vec![json]);
            let text = if pretty { serde_json::to_string_pretty(&json).unwrap() } else { json.to_string() };
            let mut scan = Scan::default();
            for end in (piece_len..text.len()).step_by(piece_len) {
                prop_assert_eq!(scan.push(&text.as_bytes()[..end]), Scanned::More);
            }
            prop_assert_eq!(scan.push(format!("{text} ,").as_bytes()), Scanned::Whole(text.len()));
            prop_assert_eq!(value(scan.tape(text.as_bytes()).unwrap().root().unwrap()), json);
        }

        #[test]
        fn what_is_json_is_decided_as_others_do(
            text in "[\\[{]{1,2}([\\[\\]{},:0 ]|\"[\\\\u\"na0]{0,6}\"?|-?[01]{0,2}[.]?0?(e[+]?1)?|true|nul){0,9}[\\]}]{0,2}"
        ) {
            let mut values = serde_json::Deserializer::from_str(&text).into_iter::<IgnoredAny>();
            let expected = match values.next() {
                Some(Ok(_)) => Some(values.byte_offset()),
                Some(Err(_)) | None => None,
            };
            let mut scan = Scan::default();
            let found = match scan.push(text.as_bytes()) {
                Scanned::Whole(len) => Some(len),
                Scanned::More | Scanned::Odd => None,
            };
            prop_assert_eq!(found, expected);
            if let Some(tape) = found.and_then(|len| scan.tape(&text.as_bytes()[..len])) {
                for at in 0..tape.places.len() {
                    let json = Json { tape, at: u32::try_from(at).unwrap() };
                    let _ = (json.string(), json.array().map(Iterator::count), json.object().map(Iterator::count));
                }
            }
        }
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_not_looked_at() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(Scan::default().whole(&nested(NESTING_MAX)).is_some());
        assert!(Scan::default().whole(&nested(NESTING_MAX + 1)).is_none());
        let long = |len: usize| format!("[\"{}\"]", "x".repeat(len - 4)).into_bytes();
        assert!(Scan::default().whole(&long(TEXT_BYTES_MAX)).is_some());
        assert!(Scan::default().whole(&long(TEXT_BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn strings_are_read_with_their_escapes() {
        let mut scan = Scan::default();
        let tape = scan.whole(br#"["a","\u00e9\"","\ud800"]"#).unwrap();
        let strings: Vec<Option<String>> =
            tape.root().unwrap().array().unwrap().map(|json| json.string().map(Cow::into_owned)).collect();
        assert_eq!(strings, [Some("a".to_owned()), Some("é\"".to_owned()), None]);
        assert!(
            tape.root().unwrap().array_of::<3>().is_some() && tape.root().unwrap().array_of::<2>().is_none()
        );
    }
}
