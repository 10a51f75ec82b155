//! Operations that write: insert, update, mutate, delete.

use super::exec::{Given, Run, TableAt};
use super::{RowWrite, Write};
use crate::error::OvsdbError;
use crate::ops::{Columns, Condition, Mutation};
use crate::schema::{TableId, TableLayout};
use crate::value::{Atoms, Datum, Str, Symbols, Uuid};
use serde_json::Value;
use std::sync::Arc;

/// A column to be written, by its place: what it is to hold, and what is different then if that is known.
type Written = (usize, Datum, Option<Atoms>);

impl Run<'_> {
    pub(super) fn insert(
        &mut self,
        json: &Value,
        (id, table): TableAt<'_>,
        wanted: Option<Uuid>,
        columns: Vec<(usize, Datum)>,
        symbols: &mut Symbols,
    ) -> Result<Given, OvsdbError> {
        let uuid = match wanted {
            Some(uuid) if self.was_used(id, uuid) => {
                let at = json.get("uuid").cloned().unwrap_or_else(|| uuid.to_string().into());
                let words = "This UUID would duplicate a UUID already present within the table or \
                             deleted within the same transaction.";
                return Err(OvsdbError::at(OvsdbError::DUPLICATE_UUID, &at, words));
            }
            Some(uuid) => uuid,
            None => loop {
                let uuid = symbols.fresh();
                if !self.was_used(id, uuid) {
                    break uuid;
                }
            },
        };
        let mut row = table.default_row();
        let cells = Arc::make_mut(&mut row);
        for at in &table.required {
            if columns.iter().all(|(given, _)| given != at) {
                table.columns[*at].1.ty.check(&cells[*at])?;
            }
        }
        for (at, value) in columns {
            cells[at] = value;
        }
        self.guard(&RowWrite::Insert { table, uuid, new: &row })?;
        self.working.insert(id, uuid, row);
        Ok(Given::Inserted(uuid))
    }

    /// Whether a row with this UUID exists, or existed before the transaction.
    fn was_used(&self, table: TableId, uuid: Uuid) -> bool {
        self.working.now.row(table, uuid).is_some() || self.working.before(table, uuid).is_some()
    }

    pub(super) fn update(
        &mut self,
        (id, table): TableAt<'_>,
        condition: &Condition,
        columns: &Columns,
    ) -> Result<Given, OvsdbError> {
        self.enter(table, Write::Update)?;
        let uuids = self.matches((id, table), condition)?;
        for uuid in &uuids {
            let Some(old) = self.working.now.row(id, *uuid) else { continue };
            self.guard(&RowWrite::Update { table, uuid: *uuid, old, columns })?;
            let changes = |(name, datum): (&Str, &Datum)| {
                let at = table.column_index(name)?;
                (old[at] != *datum).then(|| (at, datum.clone(), None))
            };
            let changes = columns.iter().filter_map(changes).collect();
            self.write(id, *uuid, changes);
        }
        Ok(Given::Counted(uuids.len()))
    }

    pub(super) fn mutate(
        &mut self,
        (id, table): TableAt<'_>,
        condition: &Condition,
        mutations: &[Mutation],
    ) -> Result<Given, OvsdbError> {
        self.enter(table, Write::Mutate)?;
        let uuids = self.matches((id, table), condition)?;
        for uuid in &uuids {
            let Some(old) = self.working.now.row(id, *uuid) else { continue };
            self.guard(&RowWrite::Mutate { table, uuid: *uuid, old, mutations })?;
            let mut changes: Vec<Written> = Vec::new();
            for mutation in mutations {
                let Some(at) = table.column_index(&mutation.column) else { continue };
                let ty = &table.columns[at].1.ty;
                match changes.iter_mut().find(|(changed, ..)| *changed == at) {
                    Some((_, datum, difference)) => {
                        let more = mutation.difference(datum, ty);
                        *difference = difference.take().zip(more).map(|(a, b)| a.symmetric_difference(&b));
                        *datum = mutation.apply(datum, ty)?;
                    }
                    None => {
                        let difference = mutation.difference(&old[at], ty);
                        changes.push((at, mutation.apply(&old[at], ty)?, difference));
                    }
                }
            }
            changes.retain(|(at, datum, difference)| match difference {
                Some(atoms) => !atoms.is_empty(),
                None => old[*at] != *datum,
            });
            self.write(id, *uuid, changes);
        }
        Ok(Given::Counted(uuids.len()))
    }

    fn write(&mut self, table: TableId, uuid: Uuid, changes: Vec<Written>) {
        if changes.is_empty() {
            return;
        }
        if let Some(mut row) = self.working.modify(table, uuid) {
            for (at, datum, difference) in changes {
                row.set(at, datum, difference);
            }
        }
    }

    pub(super) fn delete(
        &mut self,
        (id, table): TableAt<'_>,
        condition: &Condition,
    ) -> Result<Given, OvsdbError> {
        self.enter(table, Write::Delete)?;
        let uuids = self.matches((id, table), condition)?;
        for uuid in &uuids {
            let Some(old) = self.working.now.row(id, *uuid) else { continue };
            self.guard(&RowWrite::Delete { table, uuid: *uuid, old })?;
            self.working.remove(id, *uuid);
        }
        Ok(Given::Counted(uuids.len()))
    }

    fn enter(&self, table: &TableLayout, write: Write) -> Result<(), OvsdbError> {
        self.caller.guard.map_or(Ok(()), |guard| guard.enter(self.working.now, table, write))
    }

    fn guard(&self, write: &RowWrite<'_>) -> Result<(), OvsdbError> {
        self.caller.guard.map_or(Ok(()), |guard| guard.check(self.working.now, write))
    }
}
