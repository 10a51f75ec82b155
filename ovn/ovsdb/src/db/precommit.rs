//! From what a transaction's operations did to a state that keeps every promise of the schema.
//!
//! In upstream's order (ovsdb/transaction.c, ovsdb_txn_precommit): forget rows that did not change,
//! count references, collect garbage, count rows, drop weak references, check indexes.

use super::indexes::{Indexes, KeyHash, key_hash, same_key};
use super::references::{ReferenceChange, References, RowAt, changes, changes_by, column, uuids};
use super::working::{Changed, Working};
use super::{Commit, Difference};
use crate::Row;
use crate::error::OvsdbError;
use crate::schema::{RefType, ReferenceAt, TableId, TableLayout};
use crate::value::{Atom, Change, Datum, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Finishes a transaction, or says why it cannot be. `references` and `indexes` are those of the
/// database before it.
pub(super) fn precommit(
    working: Working<'_>,
    references: &References,
    indexes: &Indexes,
) -> Result<Checked, OvsdbError> {
    let mut step = Precommit {
        working,
        references,
        indexes,
        changed: Vec::new(),
        strong: BTreeMap::new(),
        changes: Vec::new(),
        deleted: Vec::new(),
    };
    step.changed = step.working.changed();
    let asked = step.working.edit_count();
    step.count_references()?;
    step.refuse_deletion_of_referenced()?;
    step.collect_garbage();
    let left = step.working.edit_count();
    if left != asked {
        step.changed = step.working.changed();
    }
    step.count_rows()?;
    step.drop_weak_references()?;
    let as_asked = step.working.edit_count() == asked;
    if step.working.edit_count() != left {
        step.changed = step.working.changed();
    }
    step.check_indexes()?;
    let references = as_asked.then_some(step.changes);
    Ok(Checked { commit: step.working.finish(step.changed), references })
}

/// What a transaction changed, in a state that keeps every promise of the schema.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) commit: Commit,
    /// The references that came and went, if they were found on the way.
    pub(super) references: Option<Vec<ReferenceChange>>,
}

struct Precommit<'a, 'w> {
    working: Working<'w>,
    references: &'a References,
    indexes: &'a Indexes,
    /// The rows that changed by the steps so far.
    changed: Vec<Changed>,
    /// By how much the transaction changes the number of strong references to a row.
    strong: BTreeMap<RowAt, i64>,
    /// The references that came and went by what was asked for.
    changes: Vec<ReferenceChange>,
    /// The rows that were asked to be deleted.
    deleted: Vec<RowAt>,
}

impl Precommit<'_, '_> {
    fn table(&self, id: TableId) -> &TableLayout {
        self.working.now.layout().table(id)
    }

    fn exists(&self, (table, uuid): RowAt) -> bool {
        self.working.now.row(table, uuid).is_some()
    }

    /// The number of strong references to a row at the end of the transaction.
    fn strong_count(&self, row: RowAt) -> i64 {
        i64::from(self.references.strong_count(row)) + self.strong.get(&row).copied().unwrap_or(0)
    }

    /// Says which references of a row went and came in a column. `differences` are those of the row, if known.
    fn references_of(
        &self,
        place: (TableId, &ReferenceAt),
        (old, new): (Option<&Arc<Row>>, Option<&Arc<Row>>),
        differences: Option<&[Difference]>,
        visit: impl FnMut(Uuid, Change),
    ) {
        let (id, place) = place;
        let (old, new) = (column(old.map(|row| &**row), place), column(new.map(|row| &**row), place));
        let Some(differences) = differences else { return changes(old, new, place.by_value, visit) };
        if let Ok(at) = differences.binary_search_by_key(&place.column, |(at, _)| *at) {
            let is_composite = self.table(id).columns[place.column].1.ty.is_composite();
            changes_by(old, new, (&differences[at].1, is_composite), place.by_value, visit);
        }
    }

    fn count_references(&mut self) -> Result<(), OvsdbError> {
        let (mut strong, mut all, mut deleted) = (BTreeMap::new(), Vec::new(), Vec::new());
        for Changed { table: id, uuid, old, new } in &self.changed {
            let (id, uuid, old, new) = (*id, *uuid, old.as_ref(), new.as_ref());
            if new.is_none() {
                deleted.push((id, uuid));
            }
            let table = self.table(id);
            let differences = old.and_then(|_| self.working.differences(id, uuid));
            for place in &table.references {
                let mut dangling = None;
                self.references_of((id, place), (old, new), differences, |target, change| {
                    let target_at = (place.table, target);
                    all.push(ReferenceChange { source: (id, uuid), place: *place, target, change });
                    if place.kind == RefType::Weak || target_at == (id, uuid) {
                        return;
                    }
                    let count = strong.entry(target_at).or_insert(0);
                    match change {
                        Change::Removed => *count -= 1,
                        Change::Added => *count += 1,
                    }
                    let is_new = change == Change::Added;
                    if is_new && self.working.before(place.table, target).is_none() && !self.exists(target_at)
                    {
                        dangling.get_or_insert(target);
                    }
                });
                if let Some(target) = dangling {
                    return Err(self.dangling(table, uuid, place, target));
                }
            }
        }
        (self.strong, self.changes, self.deleted) = (strong, all, deleted);
        Ok(())
    }

    fn dangling(&self, table: &TableLayout, uuid: Uuid, place: &ReferenceAt, target: Uuid) -> OvsdbError {
        let (name, column) = (&table.name, &table.columns[place.column].0);
        let target_table = &self.table(place.table).name;
        let words = format!(
            "Table {name} column {column} row {uuid} references nonexistent row {target} in table {target_table}."
        );
        OvsdbError::new(OvsdbError::REFERENTIAL_INTEGRITY, words)
    }

    fn refuse_deletion_of_referenced(&self) -> Result<(), OvsdbError> {
        for &(table, uuid) in &self.deleted {
            let count = self.strong_count((table, uuid));
            if count > 0 {
                let name = &self.table(table).name;
                let words =
                    format!("cannot delete {name} row {uuid} because of {count} remaining reference(s)");
                return Err(OvsdbError::new(OvsdbError::REFERENTIAL_INTEGRITY, words));
            }
        }
        Ok(())
    }

    /// Deletes rows of non-root tables that lost their last reference or never had one, then those
    /// that only they referred to, and so on. Each row is deleted once, so this ends.
    fn collect_garbage(&mut self) {
        let mut suspects: Vec<RowAt> = self.working.touched().chain(self.strong.keys().copied()).collect();
        while let Some((id, uuid)) = suspects.pop() {
            if self.table(id).is_root || self.strong_count((id, uuid)) > 0 {
                continue;
            }
            let Some(row) = self.working.remove(id, uuid) else { continue };
            let layout = self.working.now.layout().clone();
            for place in layout.table(id).references.iter().filter(|place| place.kind == RefType::Strong) {
                for target in uuids(Some(&row[place.column]), place.by_value) {
                    if (place.table, target) != (id, uuid) {
                        *self.strong.entry((place.table, target)).or_insert(0) -= 1;
                        suspects.push((place.table, target));
                    }
                }
            }
        }
    }

    fn count_rows(&self) -> Result<(), OvsdbError> {
        let mut last = None;
        for Changed { table: id, .. } in &self.changed {
            // Rows of a table come one after the other.
            if last.replace(id) == Some(id) {
                continue;
            }
            let (table, rows) = (self.table(*id), self.working.now.len(*id));
            let Some(max_rows) = table.max_rows else { continue };
            if u32::try_from(rows).is_ok_and(|rows| rows <= max_rows) {
                continue;
            }
            let words = format!(
                "transaction causes \"{}\" table to contain {rows} rows, greater than the schema-defined limit \
                 of {max_rows} row(s)",
                table.name
            );
            return Err(OvsdbError::new(OvsdbError::CONSTRAINT, words));
        }
        Ok(())
    }

    /// Takes references to rows that do not exist out of weak columns: of the rows that changed,
    /// and of those that refer to a row that was deleted.
    fn drop_weak_references(&mut self) -> Result<(), OvsdbError> {
        let mut rows: Vec<RowAt> = Vec::new();
        let mut deleted: BTreeMap<TableId, BTreeSet<Uuid>> = BTreeMap::new();
        for Changed { table, uuid, new, .. } in &self.changed {
            let (table, uuid) = (*table, *uuid);
            if new.is_some() {
                if self.table(table).references.iter().any(|place| place.kind == RefType::Weak) {
                    rows.push((table, uuid));
                }
            } else {
                rows.extend(self.references.weak_sources((table, uuid)));
                deleted.entry(table).or_default().insert(uuid);
            }
        }
        rows.sort_unstable();
        rows.dedup();
        for (id, uuid) in rows {
            let layout = self.working.now.layout().clone();
            let table = layout.table(id);
            for place in table.references.iter().filter(|place| place.kind == RefType::Weak) {
                let Some(row) = self.working.now.row(id, uuid).filter(|row| !row[place.column].is_empty())
                else {
                    continue;
                };
                let gone = self.gone((id, uuid), row, place, deleted.get(&place.table));
                if gone.is_empty() {
                    continue;
                }
                let left = without(&row[place.column], &gone, place.by_value);
                let (name, column) = &table.columns[place.column];
                if !column.ty.allows_len(left.len()) {
                    return Err(self.emptied((id, uuid), table, name, &gone));
                }
                if let Some(mut row) = self.working.modify(id, uuid) {
                    row.set(place.column, left, None);
                }
            }
        }
        Ok(())
    }

    /// The rows that do not exist among those that a column refers to. What it referred to before the transaction, and
    /// was not deleted by it, is not looked at again: the column may be large.
    fn gone(
        &self,
        (id, uuid): RowAt,
        row: &Arc<Row>,
        place: &ReferenceAt,
        deleted: Option<&BTreeSet<Uuid>>,
    ) -> BTreeSet<Uuid> {
        let mut gone = BTreeSet::new();
        let new = &row[place.column];
        let rows = (self.working.before(id, uuid), Some(row));
        self.references_of((id, place), rows, self.working.differences(id, uuid), |target, change| {
            if change == Change::Added && !self.exists((place.table, target)) {
                gone.insert(target);
            }
        });
        match deleted {
            Some(deleted) if !place.by_value && deleted.len() < new.len() => {
                gone.extend(deleted.iter().filter(|target| new.contains(&Atom::Uuid(**target))));
            }
            Some(deleted) => {
                gone.extend(uuids(Some(new), place.by_value).filter(|target| deleted.contains(target)));
            }
            None => {}
        }
        gone
    }

    fn emptied(
        &self,
        (id, uuid): RowAt,
        table: &TableLayout,
        column: &str,
        gone: &BTreeSet<Uuid>,
    ) -> OvsdbError {
        let inserted = self.working.before(id, uuid).is_none();
        let inserted = if inserted { "(inserted within this transaction) " } else { "" };
        let table = &table.name;
        let words = if gone.contains(&Uuid::ZERO) {
            // The misspelling is part of upstream's text.
            format!(
                "Weak reference column \"{column}\" in \"{table}\" row {uuid} {inserted}contained all-zeros UUID \
                 (probably as the default value for this column) but deleting this value caused a constraint \
                 volation because this column is not allowed to be empty."
            )
        } else {
            format!(
                "Deletion of {} weak reference(s) to deleted (or never-existing) rows from column \"{column}\" in \
                 \"{table}\" row {uuid} {inserted}caused this column to become empty, but constraints on this \
                 column disallow an empty column.",
                gone.len()
            )
        };
        OvsdbError::new(OvsdbError::CONSTRAINT, words)
    }

    fn check_indexes(&self) -> Result<(), OvsdbError> {
        let mut taken: BTreeSet<(TableId, usize, KeyHash, Uuid)> = BTreeSet::new();
        for Changed { table: id, uuid, old, new } in &self.changed {
            let (id, uuid, old) = (*id, *uuid, old.as_ref());
            let Some(new) = new else { continue };
            for (index, columns) in self.table(id).indexes.iter().enumerate() {
                if old.is_some_and(|old| same_key(old, new, columns)) {
                    continue;
                }
                let hash = key_hash(new, columns);
                // Of rows that had the key before, only those that still have it.
                let before = self.indexes.find(id, index, hash);
                let since = (id, index, hash, Uuid::ZERO)..=(id, index, hash, Uuid::MAX);
                let since = taken.range(since).map(|(_, _, _, uuid)| *uuid);
                let has_key = |row: &Arc<Row>| same_key(row, new, columns);
                let other = before
                    .chain(since)
                    .find(|other| *other != uuid && self.working.now.row(id, *other).is_some_and(has_key));
                if let Some(other) = other {
                    return Err(self.clash(id, columns, other, uuid, new));
                }
                taken.insert((id, index, hash, uuid));
            }
        }
        Ok(())
    }

    fn clash(&self, id: TableId, columns: &[usize], first: Uuid, second: Uuid, row: &Arc<Row>) -> OvsdbError {
        let table = self.table(id);
        let names: Vec<String> = columns.iter().map(|at| format!("\"{}\"", table.columns[*at].0)).collect();
        let plural = if names.len() == 1 { "column" } else { "columns" };
        let words = format!(
            "Transaction causes multiple rows in \"{}\" table to have identical values ({}) for index on {plural} \
             {}.  First row, with UUID {first}, {}.  Second row, with UUID {second}, {}.",
            table.name,
            index_values(table, columns, row),
            and_list(&names),
            self.history(id, columns, first),
            self.history(id, columns, second),
        );
        OvsdbError::new(OvsdbError::CONSTRAINT, words)
    }

    /// How a row came to its index key.
    fn history(&self, id: TableId, columns: &[usize], uuid: Uuid) -> String {
        if !self.working.is_touched(id, uuid) {
            return "existed in the database before this transaction and was not modified by the transaction"
                .to_owned();
        }
        let Some(old) = self.working.before(id, uuid) else {
            return "was inserted by this transaction".to_owned();
        };
        if self.working.now.row(id, uuid).is_some_and(|new| same_key(new, old, columns)) {
            return "existed in the database before this transaction, which modified some of the row's columns \
                    but not any columns in this index"
                .to_owned();
        }
        let values = index_values(self.table(id), columns, old);
        format!("had the following index values before the transaction: {values}")
    }
}

fn index_values(table: &TableLayout, columns: &[usize], row: &Row) -> String {
    let text = |at: &usize| row[*at].to_text(&table.columns[*at].1.ty);
    and_list(&columns.iter().map(text).collect::<Vec<String>>())
}

/// `a`, `a and b`, `a, b, and c`.
fn and_list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} and {second}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
    }
}

/// A column without the elements, or the pairs, that refer to `gone`.
fn without(datum: &Datum, gone: &BTreeSet<Uuid>, by_value: bool) -> Datum {
    let stays = |atom: &Atom| match atom {
        Atom::Uuid(uuid) => !gone.contains(uuid),
        Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::String(_) => true,
    };
    match datum {
        Datum::Set(atoms) => Datum::Set(atoms.without(&gone.iter().map(|uuid| Atom::Uuid(*uuid)).collect())),
        Datum::Map(pairs) => {
            let stays = |(k, v): &&(Atom, Atom)| stays(if by_value { v } else { k });
            Datum::Map(pairs.iter().filter(stays).cloned().collect())
        }
    }
}
