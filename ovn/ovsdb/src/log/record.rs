//! What the records of a log say.

use super::encode;
use super::id::compaction_comment;
use crate::Row;
use crate::db::{Commit, RowUpdate, Snapshot};
use crate::schema::{DatabaseSchema, Layout, TableId, TableLayout};
use crate::value::{Datum, Uuid};
use serde_json::{Map, Value};

/// The octets of a new file for an empty database.
pub fn created(schema: &DatabaseSchema) -> Vec<u8> {
    encode(&schema.to_json())
}

/// The octets of a file that holds what `snapshot` does, in two records. `id` is that of the transaction that made this
/// state, `wall_ms` the time in milliseconds since 1970, `who` who writes it: words that begin with "compact".
pub fn compacted(snapshot: &Snapshot, id: Uuid, wall_ms: i64, who: &str) -> Vec<u8> {
    let mut out = created(&snapshot.layout().schema);
    out.extend(encode(&snapshot_record(snapshot, wall_ms, &compaction_comment(who, id))));
    out
}

/// The transaction that inserts all rows of `snapshot`.
pub fn snapshot_record(snapshot: &Snapshot, wall_ms: i64, comment: &str) -> Value {
    let mut out = Map::new();
    for (i, table) in snapshot.layout().tables.iter().enumerate() {
        let rows: Map<String, Value> = snapshot
            .rows(TableId(i))
            .map(|(uuid, row)| (uuid.to_string(), Value::Object(inserted(table, row))))
            .collect();
        if !rows.is_empty() {
            out.insert(table.name.to_string(), rows.into());
        }
    }
    annotate(&mut out, wall_ms, comment);
    out.into()
}

/// The transaction that made `commit`; `None` if it changed nothing that outlives the server.
///
/// Changed columns are written as differences. A difference may have more elements than the column
/// allows, and upstream's server before 3.2 refuses to read that; then all of the transaction's
/// columns are written whole, which every version reads.
pub fn transaction_record(layout: &Layout, commit: &Commit, wall_ms: i64) -> Option<Value> {
    let mut out = Map::new();
    let is_diff = commit.iter().all(|(id, _, update)| differences_fit(layout.table(id), update));
    for (id, rows) in &commit.tables {
        let table = layout.table(*id);
        let rows: Map<String, Value> = rows
            .iter()
            .filter_map(|(uuid, update)| Some((uuid.to_string(), row_record(table, update, is_diff)?)))
            .collect();
        if !rows.is_empty() {
            out.insert(table.name.to_string(), rows.into());
        }
    }
    if out.is_empty() {
        return None;
    }
    annotate(&mut out, wall_ms, &commit.comment);
    if !is_diff {
        out.remove("_is_diff");
    }
    Some(out.into())
}

/// The columns of a row that changed and outlive the server: place, old and new value.
fn changes<'a>(
    table: &'a TableLayout,
    old: &'a Row,
    new: &'a Row,
) -> impl Iterator<Item = (usize, &'a Datum, &'a Datum)> {
    let columns = table.columns.iter().zip(old.iter().zip(new)).enumerate();
    let changed = columns.filter(|(_, ((_, column), (old, new)))| !column.ephemeral && old != new);
    changed.map(|(at, (_, (old, new)))| (at, old, new))
}

fn differences_fit(table: &TableLayout, update: &RowUpdate) -> bool {
    let (Some(old), Some(new)) = (&update.old, &update.new) else { return true };
    changes(table, old, new).all(|(at, old, new)| {
        let ty = &table.columns[at].1.ty;
        ty.max.is_none() || ty.allows_len(old.diff(new, ty).len())
    })
}

fn annotate(record: &mut Map<String, Value>, wall_ms: i64, comment: &str) {
    record.insert("_date".to_owned(), wall_ms.into());
    record.insert("_is_diff".to_owned(), true.into());
    if !comment.is_empty() {
        record.insert("_comment".to_owned(), comment.into());
    }
}

fn row_record(table: &TableLayout, update: &RowUpdate, is_diff: bool) -> Option<Value> {
    match (&update.old, &update.new) {
        (_, None) => Some(Value::Null),
        (None, Some(new)) => Some(Value::Object(inserted(table, new))),
        (Some(old), Some(new)) => {
            let changed: Map<String, Value> = changes(table, old, new)
                .map(|(at, old, new)| {
                    let (name, column) = &table.columns[at];
                    let json = if is_diff { old.diff(new, &column.ty).to_json() } else { new.to_json() };
                    (name.to_string(), json)
                })
                .collect();
            (!changed.is_empty()).then_some(Value::Object(changed))
        }
    }
}

/// The columns of a new row that do not have their default.
fn inserted(table: &TableLayout, row: &Row) -> Map<String, Value> {
    let columns = table
        .columns
        .iter()
        .zip(row)
        .filter(|((_, column), datum)| !column.ephemeral && !datum.is_default_for(&column.ty));
    columns.map(|((name, _), datum)| (name.to_string(), datum.to_json())).collect()
}
