//! From hashes to places of connections: open addressing over one array of eight octets an entry.
//!
//! It knows no keys: whoever asks compares. Lookups walk from the hash's place to the next empty one;
//! removal moves later entries up, so that nothing is left behind.

/// Hash and place; the place is one more than it is, so that zero is "empty".
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    hash: u32,
    place: u32,
}

/// The index. At most three quarters of its array are in use; then it doubles.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
    len: usize,
}

impl Index {
    /// The first place under this hash for which `is` says yes.
    pub(super) fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let hash = hash as u32;
        let mut at = self.home(hash)?;
        loop {
            let entry = self.entries[at];
            if entry.place == 0 {
                return None;
            }
            if entry.hash == hash && is(entry.place - 1) {
                return Some(entry.place - 1);
            }
            at = self.after(at);
        }
    }

    pub(super) fn insert(&mut self, hash: u64, place: u32) {
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.grow();
        }
        self.put(Entry { hash: hash as u32, place: place + 1 });
        self.len += 1;
    }

    /// Removes one entry of this hash and place, if there is one.
    pub(super) fn remove(&mut self, hash: u64, place: u32) {
        let hash = hash as u32;
        let Some(mut at) = self.home(hash) else { return };
        while self.entries[at].place != place + 1 || self.entries[at].hash != hash {
            if self.entries[at].place == 0 {
                return;
            }
            at = self.after(at);
        }
        self.len -= 1;
        let mut hole = at;
        loop {
            at = self.after(at);
            let entry = self.entries[at];
            if entry.place == 0 {
                break;
            }
            // An entry may move up to the hole unless its home lies behind the hole.
            let home = entry.hash as usize & (self.entries.len() - 1);
            let mask = self.entries.len() - 1;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = Entry::default();
    }

    /// Octets that it takes.
    #[cfg(test)]
    pub(super) fn octets(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    fn home(&self, hash: u32) -> Option<usize> {
        (!self.entries.is_empty()).then(|| hash as usize & (self.entries.len() - 1))
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.entries.len() - 1)
    }

    fn put(&mut self, entry: Entry) {
        let mut at = entry.hash as usize & (self.entries.len() - 1);
        while self.entries[at].place != 0 {
            at = self.after(at);
        }
        self.entries[at] = entry;
    }

    fn grow(&mut self) {
        let room = (self.entries.len() * 2).max(64);
        let old = std::mem::replace(&mut self.entries, vec![Entry::default(); room]);
        for entry in old.into_iter().filter(|entry| entry.place != 0) {
            self.put(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn an_index_holds_what_a_set_holds(steps in proptest::collection::vec((any::<bool>(), 0u64..8, 0u32..40), 0..400)) {
            let mut index = Index::default();
            let mut model = BTreeSet::new();
            for (add, hash, place) in steps {
                // Few hashes and the last homes of the array: collisions and wrapping.
                let hash = hash.wrapping_sub(4);
                if add && model.insert((hash, place)) {
                    index.insert(hash, place);
                } else if !add {
                    model.remove(&(hash, place));
                    index.remove(hash, place);
                }
                for hash in (0..8u64).map(|hash| hash.wrapping_sub(4)) {
                    for place in 0..40 {
                        let there = index.find(hash, |other| other == place).is_some();
                        prop_assert_eq!(there, model.contains(&(hash, place)));
                    }
                }
            }
        }
    }
}
