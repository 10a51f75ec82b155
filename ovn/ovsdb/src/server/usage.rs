//! How much there is of what takes memory, in upstream's terms: `memory/show` of ovsdb-server(8).

use super::Server;
use crate::db::Snapshot;
use crate::{Datum, RefType, TableId};
use std::collections::BTreeMap;

/// Columns of every row that no schema names: `_uuid` and `_version`.
const OWN_COLUMNS: usize = 2;

impl Server {
    /// Counts by name. Looks at every row, which takes a while.
    pub fn usage(&self) -> BTreeMap<&'static str, usize> {
        let mut usage = BTreeMap::from([
            ("sessions", self.clients.iter().count()),
            ("backlog", self.clients.iter().map(|(_, session)| session.queued_bytes()).sum()),
        ]);
        let mut add = |name, count: usize| *usage.entry(name).or_default() += count;
        for hosted in self.databases.values() {
            add("monitors", hosted.groups.group_count());
            add("triggers", hosted.waiting.len());
            add("txn-history", hosted.remembered());
            let rows = Rows::of(&hosted.published());
            add("cells", rows.cells);
            add("atoms", rows.atoms);
            add("n-weak-refs", rows.weak_references);
        }
        usage
    }
}

/// What the rows of a database amount to.
#[derive(Default)]
struct Rows {
    cells: usize,
    atoms: usize,
    weak_references: usize,
}

impl Rows {
    fn of(snapshot: &Snapshot) -> Self {
        let mut sums = Self::default();
        for (at, table) in snapshot.layout().tables.iter().enumerate() {
            for (_, row) in snapshot.rows(TableId(at)) {
                sums.cells += table.columns.len() + OWN_COLUMNS;
                // `_version` is in the row, `_uuid` is not.
                sums.atoms += 1 + row.iter().map(atoms).sum::<usize>();
                let weak = table.references.iter().filter(|place| place.kind == RefType::Weak);
                sums.weak_references += weak.map(|place| row[place.column].len()).sum::<usize>();
            }
        }
        sums
    }
}

fn atoms(datum: &Datum) -> usize {
    match datum {
        Datum::Set(atoms) => atoms.len(),
        Datum::Map(pairs) => 2 * pairs.len(),
    }
}
