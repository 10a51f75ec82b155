//! A database as the server keeps it: its newest state, what of it is on disk, and who waits for what.

use super::changes::Changes;
use super::history::{History, Missed};
use super::monitor::{Contents, Groups, Monitor, Spec};
use super::transact::Waiting;
use super::{Output, Server, SessionId};
use crate::db::{Commit, Database, Snapshot};
use crate::rpc::{Frame, Message};
use crate::{DatabaseSchema, Layout, OvsdbError, Str, TableId, Uuid};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Where a database is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Nowhere else: what is done is done.
    Memory,
    /// In a file of the shell's: what is done counts once the shell says [`Server::persisted`].
    Log,
}

#[derive(Debug)]
pub(super) struct Hosted {
    pub(super) newest: Database,
    /// Whether another server decides on transactions.
    pub(super) is_relay: bool,
    storage: Storage,
    /// The number of the newest state, and of the published one.
    seq: u64,
    published_seq: u64,
    /// The states between, with what led to each.
    unpublished: VecDeque<Unpublished>,
    /// Replies that wait until what they say is published.
    replies: VecDeque<PendingReply>,
    history: History,
    pub(super) groups: Groups,
    pub(super) waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Unpublished {
    seq: u64,
    step: Step,
}

/// What leads from one state to the next.
#[derive(Debug)]
enum Step {
    Transaction(Uuid, Arc<Commit>),
    /// Another schema: the database with the old one.
    Conversion(Uuid, Box<Database>),
}

/// A reply to a client. `key` is the JSON text of `id`.
#[derive(Debug)]
pub(super) struct PendingReply {
    pub(super) session: SessionId,
    pub(super) id: Value,
    pub(super) key: String,
    pub(super) answer: Answer,
    pub(super) seq: u64,
}

/// What a reply says.
#[derive(Debug)]
pub(super) enum Answer {
    Json(Result<Value, Value>),
    /// The JSON text of results.
    Text(Vec<u8>),
}

/// What a client has missed is not known any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forgotten;

impl Hosted {
    pub(super) fn new(newest: Database, storage: Storage, history: History) -> Self {
        Self {
            newest,
            is_relay: false,
            storage,
            seq: 0,
            published_seq: 0,
            unpublished: VecDeque::new(),
            replies: VecDeque::new(),
            history,
            groups: Groups::default(),
            waiting: Vec::new(),
        }
    }

    /// The schema that clients know of.
    pub(super) fn schema(&self) -> &Arc<DatabaseSchema> {
        &self.layout().schema
    }

    pub(super) fn layout(&self) -> &Arc<Layout> {
        let before = self.unpublished.iter().find_map(|Unpublished { step, .. }| match step {
            Step::Transaction(..) => None,
            Step::Conversion(_, before) => Some(before.layout()),
        });
        before.unwrap_or(self.newest.layout())
    }

    /// What monitors have been told: the newest state without what came since, which is little. Kept beside the newest
    /// one, it would cost each transaction as much again.
    pub(super) fn published(&self) -> Snapshot {
        let mut state = self.newest.snapshot();
        for Unpublished { step, .. } in self.unpublished.iter().rev() {
            match step {
                Step::Transaction(_, commit) => state.undo(commit),
                Step::Conversion(_, before) => state = before.snapshot(),
            }
        }
        state
    }

    /// The transaction that made the published state.
    pub(super) fn last_txn(&self) -> Uuid {
        self.history.last()
    }

    /// What changed from the state that `txn` made to the published one, if that is remembered as far as `spec` sees
    /// it. Where the server was started in between, columns that are not in the file, and versions, have changed
    /// without a transaction: for who sees such a column of a row that was there before, nothing is remembered.
    pub(super) fn missed(&self, spec: &Spec, txn: Uuid) -> Option<Changes> {
        let Missed { changes, restarted } = self.history.since(txn)?;
        let is_new = |table: TableId, uuid: Uuid| {
            let update = changes.get(&table).and_then(|rows| rows.get(&uuid));
            update.is_some_and(|update| update.old.is_none())
        };
        if restarted {
            let published = self.published();
            let unknown = |table| published.rows(table).any(|(uuid, _)| !is_new(table, uuid));
            if spec.forgetful_tables(self.layout()).any(unknown) {
                return None;
            }
        }
        Some(changes)
    }

    /// All rows of the published state as `spec` sees them.
    pub(super) fn initial(&mut self, spec: &Arc<Spec>) -> Contents {
        self.groups.initial(spec, &self.published())
    }

    /// What a monitor that is behind is to be told, if anything; an error if that is not remembered any more.
    pub(super) fn catch_up(
        &mut self,
        session: SessionId,
        key: &str,
        monitor: &Monitor,
    ) -> Result<Option<Frame>, Forgotten> {
        let Monitor { spec, method, .. } = monitor;
        let Some(since) = self.groups.take_behind(spec, session, key) else { return Ok(None) };
        let missed = self.history.since(since).ok_or(Forgotten)?;
        let body = spec.changes(self.layout(), &missed.changes);
        Ok(body.map(|body| method.update(key, self.last_txn(), Contents::Whole(body))))
    }

    /// The number of transactions that are remembered.
    pub(super) fn remembered(&self) -> usize {
        self.history.entries().len()
    }

    pub(super) fn forget_session(&mut self, session: SessionId) {
        self.waiting.retain(|waiting| waiting.session() != session);
        self.replies.retain(|reply| reply.session != session);
    }

    /// All requests that have no reply yet, for someone who knows what to reply.
    pub(super) fn take_requests(&mut self) -> Vec<PendingReply> {
        let waiting = std::mem::take(&mut self.waiting).into_iter().map(Waiting::into_reply);
        std::mem::take(&mut self.replies).into_iter().chain(waiting).collect()
    }

    /// When a transaction that waits has waited long enough.
    pub(super) fn waiting_until(&self) -> Option<Instant> {
        self.waiting.iter().filter_map(Waiting::until).min()
    }

    /// Lets a reply wait until all that happened so far is published.
    pub(super) fn reply_when_published(
        &mut self,
        session: SessionId,
        id: Value,
        key: String,
        answer: Answer,
    ) {
        self.replies.push_back(PendingReply { session, id, key, answer, seq: self.seq });
    }

    /// A reply whose time has come.
    fn pop_reply(&mut self) -> Option<PendingReply> {
        let reply = self.replies.front()?;
        if reply.seq > self.published_seq { None } else { self.replies.pop_front() }
    }

    fn step(&mut self, step: Step) -> u64 {
        self.seq += 1;
        self.unpublished.push_back(Unpublished { seq: self.seq, step });
        self.seq
    }

    /// Goes back to the published state, whose number is the newest again.
    fn roll_back(&mut self) {
        while let Some(Unpublished { step, .. }) = self.unpublished.pop_back() {
            match step {
                Step::Transaction(_, commit) => self.newest.undo(&commit),
                Step::Conversion(_, before) => self.newest = *before,
            }
        }
        self.seq = self.published_seq;
    }

    /// The next state that is on disk up to `seq` and not yet published.
    fn pop_unpublished(&mut self, seq: u64) -> Option<Unpublished> {
        let next = self.unpublished.front()?;
        if next.seq > seq { None } else { self.unpublished.pop_front() }
    }
}

impl Server {
    /// The newest state of a database and its number: the number of the last record that the shell was asked to
    /// append before which this state needs none.
    pub fn newest(&self, database: &str) -> Option<(u64, &Snapshot)> {
        self.databases.get(database).map(|hosted| (hosted.seq, hosted.newest.now()))
    }

    /// The state of a database that clients have been told: all of it is on disk.
    pub fn published(&self, database: &str) -> Option<Snapshot> {
        self.databases.get(database).map(Hosted::published)
    }

    /// The last transactions of the published state that are remembered, in order: what a file must go on to say so
    /// that the next life of the server remembers them too.
    pub fn remembered(&self, database: &str) -> Vec<(Uuid, Arc<Commit>)> {
        let history = self.databases.get(database).map(|hosted| &hosted.history);
        history.map(|history| history.entries().cloned().collect()).unwrap_or_default()
    }

    /// The record that [`Output::Persist`] or [`Output::Rewrite`] asked for under this number has this id, by which
    /// clients will know the transaction ([`crate::log::txn_id`]). To be said before [`Server::persisted`]; an id of
    /// the server's own, which no later life of it will know, stands for a transaction that has no record.
    pub fn recorded(&mut self, database: &str, seq: u64, id: Uuid) {
        let unpublished = self.databases.get_mut(database).map(|hosted| &mut hosted.unpublished);
        if let Some(entry) = unpublished.and_then(|entries| entries.iter_mut().find(|entry| entry.seq == seq))
        {
            match &mut entry.step {
                Step::Transaction(txn, _) | Step::Conversion(txn, _) => *txn = id,
            }
        }
    }

    /// All records of a database up to and including `seq` are on disk.
    pub fn persisted(&mut self, database: &str, seq: u64) {
        self.publish(database, seq);
    }

    /// What [`Output::Persist`] or [`Output::Rewrite`] asked for could not be done. The file holds the published state,
    /// as far as the shell can bring that about, and so does the database again; all that happened since, whether it
    /// was asked to be written already or not, is answered with `error`. Numbers count on from the published state.
    pub fn persist_failed(&mut self, database: &str, error: &OvsdbError) {
        let Some(hosted) = self.databases.get_mut(database) else { return };
        hosted.roll_back();
        for reply in &mut hosted.replies {
            reply.seq = hosted.seq;
            let results = match std::mem::replace(&mut reply.answer, Answer::Text(Vec::new())) {
                Answer::Json(Ok(Value::Array(results))) => Some(results),
                Answer::Text(results) => serde_json::from_slice(&results).ok(),
                Answer::Json(Ok(_) | Err(_)) => None,
            };
            reply.answer = Answer::Json(match results {
                Some(mut results) => {
                    results.push(error.to_json());
                    Ok(Value::Array(results))
                }
                None => Err(error.to_json()),
            });
        }
        self.outputs.retain(|output| match output {
            Output::Persist { database: of, .. } | Output::Rewrite { database: of, .. } => **of != *database,
            Output::Send { .. } | Output::Close { .. } | Output::Forward { .. } => true,
        });
        self.send_replies(database);
    }

    /// A transaction has been applied to the newest state of a database.
    pub(super) fn committed(&mut self, database: &Str, commit: Commit) {
        let Some(hosted) = self.databases.get_mut(database) else { return };
        let commit = Arc::new(commit);
        let seq = hosted.step(Step::Transaction(self.uuids.generate(), commit.clone()));
        match hosted.storage {
            Storage::Memory => self.publish(database, seq),
            Storage::Log => {
                let layout = hosted.newest.layout().clone();
                self.outputs.push_back(Output::Persist { database: database.clone(), seq, layout, commit });
            }
        }
    }

    /// A database has got another schema.
    pub(super) fn converted(&mut self, database: &Str, newest: Database) {
        let Some(hosted) = self.databases.get_mut(database) else { return };
        let before = Box::new(std::mem::replace(&mut hosted.newest, newest));
        let seq = hosted.step(Step::Conversion(self.uuids.generate(), before));
        match hosted.storage {
            Storage::Memory => self.publish(database, seq),
            Storage::Log => {
                let snapshot = hosted.newest.snapshot();
                self.outputs.push_back(Output::Rewrite { database: database.clone(), seq, snapshot });
            }
        }
    }

    /// Tells of all states of a database up to `seq`, first the monitors, then who waits for a reply.
    fn publish(&mut self, database: &str, seq: u64) {
        while let Some(hosted) = self.databases.get_mut(database)
            && let Some(Unpublished { seq, step }) = hosted.pop_unpublished(seq)
        {
            hosted.published_seq = seq;
            match step {
                Step::Transaction(txn, commit) => {
                    let layout = hosted.layout().clone();
                    let (clients, outputs) = (&mut self.clients, &mut self.outputs);
                    let encode = |spec: &Spec| spec.changes(&layout, &commit.tables);
                    let txns = (hosted.history.last(), txn);
                    hosted.groups.tell(txns, encode, |session, frame| clients.tell(session, frame, outputs));
                    hosted.history.push(txn, commit);
                }
                Step::Conversion(base, _) => {
                    hosted.history = History::new(base);
                    self.schema_changed(database);
                }
            }
        }
        self.send_replies(database);
    }

    pub(super) fn send_replies(&mut self, database: &str) {
        while let Some(reply) = self.databases.get_mut(database).and_then(Hosted::pop_reply) {
            let PendingReply { session, id, key, answer, .. } = reply;
            if let Some(client) = self.clients.get_mut(session) {
                client.in_flight.remove(&key);
            }
            // Who hears of the end of a transaction knows what it did.
            self.catch_up(session);
            let frame = match answer {
                Answer::Json(result) => Frame::from(&Message::Reply { id, result }),
                Answer::Text(results) => Frame::reply(&key, &results),
            };
            self.clients.queue(session, frame);
        }
    }
}
