//! Address translation: which addresses and ports a new connection gets, and packets rewritten.

use packet::key::{L3, Layout, WordSet, mix, rewrite, slot};
use packet::{IpProto, Pseudo, checksum};

use super::conn::Side;
use super::key::{Addr, ConnKey, inner_transport_at};
use super::table::Table;

/// What `nat(...)` asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Nat {
    /// `None`: translate as the connection says already.
    pub side: Option<Side>,
    pub range: Option<Range>,
    /// First and last.
    pub ports: Option<(u16, u16)>,
    /// A client gets the same address whenever it comes, also after a restart.
    pub persistent: bool,
    /// Ports are chosen by chance, not by a hash of the connection.
    pub random: bool,
}

/// Addresses to choose from, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Range {
    pub first: Addr,
    pub last: Addr,
    pub v6: bool,
}

/// Ports tried before an attempt begins elsewhere in the range, halved each time.
const TRIES: u32 = 128;
/// No further attempt once so few ports would be tried.
const TRIES_LEAST: u32 = 16;

/// The reply key that a new connection gets, so that no other has it. `None` if none was found in a
/// bounded number of tries, or the addresses are of the other family.
pub(super) fn choose(table: &mut Table, seed: u64, key: &ConnKey, nat: &Nat, now: u64) -> Option<ConnKey> {
    let mut reply = key.reversed();
    let Some(side) = nat.side else { return Some(reply) };
    let hash = spread(seed, key, nat);
    if let Some(range) = nat.range {
        if range.v6 != key.v6 {
            return None;
        }
        let client = if nat.persistent {
            mix(mix(1, key.src.bits() as u64), (key.src.bits() >> 64) as u64)
        } else {
            hash
        };
        let address = pick(range, client);
        match side {
            Side::Source => reply.dst = address,
            Side::Destination => reply.src = address,
        }
    }
    if !key.has_ports() {
        return table.find(&reply, now).is_none().then_some(reply);
    }
    let hash = if nat.random { table.random() } else { hash };
    match (side, nat.ports) {
        (Side::Source, Some(ports)) => free_port(table, &mut reply, false, Ports::of(ports, hash), now),
        (Side::Destination, Some(ports)) => {
            free_port(table, &mut reply, true, Ports::of(ports, hash), now)
                || free_port(table, &mut reply, false, Ports::own(key.src_port), now)
        }
        // Ports stay as they are if they can. If not, the source's makes the difference.
        (Side::Source | Side::Destination, None) => {
            free_port(table, &mut reply, false, Ports::own(key.src_port), now)
        }
    }
    .then_some(reply)
}

/// The ports to try: from one on, around the range.
#[derive(Clone, Copy)]
struct Ports {
    at: u16,
    first: u16,
    last: u16,
}

impl Ports {
    fn of((first, last): (u16, u16), hash: u64) -> Self {
        let last = last.max(first);
        Self { at: first + (hash % (u64::from(last - first) + 1)) as u16, first, last }
    }

    /// A port first, then others of its kind: what is privileged stays so.
    fn own(port: u16) -> Self {
        let (first, last) = match port {
            0..512 => (1, 511),
            512..1024 => (600, 1023),
            1024.. => (1024, u16::MAX),
        };
        Self { at: port, first, last }
    }

    fn next(&mut self) {
        let is_last = self.at == self.last || !(self.first..=self.last).contains(&self.at);
        self.at = if is_last { self.first } else { self.at + 1 };
    }
}

/// Gives the reply key a port (its source's if `source`) that makes it free.
fn free_port(table: &mut Table, reply: &mut ConnKey, source: bool, mut ports: Ports, now: u64) -> bool {
    let range = u32::from(ports.last - ports.first) + 1;
    let whole = range + u32::from(!(ports.first..=ports.last).contains(&ports.at));
    let mut tries = whole.min(TRIES);
    let original = if source { reply.src_port } else { reply.dst_port };
    loop {
        for _ in 0..tries {
            *(if source { &mut reply.src_port } else { &mut reply.dst_port }) = ports.at;
            if table.find(reply, now).is_none() {
                return true;
            }
            ports.next();
        }
        if tries >= range || tries < TRIES_LEAST {
            *(if source { &mut reply.src_port } else { &mut reply.dst_port }) = original;
            return false;
        }
        tries /= 2;
        ports.at = ports.first + (table.random() % u64::from(range)) as u16;
    }
}

/// The address that a hash falls on.
fn pick(range: Range, hash: u64) -> Addr {
    let (first, last) = (range.first.bits(), range.last.bits().max(range.first.bits()));
    match (last - first).checked_add(1) {
        Some(addresses) => Addr::new(first + u128::from(hash) % addresses),
        None => Addr::new(hash.into()),
    }
}

fn spread(seed: u64, key: &ConnKey, nat: &Nat) -> u64 {
    let range = nat.range.map_or(0, |range| range.first.bits() ^ range.last.bits().rotate_left(64));
    let words = [key.src.bits(), key.dst.bits(), range];
    let ports = nat.ports.map_or(0, |(first, last)| u64::from(first) << 16 | u64::from(last));
    let hash = words.into_iter().fold(seed, |hash, word| mix(mix(hash, word as u64), (word >> 64) as u64));
    mix(mix(hash, ports), u64::from(key.src_port) << 16 | u64::from(key.dst_port) | u64::from(key.zone) << 32)
}

/// Makes a packet have the addresses and ports of `wanted` instead of those that it has.
pub(super) fn translate(frame: &mut [u8], layout: &Layout, wanted: &ConnKey) {
    let mut sets = addresses(Some(wanted.src), Some(wanted.dst));
    if wanted.has_ports() {
        let value = u64::from(wanted.src_port) << 48 | u64::from(wanted.dst_port) << 32;
        sets.push(WordSet { word: slot::TP_SRC.word, mask: 0xffff_ffff_0000_0000, value });
    }
    rewrite(frame, layout, &sets);
}

/// Makes an ICMP error and the packet in it have the addresses and ports of a connection: those of
/// `wanted` outside on the `side` that is translated, and the reverse inside.
pub(super) fn translate_error(frame: &mut [u8], layout: &Layout, wanted: &ConnKey, side: Side) {
    let sets = match side {
        Side::Source => addresses(Some(wanted.src), None),
        Side::Destination => addresses(None, Some(wanted.dst)),
    };
    rewrite(frame, layout, &sets);
    let (at, end) = (layout.l4_at as usize, layout.l3_end as usize);
    let v6 = layout.l3 == L3::Ipv6;
    let pseudo = pseudo_of(frame, layout);
    let Some(message) = frame.get_mut(at..end).filter(|message| message.len() >= 8) else { return };
    translate_inner(message, v6, &wanted.reversed());
    message[2..4].fill(0);
    let sum = match pseudo {
        Some(pseudo) if v6 => pseudo.checksum(IpProto::ICMP6, message),
        Some(_) | None => checksum::internet(message),
    };
    message[2..4].copy_from_slice(&sum.to_be_bytes());
}

fn addresses(src: Option<Addr>, dst: Option<Addr>) -> Vec<WordSet> {
    let mut sets = Vec::with_capacity(5);
    for (addr, at) in [(src, slot::NW_SRC), (dst, slot::NW_DST)] {
        let Some(bits) = addr.map(Addr::bits) else { continue };
        let halves = [(at.word, (bits >> 64) as u64), (at.word + 1, bits as u64)];
        sets.extend(halves.map(|(word, value)| WordSet { word, mask: u64::MAX, value }));
    }
    sets
}

fn pseudo_of(frame: &[u8], layout: &Layout) -> Option<Pseudo> {
    let header = frame.get(layout.l3_at as usize..)?;
    let address = |at: usize| header.get(at..)?.first_chunk::<16>().map(|octets| (*octets).into());
    (layout.l3 == L3::Ipv6).then(|| Some(Pseudo::V6(address(8)?, address(24)?)))?
}

/// Rewrites the packet in an ICMP message. It may be cut behind its ports; its checksums change with
/// it where they are still there.
fn translate_inner(message: &mut [u8], v6: bool, wanted: &ConnKey) {
    let Some(l4_at) = inner_transport_at(v6, message) else { return };
    let (src_at, len) = if v6 { (16, 16) } else { (20, 4) };
    let mut octets = [0; 36];
    let (src, dst) = (wanted.src.bits().to_be_bytes(), wanted.dst.bits().to_be_bytes());
    octets[..len].copy_from_slice(&src[16 - len..]);
    octets[len..2 * len].copy_from_slice(&dst[16 - len..]);
    let new = &octets[..2 * len];
    let Some(place) = message.get_mut(src_at..src_at + 2 * len) else { return };
    let mut old = [0; 36];
    old[..2 * len].copy_from_slice(place);
    place.copy_from_slice(new);
    if !v6 {
        update_sum(message, 8 + 10, &old[..2 * len], new, false);
    }
    let mut changed = 2 * len;
    if wanted.has_ports()
        && let Some(ports) = message.get_mut(l4_at..l4_at + 4)
    {
        old[changed..changed + 4].copy_from_slice(ports);
        octets[changed..changed + 2].copy_from_slice(&wanted.src_port.to_be_bytes());
        octets[changed + 2..changed + 4].copy_from_slice(&wanted.dst_port.to_be_bytes());
        ports.copy_from_slice(&octets[changed..changed + 4]);
        changed += 4;
    }
    let (old, new) = (&old[..changed], &octets[..changed]);
    match wanted.proto {
        IpProto::TCP => update_sum(message, l4_at + 16, old, new, false),
        IpProto::UDP => update_sum(message, l4_at + 6, old, new, true),
        IpProto::ICMP6 if v6 => update_sum(message, l4_at + 2, old, new, false),
        _ => {}
    }
}

/// Updates the checksum at `at`, if it is there. With `optional`, zero means that there is none.
fn update_sum(octets: &mut [u8], at: usize, old: &[u8], new: &[u8], optional: bool) {
    let Some(field) = octets.get_mut(at..at + 2) else { return };
    let sum = u16::from_be_bytes([field[0], field[1]]);
    if optional && sum == 0 {
        return;
    }
    let sum = match checksum::update(sum, old, new) {
        0 if optional => 0xffff,
        sum => sum,
    };
    field.copy_from_slice(&sum.to_be_bytes());
}
