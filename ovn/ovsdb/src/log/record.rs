//! What the records of a log say.

use super::id::compaction_comment;
use super::{append_record, encode};
use crate::Row;
use crate::db::{Commit, Difference, RowUpdate, Snapshot};
use crate::json::JsonText;
use crate::schema::{DatabaseSchema, Layout, TableId, TableLayout};
use crate::value::Uuid;

/// About how long the record of a small transaction is, in bytes.
const RECORD_BYTES: usize = 1024;

/// The octets of a new file for an empty database.
pub fn created(schema: &DatabaseSchema) -> Vec<u8> {
    encode(&schema.to_json())
}

/// The octets of a file that holds what `snapshot` does, in two records. `id` is that of the transaction that made this
/// state, `wall_ms` the time in milliseconds since 1970, `who` who writes it: words that begin with "compact".
pub fn compacted(snapshot: &Snapshot, id: Uuid, wall_ms: i64, who: &str) -> Vec<u8> {
    let mut out = created(&snapshot.layout().schema);
    append_record(&mut out, &snapshot_record(snapshot, wall_ms, &compaction_comment(who, id)));
    out
}

/// The JSON text of the transaction that inserts all rows of `snapshot`.
pub fn snapshot_record(snapshot: &Snapshot, wall_ms: i64, comment: &str) -> Vec<u8> {
    let mut text = JsonText::after(None, RECORD_BYTES);
    text.raw("{");
    for (i, table) in snapshot.layout().tables.iter().enumerate() {
        if snapshot.len(TableId(i)) == 0 {
            continue;
        }
        text.member(&table.name).raw("{");
        for (uuid, row) in snapshot.rows(TableId(i)) {
            inserted(text.uuid_member(uuid), table, row);
        }
        text.raw("}");
    }
    annotate(&mut text, wall_ms, true, comment);
    text.raw("}");
    text.into_bytes()
}

/// The JSON text of the transaction that made `commit`; `None` if it changed nothing that outlives the server.
///
/// Changed columns are written as differences. A difference may have more elements than the column
/// allows, and upstream's server before 3.2 refuses to read that; then all of the transaction's
/// columns are written whole, which every version reads.
pub fn transaction_record(layout: &Layout, commit: &Commit, wall_ms: i64) -> Option<Vec<u8>> {
    let is_diff = commit.iter().all(|(id, _, update)| differences_fit(layout.table(id), update));
    let mut text = JsonText::after(None, RECORD_BYTES);
    text.raw("{");
    let empty = text.len();
    for (id, rows) in &commit.tables {
        let table = layout.table(*id);
        let before = text.len();
        text.member(&table.name).raw("{");
        let first = text.len();
        for (uuid, update) in rows {
            row_record(&mut text, (table, *uuid), update, is_diff);
        }
        if text.len() == first {
            text.truncate(before);
        } else {
            text.raw("}");
        }
    }
    if text.len() == empty {
        return None;
    }
    annotate(&mut text, wall_ms, is_diff, &commit.comment);
    text.raw("}");
    Some(text.into_bytes())
}

/// The columns of a row that changed and outlive the server.
fn differences<'a>(table: &TableLayout, all: &'a [Difference]) -> impl Iterator<Item = &'a Difference> {
    all.iter().filter(|(at, _)| !table.columns[*at].1.ephemeral)
}

fn differences_fit(table: &TableLayout, update: &RowUpdate) -> bool {
    differences(table, &update.differences(table)).all(|(at, difference)| {
        let ty = &table.columns[*at].1.ty;
        ty.max.is_none() || ty.allows_len(difference.len())
    })
}

fn annotate(record: &mut JsonText, wall_ms: i64, is_diff: bool, comment: &str) {
    if !comment.is_empty() {
        record.member("_comment").string(comment);
    }
    record.member("_date").integer(wall_ms);
    if is_diff {
        record.member("_is_diff").raw("true");
    }
}

/// Writes what became of a row, if that outlives the server.
fn row_record(text: &mut JsonText, (table, uuid): (&TableLayout, Uuid), update: &RowUpdate, is_diff: bool) {
    let before = text.len();
    text.uuid_member(uuid);
    match (&update.old, &update.new) {
        (_, None) => _ = text.raw("null"),
        (None, Some(new)) => inserted(text, table, new),
        (Some(_), Some(new)) => {
            text.raw("{");
            let empty = text.len();
            for (at, difference) in differences(table, &update.differences(table)) {
                text.member(&table.columns[*at].0);
                text.datum(if is_diff { difference } else { &new[*at] });
            }
            if text.len() == empty {
                text.truncate(before);
            } else {
                text.raw("}");
            }
        }
    }
}

/// Writes the columns of a new row that do not have their default.
fn inserted(text: &mut JsonText, table: &TableLayout, row: &Row) {
    text.raw("{");
    for ((name, column), datum) in table.columns.iter().zip(row) {
        if !column.ephemeral && !datum.is_default_for(&column.ty) {
            text.member(name).datum(datum);
        }
    }
    text.raw("}");
}
