//! Who refers to whom: how many strong references a row has, and which rows refer to it weakly.

use super::Commit;
use crate::Row;
use crate::schema::{Layout, RefType, ReferenceAt, TableId};
use crate::value::{Atom, Change, Datum, Uuid};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// A row and where it lives.
pub(super) type RowAt = (TableId, Uuid);

/// A reference that came or went.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReferenceChange {
    pub(super) source: RowAt,
    pub(super) place: ReferenceAt,
    pub(super) target: Uuid,
    pub(super) change: Change,
}

/// The references between the rows of a database. Bounded by the rows themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct References {
    /// For each table, the number of strong references to each row that has any. A row's
    /// references to itself do not count.
    strong: Vec<BTreeMap<Uuid, u32>>,
    /// For each table, the rows that refer weakly to each row, and how often.
    weak: Vec<BTreeMap<Uuid, BTreeMap<RowAt, u32>>>,
}

impl References {
    pub(super) fn new(layout: &Layout) -> Self {
        let tables = layout.tables.len();
        Self { strong: vec![BTreeMap::new(); tables], weak: vec![BTreeMap::new(); tables] }
    }

    /// The references between all rows, which may be in any order, counted at once.
    pub(super) fn of(layout: &Layout, tables: &[Vec<(Uuid, Arc<Row>)>]) -> Self {
        let mut all = Self::new(layout);
        let mut strong: Vec<Vec<Uuid>> = vec![Vec::new(); layout.tables.len()];
        for (i, (table, rows)) in layout.tables.iter().zip(tables).enumerate() {
            let id = TableId(i);
            for (uuid, row) in rows {
                for place in &table.references {
                    let datum = &row[place.column];
                    if datum.is_empty() {
                        continue;
                    }
                    for target in uuids(Some(datum), place.by_value) {
                        match place.kind {
                            RefType::Strong if (id, *uuid) == (place.table, target) => {}
                            RefType::Strong => strong[place.table.0].push(target),
                            RefType::Weak => all.count((id, *uuid), place, target, Change::Added),
                        }
                    }
                }
            }
        }
        for (counts, mut targets) in all.strong.iter_mut().zip(strong) {
            targets.sort_unstable();
            let runs = targets.chunk_by(|a, b| a == b);
            let count = |run: &[Uuid]| Some((*run.first()?, u32::try_from(run.len()).unwrap_or(u32::MAX)));
            *counts = runs.filter_map(count).collect();
        }
        all
    }

    /// The number of strong references to a row.
    pub(super) fn strong_count(&self, (table, uuid): RowAt) -> u32 {
        self.strong[table.0].get(&uuid).copied().unwrap_or(0)
    }

    /// The rows that refer weakly to a row.
    pub(super) fn weak_sources(&self, (table, uuid): RowAt) -> impl Iterator<Item = RowAt> {
        self.weak[table.0].get(&uuid).into_iter().flat_map(|sources| sources.keys().copied())
    }

    /// The rows of a table, be they there or not, that have strong references; in order.
    pub(super) fn strong_targets(&self, table: TableId) -> impl Iterator<Item = Uuid> {
        self.strong[table.0].keys().copied()
    }

    /// The rows of a table, be they there or not, that have weak references; in order.
    pub(super) fn weak_targets(&self, table: TableId) -> impl Iterator<Item = Uuid> {
        self.weak[table.0].keys().copied()
    }

    /// Follows changes.
    pub(super) fn follow(&mut self, changes: &[ReferenceChange]) {
        for ReferenceChange { source, place, target, change } in changes {
            self.count(*source, place, *target, *change);
        }
    }

    /// Follows a commit.
    pub(super) fn apply(&mut self, layout: &Layout, commit: &Commit) {
        for (table, uuid, update) in commit.iter() {
            self.change(layout, (table, uuid), update.old.as_deref(), update.new.as_deref());
        }
    }

    /// Follows the change of one row.
    pub(super) fn change(&mut self, layout: &Layout, source: RowAt, old: Option<&Row>, new: Option<&Row>) {
        for place in &layout.table(source.0).references {
            changes(column(old, place), column(new, place), place.by_value, |target, change| {
                self.count(source, place, target, change);
            });
        }
    }

    fn count(&mut self, source: RowAt, place: &ReferenceAt, target: Uuid, change: Change) {
        let step = match change {
            Change::Removed => -1,
            Change::Added => 1,
        };
        match place.kind {
            RefType::Strong if source == (place.table, target) => {}
            RefType::Strong => add(&mut self.strong[place.table.0], target, step),
            RefType::Weak => {
                let targets = &mut self.weak[place.table.0];
                let sources = targets.entry(target).or_default();
                add(sources, source, step);
                if sources.is_empty() {
                    targets.remove(&target);
                }
            }
        }
    }
}

/// Adds `step` to the count of `key`; counts of zero are not kept. A commit may take away first and
/// add later, so a count may pass through zero but never below: what is taken away was counted.
fn add<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K, step: i32) {
    match counts.entry(key) {
        Entry::Vacant(entry) => {
            if step > 0 {
                entry.insert(step.unsigned_abs());
            }
        }
        Entry::Occupied(mut entry) => match entry.get().saturating_add_signed(step) {
            0 => _ = entry.remove(),
            count => _ = entry.insert(count),
        },
    }
}

/// What a row, if there is one, holds where `place` says.
pub(super) fn column<'a>(row: Option<&'a Row>, place: &ReferenceAt) -> Option<&'a Datum> {
    row.map(|row| &row[place.column])
}

/// The rows that a column refers to.
pub(super) fn uuids(datum: Option<&Datum>, by_value: bool) -> impl Iterator<Item = Uuid> {
    let keys = datum.filter(|_| !by_value).into_iter().flat_map(Datum::keys);
    let values = datum.filter(|_| by_value).into_iter().flat_map(Datum::values);
    keys.chain(values).filter_map(|atom| match atom {
        Atom::Uuid(uuid) => Some(*uuid),
        Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::String(_) => None,
    })
}

/// As [`changes`], from the elements of a set that are different, if it is one.
pub(super) fn changes_by(
    old: Option<&Datum>,
    new: Option<&Datum>,
    (difference, is_composite): (&Datum, bool),
    by_value: bool,
    mut visit: impl FnMut(Uuid, Change),
) {
    let (Some(Datum::Set(before)), Datum::Set(atoms), true) = (old, difference, is_composite) else {
        return changes(old, new, by_value, visit);
    };
    for atom in atoms {
        if let Atom::Uuid(uuid) = atom {
            visit(*uuid, if before.contains(atom) { Change::Removed } else { Change::Added });
        }
    }
}

/// Says which references of a column went and came. Of a map all are said to go and come; of a set those that differ.
pub(super) fn changes(
    old: Option<&Datum>,
    new: Option<&Datum>,
    by_value: bool,
    mut visit: impl FnMut(Uuid, Change),
) {
    if let (Some(Datum::Set(old)), Some(Datum::Set(new)), false) = (old, new, by_value) {
        old.changes(new, |atom, change| {
            if let Atom::Uuid(uuid) = atom {
                visit(*uuid, change);
            }
        });
    } else if old != new {
        uuids(old, by_value).for_each(|uuid| visit(uuid, Change::Removed));
        uuids(new, by_value).for_each(|uuid| visit(uuid, Change::Added));
    }
}
