//! The indexes of a database: which row has which key.

use super::Commit;
use crate::Row;
use crate::schema::{Layout, TableId};
use crate::value::{Datum, Uuid};
use std::collections::BTreeMap;

/// For each table, for each of its indexes, the row of each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Indexes {
    tables: Vec<Vec<BTreeMap<Vec<Datum>, Uuid>>>,
}

impl Indexes {
    pub(super) fn new(layout: &Layout) -> Self {
        Self {
            tables: layout.tables.iter().map(|table| vec![BTreeMap::new(); table.indexes.len()]).collect(),
        }
    }

    /// The row that has `key` in index number `index` of a table.
    pub(super) fn find(&self, table: TableId, index: usize, key: &[Datum]) -> Option<Uuid> {
        self.tables[table.0][index].get(key).copied()
    }

    /// The number of keys in each index of a table.
    pub(super) fn key_counts(&self, table: TableId) -> impl Iterator<Item = usize> {
        self.tables[table.0].iter().map(BTreeMap::len)
    }

    /// Follows a commit.
    pub(super) fn apply(&mut self, layout: &Layout, commit: &Commit) {
        for (table, rows) in &commit.tables {
            for (columns, index) in layout.table(*table).indexes.iter().zip(&mut self.tables[table.0]) {
                let changed = || {
                    rows.iter().filter_map(|(uuid, update)| {
                        let old = update.old.as_ref().map(|row| key(row, columns));
                        let new = update.new.as_ref().map(|row| key(row, columns));
                        (old != new).then_some((*uuid, old, new))
                    })
                };
                // Keys may move from row to row: all old ones go before a new one comes.
                for (_, old, _) in changed() {
                    if let Some(old) = old {
                        index.remove(&old);
                    }
                }
                for (uuid, _, new) in changed() {
                    if let Some(new) = new {
                        index.insert(new, uuid);
                    }
                }
            }
        }
    }
}

/// What a row holds in these columns.
pub(super) fn key(row: &Row, columns: &[usize]) -> Vec<Datum> {
    columns.iter().map(|column| row[*column].clone()).collect()
}
