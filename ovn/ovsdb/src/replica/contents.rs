//! The rows, and how updates of each encoding change them.

use super::{LostReason, MonitorTable};
use crate::{ColumnType, DatabaseSchema, Datum, Row, Str, Uuid};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What happened to one row: `old` is absent for a new one, `new` for one that has gone.
#[derive(Clone, Debug, PartialEq)]
pub struct RowChange {
    pub table: Str,
    pub uuid: Uuid,
    pub old: Option<Arc<Row>>,
    pub new: Option<Arc<Row>>,
}

/// How a server writes updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `<table-updates>` of RFC 7047 section 4.1.6: `old` and `new`, whole rows.
    Whole,
    /// `<table-updates2>` of ovsdb-server(7): differences.
    Difference,
}

#[derive(Debug)]
pub(super) struct Contents {
    tables: Vec<Table>,
    by_name: HashMap<Str, usize>,
}

#[derive(Debug)]
struct Table {
    name: Str,
    columns: Vec<Column>,
    by_name: HashMap<Str, usize>,
    /// A row of which nothing was said.
    blank: Arc<Row>,
    /// Whether the server has this table.
    served: bool,
    /// Shared with whoever took a [`Snapshot`]; copied if they still have it when something changes.
    rows: Snapshot,
}

/// The rows of a table as they were when it was taken.
pub type Snapshot = Arc<BTreeMap<Uuid, Arc<Row>>>;

#[derive(Debug)]
struct Column {
    name: Str,
    /// The type in our schema.
    ours: ColumnType,
    /// The type in the server's schema, if it has the column with the same kind of values.
    theirs: Option<ColumnType>,
    /// The type of differences of `theirs`, which may have any number of elements.
    difference: ColumnType,
}

/// The rows of an update after it, by index of table; none if it is gone.
type Decoded = Vec<(usize, Uuid, Option<Arc<Row>>)>;

impl Contents {
    pub(super) fn new(schema: &DatabaseSchema, tables: &[MonitorTable]) -> Self {
        let tables: Vec<_> = tables.iter().map(|table| Table::new(schema, table)).collect();
        let by_name = tables.iter().enumerate().map(|(i, table)| (table.name.clone(), i)).collect();
        Self { tables, by_name }
    }

    /// Whether the server has a copied column.
    pub(super) fn serves(&self, table: &str, column: &str) -> bool {
        self.by_name.get(table).is_some_and(|table| {
            let table = &self.tables[*table];
            let column = table.by_name.get(column).map(|column| &table.columns[*column]);
            table.served && column.is_some_and(|column| column.theirs.is_some())
        })
    }

    pub(super) fn rows(&self, table: &str) -> impl Iterator<Item = (Uuid, &Arc<Row>)> {
        let table = self.by_name.get(table).map(|i| &self.tables[*i]);
        table.into_iter().flat_map(|table| table.rows.iter().map(|(uuid, row)| (*uuid, row)))
    }

    pub(super) fn snapshot(&self, table: &str) -> Snapshot {
        self.by_name.get(table).map(|i| self.tables[*i].rows.clone()).unwrap_or_default()
    }

    pub(super) fn row(&self, table: &str, uuid: Uuid) -> Option<&Arc<Row>> {
        self.tables[*self.by_name.get(table)?].rows.get(&uuid)
    }

    /// Learns which tables and columns the server has. True if that is not what it was, so that the contents
    /// cannot be continued.
    pub(super) fn bind(&mut self, server: &DatabaseSchema) -> bool {
        let mut changed = false;
        for table in &mut self.tables {
            changed |= table.bind(server);
        }
        changed
    }

    /// The tables that the server has with the columns to ask it for.
    pub(super) fn served(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.tables
            .iter()
            .filter(|table| table.served)
            .map(|table| (table.name.as_ref(), table.served_columns()))
    }

    /// Applies what changed. Nothing is changed if the update is bad.
    pub(super) fn apply(
        &mut self,
        updates: &Value,
        encoding: Encoding,
    ) -> Result<Vec<RowChange>, LostReason> {
        let decoded = self.decode(updates, encoding)?;
        let put = |(table, uuid, new): (usize, Uuid, Option<Arc<Row>>)| {
            let table = &mut self.tables[table];
            table.put(uuid, new)
        };
        Ok(decoded.into_iter().filter_map(put).collect())
    }

    /// Takes `updates` as all there is, and gives only what differs from before.
    pub(super) fn replace(
        &mut self,
        updates: &Value,
        encoding: Encoding,
    ) -> Result<Vec<RowChange>, LostReason> {
        let mut decoded = self.decode(updates, encoding)?;
        // Sorted by table and row, they are walked along with the rows from before.
        decoded.sort_by_key(|(table, uuid, _)| (*table, *uuid));
        let mut changes = Vec::new();
        let mut decoded = decoded.into_iter().peekable();
        for (i, table) in self.tables.iter_mut().enumerate() {
            let mut gone = Arc::unwrap_or_clone(std::mem::take(&mut table.rows));
            let mut put = Vec::new();
            while let Some((_, uuid, new)) = decoded.next_if(|(table, ..)| *table == i) {
                if let Some(old) = gone.remove(&uuid) {
                    Arc::make_mut(&mut table.rows).insert(uuid, old);
                }
                put.push((uuid, new));
            }
            let deleted =
                |(uuid, old)| RowChange { table: table.name.clone(), uuid, old: Some(old), new: None };
            changes.extend(gone.into_iter().map(deleted));
            changes.extend(put.into_iter().filter_map(|(uuid, new)| table.put(uuid, new)));
        }
        Ok(changes)
    }

    fn decode(&self, updates: &Value, encoding: Encoding) -> Result<Decoded, LostReason> {
        let mut decoded = Vec::new();
        for (name, rows) in object(updates, "table updates")? {
            let Some(index) = self.by_name.get(name.as_str()) else {
                return Err(LostReason::protocol(format!("update of table {name}, which was not asked for")));
            };
            for (uuid, update) in object(rows, "row updates")? {
                let table = &self.tables[*index];
                let context =
                    |what: String| LostReason::protocol(format!("update of {name} row {uuid}: {what}"));
                let uuid: Uuid = uuid.parse().map_err(|_| context("not a uuid".to_owned()))?;
                let update = object(update, "row update")?;
                let new = match encoding {
                    Encoding::Whole => table.decode_whole(update),
                    Encoding::Difference => table.decode_difference(uuid, update),
                };
                decoded.push((*index, uuid, new.map_err(context)?));
            }
        }
        Ok(decoded)
    }
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, LostReason> {
    value.as_object().ok_or_else(|| LostReason::protocol(format!("{what} are not an object")))
}

impl Table {
    fn new(schema: &DatabaseSchema, monitor: &MonitorTable) -> Self {
        let table = schema.tables.get(&monitor.table);
        let column = |name: &Str| {
            let column = table.and_then(|table| table.columns.get(name));
            column.map(|column| Column {
                name: name.clone(),
                ours: column.ty.clone(),
                theirs: None,
                difference: column.ty.clone(),
            })
        };
        let columns: Vec<_> = monitor.columns.iter().filter_map(column).collect();
        assert_eq!(columns.len(), monitor.columns.len(), "columns of {} are in our schema", monitor.table);
        Self {
            name: monitor.table.clone(),
            by_name: columns.iter().enumerate().map(|(i, column)| (column.name.clone(), i)).collect(),
            blank: columns.iter().map(|column| Datum::default_for(&column.ours)).collect(),
            columns,
            served: false,
            rows: Snapshot::default(),
        }
    }

    fn bind(&mut self, server: &DatabaseSchema) -> bool {
        let theirs = server.tables.get(&self.name);
        let mut changed = std::mem::replace(&mut self.served, theirs.is_some()) != theirs.is_some();
        for (column, blank) in self.columns.iter_mut().zip(Arc::make_mut(&mut self.blank)) {
            let ty = theirs.and_then(|table| table.columns.get(&column.name)).map(|column| &column.ty);
            let ty = ty.filter(|ty| same_kind(ty, &column.ours));
            if column.theirs.as_ref() != ty {
                column.theirs = ty.cloned();
                column.difference = ty.unwrap_or(&column.ours).of_differences();
                *blank = Datum::default_for(ty.unwrap_or(&column.ours));
                changed = true;
            }
        }
        changed
    }

    fn served_columns(&self) -> Vec<&str> {
        self.columns
            .iter()
            .filter(|column| column.theirs.is_some())
            .map(|column| column.name.as_ref())
            .collect()
    }

    fn put(&mut self, uuid: Uuid, new: Option<Arc<Row>>) -> Option<RowChange> {
        let old = match &new {
            Some(new) if self.rows.get(&uuid) == Some(new) => return None,
            Some(new) => Arc::make_mut(&mut self.rows).insert(uuid, new.clone()),
            None => Arc::make_mut(&mut self.rows).remove(&uuid),
        };
        if old.is_none() && new.is_none() {
            return None;
        }
        Some(RowChange { table: self.name.clone(), uuid, old, new })
    }

    fn decode_whole(&self, update: &Map<String, Value>) -> Result<Option<Arc<Row>>, String> {
        match update.get("new") {
            None => Ok(None),
            Some(new) => self.decode_row(&self.blank, new, false).map(Some),
        }
    }

    fn decode_difference(&self, uuid: Uuid, update: &Map<String, Value>) -> Result<Option<Arc<Row>>, String> {
        let mut members = update.iter();
        let (Some((kind, content)), None) = (members.next(), members.next()) else {
            return Err("expected one member".to_owned());
        };
        match kind.as_str() {
            "initial" | "insert" => self.decode_row(&self.blank, content, false).map(Some),
            "modify" => {
                let old = self.rows.get(&uuid).ok_or("modified, but not there")?;
                self.decode_row(old, content, true).map(Some)
            }
            "delete" => Ok(None),
            other => Err(format!("unknown kind of update {other}")),
        }
    }

    /// `old` with the columns of `content` set, or changed by it if it holds differences.
    fn decode_row(&self, old: &Arc<Row>, content: &Value, difference: bool) -> Result<Arc<Row>, String> {
        let content = content.as_object().ok_or("row is not an object")?;
        let mut row = old.clone();
        let cells = Arc::make_mut(&mut row);
        for (name, value) in content {
            // What was not asked for is not kept.
            let Some(index) = self.by_name.get(name.as_str()) else { continue };
            let column = &self.columns[*index];
            let Some(ty) = &column.theirs else { continue };
            let datum = Datum::from_json(value, if difference { &column.difference } else { ty }, None);
            let datum = datum.map_err(|error| format!("column {name}: {error}"))?;
            cells[*index] = if difference { cells[*index].apply_diff(&datum, ty) } else { datum };
        }
        Ok(row)
    }
}

/// Whether values of type `theirs` can stand in a column of type `ours`, apart from how many there may be.
fn same_kind(theirs: &ColumnType, ours: &ColumnType) -> bool {
    let value = |ty: &ColumnType| ty.value.as_ref().map(|value| value.atom);
    theirs.key.atom == ours.key.atom && value(theirs) == value(ours)
}
