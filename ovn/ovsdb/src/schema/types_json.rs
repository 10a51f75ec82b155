//! Column types from and to JSON.

use super::{BaseType, ColumnType, Constraint, RefType, Reference};
use crate::error::OvsdbError;
use crate::json::{Members, any, id};
use crate::value::{Atom, AtomType, Datum, Real, json_integer};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

impl ColumnType {
    /// Reads a `<type>`.
    pub fn from_json(json: &Value) -> Result<Self, OvsdbError> {
        if json.is_string() {
            return Ok(Self { key: BaseType::from_json(json)?, value: None, min: 1, max: Some(1) });
        }
        let mut members = Members::of(json, "ovsdb type")?;
        let base = |json| Some(json).filter(|json: &&Value| json.is_string() || json.is_object());
        let key = members.required("key", base)?;
        let value = members.optional("value", base)?;
        let bound =
            |json| Some(json).filter(|json: &&Value| json.is_string() || json_integer(json).is_some());
        let min = members.optional("min", json_integer)?;
        let max = members.optional("max", bound)?;
        members.finish()?;
        let key = BaseType::from_json(key)?;
        let value = value.map(BaseType::from_json).transpose()?;
        let bad = |json| OvsdbError::syntax(json, "bad min or max value");
        let max = match max {
            None => Some(1),
            Some(unlimited) if unlimited == "unlimited" => None,
            Some(max) => {
                let n = json_integer(max).ok_or_else(|| bad(max))?;
                Some(u32::try_from(n).map_err(|_| bad(max))?).filter(|n| *n != u32::MAX)
            }
        };
        match min.unwrap_or(1) {
            min @ (0 | 1) if max != Some(0) => Ok(Self { key, value, min: u32::from(min == 1), max }),
            _ => Err(OvsdbError::syntax(json, "ovsdb type fails constraint checks")),
        }
    }

    /// The `<type>`; what is default is left out.
    pub fn to_json(&self) -> Value {
        if self.is_scalar() && !self.key.is_constrained() {
            return self.key.to_json();
        }
        let mut out = Map::new();
        out.insert("key".to_owned(), self.key.to_json());
        if let Some(value) = &self.value {
            out.insert("value".to_owned(), value.to_json());
        }
        if self.min != 1 {
            out.insert("min".to_owned(), self.min.into());
        }
        match self.max {
            Some(1) => {}
            Some(max) => _ = out.insert("max".to_owned(), max.into()),
            None => _ = out.insert("max".to_owned(), "unlimited".into()),
        }
        out.into()
    }
}

impl BaseType {
    /// Reads a `<base-type>`.
    pub fn from_json(json: &Value) -> Result<Self, OvsdbError> {
        let atomic = |json: &Value| {
            let name = json.as_str().unwrap_or_default();
            AtomType::from_name(name)
                .ok_or_else(|| OvsdbError::syntax(json, format!("\"{name}\" is not an atomic-type")))
        };
        if json.is_string() {
            return atomic(json).map(Self::from);
        }
        let mut members = Members::of(json, "ovsdb type")?;
        let atom = atomic(members.required("type", |json| Some(json).filter(|j| j.is_string()))?)?;
        let mut base = Self::from(atom);
        match members.optional("enum", any)? {
            Some(values) => base.constraint = enum_from_json(values, atom)?,
            None => base.read_limits(json, &mut members)?,
        }
        members.finish()?;
        Ok(base)
    }

    fn read_limits(&mut self, json: &Value, members: &mut Members<'_>) -> Result<(), OvsdbError> {
        let exceeds = |what: &str| Err(OvsdbError::syntax(json, format!("min{what} exceeds max{what}")));
        match self.atom {
            AtomType::Integer => {
                let min = members.optional("minInteger", json_integer)?.unwrap_or(i64::MIN);
                let max = members.optional("maxInteger", json_integer)?.unwrap_or(i64::MAX);
                if min > max {
                    return exceeds("Integer");
                }
                if (min, max) != (i64::MIN, i64::MAX) {
                    self.constraint = Constraint::IntegerRange { min, max };
                }
            }
            AtomType::Real => {
                let min = members.optional("minReal", Value::as_f64)?.map(Real::new);
                let max = members.optional("maxReal", Value::as_f64)?.map(Real::new);
                if min.zip(max).is_some_and(|(min, max)| min > max) {
                    return exceeds("Real");
                }
                if min.is_some() || max.is_some() {
                    self.constraint = Constraint::RealRange { min, max };
                }
            }
            AtomType::String => {
                let length = |json: &Value| json_integer(json).and_then(|n| u32::try_from(n).ok());
                let min = members.optional("minLength", length)?.unwrap_or(0);
                let max = members.optional("maxLength", length)?.unwrap_or(u32::MAX);
                if min > max {
                    return exceeds("Length");
                }
                if (min, max) != (0, u32::MAX) {
                    self.constraint = Constraint::StringLength { min, max };
                }
            }
            AtomType::Uuid => self.reference = reference_from_json(json, members)?,
            AtomType::Boolean => {}
        }
        Ok(())
    }

    fn is_constrained(&self) -> bool {
        self.constraint != Constraint::None || self.reference.is_some()
    }

    /// The `<base-type>`; what is default is left out.
    pub fn to_json(&self) -> Value {
        if !self.is_constrained() {
            return self.atom.name().into();
        }
        let mut out = Map::new();
        out.insert("type".to_owned(), self.atom.name().into());
        let mut put = |key: &str, value: Value| _ = out.insert(key.to_owned(), value);
        match &self.constraint {
            Constraint::None => {}
            Constraint::Enum(values) => put("enum", Datum::Set(values.iter().cloned().collect()).to_json()),
            Constraint::IntegerRange { min, max } => {
                if *min != i64::MIN {
                    put("minInteger", json!(min));
                }
                if *max != i64::MAX {
                    put("maxInteger", json!(max));
                }
            }
            Constraint::RealRange { min, max } => {
                for (key, bound) in [("minReal", min), ("maxReal", max)] {
                    if let Some(bound) = bound {
                        put(key, Atom::Real(*bound).to_json());
                    }
                }
            }
            Constraint::StringLength { min, max } => {
                if *min != 0 {
                    put("minLength", json!(min));
                }
                if *max != u32::MAX {
                    put("maxLength", json!(max));
                }
            }
        }
        if let Some(reference) = &self.reference {
            put("refTable", reference.table.as_ref().into());
            if reference.kind == RefType::Weak {
                put("refType", "weak".into());
            }
        }
        out.into()
    }
}

fn enum_from_json(json: &Value, atom: AtomType) -> Result<Constraint, OvsdbError> {
    let ty = ColumnType { key: atom.into(), value: None, min: 1, max: None };
    let values: BTreeSet<Atom> = Datum::from_json(json, &ty, None)?.keys().cloned().collect();
    Ok(Constraint::Enum(values))
}

fn reference_from_json(json: &Value, members: &mut Members<'_>) -> Result<Option<Reference>, OvsdbError> {
    let Some(table) = members.optional("refTable", id)? else { return Ok(None) };
    let kind = match members.optional("refType", id)? {
        None | Some("strong") => RefType::Strong,
        Some("weak") => RefType::Weak,
        Some(other) => {
            let words = format!("refType must be \"strong\" or \"weak\" (not \"{other}\")");
            return Err(OvsdbError::syntax(json, words));
        }
    };
    Ok(Some(Reference { table: table.into(), kind }))
}
