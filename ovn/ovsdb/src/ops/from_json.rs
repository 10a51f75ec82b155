//! Operations from JSON, with upstream's order of checks and error texts.

use super::condition::unknown_column;
use super::mutation::{Mutation, is_mutable};
use super::{Columns, Condition, Operation, Until};
use crate::error::OvsdbError;
use crate::json::{Members, array, id, object};
use crate::schema::{ColumnId, Layout, TableLayout};
use crate::value::{AtomType, Datum, Str, Symbols, Uuid, check_storable, json_integer};
use serde_json::Value;

impl Operation {
    /// Reads operation number `number` (from 1) of `total`. Names of rows that it uses or defines
    /// go through `symbols`.
    pub fn from_json(
        json: &Value,
        (number, total): (usize, usize),
        layout: &Layout,
        symbols: &mut Symbols,
    ) -> Result<Self, OvsdbError> {
        let mut reader = Reader {
            members: Members::of(json, format!("ovsdb operation {number} of {total}"))?,
            json,
            layout,
            symbols,
        };
        match reader.members.required("op", Value::as_str)? {
            "insert" => reader.insert(),
            "select" => reader.select(),
            "update" => reader.update(),
            "mutate" => reader.mutate(),
            "delete" => reader.delete(),
            "wait" => reader.wait(),
            "commit" => {
                let durable = reader.members.required("durable", Value::as_bool)?;
                reader.members.finish()?;
                Ok(Self::Commit { durable })
            }
            "abort" => {
                reader.members.finish()?;
                Ok(Self::Abort)
            }
            "comment" => {
                let comment = reader.members.required("comment", Value::as_str)?;
                check_storable(comment, json)?;
                reader.members.finish()?;
                Ok(Self::Comment { comment: comment.into() })
            }
            "assert" => {
                let lock = reader.members.required("lock", id)?.into();
                reader.members.finish()?;
                Ok(Self::Assert { lock })
            }
            other => Err(reader.members.fail(format!("No operation \"{other}\""))),
        }
    }
}

struct Reader<'a> {
    members: Members<'a>,
    json: &'a Value,
    layout: &'a Layout,
    symbols: &'a mut Symbols,
}

impl<'a> Reader<'a> {
    fn table(&mut self) -> Result<&'a TableLayout, OvsdbError> {
        let name = self.members.required("table", id)?;
        let table = self.layout.table_named(name);
        table.ok_or_else(|| self.members.fail(format!("No table named {name}.")))
    }

    fn insert(mut self) -> Result<Operation, OvsdbError> {
        let table = self.table()?;
        let name = self.members.optional("uuid-name", id)?;
        let wanted = self.members.optional("uuid", |json| json.as_str().map(|text| (json, text)))?;
        let row = self.members.required("row", object)?;
        self.members.finish()?;
        let wanted = match wanted {
            Some((json, text)) => {
                Some(text.parse::<Uuid>().map_err(|_| OvsdbError::syntax(json, "bad uuid"))?)
            }
            None => None,
        };
        let uuid = match name {
            Some(name) => Some(self.symbols.define(name, wanted).ok_or_else(|| {
                let words = "This \"uuid-name\" appeared on an earlier \"insert\" operation.";
                OvsdbError::at(OvsdbError::DUPLICATE_UUID_NAME, &name.into(), words)
            })?),
            None => wanted,
        };
        let row = row_from_json(row, table, self.symbols)?;
        Ok(Operation::Insert { table: table.name.clone(), uuid, row })
    }

    fn select(mut self) -> Result<Operation, OvsdbError> {
        let table = self.table()?;
        let condition = self.members.required("where", array)?;
        let columns = self.members.optional("columns", array)?;
        self.members.finish()?;
        let condition = Condition::from_json(condition, table, Some(self.symbols))?;
        let columns = columns.map(|columns| columns_from_json(columns, table)).transpose()?;
        Ok(Operation::Select { table: table.name.clone(), condition, columns })
    }

    fn update(mut self) -> Result<Operation, OvsdbError> {
        let table = self.table()?;
        let condition = self.members.required("where", array)?;
        let row = self.members.required("row", object)?;
        self.members.finish()?;
        let row = row_from_json(row, table, self.symbols)?;
        for name in row.keys() {
            if !table.column_id(name).is_some_and(|id| is_mutable(table, id)) {
                let words = format!("Cannot update immutable column {name} in table {}.", table.name);
                return Err(OvsdbError::at(OvsdbError::CONSTRAINT, self.json, words));
            }
        }
        let condition = Condition::from_json(condition, table, Some(self.symbols))?;
        Ok(Operation::Update { table: table.name.clone(), condition, row })
    }

    fn mutate(mut self) -> Result<Operation, OvsdbError> {
        let table = self.table()?;
        let condition = self.members.required("where", array)?;
        let mutations = self.members.required("mutations", Value::as_array)?;
        self.members.finish()?;
        let mutations = mutations.iter().map(|json| Mutation::from_json(json, table, Some(self.symbols)));
        let mutations = mutations.collect::<Result<_, _>>()?;
        let condition = Condition::from_json(condition, table, Some(self.symbols))?;
        Ok(Operation::Mutate { table: table.name.clone(), condition, mutations })
    }

    fn delete(mut self) -> Result<Operation, OvsdbError> {
        let table = self.table()?;
        let condition = self.members.required("where", array)?;
        self.members.finish()?;
        let condition = Condition::from_json(condition, table, Some(self.symbols))?;
        Ok(Operation::Delete { table: table.name.clone(), condition })
    }

    fn wait(mut self) -> Result<Operation, OvsdbError> {
        let timeout = self.members.optional("timeout", |json| json_integer(json).map(|ms| (json, ms)))?;
        let condition = self.members.required("where", array)?;
        let columns = self.members.optional("columns", array)?;
        let until = self.members.required("until", |json| json.as_str().map(|text| (json, text)))?;
        let rows = self.members.required("rows", Value::as_array)?;
        let table = self.table()?;
        self.members.finish()?;
        let condition = Condition::from_json(condition, table, Some(self.symbols))?;
        let columns = columns.map(|columns| columns_from_json(columns, table)).transpose()?;
        let timeout_ms = match timeout {
            Some((json, ms)) => {
                let negative = |_| OvsdbError::syntax(json, "timeout must be nonnegative");
                Some(u64::try_from(ms).map_err(negative)?)
            }
            None => None,
        };
        let until = match until {
            (_, "==") => Until::Equal,
            (_, "!=") => Until::NotEqual,
            (json, _) => return Err(OvsdbError::syntax(json, "\"until\" must be \"==\" or \"!=\"")),
        };
        let rows =
            rows.iter().map(|row| row_from_json(row, table, self.symbols)).collect::<Result<_, _>>()?;
        Ok(Operation::Wait { table: table.name.clone(), condition, columns, until, rows, timeout_ms })
    }
}

/// Reads a `<row>`: values for some columns, `_uuid` and `_version` included.
fn row_from_json(json: &Value, table: &TableLayout, symbols: &mut Symbols) -> Result<Columns, OvsdbError> {
    let Some(object) = json.as_object() else {
        return Err(OvsdbError::syntax(json, "row must be JSON object"));
    };
    let mut row = Columns::new();
    for (name, value) in object {
        let (name, datum) = match table.column_index(name) {
            Some(at) => {
                let (name, column) = &table.columns[at];
                (name.clone(), Datum::from_json(value, &column.ty, Some(symbols))?)
            }
            None if table.column_id(name).is_some() => {
                (name.as_str().into(), Datum::from_json(value, &AtomType::Uuid.into(), Some(symbols))?)
            }
            None => return Err(unknown_column(json, name, table)),
        };
        row.insert(name, datum);
    }
    Ok(row)
}

/// Reads a list of distinct columns.
fn columns_from_json(json: &Value, table: &TableLayout) -> Result<Vec<Str>, OvsdbError> {
    let wrong = || OvsdbError::syntax(json, "array of distinct column names expected");
    let mut columns: Vec<Str> = Vec::new();
    for name in json.as_array().ok_or_else(wrong)? {
        let name = name.as_str().ok_or_else(wrong)?;
        let name: Str = match table.column_id(name) {
            Some(ColumnId::At(at)) if at < table.columns.len() => table.columns[at].0.clone(),
            Some(ColumnId::At(_) | ColumnId::Uuid) => name.into(),
            None => {
                return Err(OvsdbError::syntax(json, format!("{name} is not a valid column name")));
            }
        };
        if columns.contains(&name) {
            return Err(wrong());
        }
        columns.push(name);
    }
    Ok(columns)
}
