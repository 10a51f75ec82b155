//! The rows of a database under change, and those that a transaction has touched.

use super::{Commit, RowUpdate, Snapshot};
use crate::Row;
use crate::schema::TableId;
use crate::value::{Datum, Uuid, UuidGenerator};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// The rows of a database under change, in place: unless the change comes to its [`Working::finish`], all is as it was
/// once this is dropped.
pub(super) struct Working<'a> {
    /// The rows as the transaction has them so far.
    pub(super) now: &'a mut Snapshot,
    /// Every row that was touched, as it was before.
    touched: BTreeMap<(TableId, Uuid), Option<Arc<Row>>>,
    /// How often a row was touched.
    edit_count: usize,
    uuids: UuidGenerator,
}

impl<'a> Working<'a> {
    pub(super) fn new(now: &'a mut Snapshot, uuids: UuidGenerator) -> Self {
        Self { now, touched: BTreeMap::new(), edit_count: 0, uuids }
    }

    /// Adds a row; the UUID must be free. The row's version is chosen here.
    pub(super) fn insert(&mut self, table: TableId, uuid: Uuid, mut row: Row) {
        let version = self.now.layout.table(table).version_index();
        row[version] = Datum::scalar(self.uuids.generate());
        self.edit_count += 1;
        self.touched.entry((table, uuid)).or_insert(None);
        self.now.tables[table.0].insert(uuid, Arc::new(row));
    }

    /// The columns of an existing row, to be changed; the row gets a new version.
    pub(super) fn modify(&mut self, table: TableId, uuid: Uuid) -> Option<&mut Row> {
        let row = self.now.tables[table.0].get_mut(&uuid)?;
        self.edit_count += 1;
        self.touched.entry((table, uuid)).or_insert_with(|| Some(row.clone()));
        let row = Arc::make_mut(row);
        let version = self.now.layout.table(table).version_index();
        row[version] = Datum::scalar(self.uuids.generate());
        Some(row)
    }

    /// Removes a row, if it exists.
    pub(super) fn remove(&mut self, table: TableId, uuid: Uuid) -> Option<Arc<Row>> {
        let row = self.now.tables[table.0].remove(&uuid)?;
        self.edit_count += 1;
        self.touched.entry((table, uuid)).or_insert_with(|| Some(row.clone()));
        Some(row)
    }

    /// The row as it was before the transaction.
    pub(super) fn before(&self, table: TableId, uuid: Uuid) -> Option<&Arc<Row>> {
        match self.touched.get(&(table, uuid)) {
            Some(old) => old.as_ref(),
            None => self.now.row(table, uuid),
        }
    }

    /// Whether the row was inserted, changed or deleted.
    pub(super) fn is_touched(&self, table: TableId, uuid: Uuid) -> bool {
        self.touched.contains_key(&(table, uuid))
    }

    /// The touched rows of a table, those that are gone included.
    pub(super) fn touched_in(&self, table: TableId) -> impl Iterator<Item = Uuid> {
        let first = (table, Uuid::ZERO);
        let after = (TableId(table.0 + 1), Uuid::ZERO);
        self.touched.range((Bound::Included(first), Bound::Excluded(after))).map(|((_, uuid), _)| *uuid)
    }

    /// How often a row was touched so far.
    pub(super) fn edit_count(&self) -> usize {
        self.edit_count
    }

    /// Where all touched rows are or were.
    pub(super) fn touched(&self) -> impl Iterator<Item = (TableId, Uuid)> {
        self.touched.keys().copied()
    }

    /// All touched rows: where, as it was, as it is.
    pub(super) fn changes(
        &self,
    ) -> impl Iterator<Item = (TableId, Uuid, Option<&Arc<Row>>, Option<&Arc<Row>>)> {
        self.touched
            .iter()
            .map(|((table, uuid), old)| (*table, *uuid, old.as_ref(), self.now.row(*table, *uuid)))
    }

    /// Forgets touched rows that are as they were; they keep their version.
    pub(super) fn forget_unchanged(&mut self) {
        let Snapshot { tables, layout } = &mut *self.now;
        self.touched.retain(|(table, uuid), old| {
            let new = tables[table.0].get(uuid);
            let columns = layout.table(*table).columns.len();
            match (old, new) {
                (None, None) => false,
                (Some(old), Some(new)) if old[..columns] == new[..columns] => {
                    tables[table.0].insert(*uuid, old.clone());
                    false
                }
                (Some(_), Some(_) | None) | (None, Some(_)) => true,
            }
        });
    }

    /// Lets the rows stay as they are; says what changed.
    pub(super) fn finish(mut self) -> Commit {
        let mut commit = Commit::default();
        for ((table, uuid), old) in std::mem::take(&mut self.touched) {
            let new = self.now.row(table, uuid).cloned();
            commit.tables.entry(table).or_default().insert(uuid, RowUpdate { old, new });
        }
        commit
    }
}

impl Drop for Working<'_> {
    /// Goes back to the rows as they were before.
    fn drop(&mut self) {
        for ((table, uuid), old) in std::mem::take(&mut self.touched) {
            self.now.set(table, uuid, old);
        }
    }
}
