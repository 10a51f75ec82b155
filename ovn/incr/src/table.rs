//! A table of inputs: one value a key.

use std::collections::BTreeMap;
use std::hash::Hash;

use crate::cell::{Cell, Family, Part, Reads, Touched};

/// Values by key whose reads by units are tracked and whose changes are noted.
///
/// A value that is set to what it was is no change. A row of which different units read different parts is best
/// split into several tables, so that a change of one part leaves the readers of the others alone.
#[derive(Debug)]
pub struct Table<K, V> {
    family: Family,
    rows: BTreeMap<K, V>,
}

impl<K: Ord + Hash + Clone, V: PartialEq> Table<K, V> {
    /// An empty table. `name` must be its own among the tables and indexes of a program.
    pub fn new(name: &str) -> Self {
        Self { family: Family::new(name), rows: BTreeMap::new() }
    }

    /// The value of `key`; the reader runs again when it changes, appears or disappears.
    pub fn get<'a>(&'a self, reads: &Reads, key: &K) -> Option<&'a V> {
        reads.note(self.cell(key));
        self.rows.get(key)
    }

    /// All keys in order; the reader runs again when a key appears or disappears, not when a value changes.
    pub fn keys<'a>(&'a self, reads: &Reads) -> impl Iterator<Item = &'a K> + use<'a, K, V> {
        reads.note(Cell::of(self.family, Part::Keys, &()));
        self.rows.keys()
    }

    /// All keys and values in order; the reader runs again after every change of the table.
    pub fn iter<'a>(&'a self, reads: &Reads) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        reads.note(Cell::of(self.family, Part::All, &()));
        self.rows.iter()
    }

    /// Sets or, with `None`, removes the value of `key` and gives back the one it had.
    pub fn set(&mut self, touched: &mut Touched, key: K, value: Option<V>) -> Option<V> {
        let cell = self.cell(&key);
        let same = value.is_some() && self.rows.get(&key) == value.as_ref();
        let appears = value.is_some();
        let old = match value {
            Some(value) => self.rows.insert(key, value),
            None => self.rows.remove(&key),
        };
        if !same && (appears || old.is_some()) {
            touched.note(cell);
            touched.note(Cell::of(self.family, Part::All, &()));
        }
        if appears != old.is_some() {
            touched.note(Cell::of(self.family, Part::Keys, &()));
        }
        old
    }

    /// The value of `key`, for code that is not a unit (a unit that peeks is out of date after a change).
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    /// All keys and values in order, for code that is not a unit.
    pub fn peek_all(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    /// The number of keys, for code that is not a unit.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no key, for code that is not a unit.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn cell(&self, key: &K) -> Cell {
        Cell::of(self.family, Part::Value, key)
    }
}
