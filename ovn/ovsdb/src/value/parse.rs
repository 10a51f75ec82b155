//! Values from JSON: RFC 7047 section 5.1, with the types and constraints of section 3.2.
//!
//! Error texts are upstream's, because operators and upstream's own test-suite read them.

use super::{Atom, AtomType, Atoms, Datum, Real, Uuid, UuidGenerator};
use crate::error::OvsdbError;
use crate::schema::{BaseType, ColumnType, is_valid_id};
use serde_json::Value;
use std::collections::BTreeMap;

/// The named UUIDs of one transaction: a name may be used before the insert that defines it.
///
/// Bounded by the size of the request that names them.
#[derive(Clone, Debug)]
pub struct Symbols {
    names: BTreeMap<String, Symbol>,
    generator: UuidGenerator,
}

#[derive(Clone, Copy, Debug)]
struct Symbol {
    uuid: Uuid,
    defined: bool,
}

impl Symbols {
    /// No names yet; `generator` gives the UUIDs of those to come.
    pub fn new(generator: UuidGenerator) -> Self {
        Self { names: BTreeMap::new(), generator }
    }

    /// A UUID for a row or a version without a name.
    pub fn fresh(&mut self) -> Uuid {
        self.generator.generate()
    }

    /// The UUID that `name` stands for, the same at every use.
    pub fn resolve(&mut self, name: &str) -> Uuid {
        self.entry(name).uuid
    }

    /// Says that an insert operation makes the row that `name` stands for, and gives its UUID:
    /// `wanted` if the client chose one, also where the name was used before and stood for another.
    /// `None` if the name was defined before.
    pub fn define(&mut self, name: &str, wanted: Option<Uuid>) -> Option<Uuid> {
        let symbol = self.entry(name);
        if symbol.defined {
            return None;
        }
        *symbol = Symbol { uuid: wanted.unwrap_or(symbol.uuid), defined: true };
        Some(symbol.uuid)
    }

    fn entry(&mut self, name: &str) -> &mut Symbol {
        if !self.names.contains_key(name) {
            let uuid = self.generator.generate();
            self.names.insert(name.to_owned(), Symbol { uuid, defined: false });
        }
        self.names.get_mut(name).expect("the name was inserted above")
    }
}

impl Datum {
    /// Reads a `<value>` for a column of type `ty`, checking types, constraints, the number of
    /// elements and duplicates. With `symbols`, `["named-uuid", name]` is accepted where a UUID is.
    pub fn from_json(
        json: &Value,
        ty: &ColumnType,
        symbols: Option<&mut Symbols>,
    ) -> Result<Self, OvsdbError> {
        match &ty.value {
            Some(value) => map_from_json(json, ty, value, symbols),
            None if tag(json) == Some("set") => set_from_json(json, ty, symbols),
            None => Ok(Self::scalar(atom_from_json(json, &ty.key, symbols)?)),
        }
    }
}

fn set_from_json(
    json: &Value,
    ty: &ColumnType,
    mut symbols: Option<&mut Symbols>,
) -> Result<Datum, OvsdbError> {
    let elements = elements(json, "set", ty)?;
    let mut atoms = Vec::with_capacity(elements.len());
    for element in elements {
        atoms.push(atom_from_json(element, &ty.key, symbols.as_deref_mut())?);
    }
    atoms.sort_unstable();
    if atoms.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(OvsdbError::new(OvsdbError::OTHER, "set contains duplicate"));
    }
    Ok(Datum::Set(Atoms::from_sorted(atoms)))
}

fn map_from_json(
    json: &Value,
    ty: &ColumnType,
    value_type: &BaseType,
    mut symbols: Option<&mut Symbols>,
) -> Result<Datum, OvsdbError> {
    let elements = elements(json, "map", ty)?;
    let mut pairs = Vec::with_capacity(elements.len());
    for element in elements {
        let Some([key, value]) = element.as_array().map(Vec::as_slice) else {
            return Err(OvsdbError::syntax(element, "expected 2-element array"));
        };
        let key = atom_from_json(key, &ty.key, symbols.as_deref_mut())?;
        let value = atom_from_json(value, value_type, symbols.as_deref_mut())?;
        pairs.push((key, value));
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    if pairs.windows(2).any(|two| two[0].0 == two[1].0) {
        return Err(OvsdbError::new(OvsdbError::OTHER, "map contains duplicate key"));
    }
    Ok(Datum::Map(pairs.into()))
}

/// The elements of `[class, [...]]`, whose number the type must allow.
fn elements<'a>(json: &'a Value, class: &str, ty: &ColumnType) -> Result<&'a [Value], OvsdbError> {
    let inner = match json.as_array().map(Vec::as_slice) {
        Some([tag, Value::Array(inner)]) if tag == class => inner,
        _ => return Err(OvsdbError::syntax(json, format!("expected [\"{class}\", <array>]"))),
    };
    if ty.allows_len(inner.len()) {
        return Ok(inner);
    }
    let len = inner.len();
    Err(OvsdbError::syntax(json, format!("{class} must have {} but {len} are present", ty.len_in_words())))
}

fn tag(json: &Value) -> Option<&str> {
    json.as_array()?.first()?.as_str()
}

/// Reads an `<atom>` and checks the constraints of `base`.
pub(crate) fn atom_from_json(
    json: &Value,
    base: &BaseType,
    symbols: Option<&mut Symbols>,
) -> Result<Atom, OvsdbError> {
    let atom = match (base.atom, json) {
        (AtomType::Integer, _) => json_integer(json).map(Atom::Integer),
        (AtomType::Real, Value::Number(n)) => n.as_f64().map(|r| Atom::Real(Real::new(r))),
        (AtomType::Boolean, Value::Bool(b)) => Some(Atom::Boolean(*b)),
        (AtomType::String, Value::String(s)) => Some(Atom::from(s.as_str())),
        (AtomType::Uuid, _) => return uuid_from_json(json, symbols).map(Atom::Uuid),
        (AtomType::Real | AtomType::Boolean | AtomType::String, _) => None,
    };
    let atom = atom.ok_or_else(|| OvsdbError::syntax(json, format!("expected {}", base.atom)))?;
    if let Value::String(text) = json {
        check_storable(text, json)?;
    }
    base.check(&atom)?;
    Ok(atom)
}

/// Refuses the one character that upstream's reader of files has no place for: a file with it would be ours alone.
pub(crate) fn check_storable(text: &str, json: &Value) -> Result<(), OvsdbError> {
    if text.contains('\0') {
        return Err(OvsdbError::syntax(json, "null bytes not supported in quoted strings"));
    }
    Ok(())
}

fn uuid_from_json(json: &Value, symbols: Option<&mut Symbols>) -> Result<Uuid, OvsdbError> {
    let (tag, text) = match json.as_array().map(Vec::as_slice) {
        Some([Value::String(tag), Value::String(text)]) => (tag.as_str(), text.as_str()),
        _ => ("", ""),
    };
    match (tag, symbols) {
        ("uuid", _) => {
            text.parse().map_err(|error: super::ParseUuidError| OvsdbError::syntax(json, error.to_string()))
        }
        ("named-uuid", Some(_)) if !is_valid_id(text) => {
            Err(OvsdbError::syntax(json, "named-uuid string is not a valid <id>"))
        }
        ("named-uuid", Some(symbols)) => Ok(symbols.resolve(text)),
        _ => Err(OvsdbError::syntax(json, "expected [\"uuid\", <string>]")),
    }
}

/// The number as an integer, if it is one: `2` and `2.0` and `2e0` are, `2.5` and `1e19` are not.
pub(crate) fn json_integer(json: &Value) -> Option<i64> {
    let Value::Number(n) = json else { return None };
    n.as_i64().or_else(|| {
        let real = n.as_f64()?;
        // Of the two bounds only -2^63 is itself an i64.
        let whole = real.fract() == 0.0
            && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&real);
        whole.then_some(real as i64)
    })
}
