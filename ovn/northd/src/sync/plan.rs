//! A transaction in the making.

use std::collections::BTreeMap;
use std::fmt;

use ovsdb::{Atom, Datum, Mutator, Str, Transaction, Uuid};
use schema::TypedRow;

/// One change of one row. Rows are named by UUID, which the client chooses for new rows too.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new row; with `needs`, only if the server has that column of that table.
    Insert {
        table: &'static str,
        uuid: Uuid,
        row: BTreeMap<Str, Datum>,
        needs: Option<(&'static str, &'static str)>,
    },
    /// New values of some columns.
    Update { table: &'static str, uuid: Uuid, row: BTreeMap<Str, Datum> },
    /// Members that come and go of a set.
    Members { table: &'static str, uuid: Uuid, column: &'static str, added: Vec<Atom>, removed: Vec<Atom> },
    /// New values under some keys of a map of strings.
    Entries { table: &'static str, uuid: Uuid, column: &'static str, entries: BTreeMap<Str, Str> },
    /// The end of a row.
    Delete { table: &'static str, uuid: Uuid },
}

/// Changes that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    changes: Vec<Change>,
}

impl Plan {
    /// A new row with the columns that are not default.
    pub fn insert<T: TypedRow>(&mut self, uuid: Uuid, row: &T) {
        self.changes.push(Change::Insert { table: T::TABLE, uuid, row: row.to_row(), needs: None });
    }

    /// A new row with a value that older databases do not take: those that lack a column (of any table, by name) that came
    /// no earlier do not get the row.
    pub fn insert_if<T: TypedRow>(&mut self, uuid: Uuid, row: &T, needs: (&'static str, &'static str)) {
        self.changes.push(Change::Insert { table: T::TABLE, uuid, row: row.to_row(), needs: Some(needs) });
    }

    /// The columns that differ, if any.
    pub fn update<T: TypedRow>(&mut self, uuid: Uuid, old: &T, new: &T) {
        let row = old.diff(new);
        if !row.is_empty() {
            self.changes.push(Change::Update { table: T::TABLE, uuid, row });
        }
    }

    /// Members of the set `column` that come and go; nothing if there are none.
    pub fn members<T: TypedRow>(
        &mut self,
        uuid: Uuid,
        column: &'static str,
        added: Vec<Atom>,
        removed: Vec<Atom>,
    ) {
        if !added.is_empty() || !removed.is_empty() {
            self.changes.push(Change::Members { table: T::TABLE, uuid, column, added, removed });
        }
    }

    /// New values under some keys of the map `column`; nothing if there are none.
    pub fn entries<T: TypedRow>(&mut self, uuid: Uuid, column: &'static str, entries: BTreeMap<Str, Str>) {
        if !entries.is_empty() {
            self.changes.push(Change::Entries { table: T::TABLE, uuid, column, entries });
        }
    }

    /// The end of a row.
    pub fn delete<T: TypedRow>(&mut self, uuid: Uuid) {
        self.delete_from(T::TABLE, uuid);
    }

    /// The end of a row of a table of which only that is known.
    pub fn delete_from(&mut self, table: &'static str, uuid: Uuid) {
        self.changes.push(Change::Delete { table, uuid });
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes, in the order in which they were planned.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The transaction, without the columns that the server does not have.
    pub fn transaction(self, serves: impl Fn(&str, &str) -> bool) -> Transaction {
        let mut transaction = Transaction::new();
        for change in self.changes {
            change.push(&mut transaction, &serves);
        }
        transaction
    }
}

impl Change {
    fn push(self, transaction: &mut Transaction, serves: impl Fn(&str, &str) -> bool) {
        match self {
            Self::Insert { needs: Some((table, column)), .. } if !serves(table, column) => {}
            Self::Insert { table, uuid, mut row, .. } => {
                row.retain(|column, _| serves(table, column));
                transaction.insert(table, uuid, row);
            }
            Self::Update { table, uuid, mut row } => {
                row.retain(|column, _| serves(table, column));
                transaction.update(table, uuid, row);
            }
            Self::Members { table, uuid, column, added, removed } => {
                for (mutator, atoms) in [(Mutator::Delete, removed), (Mutator::Insert, added)] {
                    if !atoms.is_empty() {
                        transaction.mutate(table, uuid, column, mutator, Datum::set(atoms));
                    }
                }
            }
            Self::Entries { table, uuid, column, entries } => {
                // Insertion leaves alone what is there under a key, so that has to go first.
                transaction.mutate(table, uuid, column, Mutator::Delete, Datum::set(entries.keys().cloned()));
                transaction.mutate(table, uuid, column, Mutator::Insert, Datum::map(entries));
            }
            Self::Delete { table, uuid } => {
                transaction.delete(table, uuid);
            }
        }
    }
}

/// A UUID for a new row: `preferred`, or one derived from it if that is taken.
pub fn fresh_uuid(preferred: Uuid, is_taken: impl Fn(Uuid) -> bool) -> Uuid {
    // Odd steps of the golden ratio visit every number before any comes again.
    const STEP: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let mut uuid = preferred;
    while is_taken(uuid) {
        uuid = Uuid::from_u128(uuid.as_u128().wrapping_add(STEP));
    }
    uuid
}

/// A line a change, for logs.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            match change {
                Change::Insert { table, uuid, .. } => writeln!(f, "insert {table} {uuid}")?,
                Change::Update { table, uuid, row } => {
                    let columns: Vec<&str> = row.keys().map(|column| &**column).collect();
                    writeln!(f, "update {table} {uuid}: {}", columns.join(", "))?;
                }
                Change::Members { table, uuid, column, added, removed } => {
                    writeln!(f, "mutate {table} {uuid}: {column} +{} -{}", added.len(), removed.len())?;
                }
                Change::Entries { table, uuid, column, entries } => {
                    let keys: Vec<&str> = entries.keys().map(|key| &**key).collect();
                    writeln!(f, "mutate {table} {uuid}: {column}:{}", keys.join(", "))?;
                }
                Change::Delete { table, uuid } => writeln!(f, "delete {table} {uuid}")?,
            }
        }
        Ok(())
    }
}
