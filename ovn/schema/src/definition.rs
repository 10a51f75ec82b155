//! What a definition file says, in the order it says it: tables, columns, types, documentation.
//!
//! A [`Definition`] is made by [`crate::notation::parse`] and is the source of the `.ovsschema` JSON
//! ([`Definition::to_json`]) and of the typed rows ([`crate::generate`]).

use serde_json::{Map, Value, json};

/// One database.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Name on the wire, such as `OVN_Northbound`.
    pub name: String,
    /// Version of the schema, three numbers.
    pub version: String,
    /// One line about it, possibly empty.
    pub documentation: String,
    /// Tables in the order of the file.
    pub tables: Vec<TableDefinition>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableDefinition {
    /// Name on the wire, such as `Logical_Switch`.
    pub name: String,
    /// One line about it, possibly empty.
    pub documentation: String,
    /// Whether rows live without being referred to.
    pub is_root: bool,
    /// Most rows, if there is a limit.
    pub max_rows: Option<u32>,
    /// Columns in the order of the file.
    pub columns: Vec<ColumnDefinition>,
    /// Sets of columns whose values no two rows share.
    pub indexes: Vec<Vec<String>>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinition {
    /// Name on the wire.
    pub name: String,
    /// One line about it, possibly empty.
    pub documentation: String,
    /// What it holds.
    pub ty: Type,
    /// Whether the value is lost with the server.
    pub ephemeral: bool,
    /// Whether the value may change after insertion.
    pub mutable: bool,
}

/// What a column holds: one value, a set or (with `value`) a map, and how many members.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// Type of a value, a member or a key.
    pub key: Base,
    /// Type of the values of a map.
    pub value: Option<Base>,
    /// Fewest members, 0 or 1.
    pub min: u32,
    /// Most members; `None` is no limit.
    pub max: Option<u32>,
}

/// The type of one value. Bounds are inclusive; `None` is no bound.
#[derive(Clone, Debug, PartialEq)]
pub enum Base {
    /// A 64-bit number.
    Integer { min: Option<i64>, max: Option<i64> },
    /// A floating-point number.
    Real { min: Option<f64>, max: Option<f64> },
    /// True or false.
    Boolean,
    /// Text; the bounds are of its length in characters.
    String { min: Option<u32>, max: Option<u32> },
    /// One of these strings.
    Enum(Vec<String>),
    /// Any UUID.
    Uuid,
    /// The UUID of a row; a strong reference keeps that row alive and must not dangle.
    Reference { table: String, strong: bool },
}

impl Definition {
    /// The schema in the JSON form of RFC 7047 section 3.2, as `.ovsschema` files and `get_schema` have it.
    pub fn to_json(&self) -> Value {
        let tables: Map<_, _> =
            self.tables.iter().map(|table| (table.name.clone(), table.to_json())).collect();
        json!({ "name": self.name, "version": self.version, "tables": tables })
    }
}

impl TableDefinition {
    fn to_json(&self) -> Value {
        let columns: Map<_, _> =
            self.columns.iter().map(|column| (column.name.clone(), column.to_json())).collect();
        let mut table = Map::from_iter([("columns".to_owned(), Value::Object(columns))]);
        if self.is_root {
            table.insert("isRoot".to_owned(), true.into());
        }
        if let Some(rows) = self.max_rows {
            table.insert("maxRows".to_owned(), rows.into());
        }
        if !self.indexes.is_empty() {
            table.insert("indexes".to_owned(), json!(self.indexes));
        }
        Value::Object(table)
    }
}

impl ColumnDefinition {
    fn to_json(&self) -> Value {
        let mut column = Map::from_iter([("type".to_owned(), self.ty.to_json())]);
        if self.ephemeral {
            column.insert("ephemeral".to_owned(), true.into());
        }
        if !self.mutable {
            column.insert("mutable".to_owned(), false.into());
        }
        Value::Object(column)
    }
}

impl Type {
    fn to_json(&self) -> Value {
        let key = self.key.to_json();
        if key.is_string() && self.value.is_none() && (self.min, self.max) == (1, Some(1)) {
            return key;
        }
        let mut ty = Map::from_iter([("key".to_owned(), key)]);
        if let Some(value) = &self.value {
            ty.insert("value".to_owned(), value.to_json());
        }
        if self.min != 1 {
            ty.insert("min".to_owned(), self.min.into());
        }
        match self.max {
            Some(1) => {}
            Some(max) => drop(ty.insert("max".to_owned(), max.into())),
            None => drop(ty.insert("max".to_owned(), "unlimited".into())),
        }
        Value::Object(ty)
    }
}

impl Base {
    fn to_json(&self) -> Value {
        let mut base = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                base.insert(name.to_owned(), value);
            }
        };
        let name = match self {
            Self::Integer { min, max } => {
                set("minInteger", min.map(Value::from));
                set("maxInteger", max.map(Value::from));
                "integer"
            }
            Self::Real { min, max } => {
                set("minReal", min.map(Value::from));
                set("maxReal", max.map(Value::from));
                "real"
            }
            Self::Boolean => "boolean",
            Self::String { min, max } => {
                set("minLength", min.map(Value::from));
                set("maxLength", max.map(Value::from));
                "string"
            }
            Self::Enum(choices) => {
                set("enum", Some(json!(["set", choices])));
                "string"
            }
            Self::Uuid => "uuid",
            Self::Reference { table, strong } => {
                set("refTable", Some(table.as_str().into()));
                set("refType", (!strong).then(|| "weak".into()));
                "uuid"
            }
        };
        if base.is_empty() {
            return name.into();
        }
        base.insert("type".to_owned(), name.into());
        Value::Object(base)
    }
}
