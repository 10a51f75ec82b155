//! Column types: the `<type>` and `<base-type>` of RFC 7047 section 3.2.

use crate::error::OvsdbError;
use crate::value::{Atom, AtomType, Datum, Real, Str};
use std::collections::BTreeSet;

/// What a column holds: between `min` and `max` keys, or pairs of key and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnType {
    /// The type of set elements or map keys.
    pub key: BaseType,
    /// The type of map values; `None` for a set.
    pub value: Option<BaseType>,
    /// The least number of elements: 0 or 1.
    pub min: u32,
    /// The greatest number of elements, at least 1; `None` is no limit.
    pub max: Option<u32>,
}

/// What one atom of a column may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseType {
    /// Its type.
    pub atom: AtomType,
    /// Which values of the type are allowed.
    pub constraint: Constraint,
    /// Which table's rows it names; only for [`AtomType::Uuid`].
    pub reference: Option<Reference>,
}

/// Which values of an atomic type are allowed. Bounds are inclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// All of them.
    None,
    /// These; at least one.
    Enum(BTreeSet<Atom>),
    /// Integers in this range.
    IntegerRange { min: i64, max: i64 },
    /// Reals in this range; `None` is no bound.
    RealRange { min: Option<Real>, max: Option<Real> },
    /// Strings with this number of Unicode characters.
    StringLength { min: u32, max: u32 },
}

/// A reference to the rows of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The table whose rows are named.
    pub table: Str,
    /// What the reference means for the life of the row that is named.
    pub kind: RefType,
}

/// What a reference means for the life of the row that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefType {
    /// The row must exist, and cannot go while it is referred to.
    Strong,
    /// The reference goes when the row goes.
    Weak,
}

impl From<AtomType> for BaseType {
    fn from(atom: AtomType) -> Self {
        Self { atom, constraint: Constraint::None, reference: None }
    }
}

impl From<AtomType> for ColumnType {
    fn from(atom: AtomType) -> Self {
        Self { key: atom.into(), value: None, min: 1, max: Some(1) }
    }
}

impl BaseType {
    /// This reference, if the base type is one of kind `kind`.
    pub fn reference_of(&self, kind: RefType) -> Option<&Reference> {
        self.reference.as_ref().filter(|r| r.kind == kind)
    }

    /// Says why `atom`, which has the right type, is not allowed.
    pub fn check(&self, atom: &Atom) -> Result<(), OvsdbError> {
        match (&self.constraint, atom) {
            (Constraint::None, _) => Ok(()),
            (Constraint::Enum(allowed), _) => check_enum(allowed, atom),
            (Constraint::IntegerRange { min, max }, Atom::Integer(n)) => check_integer(*n, *min, *max),
            (Constraint::RealRange { min, max }, Atom::Real(r)) => check_real(*r, *min, *max),
            (Constraint::StringLength { min, max }, Atom::String(text)) => check_length(text, *min, *max),
            (
                Constraint::IntegerRange { .. }
                | Constraint::RealRange { .. }
                | Constraint::StringLength { .. },
                _,
            ) => Ok(()),
        }
    }
}

fn check_enum(allowed: &BTreeSet<Atom>, atom: &Atom) -> Result<(), OvsdbError> {
    if allowed.contains(atom) {
        return Ok(());
    }
    let words: Vec<String> = allowed.iter().map(Atom::to_string).collect();
    violation(format!("{atom} is not one of the allowed values ([{}])", words.join(", ")))
}

fn check_integer(n: i64, min: i64, max: i64) -> Result<(), OvsdbError> {
    if (min..=max).contains(&n) {
        return Ok(());
    }
    violation(match (min != i64::MIN, max != i64::MAX) {
        (true, true) => format!("{n} is not in the valid range {min} to {max} (inclusive)"),
        (true, false) => format!("{n} is less than minimum allowed value {min}"),
        (false, _) => format!("{n} is greater than maximum allowed value {max}"),
    })
}

fn check_real(r: Real, min: Option<Real>, max: Option<Real>) -> Result<(), OvsdbError> {
    if min.is_none_or(|min| min <= r) && max.is_none_or(|max| r <= max) {
        return Ok(());
    }
    violation(match (min, max) {
        (Some(min), Some(max)) => format!("{r} is not in the valid range {min} to {max} (inclusive)"),
        (Some(min), None) => format!("{r} is less than minimum allowed value {min}"),
        (None, Some(max)) => format!("{r} is greater than maximum allowed value {max}"),
        (None, None) => return Ok(()),
    })
}

fn check_length(text: &str, min: u32, max: u32) -> Result<(), OvsdbError> {
    let length = text.chars().count();
    let (bound, limit) = match u32::try_from(length) {
        Ok(n) if n < min => (format!("less than minimum allowed length {min}"), true),
        Ok(n) if n <= max => (String::new(), false),
        Ok(_) | Err(_) => (format!("greater than maximum allowed length {max}"), true),
    };
    if limit { violation(format!("\"{text}\" length {length} is {bound}")) } else { Ok(()) }
}

fn violation(details: String) -> Result<(), OvsdbError> {
    Err(OvsdbError::new(OvsdbError::CONSTRAINT, details))
}

impl ColumnType {
    /// Whether this is a map.
    pub const fn is_map(&self) -> bool {
        self.value.is_some()
    }

    /// Whether this is exactly one atom.
    pub const fn is_scalar(&self) -> bool {
        self.value.is_none() && self.min == 1 && matches!(self.max, Some(1))
    }

    /// Whether this is a set of at most one atom.
    pub const fn is_optional_scalar(&self) -> bool {
        self.value.is_none() && self.min == 0 && matches!(self.max, Some(1))
    }

    /// Whether there may be more than one element, so that a change is worth sending as a
    /// difference.
    pub const fn is_composite(&self) -> bool {
        !matches!(self.max, Some(0 | 1))
    }

    /// The type of differences between two values of this type, which may have any number of elements.
    pub fn of_differences(&self) -> Self {
        if self.is_composite() { Self { min: 0, max: None, ..self.clone() } } else { self.clone() }
    }

    /// Whether `len` elements are allowed.
    pub fn allows_len(&self, len: usize) -> bool {
        let max = self.max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        usize::try_from(self.min).is_ok_and(|min| min <= len) && len <= max
    }

    /// Says why a datum built otherwise than from JSON is not allowed: its shape, the number of
    /// elements, or the constraints of one.
    pub fn check(&self, datum: &Datum) -> Result<(), OvsdbError> {
        let types_fit = match (datum, &self.value) {
            (Datum::Set(atoms), None) => atoms.iter().all(|a| a.atom_type() == self.key.atom),
            (Datum::Map(pairs), Some(value)) => {
                pairs.iter().all(|(k, v)| k.atom_type() == self.key.atom && v.atom_type() == value.atom)
            }
            (Datum::Set(_), Some(_)) | (Datum::Map(_), None) => false,
        };
        if !types_fit {
            return violation(format!("{datum} does not have the type of the column"));
        }
        if !self.allows_len(datum.len()) {
            let (words, len) = (self.len_in_words(), datum.len());
            return violation(format!("{} must have {words} but {len} are present", self.class()));
        }
        datum.keys().try_for_each(|key| self.key.check(key))?;
        match &self.value {
            Some(value) => datum.values().try_for_each(|v| value.check(v)),
            None => Ok(()),
        }
    }

    /// `set` or `map`.
    pub const fn class(&self) -> &'static str {
        if self.is_map() { "map" } else { "set" }
    }

    /// How many elements are allowed, as upstream's errors say it.
    pub(crate) fn len_in_words(&self) -> String {
        match (self.min, self.max.unwrap_or(u32::MAX)) {
            (1, 1) => "exactly one member".to_owned(),
            (min, max) => format!("{min} to {max} members"),
        }
    }

    /// The type in words, for example `set of up to 3 integers`, as errors say it.
    pub fn describe(&self) -> String {
        let key = self.key.atom;
        if self.is_scalar() {
            return key.to_string();
        }
        let number = match (self.min, self.max) {
            (0, None) => String::new(),
            (min, None) => format!("{min} or more "),
            (0, Some(max)) => format!("up to {max} "),
            (min, Some(max)) => format!("{min} to {max} "),
        };
        match &self.value {
            Some(value) => format!("map of {number}({key}, {}) pairs", value.atom),
            None => format!("set of {number}{key}s"),
        }
    }
}
