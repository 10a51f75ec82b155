//! Schemas from and to JSON, the text of an `.ovsschema` file and of `get_schema`.

use super::{ColumnSchema, ColumnType, DatabaseSchema, TableSchema, is_valid_id};
use crate::error::OvsdbError;
use crate::json::{Members, id};
use crate::value::{Str, json_integer};
use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

impl DatabaseSchema {
    /// Reads the text of a `<database-schema>` as [`DatabaseSchema::from_json`] reads its value, without having the
    /// whole of it as a value: several hundred kilobytes that every small daemon would keep from then on.
    ///
    /// # Errors
    /// Text that is not JSON, as a syntax error that says where; and those of [`DatabaseSchema::from_json`].
    pub fn from_text(text: &[u8]) -> Result<Self, OvsdbError> {
        let mut quick = serde_json::Deserializer::from_slice(text);
        let read = quick.deserialize_map(ByTable).and_then(|schema| quick.end().map(|()| schema));
        read.or_else(|_| {
            // Who reads the whole knows best what is wrong with it.
            let json: Value = serde_json::from_slice(text)
                .map_err(|error| OvsdbError::new(OvsdbError::SYNTAX, error.to_string()))?;
            Self::from_json(&json)
        })
    }

    /// The text of [`DatabaseSchema::to_json`], made table by table.
    pub fn to_text(&self) -> String {
        let all_roots = self.tables.values().all(|table| table.is_root);
        let mut out = String::from("{");
        // A string takes all that is written to it.
        if let Some(cksum) = &self.cksum {
            let _ = write!(out, "\"cksum\":{},", Value::from(&**cksum));
        }
        let _ = write!(out, "\"name\":{},\"tables\":{{", Value::from(&*self.name));
        for (i, (name, table)) in self.tables.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let _ = write!(out, "{comma}{}:{}", Value::from(&**name), table.to_json(all_roots));
        }
        out.push('}');
        if !self.version.is_empty() {
            let _ = write!(out, ",\"version\":{}", Value::from(&*self.version));
        }
        out.push('}');
        out
    }

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

/// Reads a schema whose tables become values one after the other.
struct ByTable;

impl<'de> Visitor<'de> for ByTable {
    type Value = DatabaseSchema;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a database schema")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<DatabaseSchema, A::Error> {
        let mut rest = Map::new();
        let mut tables = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            if name != "tables" {
                rest.insert(name, members.next_value()?);
                continue;
            }
            // Of members that are there twice the last counts.
            tables = members.next_value_seed(Tables)?;
            rest.insert(name, Map::new().into());
        }
        let schema = DatabaseSchema::from_json(&rest.into()).map_err(A::Error::custom)?;
        let whole = DatabaseSchema::new(schema.name, schema.version, tables).map_err(A::Error::custom)?;
        Ok(DatabaseSchema { cksum: schema.cksum, ..whole })
    }
}

/// Reads the member `tables`.
struct Tables;

impl<'de> serde::de::DeserializeSeed<'de> for Tables {
    type Value = BTreeMap<Str, TableSchema>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tables {
    type Value = BTreeMap<Str, TableSchema>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut tables = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            let json: Value = members.next_value()?;
            check_name(&json, &name).map_err(A::Error::custom)?;
            let table = TableSchema::from_json(&name, &json).map_err(A::Error::custom)?;
            tables.insert(Str::from(name), table);
        }
        Ok(tables)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Read by tables and as a whole, a text is the same schema or the same error.
    #[test]
    fn texts_are_read_as_their_values_are() {
        let column = r#"{"columns":{"name":{"type":"string"}},"isRoot":true}"#;
        let texts = [
            format!(r#"{{"name":"A","version":"1.2.3","cksum":"1 2","tables":{{"T":{column},"U":{column}}}}}"#),
            format!(r#"{{"tables":{{"T":{column}}},"name":"A","tables":{{"U":{column}}}}}"#),
            format!(r#"{{"tables":{{"T":{column},"T":{column}}},"name":"A"}}"#),
            format!(r#"{{"name":"A","version":"1","tables":{{"T":{column}}}}}"#),
            format!(r#"{{"name":"A","tables":{{"_T":{column}}}}}"#),
            format!(r#"{{"name":"A","colour":1,"tables":{{"T":{column}}}}}"#),
            r#"{"name":"A","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"uuid","refTable":"X"}}}}}}}"#.into(),
            r#"{"name":"A","tables":{"T":{"columns":{}}}}"#.into(),
            r#"{"name":"A"}"#.into(),
            r#"{"name":"A","tables":[]}"#.into(),
            r#"[1]"#.into(),
        ];
        for text in texts {
            let json: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                DatabaseSchema::from_text(text.as_bytes()),
                DatabaseSchema::from_json(&json),
                "{text}"
            );
        }
        let error = DatabaseSchema::from_text(b"{\"name\":").unwrap_err();
        insta::assert_snapshot!(error, @"syntax error: EOF while parsing a value at line 1 column 8");
    }
}
