//! Whether the server at the other end is one to work with, by its `_Server` database (ovsdb-server(5)).

use super::LostReason;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The columns of `_Server`'s table `Database` that matter here.
const COLUMNS: [&str; 5] = ["name", "model", "connected", "leader", "index"];

/// The rows of `Database` as the server has told them.
#[derive(Debug, Default)]
pub(super) struct ServerDatabases {
    rows: BTreeMap<String, Map<String, Value>>,
}

impl ServerDatabases {
    /// The parameters of the `monitor_cond` request that feeds this.
    pub(super) fn monitor_params(monitor_id: &Value) -> Value {
        json!(["_Server", monitor_id, {"Database": [{"columns": COLUMNS}]}])
    }

    /// Applies `<table-updates2>`. All columns are scalar or optional, so that a change is the new value.
    pub(super) fn apply(&mut self, updates: &Value) -> Result<(), LostReason> {
        let Some(tables) = updates.as_object() else {
            return Err(LostReason::protocol("_Server: updates are not an object"));
        };
        for (uuid, update) in tables.get("Database").and_then(Value::as_object).into_iter().flatten() {
            let Some((kind, content)) = update.as_object().and_then(|update| update.iter().next()) else {
                return Err(LostReason::protocol("_Server: a row update is not an object with one member"));
            };
            if kind == "delete" {
                self.rows.remove(uuid);
            } else if let Some(content) = content.as_object() {
                let row = self.rows.entry(uuid.clone()).or_default();
                if kind != "modify" {
                    row.clear();
                }
                row.extend(content.iter().map(|(column, value)| (column.clone(), value.clone())));
            }
        }
        Ok(())
    }

    /// Whether the server serves `database`, has it ready and, if that is wanted, leads its cluster.
    pub(super) fn check(&self, database: &str, leader_only: bool) -> Result<(), LostReason> {
        let named = |row: &&Map<String, Value>| row.get("name").and_then(Value::as_str) == Some(database);
        let Some(row) = self.rows.values().find(named) else {
            return Err(LostReason::NotServed);
        };
        // Absent from an initial row means the default, false.
        let is = |column| row.get(column).and_then(Value::as_bool).unwrap_or(false);
        if !is("connected") {
            return Err(LostReason::NotConnected);
        }
        let clustered = row.get("model").and_then(Value::as_str) == Some("clustered");
        if clustered && leader_only && !is("leader") {
            return Err(LostReason::NotLeader);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_taken_when_it_has_the_database_ready_and_leads_if_asked() {
        let mut databases = ServerDatabases::default();
        let mut then = |updates: Value, leader_only| {
            databases.apply(&json!({ "Database": updates })).unwrap();
            databases.check("D", leader_only)
        };
        assert_eq!(
            then(json!({"1": {"initial": {"name": "E", "connected": true}}}), false),
            Err(LostReason::NotServed)
        );
        assert_eq!(then(json!({"2": {"insert": {"name": "D"}}}), false), Err(LostReason::NotConnected));
        assert_eq!(then(json!({"2": {"modify": {"connected": true}}}), true), Ok(()));
        assert_eq!(then(json!({"2": {"modify": {"model": "clustered"}}}), true), Err(LostReason::NotLeader));
        assert_eq!(then(json!({}), false), Ok(()));
        assert_eq!(then(json!({"2": {"modify": {"leader": true}}}), true), Ok(()));
        assert_eq!(then(json!({"2": {"delete": null}}), true), Err(LostReason::NotServed));
        assert!(
            databases.apply(&json!([])).is_err() && databases.apply(&json!({"Database": {"1": 2}})).is_err()
        );
    }
}
