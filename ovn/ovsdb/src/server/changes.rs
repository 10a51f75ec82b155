//! The difference of two states of a database, row by row.

use crate::db::RowUpdate;
use crate::{Datum, Row, TableId, Uuid};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// What became of each row that changed, as [`crate::db::Commit::tables`] says it for one transaction.
pub(super) type Changes = BTreeMap<TableId, BTreeMap<Uuid, RowUpdate>>;

/// Adds to `changes` what happened after them.
pub(super) fn append(changes: &mut Changes, later: &Changes) {
    for (table, rows) in later {
        let merged = changes.entry(*table).or_default();
        for (uuid, update) in rows {
            match merged.entry(*uuid) {
                Entry::Vacant(entry) => {
                    entry.insert(update.clone());
                }
                Entry::Occupied(mut entry) => {
                    let old = entry.get_mut().old.take();
                    *entry.get_mut() = RowUpdate::new(old, update.new.clone());
                    if entry.get().old.is_none() && update.new.is_none() {
                        entry.remove();
                    }
                }
            }
        }
    }
}

/// The number of rows that changed.
pub(super) fn row_count(changes: &Changes) -> usize {
    changes.values().map(BTreeMap::len).sum()
}

/// The values of a row, if there is one.
pub(super) fn values(row: Option<&Arc<Row>>) -> Option<&[Datum]> {
    row.map(|row| &row[..])
}
