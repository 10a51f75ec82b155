//! From a log back to the database.

use super::framing::{Frame, Frames, LogError, Tail};
use crate::Row;
use crate::db::Database;
use crate::error::OvsdbError;
use crate::schema::{ColumnType, DatabaseSchema, Layout, TableId, TableLayout};
use crate::value::{Datum, Uuid};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A database read from a file.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The database as after the last whole record; rows have new versions.
    pub database: Database,
    /// The number of records, the schema included.
    pub records: usize,
    /// Where the last whole record ends: the next goes here, after the file was cut to this length.
    pub end: usize,
    /// What follows there and was dropped, to be reported.
    pub tail: Option<Tail>,
}

/// Reads a whole file. `seed` is that of [`Database::new`].
pub fn replay(octets: &[u8], seed: u64) -> Result<Replayed, LogError> {
    let mut frames = Frames::new(octets);
    let Some(first) = frames.next_frame()? else { return Err(LogError::Empty) };
    let at_first = |what: String| LogError::Record { offset: first.offset, what };
    let schema = parse(&first)?;
    let schema = DatabaseSchema::from_json(&schema).map_err(|error| at_first(error.to_string()))?;
    let schema = Arc::new(schema);
    let layout = Layout::new(schema.clone());
    let mut tables: Vec<BTreeMap<Uuid, Row>> = vec![BTreeMap::new(); layout.tables.len()];
    let mut records = 1;
    while let Some(frame) = frames.next_frame()? {
        let record = parse(&frame)?;
        let wrong = |error: OvsdbError| LogError::Record { offset: frame.offset, what: error.to_string() };
        apply(&layout, &mut tables, &record).map_err(wrong)?;
        records += 1;
    }
    let rows = tables
        .into_iter()
        .enumerate()
        .flat_map(|(i, rows)| rows.into_iter().map(move |(uuid, row)| (TableId(i), uuid, row)));
    let database = Database::with_rows(schema, rows, seed)
        .map_err(|error| LogError::Inconsistent { what: error.to_string() })?;
    Ok(Replayed { database, records, end: frames.offset(), tail: frames.tail().cloned() })
}

fn parse(frame: &Frame<'_>) -> Result<Value, LogError> {
    serde_json::from_slice(frame.body)
        .map_err(|error| LogError::Record { offset: frame.offset, what: error.to_string() })
}

fn apply(layout: &Layout, tables: &mut [BTreeMap<Uuid, Row>], record: &Value) -> Result<(), OvsdbError> {
    let object = |json| as_object(json, "object expected");
    let record = object(record)?;
    let is_diff = record.get("_is_diff").is_some_and(|json| *json == Value::Bool(true));
    for (name, rows) in record.iter().filter(|(name, _)| !name.starts_with('_')) {
        let Some(id) = layout.table_id(name) else {
            return Err(OvsdbError::new(OvsdbError::UNKNOWN_TABLE, format!("No table named {name}.")));
        };
        let table = layout.table(id);
        for (uuid, columns) in object(rows)? {
            let wrong = |_| OvsdbError::new(OvsdbError::SYNTAX, format!("\"{uuid}\" is not a valid UUID"));
            let uuid: Uuid = uuid.parse().map_err(wrong)?;
            if columns.is_null() {
                if tables[id.0].remove(&uuid).is_none() {
                    let words = format!("Delete of nonexistent row {uuid} in table {name}.");
                    return Err(OvsdbError::new(OvsdbError::OTHER, words));
                }
                continue;
            }
            let columns = as_object(columns, "row must be JSON object")?;
            match tables[id.0].get_mut(&uuid) {
                Some(row) => write(table, row, columns, is_diff)?,
                None => {
                    let mut row = table.default_row();
                    write(table, &mut row, columns, false)?;
                    tables[id.0].insert(uuid, row);
                }
            }
        }
    }
    Ok(())
}

fn as_object<'a>(json: &'a Value, words: &str) -> Result<&'a Map<String, Value>, OvsdbError> {
    json.as_object().ok_or_else(|| OvsdbError::syntax(json, words))
}

fn write(
    table: &TableLayout,
    row: &mut Row,
    columns: &Map<String, Value>,
    is_diff: bool,
) -> Result<(), OvsdbError> {
    for (name, json) in columns {
        let Some(at) = table.column_index(name) else {
            let words = format!("No column {name} in table {}.", table.name);
            return Err(OvsdbError::new(OvsdbError::UNKNOWN_COLUMN, words));
        };
        let ty = &table.columns[at].1.ty;
        row[at] = if is_diff && ty.is_composite() {
            // A difference may have more elements than either side.
            let diff = Datum::from_json(json, &ColumnType { min: 0, max: None, ..ty.clone() }, None)?;
            let new = row[at].apply_diff(&diff, ty);
            ty.check(&new)?;
            new
        } else {
            Datum::from_json(json, ty, None)?
        };
    }
    Ok(())
}
