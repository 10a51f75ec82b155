//! Address sets: their members as constants, each parsed once.
//!
//! Logical flows read a small set as a whole. A large one is cut into chunks of a few members, which are units of their
//! own, so that the change of a member costs no more than a chunk, however large the set is: see
//! [`lflow::expr::OpenSets`].

use incr::Touched;
use lflow::lexer::Integer;
use ovsdb::Str;
use schema::sb;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::Complaint;
use crate::network::{ChunkId, Network, SetChunk};

/// How many members make a set a large one. Below, a flow for each combination of members is often shorter than a
/// conjunctive match, and computing a flow anew is cheap.
pub(crate) const LARGE: usize = 16;

/// How many members are in a chunk at most: so many flows are computed anew for one member, and so many share what it
/// costs to know of a computation.
const CHUNK: usize = 16;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct AddressSets {
    sets: BTreeMap<Str, Members>,
    /// The first number that was never given.
    next: u32,
    /// Numbers that were given back.
    free: Vec<ChunkId>,
}

#[derive(Debug, Default)]
struct Members {
    constants: BTreeMap<Str, Integer>,
    /// Each member in one chunk; none for a small set.
    chunks: BTreeMap<ChunkId, BTreeSet<Str>>,
}

impl AddressSets {
    /// A set is gone. Gives the chunks that are no longer units.
    pub(crate) fn remove(&mut self, net: &mut Network, touched: &mut Touched, name: &Str) -> Vec<ChunkId> {
        let gone: Vec<ChunkId> = self.sets.remove(name).unwrap_or_default().chunks.into_keys().collect();
        for &chunk in &gone {
            net.set_chunks.set(touched, chunk, None);
        }
        self.free.extend(&gone);
        net.large_sets.set(touched, name.clone(), None);
        net.address_sets.set(touched, name.clone(), None);
        gone
    }

    /// A set is there, or has other members. Gives the chunks that become units or no longer are.
    pub(crate) fn replace(
        &mut self,
        net: &mut Network,
        touched: &mut Touched,
        row: &sb::AddressSet,
        complaints: &mut Vec<Complaint>,
    ) -> Vec<(ChunkId, bool)> {
        let mut members = self.sets.remove(&row.name).unwrap_or_default();
        members.constants.retain(|text, _| row.addresses.contains(text));
        for text in &row.addresses {
            if members.constants.contains_key(text) {
                continue;
            }
            match text.parse() {
                Ok(constant) => drop(members.constants.insert(text.clone(), constant)),
                Err(_) => {
                    complaints.push(Complaint(format!("address set {}: {text:?} is no address", row.name)));
                }
            }
        }
        let is_large = members.constants.len() >= LARGE;
        let mut changes = Vec::new();
        for (chunk, exists) in self.settle(&mut members, is_large) {
            let texts = members.chunks.get(&chunk);
            let constants = |texts: &BTreeSet<Str>| {
                texts.iter().filter_map(|text| members.constants.get(text).copied()).collect()
            };
            let found = texts.map(|texts| SetChunk { set: row.name.clone(), members: constants(texts) });
            changes.extend((found.is_some() != exists).then_some((chunk, found.is_some())));
            net.set_chunks.set(touched, chunk, found.map(Arc::new));
        }
        let constants = Arc::new(members.constants.values().copied().collect());
        net.address_sets.set(touched, row.name.clone(), Some(constants));
        net.large_sets.set(touched, row.name.clone(), is_large.then_some(()));
        self.sets.insert(row.name.clone(), members);
        changes
    }

    /// Puts new members of a large set into chunks and takes those that are gone out of theirs. Gives the chunks that
    /// changed, and whether they were there before.
    fn settle(&mut self, members: &mut Members, is_large: bool) -> BTreeMap<ChunkId, bool> {
        let Members { constants, chunks } = members;
        let mut changed = BTreeMap::new();
        let mut placed = BTreeSet::new();
        for (&chunk, texts) in &mut *chunks {
            let before = texts.len();
            texts.retain(|text| is_large && constants.contains_key(text));
            if texts.len() < before {
                changed.insert(chunk, true);
            }
            placed.extend(texts.iter().cloned());
        }
        let mut with_room: Vec<ChunkId> =
            chunks.iter().filter(|(_, texts)| texts.len() < CHUNK).map(|(chunk, _)| *chunk).collect();
        for text in constants.keys().filter(|text| is_large && !placed.contains(*text)) {
            let chunk = with_room.last().copied().unwrap_or_else(|| {
                let chunk = self.free.pop().unwrap_or_else(|| {
                    self.next += 1;
                    ChunkId(self.next)
                });
                changed.insert(chunk, false);
                with_room.push(chunk);
                chunk
            });
            let texts = chunks.entry(chunk).or_default();
            texts.insert(text.clone());
            changed.entry(chunk).or_insert(true);
            if texts.len() >= CHUNK {
                with_room.pop();
            }
        }
        chunks.retain(|chunk, texts| {
            if texts.is_empty() {
                self.free.push(*chunk);
            }
            !texts.is_empty()
        });
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Each member of a large set is in one chunk, whatever came and went, and chunks stay few while a set grows.
        #[test]
        fn chunks_hold_each_member_once(steps in proptest::collection::vec(
            (proptest::collection::btree_set(0..80_u8, 0..60), 0..2_u8), 1..8))
        {
            let (mut sets, mut net) = (AddressSets::default(), Network::default());
            let (mut touched, mut complaints) = (Touched::default(), Vec::new());
            let mut units = BTreeSet::new();
            for (members, name) in steps {
                let texts: Vec<String> = members.iter().map(|n| format!("10.0.0.{n}")).collect();
                let name = Str::from(if name == 0 { "a" } else { "b" });
                let addresses = texts.iter().map(|text| Str::from(&**text)).collect();
                let row = sb::AddressSet { name: name.clone(), addresses, ..Default::default() };
                for (chunk, exists) in sets.replace(&mut net, &mut touched, &row, &mut complaints) {
                    let is_news = if exists { units.insert(chunk) } else { units.remove(&chunk) };
                    prop_assert!(is_news, "{chunk:?}");
                }
                let known: BTreeSet<ChunkId> = net.set_chunks.peek_all().map(|(chunk, _)| *chunk).collect();
                prop_assert_eq!(&known, &units);
                let chunks = net.set_chunks.peek_all().filter(|(_, chunk)| chunk.set == name);
                let mut found: Vec<Integer> = Vec::new();
                for (_, chunk) in chunks {
                    prop_assert!((1..=CHUNK).contains(&chunk.members.len()));
                    found.extend(&chunk.members);
                }
                let is_large = members.len() >= LARGE;
                let mut wanted: Vec<Integer> =
                    texts.iter().filter(|_| is_large).map(|text| text.parse().unwrap()).collect();
                wanted.sort_unstable();
                found.sort_unstable();
                prop_assert_eq!(found, wanted);
            }
            prop_assert!(complaints.is_empty());
        }
    }
}
