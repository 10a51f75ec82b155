//! The difference of two states of a database, row by row.

use crate::db::{Commit, RowUpdate};
use crate::{Datum, Row, TableId, Uuid};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// What became of each row that changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    tables: BTreeMap<TableId, BTreeMap<Uuid, RowUpdate>>,
}

impl From<&Commit> for Changes {
    fn from(commit: &Commit) -> Self {
        Self { tables: commit.tables.clone() }
    }
}

impl Changes {
    /// Adds changes that happened after these.
    pub(super) fn then(&mut self, later: &Self) {
        for (table, rows) in &later.tables {
            let merged = self.tables.entry(*table).or_default();
            for (uuid, update) in rows {
                match merged.entry(*uuid) {
                    Entry::Vacant(entry) => {
                        entry.insert(update.clone());
                    }
                    Entry::Occupied(mut entry) => {
                        entry.get_mut().new = update.new.clone();
                        if entry.get().old.is_none() && update.new.is_none() {
                            entry.remove();
                        }
                    }
                }
            }
        }
    }

    pub(super) fn row_count(&self) -> usize {
        self.tables.values().map(BTreeMap::len).sum()
    }

    /// The tables with rows that changed.
    pub(super) fn table_ids(&self) -> impl Iterator<Item = TableId> {
        self.tables.keys().copied()
    }

    /// The rows of a table that changed, before and after.
    pub(super) fn rows(
        &self,
        table: TableId,
    ) -> impl Iterator<Item = (Uuid, Option<&[Datum]>, Option<&[Datum]>)> {
        let rows = self.tables.get(&table).into_iter().flatten();
        rows.map(|(uuid, update)| (*uuid, values(update.old.as_ref()), values(update.new.as_ref())))
    }
}

fn values(row: Option<&Arc<Row>>) -> Option<&[Datum]> {
    row.map(|row| &row[..])
}
