//! Schemas from and to JSON, the text of an `.ovsschema` file and of `get_schema`.

use super::{ColumnSchema, ColumnType, DatabaseSchema, TableSchema, is_valid_id};
use crate::error::OvsdbError;
use crate::json::{Members, id};
use crate::value::{Str, json_integer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl DatabaseSchema {
    /// Reads a `<database-schema>` and checks that what it refers to exists.
    pub fn from_json(json: &Value) -> Result<Self, OvsdbError> {
        let mut members = Members::of(json, "database schema")?;
        let name = members.required("name", id)?;
        let version = members.optional("version", Value::as_str)?.unwrap_or_default();
        let cksum = members.optional("cksum", Value::as_str)?;
        let tables_json = members.required("tables", Value::as_object)?;
        members.finish()?;
        if !version.is_empty() && !is_version(version) {
            return Err(OvsdbError::syntax(
                json,
                format!("schema version \"{version}\" not in format x.y.z"),
            ));
        }
        let mut tables = BTreeMap::new();
        for (table, table_json) in tables_json {
            check_name(json, table)?;
            tables.insert(Str::from(table.as_str()), TableSchema::from_json(table, table_json)?);
        }
        let schema = Self::new(name.into(), version.into(), tables)?;
        Ok(Self { cksum: cksum.map(Str::from), ..schema })
    }

    /// The `<database-schema>`; what is default is left out.
    pub fn to_json(&self) -> Value {
        let all_roots = self.tables.values().all(|table| table.is_root);
        let tables: Map<String, Value> =
            self.tables.iter().map(|(name, table)| (name.to_string(), table.to_json(all_roots))).collect();
        let mut out = Map::new();
        out.insert("name".to_owned(), self.name.as_ref().into());
        if !self.version.is_empty() {
            out.insert("version".to_owned(), self.version.as_ref().into());
        }
        if let Some(cksum) = &self.cksum {
            out.insert("cksum".to_owned(), cksum.as_ref().into());
        }
        out.insert("tables".to_owned(), tables.into());
        out.into()
    }
}

/// Three decimal numbers with dots between them.
fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn check_name(json: &Value, name: &str) -> Result<(), OvsdbError> {
    if name.starts_with('_') {
        return Err(OvsdbError::syntax(json, "names beginning with \"_\" are reserved"));
    }
    if !is_valid_id(name) {
        return Err(OvsdbError::syntax(json, "name must be a valid id"));
    }
    Ok(())
}

impl TableSchema {
    fn from_json(name: &str, json: &Value) -> Result<Self, OvsdbError> {
        let mut members = Members::of(json, format!("table schema for table {name}"))?;
        let columns_json = members.required("columns", Value::as_object)?;
        let max_rows = members.optional("maxRows", json_integer)?;
        let is_root = members.optional("isRoot", Value::as_bool)?.unwrap_or(false);
        let indexes_json = members.optional("indexes", Value::as_array)?;
        members.finish()?;
        let max_rows = match max_rows {
            Some(n) if n <= 0 => return Err(OvsdbError::syntax(json, "maxRows must be at least 1")),
            Some(n) => u32::try_from(n).ok().filter(|n| *n != u32::MAX),
            None => None,
        };
        if columns_json.is_empty() {
            return Err(OvsdbError::syntax(json, "table must have at least one column"));
        }
        let mut columns = BTreeMap::new();
        for (column, column_json) in columns_json {
            check_name(json, column)?;
            columns.insert(Str::from(column.as_str()), ColumnSchema::from_json(column, column_json)?);
        }
        let indexes = indexes_json.map_or(&[][..], Vec::as_slice);
        let indexes =
            indexes.iter().map(|index| index_from_json(json, index, &columns)).collect::<Result<_, _>>()?;
        Ok(Self { columns, max_rows, is_root, indexes })
    }

    fn to_json(&self, all_roots: bool) -> Value {
        let columns: Map<String, Value> =
            self.columns.iter().map(|(name, column)| (name.to_string(), column.to_json())).collect();
        let mut out = Map::new();
        out.insert("columns".to_owned(), columns.into());
        if let Some(max_rows) = self.max_rows {
            out.insert("maxRows".to_owned(), max_rows.into());
        }
        if self.is_root && !all_roots {
            out.insert("isRoot".to_owned(), true.into());
        }
        if !self.indexes.is_empty() {
            let index = |index: &Vec<Str>| index.iter().map(|name| Value::from(&**name)).collect::<Value>();
            out.insert("indexes".to_owned(), self.indexes.iter().map(index).collect());
        }
        out.into()
    }
}

fn index_from_json(
    table: &Value,
    json: &Value,
    columns: &BTreeMap<Str, ColumnSchema>,
) -> Result<Vec<Str>, OvsdbError> {
    let wrong = || OvsdbError::syntax(json, "array of distinct column names expected");
    let mut index: Vec<Str> = Vec::new();
    for name in json.as_array().ok_or_else(wrong)? {
        let name = name.as_str().ok_or_else(wrong)?;
        let Some((name, column)) = columns.get_key_value(name) else {
            return Err(OvsdbError::syntax(json, format!("{name} is not a valid column name")));
        };
        if index.contains(name) {
            return Err(wrong());
        }
        if column.ephemeral {
            let words = format!("ephemeral columns (such as {name}) may not be indexed");
            return Err(OvsdbError::syntax(table, words));
        }
        index.push(name.clone());
    }
    if index.is_empty() {
        return Err(OvsdbError::syntax(table, "index must have at least one column"));
    }
    Ok(index)
}

impl ColumnSchema {
    /// Reads a `<column-schema>`; `name` is for errors.
    pub fn from_json(name: &str, json: &Value) -> Result<Self, OvsdbError> {
        let mut members = Members::of(json, format!("schema for column {name}"))?;
        let mutable = members.optional("mutable", Value::as_bool)?.unwrap_or(true);
        let ephemeral = members.optional("ephemeral", Value::as_bool)?.unwrap_or(false);
        let ty = members.required("type", |json| (json.is_string() || json.is_object()).then_some(json))?;
        members.finish()?;
        Ok(Self { ty: ColumnType::from_json(ty)?, ephemeral, mutable })
    }

    /// The `<column-schema>`; what is default is left out.
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("type".to_owned(), self.ty.to_json());
        if !self.mutable {
            out.insert("mutable".to_owned(), false.into());
        }
        if self.ephemeral {
            out.insert("ephemeral".to_owned(), true.into());
        }
        out.into()
    }
}
