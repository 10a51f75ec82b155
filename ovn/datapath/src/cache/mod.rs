//! Translations kept: what was decided for one packet serves all that agree with it in the bits that
//! were looked at.
//!
//! Two caches in front of the flow tables: [`exact`] knows packets, and megaflows know sets of
//! packets by mask. A megaflow remembers which tables it passed through; when any of them changed
//! since, the next packet that hits it finds it stale and is translated again.

mod exact;
#[cfg(test)]
mod tests;
mod way;

use std::collections::HashMap;
use std::time::Instant;

use packet::key::FlowKey;

use crate::classifier::{SparseMask, WordHash};
use crate::counters::{Counters, Event};
use crate::limits::{MEGAFLOW_IDLE, MEGAFLOW_MASKS_MAX, MEGAFLOWS_MAX};
use crate::program::Op;
use crate::xlate::{Credit, Depends, Effect, Translation};
use exact::ExactCache;
pub(crate) use exact::WayId;
pub(crate) use way::Turn;

/// A megaflow by place and making, so that one made later in the same place is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MegaflowId {
    place: u32,
    serial: u64,
}

/// A translation and the packets that it is for.
#[derive(Debug)]
pub(crate) struct Megaflow {
    serial: u64,
    mask: u32,
    key: Box<[u64]>,
    pub ops: Box<[Op]>,
    /// What the program makes of a packet follows from its key.
    pub steady: bool,
    pub credits: Box<[Credit]>,
    pub effects: Box<[Effect]>,
    pub depends: Box<[Depends]>,
    pub events: Box<[Event]>,
    /// The switch's version up to which the translation is known to hold.
    pub valid: u64,
    pub used: Instant,
    /// Number of its last packet among all of the switch.
    pub turn: u64,
    /// What was counted since credits were last given.
    pub new_packets: u64,
    pub new_octets: u64,
    /// What was counted in all.
    pub packets: u64,
    pub octets: u64,
}

/// Megaflows of one mask.
#[derive(Debug)]
struct Masked {
    mask: SparseMask,
    flows: HashMap<Box<[u64]>, u32, WordHash>,
    hits: u64,
}

/// Both caches.
#[derive(Debug)]
pub(crate) struct Cache {
    exact: ExactCache,
    slab: Vec<Option<Megaflow>>,
    free: Vec<u32>,
    masks: Vec<Option<Masked>>,
    by_mask: HashMap<SparseMask, u32, WordHash>,
    /// Masks by hits, most first.
    order: Vec<u32>,
    serial: u64,
    seed: u64,
    /// How many megaflows there may be.
    pub(crate) megaflows_max: usize,
    /// Megaflows that went before their counts were given on; see [`Cache::take_retired`].
    retired: Vec<Megaflow>,
}

impl Cache {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            exact: ExactCache::new(seed),
            slab: Vec::new(),
            free: Vec::new(),
            masks: Vec::new(),
            by_mask: HashMap::with_hasher(WordHash(seed)),
            order: Vec::new(),
            serial: 0,
            seed,
            megaflows_max: MEGAFLOWS_MAX,
            retired: Vec::new(),
        }
    }

    /// The megaflow that a packet belongs to, if there is one, and the packet's way, if it is known exactly.
    pub(crate) fn lookup(
        &mut self,
        key: &FlowKey,
        counters: &mut Counters,
    ) -> Option<(MegaflowId, Option<WayId>)> {
        let hash = self.exact.hash(key);
        if let Some((id, way)) = self.exact.get(hash, key).filter(|(id, _)| self.get(*id).is_some()) {
            counters.count(Event::ExactHit);
            return Some((id, Some(way)));
        }
        for mask in &self.order {
            let Some(Some(masked)) = self.masks.get_mut(*mask as usize) else { continue };
            if let Some(place) = masked.flows.get(masked.mask.masked(key).as_slice()) {
                masked.hits += 1;
                let serial = self.slab[*place as usize].as_ref().map_or(0, |flow| flow.serial);
                let id = MegaflowId { place: *place, serial };
                let way = self.exact.insert(hash, key, id);
                counters.count(Event::MegaflowHit);
                return Some((id, way));
            }
        }
        None
    }

    /// The megaflow that a packet on its way falls into this time.
    pub(crate) fn step(&self, way: WayId, at: usize, turn: &Turn) -> Option<MegaflowId> {
        self.exact.step(way, at, turn).filter(|id| self.get(*id).is_some())
    }

    /// Notes it for the next one on the same way. False if the way goes no further.
    pub(crate) fn note_step(&mut self, way: WayId, at: usize, turn: Turn, megaflow: MegaflowId) -> bool {
        self.exact.note_step(way, at, turn, megaflow)
    }

    pub(crate) fn get(&self, id: MegaflowId) -> Option<&Megaflow> {
        self.slab.get(id.place as usize)?.as_ref().filter(|flow| flow.serial == id.serial)
    }

    pub(crate) fn get_mut(&mut self, id: MegaflowId) -> Option<&mut Megaflow> {
        self.slab.get_mut(id.place as usize)?.as_mut().filter(|flow| flow.serial == id.serial)
    }

    /// Keeps what was translated for the packet of this key.
    pub(crate) fn insert(
        &mut self,
        key: &FlowKey,
        translation: Translation,
        valid: u64,
        now: Instant,
        counters: &mut Counters,
    ) -> MegaflowId {
        // Before the mask is looked for: the last megaflow of a mask takes it along.
        if self.len() >= self.megaflows_max {
            self.evict_oldest(counters);
        }
        let mask = SparseMask::new(&translation.looked);
        let mask = match self.by_mask.get(&mask) {
            Some(mask) => *mask,
            None => self.add_mask(mask, counters),
        };
        self.serial += 1;
        let masked = self.masks[mask as usize].as_mut().expect("the mask was found or made just now");
        let words: Box<[u64]> = masked.mask.masked(key).as_slice().into();
        let flow = Megaflow {
            serial: self.serial,
            mask,
            key: words.clone(),
            steady: translation.ops.iter().all(Op::is_steady),
            ops: translation.ops,
            credits: translation.credits.into(),
            effects: translation.effects.into(),
            depends: translation.depends.into(),
            events: translation.events.into(),
            valid,
            used: now,
            turn: 0,
            new_packets: 0,
            new_octets: 0,
            packets: 0,
            octets: 0,
        };
        let place = match masked.flows.get(&words) {
            Some(place) => *place,
            None => self.free.pop().unwrap_or_else(|| {
                self.slab.push(None);
                self.slab.len() as u32 - 1
            }),
        };
        masked.flows.insert(words, place);
        let old = self.slab[place as usize].replace(flow);
        self.retire(old);
        counters.count(Event::MegaflowAdd);
        MegaflowId { place, serial: self.serial }
    }

    /// How many megaflows there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len() - self.free.len()
    }

    /// How many masks they have.
    pub(crate) fn n_masks(&self) -> usize {
        self.by_mask.len()
    }

    /// All megaflows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Megaflow> {
        self.slab.iter().flatten()
    }

    /// All megaflows, to change.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Megaflow> {
        self.slab.iter_mut().flatten()
    }

    /// The mask and the masked key of a megaflow.
    pub(crate) fn key_of(&self, flow: &Megaflow) -> (FlowKey, FlowKey) {
        let mut mask = FlowKey::ZERO;
        let mut key = FlowKey::ZERO;
        if let Some(Some(masked)) = self.masks.get(flow.mask as usize) {
            masked.mask.add_to(&mut mask, masked.mask.len());
            masked.mask.restore(&flow.key, &mut key);
        }
        (key, mask)
    }

    /// Drops megaflows that were not used for long, and orders masks by use.
    pub(crate) fn expire(&mut self, now: Instant) {
        let idle = |flow: &Megaflow| flow.used + MEGAFLOW_IDLE <= now;
        let gone: Vec<u32> = (0..)
            .zip(&self.slab)
            .filter(|(_, flow)| flow.as_ref().is_some_and(idle))
            .map(|(i, _)| i)
            .collect();
        for place in gone {
            self.remove(place);
        }
        let masks = &mut self.masks;
        let hits = |mask: &u32| masks[*mask as usize].as_ref().map_or(0, |masked| masked.hits);
        self.order.sort_by_key(|mask| std::cmp::Reverse(hits(mask)));
        // What was long ago counts half each time.
        for masked in masks.iter_mut().flatten() {
            masked.hits /= 2;
        }
    }

    /// Drops one megaflow.
    pub(crate) fn forget(&mut self, id: MegaflowId) {
        if self.get(id).is_some() {
            self.remove(id.place);
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.exact.clear();
        self.slab.clear();
        self.free.clear();
        self.masks.clear();
        self.by_mask.clear();
        self.order.clear();
    }

    fn remove(&mut self, place: u32) {
        let Some(flow) = self.slab[place as usize].take() else { return };
        self.free.push(place);
        if let Some(masked) = self.masks[flow.mask as usize].as_mut() {
            masked.flows.remove(&flow.key);
            if masked.flows.is_empty() {
                self.by_mask.remove(&masked.mask);
                self.masks[flow.mask as usize] = None;
                self.order.retain(|mask| *mask != flow.mask);
            }
        }
        self.retire(Some(flow));
    }

    fn retire(&mut self, flow: Option<Megaflow>) {
        self.retired.extend(flow.filter(|flow| flow.new_packets > 0));
    }

    /// The megaflows that went with counts of their own since this was last asked.
    pub(crate) fn take_retired(&mut self) -> Vec<Megaflow> {
        std::mem::take(&mut self.retired)
    }

    fn add_mask(&mut self, mask: SparseMask, counters: &mut Counters) -> u32 {
        if self.by_mask.len() >= MEGAFLOW_MASKS_MAX {
            self.evict_mask(counters);
        }
        let masked = Masked { mask: mask.clone(), flows: HashMap::with_hasher(WordHash(self.seed)), hits: 0 };
        let number = self.masks.iter().position(Option::is_none).unwrap_or_else(|| {
            self.masks.push(None);
            self.masks.len() - 1
        });
        self.masks[number] = Some(masked);
        self.by_mask.insert(mask, number as u32);
        self.order.push(number as u32);
        number as u32
    }

    /// Drops the mask with the fewest hits, the newest of several.
    fn evict_mask(&mut self, counters: &mut Counters) {
        let hits = |mask: &u32| self.masks[*mask as usize].as_ref().map_or(0, |masked| masked.hits);
        let Some(worst) = self.order.iter().rev().copied().min_by_key(hits) else { return };
        let places: Vec<u32> =
            self.masks[worst as usize].iter().flat_map(|masked| masked.flows.values().copied()).collect();
        for place in places {
            counters.count(Event::MegaflowEvict);
            self.remove(place);
        }
    }

    /// Drops the megaflow that was used least recently of a few.
    fn evict_oldest(&mut self, counters: &mut Counters) {
        /// Looking at all of them would cost every new packet the whole cache.
        const LOOKED_AT: usize = 64;
        let len = self.slab.len();
        let start = self.serial as usize * 31 % len;
        let candidates = (start..start + LOOKED_AT).map(|i| i % len);
        let oldest = candidates
            .filter_map(|i| Some((self.slab[i].as_ref()?.used, i)))
            .min()
            .map(|(_, i)| i as u32)
            .or_else(|| self.slab.iter().position(Option::is_some).map(|i| i as u32));
        if let Some(place) = oldest {
            counters.count(Event::MegaflowEvict);
            self.remove(place);
        }
    }
}
