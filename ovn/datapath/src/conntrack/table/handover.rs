//! The table for another process: every connection in its place.

use std::cmp::{Ordering, Reverse};

use super::{Conn, List, Slot, Table};
use crate::handover::{HandOverError, In, Kept, Out, kept};

/// A set of places.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<u64>);

impl Places {
    pub(super) fn insert(&mut self, place: u32) {
        let (word, bit) = (place as usize / 64, place % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let words = (0u32..).step_by(64).zip(&self.0);
        words.flat_map(|(first, word)| {
            (0..64).filter(move |bit| word >> bit & 1 != 0).map(move |bit| first + bit)
        })
    }
}

/// A connection and what the table knows of it.
struct Held {
    serial: u32,
    answered: bool,
    expires: u64,
    conn: Conn,
}

kept!(Held { serial, answered, expires, conn });

impl Table {
    /// Notes from now on which places change, or no more.
    pub(in crate::conntrack) fn note_changes(&mut self, whether: bool) {
        self.changed = whether.then(Places::default);
    }

    /// Writes places from `from` on, at most `most`; the place to go on with, if there are more.
    pub(in crate::conntrack) fn put_places(&self, from: u32, most: u32, out: &mut Out) -> Option<u32> {
        let end = (self.slots.len() as u32).min(from.saturating_add(most));
        end.saturating_sub(from).put(out);
        (from..end).for_each(|place| self.put_place(place, out));
        (end < self.slots.len() as u32).then_some(end)
    }

    /// Writes the places that changed, and what is to follow them.
    pub(in crate::conntrack) fn put_changes(&self, out: &mut Out) {
        let all = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        // The table may have become smaller meanwhile.
        let changed: Vec<u32> = match &self.changed {
            Some(changed) => changed.iter().filter(|place| *place < all).collect(),
            None => (0..all).collect(),
        };
        self.next_serial.put(out);
        self.seed.put(out);
        (changed.len() as u32).put(out);
        changed.into_iter().for_each(|place| self.put_place(place, out));
    }

    fn put_place(&self, place: u32, out: &mut Out) {
        place.put(out);
        let slot = &self.slots[place as usize];
        slot.conn.is_some().put(out);
        if let Some(conn) = &slot.conn {
            slot.serial.put(out);
            slot.answered.put(out);
            self.timers[place as usize].expires.put(out);
            conn.put(out);
        }
    }

    /// Prepares an empty table for what follows: `now` in milliseconds.
    pub(in crate::conntrack) fn begin_taking(&mut self, now: u64, seed: u64) {
        *self = Self::new(seed);
        self.wheel.advance(&mut self.by_time, &mut self.timers, now / 1000);
    }

    /// Reads what [`Self::put_places`] wrote. Memory grows with what is read.
    pub(in crate::conntrack) fn take_places(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        for _ in 0..u32::read(from)? {
            let (place, held) = (u32::read(from)?, Option::<Held>::read(from)?);
            // Places come in their order, so none is left out.
            match self.slots.len().cmp(&(place as usize)) {
                Ordering::Less => return Err(HandOverError::Damaged("places of connections")),
                Ordering::Equal => self.grow(),
                Ordering::Greater => {}
            }
            self.set(place, held);
        }
        Ok(())
    }

    /// Reads what [`Self::put_changes`] wrote. The table is whole then.
    pub(in crate::conntrack) fn take_changes(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        let (next_serial, seed) = (u32::read(from)?, u64::read(from)?);
        if seed != self.seed {
            return Err(HandOverError::Damaged("connections"));
        }
        self.take_places(from)?;
        self.next_serial = next_serial;
        let empty = (0..).zip(&self.slots).filter(|(_, slot)| slot.conn.is_none());
        self.free = empty.map(|(place, _)| place).collect();
        Ok(())
    }

    /// Puts the connections that nobody answered in the order of their age, in which they are evicted.
    pub(in crate::conntrack) fn sort(&mut self) {
        let mut zones = std::mem::take(&mut self.zones);
        for zone in zones.values_mut() {
            let mut places: Vec<u32> =
                std::iter::successors(zone.unanswered.first(), |place| List::after(&self.by_zone, *place))
                    .collect();
            let newest = self.next_serial;
            places.sort_by_key(|place| Reverse(newest.wrapping_sub(self.slots[*place as usize].serial)));
            zone.unanswered = List::default();
            places.into_iter().for_each(|place| zone.unanswered.push(&mut self.by_zone, place));
        }
        self.zones = zones;
    }

    fn set(&mut self, place: u32, held: Option<Held>) {
        let at = place as usize;
        let Some(Held { serial, answered, expires, conn }) = held else {
            self.empty(place);
            return;
        };
        let slot = &mut self.slots[at];
        let known = slot.conn.as_ref().filter(|known| {
            slot.serial == serial && (known.key, known.reply_key) == (conn.key, conn.reply_key)
        });
        if known.is_none() {
            self.empty(place);
            return self.fill(place, Slot { serial, answered, conn: None }, conn, expires);
        }
        // It keeps its place among the others.
        slot.conn = Some(conn);
        self.wheel.remove(&mut self.by_time, &self.timers, place);
        self.timers[at].expires = expires;
        self.wheel.file(&mut self.by_time, &mut self.timers, place);
        if answered {
            self.set_answered(self.id(place));
        }
    }
}
