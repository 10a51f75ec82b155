//! What was written, as one transaction.

use super::View;
use super::row::{Fate, How, Origin, RowView};
use ovsdb::{Columns, Condition, Datum, Mutation, Mutator, Operation, Str, Transaction, Until, Uuid};
use std::collections::BTreeMap;

impl View {
    /// The transaction that does what was written; without operations if nothing was.
    pub fn transaction(&self) -> Transaction {
        let mut transaction = Transaction::new();
        let rows = || {
            let tables = self.tables.iter();
            tables.flat_map(|(name, table)| table.touched.iter().map(move |(uuid, row)| (name, *uuid, row)))
        };
        for (name, table) in &self.tables {
            let inserts =
                table.touched.values().any(|row| matches!(row.origin, Origin::Inserted) && row.is_there());
            if table.is_verified_empty && inserts {
                transaction.push(verify_empty(name));
            }
        }
        for (table, uuid, row) in rows() {
            if !row.verified.is_empty() && row.fate != Fate::Deleted {
                transaction.verify(table.clone(), uuid, row.verified.clone());
            }
        }
        let checks = transaction.operations.len();
        for (table, uuid, row) in rows() {
            changes(table, uuid, row, &mut transaction);
        }
        if transaction.operations.len() == checks { Transaction::new() } else { transaction }
    }
}

fn verify_empty(table: &Str) -> Operation {
    Operation::Wait {
        table: table.clone(),
        condition: Condition::default(),
        columns: None,
        until: Until::Equal,
        rows: Vec::new(),
        timeout_ms: Some(0),
    }
}

fn changes(table: &Str, uuid: Uuid, row: &RowView, transaction: &mut Transaction) {
    match (&row.origin, row.fate) {
        (Origin::Inserted, Fate::Stays) => {
            let values = row.writes.iter().map(|(column, write)| (column.clone(), write.value.clone()));
            transaction.insert(table.clone(), uuid, values.collect());
        }
        (Origin::Database(_), Fate::Stays) => updates(table, uuid, row, transaction),
        (Origin::Database(_), Fate::Deleted) => {
            transaction.delete(table.clone(), uuid);
        }
        (Origin::Inserted, Fate::Deleted | Fate::Forgotten) | (Origin::Database(_), Fate::Forgotten) => {}
    }
}

fn updates(table: &Str, uuid: Uuid, row: &RowView, transaction: &mut Transaction) {
    let mut replaced = Columns::new();
    let mut mutations = Vec::new();
    for (column, write) in &row.writes {
        match &write.how {
            How::Replace => {
                replaced.insert(column.clone(), write.value.clone());
            }
            How::Mutate { gone, come } => {
                let mut mutation = |mutator, arg: Datum| {
                    if !arg.is_empty() {
                        mutations.push(Mutation { column: column.clone(), mutator, arg });
                    }
                };
                mutation(Mutator::Delete, Datum::Set(gone.iter().cloned().collect()));
                let is_map = matches!(write.value, Datum::Map(_));
                mutation(Mutator::Insert, if is_map { map(come) } else { Datum::set(come.keys().cloned()) });
            }
        }
    }
    transaction.update(table.clone(), uuid, replaced);
    if !mutations.is_empty() {
        let condition = Condition::row(uuid);
        transaction.push(Operation::Mutate { table: table.clone(), condition, mutations });
    }
}

fn map(pairs: &BTreeMap<ovsdb::Atom, Option<ovsdb::Atom>>) -> Datum {
    Datum::map(pairs.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))))
}
