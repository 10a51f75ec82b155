//! Which rows are wanted, which were asked for and which the server has agreed to.

use super::{Asked, MonitorTable, Replica};
use crate::{Clause, Condition, Str};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Conditions {
    tables: BTreeMap<Str, TableCondition>,
    /// Whether the server knows conditions at all.
    supported: bool,
}

#[derive(Debug)]
struct TableCondition {
    wanted: Condition,
    /// On its way to the server.
    requested: Option<Condition>,
    /// What the contents follow, unless a request is on its way.
    acknowledged: Condition,
}

impl Conditions {
    pub(super) fn new(tables: Vec<MonitorTable>) -> Self {
        let condition = |table: MonitorTable| {
            let acknowledged = table.condition.clone();
            (table.table, TableCondition { wanted: table.condition, requested: None, acknowledged })
        };
        Self { tables: tables.into_iter().map(condition).collect(), supported: true }
    }

    pub(super) fn set(&mut self, table: &str, wanted: Condition) {
        if let Some(condition) = self.tables.get_mut(table) {
            condition.wanted = wanted;
        }
    }

    /// All contents are asked for, so that they may follow at once what is wanted.
    pub(super) fn start_anew(&mut self, supported: bool) {
        self.supported = supported;
        for condition in self.tables.values_mut() {
            condition.requested = None;
            condition.acknowledged = condition.wanted.clone();
        }
    }

    /// The condition that goes with a request for contents.
    pub(super) fn acknowledged_json(&self, table: &str, columns: &[&str]) -> Value {
        let condition = self.tables.get(table).map(|condition| &condition.acknowledged);
        condition.map_or_else(|| json!([]), |condition| condition_json(condition, columns))
    }

    /// The server has replied to the last change.
    pub(super) fn acknowledged(&mut self) {
        for condition in self.tables.values_mut() {
            if let Some(requested) = condition.requested.take() {
                condition.acknowledged = requested;
            }
        }
    }

    /// The connection has ended. True if a change was on its way.
    pub(super) fn disconnected(&mut self) -> bool {
        let on_its_way = self.is_changing();
        self.tables.values_mut().for_each(|condition| condition.requested = None);
        on_its_way
    }

    pub(super) fn are_in_force(&self) -> bool {
        let in_force = |condition: &TableCondition| {
            condition.requested.is_none() && condition.acknowledged == condition.wanted
        };
        !self.supported || self.tables.values().all(in_force)
    }

    fn is_changing(&self) -> bool {
        self.tables.values().any(|condition| condition.requested.is_some())
    }

    /// Notes as requested what is wanted of `table`, and gives it if that is news to the server.
    fn request(&mut self, table: &str, columns: &[&str]) -> Option<Value> {
        let condition = self.tables.get_mut(table)?;
        if condition.wanted == condition.acknowledged {
            return None;
        }
        condition.requested = Some(condition.wanted.clone());
        Some(condition_json(&condition.wanted, columns))
    }
}

impl Replica {
    /// Sends what is wanted and not yet agreed, one change at a time.
    pub(super) fn send_conditions(&mut self) {
        if !self.is_synced() || !self.conditions.supported || self.conditions.is_changing() {
            return;
        }
        let mut requests = Map::new();
        for (table, columns) in self.contents.served() {
            if let Some(condition) = self.conditions.request(table, &columns) {
                requests.insert(table.to_owned(), json!([{ "where": condition }]));
            }
        }
        if !requests.is_empty() {
            let id = self.monitor_id();
            self.ask(Asked::ConditionChange, "monitor_cond_change", json!([id, id, requests]));
        }
    }
}

/// A condition on a column that the server lacks cannot be asked for, so that all rows are.
fn condition_json(condition: &Condition, columns: &[&str]) -> Value {
    let known = |clause: &Clause| match clause {
        Clause::Constant(_) => true,
        Clause::Compare { column, .. } => column.starts_with('_') || columns.contains(&column.as_ref()),
    };
    if condition.clauses.iter().all(known) { condition.to_json() } else { json!([]) }
}
