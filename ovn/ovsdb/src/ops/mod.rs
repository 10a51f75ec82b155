//! The operations of a `transact` request: RFC 7047 section 5.2.
//!
//! One typed form serves both sides: a client builds operations and writes them as JSON
//! ([`Transaction`]), the engine reads them from JSON and runs them.

mod client;
mod condition;
mod from_json;
mod mutation;
pub(crate) mod quick;
mod to_json;

pub use client::Transaction;
pub use condition::{Clause, Condition, Function, Matcher};
pub use mutation::{Mutation, Mutator};

use crate::value::{Datum, Str, Uuid};
use std::collections::BTreeMap;

/// Values for some columns of a row, by name.
pub type Columns = BTreeMap<Str, Datum>;

/// One operation of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Adds a row; columns that `row` does not name get their defaults.
    Insert {
        table: Str,
        /// The UUID of the new row, where the client chose it or a name stands for it; else the
        /// server chooses one.
        uuid: Option<Uuid>,
        row: Columns,
    },
    /// Gives the rows that match.
    Select {
        table: Str,
        condition: Condition,
        /// The columns wanted; `None` is all, with `_uuid` and `_version`.
        columns: Option<Vec<Str>>,
    },
    /// Overwrites columns of the rows that match.
    Update { table: Str, condition: Condition, row: Columns },
    /// Changes columns of the rows that match, in a way that depends on what they hold.
    Mutate { table: Str, condition: Condition, mutations: Vec<Mutation> },
    /// Removes the rows that match.
    Delete { table: Str, condition: Condition },
    /// Holds the transaction back until the rows that match are, or are not, these.
    Wait {
        table: Str,
        condition: Condition,
        /// The columns compared; `None` is all, with `_uuid` and `_version`.
        columns: Option<Vec<Str>>,
        until: Until,
        /// The rows compared with; columns they do not name have their defaults.
        rows: Vec<Columns>,
        /// How long to wait, in milliseconds; `None` is forever, 0 is not at all.
        timeout_ms: Option<u64>,
    },
    /// Asks that the reply waits until the transaction is on disk.
    Commit { durable: bool },
    /// Ends the transaction without effect.
    Abort,
    /// Puts words into the log of the database.
    Comment { comment: Str },
    /// Ends the transaction without effect unless the client holds the lock.
    Assert { lock: Str },
}

/// What a [`Operation::Wait`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// That the rows are equal, as sets.
    Equal,
    /// That they are not.
    NotEqual,
}

impl Until {
    /// `==` or `!=`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

impl Operation {
    /// The `op` member.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Insert { .. } => "insert",
            Self::Select { .. } => "select",
            Self::Update { .. } => "update",
            Self::Mutate { .. } => "mutate",
            Self::Delete { .. } => "delete",
            Self::Wait { .. } => "wait",
            Self::Commit { .. } => "commit",
            Self::Abort => "abort",
            Self::Comment { .. } => "comment",
            Self::Assert { .. } => "assert",
        }
    }

    /// Whether a read-only server refuses the operation. It lets comments pass: without a change
    /// they are not written.
    pub const fn is_write(&self) -> bool {
        match self {
            Self::Insert { .. }
            | Self::Update { .. }
            | Self::Mutate { .. }
            | Self::Delete { .. }
            | Self::Commit { .. } => true,
            Self::Select { .. }
            | Self::Wait { .. }
            | Self::Abort
            | Self::Comment { .. }
            | Self::Assert { .. } => false,
        }
    }
}
