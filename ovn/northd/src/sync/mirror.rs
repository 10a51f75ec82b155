//! One southbound table: the rows that should be, the rows that are, and the keys for which they may differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ovsdb::Uuid;
use schema::tables::Delta;

/// Wanted and actual rows by what identifies them, which is not their UUID: a row that is there under another UUID is
/// as good.
#[derive(Debug)]
pub struct Mirror<K, W, R> {
    wanted: BTreeMap<K, W>,
    found: BTreeMap<K, BTreeMap<Uuid, Arc<R>>>,
    keys: BTreeMap<Uuid, K>,
    dirty: BTreeSet<K>,
}

impl<K, W, R> Default for Mirror<K, W, R> {
    fn default() -> Self {
        Self {
            wanted: BTreeMap::new(),
            found: BTreeMap::new(),
            keys: BTreeMap::new(),
            dirty: BTreeSet::new(),
        }
    }
}

impl<K: Ord + Clone, W, R> Mirror<K, W, R> {
    /// What the row of `key` should be; nothing if there should be none.
    pub fn want(&mut self, key: K, row: Option<W>) {
        self.dirty.insert(key.clone());
        match row {
            Some(row) => self.wanted.insert(key, row),
            None => self.wanted.remove(&key),
        };
    }

    /// What should be, to be changed in place.
    pub fn want_mut(&mut self, key: K) -> &mut W
    where
        W: Default,
    {
        self.dirty.insert(key.clone());
        self.wanted.entry(key).or_default()
    }

    /// A row came, changed or went. `key_of` gives the key of a row.
    pub fn found(&mut self, delta: &Delta<R>, key_of: impl FnOnce(&R) -> K) {
        if let Some(key) = self.keys.remove(&delta.uuid) {
            if let Some(rows) = self.found.get_mut(&key) {
                rows.remove(&delta.uuid);
                if rows.is_empty() {
                    self.found.remove(&key);
                }
            }
            self.dirty.insert(key);
        }
        if let Some(row) = &delta.new {
            let key = key_of(row);
            self.keys.insert(delta.uuid, key.clone());
            self.found.entry(key.clone()).or_default().insert(delta.uuid, row.clone());
            self.dirty.insert(key);
        }
    }

    /// The keys to be looked at, which are then no longer.
    pub fn take_dirty(&mut self) -> BTreeSet<K> {
        std::mem::take(&mut self.dirty)
    }

    /// Whether there are keys to be looked at.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Looks at everything again.
    pub fn mark_all(&mut self) {
        self.dirty.extend(self.wanted.keys().cloned());
        self.dirty.extend(self.found.keys().cloned());
    }

    /// Looks at one key again.
    pub fn mark(&mut self, key: K) {
        self.dirty.insert(key);
    }

    /// What the row of `key` should be.
    pub fn wanted(&self, key: &K) -> Option<&W> {
        self.wanted.get(key)
    }

    /// Everything that should be.
    pub fn all_wanted(&self) -> impl Iterator<Item = (&K, &W)> {
        self.wanted.iter()
    }

    /// The rows that there are for `key`, by UUID.
    pub fn rows(&self, key: &K) -> impl Iterator<Item = (Uuid, &Arc<R>)> {
        self.found.get(key).into_iter().flatten().map(|(uuid, row)| (*uuid, row))
    }

    /// The row that counts of those there are for `key`.
    pub fn row(&self, key: &K) -> Option<(Uuid, &Arc<R>)> {
        self.rows(key).next()
    }

    /// The key of a row.
    pub fn key_of(&self, uuid: Uuid) -> Option<&K> {
        self.keys.get(&uuid)
    }

    /// Whether a row has this UUID, so that a new one cannot.
    pub fn is_taken(&self, uuid: Uuid) -> bool {
        self.keys.contains_key(&uuid)
    }
}
