//! Databases from rows as a log has them: after the last of its transactions, each of which was brought into a state
//! that keeps every promise of the schema before it was written.

use super::Database;
use super::indexes::Indexes;
use super::references::References;
use crate::Row;
use crate::error::OvsdbError;
use crate::schema::{DatabaseSchema, TableId};
use crate::value::Uuid;
use std::sync::Arc;

impl Database {
    /// A database with these rows by table, in any order, versions included, and whether it has all of them as they are.
    /// Rows that break a promise of the schema go the way of [`Database::with_rows`]: garbage and weak references to
    /// nothing are dropped, anything else is an error.
    pub(crate) fn load(
        schema: Arc<DatabaseSchema>,
        tables: Vec<Vec<(Uuid, Arc<Row>)>>,
        seed: u64,
    ) -> Result<(Self, bool), OvsdbError> {
        let mut database = Self::new(schema.clone(), seed);
        let layout = database.layout().clone();
        // Rows are looked at in the order in which they lie in memory.
        database.references = References::of(&layout, &tables);
        database.indexes = Indexes::of(&layout, &tables);
        let in_order = |mut rows: Vec<(Uuid, Arc<Row>)>| {
            rows.sort_unstable_by_key(|(uuid, _)| *uuid);
            rows.into_iter().collect()
        };
        database.now.tables = tables.into_iter().map(in_order).collect();
        if database.keeps_all_promises() {
            return Ok((database, true));
        }
        let tables = (0..layout.tables.len()).map(TableId);
        let rows =
            tables.flat_map(|id| database.now.rows(id).map(move |(uuid, row)| (id, uuid, row.clone())));
        Ok((Self::with_rows(schema, rows, seed)?, false))
    }

    fn keeps_all_promises(&self) -> bool {
        self.layout().tables.iter().enumerate().all(|(i, table)| {
            let id = TableId(i);
            let len = self.now.len(id);
            let rows = || self.now.rows(id).map(|(uuid, _)| uuid);
            let (strong, weak) = (self.references.strong_targets(id), self.references.weak_targets(id));
            let as_referenced = if table.is_root { are_among(strong, rows()) } else { strong.eq(rows()) };
            as_referenced
                && are_among(weak, rows())
                && table.max_rows.is_none_or(|max| u32::try_from(len).is_ok_and(|len| len <= max))
                && self.indexes.is_unique(&self.now, id)
        })
    }
}

/// Whether all of `some` are in `all`; both are in order.
fn are_among(some: impl Iterator<Item = Uuid>, mut all: impl Iterator<Item = Uuid>) -> bool {
    // Each is looked for behind the one before it.
    some.into_iter().all(|wanted| all.find(|uuid| *uuid >= wanted) == Some(wanted))
}
