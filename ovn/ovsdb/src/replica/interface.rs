//! What a replica is asked for and what it tells.

use super::{RowChange, TxnId, TxnOutcome};
use crate::{Condition, Str};
use std::time::Duration;

/// A table to copy.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorTable {
    pub table: Str,
    /// The columns of each [`Row`], in this order.
    pub columns: Vec<Str>,
    /// Which rows: those that satisfy any clause, or all if there is none.
    pub condition: Condition,
}

/// How a replica behaves.
#[derive(Clone, Debug)]
pub struct ReplicaOptions {
    /// A lock to ask for. While it is asked for and not held, transactions end as [`TxnOutcome::NotLocked`]; while
    /// it is held, every transaction asserts it.
    pub lock: Option<Str>,
    /// Whether to look at `_Server` first, and leave a server that is not ready.
    pub check_server: bool,
    /// Of a cluster, whether only its leader will do. Needs `check_server`.
    pub leader_only: bool,
    /// After this long without a sign of life the server is asked for one, and after as long again it is lost.
    pub probe_interval: Option<Duration>,
}

impl Default for ReplicaOptions {
    fn default() -> Self {
        Self {
            lock: None,
            check_server: true,
            leader_only: false,
            probe_interval: Some(Duration::from_secs(5)),
        }
    }
}

/// What a replica tells its owner.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplicaEvent {
    /// The copy is that of the server; comes after the changes of each (re)connection.
    Synced,
    /// Rows that changed together. None is unchanged.
    Changes(Vec<RowChange>),
    /// Whether the lock asked for is held now.
    Lock(bool),
    /// A transaction has ended. Changes that it made came before.
    TxnDone { id: TxnId, outcome: TxnOutcome },
    /// The connection is of no more use; the copy stays as it was.
    Lost(LostReason),
}

/// Why a connection is of no more use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LostReason {
    #[error("the connection ended")]
    Disconnected,
    #[error("the server does not serve the database")]
    NotServed,
    #[error("the server's database is not ready")]
    NotConnected,
    #[error("the server does not lead its cluster")]
    NotLeader,
    #[error("the server is behind what its cluster has told before")]
    Stale,
    #[error("no sign of life from the server")]
    Silent,
    #[error("protocol error: {0}")]
    Protocol(String),
}

impl LostReason {
    pub(super) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol(what.into())
    }
}
