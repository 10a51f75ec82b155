//! The flow key: all that flow tables can match on, as 64-bit words.
//!
//! One packet's headers and pipeline metadata lie in fixed places of [`FlowKey`], so that masking,
//! comparing and hashing are loops over words and know nothing of protocols. [`slot`] names the
//! places. The words are ordered by how early they are known and how coarse they are: pipeline
//! metadata, then L2, L3, L4 ([`STAGES`]); a classifier that looks in this order can stop at the
//! first stage that decides and has then looked at less of the packet.
//!
//! A mask is a `FlowKey` too: the bits that count are one.

mod extract;
mod layout;
mod rewrite;
pub mod slot;

pub use extract::{TAGS_MAX, extract, extract_tags};
pub use layout::{L3, L4, Layout};
pub use rewrite::{WordSet, rewrite};
pub use slot::Slot;

use std::ops::{BitAnd, BitOrAssign, Index, IndexMut};

/// How many words a key has.
pub const WORDS: usize = 55;

/// Where each stage ends: pipeline metadata, L2, L3, L4, in words from the start.
pub const STAGES: [usize; 4] = [slot::L2_WORD, slot::L3_WORD, slot::L4_WORD, WORDS];

/// The headers and the metadata of one packet, or a mask of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey([u64; WORDS]);

impl FlowKey {
    /// All bits zero: as a mask, "nothing counts".
    pub const ZERO: Self = Self([0; WORDS]);

    /// The bits of a slot, right-aligned.
    pub fn get(&self, slot: Slot) -> u128 {
        let word = usize::from(slot.word);
        if slot.bits > 64 {
            let wide = u128::from(self.0[word]) << 64 | u128::from(self.0[word + 1]);
            wide & slot.full_mask()
        } else {
            u128::from(self.0[word] >> slot.shift) & slot.full_mask()
        }
    }

    /// The bits of a slot of at most 64 bits, right-aligned.
    pub fn get_u64(&self, slot: Slot) -> u64 {
        self.get(slot) as u64
    }

    /// Stores the low bits of `value` in a slot.
    pub fn set(&mut self, slot: Slot, value: u128) {
        self.set_masked(slot, value, u128::MAX);
    }

    /// Stores those bits of `value` that are one in `mask`, and leaves the others of the slot.
    pub fn set_masked(&mut self, slot: Slot, value: u128, mask: u128) {
        let mask = mask & slot.full_mask();
        let word = usize::from(slot.word);
        if slot.bits > 64 {
            self.set_word(word, (value >> 64) as u64, (mask >> 64) as u64);
            self.set_word(word + 1, value as u64, mask as u64);
        } else {
            self.set_word(word, (value as u64) << slot.shift, (mask as u64) << slot.shift);
        }
    }

    fn set_word(&mut self, word: usize, value: u64, mask: u64) {
        let word = &mut self.0[word];
        *word = *word & !mask | value & mask;
    }

    /// The words.
    pub fn words(&self) -> &[u64; WORDS] {
        &self.0
    }

    /// The words, to change.
    pub fn words_mut(&mut self) -> &mut [u64; WORDS] {
        &mut self.0
    }

    /// Whether no bit is one.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// A hash of all words. Different seeds give unrelated hashes, so that a sender who does not
    /// know the seed cannot aim at one bucket.
    pub fn hash(&self, seed: u64) -> u64 {
        self.0.iter().fold(seed, |hash, word| mix(hash, *word)) // every word counts, zero too
    }
}

/// One step of a hash over words: folds a 64 by 64 bit product, which spreads each input bit over
/// the whole result.
pub fn mix(hash: u64, word: u64) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let product = u128::from(hash.rotate_left(23) ^ word) * u128::from(MULTIPLIER);
    (product as u64) ^ (product >> 64) as u64
}

impl Default for FlowKey {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Index<usize> for FlowKey {
    type Output = u64;

    fn index(&self, word: usize) -> &u64 {
        &self.0[word]
    }
}

impl IndexMut<usize> for FlowKey {
    fn index_mut(&mut self, word: usize) -> &mut u64 {
        &mut self.0[word]
    }
}

impl BitAnd for &FlowKey {
    type Output = FlowKey;

    fn bitand(self, mask: Self) -> FlowKey {
        FlowKey(std::array::from_fn(|i| self.0[i] & mask.0[i]))
    }
}

impl BitOrAssign<&Self> for FlowKey {
    fn bitor_assign(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
    }
}

/// The words that are not zero, by number.
impl std::fmt::Debug for FlowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set = self.0.iter().enumerate().filter(|(_, word)| **word != 0);
        f.debug_map().entries(set.map(|(i, word)| (i, format!("{word:#018x}")))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_bit_of_the_key_belongs_to_at_most_one_primary_slot() {
        let mut taken = FlowKey::ZERO;
        for slot in slot::primary() {
            assert_eq!(taken.get(slot), 0, "{slot:?} overlaps another");
            taken.set(slot, u128::MAX);
        }
    }

    #[test]
    fn a_change_of_any_word_or_of_the_seed_changes_the_hash() {
        let base = FlowKey::ZERO.hash(1);
        assert_ne!(base, FlowKey::ZERO.hash(2));
        for word in 0..WORDS {
            let mut key = FlowKey::ZERO;
            key[word] = 1;
            assert_ne!(key.hash(1), base, "word {word}");
        }
    }

    proptest! {
        #[test]
        fn set_bits_are_got_and_no_others_change(value: u128, mask: u128, before: u64, i in 0usize..200) {
            let slots = slot::primary();
            let slot = slots[i % slots.len()];
            let mut key = FlowKey([before; WORDS]);
            let old = key.clone();
            key.set_masked(slot, value, mask);
            let mask = mask & slot.full_mask();
            prop_assert_eq!(key.get(slot), old.get(slot) & !mask | value & mask);
            key.set(slot, old.get(slot));
            prop_assert_eq!(key, old);
        }
    }
}
