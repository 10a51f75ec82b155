//! From a fresh connection to a complete copy, and the updates from there on.

use super::contents::Encoding;
use super::eligibility::ServerDatabases;
use super::{Asked, LostReason, Replica, ReplicaEvent};
use crate::{DatabaseSchema, Uuid};
use serde_json::{Map, Value, json};

/// How far the connection has come. Each stage but the last two waits for one reply.
#[derive(Debug)]
pub(super) enum Stage {
    Disconnected,
    /// Lost; the shell has yet to close it.
    Failed,
    /// Whether the server has a `_Server` database at all: upstream's servers before 2.9 do not.
    ServerSchema,
    ServerRows,
    Schema(ServerDatabases),
    Contents(ServerDatabases, Method),
    Live(ServerDatabases),
}

/// The ways to ask for a table's rows and changes, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    CondSince,
    Cond,
    /// RFC 7047's own. It has no conditions, so that the copy holds all rows.
    Plain,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::CondSince => "monitor_cond_since",
            Self::Cond => "monitor_cond",
            Self::Plain => "monitor",
        }
    }

    fn worse(self) -> Option<Self> {
        match self {
            Self::CondSince => Some(Self::Cond),
            Self::Cond => Some(Self::Plain),
            Self::Plain => None,
        }
    }
}

impl Replica {
    pub(super) fn begin_handshake(&mut self) {
        if self.options.check_server {
            self.stage = Stage::ServerSchema;
            self.ask(Asked::Handshake, "get_schema", json!(["_Server"]));
        } else {
            self.ask_schema(ServerDatabases::default());
        }
    }

    fn ask_schema(&mut self, databases: ServerDatabases) {
        self.stage = Stage::Schema(databases);
        self.ask(Asked::Courtesy, "set_db_change_aware", json!([true]));
        self.ask(Asked::Handshake, "get_schema", json!([self.schema.name.as_ref()]));
    }

    fn ask_contents(&mut self, databases: ServerDatabases, method: Method) {
        let conditions = method != Method::Plain;
        if self.last_txn.is_none() || method != Method::CondSince {
            self.conditions.start_anew(conditions);
        }
        let mut requests = Map::new();
        for (table, columns) in self.contents.served() {
            let mut request = json!({ "columns": columns });
            if conditions {
                request["where"] = self.conditions.acknowledged_json(table, &columns);
            }
            requests.insert(table.to_owned(), json!([request]));
        }
        let mut params = vec![self.schema.name.as_ref().into(), self.monitor_id(), requests.into()];
        if method == Method::CondSince {
            params.push(self.last_txn.unwrap_or(Uuid::ZERO).to_string().into());
        }
        self.stage = Stage::Contents(databases, method);
        self.ask(Asked::Handshake, method.name(), params.into());
    }

    pub(super) fn handshake_reply(&mut self, result: Result<Value, Value>) -> Result<(), LostReason> {
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::ServerSchema => match result {
                Ok(_) => {
                    self.stage = Stage::ServerRows;
                    let params = ServerDatabases::monitor_params(&server_monitor_id());
                    self.ask(Asked::Handshake, "monitor_cond", params);
                }
                Err(_) => self.ask_schema(ServerDatabases::default()),
            },
            Stage::ServerRows => {
                let mut databases = ServerDatabases::default();
                // A server that hides `monitor_cond` is taken as it is.
                if let Ok(updates) = result {
                    databases.apply(&updates)?;
                    databases.check(&self.schema.name, self.options.leader_only, &mut self.progress)?;
                }
                self.ask_schema(databases);
            }
            Stage::Schema(databases) => {
                let schema = result.map_err(|error| schema_error(&error))?;
                let schema = DatabaseSchema::from_json(&schema)
                    .map_err(|error| LostReason::protocol(format!("schema: {error}")))?;
                if self.contents.bind(&schema) {
                    self.last_txn = None;
                }
                self.ask_contents(databases, Method::CondSince);
            }
            Stage::Contents(databases, method) => match (result, method.worse()) {
                (Ok(result), _) => self.take_contents(databases, method, &result)?,
                (Err(Value::String(error)), Some(worse)) if error == "unknown method" => {
                    self.ask_contents(databases, worse);
                }
                (Err(error), _) => return Err(LostReason::protocol(format!("{}: {error}", method.name()))),
            },
            stage @ (Stage::Disconnected | Stage::Failed | Stage::Live(_)) => self.stage = stage,
        }
        Ok(())
    }

    fn take_contents(
        &mut self,
        databases: ServerDatabases,
        method: Method,
        result: &Value,
    ) -> Result<(), LostReason> {
        let changes = match method {
            Method::CondSince => {
                let (Some(found), Some(txn), Some(updates)) =
                    (result.get(0).and_then(Value::as_bool), result.get(1).and_then(txn_id), result.get(2))
                else {
                    return Err(LostReason::protocol(
                        "monitor_cond_since: expected [found, txn id, updates]",
                    ));
                };
                // A server without history always answers with the zero id, and would be asked in vain.
                self.last_txn = Some(txn).filter(|txn| !txn.is_zero());
                if found {
                    self.contents.apply(updates, Encoding::Difference)?
                } else {
                    self.contents.replace(updates, Encoding::Difference)?
                }
            }
            Method::Cond => self.contents.replace(result, Encoding::Difference)?,
            Method::Plain => self.contents.replace(result, Encoding::Whole)?,
        };
        self.stage = Stage::Live(databases);
        self.changed(changes);
        self.events.push_back(ReplicaEvent::Synced);
        self.send_conditions();
        Ok(())
    }

    pub(super) fn handle_update(&mut self, method: &str, params: &Value) -> Result<(), LostReason> {
        let Some(id) = params.get(0) else {
            return Err(LostReason::protocol(format!("{method} without id")));
        };
        if *id == server_monitor_id() {
            return self.handle_server_update(params.get(1));
        }
        if *id != self.monitor_id() || !matches!(self.stage, Stage::Live(_)) {
            // Of a monitor that was cancelled.
            return Ok(());
        }
        let (updates, encoding) = match method {
            "update" => (params.get(1), Encoding::Whole),
            "update2" => (params.get(1), Encoding::Difference),
            _ => (params.get(2), Encoding::Difference),
        };
        let Some(updates) = updates else {
            return Err(LostReason::protocol(format!("{method} without updates")));
        };
        // All of the message is read before any of it takes effect: what is not told of must not have happened.
        let txn = match method {
            "update3" => {
                let txn = params.get(1).and_then(txn_id);
                Some(txn.ok_or_else(|| LostReason::protocol("update3: transaction id expected"))?)
            }
            _ => None,
        };
        let changes = self.contents.apply(updates, encoding).inspect_err(|_| self.last_txn = None)?;
        if let Some(txn) = txn {
            self.last_txn = Some(txn).filter(|txn| !txn.is_zero());
        }
        self.changed(changes);
        Ok(())
    }

    fn handle_server_update(&mut self, updates: Option<&Value>) -> Result<(), LostReason> {
        match &mut self.stage {
            Stage::Schema(databases) | Stage::Contents(databases, _) | Stage::Live(databases) => {
                databases.apply(updates.unwrap_or(&Value::Null))?;
                databases.check(&self.schema.name, self.options.leader_only, &mut self.progress)
            }
            Stage::Disconnected | Stage::Failed | Stage::ServerSchema | Stage::ServerRows => Ok(()),
        }
    }

    /// The server ended the monitor, because the database got another schema or went away. `_Server` says which.
    pub(super) fn handle_canceled(&mut self, params: &Value) {
        if params.get(0) != Some(&self.monitor_id()) {
            return;
        }
        if let Stage::Live(databases) = &mut self.stage {
            let databases = std::mem::take(databases);
            self.asked.retain(|_, asked| *asked != Asked::ConditionChange);
            self.conditions.disconnected();
            self.last_txn = None;
            self.ask_schema(databases);
        }
    }

    pub(super) fn monitor_id(&self) -> Value {
        json!(["monid", self.schema.name.as_ref()])
    }
}

fn server_monitor_id() -> Value {
    json!(["monid", "_Server"])
}

fn txn_id(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

fn schema_error(error: &Value) -> LostReason {
    match error.get("error").and_then(Value::as_str) {
        Some("unknown database") => LostReason::NotServed,
        _ => LostReason::protocol(format!("get_schema: {error}")),
    }
}
