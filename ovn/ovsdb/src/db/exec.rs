//! Running the operations of one transaction, in order, until the first error.

use super::indexes::Indexes;
use super::precommit::{Checked, precommit};
use super::reads::columns_of;
use super::references::References;
use super::working::Working;
use super::{Caller, Database};
use crate::error::OvsdbError;
use crate::json::{Elements, JsonText};
use crate::ops::quick::{self, Quick};
use crate::ops::{Operation, Until};
use crate::schema::{Layout, TableId, TableLayout};
use crate::value::{Datum, Str, Symbols, Uuid};
use serde_json::{Value, json};

/// What one operation gives.
pub(super) enum Given {
    Nothing,
    /// The UUID of the row that was made.
    Inserted(Uuid),
    /// The number of rows that were written.
    Counted(usize),
    /// The `<result>` of a select.
    Selected(Value),
}

impl Given {
    fn into_json(self) -> Value {
        match self {
            Self::Nothing => json!({}),
            Self::Inserted(uuid) => json!({"uuid": ["uuid", uuid.to_string()]}),
            Self::Counted(count) => json!({"count": count}),
            Self::Selected(rows) => rows,
        }
    }

    fn write(&self, text: &mut JsonText) {
        match self {
            Self::Nothing => text.raw("{}"),
            Self::Inserted(uuid) => text.raw("{\"uuid\":[\"uuid\",\"").uuid(*uuid).raw("\"]}"),
            Self::Counted(count) => text.raw("{\"count\":").display(count).raw("}"),
            Self::Selected(rows) => text.display(rows),
        };
    }
}

/// What came of a transaction.
pub(super) enum Ran {
    /// See [`super::Outcome::Done`]. What changed is in the rows, but not in what follows from them.
    Done {
        results: Vec<Value>,
        changed: Option<Checked>,
    },
    Blocked {
        until_ms: Option<u64>,
    },
}

/// Runs a transaction on the rows of `database`. They are as before unless there is a commit.
pub(super) fn run(database: &mut Database, operations: &[Value], caller: Caller<'_>, waited_ms: u64) -> Ran {
    let mut symbols = Symbols::new(database.uuids.fork());
    let layout = database.layout().clone();
    let mut run = Run::begin(database, &layout, caller, waited_ms);
    let mut results = Vec::with_capacity(operations.len());
    for (i, json) in operations.iter().enumerate() {
        let parsed = Operation::from_json(json, (i + 1, operations.len()), &layout, &mut symbols);
        match parsed.map_err(Stop::Error).and_then(|operation| run.allowed(json, operation, &mut symbols)) {
            Ok(given) => results.push(given.into_json()),
            Err(Stop::Blocked { until_ms }) => return Ran::Blocked { until_ms },
            Err(Stop::Error(error)) => {
                results.push(error.to_json());
                results.resize(operations.len(), Value::Null);
                return Ran::Done { results, changed: None };
            }
        }
    }
    match run.finish() {
        Ok(changed) => Ran::Done { results, changed },
        Err(error) => {
            results.push(error.to_json());
            Ran::Done { results, changed: None }
        }
    }
}

/// About how long the results of a small transaction are, in bytes.
const RESULTS_BYTES: usize = 128;

/// Runs a transaction that is easily read; gives the JSON text of its results. `None`, and all is as before, if it is for [`run`]: where it cannot be read so,
/// and where it fails or has to wait, so that all is said by one of them.
pub(super) fn run_quick(
    database: &mut Database,
    operations: Elements<'_>,
    caller: Caller<'_>,
) -> Option<(Vec<u8>, Option<Checked>)> {
    let mut symbols = Symbols::new(database.uuids.fork());
    let layout = database.layout().clone();
    let operations = quick::operations(operations, &layout, &mut symbols, &mut database.strings)?;
    let mut run = Run::begin(database, &layout, caller, 0);
    let mut results = JsonText::after(None, RESULTS_BYTES);
    results.raw("[");
    for (i, operation) in operations.into_iter().enumerate() {
        let given = match operation {
            Quick::Insert { .. } if caller.read_only => return None,
            Quick::Insert { table, uuid, row } => {
                run.insert(&Value::Null, (table, layout.table(table)), uuid, row, &mut symbols).ok()?
            }
            Quick::Other(operation) => run.allowed(&Value::Null, operation, &mut symbols).ok()?,
        };
        given.write(results.separator(i));
    }
    results.raw("]");
    Some((results.into_bytes(), run.finish().ok()?))
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
    layout: &'a Layout,
    references: &'a References,
    pub(super) indexes: &'a Indexes,
    pub(super) working: Working<'a>,
    pub(super) caller: Caller<'a>,
    waited_ms: u64,
    comment: Vec<Str>,
    durable: bool,
}

impl<'a> Run<'a> {
    fn begin(database: &'a mut Database, layout: &'a Layout, caller: Caller<'a>, waited_ms: u64) -> Self {
        let Database { now, references, indexes, uuids, .. } = database;
        Self {
            layout,
            references,
            indexes,
            working: Working::new(now, uuids.fork()),
            caller,
            waited_ms,
            comment: Vec::new(),
            durable: false,
        }
    }

    /// Runs an operation; one that may not be asked for is refused only once nothing else is wrong.
    fn allowed(&mut self, json: &Value, operation: Operation, symbols: &mut Symbols) -> Result<Given, Stop> {
        let refused = (self.caller.read_only && operation.is_write()).then_some(operation.name());
        let result = self.operation(json, operation, symbols)?;
        let Some(name) = refused else { return Ok(result) };
        let database = &self.layout.schema.name;
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
    ) -> Result<Given, Stop> {
        let layout: &'a Layout = self.layout;
        let at = |name: &str| table_of(layout, name);
        match operation {
            Operation::Insert { table, uuid, row } => {
                let table = at(&table)?;
                // `_uuid` and `_version` may be named, but are not the client's to choose.
                let place = |(name, datum): (Str, Datum)| Some((table.1.column_index(&name)?, datum));
                let row = row.into_iter().filter_map(place).collect();
                Ok(self.insert(json, table, uuid, row, symbols)?)
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
                    Ok(Given::Nothing)
                } else {
                    Err(self.unsatisfied(timeout_ms))
                }
            }
            Operation::Commit { durable } => {
                self.durable |= durable;
                Ok(Given::Nothing)
            }
            Operation::Abort => Err(OvsdbError::new(OvsdbError::ABORTED, "aborted by request").into()),
            Operation::Comment { comment } => {
                self.comment.push(comment);
                Ok(Given::Nothing)
            }
            Operation::Assert { lock } => match self.caller.locks {
                Some(holds) if holds(&lock) => Ok(Given::Nothing),
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

    fn finish(self) -> Result<Option<Checked>, OvsdbError> {
        let mut changed = precommit(self.working, self.references, self.indexes)?;
        if changed.commit.tables.is_empty() {
            return Ok(None);
        }
        changed.commit.comment = self.comment.join("\n");
        changed.commit.durable = self.durable;
        Ok(Some(changed))
    }
}

fn table_of<'a>(layout: &'a Layout, name: &str) -> Result<TableAt<'a>, OvsdbError> {
    let id = layout.table_id(name);
    let id =
        id.ok_or_else(|| OvsdbError::new(OvsdbError::UNKNOWN_TABLE, format!("No table named {name}.")))?;
    Ok((id, layout.table(id)))
}
