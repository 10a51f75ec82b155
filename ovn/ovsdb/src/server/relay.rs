//! Databases whose transactions another server decides on, and servers that are copies altogether (ovsdb-server(7),
//! "Relay" and "Active-Backup").

use super::databases::Hosted;
use super::history::History;
use super::rbac::denied;
use super::{DatabaseExists, Output, Server, SessionId, Storage};
use crate::Str;
use crate::db::Database;
use serde_json::{Value, json};

impl Server {
    /// Serves a copy of another server's database from now on. What clients would change comes out as
    /// [`Output::Forward`]; the shell writes what the other server says with [`Server::transact`].
    pub fn add_relay(&mut self, database: Database) -> Result<(), DatabaseExists> {
        let name = database.schema().name.clone();
        if self.databases.contains_key(&name) {
            return Err(DatabaseExists(name));
        }
        let mut hosted = Hosted::new(database, Storage::Memory, History::new(self.uuids.generate()));
        hosted.is_relay = true;
        self.databases.insert(name.clone(), hosted);
        self.disconnect_unaware();
        self.describe(&name);
        Ok(())
    }

    /// Says whether a relayed database is what its source has.
    pub fn set_connected(&mut self, name: &str, connected: bool) {
        let whose = json!([["name", "==", name]]);
        let row = json!({"connected": connected});
        self.change_own(&json!({"op": "update", "table": "Database", "where": whose, "row": row}));
    }

    /// Whether clients may write at all; the shell disconnects them when that changes.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    /// What came of a transaction that was forwarded.
    pub fn forwarded(&mut self, session: SessionId, id: Value, result: Result<Value, Value>) {
        if let Some(client) = self.clients.get_mut(session) {
            client.in_flight.remove(&id.to_string());
        }
        self.reply(session, id, result);
    }

    /// Forwards a transaction if it is to be forwarded; gives its operations back if it is to be run here.
    pub(super) fn forward(
        &mut self,
        database: &Str,
        (session, id): (SessionId, &Value),
        operations: Vec<Value>,
    ) -> Option<Vec<Value>> {
        let is_relay = self.databases.get(database).is_some_and(|hosted| hosted.is_relay);
        let client = self.clients.get(session);
        let is_read_only = self.read_only || client.is_some_and(|client| client.read_only);
        if !is_relay || is_read_only || !operations.iter().any(is_write) {
            return Some(operations);
        }
        // The other server would see the relay's rights, not this client's.
        if let Some(client) = client.filter(|client| !client.role.is_empty()) {
            let error = denied(&client.role, client.identity.as_deref(), "transactions through a relay.");
            self.forwarded(session, id.clone(), Ok(json!([error.to_json()])));
            return None;
        }
        let mut params = operations;
        params.insert(0, database.as_ref().into());
        let params = Value::Array(params);
        self.outputs.push_back(Output::Forward {
            database: database.clone(),
            session,
            id: id.clone(),
            params,
        });
        None
    }
}

/// Whether an operation may change something, as far as can be seen without running it.
fn is_write(operation: &Value) -> bool {
    let name = operation.get("op").and_then(Value::as_str);
    !matches!(name, Some("select" | "wait" | "abort" | "comment" | "assert"))
}
