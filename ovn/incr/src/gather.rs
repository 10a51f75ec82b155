//! Outputs of many units brought together under one key.

use std::collections::{BTreeMap, BTreeSet};

/// Sets of values by key, and the keys that changed since somebody asked.
///
/// Several units may give values to one key: equal logical flows of many datapaths meet under the flow's text, and
/// OpenFlow flows of several sources meet under table, priority and match. Values are counted, so a value that one
/// unit stops giving while another begins to is no change, provided that a step's additions are applied before its
/// removals (as [`Gather::apply`] does).
#[derive(Debug)]
pub struct Gather<K, V> {
    entries: BTreeMap<K, BTreeMap<V, u32>>,
    changed: BTreeSet<K>,
}

impl<K, V> Default for Gather<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), changed: BTreeSet::new() }
    }
}

impl<K: Ord + Clone, V: Ord> Gather<K, V> {
    /// Adds a value once.
    pub fn add(&mut self, key: K, value: V) {
        let count = self.entries.entry(key.clone()).or_default().entry(value).or_insert(0);
        *count += 1;
        if *count == 1 {
            self.changed.insert(key);
        }
    }

    /// Takes back one adding of a value. Nothing happens if there was none.
    pub fn remove(&mut self, key: &K, value: &V) {
        let Some(values) = self.entries.get_mut(key) else { return };
        let Some(count) = values.get_mut(value) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        values.remove(value);
        if values.is_empty() {
            self.entries.remove(key);
        }
        self.changed.insert(key.clone());
    }

    /// Applies additions, then removals.
    pub fn apply(
        &mut self,
        added: impl IntoIterator<Item = (K, V)>,
        removed: impl IntoIterator<Item = (K, V)>,
    ) {
        for (key, value) in added {
            self.add(key, value);
        }
        for (key, value) in removed {
            self.remove(&key, &value);
        }
    }

    /// The values of `key` in order.
    pub fn get<'a>(&'a self, key: &K) -> impl Iterator<Item = &'a V> + use<'a, K, V> {
        self.entries.get(key).into_iter().flat_map(BTreeMap::keys)
    }

    /// All keys and their values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, impl ExactSizeIterator<Item = &V>)> {
        self.entries.iter().map(|(key, values)| (key, values.keys()))
    }

    /// The keys that got or lost values since the last call, in order. A key whose values came and went again in
    /// between is among them, so the caller compares with what it has.
    pub fn take_changed(&mut self) -> BTreeSet<K> {
        std::mem::take(&mut self.changed)
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_moves_between_owners_without_a_change() {
        let mut gather = Gather::default();
        gather.apply([("flow", 1)], []);
        assert_eq!(gather.take_changed(), BTreeSet::from(["flow"]));
        gather.apply([("flow", 1)], [("flow", 1)]);
        assert!(gather.take_changed().is_empty());
        gather.apply([("flow", 2)], []);
        assert_eq!(gather.get(&"flow").collect::<Vec<_>>(), [&1, &2]);
        gather.apply([], [("flow", 1), ("flow", 2), ("flow", 3)]);
        assert_eq!(gather.take_changed(), BTreeSet::from(["flow"]));
        assert!(gather.is_empty());
    }
}
