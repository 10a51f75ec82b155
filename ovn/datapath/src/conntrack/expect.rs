//! Connections that others announced: the data connections of FTP and TFTP.

use std::collections::{BTreeMap, VecDeque};

use packet::IpProto;

use super::conn::Side;
use super::key::{Addr, ConnKey};
use crate::handover::{HandOverError, In, Kept, Out, kept};

/// Announcements kept. A further one takes the place of the oldest.
const EXPECTATIONS_MAX: usize = 65_536;
/// An announced connection must come so soon, in milliseconds.
const LIFETIME: u64 = 300_000;

/// What is known of a connection before it comes: all but the source port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    src: Addr,
    dst: Addr,
    dst_port: u16,
    zone: u16,
    proto: IpProto,
    v6: bool,
}

impl Place {
    fn of(key: &ConnKey) -> Self {
        let ConnKey { src, dst, dst_port, zone, proto, v6, .. } = *key;
        Self { src, dst, dst_port, zone, proto, v6 }
    }
}

/// An announced connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// The connection that announced it, whose mark and label it takes.
    pub parent: ConnKey,
    pub mark: u32,
    pub label: u128,
    /// How it is translated if its packets are to be: which side, to which address and port. The
    /// port of the source stays.
    pub nat: Option<(Side, Addr, u16)>,
}

/// The announcements, oldest first.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    by_place: BTreeMap<Place, (u64, Expected)>,
    by_age: VecDeque<(u64, Place)>,
}

impl Expectations {
    /// Announces the connection of a key whose source port does not count.
    pub(super) fn add(&mut self, key: &ConnKey, expected: Expected, now: u64) {
        self.expire(now);
        let place = Place::of(key);
        while self.by_age.len() >= EXPECTATIONS_MAX {
            self.drop_oldest();
        }
        self.by_age.push_back((now + LIFETIME, place));
        self.by_place.insert(place, (now + LIFETIME, expected));
    }

    /// What was announced of a connection.
    pub(super) fn get(&self, key: &ConnKey, now: u64) -> Option<&Expected> {
        let (until, expected) = self.by_place.get(&Place::of(key))?;
        (*until > now).then_some(expected)
    }

    /// The announced connection came.
    pub(super) fn take(&mut self, key: &ConnKey) {
        self.by_place.remove(&Place::of(key));
    }

    /// Forgets what did not come in time.
    pub(super) fn expire(&mut self, now: u64) {
        while self.by_age.front().is_some_and(|(until, _)| *until <= now) {
            self.drop_oldest();
        }
    }

    /// When [`Self::expire`] has something to do, in milliseconds.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        self.by_age.front().map(|(until, _)| *until)
    }

    fn drop_oldest(&mut self) {
        if let Some((until, place)) = self.by_age.pop_front()
            // It may have come, and another been announced in its place.
            && self.by_place.get(&place).is_some_and(|(other, _)| *other == until)
        {
            self.by_place.remove(&place);
        }
    }
}

kept!(Place { src, dst, dst_port, zone, proto, v6 });
kept!(Expected { parent, mark, label, nat });

impl Kept for Expectations {
    fn put(&self, out: &mut Out) {
        let Self { by_place, by_age } = self;
        by_place.put(out);
        by_age.put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        let this = Self { by_place: Kept::read(from)?, by_age: Kept::read(from)? };
        let fits = this.by_age.len() <= EXPECTATIONS_MAX && this.by_place.len() <= this.by_age.len();
        if fits { Ok(this) } else { Err(HandOverError::Damaged("too many connections are expected")) }
    }
}
