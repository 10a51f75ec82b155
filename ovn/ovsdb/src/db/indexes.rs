//! The indexes of a database: which rows may have which key.
//!
//! An index knows the hash of each row's key, not the key, which the row has: so it is small, and a comparison never
//! leaves it. Whoever looks for a key looks at the rows.

use super::{Commit, Snapshot};
use crate::Row;
use crate::schema::{Layout, TableId};
use crate::value::{Datum, Uuid};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The hash of what a row holds in the columns of an index.
pub(super) type KeyHash = u64;

/// For each table, for each of its indexes, the rows by the hash of their key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Indexes {
    tables: Vec<Vec<BTreeSet<(KeyHash, Uuid)>>>,
}

impl Indexes {
    pub(super) fn new(layout: &Layout) -> Self {
        Self {
            tables: layout.tables.iter().map(|table| vec![BTreeSet::new(); table.indexes.len()]).collect(),
        }
    }

    /// The indexes of all rows, which may be in any order, made at once.
    pub(super) fn of(layout: &Layout, tables: &[Vec<(Uuid, Arc<Row>)>]) -> Self {
        let tables = layout.tables.iter().zip(tables).map(|(table, rows)| {
            let index = |columns: &Vec<usize>| {
                let entry = |(uuid, row): &(Uuid, Arc<Row>)| (key_hash(row, columns), *uuid);
                rows.iter().map(entry).collect()
            };
            table.indexes.iter().map(index).collect()
        });
        Self { tables: tables.collect() }
    }

    /// The rows whose key has this hash in index number `index` of a table.
    pub(super) fn find(&self, table: TableId, index: usize, hash: KeyHash) -> impl Iterator<Item = Uuid> {
        let rows = (hash, Uuid::ZERO)..=(hash, Uuid::MAX);
        self.tables[table.0][index].range(rows).map(|(_, uuid)| *uuid)
    }

    /// Whether no two rows of a table have the same key.
    pub(super) fn is_unique(&self, now: &Snapshot, table: TableId) -> bool {
        let indexes = now.layout.table(table).indexes.iter().zip(&self.tables[table.0]);
        let differ = |columns: &[usize], a: Uuid, b: Uuid| match (now.row(table, a), now.row(table, b)) {
            (Some(a), Some(b)) => !same_key(a, b, columns),
            (None, _) | (_, None) => false,
        };
        indexes.into_iter().all(|(columns, index)| {
            // Nearly always there are no two rows of a hash, and then this is quick.
            let mut last: Vec<(KeyHash, Uuid)> = Vec::new();
            index.iter().all(|(hash, uuid)| {
                last.retain(|(other, _)| other == hash);
                let is_new = last.iter().all(|(_, other)| differ(columns, *other, *uuid));
                last.push((*hash, *uuid));
                is_new
            })
        })
    }

    /// Follows a commit.
    pub(super) fn apply(&mut self, layout: &Layout, commit: &Commit) {
        for (table, uuid, update) in commit.iter() {
            self.change(layout, (table, uuid), update.old.as_deref(), update.new.as_deref());
        }
    }

    /// Follows the change of one row.
    pub(super) fn change(
        &mut self,
        layout: &Layout,
        (table, uuid): (TableId, Uuid),
        old: Option<&Row>,
        new: Option<&Row>,
    ) {
        for (columns, index) in layout.table(table).indexes.iter().zip(&mut self.tables[table.0]) {
            if let (Some(old), Some(new)) = (old, new)
                && same_key(old, new, columns)
            {
                continue;
            }
            if let Some(old) = old {
                index.remove(&(key_hash(old, columns), uuid));
            }
            if let Some(new) = new {
                index.insert((key_hash(new, columns), uuid));
            }
        }
    }
}

/// Whether two rows hold the same in these columns.
pub(super) fn same_key(a: &Row, b: &Row, columns: &[usize]) -> bool {
    columns.iter().all(|column| a[*column] == b[*column])
}

/// The hash of what a row holds in these columns.
pub(super) fn key_hash(row: &Row, columns: &[usize]) -> KeyHash {
    hash_of(columns.iter().map(|column| &row[*column]))
}

/// The hash of a key. The same in every process, so that a run can be repeated.
pub(super) fn hash_of<'a>(key: impl IntoIterator<Item = &'a Datum>) -> KeyHash {
    let mut hasher = DefaultHasher::new();
    key.into_iter().for_each(|datum| datum.hash(&mut hasher));
    hasher.finish()
}
