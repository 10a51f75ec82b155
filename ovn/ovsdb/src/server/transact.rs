//! `transact` and `cancel` (RFC 7047 sections 4.1.3 and 4.1.4), and transactions that wait for rows.

use super::databases::PendingReply;
use super::rbac::Rbac;
use super::requests::{refuse_more, refuse_syntax};
use super::{Server, SessionId};
use crate::db::{Caller, Guard, Outcome};
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
        PendingReply { session, id, key, result: Ok(Value::Null), seq: 0 }
    }

    pub(super) fn until(&self) -> Option<Instant> {
        self.until
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
        let Some(hosted) = self.databases.get_mut(database) else { return Tried::Ended { changed: false } };
        let locks = |lock: &str| self.locks.owns(lock, request.session);
        let session = self.clients.get(request.session);
        let read_only = self.read_only
            || session.is_some_and(|session| session.read_only)
            || database.as_ref() == "_Server";
        let waited = now.saturating_duration_since(request.since).as_millis();
        let guard = session
            .and_then(|session| Rbac::new(&session.role, session.identity.as_deref(), hosted.newest.now()));
        let guard = guard.as_ref().map(|guard| guard as &dyn Guard);
        let caller = Caller { read_only, locks: Some(&locks), guard };
        let waited = u64::try_from(waited).unwrap_or(u64::MAX);
        let (result, commit) = match hosted.newest.transact(&request.operations, caller, waited) {
            Outcome::Done { results, commit } => (Ok(Value::Array(results)), commit),
            Outcome::Blocked { until_ms } => {
                let until = until_ms.and_then(|ms| request.since.checked_add(Duration::from_millis(ms)));
                return Tried::Waiting(Waiting { request, until });
            }
        };
        let changed = commit.is_some();
        let Request { session, id, key, .. } = request;
        if let Some(commit) = commit {
            self.committed(database, commit);
        }
        if let Some(hosted) = self.databases.get_mut(database) {
            hosted.reply_when_published(session, id, key, result);
        }
        self.send_replies(database);
        Tried::Ended { changed }
    }

    fn wait(&mut self, database: &Str, waiting: Waiting) {
        let Some(hosted) = self.databases.get_mut(database) else { return };
        if hosted.waiting.len() < WAITING_TRANSACTIONS_MAX {
            hosted.waiting.push(waiting);
            return;
        }
        let Request { session, id, key, .. } = waiting.request;
        let words = format!("{WAITING_TRANSACTIONS_MAX} transactions wait already");
        hosted.reply_when_published(session, id, key, refuse_more(words));
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
