//! Databases from rows that were not put there by a transaction: read from a file, or moved to
//! another schema.

use super::working::Working;
use super::{Database, Snapshot, precommit};
use crate::Row;
use crate::error::OvsdbError;
use crate::schema::{DatabaseSchema, TableId};
use crate::value::{Datum, Uuid};
use std::sync::Arc;

impl Database {
    /// A database with these rows, which are checked as if one transaction inserted them all into an
    /// empty database: references, indexes, the number of rows. Rows get new versions; garbage and
    /// weak references to nothing are dropped.
    pub fn with_rows(
        schema: Arc<DatabaseSchema>,
        rows: impl IntoIterator<Item = (TableId, Uuid, Row)>,
        seed: u64,
    ) -> Result<Self, OvsdbError> {
        let mut database = Self::new(schema, seed);
        let mut working = Working::new(database.snapshot(), database.uuids.fork());
        for (table, uuid, row) in rows {
            working.insert(table, uuid, row);
        }
        let working = precommit::precommit(working, &database.references, &database.indexes)?;
        let (now, commit) = working.finish();
        database.references.apply(&now.layout, &commit);
        database.indexes.apply(&now.layout, &commit);
        database.now = now;
        Ok(database)
    }

    /// The same rows under another schema, as `ovsdb-client convert` and `ovsdb-tool convert` want
    /// it: what the new schema does not have is dropped, what is new gets its default, and a value
    /// that it does not allow is an error.
    pub fn convert(&self, schema: Arc<DatabaseSchema>, seed: u64) -> Result<Self, OvsdbError> {
        let empty = Self::new(schema.clone(), seed);
        let mut rows = Vec::new();
        for (i, table) in empty.layout().tables.iter().enumerate() {
            let Some(old_id) = self.layout().table_id(&table.name) else { continue };
            let old_table = self.layout().table(old_id);
            for (uuid, old) in self.now.rows(old_id) {
                let mut row = table.default_row();
                for (datum, (name, column)) in row.iter_mut().zip(&table.columns) {
                    if let Some(at) = old_table.column_index(name) {
                        *datum = Datum::from_json(&old[at].to_json(), &column.ty, None)?;
                    }
                }
                rows.push((TableId(i), uuid, row));
            }
        }
        Self::with_rows(schema, rows, seed)
    }

    /// Checks from scratch that references, counts and indexes are what the rows say; for tests.
    pub fn check(&self) -> Result<(), String> {
        let all = |snapshot: &Snapshot| {
            let tables = 0..snapshot.layout.tables.len();
            let rows: Vec<(TableId, Uuid, Row)> = tables
                .flat_map(|i| snapshot.rows(TableId(i)).map(move |(u, row)| (TableId(i), u, (**row).clone())))
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
