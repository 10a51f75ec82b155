//! The rows of a database under change, and those that a transaction has touched.

use super::{Commit, Difference, RowUpdate, Snapshot};
use crate::Row;
use crate::schema::{TableId, TableLayout};
use crate::value::{Atoms, Datum, Uuid, UuidGenerator};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// The rows of a database under change, in place: unless the change comes to its [`Working::finish`], all is as it was
/// once this is dropped.
pub(super) struct Working<'a> {
    /// The rows as the transaction has them so far.
    pub(super) now: &'a mut Snapshot,
    /// Every row that was touched.
    touched: BTreeMap<(TableId, Uuid), Touched>,
    /// How often a row was touched.
    edit_count: usize,
    uuids: UuidGenerator,
}

/// A row that was touched.
struct Touched {
    /// As it was before.
    old: Option<Arc<Row>>,
    /// The columns that were written, if it is there still: of large sets, what is different in them.
    written: Vec<(usize, Option<Atoms>)>,
    /// What is different in these columns, once that was asked for.
    differences: Option<Vec<Difference>>,
}

impl Touched {
    fn new(old: Option<Arc<Row>>) -> Self {
        Self { old, written: Vec::new(), differences: None }
    }

    /// Works out what is different in the row that is now `new`; whether anything is.
    fn differs(&mut self, table: &TableLayout, old: &Row, new: &Row) -> bool {
        let difference = |(at, known): (usize, Option<Atoms>)| {
            let (old, new) = (&old[at], &new[at]);
            match known {
                Some(atoms) => (!atoms.is_empty()).then_some((at, Datum::Set(atoms))),
                None => (old != new).then(|| (at, old.diff(new, &table.columns[at].1.ty))),
            }
        };
        let differences: Vec<Difference> = self.written.iter().cloned().filter_map(difference).collect();
        let any = !differences.is_empty();
        self.differences = Some(differences);
        any
    }
}

/// A row that is not as it was: `None` is one that does not exist; never are both.
pub(super) struct Changed {
    pub(super) table: TableId,
    pub(super) uuid: Uuid,
    pub(super) old: Option<Arc<Row>>,
    pub(super) new: Option<Arc<Row>>,
}

/// A row to be changed.
pub(super) struct Edit<'e> {
    row: &'e mut Row,
    written: &'e mut Vec<(usize, Option<Atoms>)>,
}

impl Edit<'_> {
    /// Writes a column. `difference` is the symmetric difference of the sets that it had and has, if it is a set of
    /// more than one element and that is known.
    pub(super) fn set(&mut self, at: usize, datum: Datum, difference: Option<Atoms>) {
        self.row[at] = datum;
        match self.written.binary_search_by_key(&at, |(written, _)| *written) {
            Ok(known) => {
                let before = &mut self.written[known].1;
                *before = before.take().zip(difference).map(|(a, b)| a.symmetric_difference(&b));
            }
            Err(free) => self.written.insert(free, (at, difference)),
        }
    }
}

impl<'a> Working<'a> {
    pub(super) fn new(now: &'a mut Snapshot, uuids: UuidGenerator) -> Self {
        Self { now, touched: BTreeMap::new(), edit_count: 0, uuids }
    }

    /// Adds a row; the UUID must be free. The row's version is chosen here.
    pub(super) fn insert(&mut self, table: TableId, uuid: Uuid, mut row: Arc<Row>) {
        let version = self.now.layout.table(table).version_index();
        Arc::make_mut(&mut row)[version] = Datum::scalar(self.uuids.generate());
        self.edit_count += 1;
        self.touched.entry((table, uuid)).or_insert(Touched::new(None));
        self.now.tables[table.0].insert(uuid, row);
    }

    /// An existing row, to be changed; it gets a new version.
    pub(super) fn modify(&mut self, table: TableId, uuid: Uuid) -> Option<Edit<'_>> {
        let row = self.now.tables[table.0].get_mut(&uuid)?;
        self.edit_count += 1;
        let touched = self.touched.entry((table, uuid)).or_insert_with(|| Touched::new(Some(row.clone())));
        touched.differences = None;
        let row = Arc::make_mut(row);
        let version = self.now.layout.table(table).version_index();
        row[version] = Datum::scalar(self.uuids.generate());
        Some(Edit { row, written: &mut touched.written })
    }

    /// Removes a row, if it exists.
    pub(super) fn remove(&mut self, table: TableId, uuid: Uuid) -> Option<Arc<Row>> {
        let row = self.now.tables[table.0].remove(&uuid)?;
        self.edit_count += 1;
        let touched = self.touched.entry((table, uuid)).or_insert_with(|| Touched::new(Some(row.clone())));
        touched.differences = None;
        Some(row)
    }

    /// The row as it was before the transaction.
    pub(super) fn before(&self, table: TableId, uuid: Uuid) -> Option<&Arc<Row>> {
        match self.touched.get(&(table, uuid)) {
            Some(touched) => touched.old.as_ref(),
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

    /// All touched rows that are not as they were. Each is looked for once, here: to find a row among many takes longer
    /// than most of what is done with it.
    pub(super) fn changed(&mut self) -> Vec<Changed> {
        self.forget_unchanged();
        let changed = |((table, uuid), touched): (&(TableId, Uuid), &Touched)| Changed {
            table: *table,
            uuid: *uuid,
            old: touched.old.clone(),
            new: self.now.row(*table, *uuid).cloned(),
        };
        self.touched.iter().map(changed).collect()
    }

    /// What is different in a touched row that was and is there, if it was not touched after
    /// [`Working::changed`].
    pub(super) fn differences(&self, table: TableId, uuid: Uuid) -> Option<&[Difference]> {
        self.touched.get(&(table, uuid))?.differences.as_deref()
    }

    /// Forgets touched rows that are as they were; they keep their version.
    fn forget_unchanged(&mut self) {
        let Snapshot { tables, layout } = &mut *self.now;
        self.touched.retain(|(table, uuid), touched| {
            let new = tables[table.0].get(uuid);
            match (touched.old.clone(), new) {
                (None, None) => false,
                (Some(_), Some(_)) if touched.differences.is_some() => true,
                (Some(old), Some(new)) => {
                    let differs = touched.differs(layout.table(*table), &old, new);
                    if !differs {
                        tables[table.0].insert(*uuid, old);
                    }
                    differs
                }
                (Some(_), None) | (None, Some(_)) => true,
            }
        });
    }

    /// Lets the rows stay as they are; says what changed, which is what [`Working::changed`] gave last.
    pub(super) fn finish(mut self, changed: Vec<Changed>) -> Commit {
        let mut commit = Commit::default();
        let touched = std::mem::take(&mut self.touched);
        assert_eq!(touched.len(), changed.len(), "the rows that were touched last are those that changed");
        let mut updates = changed.into_iter().zip(touched.into_values()).peekable();
        while let Some((Changed { table, .. }, _)) = updates.peek() {
            let table = *table;
            let of_table = std::iter::from_fn(|| updates.next_if(|(changed, _)| changed.table == table));
            let update = |(changed, touched): (Changed, Touched)| {
                let update = RowUpdate::new(changed.old, changed.new).with_differences(touched.differences);
                (changed.uuid, update)
            };
            commit.tables.insert(table, of_table.map(update).collect());
        }
        commit
    }
}

impl Drop for Working<'_> {
    /// Goes back to the rows as they were before.
    fn drop(&mut self) {
        for ((table, uuid), touched) in std::mem::take(&mut self.touched) {
            self.now.set(table, uuid, touched.old);
        }
    }
}
