//! A database server: many sessions, many databases, no sockets, files or clock.
//!
//! ```text
//!             handle_message ┌──────────┐ transact  ┌──────────┐ Persist   ┌───────┐
//!  session ─────────────────►│ requests ├──────────►│  newest  ├──────────►│ shell │
//!     ▲                      └──────────┘           │  state   │           └───┬───┘
//!     │ Send                                        └──────────┘     persisted │
//!     │      ┌──────────┐  encoded once per kind    ┌──────────┐               │
//!     └──────┤ monitors │◄──────────────────────────┤ published│◄──────────────┘
//!            └──────────┘         then the reply    │  state   │
//!                                                   └──────────┘
//! ```
//! A transaction is applied to the newest state at once, so that the next one builds on it. Nobody is told of it
//! until the shell says that it is on disk: then monitors learn of it, then its client gets the reply. So what is
//! acknowledged, and what anyone has seen, survives.
//!
//! Sources: RFC 7047 section 4; ovsdb-server(7) for what came later; upstream's server for the words of errors.

mod changes;
mod clients;
mod connection;
mod databases;
mod history;
mod locks;
mod monitor;
mod own;
mod rbac;
mod relay;
mod requests;
mod session;
mod transact;
mod usage;

pub use connection::TooManySessions;
pub use databases::Storage;
pub use history::{HISTORY_ROWS_MAX, HISTORY_TXNS_MAX};
pub use locks::LOCKS_PER_SESSION_MAX;
pub use own::DatabaseExists;
pub use rbac::Rbac;
pub use requests::MONITORS_PER_SESSION_MAX;
pub use session::{OUTPUT_BYTES_MAX, SessionOptions, UPDATE_BYTES_MAX};
pub use transact::{TRANSACTIONS_PER_SESSION_MAX, WAITING_TRANSACTIONS_MAX};

use crate::db::{Commit, Snapshot};
use crate::rpc::Frame;
use crate::{Layout, Str, Uuid, UuidGenerator};
use clients::Clients;
use databases::Hosted;
use locks::Locks;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Most sessions at a time; one more is refused.
pub const SESSIONS_MAX: usize = 16_384;

/// Names a session of one server. Never used again for another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What the shell is to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a message to a client. When the connection cannot take it at once, the shell keeps it and says
    /// [`Server::set_writable`] false until it can.
    Send { session: SessionId, frame: Frame },
    /// End a connection, for this reason. The session exists no more.
    Close { session: SessionId, reason: CloseReason },
    /// Append the record of a transaction to the file of a database, and then say [`Server::persisted`] with the same
    /// number. Numbers of a database count up by one. `commit.durable` says whether the client asked that the record
    /// survives a crash of the machine, not only of the server.
    Persist { database: Str, seq: u64, layout: Arc<Layout>, commit: Arc<Commit> },
    /// Replace the file of a database by one that holds this state, whose schema is another, and then say
    /// [`Server::persisted`]. Numbered along with the records.
    Rewrite { database: Str, seq: u64, snapshot: Snapshot },
    /// Forward a transaction to the source of a relayed database, and say [`Server::forwarded`] what came of it.
    /// `params` are those of the client's `transact`.
    Forward { database: Str, session: SessionId, id: Value, params: Value },
}

/// Why the server ends a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    #[error("no sign of life from the client")]
    Silent,
    #[error(
        "the client reads too slowly: more waits for it than {OUTPUT_BYTES_MAX} bytes, or than is remembered"
    )]
    SlowReader,
    #[error("the databases of the server change and the client is not aware of that")]
    DatabasesChanged,
}

/// A server. See the module's documentation.
#[derive(Debug)]
pub struct Server {
    id: Uuid,
    uuids: UuidGenerator,
    databases: BTreeMap<Str, Hosted>,
    clients: Clients,
    locks: Locks,
    /// Whether `monitor_cond` and `monitor_cond_since` are served.
    monitor_cond: bool,
    /// Whether clients may not write, whatever their remotes say.
    read_only: bool,
    /// The time that was last told, for transactions that wait for a change of our own making.
    clock: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Server {
    /// A server without databases but `_Server`. All identifiers that it makes follow from `seed`.
    pub fn new(seed: u64) -> Self {
        let mut uuids = UuidGenerator::new(seed);
        let mut server = Self {
            id: uuids.generate(),
            databases: BTreeMap::new(),
            clients: Clients::default(),
            locks: Locks::default(),
            monitor_cond: true,
            read_only: false,
            clock: None,
            outputs: VecDeque::new(),
            uuids,
        };
        server.add_own_database();
        server
    }

    /// The identifier that `get_server_id` gives.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whether `monitor_cond` and what goes with it are served, as upstream's `--disable-monitor-cond` decides.
    pub fn set_monitor_cond(&mut self, served: bool) {
        self.monitor_cond = served;
    }
}

#[cfg(test)]
mod tests;
