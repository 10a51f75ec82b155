//! Databases from rows that were not put there by a transaction: read from a file, or moved to
//! another schema.

use super::precommit::precommit;
use super::working::Working;
use super::{Database, Snapshot};
use crate::Row;
use crate::error::OvsdbError;
use crate::schema::{DatabaseSchema, Layout, TableId};
use crate::value::{Datum, Uuid};
use std::sync::Arc;

/// Most losses that one error names.
const LOSSES_NAMED_MAX: usize = 10;

impl Database {
    /// A database with these rows, which are checked as if one transaction inserted them all into an
    /// empty database: references, indexes, the number of rows. Rows get new versions; garbage and
    /// weak references to nothing are dropped.
    pub fn with_rows(
        schema: Arc<DatabaseSchema>,
        rows: impl IntoIterator<Item = (TableId, Uuid, Arc<Row>)>,
        seed: u64,
    ) -> Result<Self, OvsdbError> {
        let mut database = Self::new(schema, seed);
        let Self { now, references, indexes, uuids, .. } = &mut database;
        let mut working = Working::new(now, uuids.fork());
        for (table, uuid, row) in rows {
            working.insert(table, uuid, row);
        }
        let commit = precommit(working, references, indexes)?.commit;
        references.apply(&now.layout, &commit);
        indexes.apply(&now.layout, &commit);
        Ok(database)
    }

    /// The same rows under another schema, as `ovsdb-client convert` and `ovsdb-tool convert` want it: what is new gets
    /// its default. What the new schema has no place for is an error that names it, be it a value that it does not
    /// allow, a table with rows, a column that a row has set, or rows that nothing refers to any more; upstream drops all
    /// but the first in silence.
    pub fn convert(&self, schema: Arc<DatabaseSchema>, seed: u64) -> Result<Self, OvsdbError> {
        let empty = Self::new(schema.clone(), seed);
        let mut losses = self.without_place(empty.layout());
        let mut rows = Vec::new();
        for (i, table) in empty.layout().tables.iter().enumerate() {
            let Some(old_id) = self.layout().table_id(&table.name) else { continue };
            let old_table = self.layout().table(old_id);
            for (uuid, old) in self.now.rows(old_id) {
                let mut row = table.default_row();
                for (datum, (name, column)) in Arc::make_mut(&mut row).iter_mut().zip(&table.columns) {
                    if let Some(at) = old_table.column_index(name) {
                        let value = Datum::from_json(&old[at].to_json(), &column.ty, None);
                        *datum = value.map_err(|error| in_row(error, (&table.name, name), uuid))?;
                    }
                }
                rows.push((TableId(i), uuid, row));
            }
        }
        let converted = Self::with_rows(schema, rows, seed)?;
        for (i, table) in converted.layout().tables.iter().enumerate() {
            let before = self.layout().table_id(&table.name).map_or(0, |id| self.now.len(id));
            let lost = before.saturating_sub(converted.now.len(TableId(i)));
            if lost > 0 {
                losses.push(format!("{lost} row(s) of table {} that nothing would refer to", table.name));
            }
        }
        if losses.is_empty() { Ok(converted) } else { Err(would_lose(&losses)) }
    }

    /// The tables with rows and the columns with values that a schema lacks, in words.
    fn without_place(&self, new: &Layout) -> Vec<String> {
        let mut losses = Vec::new();
        for (i, table) in self.layout().tables.iter().enumerate() {
            let rows = self.now.len(TableId(i));
            let Some(new) = new.table_named(&table.name) else {
                if rows > 0 {
                    losses.push(format!("table {} with {rows} row(s)", table.name));
                }
                continue;
            };
            for (at, (name, column)) in table.columns.iter().enumerate() {
                if column.ephemeral || new.column_index(name).is_some() {
                    continue;
                }
                let is_set = |(_, row): &(Uuid, &Arc<Row>)| !row[at].is_default_for(&column.ty);
                let mut set = self.now.rows(TableId(i)).filter(is_set);
                if let Some((first, _)) = set.next() {
                    let rows = 1 + set.count();
                    losses.push(format!(
                        "column {name} of table {}, set in {rows} row(s) of which {first} is the first",
                        table.name
                    ));
                }
            }
        }
        losses
    }

    /// Checks from scratch that references, counts and indexes are what the rows say; for tests.
    pub fn check(&self) -> Result<(), String> {
        let all = |snapshot: &Snapshot| {
            let tables = 0..snapshot.layout.tables.len();
            let rows: Vec<(TableId, Uuid, Arc<Row>)> = tables
                .flat_map(|i| snapshot.rows(TableId(i)).map(move |(u, row)| (TableId(i), u, row.clone())))
                .collect();
            rows
        };
        let fresh = Self::with_rows(self.schema().clone(), all(&self.now), 0).map_err(|e| e.to_string())?;
        for (i, table) in self.layout().tables.iter().enumerate() {
            let id = TableId(i);
            if self.now.len(id) != fresh.now.len(id) {
                return Err(format!("table {} has rows that nothing refers to", table.name));
            }
            let columns = table.columns.len();
            let same = self
                .now
                .rows(id)
                .zip(fresh.now.rows(id))
                .all(|(a, b)| a.0 == b.0 && a.1[..columns] == b.1[..columns]);
            if !same {
                return Err(format!("table {} refers weakly to rows that do not exist", table.name));
            }
        }
        if self.references != fresh.references {
            return Err("reference counts differ from the rows".to_owned());
        }
        if self.indexes != fresh.indexes {
            return Err("indexes differ from the rows".to_owned());
        }
        Ok(())
    }
}

fn would_lose(losses: &[String]) -> OvsdbError {
    let mut words = losses.iter().take(LOSSES_NAMED_MAX).cloned().collect::<Vec<String>>().join("; ");
    if losses.len() > LOSSES_NAMED_MAX {
        words.push_str(&format!("; and {} more", losses.len() - LOSSES_NAMED_MAX));
    }
    let words = format!("the new schema has no place for {words}. Remove what may be lost, then convert.");
    OvsdbError::new(OvsdbError::CONSTRAINT, words)
}

/// The error with the place of the value that it is about.
fn in_row(mut error: OvsdbError, (table, column): (&str, &str), uuid: Uuid) -> OvsdbError {
    let words = error.details.unwrap_or_default();
    error.details = Some(format!("Table {table} column {column} row {uuid}: {words}"));
    error
}
