//! `transact` and `cancel` (RFC 7047 sections 4.1.3 and 4.1.4), and transactions that wait for rows.

use super::databases::{Answer, PendingReply};
use super::rbac::Rbac;
use super::requests::{refuse_more, refuse_syntax};
use super::{Server, SessionId};
use crate::db::{Caller, Commit, Database, Guard, Outcome};
use crate::json::{Elements, Tape};
use crate::{OvsdbError, Str};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Most transactions of one session that have no reply yet; one more is refused.
pub const TRANSACTIONS_PER_SESSION_MAX: usize = 1024;

/// Most transactions of one database that wait for rows to become what their `wait` operations ask for; one more is
/// refused. Each commit tries them all again.
pub const WAITING_TRANSACTIONS_MAX: usize = 1024;

/// A transaction of a client, to be tried.
#[derive(Debug)]
struct Request {
    session: SessionId,
    id: Value,
    /// The JSON text of `id`.
    key: String,
    operations: Vec<Value>,
    /// When it was first tried.
    since: Instant,
}

/// A transaction that a `wait` operation holds back.
#[derive(Debug)]
pub(super) struct Waiting {
    request: Request,
    /// When it has waited long enough; none if it never has.
    until: Option<Instant>,
}

impl Waiting {
    pub(super) fn session(&self) -> SessionId {
        self.request.session
    }

    /// The request, for someone who has a result for it.
    pub(super) fn into_reply(self) -> PendingReply {
        let Request { session, id, key, .. } = self.request;
        PendingReply { session, id, key, answer: Answer::Json(Ok(Value::Null)), seq: 0 }
    }

    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }
}

/// What a `transact` request says.
struct Transact<'t> {
    id: Value,
    database: &'t str,
    operations: Elements<'t>,
}

impl<'t> Transact<'t> {
    /// `None` if the message is another, or odd.
    fn of(tape: &Tape<'t>) -> Option<Self> {
        let (mut id, mut method, mut params) = (None, None, None);
        for member in tape.root()?.object()? {
            let (name, value) = member?;
            let field = match name {
                "id" => &mut id,
                "method" => &mut method,
                "params" => &mut params,
                _ => return None,
            };
            if field.replace(value).is_some() {
                return None;
            }
        }
        if method?.plain()? != "transact" {
            return None;
        }
        let id: Value = serde_json::from_str(id?.text()).ok()?;
        let mut operations = params?.array()?;
        let database = operations.next()?.plain()?;
        (!id.is_null()).then_some(Self { id, database, operations })
    }
}

/// What came of one try.
enum Tried {
    Waiting(Waiting),
    /// It has ended; the database is another if `changed`.
    Ended {
        changed: bool,
    },
}

impl Server {
    /// Runs a transaction of the server's own side, for example what a shell knows of the connections that rows of
    /// this database ask for. Gives the results at once: whoever needs to know that they are on disk waits for
    /// [`Server::persisted`]. Nothing is waited for: a `wait` that is not satisfied is an error.
    pub fn transact(
        &mut self,
        database: &str,
        operations: &[Value],
        now: Instant,
    ) -> Result<Vec<Value>, OvsdbError> {
        let Some(hosted) = self.databases.get_mut(database) else {
            return Err(OvsdbError::new(OvsdbError::UNKNOWN_DATABASE, format!("no database {database}")));
        };
        let name = hosted.newest.schema().name.clone();
        match hosted.newest.transact(operations, Caller::default(), u64::MAX) {
            Outcome::Blocked { .. } => {
                Err(OvsdbError::new(OvsdbError::TIMED_OUT, "nothing is waited for here"))
            }
            Outcome::Done { results, commit } => {
                if let Some(commit) = commit {
                    self.committed(&name, commit);
                    self.retry(&name, now, |_| true);
                }
                Ok(results)
            }
        }
    }

    pub(super) fn handle_transact(&mut self, session: SessionId, id: Value, params: Value, now: Instant) {
        let (database, key) = match self.accept(session, &id, &params) {
            Ok(accepted) => accepted,
            Err(error) => return self.reply(session, id, Err(error)),
        };
        let mut operations = match params {
            Value::Array(operations) => operations,
            _ => Vec::new(),
        };
        // The name of the database.
        operations.remove(0);
        let Some(operations) = self.forward(&database, (session, &id), operations) else { return };
        match self.attempt(&database, Request { session, id, key, operations, since: now }, now) {
            Tried::Ended { changed: true } => self.retry(&database, now, |_| true),
            Tried::Ended { changed: false } => {}
            Tried::Waiting(waiting) => self.wait(&database, waiting),
        }
    }

    /// Takes a message by its text, if it is a transaction that is easily read and can be done at once, as most are.
    /// Else nothing happens, and it is to be read and given to [`Server::handle_message`].
    pub fn handle_text(&mut self, session: SessionId, text: &Tape<'_>, now: Instant) -> bool {
        let Some(Transact { id, database, operations }) = Transact::of(text) else { return false };
        let key = id.to_string();
        let Some(client) = self.clients.get_mut(session) else { return false };
        if client.in_flight.contains(&key) || client.in_flight.len() >= TRANSACTIONS_PER_SESSION_MAX {
            return false;
        }
        client.probe.alive(now);
        self.clock = Some(now);
        let Some((database, hosted)) = self.databases.get_key_value(database) else { return false };
        if hosted.is_relay {
            return false;
        }
        let database = database.clone();
        let run = |newest: &mut Database, caller: Caller<'_>| newest.transact_quick(operations, caller);
        let Some((results, commit)) = self.run(&database, session, run).flatten() else { return false };
        if let Some(client) = self.clients.get_mut(session) {
            client.in_flight.insert(key.clone());
        }
        if self.ended(&database, (session, id, key), Answer::Text(results), commit) {
            self.retry(&database, now, |_| true);
        }
        true
    }

    /// Whether the session may start a transaction with this id; gives the database and the key.
    fn accept(&mut self, session: SessionId, id: &Value, params: &Value) -> Result<(Str, String), Value> {
        let database = self.database_name("transact", params)?;
        let key = id.to_string();
        let Some(client) = self.clients.get_mut(session) else { return refuse_more("the session has ended") };
        if client.in_flight.contains(&key) {
            return refuse_syntax(params, "transact: duplicate request ID");
        }
        if client.in_flight.len() >= TRANSACTIONS_PER_SESSION_MAX {
            return refuse_more(format!("a session may have {TRANSACTIONS_PER_SESSION_MAX} transactions"));
        }
        client.in_flight.insert(key.clone());
        Ok((database, key))
    }

    fn attempt(&mut self, database: &Str, request: Request, now: Instant) -> Tried {
        let waited = now.saturating_duration_since(request.since).as_millis();
        let waited = u64::try_from(waited).unwrap_or(u64::MAX);
        let run =
            |newest: &mut Database, caller: Caller<'_>| newest.transact(&request.operations, caller, waited);
        let Some(outcome) = self.run(database, request.session, run) else {
            return Tried::Ended { changed: false };
        };
        let (answer, commit) = match outcome {
            Outcome::Done { results, commit } => (Answer::Json(Ok(Value::Array(results))), commit),
            Outcome::Blocked { until_ms } => {
                let until = until_ms.and_then(|ms| request.since.checked_add(Duration::from_millis(ms)));
                return Tried::Waiting(Waiting { request, until });
            }
        };
        let Request { session, id, key, .. } = request;
        Tried::Ended { changed: self.ended(database, (session, id, key), answer, commit) }
    }

    /// Runs a transaction of a session on the newest state of a database, with the session's rights.
    fn run<T>(
        &mut self,
        database: &Str,
        session: SessionId,
        transact: impl FnOnce(&mut Database, Caller<'_>) -> T,
    ) -> Option<T> {
        let hosted = self.databases.get_mut(database)?;
        let locks = |lock: &str| self.locks.owns(lock, session);
        let session = self.clients.get(session);
        let read_only = self.read_only
            || session.is_some_and(|session| session.read_only)
            || database.as_ref() == "_Server";
        let guard = session
            .and_then(|session| Rbac::new(&session.role, session.identity.as_deref(), hosted.newest.now()));
        let guard = guard.as_ref().map(|guard| guard as &dyn Guard);
        Some(transact(&mut hosted.newest, Caller { read_only, locks: Some(&locks), guard }))
    }

    /// A transaction has ended; whether it changed anything.
    fn ended(
        &mut self,
        database: &Str,
        (session, id, key): (SessionId, Value, String),
        answer: Answer,
        commit: Option<Commit>,
    ) -> bool {
        let changed = commit.is_some();
        if let Some(commit) = commit {
            self.committed(database, commit);
        }
        if let Some(hosted) = self.databases.get_mut(database) {
            hosted.reply_when_published(session, id, key, answer);
        }
        self.send_replies(database);
        changed
    }

    fn wait(&mut self, database: &Str, waiting: Waiting) {
        let Some(hosted) = self.databases.get_mut(database) else { return };
        if hosted.waiting.len() < WAITING_TRANSACTIONS_MAX {
            hosted.waiting.push(waiting);
            return;
        }
        let Request { session, id, key, .. } = waiting.request;
        let words = format!("{WAITING_TRANSACTIONS_MAX} transactions wait already");
        hosted.reply_when_published(session, id, key, Answer::Json(refuse_more(words)));
        self.send_replies(database);
    }

    /// Tries again the transactions of a database that wait and that `which` picks, oldest first, and those that
    /// wait for what these do.
    pub(super) fn retry(&mut self, database: &Str, now: Instant, which: impl Fn(&Waiting) -> bool) {
        let mut all = false;
        loop {
            let Some(hosted) = self.databases.get_mut(database) else { return };
            let mut still = Vec::new();
            let mut any_changed = false;
            for waiting in std::mem::take(&mut hosted.waiting) {
                if !all && !which(&waiting) {
                    still.push(waiting);
                    continue;
                }
                match self.attempt(database, waiting.request, now) {
                    Tried::Waiting(waiting) => still.push(waiting),
                    Tried::Ended { changed } => any_changed |= changed,
                }
            }
            if let Some(hosted) = self.databases.get_mut(database) {
                hosted.waiting = still;
            }
            // Each round that changed something ended a transaction, so that there is a last one.
            if !any_changed {
                return;
            }
            all = true;
        }
    }

    /// Tries again the transactions that have waited long enough.
    pub(super) fn retry_due(&mut self, now: Instant) {
        let due = |waiting: &Waiting| waiting.until.is_some_and(|until| until <= now);
        let databases = self.databases.iter().filter(|(_, hosted)| hosted.waiting.iter().any(due));
        let databases: Vec<_> = databases.map(|(name, _)| name.clone()).collect();
        for database in databases {
            self.retry(&database, now, due);
        }
    }

    /// Gives up a transaction that waits. One that has ended, or is being written, is not affected.
    pub(super) fn cancel(&mut self, session: SessionId, params: &Value) {
        let Some([id]) = params.as_array().map(Vec::as_slice) else { return };
        let key = id.to_string();
        for hosted in self.databases.values_mut() {
            let is_meant =
                |waiting: &Waiting| waiting.request.session == session && waiting.request.key == key;
            if let Some(at) = hosted.waiting.iter().position(is_meant) {
                let request = hosted.waiting.remove(at).request;
                if let Some(client) = self.clients.get_mut(session) {
                    client.in_flight.remove(&key);
                }
                return self.reply(session, request.id, Err(OvsdbError::CANCELED.into()));
            }
        }
    }
}
