//! What a transaction changed: the food of monitors, of the log and of replicas.

use super::{Database, Snapshot};
use crate::Row;
use crate::schema::{ColumnSchema, TableId, TableLayout};
use crate::value::{Datum, Str, Uuid};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rows that a transaction changed, garbage collection and dropped weak references included.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The changed rows of each table; tables without changes are absent.
    pub tables: BTreeMap<TableId, BTreeMap<Uuid, RowUpdate>>,
    /// The words of the transaction's `comment` operations, one a line; or empty.
    pub comment: String,
    /// Whether a `commit` operation asked that the reply wait for the disk.
    pub durable: bool,
}

/// One row before and after a transaction. `None` is a row that does not exist; never are both.
#[derive(Clone, Debug)]
pub struct RowUpdate {
    pub old: Option<Arc<Row>>,
    pub new: Option<Arc<Row>>,
    /// What the transaction knows of the columns that changed; see [`RowUpdate::differences`].
    differences: Option<Arc<[Difference]>>,
}

/// A column that changed, by its place, and what leads from the old value to the new one ([`Datum::diff`]). Whoever made
/// the change knows this; to find it again in a set of ten thousand elements takes longer than the change.
pub type Difference = (usize, Datum);

impl RowUpdate {
    /// What became of a row.
    pub fn new(old: Option<Arc<Row>>, new: Option<Arc<Row>>) -> Self {
        Self { old, new, differences: None }
    }

    /// As [`RowUpdate::new`] with what [`RowUpdate::differences`] is to give.
    pub(super) fn with_differences(self, differences: Option<Vec<Difference>>) -> Self {
        Self { differences: differences.map(Arc::from), ..self }
    }

    /// The columns of the schema that differ, in order, if the row was there before and is there now.
    pub fn differences(&self, table: &TableLayout) -> Cow<'_, [Difference]> {
        match (&self.differences, &self.old, &self.new) {
            (Some(known), _, _) => Cow::Borrowed(known),
            (None, Some(old), Some(new)) => {
                let columns = table.columns.iter().zip(old.iter().zip(new.iter())).enumerate();
                let changed = columns.filter(|(_, (_, (old, new)))| old != new);
                let difference =
                    |(_, column): &(Str, ColumnSchema), old: &Datum, new| old.diff(new, &column.ty);
                changed.map(|(at, (column, (old, new)))| (at, difference(column, old, new))).collect()
            }
            (None, _, None) | (None, None, _) => Cow::Borrowed(&[]),
        }
    }
}

impl Snapshot {
    /// Goes back to the state before `commit`, which made this one.
    pub fn undo(&mut self, commit: &Commit) {
        for (table, uuid, update) in commit.iter() {
            self.set(table, uuid, update.old.clone());
        }
    }

    /// Goes on to the state that `commit` made of this one.
    pub fn redo(&mut self, commit: &Commit) {
        for (table, uuid, update) in commit.iter() {
            self.set(table, uuid, update.new.clone());
        }
    }

    /// Makes a row what it is to be, if it is to be.
    pub(super) fn set(&mut self, table: TableId, uuid: Uuid, row: Option<Arc<Row>>) {
        match row {
            Some(row) => _ = self.tables[table.0].insert(uuid, row),
            None => _ = self.tables[table.0].remove(&uuid),
        }
    }
}

impl Database {
    /// Goes back to the state before `commit`, the last one that was applied.
    pub fn undo(&mut self, commit: &Commit) {
        let back = commit.reversed();
        self.generation += 1;
        self.references.apply(&self.now.layout, &back);
        self.indexes.apply(&self.now.layout, &back);
        self.now.undo(commit);
    }
}

impl Commit {
    /// What leads from the state that it made to the one before.
    fn reversed(&self) -> Self {
        let turn = |update: &RowUpdate| RowUpdate::new(update.new.clone(), update.old.clone());
        let rows = |rows: &BTreeMap<Uuid, RowUpdate>| {
            rows.iter().map(|(uuid, update)| (*uuid, turn(update))).collect()
        };
        let tables = self.tables.iter().map(|(table, changed)| (*table, rows(changed))).collect();
        Self { tables, ..Self::default() }
    }

    /// All changed rows, by table and UUID.
    pub fn iter(&self) -> impl Iterator<Item = (TableId, Uuid, &RowUpdate)> {
        self.tables.iter().flat_map(|(table, rows)| rows.iter().map(|(uuid, update)| (*table, *uuid, update)))
    }
}
