//! The rows of a table while a log is read: only found by their names, and in order when all is read.

use crate::Row;
use crate::value::Uuid;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

/// The rows of one table, in no order.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<(Uuid, Arc<Row>)>,
    places: HashMap<u128, usize, Seeded>,
}

impl Rows {
    /// No rows. Nobody who does not know `seed` can choose UUIDs that take long to find.
    pub(super) fn new(seed: u64) -> Self {
        Self { rows: Vec::new(), places: HashMap::with_hasher(Seeded(seed)) }
    }

    /// Whether there is this row.
    pub(super) fn contains(&self, uuid: Uuid) -> bool {
        self.places.contains_key(&uuid.as_u128())
    }

    /// The row, to be changed.
    pub(super) fn get_mut(&mut self, uuid: Uuid) -> Option<&mut Arc<Row>> {
        let place = *self.places.get(&uuid.as_u128())?;
        self.rows.get_mut(place).map(|(_, row)| row)
    }

    /// Adds a row, in the place of the one of its name if there is one.
    pub(super) fn put(&mut self, uuid: Uuid, row: Arc<Row>) {
        let place = *self.places.entry(uuid.as_u128()).or_insert(self.rows.len());
        match self.rows.get_mut(place) {
            Some((_, there)) => *there = row,
            None => self.rows.push((uuid, row)),
        }
    }

    /// Takes a row away, if it is there.
    pub(super) fn remove(&mut self, uuid: Uuid) -> Option<Arc<Row>> {
        let place = self.places.remove(&uuid.as_u128())?;
        let (_, row) = self.rows.swap_remove(place);
        if let Some((moved, _)) = self.rows.get(place) {
            self.places.insert(moved.as_u128(), place);
        }
        Some(row)
    }

    /// All rows.
    pub(super) fn into_rows(self) -> Vec<(Uuid, Arc<Row>)> {
        self.rows
    }
}

/// Makes hashes of UUIDs, which mostly are random as they come.
#[derive(Clone, Debug, Default)]
struct Seeded(u64);

impl BuildHasher for Seeded {
    type Hasher = UuidHasher;

    fn build_hasher(&self) -> UuidHasher {
        UuidHasher(self.0)
    }
}

struct UuidHasher(u64);

impl Hasher for UuidHasher {
    fn write(&mut self, octets: &[u8]) {
        octets.iter().for_each(|octet| self.write_u128(u128::from(*octet)));
    }

    fn write_u128(&mut self, n: u128) {
        let (high, low) = ((n >> 64) as u64, n as u64);
        // The multiplier is 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming, section 6.4).
        let mixed =
            u128::from(low ^ self.0) * u128::from(high ^ self.0.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15);
        self.0 = (mixed >> 64) as u64 ^ mixed as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Datum;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn rows_are_kept_as_a_map_keeps_them(steps in prop::collection::vec((0..8u128, any::<bool>()), 0..60)) {
            let (mut rows, mut model) = (Rows::new(7), BTreeMap::new());
            for (n, (uuid, is_put)) in steps.into_iter().enumerate() {
                let uuid = Uuid::from_u128(uuid);
                let row: Arc<Row> = [Datum::scalar(i64::try_from(n).unwrap())].into();
                if is_put {
                    rows.put(uuid, row.clone());
                    model.insert(uuid, row);
                } else {
                    prop_assert_eq!(rows.remove(uuid), model.remove(&uuid));
                }
                for uuid in (0..8).map(Uuid::from_u128) {
                    prop_assert_eq!(rows.contains(uuid), model.contains_key(&uuid));
                    prop_assert_eq!(rows.get_mut(uuid).cloned(), model.get(&uuid).cloned());
                }
            }
            let all: BTreeMap<Uuid, Arc<Row>> = rows.into_rows().into_iter().collect();
            prop_assert_eq!(all, model);
        }
    }
}
