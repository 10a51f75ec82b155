//! Column values as people write them, and as OVSDB's JSON.
//!
//! A scalar column takes a scalar; a set takes a scalar or a list; a map takes a mapping. Booleans and numbers
//! may stand where the column has strings: YAML's `options: {requested-tnl-key: 7}` means the text "7".

use crate::text::{Part, Path};
use ovsdb::{Atom, AtomType, BaseType, ColumnType, Datum};
use serde_json::{Value, json};

/// What is wrong with a plain value, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPlain {
    /// From the value's own root.
    pub path: Path,
    pub title: String,
    pub expected: String,
}

/// Reads a reference (what stands where a row of `table` is to be named) as OVSDB's JSON for a UUID.
pub type Refer<'a> = dyn FnMut(&str, &Value, &Path) -> Result<Value, BadPlain> + 'a;

/// A plain value as OVSDB's JSON for a column of this type, checked against the type.
///
/// # Errors
/// The first thing that does not fit.
pub fn to_ovsdb(plain: &Value, ty: &ColumnType, refer: &mut Refer<'_>) -> Result<Value, BadPlain> {
    let json = match (&ty.value, plain) {
        (Some(value), Value::Object(pairs)) => {
            let mut out = Vec::new();
            for (key, item) in pairs {
                let path = vec![Part::from(key.as_str())];
                let key = atom(&Value::from(key.as_str()), &ty.key, &path, refer)?;
                out.push(json!([key, atom(item, value, &path, refer)?]));
            }
            json!(["map", out])
        }
        (None, Value::Array(items)) => {
            let mut out = Vec::new();
            for (i, item) in items.iter().enumerate() {
                out.push(atom(item, &ty.key, &vec![Part::Index(i)], refer)?);
            }
            json!(["set", out])
        }
        (None, Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Object(_)) => {
            atom(plain, &ty.key, &Path::new(), refer)?
        }
        (Some(_), _) | (None, Value::Null) => {
            return Err(bad(&Path::new(), format!("{} is not for this column", kind(plain)), ty));
        }
    };
    let mut symbols = ovsdb::Symbols::new(ovsdb::UuidGenerator::new(0));
    Datum::from_json(&json, ty, Some(&mut symbols))
        .map_err(|e| bad(&Path::new(), e.details.unwrap_or_else(|| e.error.to_string()), ty))?;
    Ok(json)
}

/// A plain value as a datum to compare a row's column with; `refer` turns names of rows into UUIDs.
///
/// # Errors
/// The first thing that does not fit.
pub fn to_datum(plain: &Value, ty: &ColumnType, refer: &mut Refer<'_>) -> Result<Datum, BadPlain> {
    let json = to_ovsdb(plain, ty, refer)?;
    Datum::from_json(&json, ty, None).map_err(|e| bad(&Path::new(), e.to_string(), ty))
}

fn bad(path: &Path, title: String, ty: &ColumnType) -> BadPlain {
    BadPlain { path: path.clone(), title, expected: format!("expected {}", ty.describe()) }
}

fn atom(plain: &Value, base: &BaseType, path: &Path, refer: &mut Refer<'_>) -> Result<Value, BadPlain> {
    let wrong = |expected: &str| BadPlain {
        path: path.clone(),
        title: format!("{} is not for this column", kind(plain)),
        expected: format!("expected {expected}"),
    };
    match (base.atom, plain) {
        (AtomType::Uuid, _) => match &base.reference {
            Some(reference) => refer(&reference.table, plain, path),
            None => uuid_literal(plain).ok_or_else(|| wrong("a UUID")),
        },
        (AtomType::String, Value::String(text)) => Ok(Value::from(text.as_str())),
        (AtomType::String, Value::Bool(_) | Value::Number(_)) => Ok(Value::from(plain.to_string())),
        (AtomType::String, _) => Err(wrong("a text")),
        (AtomType::Integer, Value::Number(n)) if n.is_i64() => Ok(plain.clone()),
        (AtomType::Integer, Value::String(text)) if text.parse::<i64>().is_ok() => {
            Ok(Value::from(text.parse::<i64>().unwrap_or_default()))
        }
        (AtomType::Integer, _) => Err(wrong("a whole number")),
        (AtomType::Real, Value::Number(_)) => Ok(plain.clone()),
        (AtomType::Real, _) => Err(wrong("a number")),
        (AtomType::Boolean, Value::Bool(_)) => Ok(plain.clone()),
        (AtomType::Boolean, _) => Err(wrong("true or false")),
    }
}

/// `["uuid", ..]` for a text that is one.
pub fn uuid_literal(plain: &Value) -> Option<Value> {
    let text = plain.as_str()?;
    text.parse::<ovsdb::Uuid>().ok().map(|uuid| json!(["uuid", uuid.to_string()]))
}

/// What a plain value is, in words.
fn kind(plain: &Value) -> &'static str {
    match plain {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// A datum as people write it, for messages.
pub fn from_datum(datum: &Datum) -> Value {
    match datum {
        Datum::Set(atoms) => match atoms.only() {
            Some(one) => from_atom(one),
            None => Value::Array(atoms.iter().map(from_atom).collect()),
        },
        Datum::Map(pairs) => Value::Object(
            pairs
                .iter()
                .map(|(key, value)| {
                    let key = match key {
                        Atom::String(text) => text.to_string(),
                        other => other.to_string(),
                    };
                    (key, from_atom(value))
                })
                .collect(),
        ),
    }
}

fn from_atom(atom: &Atom) -> Value {
    match atom {
        Atom::Integer(n) => Value::from(*n),
        Atom::Real(_) => atom.to_json(),
        Atom::Boolean(b) => Value::from(*b),
        Atom::String(text) => Value::from(text.as_ref()),
        Atom::Uuid(uuid) => Value::from(uuid.to_string()),
    }
}
