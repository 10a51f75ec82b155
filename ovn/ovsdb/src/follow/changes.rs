//! From what another server says to operations on a copy.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::db::Snapshot;
use crate::schema::TableLayout;
use crate::{Datum, Row, Str, Uuid};

/// Operations that make the rows of `now` those that `updates` names (RFC 7047's `<table-updates>`): all rows of the
/// tables there are but those in `exclude` if `whole`, else those that have changed.
pub(super) fn operations(
    now: &Snapshot,
    updates: &Value,
    whole: bool,
    exclude: &BTreeSet<Str>,
) -> Result<Vec<Value>, String> {
    let tables = updates.as_object().ok_or("<table-updates> is not object")?;
    let mut operations = Vec::new();
    for (name, rows) in tables {
        let layout = now.layout();
        let id = layout.table_id(name).ok_or_else(|| format!("unknown table {name}"))?;
        let table = layout.table(id);
        let rows = rows.as_object().ok_or("<table-update> is not object")?;
        for (uuid, update) in rows {
            let uuid: Uuid = uuid.parse().map_err(|_| format!("bad UUID {uuid}"))?;
            let present = now.row(id, uuid);
            match (update.get("new").filter(|new| !new.is_null()), present) {
                (Some(new), None) => operations.push(json!({
                    "op": "insert", "table": name, "uuid": uuid.to_string(), "row": new,
                })),
                (Some(new), Some(row)) => {
                    let changed = changed(table, row, new)?;
                    if !changed.is_empty() {
                        operations.push(json!({
                            "op": "update", "table": name, "where": whose(uuid), "row": changed,
                        }));
                    }
                }
                (None, Some(_)) => operations.push(deletion(name, uuid)),
                (None, None) => {}
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

/// The columns of `new` that `row` has otherwise.
fn changed(table: &TableLayout, row: &Row, new: &Value) -> Result<Map<String, Value>, String> {
    let mut changed = Map::new();
    for (column, json) in new.as_object().ok_or("<row> is not object")? {
        let at = table.column_index(column).filter(|at| *at < table.columns.len());
        let at = at.ok_or_else(|| format!("unknown column {column} in table {}", table.name))?;
        let value =
            Datum::from_json(json, &table.columns[at].1.ty, None).map_err(|error| error.to_string())?;
        if row[at] != value {
            changed.insert(column.clone(), json.clone());
        }
    }
    Ok(changed)
}
