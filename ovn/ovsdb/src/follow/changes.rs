//! From what another server says to operations on a copy.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::db::Snapshot;
use crate::schema::TableLayout;
use crate::{Datum, Row, Str, Uuid};

/// How the other server writes what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Rows as they are (RFC 7047 section 4.1.6).
    Whole,
    /// Differences (ovsdb-server(7), `update2`).
    Difference,
}

/// The columns of each table that are copied.
pub(super) type Columns = BTreeMap<Str, Vec<Str>>;

/// What is to become of a row.
enum Wanted<'a> {
    /// It has just these values in the columns that are copied; `true` if defaults are left out.
    Row(&'a Map<String, Value>, bool),
    /// Its values change by these differences.
    Change(&'a Map<String, Value>),
    /// It goes.
    Nothing,
}

impl Encoding {
    /// Reads the update of a row.
    fn wanted(self, update: &Value) -> Result<Wanted<'_>, String> {
        let update = update.as_object().ok_or("<row-update> is not object")?;
        let object = |name: &str| -> Result<Option<&Map<String, Value>>, String> {
            let Some(row) = update.get(name).filter(|row| !row.is_null()) else { return Ok(None) };
            row.as_object().map(Some).ok_or_else(|| "<row> is not object".to_owned())
        };
        match self {
            Self::Whole => Ok(object("new")?.map_or(Wanted::Nothing, |row| Wanted::Row(row, false))),
            Self::Difference => {
                if let Some(row) = object("initial")?.or(object("insert")?) {
                    return Ok(Wanted::Row(row, true));
                }
                if let Some(difference) = object("modify")? {
                    return Ok(Wanted::Change(difference));
                }
                update
                    .contains_key("delete")
                    .then_some(Wanted::Nothing)
                    .ok_or_else(|| "bad <row-update2>".to_owned())
            }
        }
    }
}

/// Operations that make the rows of `now` those that `updates` names: all rows of the tables there are but those in
/// `exclude` if `whole`, else those that have changed.
pub(super) fn operations(
    now: &Snapshot,
    (updates, encoding): (&Value, Encoding),
    whole: bool,
    (columns, exclude): (&Columns, &BTreeSet<Str>),
) -> Result<Vec<Value>, String> {
    let tables = updates.as_object().ok_or("<table-updates> is not object")?;
    let mut operations = Vec::new();
    for (name, rows) in tables {
        let layout = now.layout();
        let id = layout.table_id(name).ok_or_else(|| format!("unknown table {name}"))?;
        let table = layout.table(id);
        let copied = columns.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let rows = rows.as_object().ok_or("<table-update> is not object")?;
        for (uuid, update) in rows {
            let uuid: Uuid = uuid.parse().map_err(|_| format!("bad UUID {uuid}"))?;
            let changed = match (encoding.wanted(update)?, now.row(id, uuid)) {
                (Wanted::Nothing, None) => continue,
                (Wanted::Nothing, Some(_)) => {
                    operations.push(deletion(name, uuid));
                    continue;
                }
                (Wanted::Row(new, _), None) => {
                    operations.push(json!({
                        "op": "insert", "table": name, "uuid": uuid.to_string(), "row": new,
                    }));
                    continue;
                }
                (Wanted::Row(new, false), Some(row)) => changed(table, row, new)?,
                (Wanted::Row(new, true), Some(row)) => {
                    changed(table, row, &with_defaults(table, new, copied))?
                }
                (Wanted::Change(difference), Some(row)) => applied(table, row, difference)?,
                (Wanted::Change(_), None) => return Err(format!("change of row {uuid}, which is not there")),
            };
            if !changed.is_empty() {
                operations.push(json!({
                    "op": "update", "table": name, "where": whose(uuid), "row": changed,
                }));
            }
        }
    }
    if whole {
        for (place, table) in now.layout().tables.iter().enumerate() {
            if exclude.contains(&table.name) {
                continue;
            }
            let there = tables.get(&*table.name);
            for (uuid, _) in now.rows(crate::TableId(place)) {
                if there.and_then(|rows| rows.get(uuid.to_string())).is_none() {
                    operations.push(deletion(&table.name, uuid));
                }
            }
        }
    }
    Ok(operations)
}

fn whose(uuid: Uuid) -> Value {
    json!([["_uuid", "==", ["uuid", uuid.to_string()]]])
}

fn deletion(table: &str, uuid: Uuid) -> Value {
    json!({"op": "delete", "table": table, "where": whose(uuid)})
}

/// The place of a column that can be written.
fn place(table: &TableLayout, column: &str) -> Result<usize, String> {
    let at = table.column_index(column).filter(|at| *at < table.columns.len());
    at.ok_or_else(|| format!("unknown column {column} in table {}", table.name))
}

/// The columns of `new` that `row` has otherwise.
fn changed(table: &TableLayout, row: &Row, new: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut changed = Map::new();
    for (column, json) in new {
        let at = place(table, column)?;
        let value =
            Datum::from_json(json, &table.columns[at].1.ty, None).map_err(|error| error.to_string())?;
        if row[at] != value {
            changed.insert(column.clone(), json.clone());
        }
    }
    Ok(changed)
}

/// `new` with the defaults of those columns of `copied` that it leaves out.
fn with_defaults(table: &TableLayout, new: &Map<String, Value>, copied: &[Str]) -> Map<String, Value> {
    let mut row = new.clone();
    for column in copied.iter().filter(|column| !new.contains_key(&***column)) {
        if let Ok(at) = place(table, column) {
            row.insert(column.to_string(), Datum::default_for(&table.columns[at].1.ty).to_json());
        }
    }
    row
}

/// The columns of `row` that `difference` changes, as they become.
fn applied(
    table: &TableLayout,
    row: &Row,
    difference: &Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let mut changed = Map::new();
    for (column, json) in difference {
        let at = place(table, column)?;
        let ty = &table.columns[at].1.ty;
        let difference =
            Datum::from_json(json, &ty.of_differences(), None).map_err(|error| error.to_string())?;
        changed.insert(column.clone(), row[at].apply_diff(&difference, ty).to_json());
    }
    Ok(changed)
}
