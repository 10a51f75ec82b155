//! The connections, found by key, by zone and by age.

mod handover;

use std::collections::BTreeMap;

use packet::key::mix;

use super::conn::Conn;
use super::index::Index;
use super::key::ConnKey;
use super::lists::{Link, List};
use super::wheel::{Timer, Wheel};

/// A connection by place and making, so that one made later in the same place is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnId {
    place: u32,
    serial: u32,
}

#[derive(Debug)]
struct Slot {
    serial: u32,
    /// In the list of those that the other end answered.
    answered: bool,
    conn: Option<Conn>,
}

/// The connections of one zone.
#[derive(Debug, Default)]
struct Zone {
    unanswered: List,
    answered: List,
}

/// The table. Times are milliseconds since some beginning.
#[derive(Debug)]
pub(super) struct Table {
    seed: u64,
    slots: Vec<Slot>,
    free: Vec<u32>,
    index: Index,
    timers: Vec<Timer>,
    wheel: Wheel,
    by_time: Vec<Link>,
    zones: BTreeMap<u16, Zone>,
    by_zone: Vec<Link>,
    next_serial: u32,
    /// The zone that [`Self::evict`] takes from, and how many it had when it was chosen.
    victim: (u16, u32),
    /// While a copy is made for another process: the places that changed since it began.
    changed: Option<handover::Places>,
}

impl Table {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            slots: Vec::new(),
            free: Vec::new(),
            index: Index::default(),
            timers: Vec::new(),
            wheel: Wheel::default(),
            by_time: Vec::new(),
            zones: BTreeMap::new(),
            by_zone: Vec::new(),
            next_serial: 0,
            victim: (0, 0),
            changed: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many there are in a zone, expired ones that were not removed yet included.
    pub(super) fn len_of(&self, zone: u16) -> u32 {
        self.zones.get(&zone).map_or(0, |zone| zone.unanswered.len + zone.answered.len)
    }

    #[cfg(test)]
    /// Octets that the table takes, but for announcements' parents.
    pub(super) fn octets(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.free.capacity() * size_of::<u32>()
            + self.timers.capacity() * size_of::<Timer>()
            + (self.by_time.capacity() + self.by_zone.capacity()) * size_of::<Link>()
            + self.index.octets()
    }

    pub(super) fn get(&self, id: ConnId) -> Option<&Conn> {
        let slot = self.slots.get(id.place as usize).filter(|slot| slot.serial == id.serial)?;
        slot.conn.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.note_change(id.place);
        let slot = self.slots.get_mut(id.place as usize).filter(|slot| slot.serial == id.serial)?;
        slot.conn.as_mut()
    }

    /// When it expires, in milliseconds.
    pub(super) fn expires(&self, id: ConnId) -> u64 {
        self.timers[id.place as usize].expires
    }

    /// The connection that packets of this key belong to, and whether they are of the reply
    /// direction. Expired ones are no connections.
    pub(super) fn find(&self, key: &ConnKey, now: u64) -> Option<(ConnId, bool)> {
        let mut reply = false;
        let place = self.index.find(key.hash(self.seed), |place| {
            let Some(conn) = self.slots[place as usize].conn.as_ref() else { return false };
            reply = conn.key != *key;
            (!reply || conn.reply_key == *key) && self.timers[place as usize].expires > now
        })?;
        Some((self.id(place), reply))
    }

    /// Adds a connection that expires at `expires`. Neither of its keys may be in the table.
    pub(super) fn insert(&mut self, conn: Conn, expires: u64) -> ConnId {
        let place = self.free.pop().unwrap_or_else(|| {
            self.grow();
            self.slots.len() as u32 - 1
        });
        self.next_serial = self.next_serial.wrapping_add(1);
        self.fill(place, Slot { serial: self.next_serial, answered: false, conn: None }, conn, expires);
        self.id(place)
    }

    /// Puts a connection into an empty place.
    fn fill(&mut self, place: u32, slot: Slot, conn: Conn, expires: u64) {
        self.note_change(place);
        for hash in self.hashes(&conn) {
            self.index.insert(hash, place);
        }
        let zone = self.zones.entry(conn.key.zone).or_default();
        let list = if slot.answered { &mut zone.answered } else { &mut zone.unanswered };
        list.push(&mut self.by_zone, place);
        self.slots[place as usize] = Slot { conn: Some(conn), ..slot };
        self.timers[place as usize].expires = expires;
        self.wheel.file(&mut self.by_time, &mut self.timers, place);
    }

    fn grow(&mut self) {
        self.slots.push(Slot { serial: 0, answered: false, conn: None });
        self.timers.push(Timer::default());
        self.by_time.push(Link::default());
        self.by_zone.push(Link::default());
    }

    /// Changes when it expires.
    pub(super) fn set_expires(&mut self, id: ConnId, expires: u64) {
        if self.get(id).is_none() {
            return;
        }
        self.note_change(id.place);
        let place = id.place as usize;
        let sooner = self.timers[place].expires > expires;
        self.timers[place].expires = expires;
        if sooner && self.wheel.is_late(self.timers[place]) {
            self.wheel.remove(&mut self.by_time, &self.timers, id.place);
            self.wheel.file(&mut self.by_time, &mut self.timers, id.place);
        }
    }

    /// Notes that the other end answered: the connection is no longer evicted.
    pub(super) fn set_answered(&mut self, id: ConnId) {
        self.note_change(id.place);
        let Some(slot) = self.slots.get_mut(id.place as usize).filter(|slot| slot.serial == id.serial) else {
            return;
        };
        let Some(conn) = slot.conn.as_ref().filter(|_| !slot.answered) else { return };
        let Some(zone) = self.zones.get_mut(&conn.key.zone) else { return };
        slot.answered = true;
        zone.unanswered.remove(&mut self.by_zone, id.place);
        zone.answered.push(&mut self.by_zone, id.place);
    }

    pub(super) fn remove(&mut self, id: ConnId) -> Option<Conn> {
        self.slots.get(id.place as usize).filter(|slot| slot.serial == id.serial)?;
        let conn = self.empty(id.place)?;
        self.free.push(id.place);
        // A copy that another process has counts on the places.
        if self.len() == 0 && self.changed.is_none() {
            // What a flood left behind is given back.
            (self.slots, self.free) = (Vec::new(), Vec::new());
            (self.timers, self.by_time, self.by_zone) = (Vec::new(), Vec::new(), Vec::new());
            self.index = Index::default();
        }
        Some(conn)
    }

    /// Takes the connection out of a place.
    fn empty(&mut self, place: u32) -> Option<Conn> {
        self.note_change(place);
        let slot = self.slots.get_mut(place as usize)?;
        let (conn, answered) = (slot.conn.take()?, slot.answered);
        for hash in self.hashes(&conn) {
            self.index.remove(hash, place);
        }
        self.wheel.remove(&mut self.by_time, &self.timers, place);
        if let Some(zone) = self.zones.get_mut(&conn.key.zone) {
            let list = if answered { &mut zone.answered } else { &mut zone.unanswered };
            list.remove(&mut self.by_zone, place);
            if zone.answered.len + zone.unanswered.len == 0 {
                self.zones.remove(&conn.key.zone);
            }
        }
        Some(conn)
    }

    fn note_change(&mut self, place: u32) {
        if let Some(changed) = &mut self.changed {
            changed.insert(place);
        }
    }

    /// Removes at most `most` expired connections.
    pub(super) fn expire(&mut self, now: u64, most: usize) {
        self.wheel.advance(&mut self.by_time, &mut self.timers, now / 1000);
        for _ in 0..most {
            let Some(place) = self.wheel.due() else { return };
            if self.timers[place as usize].expires > now {
                self.wheel.remove(&mut self.by_time, &self.timers, place);
                self.wheel.file(&mut self.by_time, &mut self.timers, place);
            } else {
                self.remove(self.id(place));
            }
        }
    }

    /// When [`Self::expire`] has something to do, in milliseconds.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        self.wheel.next().map(|second| second * 1000)
    }

    /// Removes the oldest unanswered connection of the zone that has most of them: a flood makes
    /// room for itself, and not at the cost of others. False if all connections are answered.
    pub(super) fn evict(&mut self) -> bool {
        let of = |zone: &Zone| zone.unanswered.len;
        let (victim, had) = self.victim;
        // Looking at all zones for each eviction would be dear: one is enough until half of its are gone.
        let left = self.zones.get(&victim).map_or(0, of);
        if left == 0 || left < had / 2 {
            let Some((zone, most)) = self.zones.iter().map(|(id, zone)| (*id, of(zone))).max_by_key(|z| z.1)
            else {
                return false;
            };
            self.victim = (zone, most);
        }
        let oldest = self.zones.get(&self.victim.0).and_then(|zone| zone.unanswered.first());
        oldest.and_then(|place| self.remove(self.id(place))).is_some()
    }

    /// Every connection.
    pub(super) fn ids(&self) -> impl Iterator<Item = ConnId> + '_ {
        let places = (0..).zip(&self.slots).filter(|(_, slot)| slot.conn.is_some());
        places.map(|(place, slot)| ConnId { place, serial: slot.serial })
    }

    /// The connections of one zone, those without answer first.
    pub(super) fn ids_of(&self, zone: u16) -> Vec<ConnId> {
        let mut found = Vec::new();
        let lists = self.zones.get(&zone).map(|zone| [zone.unanswered, zone.answered]);
        for list in lists.into_iter().flatten() {
            let mut at = list.first();
            while let Some(place) = at {
                found.push(self.id(place));
                at = List::after(&self.by_zone, place);
            }
        }
        found
    }

    fn id(&self, place: u32) -> ConnId {
        ConnId { place, serial: self.slots[place as usize].serial }
    }

    /// The hashes that a connection is found under: one, unless translation makes its directions differ.
    fn hashes(&self, conn: &Conn) -> impl Iterator<Item = u64> + use<> {
        let (forward, back) = (conn.key.hash(self.seed), conn.reply_key.hash(self.seed));
        [Some(forward), (back != forward).then_some(back)].into_iter().flatten()
    }

    /// A number that nobody outside can foretell.
    pub(super) fn random(&mut self) -> u64 {
        self.next_serial = self.next_serial.wrapping_add(1);
        mix(mix(self.seed, 0x6e61_7400), u64::from(self.next_serial))
    }
}
