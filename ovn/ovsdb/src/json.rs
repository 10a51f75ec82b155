//! Reading the members of a JSON object, each once, with upstream's error texts; and JSON as such texts quote it.

mod tape;
mod text;

pub use tape::Tape;
pub(crate) use tape::{Elements, Json, Scan, Scanned, TEXT_BYTES_MAX, is_number, string_end};
pub(crate) use text::JsonText;

use crate::error::OvsdbError;
use crate::schema::is_valid_id;
use crate::value::{Real, json_integer};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// An object whose members are taken one after the other. A member that nobody took is an error.
pub(crate) struct Members<'a> {
    what: String,
    json: &'a Value,
    object: &'a Map<String, Value>,
    used: BTreeSet<&'static str>,
}

impl<'a> Members<'a> {
    /// `what` names the object in errors: "Parsing `what` failed: …".
    pub(crate) fn of(json: &'a Value, what: impl Into<String>) -> Result<Self, OvsdbError> {
        let what = what.into();
        match json.as_object() {
            Some(object) => Ok(Self { what, json, object, used: BTreeSet::new() }),
            None => {
                Err(OvsdbError::new(OvsdbError::SYNTAX, format!("Parsing {what} failed: Object expected.")))
            }
        }
    }

    /// The error that the object is wrong because of `reason`.
    pub(crate) fn fail(&self, reason: impl AsRef<str>) -> OvsdbError {
        OvsdbError::syntax(self.json, format!("Parsing {} failed: {}", self.what, reason.as_ref()))
    }

    /// The member, if it is present and `read` accepts its type.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, OvsdbError> {
        self.used.insert(name);
        let Some(value) = self.object.get(name) else { return Ok(None) };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.fail(format!("Type mismatch for member '{name}'."))),
        }
    }

    /// The member, which must be present.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, OvsdbError> {
        match self.optional(name, read)? {
            Some(value) => Ok(value),
            None => Err(self.fail(format!("Required '{name}' member is missing."))),
        }
    }

    /// Refuses members that nobody asked for.
    pub(crate) fn finish(self) -> Result<(), OvsdbError> {
        let mut unused: Vec<&String> =
            self.object.keys().filter(|key| !self.used.contains(key.as_str())).collect();
        let Some(named) = unused.pop() else { return Ok(()) };
        let others = match unused.len() {
            0 => " is".to_owned(),
            1 => " and 1 other member are".to_owned(),
            n => format!(" and {n} other members are"),
        };
        Err(self.fail(format!("Member '{named}'{others} present but not allowed here.")))
    }
}

/// Reads any value.
pub(crate) fn any(json: &Value) -> Option<&Value> {
    Some(json)
}

/// Reads an `<id>`.
pub(crate) fn id(json: &Value) -> Option<&str> {
    json.as_str().filter(|text| is_valid_id(text))
}

/// Reads an array, keeping the value itself for error texts.
pub(crate) fn array(json: &Value) -> Option<&Value> {
    json.is_array().then_some(json)
}

/// Reads an object, keeping the value itself for error texts.
pub(crate) fn object(json: &Value) -> Option<&Value> {
    json.is_object().then_some(json)
}

/// JSON as upstream's errors quote it: keys sorted, whole numbers without a fraction, other numbers with fifteen digits.
pub(crate) fn quote(json: &Value) -> String {
    let mut text = String::new();
    quote_into(json, &mut text);
    text
}

fn quote_into(json: &Value, text: &mut String) {
    match json {
        Value::Number(number) => match (json_integer(json), number.as_f64()) {
            (Some(whole), _) => text.push_str(&whole.to_string()),
            (None, Some(real)) => text.push_str(&Real::new(real).to_string()),
            (None, None) => text.push_str(&number.to_string()),
        },
        Value::Array(elements) => {
            text.push('[');
            for (i, element) in elements.iter().enumerate() {
                text.push_str(if i > 0 { "," } else { "" });
                quote_into(element, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                text.push_str(if i > 0 { "," } else { "" });
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                quote_into(value, text);
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&json.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_numbers_are_those_of_upstream() {
        let json: Value = serde_json::from_str(r#"{"b":[0.0,2e0,0.1,1e30,-5,"x\n"],"a":null}"#).unwrap();
        assert_eq!(quote(&json), r#"{"a":null,"b":[0,2,0.1,1e+30,-5,"x\n"]}"#);
    }
}
