//! Running the operations of one transaction, in order, until the first error.

use super::working::Working;
use super::{Caller, Database, Execution, Prepared, RowWrite, precommit};
use crate::Row;
use crate::error::OvsdbError;
use crate::ops::{Columns, Condition, Matcher, Mutation, Operation, Until};
use crate::schema::{ColumnId, Layout, TableId, TableLayout};
use crate::value::{Datum, Str, Symbols, Uuid, UuidGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Runs a transaction on a copy of `database`.
pub(super) fn execute(
    database: &Database,
    mut uuids: UuidGenerator,
    operations: &[Value],
    caller: Caller<'_>,
    waited_ms: u64,
) -> Execution {
    let layout = database.layout().clone();
    let mut run = Run {
        database,
        working: Working::new(database.snapshot(), uuids.fork()),
        caller,
        waited_ms,
        comment: Vec::new(),
        durable: false,
    };
    let mut symbols = Symbols::new(uuids);
    let mut results = Vec::with_capacity(operations.len());
    for (i, json) in operations.iter().enumerate() {
        let parsed = Operation::from_json(json, (i + 1, operations.len()), &layout, &mut symbols);
        match parsed.map_err(Stop::Error).and_then(|operation| run.allowed(json, operation, &mut symbols)) {
            Ok(result) => results.push(result),
            Err(Stop::Blocked { until_ms }) => return Execution::Blocked { until_ms },
            Err(Stop::Error(error)) => {
                results.push(error.to_json());
                results.resize(operations.len(), Value::Null);
                return Execution::Done { results, prepared: None };
            }
        }
    }
    match run.prepare() {
        Ok(prepared) => Execution::Done { results, prepared },
        Err(error) => {
            results.push(error.to_json());
            Execution::Done { results, prepared: None }
        }
    }
}

/// Why a transaction does not go on.
enum Stop {
    Error(OvsdbError),
    Blocked { until_ms: Option<u64> },
}

impl From<OvsdbError> for Stop {
    fn from(error: OvsdbError) -> Self {
        Self::Error(error)
    }
}

struct Run<'a> {
    database: &'a Database,
    working: Working,
    caller: Caller<'a>,
    waited_ms: u64,
    comment: Vec<Str>,
    durable: bool,
}

impl Run<'_> {
    /// Runs an operation; one that may not be asked for is refused only once nothing else is wrong.
    fn allowed(&mut self, json: &Value, operation: Operation, symbols: &mut Symbols) -> Result<Value, Stop> {
        let refused = (self.caller.read_only && operation.is_write()).then_some(operation.name());
        let result = self.operation(json, operation, symbols)?;
        let Some(name) = refused else { return Ok(result) };
        let words = format!("{name} operation not allowed when database server is in read only mode");
        Err(OvsdbError::new(OvsdbError::NOT_ALLOWED, words).into())
    }

    fn operation(
        &mut self,
        json: &Value,
        operation: Operation,
        symbols: &mut Symbols,
    ) -> Result<Value, Stop> {
        let layout = self.database.layout().clone();
        let at = |name: &str| table_of(&layout, name);
        match operation {
            Operation::Insert { table, uuid, row } => {
                Ok(self.insert(json, at(&table)?, uuid, row, symbols)?)
            }
            Operation::Select { table, condition, columns } => {
                Ok(self.select(at(&table)?, &condition, columns.as_deref())?)
            }
            Operation::Update { table, condition, row } => Ok(self.update(at(&table)?, &condition, &row)?),
            Operation::Mutate { table, condition, mutations } => {
                Ok(self.mutate(at(&table)?, &condition, &mutations)?)
            }
            Operation::Delete { table, condition } => Ok(self.delete(at(&table)?, &condition)?),
            Operation::Wait { table, condition, columns, until, rows, timeout_ms } => {
                let table = at(&table)?;
                let columns = columns_of(table.1, columns.as_deref())?;
                let equal = self.rows_are(table, &condition, &columns, &rows)?;
                if equal == (until == Until::Equal) {
                    Ok(json!({}))
                } else {
                    Err(self.unsatisfied(timeout_ms))
                }
            }
            Operation::Commit { durable } => {
                self.durable |= durable;
                Ok(json!({}))
            }
            Operation::Abort => Err(OvsdbError::new(OvsdbError::ABORTED, "aborted by request").into()),
            Operation::Comment { comment } => {
                self.comment.push(comment);
                Ok(json!({}))
            }
            Operation::Assert { lock } => match self.caller.locks {
                Some(holds) if holds(&lock) => Ok(json!({})),
                Some(_) | None => {
                    let words = format!("Asserted lock {lock} not held.");
                    Err(OvsdbError::new(OvsdbError::NOT_OWNER, words).into())
                }
            },
        }
    }

    fn insert(
        &mut self,
        json: &Value,
        (id, table): (TableId, &TableLayout),
        wanted: Option<Uuid>,
        columns: Columns,
        symbols: &mut Symbols,
    ) -> Result<Value, OvsdbError> {
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
        let mut given = vec![false; table.columns.len()];
        for (name, datum) in columns {
            // `_uuid` and `_version` may be named, but are not the client's to choose.
            if let Some(at) = table.column_index(&name) {
                row[at] = datum;
                given[at] = true;
            }
        }
        for ((datum, (_, column)), given) in row.iter().zip(&table.columns).zip(given) {
            if !given {
                column.ty.check(datum)?;
            }
        }
        self.guard(&RowWrite::Insert { table, uuid, new: &row })?;
        self.working.insert(id, uuid, row);
        Ok(json!({"uuid": ["uuid", uuid.to_string()]}))
    }

    /// Whether a row with this UUID exists, or existed before the transaction.
    fn was_used(&self, table: TableId, uuid: Uuid) -> bool {
        self.working.now.row(table, uuid).is_some() || self.working.before(table, uuid).is_some()
    }

    fn select(
        &mut self,
        (id, table): (TableId, &TableLayout),
        condition: &Condition,
        columns: Option<&[Str]>,
    ) -> Result<Value, OvsdbError> {
        let columns = columns_of(table, columns)?;
        let mut rows = Vec::new();
        for uuid in self.matches((id, table), condition)? {
            let Some(row) = self.working.now.row(id, uuid) else { continue };
            let cell = |column: &ColumnId| {
                let json = match column {
                    ColumnId::Uuid => Datum::scalar(uuid).to_json(),
                    ColumnId::At(at) => row[*at].to_json(),
                };
                (table.column_name(*column).to_owned(), json)
            };
            rows.push(Value::Object(columns.iter().map(cell).collect::<Map<_, _>>()));
        }
        Ok(json!({ "rows": rows }))
    }

    fn update(
        &mut self,
        (id, table): (TableId, &TableLayout),
        condition: &Condition,
        columns: &Columns,
    ) -> Result<Value, OvsdbError> {
        let uuids = self.matches((id, table), condition)?;
        for uuid in &uuids {
            let Some(old) = self.working.now.row(id, *uuid) else { continue };
            self.guard(&RowWrite::Update { table, uuid: *uuid, old, columns })?;
            let changes = |(name, datum): (&Str, &Datum)| {
                let at = table.column_index(name)?;
                (old[at] != *datum).then(|| (at, datum.clone()))
            };
            let changes: Vec<(usize, Datum)> = columns.iter().filter_map(changes).collect();
            self.write(id, *uuid, changes);
        }
        Ok(count(&uuids))
    }

    fn mutate(
        &mut self,
        (id, table): (TableId, &TableLayout),
        condition: &Condition,
        mutations: &[Mutation],
    ) -> Result<Value, OvsdbError> {
        let uuids = self.matches((id, table), condition)?;
        for uuid in &uuids {
            let Some(old) = self.working.now.row(id, *uuid) else { continue };
            self.guard(&RowWrite::Mutate { table, uuid: *uuid, old, mutations })?;
            let mut changes: Vec<(usize, Datum)> = Vec::new();
            for mutation in mutations {
                let Some(at) = table.column_index(&mutation.column) else { continue };
                let ty = &table.columns[at].1.ty;
                match changes.iter_mut().find(|(changed, _)| *changed == at) {
                    Some((_, datum)) => *datum = mutation.apply(datum, ty)?,
                    None => changes.push((at, mutation.apply(&old[at], ty)?)),
                }
            }
            changes.retain(|(at, datum)| old[*at] != *datum);
            self.write(id, *uuid, changes);
        }
        Ok(count(&uuids))
    }

    fn write(&mut self, table: TableId, uuid: Uuid, changes: Vec<(usize, Datum)>) {
        if changes.is_empty() {
            return;
        }
        if let Some(row) = self.working.modify(table, uuid) {
            for (at, datum) in changes {
                row[at] = datum;
            }
        }
    }

    fn delete(
        &mut self,
        (id, table): (TableId, &TableLayout),
        condition: &Condition,
    ) -> Result<Value, OvsdbError> {
        let uuids = self.matches((id, table), condition)?;
        for uuid in &uuids {
            let Some(old) = self.working.now.row(id, *uuid) else { continue };
            self.guard(&RowWrite::Delete { table, uuid: *uuid, old })?;
            self.working.remove(id, *uuid);
        }
        Ok(count(&uuids))
    }

    fn guard(&self, write: &RowWrite<'_>) -> Result<(), OvsdbError> {
        self.caller.guard.map_or(Ok(()), |guard| guard.check(&self.working.now, write))
    }

    /// Whether the rows that match are `wanted`, seen as sets and in these columns only.
    fn rows_are(
        &self,
        (id, table): (TableId, &TableLayout),
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

    fn unsatisfied(&self, timeout_ms: Option<u64>) -> Stop {
        let words = match timeout_ms {
            Some(0) => "\"where\" clause test failed".to_owned(),
            Some(ms) if self.waited_ms >= ms => format!("\"wait\" timed out after {} ms", self.waited_ms),
            until_ms => return Stop::Blocked { until_ms },
        };
        OvsdbError::new(OvsdbError::TIMED_OUT, words).into()
    }

    /// The rows that satisfy a condition, in the order of their UUIDs.
    fn matches(
        &self,
        (id, table): (TableId, &TableLayout),
        condition: &Condition,
    ) -> Result<Vec<Uuid>, OvsdbError> {
        let matcher = condition.matcher(table).ok_or_else(|| no_such_column(table))?;
        let now = &self.working.now;
        let fits = |uuid: &Uuid| now.row(id, *uuid).is_some_and(|row| matcher.all(*uuid, row));
        Ok(match self.candidates((id, table), &matcher) {
            Some(candidates) => candidates.into_iter().filter(fits).collect(),
            None => {
                now.rows(id).filter(|(uuid, row)| matcher.all(*uuid, row)).map(|(uuid, _)| uuid).collect()
            }
        })
    }

    /// A few rows among which are all that match, if the condition names a row or an index key.
    fn candidates(&self, (id, table): (TableId, &TableLayout), matcher: &Matcher) -> Option<BTreeSet<Uuid>> {
        if let Some(uuid) = matcher.only_row() {
            return Some(BTreeSet::from([uuid]));
        }
        table.indexes.iter().enumerate().find_map(|(index, columns)| {
            let key = matcher.index_key(columns)?;
            // The index knows the rows as they were; those that changed since are all candidates.
            let before = self.database.indexes.find(id, index, &key);
            Some(before.into_iter().chain(self.working.touched_in(id)).collect())
        })
    }

    fn prepare(self) -> Result<Option<Prepared>, OvsdbError> {
        let generation = self.database.generation;
        let working = precommit::precommit(self.working, &self.database.references, &self.database.indexes)?;
        let (now, mut commit) = working.finish();
        if commit.tables.is_empty() {
            return Ok(None);
        }
        commit.comment = self.comment.join("\n");
        commit.durable = self.durable;
        Ok(Some(Prepared { tables: now.tables, commit, generation }))
    }
}

fn count(uuids: &[Uuid]) -> Value {
    json!({"count": uuids.len()})
}

fn table_of<'a>(layout: &'a Layout, name: &str) -> Result<(TableId, &'a TableLayout), OvsdbError> {
    let id = layout.table_id(name);
    let id =
        id.ok_or_else(|| OvsdbError::new(OvsdbError::UNKNOWN_TABLE, format!("No table named {name}.")))?;
    Ok((id, layout.table(id)))
}

fn columns_of(table: &TableLayout, columns: Option<&[Str]>) -> Result<Vec<ColumnId>, OvsdbError> {
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
