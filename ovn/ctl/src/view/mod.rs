//! The rows as the commands of one line see them: those of the database, with what earlier commands did to them.
//!
//! A command reads and writes here; what was written becomes one transaction ([`View::transaction`]). Writes to sets
//! and maps that only add or take away become mutations, so that they do not undo what others do at the same time.

mod names;
mod row;
mod transaction;

use crate::Failure;
use names::Names;
use ovsdb::replica::{MonitorTable, Replica};
use ovsdb::{ColumnType, DatabaseSchema, Datum, RefType, Row, Str, Uuid};
use row::RowView;
use schema::TypedRow;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
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
    rows: BTreeMap<Uuid, RowView>,
    /// The transaction is to fail unless the table has no rows.
    is_verified_empty: bool,
}

impl View {
    /// The rows of a replica that copies these tables.
    pub fn of_replica(schema: Arc<DatabaseSchema>, monitors: &[MonitorTable], replica: &Replica) -> Self {
        Self::new(schema, monitors, |table| {
            replica.rows(table).map(|(uuid, row)| (uuid, row.clone())).collect()
        })
    }

    /// The rows that `rows` gives for each table, with the columns of its monitor.
    pub fn new(
        schema: Arc<DatabaseSchema>,
        monitors: &[MonitorTable],
        rows: impl Fn(&str) -> Vec<(Uuid, Arc<Row>)>,
    ) -> Self {
        let table = |monitor: &MonitorTable| {
            let rows = rows(&monitor.table).into_iter().map(|(uuid, row)| (uuid, RowView::existing(row)));
            TableView { columns: monitor.columns.clone(), rows: rows.collect(), is_verified_empty: false }
        };
        let tables = monitors.iter().map(|monitor| (monitor.table.clone(), table(monitor))).collect();
        Self { schema, tables, index: RefCell::default(), writes: BTreeMap::new() }
    }

    /// The rows of a table that are there by now.
    pub fn uuids(&self, table: &str) -> impl Iterator<Item = Uuid> {
        let rows = self.tables.get(table).into_iter().flat_map(|table| &table.rows);
        rows.filter(|(_, row)| row.is_there()).map(|(uuid, _)| *uuid)
    }

    /// Whether a row is there by now.
    pub fn contains(&self, table: &str, uuid: Uuid) -> bool {
        self.row_view(table, uuid).is_some()
    }

    /// Whether an earlier command inserted the row.
    pub fn is_new(&self, table: &str, uuid: Uuid) -> bool {
        self.row_view(table, uuid).is_some_and(RowView::is_new)
    }

    /// The value of a column by now. A column that was not asked for, or not given to a new row, has its default.
    pub fn value(&self, table: &str, uuid: Uuid, column: &str) -> Cow<'_, Datum> {
        let value = self.row_view(table, uuid).and_then(|row| row.value(self.place(table, column), column));
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
        let has_rows = self.tables.get(T::TABLE).is_some_and(|table| !table.rows.is_empty());
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
        self.table_mut(table).rows.insert(uuid, RowView::inserted(values));
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
        if let Some(row) = self.table_mut(table).rows.get_mut(&uuid) {
            row.verify(place, column);
        }
    }

    /// Whether the rows of a table vanish when nothing refers to them, and nothing does by references of these kinds.
    pub fn is_garbage(&self, table: &str, uuid: Uuid, kinds: &[RefType]) -> bool {
        let refers = |ty: &ColumnType| {
            let reference =
                |base: &ovsdb::BaseType| base.reference.as_ref().is_some_and(|to| kinds.contains(&to.kind));
            (reference(&ty.key), ty.value.as_ref().is_some_and(reference))
        };
        let named = |value: &Datum, (by_key, by_value): (bool, bool)| {
            (by_key && value.keys().any(|atom| *atom == uuid.into()))
                || (by_value && value.values().any(|atom| *atom == uuid.into()))
        };
        let is_root = self.schema.table(table).is_some_and(|table| table.is_root);
        !is_root
            && !self.tables.iter().any(|(from, rows)| {
                let columns = self.schema.table(from).into_iter().flat_map(|table| &table.columns);
                let mut references = columns.map(|(name, column)| (name, refers(&column.ty)));
                references.any(|(name, at)| {
                    (at.0 || at.1) && rows.rows.keys().any(|row| named(&self.value(from, *row, name), at))
                })
            })
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
        if let Some(row) = self.tables.get_mut(table).and_then(|table| table.rows.get_mut(&uuid)) {
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

    fn row_view(&self, table: &str, uuid: Uuid) -> Option<&RowView> {
        self.tables.get(table)?.rows.get(&uuid).filter(|row| row.is_there())
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

/// The UUIDs that a set of references names.
pub(crate) fn references(value: &Datum) -> BTreeSet<Uuid> {
    value
        .keys()
        .filter_map(|atom| if let ovsdb::Atom::Uuid(uuid) = atom { Some(*uuid) } else { None })
        .collect()
}

#[cfg(test)]
mod tests;
