//! Masks that touch few words, and hashing of words.

use std::hash::{BuildHasher, Hasher};

use packet::key::{FlowKey, STAGES, WORDS, mix};

/// The words of a mask that are not zero, in order, and where the stages end among them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SparseMask {
    words: Box<[(u8, u64)]>,
    ends: [u8; STAGES.len()],
}

/// The words of a key under a mask, in the order of the mask.
pub(crate) struct Masked {
    words: [u64; WORDS],
    len: usize,
}

impl Masked {
    pub(crate) const fn new() -> Self {
        Self { words: [0; WORDS], len: 0 }
    }

    pub(crate) fn as_slice(&self) -> &[u64] {
        &self.words[..self.len]
    }

    pub(crate) fn last_from(&self, start: usize) -> &[u64] {
        &self.words[start..self.len]
    }
}

impl SparseMask {
    pub(crate) fn new(mask: &FlowKey) -> Self {
        let mut words = Vec::with_capacity(mask.words().iter().filter(|word| **word != 0).count());
        let mut start = 0;
        let ends = STAGES.map(|end| {
            let stage = (start..end).map(|i| (i as u8, mask[i])).filter(|(_, word)| *word != 0);
            words.extend(stage);
            start = end;
            words.len() as u8
        });
        Self { words: words.into(), ends }
    }

    /// The words, by number.
    pub(crate) fn words(&self) -> &[(u8, u64)] {
        &self.words
    }

    /// How many words it has.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    /// Ends of the stages that have words of their own and are not the last with any.
    pub(crate) fn inner_ends(&self) -> impl Iterator<Item = usize> + '_ {
        let len = self.len();
        let mut last = 0;
        self.ends.iter().map(|end| usize::from(*end)).filter(move |&end| {
            let inner = end > last && end < len;
            last = end;
            inner
        })
    }

    /// Appends the masked words of `key` from the one numbered `out.len` to `end`.
    pub(crate) fn extend(&self, key: &FlowKey, end: usize, out: &mut Masked) {
        for (word, mask) in &self.words[out.len..end] {
            out.words[out.len] = key[usize::from(*word)] & mask;
            out.len += 1;
        }
    }

    /// All masked words of `key`.
    pub(crate) fn masked(&self, key: &FlowKey) -> Masked {
        let mut out = Masked::new();
        self.extend(key, self.len(), &mut out);
        out
    }

    /// Puts masked words back into their places.
    pub(crate) fn restore(&self, masked: &[u64], key: &mut FlowKey) {
        for ((word, _), value) in self.words.iter().zip(masked) {
            key[usize::from(*word)] = *value;
        }
    }

    /// Adds the first `end` words to `mask`.
    pub(crate) fn add_to(&self, mask: &mut FlowKey, end: usize) {
        for (word, bits) in &self.words[..end] {
            mask[usize::from(*word)] |= bits;
        }
    }
}

/// Hashes slices of words. A seed that packets' senders do not know keeps them from aiming at one bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WordHash(pub u64);

impl BuildHasher for WordHash {
    type Hasher = WordHasher;

    fn build_hasher(&self) -> WordHasher {
        WordHasher(self.0)
    }
}

pub(crate) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks::<8>();
        for word in words {
            self.0 = mix(self.0, u64::from_ne_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.0 = mix(self.0, u64::from_ne_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0, word);
    }

    fn write_usize(&mut self, word: usize) {
        self.0 = mix(self.0, word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
