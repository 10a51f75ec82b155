//! Running the operations of one transaction, in order, until the first error.

use super::reads::columns_of;
use super::working::Working;
use super::{Caller, Database, Execution, Prepared, precommit};
use crate::error::OvsdbError;
use crate::ops::{Operation, Until};
use crate::schema::{Layout, TableId, TableLayout};
use crate::value::{Str, Symbols, UuidGenerator};
use serde_json::{Value, json};

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

/// A table by number and by layout.
pub(super) type TableAt<'a> = (TableId, &'a TableLayout);

/// A transaction under way.
pub(super) struct Run<'a> {
    pub(super) database: &'a Database,
    pub(super) working: Working,
    pub(super) caller: Caller<'a>,
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
        let database = &self.database.schema().name;
        let words = if database.starts_with('_') {
            format!("{name} operation not allowed on table in reserved database {database}")
        } else {
            format!("{name} operation not allowed when database server is in read only mode")
        };
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

    fn unsatisfied(&self, timeout_ms: Option<u64>) -> Stop {
        let words = match timeout_ms {
            Some(0) => "\"where\" clause test failed".to_owned(),
            Some(ms) if self.waited_ms >= ms => format!("\"wait\" timed out after {} ms", self.waited_ms),
            until_ms => return Stop::Blocked { until_ms },
        };
        OvsdbError::new(OvsdbError::TIMED_OUT, words).into()
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

fn table_of<'a>(layout: &'a Layout, name: &str) -> Result<TableAt<'a>, OvsdbError> {
    let id = layout.table_id(name);
    let id =
        id.ok_or_else(|| OvsdbError::new(OvsdbError::UNKNOWN_TABLE, format!("No table named {name}.")))?;
    Ok((id, layout.table(id)))
}
