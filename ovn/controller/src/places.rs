//! Where the entry of each flow's key is.
//!
//! A key takes hundreds of octets, so that it is hashed once, and the hash is what is kept; keys with one hash form a
//! chain through the entries themselves.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use crate::flow::FlowKey;

/// Where an entry is: four octets where a key takes hundreds.
pub(crate) type Place = u32;

/// The first place of each hash.
#[derive(Debug)]
pub(crate) struct Places {
    first: HashMap<u64, Place, BuildHasherDefault<Same>>,
    /// Another one in each table, so that nobody can choose keys with one hash.
    seed: u64,
    /// The bits of hashes that count: all but in tests of what happens when hashes are the same.
    bits: u64,
}

impl Default for Places {
    fn default() -> Self {
        Self { first: HashMap::default(), seed: RandomState::new().hash_one(()), bits: u64::MAX }
    }
}

impl Places {
    /// Under which hash a key is.
    pub(crate) fn hash(&self, key: &FlowKey) -> u64 {
        let mut hasher = Mix(self.seed);
        key.hash(&mut hasher);
        hasher.finish() & self.bits
    }

    /// The first place of a hash; each entry knows the next.
    pub(crate) fn first(&self, hash: u64) -> Option<Place> {
        self.first.get(&hash).copied()
    }

    /// Makes a place the first of its hash, or says that there is none any more; gives back the one that was.
    pub(crate) fn set_first(&mut self, hash: u64, place: Option<Place>) -> Option<Place> {
        match place {
            Some(place) => self.first.insert(hash, place),
            None => self.first.remove(&hash),
        }
    }

    /// About how many octets this takes.
    pub(crate) fn memory(&self) -> usize {
        self.first.capacity() * (size_of::<(u64, Place)>() + 1)
    }

    /// Few hashes, for tests.
    #[cfg(test)]
    pub(crate) fn with_few_hashes() -> Self {
        Self { bits: 3, ..Self::default() }
    }

    /// Whether there is no key.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

/// Multiplies and folds, a word at a time.
struct Mix(u64);

impl Mix {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0.rotate_left(26) ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for Mix {
    fn write(&mut self, octets: &[u8]) {
        for chunk in octets.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.mix(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.mix(n.into());
    }

    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }

    fn write_u128(&mut self, n: u128) {
        self.mix(n as u64);
        self.mix((n >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
}

/// A hash is as good a hash as any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, octets: &[u8]) {
        debug_assert!(octets.is_empty(), "a hash is one number");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
