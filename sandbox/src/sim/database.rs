//! A node with a database server: its sessions, and how rows are written and read beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use ovsdb::db::Database;
use ovsdb::rpc::Message;
use ovsdb::server::{Output, Server, SessionId, SessionOptions, Storage};
use ovsdb::{DatabaseSchema, Datum, Transaction, Uuid};

use super::Client;

/// What comes of serving.
#[derive(Debug)]
pub(super) enum Said {
    /// A message for a client.
    Message(SessionId, Message),
    /// The server hung up. What it said before is heard before.
    HungUp(SessionId),
}

/// A server whose databases live in memory, and the clients that are connected.
#[derive(Debug)]
pub(super) struct DatabaseNode {
    server: Server,
    clients: BTreeMap<SessionId, Client>,
    /// Sessions that the server has closed, of which their clients have not heard yet.
    closed: BTreeSet<SessionId>,
    sessions: BTreeMap<Client, SessionId>,
}

impl DatabaseNode {
    /// Empty databases.
    pub(super) fn new(seed: u64, schemas: &[&Arc<DatabaseSchema>]) -> Self {
        let mut server = Server::new(seed);
        for schema in schemas {
            let database = Database::new(Arc::clone(schema), seed.wrapping_add(1));
            server.add_database(database, Storage::Memory).expect("each schema is given once");
        }
        Self { server, clients: BTreeMap::new(), closed: BTreeSet::new(), sessions: BTreeMap::new() }
    }

    /// A client connects; whether it was not connected yet.
    pub(super) fn open(&mut self, client: Client, now: Instant) -> bool {
        if self.sessions.contains_key(&client) {
            return false;
        }
        let options = SessionOptions { probe_interval: None, ..SessionOptions::default() };
        let session = self.server.open_session(&options, now).expect("few sessions");
        self.clients.insert(session, client);
        self.sessions.insert(client, session);
        true
    }

    /// A client goes; whether it was connected.
    pub(super) fn close(&mut self, client: Client) -> bool {
        let Some(session) = self.sessions.remove(&client) else { return false };
        self.clients.remove(&session);
        if !self.closed.remove(&session) {
            self.server.close_session(session);
        }
        true
    }

    /// A client hears that the server has hung up; none if it has gone itself meanwhile.
    pub(super) fn hung_up(&mut self, session: SessionId) -> Option<Client> {
        self.client(session).filter(|_| self.closed.contains(&session))
    }

    /// The session of `heir` is that of `client` from now on, whose own ends.
    pub(super) fn succeed(&mut self, client: Client, heir: Client) {
        self.close(client);
        if let Some(session) = self.sessions.remove(&heir) {
            self.sessions.insert(client, session);
            self.clients.insert(session, client);
        }
    }

    /// The session of a client.
    pub(super) fn session(&self, client: Client) -> Option<SessionId> {
        self.sessions.get(&client).copied()
    }

    /// Whose session this is, while it is one.
    pub(super) fn client(&self, session: SessionId) -> Option<Client> {
        self.clients.get(&session).copied()
    }

    /// A client said something. What was on its way when it hung up is lost.
    pub(super) fn handle(&mut self, session: SessionId, message: Message, now: Instant) {
        if self.clients.contains_key(&session) && !self.closed.contains(&session) {
            self.server.handle_message(session, message, now);
        }
    }

    /// Time has come, if it has.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.server.handle_timeout(now);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.server.poll_timeout().map(|(at, _)| at)
    }

    /// The next thing that the server has to say.
    pub(super) fn poll(&mut self) -> Option<Said> {
        loop {
            match self.server.poll_output()? {
                Output::Send { session, frame } => return Some(Said::Message(session, frame.to_message())),
                Output::Close { session, .. } => {
                    self.closed.insert(session);
                    return Some(Said::HungUp(session));
                }
                // Databases in memory ask for neither.
                Output::Persist { database, seq, .. } | Output::Rewrite { database, seq, .. } => {
                    self.server.persisted(&database, seq);
                }
                // No database of the world is a relay.
                Output::Forward { session, id, .. } => {
                    self.server.forwarded(session, id, Err("not relayed".into()));
                }
            }
        }
    }

    /// An operator's transaction, which must succeed.
    pub(super) fn transact(&mut self, database: &str, transaction: &Transaction, now: Instant) {
        let params = transaction.to_params(database);
        let operations = params.as_array().and_then(|all| all.get(1..)).expect("a name, then operations");
        self.operate(database, operations, now);
    }

    /// Operations that must succeed.
    pub(super) fn operate(&mut self, database: &str, operations: &[serde_json::Value], now: Instant) {
        let results = self.server.transact(database, operations, now).expect("the database is served");
        let failed = results.iter().find(|result| result.get("error").is_some_and(|e| !e.is_null()));
        assert!(failed.is_none(), "{failed:?} of {operations:?}");
    }

    /// Hands every row of a database to `each`: its table, its UUID, and a way to get columns of it.
    pub(super) fn read(
        &self,
        database: &str,
        mut each: impl FnMut(&str, Uuid, &dyn Fn(&[&str]) -> Vec<Datum>),
    ) {
        let (_, snapshot) = self.server.newest(database).expect("the database is served");
        for table in &snapshot.layout().tables {
            let id = snapshot.layout().table_id(&table.name).expect("a table of the layout");
            for (uuid, row) in snapshot.rows(id) {
                let place = |name: &str| table.column_index(name).expect("a column of the layout");
                each(&table.name, uuid, &|columns| {
                    columns.iter().map(|name| row[place(name)].clone()).collect()
                });
            }
        }
    }
}
