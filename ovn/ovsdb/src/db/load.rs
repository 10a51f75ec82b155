//! Databases from rows as a log has them: after the last of its transactions, each of which was brought into a state
//! that keeps every promise of the schema before it was written.

use super::{Commit, Database, RowUpdate};
use crate::Row;
use crate::error::OvsdbError;
use crate::schema::{DatabaseSchema, TableId};
use crate::value::Uuid;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Database {
    /// A database with these rows by table, versions included, and whether it has all of them as they are. Rows that
    /// break a promise of the schema go the way of [`Database::with_rows`]: garbage and weak references to nothing are
    /// dropped, anything else is an error.
    pub(crate) fn load(
        schema: Arc<DatabaseSchema>,
        tables: Vec<BTreeMap<Uuid, Arc<Row>>>,
        seed: u64,
    ) -> Result<(Self, bool), OvsdbError> {
        let mut database = Self::new(schema.clone(), seed);
        let inserted = |row: Arc<Row>| RowUpdate { old: None, new: Some(row) };
        let tables = tables.into_iter().enumerate().map(|(i, rows)| {
            (TableId(i), rows.into_iter().map(|(uuid, row)| (uuid, inserted(row))).collect())
        });
        let all = Commit { tables: tables.collect(), ..Commit::default() };
        let layout = database.layout().clone();
        database.references.apply(&layout, &all);
        database.indexes.apply(&layout, &all);
        for (table, rows) in &all.tables {
            let rows = rows.iter().filter_map(|(uuid, update)| Some((*uuid, update.new.clone()?)));
            database.now.tables[table.0] = rows.collect();
        }
        if database.keeps_all_promises() {
            return Ok((database, true));
        }
        let rows = all.iter().filter_map(|(table, uuid, update)| {
            update.new.as_ref().map(|row| (table, uuid, (**row).clone()))
        });
        Ok((Self::with_rows(schema, rows, seed)?, false))
    }

    fn keeps_all_promises(&self) -> bool {
        let exists = |(table, uuid)| self.now.row(table, uuid).is_some();
        self.references.targets().all(exists)
            && self.layout().tables.iter().enumerate().all(|(i, table)| {
                let id = TableId(i);
                let len = self.now.len(id);
                let kept = |(uuid, _): (Uuid, &Arc<Row>)| self.references.strong_count((id, uuid)) > 0;
                table.max_rows.is_none_or(|max| u32::try_from(len).is_ok_and(|len| len <= max))
                    && (table.is_root || self.now.rows(id).all(kept))
                    && self.indexes.key_counts(id).all(|count| count == len)
            })
    }
}
