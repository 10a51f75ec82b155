//! Databases that come, go and change, and `_Server`, the server's own database that says which there are
//! (ovsdb-server(5)).

use super::databases::Hosted;
use super::history::History;
use super::{CloseReason, Server, Storage};
use crate::db::{Caller, Database, Outcome};
use crate::log::Past;
use crate::rpc::{Frame, Message};
use crate::{DatabaseSchema, OvsdbError, Str};
use serde_json::{Value, json};
use std::sync::Arc;

/// There is a database of this name already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}: a database of this name is served already")]
pub struct DatabaseExists(pub Str);

const OWN: &str = "_Server";

impl Server {
    /// Serves a database from now on. Clients that have not said `set_db_change_aware` are disconnected, because
    /// they may have been told that there is no such database.
    pub fn add_database(&mut self, database: Database, storage: Storage) -> Result<(), DatabaseExists> {
        let past = Past { base: self.uuids.generate(), ..Past::default() };
        self.add_database_with_past(database, storage, past)
    }

    /// As [`Server::add_database`], for a database whose last transactions are known: clients that return get what
    /// they missed, as if this server had served them before.
    pub fn add_database_with_past(
        &mut self,
        database: Database,
        storage: Storage,
        past: Past,
    ) -> Result<(), DatabaseExists> {
        let name = database.schema().name.clone();
        if self.databases.contains_key(&name) {
            return Err(DatabaseExists(name));
        }
        let hosted = Hosted::new(database, storage, History::of_past(past));
        self.databases.insert(name.clone(), hosted);
        self.disconnect_unaware();
        self.describe(&name);
        Ok(())
    }

    /// Serves a database no more, and gives it back. Transactions that have no reply yet get an error.
    pub fn remove_database(&mut self, name: &str) -> Option<Database> {
        if name == OWN {
            return None;
        }
        self.cancel_monitors(name);
        let (name, mut hosted) = self.databases.remove_entry(name)?;
        for reply in hosted.take_requests() {
            if let Some(client) = self.clients.get_mut(reply.session) {
                client.in_flight.remove(&reply.key);
            }
            let gone = OvsdbError::new(OvsdbError::UNKNOWN_DATABASE, format!("database {name} was removed"));
            self.reply(reply.session, reply.id, Err(gone.to_json()));
        }
        self.change_own(
            &json!({"op": "delete", "table": "Database", "where": [["name", "==", name.as_ref()]]}),
        );
        Some(hosted.newest)
    }

    pub(super) fn add_own_database(&mut self) {
        let schema = DatabaseSchema::from_json(&own_schema()).expect("our own schema is sound");
        let seed = self.uuids.generate().first_u32();
        let database = Database::new(Arc::new(schema), u64::from(seed));
        let hosted = Hosted::new(database, Storage::Memory, History::new(self.uuids.generate()));
        self.databases.insert(OWN.into(), hosted);
        self.describe(OWN);
    }

    /// A database has got another schema, and everyone may know.
    pub(super) fn schema_changed(&mut self, name: &str) {
        self.cancel_monitors(name);
        if let Some(hosted) = self.databases.get(name) {
            let schema = hosted.schema().to_text();
            let whose = json!([["name", "==", name]]);
            self.change_own(
                &json!({"op": "update", "table": "Database", "where": whose, "row": {"schema": schema}}),
            );
        }
    }

    pub(super) fn describe(&mut self, name: &str) {
        if let Some(hosted) = self.databases.get(name) {
            let schema = hosted.schema().to_text();
            // A relay is connected once it has what its source has; it never leads.
            let is_own = !hosted.is_relay;
            let model = if is_own { "standalone" } else { "relay" };
            let row = json!({"name": name, "model": model, "connected": is_own, "leader": is_own, "schema": schema});
            self.change_own(&json!({"op": "insert", "table": "Database", "row": row}));
        }
    }

    pub(super) fn change_own(&mut self, operation: &Value) {
        let Some(own) = self.databases.get_mut(OWN) else { return };
        match own.newest.transact(std::slice::from_ref(operation), Caller::default(), 0) {
            Outcome::Done { commit: Some(commit), .. } => {
                self.committed(&OWN.into(), commit);
                // Without a client so far nobody waits for it.
                if let Some(now) = self.clock {
                    self.retry(&OWN.into(), now, |_| true);
                }
            }
            Outcome::Done { commit: None, .. } | Outcome::Blocked { .. } => {}
        }
    }

    /// Ends all monitors of a database. Clients that are not aware of such things are disconnected.
    fn cancel_monitors(&mut self, name: &str) {
        self.disconnect_unaware();
        let Some(hosted) = self.databases.get_mut(name) else { return };
        for (session, key) in hosted.groups.clear() {
            if let Some(client) = self.clients.get_mut(session)
                && let Some(monitor) = client.monitors.remove(&*key)
                && client.db_change_aware
            {
                let canceled = Message::notification("monitor_canceled", Value::Array(vec![monitor.id]));
                self.clients.queue(session, Frame::from(&canceled));
            }
        }
    }

    pub(super) fn disconnect_unaware(&mut self) {
        let unaware = self.clients.iter().filter(|(_, client)| !client.db_change_aware);
        let unaware: Vec<_> = unaware.map(|(id, _)| id).collect();
        for id in unaware {
            self.clients.doom(id, CloseReason::DatabasesChanged);
        }
    }
}

/// The schema of `_Server`: name for name and type for type upstream's version 1.2.0.
fn own_schema() -> Value {
    let optional = |atom: &str| json!({"type": {"key": atom, "min": 0, "max": 1}});
    let models = json!(["set", ["standalone", "clustered", "relay"]]);
    json!({"name": OWN, "version": "1.2.0", "cksum": "3009684573 744", "tables": {"Database": {"columns": {
        "name": {"type": "string"},
        "model": {"type": {"key": {"type": "string", "enum": models}}},
        "connected": {"type": "boolean"},
        "leader": {"type": "boolean"},
        "schema": optional("string"),
        "cid": optional("uuid"),
        "sid": optional("uuid"),
        "index": optional("integer"),
    }}}})
}
