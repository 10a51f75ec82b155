//! The error object of RFC 7047 section 3.1, as upstream's server and clients write and read it.

use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// An error of the database: a short name that programs look at, and words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OvsdbError {
    /// What kind of error, for example `constraint violation`; one of the constants of this type
    /// when we made it, anything when a server sent it.
    pub error: Cow<'static, str>,
    /// What is wrong, in words.
    pub details: Option<String>,
    /// The JSON text that is wrong, keys sorted.
    pub syntax: Option<String>,
    /// The operating system's words for a failed read or write.
    pub io_error: Option<String>,
}

impl OvsdbError {
    /// JSON that does not say what it should.
    pub const SYNTAX: &'static str = "syntax error";
    /// A column that the table lacks.
    pub const UNKNOWN_COLUMN: &'static str = "unknown column";
    /// A database that the server lacks.
    pub const UNKNOWN_DATABASE: &'static str = "unknown database";
    /// A comparison that does not exist.
    pub const UNKNOWN_FUNCTION: &'static str = "unknown function";
    /// A mutation that does not exist.
    pub const UNKNOWN_MUTATOR: &'static str = "unknown mutator";
    /// A table that the database lacks.
    pub const UNKNOWN_TABLE: &'static str = "unknown table";
    /// A value, a number of elements or rows, or an index key that the schema forbids.
    pub const CONSTRAINT: &'static str = "constraint violation";
    /// A strong reference to nothing, or the deletion of a row that has references.
    pub const REFERENTIAL_INTEGRITY: &'static str = "referential integrity violation";
    /// A `wait` whose time is over; clients read the rows again and retry.
    pub const TIMED_OUT: &'static str = "timed out";
    /// An `abort` operation.
    pub const ABORTED: &'static str = "aborted";
    /// An `assert` of a lock that the client does not hold.
    pub const NOT_OWNER: &'static str = "not owner";
    /// A write where only reads are allowed.
    pub const NOT_ALLOWED: &'static str = "not allowed";
    /// A write that the client's role does not permit.
    pub const PERMISSION: &'static str = "permission error";
    /// Arithmetic without a result.
    pub const DOMAIN: &'static str = "domain error";
    /// Arithmetic with a result that does not fit.
    pub const RANGE: &'static str = "range error";
    /// The UUID that a client chose is or was that of another row.
    pub const DUPLICATE_UUID: &'static str = "duplicate uuid";
    /// Two inserts under one name.
    pub const DUPLICATE_UUID_NAME: &'static str = "duplicate uuid-name";
    /// A transaction that its client took back.
    pub const CANCELED: &'static str = "canceled";
    /// A failed read or write.
    pub const IO: &'static str = "I/O error";
    /// Upstream's name for what it did not name, for example a duplicate in a set.
    pub const OTHER: &'static str = "ovsdb error";

    /// An error of this kind with these words.
    pub fn new(error: &'static str, details: impl Into<String>) -> Self {
        Self { error: Cow::Borrowed(error), details: Some(details.into()), syntax: None, io_error: None }
    }

    /// An error of this kind about the JSON text `at`.
    pub fn at(error: &'static str, at: &Value, details: impl Into<String>) -> Self {
        Self { syntax: Some(crate::json::quote(at)), ..Self::new(error, details) }
    }

    /// A `syntax error` about the JSON text `at`.
    pub fn syntax(at: &Value, details: impl Into<String>) -> Self {
        Self::at(Self::SYNTAX, at, details)
    }

    /// The error object as it stands in a reply.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("error".to_owned(), self.error.as_ref().into());
        for (key, text) in
            [("details", &self.details), ("syntax", &self.syntax), ("io-error", &self.io_error)]
        {
            if let Some(text) = text {
                object.insert(key.to_owned(), text.as_str().into());
            }
        }
        object.into()
    }

    /// Reads an error object; `None` if `json` is not an object with an `error` string.
    pub fn from_json(json: &Value) -> Option<Self> {
        let error = Cow::Owned(json.get("error")?.as_str()?.to_owned());
        let text = |key| json.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self { error, details: text("details"), syntax: text("syntax"), io_error: text("io-error") })
    }
}

impl fmt::Display for OvsdbError {
    /// `syntax "…": kind: details (I/O words)`, each part only if present.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(syntax) = &self.syntax {
            write!(f, "syntax \"{syntax}\": ")?;
        }
        f.write_str(&self.error)?;
        if let Some(details) = &self.details {
            write!(f, ": {details}")?;
        }
        if let Some(io_error) = &self.io_error {
            write!(f, " ({io_error})")?;
        }
        Ok(())
    }
}

impl std::error::Error for OvsdbError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_is_written_and_read_back() {
        let error = OvsdbError::syntax(&serde_json::json!({"b": 1, "a": 2}), "expected string");
        assert_eq!(
            error.to_json().to_string(),
            r#"{"details":"expected string","error":"syntax error","syntax":"{\"a\":2,\"b\":1}"}"#
        );
        assert_eq!(error.to_string(), r#"syntax "{"a":2,"b":1}": syntax error: expected string"#);
        assert_eq!(OvsdbError::from_json(&error.to_json()), Some(error));
        assert_eq!(OvsdbError::from_json(&serde_json::json!({"count": 1})), None);
    }
}
