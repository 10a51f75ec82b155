//! Whether the server at the other end is one to work with, by its `_Server` database (ovsdb-server(5)).

use super::LostReason;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The columns of `_Server`'s table `Database` that matter here.
const COLUMNS: [&str; 6] = ["name", "model", "connected", "leader", "cid", "index"];

/// How far a cluster was when it was last seen, so as not to go back in time with a member that lags behind. Another
/// cluster, for example one that was set up anew, is another story.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Progress {
    cid: Value,
    index: i64,
}

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

    /// Whether the server serves `database`, has it ready and, if it is a member of a cluster, is not behind
    /// `progress` and, if that is wanted, leads. Notes how far the cluster is.
    pub(super) fn check(
        &self,
        database: &str,
        leader_only: bool,
        progress: &mut Option<Progress>,
    ) -> Result<(), LostReason> {
        let named = |row: &&Map<String, Value>| row.get("name").and_then(Value::as_str) == Some(database);
        let Some(row) = self.rows.values().find(named) else {
            return Err(LostReason::NotServed);
        };
        // Absent from an initial row means the default, false.
        let is = |column| row.get(column).and_then(Value::as_bool).unwrap_or(false);
        if !is("connected") {
            return Err(LostReason::NotConnected);
        }
        if row.get("model").and_then(Value::as_str) != Some("clustered") {
            return Ok(());
        }
        if leader_only && !is("leader") {
            return Err(LostReason::NotLeader);
        }
        let cid = row.get("cid").cloned().unwrap_or_default();
        let index = row.get("index").and_then(Value::as_i64).unwrap_or(0);
        if progress.as_ref().is_some_and(|seen| seen.cid == cid && seen.index > index) {
            return Err(LostReason::Stale);
        }
        *progress = Some(Progress { cid, index });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_taken_when_it_has_the_database_ready_and_leads_if_asked() {
        let mut databases = ServerDatabases::default();
        let mut progress = None;
        let mut then = |updates: Value, leader_only| {
            databases.apply(&json!({ "Database": updates })).unwrap();
            databases.check("D", leader_only, &mut progress)
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
        let cluster =
            |cid: &str, index: i64| json!({"2": {"modify": {"cid": ["uuid", cid], "index": index}}});
        assert_eq!(then(cluster("x", 7), true), Ok(()));
        assert_eq!(then(cluster("x", 6), true), Err(LostReason::Stale));
        assert_eq!(then(cluster("y", 1), true), Ok(()));
        assert_eq!(then(json!({"2": {"delete": null}}), true), Err(LostReason::NotServed));
        assert!(
            databases.apply(&json!([])).is_err() && databases.apply(&json!({"Database": {"1": 2}})).is_err()
        );
    }
}
