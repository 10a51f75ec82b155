//! The last transactions of a database, for clients that return after a while (ovsdb-server(7),
//! `monitor_cond_since`).

use super::changes::{Changes, append, row_count};
use crate::Uuid;
use crate::db::Commit;
use crate::log::Past;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Most transactions that are remembered; the oldest is forgotten first. A thousand chassis that each answer one
/// change in the network use up a thousand.
pub const HISTORY_TXNS_MAX: usize = 10_000;

/// Most changed rows that are remembered. What they were before is kept in memory for it.
pub const HISTORY_ROWS_MAX: usize = 200_000;

#[derive(Debug)]
pub(super) struct History {
    /// The transaction before the first entry.
    base: Uuid,
    entries: VecDeque<(Uuid, Arc<Commit>)>,
    /// The number of the entry of each transaction, and of the first.
    numbers: HashMap<Uuid, u64>,
    first: u64,
    row_count: usize,
    /// The number of the first transaction of this life of the server, if there was one before.
    reborn: Option<u64>,
}

/// What a client missed.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) changes: Changes,
    /// Whether the server was started in between, so that what is not in the file has become another unseen.
    pub(super) restarted: bool,
}

impl History {
    /// No transactions yet; `base` names the state that the first one will change.
    pub(super) fn new(base: Uuid) -> Self {
        Self { base, entries: VecDeque::new(), numbers: HashMap::new(), first: 0, row_count: 0, reborn: None }
    }

    /// What a file remembers.
    pub(super) fn of_past(past: Past) -> Self {
        let mut history = Self::new(past.base);
        for transaction in past.transactions {
            history.push(transaction.id, transaction.commit);
        }
        history.reborn = Some(history.first + history.entries.len() as u64);
        history
    }

    /// The last transaction, or what names the state before the first.
    pub(super) fn last(&self) -> Uuid {
        self.entries.back().map_or(self.base, |(txn, _)| *txn)
    }

    pub(super) fn push(&mut self, txn: Uuid, commit: Arc<Commit>) {
        self.numbers.insert(txn, self.first + self.entries.len() as u64);
        self.row_count += row_count(&commit.tables);
        self.entries.push_back((txn, commit));
        while self.entries.len() > HISTORY_TXNS_MAX || self.row_count > HISTORY_ROWS_MAX {
            let Some((txn, commit)) = self.entries.pop_front() else { break };
            self.row_count -= row_count(&commit.tables);
            self.numbers.remove(&txn);
            self.first += 1;
            self.base = txn;
        }
    }

    /// The transactions that are remembered, in order.
    pub(super) fn entries(&self) -> impl ExactSizeIterator<Item = &(Uuid, Arc<Commit>)> {
        self.entries.iter()
    }

    /// What changed after `txn`; `None` if that is not known (any more).
    pub(super) fn since(&self, txn: Uuid) -> Option<Missed> {
        let number = if txn == self.base { self.first } else { self.numbers.get(&txn)? + 1 };
        let skip = usize::try_from(number - self.first).ok()?;
        let mut merged = Changes::default();
        for (_, commit) in self.entries.iter().skip(skip) {
            append(&mut merged, &commit.tables);
        }
        Some(Missed { changes: merged, restarted: self.reborn.is_some_and(|reborn| number <= reborn) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TableId;
    use crate::db::RowUpdate;

    fn changes(rows: std::ops::Range<u128>) -> Arc<Commit> {
        let update = || RowUpdate::new(None, Some(Arc::new([])));
        let rows = rows.map(|row| (Uuid::from_u128(row), update())).collect();
        Arc::new(Commit { tables: [(TableId(0), rows)].into(), ..Commit::default() })
    }

    #[test]
    fn the_oldest_transactions_are_forgotten_when_there_are_too_many() {
        let txn = |n: usize| Uuid::from_u128(n as u128 + 1);
        let mut history = History::new(Uuid::ZERO);
        for n in 0..HISTORY_TXNS_MAX + 2 {
            history.push(txn(n), changes(n as u128..n as u128 + 1));
        }
        assert!(history.since(Uuid::ZERO).is_none() && history.since(txn(0)).is_none());
        assert_eq!(row_count(&history.since(txn(1)).unwrap().changes), HISTORY_TXNS_MAX);
        assert_eq!(row_count(&history.since(txn(HISTORY_TXNS_MAX)).unwrap().changes), 1);
        assert_eq!(row_count(&history.since(history.last()).unwrap().changes), 0);
        assert_eq!(history.numbers.len(), HISTORY_TXNS_MAX);
    }

    #[test]
    fn a_transaction_that_changes_more_rows_than_are_remembered_leaves_no_history() {
        let mut history = History::new(Uuid::ZERO);
        history.push(Uuid::from_u128(1), changes(0..3));
        history.push(Uuid::from_u128(2), changes(0..HISTORY_ROWS_MAX as u128 + 1));
        assert_eq!((history.entries.len(), history.row_count, history.last()), (0, 0, Uuid::from_u128(2)));
        assert!(history.since(Uuid::from_u128(1)).is_none());
        assert_eq!(row_count(&history.since(Uuid::from_u128(2)).unwrap().changes), 0);
    }
}
