//! The transaction engine: one database in memory.
//!
//! Rows live in persistent maps, so that a [`Snapshot`] costs one pointer a table and stays what it
//! was while the database goes on. A transaction works on the rows in place, which copies nothing
//! while nobody keeps a snapshot, and remembers what they were; [`precommit`] then brings them into
//! a state that keeps every promise of the schema, or says why it cannot, and all is as it was.
//! What else the database keeps (how many references a row has, who refers to it weakly, which row
//! has an index key) is brought up to date from the changed rows alone.

mod commit;
mod convert;
mod exec;
mod indexes;
mod load;
mod precommit;
mod reads;
mod references;
mod working;
mod writes;

pub use commit::{Commit, Difference, RowUpdate};

use crate::Row;
use crate::error::OvsdbError;
use crate::json::Elements;
use crate::ops::{Columns, Mutation};
use crate::schema::{DatabaseSchema, Layout, TableId, TableLayout};
use crate::value::{Datum, Strings, Uuid, UuidGenerator};
use exec::Ran;
use imbl::OrdMap;
use indexes::Indexes;
use precommit::Checked;
use references::References;
use serde_json::Value;
use std::ops::Bound;
use std::sync::Arc;

/// What a database holds at one moment. Cheap to clone, and never changes.
#[derive(Clone, Debug)]
pub struct Snapshot {
    layout: Arc<Layout>,
    tables: Vec<OrdMap<Uuid, Arc<Row>>>,
}

impl Snapshot {
    fn empty(layout: Arc<Layout>) -> Self {
        let tables = vec![OrdMap::new(); layout.tables.len()];
        Self { layout, tables }
    }

    /// The tables and columns by number.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The row `uuid` of a table.
    pub fn row(&self, table: TableId, uuid: Uuid) -> Option<&Arc<Row>> {
        self.tables[table.0].get(&uuid)
    }

    /// The rows of a table in the order of their UUIDs.
    pub fn rows(&self, table: TableId) -> impl Iterator<Item = (Uuid, &Arc<Row>)> {
        self.tables[table.0].iter().map(|(uuid, row)| (*uuid, row))
    }

    /// The rows of a table that come after `after` in the order of their UUIDs; all without it.
    pub fn rows_after(&self, table: TableId, after: Option<Uuid>) -> impl Iterator<Item = (Uuid, &Arc<Row>)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.tables[table.0].range((from, Bound::Unbounded)).map(|(uuid, row)| (*uuid, row))
    }

    /// The number of rows of a table.
    pub fn len(&self, table: TableId) -> usize {
        self.tables[table.0].len()
    }

    /// Whether no table has a row.
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(OrdMap::is_empty)
    }
}

/// A database: rows, and what makes transactions on them fast.
#[derive(Clone, Debug)]
pub struct Database {
    now: Snapshot,
    references: References,
    indexes: Indexes,
    uuids: UuidGenerator,
    /// The texts that rows have in common.
    strings: Strings,
    /// The number of transactions applied.
    generation: u64,
}

/// Who asks for a transaction, and what that allows.
#[derive(Clone, Copy, Default)]
pub struct Caller<'a> {
    /// Whether operations that write are refused.
    pub read_only: bool,
    /// Says whether the caller holds a lock; without it, the caller holds none.
    pub locks: Option<&'a dyn Fn(&str) -> bool>,
    /// Says which rows the caller may write; without it, all.
    pub guard: Option<&'a dyn Guard>,
}

/// What an operation wants to do with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Make one.
    Insert,
    /// Overwrite columns.
    Update,
    /// Change columns by what they hold.
    Mutate,
    /// Delete them.
    Delete,
}

/// Decides about each row that a transaction wants to write.
pub trait Guard {
    /// Says why an operation on a table is refused whatever rows it finds there.
    fn enter(&self, _now: &Snapshot, _table: &TableLayout, _write: Write) -> Result<(), OvsdbError> {
        Ok(())
    }

    /// Says why `write` is refused. `now` is the database as the transaction has it so far.
    fn check(&self, now: &Snapshot, write: &RowWrite<'_>) -> Result<(), OvsdbError>;
}

/// One row that a transaction wants to write.
#[derive(Clone, Copy, Debug)]
pub enum RowWrite<'a> {
    Insert { table: &'a TableLayout, uuid: Uuid, new: &'a [Datum] },
    Update { table: &'a TableLayout, uuid: Uuid, old: &'a [Datum], columns: &'a Columns },
    Mutate { table: &'a TableLayout, uuid: Uuid, old: &'a [Datum], mutations: &'a [Mutation] },
    Delete { table: &'a TableLayout, uuid: Uuid, old: &'a [Datum] },
}

/// What came of a transaction.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It ran to its end, or to its first error.
    Done {
        /// The `result` of the reply: one element an operation, and one more if the transaction as
        /// a whole failed.
        results: Vec<Value>,
        /// What changed; nothing if the transaction failed or had no effect.
        commit: Option<Commit>,
    },
    /// A `wait` is not satisfied. The database is as before; ask again when it has changed, or when
    /// so many milliseconds have passed since the first attempt (`None`: only a change helps).
    Blocked { until_ms: Option<u64> },
}

/// A transaction that will succeed: checked, but not yet part of the database.
#[derive(Debug)]
pub struct Prepared {
    changed: Checked,
    generation: u64,
}

impl Prepared {
    /// What [`Database::apply`] will change.
    pub fn commit(&self) -> &Commit {
        &self.changed.commit
    }
}

/// What came of a transaction that was only executed.
#[derive(Debug)]
pub enum Execution {
    /// As [`Outcome::Done`], but the changes wait for [`Database::apply`].
    Done { results: Vec<Value>, prepared: Option<Prepared> },
    /// As [`Outcome::Blocked`].
    Blocked { until_ms: Option<u64> },
}

impl Database {
    /// An empty database. The UUIDs of rows and versions follow from `seed`; give each life of a
    /// database another one.
    pub fn new(schema: Arc<DatabaseSchema>, seed: u64) -> Self {
        let layout = Arc::new(Layout::new(schema));
        Self {
            references: References::new(&layout),
            indexes: Indexes::new(&layout),
            now: Snapshot::empty(layout),
            uuids: UuidGenerator::new(seed),
            strings: Strings::default(),
            generation: 0,
        }
    }

    /// The schema.
    pub fn schema(&self) -> &Arc<DatabaseSchema> {
        &self.now.layout.schema
    }

    /// The tables and columns by number.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.now.layout
    }

    /// What the database holds now, to keep.
    pub fn snapshot(&self) -> Snapshot {
        self.now.clone()
    }

    /// What the database holds now.
    pub fn now(&self) -> &Snapshot {
        &self.now
    }

    /// Runs the operations of a `transact` request and keeps what they did.
    ///
    /// `waited_ms` is the time since the first attempt at this transaction, for its `wait`s.
    pub fn transact(&mut self, operations: &[Value], caller: Caller<'_>, waited_ms: u64) -> Outcome {
        match exec::run(self, operations, caller, waited_ms) {
            Ran::Done { results, changed } => {
                Outcome::Done { results, commit: changed.map(|changed| self.follow(changed)) }
            }
            Ran::Blocked { until_ms } => Outcome::Blocked { until_ms },
        }
    }

    /// As [`Database::transact`], straight from the text of the operations: gives the text of the results and what changed. `None`,
    /// and all is as before, if they are odd, fail or have to wait; then that has more to say.
    pub(crate) fn transact_quick(
        &mut self,
        operations: Elements<'_>,
        caller: Caller<'_>,
    ) -> Option<(Vec<u8>, Option<Commit>)> {
        let (results, changed) = exec::run_quick(self, operations, caller)?;
        Some((results, changed.map(|changed| self.follow(changed))))
    }

    /// Runs the operations of a `transact` request without keeping what they did.
    pub fn execute(&mut self, operations: &[Value], caller: Caller<'_>, waited_ms: u64) -> Execution {
        match exec::run(self, operations, caller, waited_ms) {
            Ran::Done { results, changed } => {
                let generation = self.generation;
                let prepared = changed.map(|changed| {
                    self.now.undo(&changed.commit);
                    Prepared { changed, generation }
                });
                Execution::Done { results, prepared }
            }
            Ran::Blocked { until_ms } => Execution::Blocked { until_ms },
        }
    }

    /// Keeps what a transaction did. Panics if the database changed since the transaction was
    /// executed, for that change would be lost.
    pub fn apply(&mut self, prepared: Prepared) -> Commit {
        let Prepared { changed, generation } = prepared;
        assert_eq!(
            generation, self.generation,
            "a transaction is applied to the database it was executed on"
        );
        self.now.redo(&changed.commit);
        self.follow(changed)
    }

    /// Brings what follows from the rows up to date with a change that the rows already show.
    fn follow(&mut self, changed: Checked) -> Commit {
        let Checked { commit, references } = changed;
        self.generation += 1;
        match references {
            Some(changes) => self.references.follow(&changes),
            None => self.references.apply(&self.now.layout, &commit),
        }
        self.indexes.apply(&self.now.layout, &commit);
        commit
    }
}
