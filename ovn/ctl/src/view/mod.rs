//! The rows as the commands of one line see them: those of the database, with what earlier commands did to them.
//!
//! A command reads and writes here; what was written becomes one transaction ([`View::transaction`]). Writes to sets
//! and maps that only add or take away become mutations, so that they do not undo what others do at the same time.

mod names;
mod row;
mod transaction;

use crate::Failure;
use names::Names;
use ovsdb::replica::{MonitorTable, Replica, Snapshot};
use ovsdb::{Atom, BaseType, DatabaseSchema, Datum, RefType, Row, Str, Uuid};
use row::RowView;
use schema::TypedRow;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Some tables of a database.
#[derive(Clone, Debug)]
pub struct View {
    schema: Arc<DatabaseSchema>,
    tables: BTreeMap<Str, TableView>,
    /// Rows by the text of a column, for the tables and columns that were looked up.
    index: RefCell<BTreeMap<(Str, Str), Names>>,
    /// Writes by table and column; rows that come and go have no column.
    writes: BTreeMap<Str, BTreeMap<Str, u64>>,
}

#[derive(Clone, Debug, Default)]
struct TableView {
    /// Columns of the rows, in order.
    columns: Vec<Str>,
    /// The rows of the database.
    stored: Snapshot,
    /// Rows that commands inserted, wrote to or looked at closely; they stand before those of the database.
    touched: BTreeMap<Uuid, RowView>,
    /// The transaction is to fail unless the table has no rows.
    is_verified_empty: bool,
}

impl View {
    /// The rows of a replica that copies these tables.
    pub fn of_replica(schema: Arc<DatabaseSchema>, monitors: &[MonitorTable], replica: &Replica) -> Self {
        Self::new(schema, monitors, |table| replica.snapshot(table))
    }

    /// The rows that `rows` gives for each table, with the columns of its monitor.
    pub fn new(
        schema: Arc<DatabaseSchema>,
        monitors: &[MonitorTable],
        rows: impl Fn(&str) -> Snapshot,
    ) -> Self {
        let table = |monitor: &MonitorTable| {
            let (columns, stored) = (monitor.columns.clone(), rows(&monitor.table));
            TableView { columns, stored, ..Default::default() }
        };
        let tables = monitors.iter().map(|monitor| (monitor.table.clone(), table(monitor))).collect();
        Self { schema, tables, index: RefCell::default(), writes: BTreeMap::new() }
    }

    /// The rows of a table that are there by now.
    pub fn uuids(&self, table: &str) -> impl Iterator<Item = Uuid> {
        self.tables.get(table).into_iter().flat_map(TableView::uuids)
    }

    /// Whether a row is there by now.
    pub fn contains(&self, table: &str, uuid: Uuid) -> bool {
        self.seen(table, uuid).is_some()
    }

    /// Whether an earlier command inserted the row.
    pub fn is_new(&self, table: &str, uuid: Uuid) -> bool {
        self.seen(table, uuid).is_some_and(|row| row.is_new())
    }

    /// The value of a column by now. A column that was not asked for, or not given to a new row, has its default.
    pub fn value(&self, table: &str, uuid: Uuid, column: &str) -> Cow<'_, Datum> {
        let value = self.seen(table, uuid).and_then(|row| row.value(self.place(table, column), column));
        value.map_or_else(|| Cow::Owned(self.default_value(table, column)), Cow::Borrowed)
    }

    /// The rows of a table whose column has this text.
    pub fn named(&self, table: &str, column: &str, text: &str) -> Vec<Uuid> {
        let mut index = self.index.borrow_mut();
        let names = index.entry((table.into(), column.into())).or_insert_with(|| {
            let mut names = Names::default();
            for uuid in self.uuids(table) {
                names.put(uuid, self.value(table, uuid, column).as_str());
            }
            names
        });
        names.get(text)
    }

    /// A row of a table by now.
    ///
    /// # Errors
    /// A value that its column cannot hold.
    pub fn row<T: TypedRow>(&self, uuid: Uuid) -> Result<Option<T>, Failure> {
        if !self.contains(T::TABLE, uuid) {
            return Ok(None);
        }
        let values: Vec<Datum> =
            T::COLUMNS.iter().map(|column| self.value(T::TABLE, uuid, column).into_owned()).collect();
        Ok(Some(T::from_columns(uuid, &values)?))
    }

    /// All rows of a table by now.
    ///
    /// # Errors
    /// A value that its column cannot hold.
    pub fn rows<T: TypedRow>(&self) -> Result<Vec<T>, Failure> {
        self.uuids(T::TABLE).filter_map(|uuid| self.row(uuid).transpose()).collect()
    }

    /// The only row of a table such as `NB_Global`; where there is none, one is inserted, unless someone else does.
    ///
    /// # Errors
    /// A value that its column cannot hold.
    pub fn only<T: TypedRow>(&mut self, fresh: Uuid) -> Result<T, Failure> {
        if let Some(uuid) = self.uuids(T::TABLE).next() {
            return Ok(self.row(uuid)?.expect("a row that is listed is there"));
        }
        let has_rows = self
            .tables
            .get(T::TABLE)
            .is_some_and(|table| !table.stored.is_empty() || !table.touched.is_empty());
        self.table_mut(T::TABLE).is_verified_empty = !has_rows;
        self.insert(T::TABLE, fresh, BTreeMap::new());
        Ok(self.row(fresh)?.expect("the row was inserted just now"))
    }

    /// How often rows of a table have come and gone and these columns were written: what was made of them holds until
    /// it grows.
    pub fn writes(&self, table: &str, columns: &[&str]) -> u64 {
        let writes = self.writes.get(table).into_iter().flatten();
        let counts = |column: &str| column.is_empty() || columns.contains(&column);
        writes.filter(|(column, _)| counts(column)).map(|(_, count)| count).sum()
    }

    /// Inserts a row.
    pub fn insert(&mut self, table: &str, uuid: Uuid, values: BTreeMap<Str, Datum>) {
        self.count(table, "");
        self.table_mut(table).touched.insert(uuid, RowView::inserted(values));
        self.reindex(table, uuid);
    }

    /// Inserts a row with the fields of `row` that are not default.
    pub fn insert_row<T: TypedRow>(&mut self, uuid: Uuid, row: &T) -> Uuid {
        self.insert(T::TABLE, uuid, row.to_row());
        uuid
    }

    /// Deletes a row.
    pub fn delete(&mut self, table: &str, uuid: Uuid) {
        self.change(table, uuid, "", |row| row.delete());
    }

    /// Takes a row out of sight that the database will drop by itself, since nothing refers to it any more.
    pub fn forget(&mut self, table: &str, uuid: Uuid) {
        self.change(table, uuid, "", |row| row.forget());
    }

    /// Sets a column.
    pub fn set(&mut self, table: &str, uuid: Uuid, column: &str, value: Datum) {
        let place = self.place(table, column);
        self.change(table, uuid, column, |row| row.replace(place, column, value));
    }

    /// Adds elements to a set, or pairs to a map; a pair takes the place of one with the same key.
    pub fn add(&mut self, table: &str, uuid: Uuid, column: &str, more: &Datum) {
        let (place, default) = (self.place(table, column), self.default_value(table, column));
        self.change(table, uuid, column, |row| row.add(place, column, default, more));
    }

    /// Takes elements from a set, or from a map keys (given as a set) or pairs.
    pub fn remove(&mut self, table: &str, uuid: Uuid, column: &str, less: &Datum) {
        let (place, default) = (self.place(table, column), self.default_value(table, column));
        self.change(table, uuid, column, |row| row.remove(place, column, default, less));
    }

    /// Lets the transaction fail if someone else has changed the column since it was read.
    pub fn verify(&mut self, table: &str, uuid: Uuid, column: &str) {
        let place = self.place(table, column);
        if let Some(row) = self.table_mut(table).touch(uuid) {
            row.verify(place, column);
        }
    }

    /// What rows that were written to refer to, by references of this kind.
    pub fn written_references(&self, kind: RefType) -> HashSet<Uuid> {
        let is_kind = |base: &BaseType| base.reference.as_ref().is_some_and(|to| to.kind == kind);
        let mut references = HashSet::new();
        let mut add = |atom: &Atom| {
            if let Atom::Uuid(uuid) = atom {
                references.insert(*uuid);
            }
        };
        for (name, table) in &self.tables {
            let columns = self.schema.table(name).into_iter().flat_map(|schema| &schema.columns);
            for (column, schema) in columns {
                let (by_key, by_value) =
                    (is_kind(&schema.ty.key), schema.ty.value.as_ref().is_some_and(is_kind));
                for uuid in table.touched.keys().filter(|_| by_key || by_value) {
                    let value = self.value(name, *uuid, column);
                    value.keys().filter(|_| by_key).for_each(&mut add);
                    value.values().filter(|_| by_value).for_each(&mut add);
                }
            }
        }
        references
    }

    /// Notes a write.
    fn count(&mut self, table: &str, column: &str) {
        let columns = match self.writes.get_mut(table) {
            Some(columns) => columns,
            None => self.writes.entry(table.into()).or_default(),
        };
        match columns.get_mut(column) {
            Some(count) => *count += 1,
            None => drop(columns.insert(column.into(), 1)),
        }
    }

    fn change(&mut self, table: &str, uuid: Uuid, column: &str, change: impl FnOnce(&mut RowView)) {
        self.count(table, column);
        if let Some(row) = self.tables.get_mut(table).and_then(|table| table.touch(uuid)) {
            change(row);
            self.reindex(table, uuid);
        }
    }

    /// Brings the indexes of a table up to date for a row.
    fn reindex(&mut self, table: &str, uuid: Uuid) {
        let mut index = self.index.take();
        for ((_, column), names) in index.iter_mut().filter(|((indexed, _), _)| **indexed == *table) {
            let value = self.contains(table, uuid).then(|| self.value(table, uuid, column));
            names.put(uuid, value.as_deref().and_then(Datum::as_str));
        }
        self.index.replace(index);
    }

    fn seen(&self, table: &str, uuid: Uuid) -> Option<Seen<'_>> {
        let table = self.tables.get(table)?;
        match table.touched.get(&uuid) {
            Some(row) => row.is_there().then_some(Seen::Touched(row)),
            None => table.stored.get(&uuid).map(|row| Seen::Stored(row)),
        }
    }

    fn place(&self, table: &str, column: &str) -> Option<usize> {
        self.tables.get(table)?.columns.iter().position(|name| **name == *column)
    }

    fn default_value(&self, table: &str, column: &str) -> Datum {
        let column = self.schema.column(table, column);
        column.map_or_else(Datum::empty_set, |column| Datum::default_for(&column.ty))
    }

    fn table_mut(&mut self, table: &str) -> &mut TableView {
        self.tables.entry(table.into()).or_default()
    }
}

impl TableView {
    /// The rows that are there by now, in order.
    fn uuids(&self) -> impl Iterator<Item = Uuid> {
        let is_untouched = |uuid: &&Uuid| !self.touched.contains_key(uuid);
        let mut stored = self.stored.keys().filter(is_untouched).copied().peekable();
        let touched = self.touched.iter().filter(|(_, row)| row.is_there());
        let mut touched = touched.map(|(uuid, _)| *uuid).peekable();
        std::iter::from_fn(move || match (stored.peek(), touched.peek()) {
            (Some(one), Some(other)) if one > other => touched.next(),
            (Some(_), _) => stored.next(),
            (None, _) => touched.next(),
        })
    }

    /// A row to write to.
    fn touch(&mut self, uuid: Uuid) -> Option<&mut RowView> {
        if !self.touched.contains_key(&uuid) {
            let row = RowView::existing(self.stored.get(&uuid)?.clone());
            self.touched.insert(uuid, row);
        }
        self.touched.get_mut(&uuid)
    }
}

/// A row as it is by now.
enum Seen<'a> {
    Stored(&'a Row),
    Touched(&'a RowView),
}

impl<'a> Seen<'a> {
    fn is_new(&self) -> bool {
        match self {
            Self::Stored(_) => false,
            Self::Touched(row) => row.is_new(),
        }
    }

    fn value(&self, place: Option<usize>, column: &str) -> Option<&'a Datum> {
        match self {
            Self::Stored(row) => row.get(place?),
            Self::Touched(row) => row.value(place, column),
        }
    }
}

/// The UUIDs that a set of references names.
pub(crate) fn references(value: &Datum) -> BTreeSet<Uuid> {
    value
        .keys()
        .filter_map(|atom| if let ovsdb::Atom::Uuid(uuid) = atom { Some(*uuid) } else { None })
        .collect()
}

#[cfg(test)]
mod tests;
