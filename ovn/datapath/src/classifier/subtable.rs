//! The rules of one mask: one hash lookup finds those that a packet matches.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use packet::key::{FlowKey, STAGES, mix};

use super::mask::{Masked, SparseMask, WordHash};
use super::near::Near;
use crate::flow::Rule;

/// Rules that test the same bits for the same values: they differ in priority, greatest first.
pub(crate) type Chain = Vec<Arc<Rule>>;

/// All rules of one mask.
#[derive(Debug)]
pub(super) struct Subtable {
    mask: SparseMask,
    chains: HashMap<Box<[u64]>, Chain, WordHash>,
    /// For each inner stage of the mask: how many chains have a hash of the words up to its end.
    prefixes: Vec<(usize, HashMap<u64, u32, WordHash>)>,
    /// Addresses and ports that rules have.
    near: Vec<Near>,
    /// The first inner stage with words of the network or transport headers; those before need no address to be left.
    near_from: usize,
    priorities: BTreeMap<u16, u32>,
}

impl Subtable {
    pub(super) fn new(mask: SparseMask) -> Self {
        let prefixes = mask.inner_ends().map(|end| (end, HashMap::default())).collect();
        let is_inner = |word: &&(u8, u64)| usize::from(word.0) < STAGES[1];
        let outer = mask.words().iter().take_while(is_inner).count();
        let near_from = mask.inner_ends().take_while(|end| *end <= outer).count();
        let near = Near::of(mask.words());
        Self { mask, chains: HashMap::default(), prefixes, near, near_from, priorities: BTreeMap::new() }
    }

    pub(super) fn mask(&self) -> &SparseMask {
        &self.mask
    }

    /// The greatest priority of its rules; 0 if it has none.
    pub(super) fn priority_max(&self) -> u16 {
        self.priorities.last_key_value().map_or(0, |(priority, _)| *priority)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.priorities.is_empty()
    }

    /// The rules that `key` matches. What had to be looked at to know is added to `looked`: of a
    /// packet that already differs in an early stage the later ones are not.
    pub(super) fn find(&self, key: &FlowKey, looked: &mut FlowKey) -> Option<&Chain> {
        let mut masked = Masked::new();
        let mut hash = 0;
        for (stage, (end, hashes)) in self.prefixes.iter().enumerate() {
            if stage == self.near_from && self.is_far(key, looked) {
                return None;
            }
            let start = masked.as_slice().len();
            self.mask.extend(key, *end, &mut masked);
            hash = masked.last_from(start).iter().fold(hash, |hash, word| mix(hash, *word));
            if !hashes.contains_key(&hash) {
                self.mask.add_to(looked, *end);
                return None;
            }
        }
        if self.near_from == self.prefixes.len() && self.is_far(key, looked) {
            return None;
        }
        self.mask.extend(key, self.mask.len(), &mut masked);
        self.mask.add_to(looked, self.mask.len());
        self.chains.get(masked.as_slice())
    }

    /// Whether no rule has the address or the port of the key.
    fn is_far(&self, key: &FlowKey, looked: &mut FlowKey) -> bool {
        let far = self.near.iter().find_map(|near| Some((near.word, near.differs(key)?)));
        if let Some((word, bits)) = far {
            looked[usize::from(word)] |= bits;
        }
        far.is_some()
    }

    /// The rule with this priority among those for exactly this value.
    pub(super) fn get(&self, value: &FlowKey, priority: u16) -> Option<&Arc<Rule>> {
        let chain = self.chains.get(self.mask.masked(value).as_slice())?;
        chain.iter().find(|rule| rule.priority == priority)
    }

    /// Puts a rule in, in the place of one with the same value and priority, which is returned.
    pub(super) fn insert(&mut self, value: &FlowKey, rule: Arc<Rule>) -> Option<Arc<Rule>> {
        let masked = self.mask.masked(value);
        if !self.chains.contains_key(masked.as_slice()) {
            // Hardly any chain has more than one.
            self.chains.insert(masked.as_slice().into(), Chain::with_capacity(1));
            self.count_prefixes(masked.as_slice(), true);
        }
        let chain =
            self.chains.get_mut(masked.as_slice()).expect("it was put in just now if it was not there");
        match chain.binary_search_by(|other| rule.priority.cmp(&other.priority)) {
            Ok(at) => Some(std::mem::replace(&mut chain[at], rule)),
            Err(at) => {
                *self.priorities.entry(rule.priority).or_default() += 1;
                chain.insert(at, rule);
                None
            }
        }
    }

    pub(super) fn remove(&mut self, value: &FlowKey, priority: u16) -> Option<Arc<Rule>> {
        let masked = self.mask.masked(value);
        let chain = self.chains.get_mut(masked.as_slice())?;
        let at = chain.iter().position(|rule| rule.priority == priority)?;
        let rule = chain.remove(at);
        if chain.is_empty() {
            self.chains.remove(masked.as_slice());
            self.count_prefixes(masked.as_slice(), false);
        }
        if let Some(count) = self.priorities.get_mut(&priority) {
            *count -= 1;
            if *count == 0 {
                self.priorities.remove(&priority);
            }
        }
        Some(rule)
    }

    /// Counts a new chain's prefixes and values in, or a gone one's out.
    fn count_prefixes(&mut self, words: &[u64], new: bool) {
        for near in &mut self.near {
            let at = self.mask.words().iter().position(|(word, _)| *word == near.word);
            let value = words[at.expect("it is a word of the mask")];
            if new { near.add(value) } else { near.remove(value) }
        }
        let mut start = 0;
        let mut hash = 0;
        for (end, hashes) in &mut self.prefixes {
            hash = words[start..*end].iter().fold(hash, |hash, word| mix(hash, *word));
            start = *end;
            let count = hashes.entry(hash).or_default();
            if new {
                *count += 1;
            } else {
                *count -= 1;
                if *count == 0 {
                    hashes.remove(&hash);
                }
            }
        }
    }
}
