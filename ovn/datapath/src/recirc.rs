//! Packets that go through the tables again with what a `ct` action found out.
//!
//! What a packet brings along, its bridge, registers and so on, is the same for all packets of the
//! megaflow that sent them, so it is kept once and has a number. The packet is looked up in the
//! caches again, by that number, its headers as they are now, and its `ct_*` fields.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use openflow::Action;
use packet::key::{FlowKey, STAGES, slot};

use crate::bridge::BridgeId;
use crate::limits::RECIRCS_MAX;

/// Words of the key that are the pipeline's.
const PIPELINE: usize = STAGES[0];
/// First word of the tunnel's part.
const TUNNEL: usize = slot::TUN_ID.word as usize;
/// First word of the connection's part.
const CT: usize = slot::CT_STATE.word as usize;
/// The word of a lookup key that holds the number: that of the metadata, which the number implies.
const NUMBER: usize = slot::METADATA.word as usize;

/// Where a packet goes on, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Frozen {
    pub bridge: BridgeId,
    pub table: u8,
    /// The pipeline's words; zero where they are the packet's own.
    words: [u64; PIPELINE],
    /// Which bits of them count: all but those of the tunnel that no flow has written.
    written: [u64; PIPELINE],
    pub stack: Vec<(u128, u8)>,
    /// The action set.
    pub set: Vec<Action>,
    /// The mirrors that have their copy.
    pub mirrored: Vec<(BridgeId, u32)>,
}

impl Frozen {
    pub(crate) fn new(
        bridge: BridgeId,
        table: u8,
        key: &FlowKey,
        written: &FlowKey,
        stack: Vec<(u128, u8)>,
        set: Vec<Action>,
        mirrored: Vec<(BridgeId, u32)>,
    ) -> Self {
        let written = std::array::from_fn(|word| match word {
            // Of packets of controllers registers may be anything, so they count, written or not.
            0..CT => u64::MAX,
            // What the tracker finds comes with the packet.
            CT..TUNNEL => 0,
            _ => written[word],
        });
        let words = std::array::from_fn(|word| key[word] & written[word]);
        Self { bridge, table, words, written, stack, set, mirrored }
    }

    /// The key of a packet that goes on, and which of its bits are no longer as it brought them.
    pub(crate) fn thaw(&self, lookup: &FlowKey) -> (FlowKey, FlowKey) {
        let mut key = lookup.clone();
        let mut written = FlowKey::ZERO;
        for word in 0..PIPELINE {
            key[word] = lookup[word] & !self.written[word] | self.words[word];
            written[word] = self.written[word];
        }
        (key, written)
    }
}

/// A state with its number.
#[derive(Debug)]
pub(crate) struct Recirc {
    number: u64,
    pub frozen: Arc<Frozen>,
}

impl Recirc {
    /// The number in text.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Makes the pipeline's part of a lookup key that of packets that come this way. The port and
    /// the tunnel stay.
    pub(crate) fn mark(&self, key: &mut FlowKey) {
        key.set(slot::PKT_MARK, 0);
        key.words_mut()[NUMBER..TUNNEL].fill(0);
        key[NUMBER] = self.number;
    }
}

/// The number that a lookup key was marked with; 0 of packets that just came in.
pub(crate) fn number_of(key: &FlowKey) -> u64 {
    key[NUMBER]
}

/// Leaves in a mask what can differ between packets that are looked up: registers cannot, but the
/// number and the connection can. The port always counts, as the bridge depends on it.
pub(crate) fn restrict(looked: &mut FlowKey, lookup: &FlowKey) {
    let recirculated = number_of(lookup) != 0;
    looked.words_mut()[..if recirculated { CT } else { TUNNEL }].fill(0);
    looked.set(slot::IN_PORT, u128::MAX);
    looked[NUMBER] = u64::MAX;
}

/// All states that packets may come with. Numbers are never used again, so that what is still known
/// of an old one is never taken for another.
#[derive(Debug, Default)]
pub(crate) struct Recircs(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// With whether anyone had it when it was last looked.
    known: HashMap<Arc<Frozen>, (Arc<Recirc>, bool)>,
    last: u64,
}

impl Recircs {
    /// The number of a state. `None` if there are too many.
    pub(crate) fn number(&self, frozen: Frozen) -> Option<Arc<Recirc>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, _)) = inner.known.get(&frozen) {
            return Some(Arc::clone(known));
        }
        if inner.known.len() >= RECIRCS_MAX {
            inner.known.retain(|_, (recirc, _)| Arc::strong_count(recirc) > 1);
        }
        if inner.known.len() >= RECIRCS_MAX {
            return None;
        }
        inner.last += 1;
        let frozen = Arc::new(frozen);
        let recirc = Arc::new(Recirc { number: inner.last, frozen: Arc::clone(&frozen) });
        inner.known.insert(frozen, (Arc::clone(&recirc), true));
        Some(recirc)
    }

    /// Forgets the states that no megaflow had now and the time before.
    pub(crate) fn sweep(&mut self) {
        let inner = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.known.retain(|_, (recirc, had)| {
            let has = Arc::strong_count(recirc) > 1;
            std::mem::replace(had, has) || has
        });
    }
}
