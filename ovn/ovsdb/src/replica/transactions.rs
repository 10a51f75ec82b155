//! Transactions on their way, and what became of them (RFC 7047 section 4.1.3).

use crate::{Operation, OvsdbError, Str, Transaction};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most transactions that wait for their reply; one more ends as [`TxnOutcome::TryAgain`] at once.
pub const TRANSACTIONS_IN_FLIGHT_MAX: usize = 1024;

/// Names a transaction of one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxnId(u64);

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TxnOutcome {
    /// It happened. The results of its operations, in order, as the server gave them.
    Committed(Vec<Value>),
    /// It did not happen, or whether it did is not known, because rows changed under it or the connection was
    /// lost. What is wanted should be worked out again from the rows as they are.
    TryAgain,
    /// It did not happen because the lock that was asked for is not held.
    NotLocked,
    /// It did not happen because it has an `abort` operation.
    Aborted,
    /// It did not happen, and will not if tried again.
    Error(OvsdbError),
}

#[derive(Debug, Default)]
pub(super) struct Transactions {
    last: u64,
    /// With whether the lock is asserted, as the first operation.
    in_flight: BTreeMap<TxnId, bool>,
}

impl Transactions {
    pub(super) fn next_id(&mut self) -> TxnId {
        self.last += 1;
        TxnId(self.last)
    }

    pub(super) fn is_full(&self) -> bool {
        self.in_flight.len() >= TRANSACTIONS_IN_FLIGHT_MAX
    }

    pub(super) fn sent(&mut self, id: TxnId, asserted: bool) {
        self.in_flight.insert(id, asserted);
    }

    /// The reply has come.
    pub(super) fn ended(&mut self, id: TxnId, result: Result<Value, Value>) -> TxnOutcome {
        let asserted = self.in_flight.remove(&id).unwrap_or(false);
        match result {
            Ok(Value::Array(results)) => outcome(results, asserted),
            Ok(other) => TxnOutcome::Error(OvsdbError::syntax(&other, "transact reply is not an array")),
            Err(error) => TxnOutcome::Error(
                OvsdbError::from_json(&error)
                    .unwrap_or_else(|| OvsdbError::syntax(&error, "transact reply is an unknown error")),
            ),
        }
    }

    /// The connection is lost; these have not ended.
    pub(super) fn abandoned(&mut self) -> impl Iterator<Item = TxnId> {
        std::mem::take(&mut self.in_flight).into_keys()
    }
}

/// The parameters of `transact`; the lock, if there is one, is asserted first.
pub(super) fn params(database: &str, lock: Option<&Str>, mut transaction: Transaction) -> Value {
    if let Some(lock) = lock {
        transaction.operations.insert(0, Operation::Assert { lock: lock.clone() });
    }
    transaction.to_params(database)
}

fn outcome(mut results: Vec<Value>, asserted: bool) -> TxnOutcome {
    // At most one operation fails and ends the transaction, but an error at commit comes as an extra element.
    match results.iter().find_map(OvsdbError::from_json) {
        None => {
            if asserted && !results.is_empty() {
                results.remove(0);
            }
            TxnOutcome::Committed(results)
        }
        Some(error) => match error.error.as_ref() {
            OvsdbError::TIMED_OUT | "cluster error" => TxnOutcome::TryAgain,
            OvsdbError::NOT_OWNER => TxnOutcome::NotLocked,
            OvsdbError::ABORTED => TxnOutcome::Aborted,
            _ => TxnOutcome::Error(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn replies_mean_what_upstream_clients_take_them_for() {
        let table = [
            (json!([{}, {"count": 1}]), TxnOutcome::Committed(vec![json!({"count": 1})])),
            (json!([{}, {"error": "timed out"}, null]), TxnOutcome::TryAgain),
            (json!([{"error": "not owner"}, null]), TxnOutcome::NotLocked),
            (json!([{}, {"error": "aborted"}]), TxnOutcome::Aborted),
            (
                json!([{}, {}, {"error": "constraint violation", "details": "no"}]),
                TxnOutcome::Error(OvsdbError::new(OvsdbError::CONSTRAINT, "no")),
            ),
        ];
        for (reply, expected) in table {
            let mut transactions = Transactions::default();
            transactions.sent(TxnId(1), true);
            assert_eq!(transactions.ended(TxnId(1), Ok(reply.clone())), expected, "{reply}");
        }
        let refused = Transactions::default().ended(TxnId(1), Err(json!("canceled")));
        assert!(matches!(refused, TxnOutcome::Error(_)));
    }
}
