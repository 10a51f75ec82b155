//! Building a transaction on the client's side.

use super::{Columns, Condition, Mutation, Mutator, Operation, Until};
use crate::value::{Datum, Str, Uuid};
use serde_json::Value;

/// A list of operations that takes effect whole or not at all.
///
/// Rows that are inserted get a UUID of the client's choice, so that other operations, and the
/// client, can name them at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transaction {
    /// The operations, in the order they run.
    pub operations: Vec<Operation>,
}

impl Transaction {
    /// A transaction without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Appends any operation.
    pub fn push(&mut self, operation: Operation) -> &mut Self {
        self.operations.push(operation);
        self
    }

    /// Inserts the row `uuid`.
    pub fn insert(&mut self, table: impl Into<Str>, uuid: Uuid, row: Columns) -> &mut Self {
        self.push(Operation::Insert { table: table.into(), uuid: Some(uuid), row })
    }

    /// Overwrites columns of the row `uuid`; nothing if `row` names none.
    pub fn update(&mut self, table: impl Into<Str>, uuid: Uuid, row: Columns) -> &mut Self {
        if row.is_empty() {
            return self;
        }
        self.push(Operation::Update { table: table.into(), condition: Condition::row(uuid), row })
    }

    /// Changes one column of the row `uuid`.
    pub fn mutate(
        &mut self,
        table: impl Into<Str>,
        uuid: Uuid,
        column: impl Into<Str>,
        mutator: Mutator,
        arg: Datum,
    ) -> &mut Self {
        let mutations = vec![Mutation { column: column.into(), mutator, arg }];
        self.push(Operation::Mutate { table: table.into(), condition: Condition::row(uuid), mutations })
    }

    /// Deletes the row `uuid`.
    pub fn delete(&mut self, table: impl Into<Str>, uuid: Uuid) -> &mut Self {
        self.push(Operation::Delete { table: table.into(), condition: Condition::row(uuid) })
    }

    /// Makes the transaction fail with `timed out` unless the row `uuid` exists and has these
    /// values: someone else's change since we read them is then not overwritten.
    pub fn verify(&mut self, table: impl Into<Str>, uuid: Uuid, row: Columns) -> &mut Self {
        self.push(Operation::Wait {
            table: table.into(),
            condition: Condition::row(uuid),
            columns: Some(row.keys().cloned().collect()),
            until: Until::Equal,
            rows: vec![row],
            timeout_ms: Some(0),
        })
    }

    /// Holds the transaction back until the rows that match are, or are not, these.
    pub fn wait(
        &mut self,
        table: impl Into<Str>,
        condition: Condition,
        columns: &[&str],
        until: Until,
        rows: Vec<Columns>,
        timeout_ms: Option<u64>,
    ) -> &mut Self {
        let columns = Some(columns.iter().map(|name| Str::from(*name)).collect());
        self.push(Operation::Wait { table: table.into(), condition, columns, until, rows, timeout_ms })
    }

    /// Adds one to an integer column of the row `uuid` and asks for the outcome, which
    /// [`Transaction::incremented`] finds in the reply.
    pub fn increment(&mut self, table: impl Into<Str>, uuid: Uuid, column: impl Into<Str>) -> &mut Self {
        let (table, column) = (table.into(), column.into());
        self.mutate(table.clone(), uuid, column.clone(), Mutator::Add, Datum::scalar(1));
        self.push(Operation::Select { table, condition: Condition::row(uuid), columns: Some(vec![column]) })
    }

    /// The outcome of the last [`Transaction::increment`] in the `results` of the reply; `None` if
    /// there was none, or its row did not exist.
    pub fn incremented(&self, results: &[Value]) -> Option<i64> {
        let is_select = |operation: &Operation| matches!(operation, Operation::Select { .. });
        let at = self.operations.iter().rposition(is_select)?;
        let row = results.get(at)?.get("rows")?.get(0)?.as_object()?;
        row.values().next()?.as_i64()
    }

    /// Puts words into the log of the database.
    pub fn comment(&mut self, comment: impl Into<Str>) -> &mut Self {
        self.push(Operation::Comment { comment: comment.into() })
    }

    /// Makes the transaction fail with `not owner` unless the client holds the lock.
    pub fn assert_lock(&mut self, lock: impl Into<Str>) -> &mut Self {
        self.push(Operation::Assert { lock: lock.into() })
    }

    /// The `params` of a `transact` request on database `database`.
    pub fn to_params(&self, database: &str) -> Value {
        std::iter::once(Value::from(database)).chain(self.operations.iter().map(Operation::to_json)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_of_a_transaction() {
        let uuid = Uuid::from_u128(7);
        let row = || Columns::from([(Str::from("name"), Datum::scalar("sw0"))]);
        let mut txn = Transaction::new();
        txn.assert_lock("l").verify("T", uuid, row()).insert("T", uuid, row()).update(
            "T",
            uuid,
            Columns::new(),
        );
        txn.delete("T", uuid).increment("T", uuid, "n").comment("why");
        let lines: Vec<String> =
            txn.to_params("DB").as_array().into_iter().flatten().map(Value::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        "DB"
        {"lock":"l","op":"assert"}
        {"columns":["name"],"op":"wait","rows":[{"name":"sw0"}],"table":"T","timeout":0,"until":"==","where":[["_uuid","==",["uuid","00000000-0000-0000-0000-000000000007"]]]}
        {"op":"insert","row":{"name":"sw0"},"table":"T","uuid":"00000000-0000-0000-0000-000000000007"}
        {"op":"delete","table":"T","where":[["_uuid","==",["uuid","00000000-0000-0000-0000-000000000007"]]]}
        {"mutations":[["n","+=",1]],"op":"mutate","table":"T","where":[["_uuid","==",["uuid","00000000-0000-0000-0000-000000000007"]]]}
        {"columns":["n"],"op":"select","table":"T","where":[["_uuid","==",["uuid","00000000-0000-0000-0000-000000000007"]]]}
        {"comment":"why","op":"comment"}
        "#);
        let results: Vec<Value> =
            serde_json::from_str(r#"[{},{},{},{},{"count":1},{"rows":[{"n":8}]},{}]"#).expect("JSON");
        assert_eq!(txn.incremented(&results), Some(8));
        assert_eq!(txn.incremented(&results[..3]), None);
    }
}
