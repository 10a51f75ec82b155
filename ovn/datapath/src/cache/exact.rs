//! Packets known exactly: one place a hash, the whole key compared.
//!
//! A hit costs one hash and one comparison, whatever masks there are. New packets do not always
//! take a place, so that many short flows do not push out few long ones.

use packet::key::{FlowKey, STAGES, mix, slot};

use super::MegaflowId;
use super::way::{Turn, Way};
use crate::limits::EXACT_PLACES;
use crate::recirc;

/// The cache.
#[derive(Debug)]
pub(super) struct ExactCache {
    /// Made when the first packet comes: an idle switch does not pay for it.
    places: Vec<Option<Box<Entry>>>,
    seed: u64,
    /// How many new packets there were.
    turn: u64,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    key: FlowKey,
    megaflow: MegaflowId,
    /// Which of the packets that had this place it is.
    serial: u64,
    way: Way,
}

/// The way of a packet that is known exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WayId {
    place: u32,
    serial: u64,
}

/// One in so many new packets takes a place that is taken.
const REPLACE_ONE_IN: u64 = 16;
/// Words that are zero in every packet that is looked up: registers.
const ZERO_WORDS: std::ops::Range<usize> = slot::METADATA.word as usize + 1..slot::CT_STATE.word as usize;
/// Words of the connection, zero in packets that just came in.
const CT_WORDS: std::ops::Range<usize> = slot::CT_STATE.word as usize..slot::TUN_ID.word as usize;

impl ExactCache {
    pub(super) fn new(seed: u64) -> Self {
        Self { places: Vec::new(), seed, turn: 0 }
    }

    /// The hash of a key by the words that usually differ.
    pub(super) fn hash(&self, key: &FlowKey) -> u64 {
        let tunnel = [slot::TUN_ID, slot::TUN_IPV4_SRC].map(|slot| key[usize::from(slot.word)]);
        let frame = &key.words()[STAGES[0]..];
        let number = recirc::number_of(key);
        // Two chains at a time: each step of one waits for the one before it.
        let (mut a, mut b) = (mix(self.seed, key[0]), mix(!self.seed, tunnel[0] ^ tunnel[1].rotate_left(32)));
        if number != 0 {
            a = key.words()[CT_WORDS].iter().fold(mix(a, number), |hash, word| mix(hash, *word));
        }
        for pair in frame.chunks(2) {
            a = mix(a, pair[0]);
            b = mix(b, pair.get(1).copied().unwrap_or(0));
        }
        mix(a, b)
    }

    pub(super) fn get(&self, hash: u64, key: &FlowKey) -> Option<(MegaflowId, WayId)> {
        let entry = self.places.get(place(hash))?.as_deref()?;
        let way = WayId { place: place(hash) as u32, serial: entry.serial };
        (entry.hash == hash && same(&entry.key, key)).then_some((entry.megaflow, way))
    }

    /// Whether there is room for it is chance; then its way begins.
    pub(super) fn insert(&mut self, hash: u64, key: &FlowKey, megaflow: MegaflowId) -> Option<WayId> {
        if self.places.is_empty() {
            self.places.resize_with(EXACT_PLACES, || None);
        }
        self.turn += 1;
        let serial = self.turn;
        let entry = &mut self.places[place(hash)];
        match entry {
            Some(entry) if entry.hash == hash || self.turn.is_multiple_of(REPLACE_ONE_IN) => {
                entry.hash = hash;
                entry.key.clone_from(key);
                entry.megaflow = megaflow;
                entry.serial = serial;
                entry.way.clear();
            }
            Some(_) => return None,
            None => {
                let way = Way::default();
                *entry = Some(Box::new(Entry { hash, key: key.clone(), megaflow, serial, way }));
            }
        }
        Some(WayId { place: place(hash) as u32, serial })
    }

    /// Where a packet on this way falls at its pass `at`.
    pub(super) fn step(&self, way: WayId, at: usize, turn: &Turn) -> Option<MegaflowId> {
        let entry = self.places.get(way.place as usize)?.as_deref()?;
        if entry.serial == way.serial { entry.way.get(at, turn) } else { None }
    }

    /// Notes where it fell. False if the way goes no further.
    pub(super) fn note_step(&mut self, way: WayId, at: usize, turn: Turn, megaflow: MegaflowId) -> bool {
        let entry = self.places.get_mut(way.place as usize).and_then(Option::as_deref_mut);
        let entry = entry.filter(|entry| entry.serial == way.serial);
        entry.is_some_and(|entry| entry.way.note(at, turn, megaflow))
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
    }
}

fn place(hash: u64) -> usize {
    hash as usize % EXACT_PLACES
}

/// Whether two keys that are looked up are equal.
fn same(a: &FlowKey, b: &FlowKey) -> bool {
    debug_assert!(b.words()[ZERO_WORDS].iter().all(|word| *word == 0), "registers are zero at first");
    a.words()[..ZERO_WORDS.start] == b.words()[..ZERO_WORDS.start]
        && a.words()[ZERO_WORDS.end..] == b.words()[ZERO_WORDS.end..]
}
