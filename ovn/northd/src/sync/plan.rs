//! A transaction in the making.

use std::collections::BTreeMap;
use std::fmt;

use ovsdb::{Atom, Datum, Str, Uuid};
use schema::TypedRow;

/// One change of one row. Rows are named by UUID, which the client chooses for new rows too.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A new row.
    Insert { table: &'static str, uuid: Uuid, row: BTreeMap<Str, Datum> },
    /// New values of some columns.
    Update { table: &'static str, uuid: Uuid, row: BTreeMap<Str, Datum> },
    /// Members that come and go of a set.
    Members { table: &'static str, uuid: Uuid, column: &'static str, added: Vec<Atom>, removed: Vec<Atom> },
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
        self.changes.push(Change::Insert { table: T::TABLE, uuid, row: row.to_row() });
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

    /// The end of a row.
    pub fn delete<T: TypedRow>(&mut self, uuid: Uuid) {
        self.changes.push(Change::Delete { table: T::TABLE, uuid });
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes, in the order in which they were planned.
    pub fn changes(&self) -> &[Change] {
        &self.changes
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
                Change::Delete { table, uuid } => writeln!(f, "delete {table} {uuid}")?,
            }
        }
        Ok(())
    }
}
