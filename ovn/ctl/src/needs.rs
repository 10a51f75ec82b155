//! Which tables and columns the verbs of a command line read.

use crate::Program;
use crate::openflow::Switch;
use ovsdb::replica::MonitorTable;
use ovsdb::{Condition, DatabaseSchema, Str};
use schema::TypedRow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Tables and their columns, gathered before connecting.
#[derive(Clone, Debug)]
pub struct Needs {
    /// The program.
    pub program: Program,
    /// Our schema of its database.
    pub schema: Arc<DatabaseSchema>,
    /// Switches whose OpenFlow flows are read.
    pub switches: BTreeSet<Switch>,
    tables: BTreeMap<Str, BTreeSet<Str>>,
}

impl Needs {
    /// Nothing yet.
    pub fn new(program: Program) -> Self {
        Self { program, schema: program.schema().clone(), switches: BTreeSet::new(), tables: BTreeMap::new() }
    }

    /// All columns of a table.
    pub fn rows<T: TypedRow>(&mut self) {
        self.columns(T::TABLE, T::COLUMNS);
    }

    /// Some columns of a table, none of them even.
    pub fn columns(&mut self, table: &str, columns: &[&str]) {
        let known = self.tables.entry(table.into()).or_default();
        known.extend(columns.iter().copied().map(Str::from));
    }

    /// What a replica has to copy.
    pub fn monitors(&self) -> Vec<MonitorTable> {
        let monitor = |(table, columns): (&Str, &BTreeSet<Str>)| MonitorTable {
            table: table.clone(),
            columns: columns.iter().cloned().collect(),
            condition: Condition::default(),
        };
        self.tables.iter().map(monitor).collect()
    }
}
