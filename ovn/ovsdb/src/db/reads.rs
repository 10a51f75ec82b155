//! Operations that read, and finding the rows that an operation is about.

use super::exec::{Given, Run, TableAt};
use super::indexes::hash_of;
use crate::Row;
use crate::error::OvsdbError;
use crate::ops::{Columns, Condition, Matcher};
use crate::schema::{ColumnId, TableLayout};
use crate::value::{Datum, Str, Uuid};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Run<'_> {
    pub(super) fn select(
        &mut self,
        (id, table): TableAt<'_>,
        condition: &Condition,
        columns: Option<&[Str]>,
    ) -> Result<Given, OvsdbError> {
        let columns = columns_of(table, columns)?;
        let named = columns.contains(&ColumnId::Uuid);
        let mut rows = Vec::new();
        let mut seen = BTreeSet::new();
        for uuid in self.matches((id, table), condition)? {
            let Some(row) = self.working.now.row(id, uuid) else { continue };
            // As upstream, and as in a relation: of rows that are equal in these columns, one is given.
            let at = |column: &ColumnId| match column {
                ColumnId::Uuid => None,
                ColumnId::At(at) => Some(&row[*at]),
            };
            if !named && !seen.insert(columns.iter().filter_map(at).collect::<Vec<&Datum>>()) {
                continue;
            }
            let cell = |column: &ColumnId| {
                let json = match column {
                    ColumnId::Uuid => Datum::scalar(uuid).to_json(),
                    ColumnId::At(at) => row[*at].to_json(),
                };
                (table.column_name(*column).to_owned(), json)
            };
            rows.push(Value::Object(columns.iter().map(cell).collect::<Map<_, _>>()));
        }
        Ok(Given::Selected(json!({ "rows": rows })))
    }

    /// Whether the rows that match are `wanted`, seen as sets and in these columns only.
    pub(super) fn rows_are(
        &self,
        (id, table): TableAt<'_>,
        condition: &Condition,
        columns: &[ColumnId],
        wanted: &[Columns],
    ) -> Result<bool, OvsdbError> {
        let default = table.default_row();
        let zero = Datum::scalar(Uuid::ZERO);
        let wanted: BTreeSet<Vec<&Datum>> = wanted
            .iter()
            .map(|row| {
                let cell = |column: &ColumnId| {
                    row.get(table.column_name(*column)).unwrap_or(match column {
                        ColumnId::Uuid => &zero,
                        ColumnId::At(at) => &default[*at],
                    })
                };
                columns.iter().map(cell).collect()
            })
            .collect();
        let uuids = self.matches((id, table), condition)?;
        let names: Vec<Datum> = uuids.iter().map(|uuid| Datum::scalar(*uuid)).collect();
        let project = |(uuid, name): (&Uuid, &'_ Datum)| -> Option<Vec<Datum>> {
            let row: &Arc<Row> = self.working.now.row(id, *uuid)?;
            let cell = |column: &ColumnId| match column {
                ColumnId::Uuid => name.clone(),
                ColumnId::At(at) => row[*at].clone(),
            };
            Some(columns.iter().map(cell).collect())
        };
        let found: BTreeSet<Vec<Datum>> = uuids.iter().zip(&names).filter_map(project).collect();
        Ok(found.len() == wanted.len()
            && found.iter().zip(&wanted).all(|(a, b)| a.iter().eq(b.iter().copied())))
    }

    /// The rows that satisfy a condition, in the order of their UUIDs.
    pub(super) fn matches(
        &self,
        (id, table): TableAt<'_>,
        condition: &Condition,
    ) -> Result<Vec<Uuid>, OvsdbError> {
        let matcher = condition.matcher(table).ok_or_else(|| no_such_column(table))?;
        let now = &self.working.now;
        let fits = |uuid: &Uuid| now.row(id, *uuid).is_some_and(|row| matcher.all(*uuid, row));
        if let Some(uuid) = matcher.only_row() {
            return Ok(Some(uuid).filter(fits).into_iter().collect());
        }
        Ok(match self.candidates((id, table), &matcher) {
            Some(candidates) => candidates.into_iter().filter(fits).collect(),
            None => {
                now.rows(id).filter(|(uuid, row)| matcher.all(*uuid, row)).map(|(uuid, _)| uuid).collect()
            }
        })
    }

    /// A few rows among which are all that match, if the condition names an index key.
    fn candidates(&self, (id, table): TableAt<'_>, matcher: &Matcher) -> Option<BTreeSet<Uuid>> {
        table.indexes.iter().enumerate().find_map(|(index, columns)| {
            let key = matcher.index_key(columns)?;
            // The index knows the rows as they were; those that changed since are all candidates.
            let before = self.indexes.find(id, index, hash_of(&key));
            Some(before.into_iter().chain(self.working.touched_in(id)).collect())
        })
    }
}

pub(super) fn columns_of(table: &TableLayout, columns: Option<&[Str]>) -> Result<Vec<ColumnId>, OvsdbError> {
    match columns {
        Some(names) => {
            let ids: Option<Vec<ColumnId>> = names.iter().map(|name| table.column_id(name)).collect();
            ids.ok_or_else(|| no_such_column(table))
        }
        None => Ok(std::iter::once(ColumnId::Uuid).chain((0..table.row_len()).map(ColumnId::At)).collect()),
    }
}

/// Only for operations that were not read from JSON, where columns are found as they are read.
fn no_such_column(table: &TableLayout) -> OvsdbError {
    OvsdbError::new(OvsdbError::UNKNOWN_COLUMN, format!("No such column in table {}.", table.name))
}
