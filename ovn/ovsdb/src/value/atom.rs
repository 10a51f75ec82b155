//! Atoms: the five scalar types of RFC 7047 section 3.1.

use super::Uuid;
use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Shared text: cloning costs a reference count.
pub type Str = Arc<str>;

/// The type of an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AtomType {
    Integer,
    Real,
    Boolean,
    String,
    Uuid,
}

impl AtomType {
    /// The name in schemas and error texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Real => "real",
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Uuid => "uuid",
        }
    }

    /// The type called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Integer, Self::Real, Self::Boolean, Self::String, Self::Uuid]
            .into_iter()
            .find(|t| t.name() == name)
    }

    /// The value of a column nobody has set: zero, false or empty.
    pub fn default_atom(self) -> Atom {
        match self {
            Self::Integer => Atom::Integer(0),
            Self::Real => Atom::Real(Real::default()),
            Self::Boolean => Atom::Boolean(false),
            Self::String => Atom::String(Str::default()),
            Self::Uuid => Atom::Uuid(Uuid::ZERO),
        }
    }

    /// Whether arithmetic mutations and `<`, `>` apply.
    pub const fn is_numeric(self) -> bool {
        match self {
            Self::Integer | Self::Real => true,
            Self::Boolean | Self::String | Self::Uuid => false,
        }
    }
}

impl fmt::Display for AtomType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A floating point number with a total order. Negative zero is stored as zero, so that numbers
/// that are equal have equal hashes; no JSON text gives an infinity or a NaN.
#[derive(Clone, Copy, Debug, Default)]
pub struct Real(f64);

impl Real {
    /// Wraps `value`; any value is accepted.
    pub fn new(value: f64) -> Self {
        Self(value + 0.0)
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl From<f64> for Real {
    fn from(value: f64) -> Self {
        Self::new(value)
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Real {}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl fmt::Display for Real {
    /// Fifteen significant digits, as C's `%.15g` gives them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0.0 || !self.0.is_finite() {
            return write!(f, "{}", self.0);
        }
        let scientific = format!("{:.14e}", self.0);
        let (mantissa, exponent) = scientific.split_once('e').expect("the format above writes an exponent");
        let exponent: i32 = exponent.parse().expect("the format above writes a decimal exponent");
        if (-4..15).contains(&exponent) {
            let decimals = usize::try_from(14 - exponent).expect("the exponent is below 15");
            f.write_str(without_trailing_zeros(&format!("{:.decimals$}", self.0)))
        } else {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(f, "{}e{sign}{:02}", without_trailing_zeros(mantissa), exponent.abs())
        }
    }
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// One scalar value. Ordered by value within a type; types do not mix inside one column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Atom {
    Integer(i64),
    Real(Real),
    Boolean(bool),
    String(Str),
    Uuid(Uuid),
}

impl Atom {
    /// The type of this atom.
    pub const fn atom_type(&self) -> AtomType {
        match self {
            Self::Integer(_) => AtomType::Integer,
            Self::Real(_) => AtomType::Real,
            Self::Boolean(_) => AtomType::Boolean,
            Self::String(_) => AtomType::String,
            Self::Uuid(_) => AtomType::Uuid,
        }
    }

    /// Whether this is the default of its type.
    pub fn is_default(&self) -> bool {
        match self {
            Self::Integer(n) => *n == 0,
            Self::Real(r) => r.get() == 0.0,
            Self::Boolean(b) => !*b,
            Self::String(s) => s.is_empty(),
            Self::Uuid(u) => u.is_zero(),
        }
    }

    /// The `<atom>` of RFC 7047 section 5.1.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Integer(n) => Value::from(*n),
            Self::Real(r) => real_to_json(r.get()),
            Self::Boolean(b) => Value::from(*b),
            Self::String(s) => Value::from(&**s),
            Self::Uuid(u) => Value::Array(vec![Value::from("uuid"), Value::from(u.to_string())]),
        }
    }
}

/// Whole numbers are written without a fraction, as upstream writes them.
fn real_to_json(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { Value::from(value as i64) } else { Value::from(value) }
}

impl fmt::Display for Atom {
    /// The text of the command line tools: strings that are not plain words are quoted as in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => write!(f, "{n}"),
            Self::Real(r) => write!(f, "{r}"),
            Self::Boolean(b) => write!(f, "{b}"),
            Self::String(s) if is_plain_word(s) => f.write_str(s),
            Self::String(s) => write!(f, "{}", Value::from(&**s)),
            Self::Uuid(u) => write!(f, "{u}"),
        }
    }
}

/// Whether `text` reads back as a string without quotes: a word that is no boolean and no UUID.
fn is_plain_word(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && text != "true"
        && text != "false"
        && text.parse::<Uuid>().is_err()
}

impl From<i64> for Atom {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Atom {
    fn from(value: f64) -> Self {
        Self::Real(Real::new(value))
    }
}

impl From<bool> for Atom {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<&str> for Atom {
    fn from(value: &str) -> Self {
        Self::String(Str::from(value))
    }
}

impl From<String> for Atom {
    fn from(value: String) -> Self {
        Self::String(Str::from(value))
    }
}

impl From<Str> for Atom {
    fn from(value: Str) -> Self {
        Self::String(value)
    }
}

impl From<Uuid> for Atom {
    fn from(value: Uuid) -> Self {
        Self::Uuid(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_atoms() {
        let cases: [(Atom, &str); 16] = [
            (5.into(), "5"),
            ((-1.5).into(), "-1.5"),
            (1e6.into(), "1000000"),
            (0.3_f64.into(), "0.3"),
            ((0.1 + 0.2).into(), "0.3"),
            (1e300.into(), "1e+300"),
            (1.234_567_890_123_456_7e17.into(), "1.23456789012346e+17"),
            (0.00001.into(), "1e-05"),
            ((-0.0).into(), "0"),
            (true.into(), "true"),
            ("br-0.x".into(), "br-0.x"),
            ("0br".into(), "\"0br\""),
            ("".into(), "\"\""),
            ("true".into(), "\"true\""),
            ("a\nb\u{1}é".into(), "\"a\\nb\\u0001é\""),
            ("a2345678-9abc-def0-1122-334455667788".into(), "\"a2345678-9abc-def0-1122-334455667788\""),
        ];
        for (atom, text) in cases {
            assert_eq!(atom.to_string(), text);
        }
    }

    #[test]
    fn json_of_atoms() {
        let cases: [(Atom, &str); 6] = [
            (i64::MIN.into(), "-9223372036854775808"),
            (3.0.into(), "3"),
            (0.1.into(), "0.1"),
            (false.into(), "false"),
            ("x\"".into(), r#""x\"""#),
            (Uuid::ZERO.into(), r#"["uuid","00000000-0000-0000-0000-000000000000"]"#),
        ];
        for (atom, text) in cases {
            assert_eq!(atom.to_json().to_string(), text);
        }
    }

    #[test]
    fn names_of_types_are_read_back() {
        for t in [AtomType::Integer, AtomType::Real, AtomType::Boolean, AtomType::String, AtomType::Uuid] {
            assert_eq!(AtomType::from_name(t.name()), Some(t));
            assert!(t.default_atom().is_default());
            assert_eq!(t.default_atom().atom_type(), t);
        }
        assert_eq!(AtomType::from_name("int"), None);
    }
}
