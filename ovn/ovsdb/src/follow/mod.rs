//! A copy of a database that another server has: for a relay, which forwards what its clients write, and for a backup.
//!
//! ```text
//!  other server ◄──get_server_id, get_schema, monitor_cond_since── Follower ──Event::Schema, Event::Rows──► our server
//!       ▲                                                  ▲
//!       └──────────────── transact ──────── forward ───────┘
//! ```
//! After a reconnection the other server is asked for what happened since the last transaction that it told of. When it
//! does not know that any more, or only plain monitors, all its rows come, and are compared with what is there, so that
//! only differences are written and told on. Rows keep their UUIDs. Source: ovsdb-server(7), "Active-Backup",
//! "Relay" and "Monitor Cond Since"; RFC 7047 section 4.1.5.

mod changes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::db::Snapshot;
use crate::probe::{Probe, Verdict};
use crate::rpc::Message;
use crate::{DatabaseSchema, Str, Uuid};
use changes::{Columns, Encoding};

/// Most transactions that wait for the other server's answer; one more is refused.
pub const FORWARDED_MAX: usize = 4096;

/// Silence after which the other server is asked for a sign of life.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// What a follower has to say.
#[derive(Clone, Debug)]
pub enum Event {
    /// The database has this schema there. Whoever follows a schema of its own decides what to do if it is another.
    Schema(Arc<DatabaseSchema>),
    /// Rows as they are there, or have become; [`Follower::operations`] makes of it what is to be done.
    Rows(Rows),
    /// What came of a forwarded transaction.
    Forwarded(u64, Result<Value, Value>),
    /// The connection is to be closed and opened again.
    Reconnect,
}

/// What the other server said of its rows.
#[derive(Clone, Debug)]
pub struct Rows {
    updates: Value,
    encoding: Encoding,
    scope: Scope,
}

/// Which rows the other server speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// All there are.
    All,
    /// Those that changed while it was not followed.
    Missed,
    /// Those that changed after that.
    Next,
}

impl Rows {
    /// Whether the copy is up to date with them, for the first time on this connection.
    pub fn is_first(&self) -> bool {
        match self.scope {
            Scope::All | Scope::Missed => true,
            Scope::Next => false,
        }
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is no connection.
    Disconnected,
    /// It asks for what it needs to know.
    Asking,
    /// It is told of each change.
    Following,
    /// It cannot be, until the next connection.
    Failed(String),
}

/// Follows one database of another server.
#[derive(Debug)]
pub struct Follower {
    database: Str,
    /// The identifier of the server that follows: nobody follows itself.
    own: Uuid,
    /// Tables that are not copied.
    exclude: BTreeSet<Str>,
    progress: Progress,
    /// The last transaction that the copy has, if the other server names its transactions.
    last_txn: Option<Uuid>,
    /// What is asked for, and the columns in it.
    requests: Value,
    columns: Columns,
    probe: Probe,
    /// Requests that have no reply yet, by id.
    asked: BTreeMap<u64, Asked>,
    last_id: u64,
    output: VecDeque<Message>,
    events: VecDeque<Event>,
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    ServerId,
    Schema,
    Monitor(Method),
    Transaction(u64),
}

/// How the other server is asked for its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// `monitor`, which every server knows.
    Plain,
    /// `monitor_cond_since`.
    Since,
}

impl Follower {
    /// Will follow `database` but for the tables in `exclude`, for the server called `own`.
    pub fn new(database: &str, own: Uuid, exclude: BTreeSet<Str>) -> Self {
        Self {
            database: database.into(),
            own,
            exclude,
            progress: Progress::Disconnected,
            last_txn: None,
            requests: Value::Null,
            columns: Columns::new(),
            probe: Probe::new(Some(PROBE_INTERVAL)),
            asked: BTreeMap::new(),
            last_id: 0,
            output: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The database that is followed.
    pub fn database(&self) -> &Str {
        &self.database
    }

    /// How far it is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Asks for a sign of life after this long from now on, or never.
    pub fn set_probe_interval(&mut self, interval: Option<Duration>, now: Instant) {
        self.probe = Probe::new(interval);
        if self.progress != Progress::Disconnected {
            self.probe.start(now);
        }
    }

    /// There is a connection.
    pub fn connected(&mut self, now: Instant) {
        self.disconnected();
        self.probe.start(now);
        self.progress = Progress::Asking;
        self.ask(Asked::ServerId, "get_server_id", json!([]));
    }

    /// The connection is gone. Transactions that have no answer get one that says so: nobody knows what became of them.
    pub fn disconnected(&mut self) {
        self.probe.stop();
        self.output.clear();
        self.progress = Progress::Disconnected;
        for asked in std::mem::take(&mut self.asked).into_values() {
            if let Asked::Transaction(ticket) = asked {
                self.events.push_back(Event::Forwarded(ticket, Err(not_available())));
            }
        }
    }

    /// A message from the other server.
    pub fn handle_message(&mut self, message: Message, now: Instant) {
        self.probe.alive(now);
        match message {
            Message::Request { id, method, params } if method == "echo" => {
                self.output.push_back(Message::Reply { id, result: Ok(params) });
            }
            Message::Request { .. } => {}
            Message::Reply { id, result } => {
                let asked = id.as_u64().and_then(|id| self.asked.remove(&id));
                if let Some(asked) = asked {
                    self.answered(asked, result);
                }
            }
            Message::Notification { method, params } => match (method.as_str(), params) {
                ("update", Value::Array(mut params)) if self.progress == Progress::Following => {
                    if let Some(updates) = params.pop() {
                        self.say(updates, Encoding::Whole, Scope::Next);
                    }
                }
                ("update3", Value::Array(mut params)) if self.progress == Progress::Following => {
                    if let (Some(updates), Some(txn)) = (params.pop(), params.pop()) {
                        self.say_since(updates, &txn, Scope::Next);
                    }
                }
                // The database went, or has another schema: from the start.
                ("monitor_canceled", _) => self.events.push_back(Event::Reconnect),
                _ => {}
            },
        }
    }

    fn answered(&mut self, asked: Asked, result: Result<Value, Value>) {
        let result = match (asked, result) {
            (Asked::Transaction(ticket), result) => {
                return self.events.push_back(Event::Forwarded(ticket, result));
            }
            (Asked::Monitor(Method::Since), Err(Value::String(words))) if words == "unknown method" => {
                return self.ask_for_rows(Method::Plain);
            }
            (_, Err(error)) => return self.fail(&error.to_string()),
            (asked, Ok(result)) => (asked, result),
        };
        match result {
            (Asked::ServerId, id) if id == json!(self.own.to_string()) => {
                self.fail("Server ID check failed: Self replicating is not allowed");
            }
            (Asked::ServerId, _) => self.ask(Asked::Schema, "get_schema", json!([&*self.database])),
            (Asked::Schema, schema) => match DatabaseSchema::from_json(&schema) {
                Ok(schema) => self.events.push_back(Event::Schema(Arc::new(schema))),
                Err(error) => self.fail(&error.to_string()),
            },
            (Asked::Monitor(Method::Plain), contents) => {
                self.progress = Progress::Following;
                self.say(contents, Encoding::Whole, Scope::All);
            }
            (Asked::Monitor(Method::Since), Value::Array(mut parts)) if parts.len() == 3 => {
                let (contents, txn, found) = (parts.pop(), parts.pop(), parts.pop());
                let scope = if found == Some(Value::Bool(true)) { Scope::Missed } else { Scope::All };
                self.progress = Progress::Following;
                self.say_since(contents.unwrap_or_default(), &txn.unwrap_or_default(), scope);
            }
            (Asked::Monitor(Method::Since), _) => self.fail("bad reply to monitor_cond_since"),
            (Asked::Transaction(_), _) => {}
        }
    }

    fn say(&mut self, updates: Value, encoding: Encoding, scope: Scope) {
        self.events.push_back(Event::Rows(Rows { updates, encoding, scope }));
    }

    /// As [`Follower::say`], for what happened up to transaction `txn`.
    fn say_since(&mut self, updates: Value, txn: &Value, scope: Scope) {
        self.last_txn = txn.as_str().and_then(|txn| txn.parse().ok());
        self.say(updates, Encoding::Difference, scope);
    }

    /// The copy does not have any more what the other server told of so far.
    pub fn forget(&mut self) {
        self.last_txn = None;
    }

    /// Goes on after [`Event::Schema`]: asks for the tables and columns that both `theirs` and `ours` have.
    pub fn monitor(&mut self, theirs: &DatabaseSchema, ours: &DatabaseSchema) {
        let mut requests = Map::new();
        self.columns.clear();
        for (name, table) in &theirs.tables {
            let Some(own) = ours.table(name).filter(|_| !self.exclude.contains(name)) else { continue };
            let both = table.columns.keys().filter(|column| own.column(column).is_some());
            let columns: Vec<Str> = both.cloned().collect();
            let names: Vec<&str> = columns.iter().map(|column| &**column).collect();
            requests.insert(name.to_string(), json!([{ "columns": names }]));
            self.columns.insert(name.clone(), columns);
        }
        self.requests = requests.into();
        self.ask_for_rows(Method::Since);
    }

    fn ask_for_rows(&mut self, method: Method) {
        let (database, requests) = (&*self.database, &self.requests);
        let (name, params) = match method {
            Method::Plain => ("monitor", json!([database, database, requests])),
            Method::Since => {
                let since = self.last_txn.unwrap_or(Uuid::ZERO).to_string();
                ("monitor_cond_since", json!([database, database, requests, since]))
            }
        };
        self.ask(Asked::Monitor(method), name, params);
    }

    /// What is to be done to `now` so that it becomes what an event says.
    ///
    /// # Errors
    /// When what the other server says makes no sense here; nothing is followed then until the next connection.
    pub fn operations(&mut self, now: &Snapshot, rows: &Rows) -> Result<Vec<Value>, String> {
        let whole = rows.scope == Scope::All;
        let copied = (&self.columns, &self.exclude);
        let made = changes::operations(now, (&rows.updates, rows.encoding), whole, copied);
        made.inspect_err(|error| self.fail(error))
    }

    /// What was to be done could not be done: the next connection begins with all rows.
    pub fn fail(&mut self, why: &str) {
        self.forget();
        self.progress = Progress::Failed(why.to_owned());
    }

    /// Forwards a transaction, `params` of a `transact` request. What comes of it is told with the number returned, or
    /// at once as an error.
    ///
    /// # Errors
    /// When there is no connection, or [`FORWARDED_MAX`] transactions wait already.
    pub fn forward(&mut self, params: Value) -> Result<u64, Value> {
        match self.progress {
            Progress::Following if self.asked.len() < FORWARDED_MAX => {}
            Progress::Following | Progress::Disconnected | Progress::Asking | Progress::Failed(_) => {
                return Err(not_available());
            }
        }
        let ticket = self.last_id + 1;
        self.ask(Asked::Transaction(ticket), "transact", params);
        Ok(ticket)
    }

    fn ask(&mut self, asked: Asked, method: &str, params: Value) {
        self.last_id += 1;
        self.asked.insert(self.last_id, asked);
        self.output.push_back(Message::request(self.last_id, method, params));
    }

    /// Time has come, see [`Follower::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.probe.handle_timeout(now) {
            Verdict::Quiet => {}
            Verdict::Ask => self.output.push_back(Message::request("echo", "echo", json!([]))),
            Verdict::Dead => self.events.push_back(Event::Reconnect),
        }
    }

    /// When [`Follower::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.probe.poll_timeout()
    }

    /// The next message for the other server.
    pub fn poll_output(&mut self) -> Option<Message> {
        self.output.pop_front()
    }

    /// The next thing it has to say.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

fn not_available() -> Value {
    json!({"error": "database not available", "details": "the source of this relay is not connected"})
}

#[cfg(test)]
mod tests;
