//! A client's copy of some tables of one database, kept up to date over one connection at a time.
//!
//! ```text
//!  connected ──► [get_schema _Server ──► monitor_cond _Server] ──► get_schema ──► monitor_cond_since ──► live
//!      │                                                                      └─► monitor_cond ─► monitor
//!      └──► lock, set_db_change_aware                                 (for servers that lack the better ones)
//! ```
//! The copy outlives connections. When one returns, a server that remembers the last transaction sends only
//! what changed since; one that does not sends everything, and the replica reports only what is really different.
//!
//! The shell moves messages ([`Replica::handle_message`], [`Replica::poll_output`]), the owner takes events
//! ([`Replica::poll_event`]) and reads rows ([`Replica::rows`]). After [`ReplicaEvent::Lost`] the connection is of
//! no more use ([`Replica::is_lost`]): the shell closes it and calls [`Replica::disconnected`].
//!
//! Sources: RFC 7047; ovsdb-server(7) for `monitor_cond_since` and `set_db_change_aware`.

mod condition;
mod contents;
mod eligibility;
mod handshake;
mod interface;
mod lock;
mod transactions;

pub use contents::{RowChange, Snapshot};
pub use interface::{LostReason, MonitorTable, ReplicaEvent, ReplicaOptions};
pub use transactions::{TRANSACTIONS_IN_FLIGHT_MAX, TxnId, TxnOutcome};

use crate::probe::{Probe, Verdict};
use crate::rpc::Message;
use crate::{Condition, DatabaseSchema, Row, Str, Transaction, Uuid};
use condition::Conditions;
use contents::Contents;
use eligibility::Progress;
use handshake::Stage;
use lock::Lock;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;
use transactions::Transactions;

/// The copy and the connection that feeds it. See the module's documentation.
#[derive(Debug)]
pub struct Replica {
    schema: Arc<DatabaseSchema>,
    options: ReplicaOptions,
    contents: Contents,
    conditions: Conditions,
    /// The last transaction that the contents include, if the server names them.
    last_txn: Option<Uuid>,
    /// How far the cluster was, if it is one.
    progress: Option<Progress>,
    stage: Stage,
    lock: Lock,
    probe: Probe,
    transactions: Transactions,
    request_last: u64,
    /// What was asked under each request id that has no reply yet.
    asked: BTreeMap<u64, Asked>,
    output: VecDeque<Message>,
    events: VecDeque<ReplicaEvent>,
}

/// What a reply will answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Handshake,
    /// The answer does not matter.
    Courtesy,
    ConditionChange,
    Lock,
    Transact(TxnId),
}

impl Replica {
    /// An empty, unconnected copy of `tables` of the database that `schema` describes. Columns that the server
    /// lacks hold their defaults and tables that it lacks stay empty; both must exist in `schema`.
    pub fn new(schema: Arc<DatabaseSchema>, tables: Vec<MonitorTable>, options: ReplicaOptions) -> Self {
        Self {
            contents: Contents::new(&schema, &tables),
            conditions: Conditions::new(tables),
            last_txn: None,
            progress: None,
            stage: Stage::Disconnected,
            lock: Lock::new(options.lock.clone()),
            probe: Probe::new(options.probe_interval),
            transactions: Transactions::default(),
            request_last: 0,
            asked: BTreeMap::new(),
            output: VecDeque::new(),
            events: VecDeque::new(),
            schema,
            options,
        }
    }

    /// A connection to a server is there.
    pub fn connected(&mut self, now: Instant) {
        self.disconnected(now);
        self.probe.start(now);
        if let Some(lock) = self.lock.wanted().cloned() {
            self.ask(Asked::Lock, "lock", Lock::params(&lock));
        }
        self.begin_handshake();
    }

    /// The connection has ended, or the shell has ended it. Transactions on their way end as
    /// [`TxnOutcome::TryAgain`]: whether they happened is not known.
    pub fn disconnected(&mut self, _now: Instant) {
        if !matches!(self.stage, Stage::Disconnected | Stage::Failed) {
            self.lose(LostReason::Disconnected);
        }
        self.stage = Stage::Disconnected;
    }

    /// A message from the server.
    pub fn handle_message(&mut self, message: Message, now: Instant) {
        if matches!(self.stage, Stage::Disconnected | Stage::Failed) {
            return;
        }
        self.probe.alive(now);
        let handled = match message {
            Message::Request { id, method, params } if method == "echo" => {
                self.output.push_back(Message::Reply { id, result: Ok(params) });
                Ok(())
            }
            Message::Request { id, .. } => {
                self.output.push_back(Message::Reply { id, result: Err("unknown method".into()) });
                Ok(())
            }
            Message::Notification { method, params } => self.handle_notification(&method, &params),
            Message::Reply { id, result } => self.handle_reply(&id, result),
        };
        if let Err(reason) = handled {
            self.lose(reason);
        }
    }

    /// Some bytes came that are not yet a message: a sign of life all the same.
    pub fn handle_activity(&mut self, now: Instant) {
        self.probe.alive(now);
    }

    /// Time has come, see [`Replica::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.probe.handle_timeout(now) {
            Verdict::Quiet => {}
            Verdict::Ask => self.output.push_back(Message::request("echo", "echo", Value::Array(Vec::new()))),
            Verdict::Dead => self.lose(LostReason::Silent),
        }
    }

    /// When [`Replica::handle_timeout`] is due, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.probe.poll_timeout().map(|at| (at, "ovsdb probe"))
    }

    /// The next message for the server.
    pub fn poll_output(&mut self) -> Option<Message> {
        self.output.pop_front()
    }

    /// The next event for the owner. Events wait until they are taken; there are a few for each call of the
    /// other functions.
    pub fn poll_event(&mut self) -> Option<ReplicaEvent> {
        self.events.pop_front()
    }

    /// The rows of a table, by uuid; none if the table is not copied.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = (Uuid, &Arc<Row>)> {
        self.contents.rows(table)
    }

    /// The rows of a table as they are now, at no cost unless they change while the snapshot is kept.
    pub fn snapshot(&self, table: &str) -> Snapshot {
        self.contents.snapshot(table)
    }

    /// One row.
    pub fn row(&self, table: &str, uuid: Uuid) -> Option<&Arc<Row>> {
        self.contents.row(table, uuid)
    }

    /// Whether the server has a column that is copied. One that it lacks reads as its default and cannot be written.
    pub fn serves(&self, table: &str, column: &str) -> bool {
        self.contents.serves(table, column)
    }

    /// Whether the copy is complete and the connection that keeps it so is there.
    pub fn is_synced(&self) -> bool {
        matches!(self.stage, Stage::Live(_))
    }

    /// Whether the connection is of no more use, as [`ReplicaEvent::Lost`] says, and the shell has yet to end it.
    pub fn is_lost(&self) -> bool {
        matches!(self.stage, Stage::Failed)
    }

    /// Whether the lock asked for is held.
    pub fn holds_lock(&self) -> bool {
        self.lock.held()
    }

    /// Asks for another lock, or for none, from now on.
    pub fn set_lock(&mut self, lock: Option<Str>) {
        if self.lock.wanted() == lock.as_ref() {
            return;
        }
        let was_held = self.lock.held();
        let connected = !matches!(self.stage, Stage::Disconnected | Stage::Failed);
        if let Some(old) = self.lock.replace(lock.clone())
            && connected
        {
            // A reply to an earlier `lock` would speak of the old one.
            self.asked.retain(|_, asked| *asked != Asked::Lock);
            self.ask(Asked::Courtesy, "unlock", Lock::params(&old));
        }
        if was_held {
            self.events.push_back(ReplicaEvent::Lock(false));
        }
        if let Some(new) = lock
            && connected
        {
            self.ask(Asked::Lock, "lock", Lock::params(&new));
        }
    }

    /// Copies other rows of a table from now on. The rows that come and go by that are reported as changes.
    pub fn set_condition(&mut self, table: &str, condition: Condition) {
        self.conditions.set(table, condition);
        self.send_conditions();
    }

    /// Copies other rows of several tables from now on, as [`Replica::set_condition`] does of one, with one request.
    pub fn set_conditions<'a>(&mut self, conditions: impl IntoIterator<Item = (&'a str, Condition)>) {
        for (table, condition) in conditions {
            self.conditions.set(table, condition);
        }
        self.send_conditions();
    }

    /// Whether the contents follow all conditions that were set.
    pub fn conditions_are_in_force(&self) -> bool {
        self.is_synced() && self.conditions.are_in_force()
    }

    /// Sends a transaction. Its end is reported by [`ReplicaEvent::TxnDone`], at once if it cannot be sent.
    pub fn transact(&mut self, transaction: Transaction) -> TxnId {
        let id = self.transactions.next_id();
        let refused = if !self.lock.allows_writing() {
            Some(TxnOutcome::NotLocked)
        } else if !self.is_synced() || self.transactions.is_full() {
            Some(TxnOutcome::TryAgain)
        } else {
            None
        };
        match refused {
            Some(outcome) => self.events.push_back(ReplicaEvent::TxnDone { id, outcome }),
            None => {
                let params = transactions::params(&self.schema.name, self.lock.wanted(), transaction);
                self.transactions.sent(id, self.lock.wanted().is_some());
                self.ask(Asked::Transact(id), "transact", params);
            }
        }
        id
    }

    fn ask(&mut self, asked: Asked, method: &str, params: Value) {
        self.request_last += 1;
        self.asked.insert(self.request_last, asked);
        self.output.push_back(Message::request(self.request_last, method, params));
    }

    fn handle_reply(&mut self, id: &Value, result: Result<Value, Value>) -> Result<(), LostReason> {
        // A reply to a probe, or to what is no longer of interest, has no entry.
        let Some(asked) = id.as_u64().and_then(|id| self.asked.remove(&id)) else { return Ok(()) };
        match asked {
            Asked::Courtesy => {}
            Asked::Handshake => self.handshake_reply(result)?,
            Asked::ConditionChange => {
                result.map_err(|error| LostReason::protocol(format!("monitor_cond_change: {error}")))?;
                self.conditions.acknowledged();
                self.send_conditions();
            }
            Asked::Lock => {
                let result = result.map_err(|error| LostReason::protocol(format!("lock: {error}")))?;
                let held = result.get("locked").and_then(Value::as_bool).unwrap_or(false);
                self.lock.set_held(held);
                self.events.push_back(ReplicaEvent::Lock(held));
            }
            Asked::Transact(id) => {
                let outcome = self.transactions.ended(id, result);
                self.events.push_back(ReplicaEvent::TxnDone { id, outcome });
            }
        }
        Ok(())
    }

    fn handle_notification(&mut self, method: &str, params: &Value) -> Result<(), LostReason> {
        match method {
            "update" | "update2" | "update3" => self.handle_update(method, params),
            "monitor_canceled" => {
                self.handle_canceled(params);
                Ok(())
            }
            "locked" | "stolen" if self.lock.is_named(params) => {
                let held = method == "locked";
                if self.lock.set_held(held) {
                    self.events.push_back(ReplicaEvent::Lock(held));
                }
                Ok(())
            }
            // A server may have notifications that we did not ask for; JSON-RPC has no way to refuse them.
            _ => Ok(()),
        }
    }

    /// Gives up the connection.
    fn lose(&mut self, reason: LostReason) {
        self.stage = Stage::Failed;
        self.probe.stop();
        self.asked.clear();
        self.output.clear();
        if self.conditions.disconnected() {
            // A change of conditions was on its way: the server may or may not have acted on it, so that
            // the contents are those of no known condition and cannot be continued.
            self.last_txn = None;
        }
        if self.lock.set_held(false) {
            self.events.push_back(ReplicaEvent::Lock(false));
        }
        for id in self.transactions.abandoned() {
            self.events.push_back(ReplicaEvent::TxnDone { id, outcome: TxnOutcome::TryAgain });
        }
        self.events.push_back(ReplicaEvent::Lost(reason));
    }

    fn changed(&mut self, changes: Vec<RowChange>) {
        if !changes.is_empty() {
            self.events.push_back(ReplicaEvent::Changes(changes));
        }
    }
}

#[cfg(test)]
mod tests;
