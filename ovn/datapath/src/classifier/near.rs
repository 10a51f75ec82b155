//! Which bits of an address or a port tell that no rule of a subtable has it: fewer than all, so that one megaflow serves
//! many packets. What a trie of prefixes finds, a sorted list does too: the longest prefix that a value shares with any
//! other it shares with a neighbour.

use std::collections::BTreeMap;
use std::ops::Bound;

use packet::key::{FlowKey, slot};

/// Words of addresses and ports.
const WORDS: [u8; 5] =
    [slot::NW_SRC.word, slot::NW_SRC.word + 1, slot::NW_DST.word, slot::NW_DST.word + 1, slot::TP_SRC.word];
/// Bits are looked at by so many, as each other number of them makes megaflows of another mask.
const STEP: u32 = 8;

/// The values that rules of one subtable have in one word.
#[derive(Debug)]
pub(super) struct Near {
    pub word: u8,
    /// Bits without a gap.
    mask: u64,
    /// How many chains have a value.
    values: BTreeMap<u64, u32>,
}

impl Near {
    /// Those of the words of a mask that are worth it.
    pub(super) fn of(mask: &[(u8, u64)]) -> Vec<Self> {
        let has_no_gap = |mask: u64| {
            let low = mask >> mask.trailing_zeros();
            low & low.wrapping_add(1) == 0
        };
        let worth =
            |(word, mask): &&(u8, u64)| WORDS.contains(word) && mask.count_ones() > STEP && has_no_gap(*mask);
        mask.iter()
            .filter(worth)
            .map(|(word, mask)| Self { word: *word, mask: *mask, values: BTreeMap::new() })
            .collect()
    }

    /// A chain with this value came.
    pub(super) fn add(&mut self, value: u64) {
        *self.values.entry(value & self.mask).or_default() += 1;
    }

    /// A chain with this value went.
    pub(super) fn remove(&mut self, value: u64) {
        if let Some(count) = self.values.get_mut(&(value & self.mask)) {
            *count -= 1;
            if *count == 0 {
                self.values.remove(&(value & self.mask));
            }
        }
    }

    /// If no rule has the value that a key has: bits by which it differs from all that have one.
    pub(super) fn differs(&self, key: &FlowKey) -> Option<u64> {
        let value = key[usize::from(self.word)] & self.mask;
        let above = self.values.range(value..).next();
        if above.is_some_and(|(above, _)| *above == value) {
            return None;
        }
        let below = self.values.range((Bound::Unbounded, Bound::Excluded(value))).next_back();
        let first = self.mask.leading_zeros();
        // The first bit in which it differs from the neighbour that it shares most with, and those before it.
        let shared =
            [above, below].into_iter().flatten().map(|(other, _)| (other ^ value).leading_zeros()).max();
        let bits = shared.map_or(1, |shared| shared + 1 - first).next_multiple_of(STEP);
        let end = first + bits;
        Some(if end >= u64::BITS { self.mask } else { self.mask & !(u64::MAX >> end) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_agrees_in_these_bits_is_no_value_either(
            values in proptest::collection::vec(any::<u32>(), 0..20),
            close in any::<bool>(),
            value: u32,
            other: u32,
            bits in 9u32..=32,
        ) {
            let mask = u64::from(u32::MAX << (32 - bits));
            let mut near = Near::of(&[(slot::NW_SRC.word + 1, mask)]).pop().unwrap();
            let value = values.first().filter(|_| close).map_or(value, |first| first ^ (1 << (value % 32)));
            for value in &values {
                near.add(u64::from(*value));
            }
            let key = |value: u64| {
                let mut key = FlowKey::ZERO;
                key[usize::from(near.word)] = value;
                key
            };
            let has = |value: u64| values.iter().any(|one| u64::from(*one) & mask == value & mask);
            match near.differs(&key(value.into())) {
                None => prop_assert!(has(value.into())),
                Some(looked) => {
                    prop_assert_eq!(looked & !mask, 0);
                    prop_assert!(!has(u64::from(value) & looked | u64::from(other) & !looked));
                }
            }
            for value in &values {
                near.remove(u64::from(*value));
            }
            prop_assert!(near.values.is_empty());
        }
    }
}
