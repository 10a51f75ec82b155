//! Fragments put together before they are tracked, and cut again where they leave.
//!
//! Only the first fragment has ports, so flows and connections can be found for the whole only. The
//! packet goes through the tables whole from here on, and leaves in fragments no larger than the
//! largest that came ([`Cut`]), as with the kernel's tracker; fragments of which some are missing
//! never leave. Fragments that overlap take their whole packet with them (RFC 5722, RFC 8200 section
//! 4.5); one that comes twice is ignored.
//!
//! Bounds: as many fragments as [`Settings::count_max`] says, of [`OCTETS_MAX`] in all, for [`LIFETIME`].
//! Beyond them the oldest packet of the zone that has most of them goes.

use std::collections::{BTreeMap, VecDeque};

use packet::key::{L3, Layout};
use packet::{Frame, checksum};

use crate::handover::kept;

/// Octets that fragments may hold.
const OCTETS_MAX: usize = 8 << 20;
/// All fragments of a packet must come within, in milliseconds; as in Open vSwitch.
const LIFETIME: u64 = 15_000;
/// The largest IP packet.
const PACKET_LEN_MAX: usize = 65_535;

/// What operators can change.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whether IPv4 fragments (and IPv6 fragments) are put together; if not, they are invalid.
    pub enabled: [bool; 2],
    /// Fragments but the last of IPv4 (and IPv6) with fewer octets are invalid.
    pub len_min: [u16; 2],
    pub count_max: u32,
}

kept!(Settings { enabled, len_min, count_max });

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: [true; 2], len_min: [1200, 1280], count_max: 1000 }
    }
}

/// What was counted, of one family.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub accepted: u64,
    pub completed: u64,
    pub expired: u64,
    pub too_small: u64,
    pub overlapped: u64,
    pub purged: u64,
}

/// How a packet was cut when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Octets of its largest fragment's IP packet.
    len_max: u16,
    /// IPv6: octets in front of the fragment header, and the identification; IPv4 keeps its own.
    front: u16,
    id: u32,
}

/// What became of a fragment.
#[derive(Debug)]
pub(super) enum Added {
    /// It waits for others, or is dropped with them.
    Held,
    /// It is none that can be put together.
    Wrong,
    /// It was the last that was missing.
    Whole(Frame, Cut),
}

/// Which packet a fragment is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Whose {
    zone: u16,
    v6: bool,
    proto: u8,
    id: u32,
    /// Source and destination.
    ends: [u8; 32],
}

/// A fragment in terms of its packet.
struct Fragment<'a> {
    whose: Whose,
    /// First octet of `data` in the packet's payload.
    start: usize,
    more: bool,
    data: &'a [u8],
    /// From the link layer's header to where the fragment header or the payload begins.
    head: &'a [u8],
    l3: usize,
    /// What follows the fragment header of IPv6.
    next: u8,
    len: u16,
}

/// A packet of which some fragments came.
#[derive(Debug, Default)]
struct Packet {
    until: u64,
    /// By first octet; they do not overlap.
    parts: BTreeMap<usize, Box<[u8]>>,
    /// The first fragment's headers, and what follows the fragment header.
    head: Option<Head>,
    /// Octets of the payload, once the last fragment came.
    len: Option<usize>,
    have: usize,
    len_max: u16,
}

/// The headers of a first fragment.
#[derive(Debug)]
struct Head {
    octets: Box<[u8]>,
    /// Where the IP header begins.
    l3: usize,
    /// What follows the fragment header.
    next: u8,
}

/// The fragments that wait.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    pub settings: Settings,
    packets: BTreeMap<Whose, Packet>,
    /// Oldest first; a packet that is gone is passed over.
    by_age: VecDeque<(u64, Whose)>,
    /// Fragments by zone.
    by_zone: BTreeMap<u16, u32>,
    count: u32,
    octets: usize,
    /// Of IPv4 and IPv6.
    pub counts: [Counts; 2],
}

impl Fragments {
    /// Takes a fragment. `layout` says where its IP header is.
    pub(super) fn add(&mut self, frame: &[u8], layout: &Layout, zone: u16, now: u64) -> Added {
        self.expire(now);
        let v6 = layout.l3 == L3::Ipv6;
        let fragment = if v6 { read6(frame, layout, zone) } else { read4(frame, layout, zone) };
        let Some(fragment) = fragment.filter(|_| self.settings.enabled[usize::from(v6)]) else {
            return Added::Wrong;
        };
        if fragment.more && fragment.len < self.settings.len_min[usize::from(v6)] {
            self.counts[usize::from(v6)].too_small += 1;
            return Added::Wrong;
        }
        while self.count >= self.settings.count_max || self.octets + fragment.data.len() > OCTETS_MAX {
            if !self.evict() {
                return Added::Wrong;
            }
        }
        let whose = fragment.whose;
        if !self.packets.contains_key(&whose) {
            self.by_age.push_back((now + LIFETIME, whose));
        }
        let packet = self
            .packets
            .entry(whose)
            .or_insert_with(|| Packet { until: now + LIFETIME, ..Packet::default() });
        match packet.add(&fragment) {
            Fit::Twice => return Added::Held,
            Fit::Overlaps => {
                self.counts[usize::from(v6)].overlapped += 1;
                self.remove(&whose);
                return Added::Held;
            }
            Fit::New => {}
        }
        let is_whole = packet.is_whole();
        self.count += 1;
        self.octets += fragment.data.len();
        *self.by_zone.entry(zone).or_default() += 1;
        self.counts[usize::from(v6)].accepted += 1;
        if !is_whole {
            return Added::Held;
        }
        let n = self.packets.get(&whose).map_or(0, |packet| packet.parts.len() as u64);
        self.counts[usize::from(v6)].completed += n;
        let whole = self.remove(&whose).and_then(|packet| packet.join(&whose));
        whole.map_or(Added::Wrong, |(frame, cut)| Added::Whole(frame, cut))
    }

    /// How many wait.
    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    /// Drops packets whose fragments did not come in time.
    pub(super) fn expire(&mut self, now: u64) {
        while let Some((until, whose)) = self.by_age.front().copied().filter(|(until, _)| *until <= now) {
            self.by_age.pop_front();
            if self.packets.get(&whose).is_some_and(|packet| packet.until == until)
                && let Some(packet) = self.remove(&whose)
            {
                self.counts[usize::from(whose.v6)].expired += packet.parts.len() as u64;
            }
        }
    }

    /// When [`Self::expire`] has something to do, in milliseconds.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        self.by_age.front().map(|(until, _)| *until)
    }

    /// Drops the oldest packet of the zone with the most fragments.
    fn evict(&mut self) -> bool {
        let Some(zone) = self.by_zone.iter().max_by_key(|(_, count)| **count).map(|(zone, _)| *zone) else {
            return false;
        };
        let packets = &self.packets;
        let at = self.by_age.iter().position(|(until, whose)| {
            whose.zone == zone && packets.get(whose).is_some_and(|packet| packet.until == *until)
        });
        let Some((_, whose)) = at.and_then(|at| self.by_age.remove(at)) else { return false };
        let gone = self.remove(&whose);
        self.counts[usize::from(whose.v6)].purged += gone.map_or(0, |packet| packet.parts.len() as u64);
        true
    }

    fn remove(&mut self, whose: &Whose) -> Option<Packet> {
        let packet = self.packets.remove(whose)?;
        let n = packet.parts.len() as u32;
        self.count -= n;
        self.octets -= packet.have;
        if let Some(count) = self.by_zone.get_mut(&whose.zone) {
            *count -= n;
            if *count == 0 {
                self.by_zone.remove(&whose.zone);
            }
        }
        // Packets that are complete leave their age behind: it is not to outgrow the packets.
        if self.by_age.len() > 2 * self.packets.len() + 64 {
            let packets = &self.packets;
            self.by_age.retain(|(until, whose)| packets.get(whose).is_some_and(|p| p.until == *until));
        }
        Some(packet)
    }
}

/// How a fragment lies among the others.
enum Fit {
    New,
    Twice,
    Overlaps,
}

impl Packet {
    fn add(&mut self, fragment: &Fragment<'_>) -> Fit {
        let (start, end) = (fragment.start, fragment.start + fragment.data.len());
        if self.parts.get(&start).is_some_and(|part| **part == *fragment.data) {
            return Fit::Twice;
        }
        let before = self.parts.range(..end).next_back();
        let overlaps = before.is_some_and(|(at, part)| at + part.len() > start);
        let beyond = self.len.is_some_and(|len| if fragment.more { end > len } else { end != len });
        let last = self.parts.last_key_value().map_or(0, |(at, part)| at + part.len());
        if overlaps || beyond || !fragment.more && last > end {
            return Fit::Overlaps;
        }
        if !fragment.more {
            self.len = Some(end);
        }
        if start == 0 {
            self.head = Some(Head { octets: fragment.head.into(), l3: fragment.l3, next: fragment.next });
        }
        self.parts.insert(start, fragment.data.into());
        self.have += fragment.data.len();
        self.len_max = self.len_max.max(fragment.len);
        Fit::New
    }

    fn is_whole(&self) -> bool {
        self.head.is_some() && self.len == Some(self.have)
    }

    fn join(self, whose: &Whose) -> Option<(Frame, Cut)> {
        let Head { octets, l3, next } = self.head?;
        let mut octets = octets.into_vec();
        let front = octets.len() - l3;
        for part in self.parts.into_values() {
            octets.extend_from_slice(&part);
        }
        let len = octets.len() - l3;
        if len > PACKET_LEN_MAX {
            return None;
        }
        let packet = octets.get_mut(l3..)?;
        if whose.v6 {
            packet[4..6].copy_from_slice(&((len - 40) as u16).to_be_bytes());
            let at = next_at(packet, front)?;
            packet[at] = next;
        } else {
            // "Don't fragment" stays.
            packet[6] &= 0x40;
            packet[7] = 0;
            set_len4(packet, front, len);
        }
        Some((Frame::copy_from(&octets), Cut { len_max: self.len_max, front: front as u16, id: whose.id }))
    }
}

/// An IPv4 fragment. The layout says that the header is whole and agrees with the frame.
fn read4<'a>(frame: &'a [u8], layout: &Layout, zone: u16) -> Option<Fragment<'a>> {
    let (l3, end) = (layout.l3_at as usize, layout.l3_end as usize);
    let packet = frame.get(l3..end)?;
    let header = packet.first_chunk::<20>()?;
    let header_len = usize::from(header[0] & 15) * 4;
    if checksum::internet(packet.get(..header_len)?) != 0 {
        return None;
    }
    let place = u16::from_be_bytes([header[6], header[7]]);
    let mut ends = [0; 32];
    ends[..8].copy_from_slice(&header[12..20]);
    let id = u16::from_be_bytes([header[4], header[5]]).into();
    Fragment {
        whose: Whose { zone, v6: false, proto: header[9], id, ends },
        start: usize::from(place & 0x1fff) * 8,
        more: place & 0x2000 != 0,
        data: packet.get(header_len..)?,
        head: frame.get(..l3 + header_len)?,
        l3,
        next: header[9],
        len: packet.len() as u16,
    }
    .checked()
}

/// An IPv6 fragment.
fn read6<'a>(frame: &'a [u8], layout: &Layout, zone: u16) -> Option<Fragment<'a>> {
    let (l3, end) = (layout.l3_at as usize, layout.l3_end as usize);
    let packet = frame.get(l3..end)?;
    let header = packet.first_chunk::<40>()?;
    // What every fragment has: hop-by-hop options, routing, destination options (RFC 8200 section 4.5).
    let (mut next, mut at) = (header[6], 40);
    while let 0 | 43 | 60 = next {
        let [after, units] = *packet.get(at..)?.first_chunk::<2>()?;
        next = after;
        at += (usize::from(units) + 1) * 8;
    }
    let fragment = packet.get(at..)?.first_chunk::<8>().filter(|_| next == 44)?;
    let place = u16::from_be_bytes([fragment[2], fragment[3]]);
    let id = u32::from_be_bytes([fragment[4], fragment[5], fragment[6], fragment[7]]);
    let ends = *header[8..].first_chunk::<32>()?;
    Fragment {
        // Fragments of one packet may differ in what follows: the first one's counts.
        whose: Whose { zone, v6: true, proto: 44, id, ends },
        start: usize::from(place & 0xfff8),
        more: place & 1 != 0,
        data: packet.get(at + 8..)?,
        head: frame.get(..l3 + at)?,
        l3,
        next: fragment[0],
        len: u16::try_from(packet.len()).ok()?,
    }
    .checked()
}

impl Fragment<'_> {
    /// All but the last have data by the eight octets, and none ends beyond the largest packet.
    fn checked(self) -> Option<Self> {
        let whole_units = !self.more || self.data.len().is_multiple_of(8);
        let fits = self.start + self.data.len() <= PACKET_LEN_MAX;
        (whole_units && fits && !self.data.is_empty()).then_some(self)
    }
}

/// Where in an IPv6 packet stands what follows the first `front` octets.
fn next_at(packet: &[u8], front: usize) -> Option<usize> {
    let (mut at, mut header) = (6, 40);
    while header < front {
        let units = *packet.get(header + 1)?;
        at = header;
        header += (usize::from(units) + 1) * 8;
    }
    (header == front && at < packet.len()).then_some(at)
}

fn set_len4(packet: &mut [u8], header_len: usize, len: usize) {
    packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
    packet[10..12].fill(0);
    let sum = checksum::internet(&packet[..header_len]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

impl Cut {
    /// Into fragments of so many octets; `front` counts for IPv6.
    #[cfg(test)]
    pub(super) fn of(len_max: u16, front: u16, id: u32) -> Self {
        Self { len_max, front, id }
    }

    /// Octets of the frame that a frame's largest fragment will be, if it is to be cut.
    pub(crate) fn wire_len(self, len: usize, layout: &Layout) -> usize {
        len.min(layout.l3_at as usize + usize::from(self.len_max))
    }

    /// Cuts IPv4 packets into parts of so many octets.
    pub(crate) const fn to(len_max: u16) -> Self {
        Self { len_max, front: 0, id: 0 }
    }

    /// The fragments of a frame, none larger than those that it came in. A frame that need not or
    /// cannot be cut comes back as it is.
    pub(crate) fn apply(self, frame: Frame) -> Vec<Frame> {
        let layout = packet::key::extract(&frame, &mut packet::key::FlowKey::default());
        let v6 = match layout.l3 {
            L3::Ipv4 => false,
            L3::Ipv6 => true,
            L3::None | L3::Arp => return vec![frame],
        };
        let (l3, end) = (layout.l3_at as usize, layout.l3_end as usize);
        let front = if v6 { usize::from(self.front) } else { usize::from(frame[l3] & 15) * 4 };
        let extra = if v6 { 8 } else { 0 };
        // Fragments but the last hold whole units of eight octets.
        let room = usize::from(self.len_max).saturating_sub(front + extra) & !7;
        if end - l3 <= usize::from(self.len_max) || room == 0 || l3 + front > end {
            return vec![frame];
        }
        let (head, payload) = frame[..end].split_at(l3 + front);
        let n = payload.len().div_ceil(room);
        let piece = |(at, data): (usize, &[u8])| {
            let mut octets = Vec::with_capacity(head.len() + extra + data.len());
            octets.extend_from_slice(head);
            let more = at + 1 < n;
            if v6 {
                self.write6(&mut octets, l3, (at * room) as u16 | u16::from(more), data)?;
            } else {
                octets.extend_from_slice(data);
                let packet = &mut octets[l3..];
                // What is cut may be a fragment itself.
                let before = u16::from_be_bytes([packet[6], packet[7]]);
                let offset = (before & 0x1fff).saturating_add((at * room / 8) as u16) & 0x1fff;
                let place = before & 0x6000 | u16::from(more) << 13 | offset;
                packet[6..8].copy_from_slice(&place.to_be_bytes());
                let len = packet.len();
                set_len4(packet, front, len);
            }
            Some(Frame::copy_from(&octets))
        };
        payload.chunks(room).enumerate().filter_map(piece).collect()
    }

    /// Appends a fragment header and data to the headers of an IPv6 packet.
    fn write6(self, octets: &mut Vec<u8>, l3: usize, place: u16, data: &[u8]) -> Option<()> {
        let at = l3 + next_at(&octets[l3..], usize::from(self.front))?;
        let next = std::mem::replace(octets.get_mut(at)?, 44);
        octets.extend_from_slice(&[next, 0]);
        octets.extend_from_slice(&place.to_be_bytes());
        octets.extend_from_slice(&self.id.to_be_bytes());
        octets.extend_from_slice(data);
        let len = (octets.len() - l3 - 40) as u16;
        octets[l3 + 4..l3 + 6].copy_from_slice(&len.to_be_bytes());
        Some(())
    }
}
