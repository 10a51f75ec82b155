//! Which connection a packet belongs to: the two ends, the protocol, the zone.
//!
//! Of ICMP errors it is the connection of the packet that they carry, seen in the direction of the
//! error. A packet whose lengths or checksums are wrong belongs to none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::key::{FlowKey, L3, L4, Layout, extract, mix, slot};
use packet::{Frame, IpProto, Pseudo, checksum};

use crate::handover::kept;

/// An IPv6 address, or an IPv4 address in the low 32 bits. In halves, so that a key has no padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Addr([u64; 2]);

impl Addr {
    pub(crate) const fn new(bits: u128) -> Self {
        Self([(bits >> 64) as u64, bits as u64])
    }

    pub(crate) fn bits(self) -> u128 {
        u128::from(self.0[0]) << 64 | u128::from(self.0[1])
    }

    pub(crate) fn from_ip(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self::new(v4.to_bits().into()),
            IpAddr::V6(v6) => Self::new(v6.to_bits()),
        }
    }

    pub(crate) fn ip(self, v6: bool) -> IpAddr {
        if v6 { Ipv6Addr::from(self.bits()).into() } else { Ipv4Addr::from(self.0[1] as u32).into() }
    }
}

kept!(Addr([u64; 2]));

/// One direction of a connection in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnKey {
    pub src: Addr,
    pub dst: Addr,
    /// Source port; the identifier of ICMP queries; 0 of protocols without ports.
    pub src_port: u16,
    /// Destination port; the type of ICMP queries.
    pub dst_port: u16,
    pub zone: u16,
    pub proto: IpProto,
    pub v6: bool,
}

kept!(ConnKey { src, dst, src_port, dst_port, zone, proto, v6 });

impl ConnKey {
    /// The key of packets in the other direction.
    pub(crate) fn reversed(self) -> Self {
        let (src_port, dst_port) = if self.is_icmp() {
            (self.src_port, reply_type(self.proto, self.dst_port))
        } else {
            (self.dst_port, self.src_port)
        };
        Self { src: self.dst, dst: self.src, src_port, dst_port, ..self }
    }

    pub(crate) fn is_icmp(&self) -> bool {
        self.proto == IpProto::ICMP && !self.v6 || self.proto == IpProto::ICMP6 && self.v6
    }

    /// Whether it has ports that may be changed.
    pub(crate) fn has_ports(&self) -> bool {
        matches!(self.proto, IpProto::TCP | IpProto::UDP | IpProto::SCTP)
    }

    /// A hash that is the same for both directions, so that one entry of a table is found by either.
    pub(crate) fn hash(&self, seed: u64) -> u64 {
        let end = |addr: Addr, port: u16| mix(mix(seed, addr.0[0] ^ u64::from(port) << 48), addr.0[1]);
        let (src_port, dst_port) = if self.is_icmp() { (0, 0) } else { (self.src_port, self.dst_port) };
        // Of ICMP, the identifier is the same both ways and the type is not.
        let id = if self.is_icmp() { self.src_port } else { 0 };
        let ends = end(self.src, src_port) ^ end(self.dst, dst_port);
        let rest = u64::from(id) << 32 | u64::from(self.zone) << 16 | u64::from(self.proto.0) << 1;
        mix(mix(seed, ends), rest | u64::from(self.v6))
    }
}

/// The type of the packets that answer those of an ICMP type, and the other way round.
fn reply_type(proto: IpProto, ty: u16) -> u16 {
    match (proto, ty) {
        (IpProto::ICMP, 0) => 8,
        (IpProto::ICMP, 8) => 0,
        (IpProto::ICMP, 13 | 15) | (IpProto::ICMP6, 128) => ty + 1,
        (IpProto::ICMP, 14 | 16) | (IpProto::ICMP6, 129) => ty - 1,
        (_, other) => other,
    }
}

/// What a frame is to the tracker.
#[derive(Debug)]
pub(crate) enum Read {
    Packet(Parsed),
    /// Part of a packet, and where its headers are.
    Fragment(Layout),
    /// No IP packet, a cut one, or one that contradicts itself.
    Wrong,
}

/// A packet read for tracking.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub key: ConnKey,
    /// The key is that of a packet inside this one, an ICMP error.
    pub related: bool,
    /// Where the headers are.
    pub layout: Layout,
}

/// Reads a frame. `sums` says whether checksums are to be looked at: once for every packet is enough.
/// One that its sender left to be summed is as good as right.
pub(crate) fn read(frame: &Frame, zone: u16, sums: bool) -> Read {
    let mut flow = FlowKey::ZERO;
    let mut layout = extract(frame, &mut flow);
    layout.partial = frame.is_partial();
    let v6 = match layout.l3 {
        L3::Ipv4 => false,
        L3::Ipv6 => true,
        L3::None | L3::Arp => return Read::Wrong,
    };
    if flow.get(slot::NW_FRAG) & 1 != 0 {
        return Read::Fragment(layout);
    }
    let ends = (flow.get(slot::NW_SRC), flow.get(slot::NW_DST), IpProto(flow.get(slot::NW_PROTO) as u8));
    read_whole(frame, ends, layout, (zone, v6), sums).map_or(Read::Wrong, Read::Packet)
}

/// The same where it may be known already where the headers are. Then most packets need not be gone through once more.
pub(crate) fn read_known(frame: &Frame, layout: Option<&Layout>, zone: u16, sums: bool) -> Read {
    match layout.and_then(|layout| read_at(frame, *layout, zone, sums)) {
        Some(parsed) => Read::Packet(parsed),
        None => read(frame, zone, sums),
    }
}

/// A whole TCP or UDP packet without extension headers, whose headers are at these places. All others are to be read
/// with more care, wrong ones too.
fn read_at(frame: &Frame, mut layout: Layout, zone: u16, sums: bool) -> Option<Parsed> {
    let header = frame.get(layout.l3_at as usize..layout.l4_at as usize)?;
    let (v6, proto, src, dst) = match layout.l3 {
        L3::Ipv4 => {
            let address = |at: usize| Some(u32::from_be_bytes(*header.get(at..)?.first_chunk()?).into());
            let is_fragment = u16::from_be_bytes([*header.get(6)?, header[7]]) & 0x3fff != 0;
            if is_fragment {
                return None;
            }
            (false, header[9], address(12)?, address(16)?)
        }
        L3::Ipv6 => {
            let header: &[u8; 40] = header.try_into().ok()?;
            let address = |at: usize| header[at..].first_chunk().map(|octets| u128::from_be_bytes(*octets));
            (true, header[6], address(8)?, address(24)?)
        }
        L3::None | L3::Arp => return None,
    };
    let proto = IpProto(proto);
    let fits = matches!((layout.l4, proto), (L4::Tcp, IpProto::TCP) | (L4::Udp, IpProto::UDP));
    layout.partial = frame.is_partial();
    if fits { read_whole(frame, (src, dst, proto), layout, (zone, v6), sums) } else { None }
}

fn read_whole(
    frame: &[u8],
    (src, dst, proto): (u128, u128, IpProto),
    layout: Layout,
    (zone, v6): (u16, bool),
    sums: bool,
) -> Option<Parsed> {
    let header = frame.get(layout.l3_at as usize..layout.l4_at as usize)?;
    let segment = frame.get(layout.l4_at as usize..layout.l3_end as usize)?;
    if sums && !v6 && checksum::internet(header) != 0 {
        return None;
    }
    let mut key =
        ConnKey { src: Addr::new(src), dst: Addr::new(dst), src_port: 0, dst_port: 0, zone, proto, v6 };
    if !lengths_fit(&key, &layout, segment)
        || sums && !layout.partial && !sum_is_right(&key, &layout, segment)
    {
        return None;
    }
    let related = transport(&mut key, segment, 8, true)?;
    Some(Parsed { key, related, layout })
}

/// Whether the transport header is whole and agrees with the length of the packet.
fn lengths_fit(key: &ConnKey, layout: &Layout, segment: &[u8]) -> bool {
    match key.proto {
        IpProto::TCP => layout.l4 == L4::Tcp && (20..=segment.len()).contains(&tcp_header_len(segment)),
        IpProto::UDP => {
            let len = |segment: &[u8]| usize::from(u16::from_be_bytes([segment[4], segment[5]]));
            layout.l4 == L4::Udp && (8..=segment.len()).contains(&len(segment))
        }
        IpProto::SCTP => layout.l4 == L4::Sctp,
        _ if key.is_icmp() => matches!(layout.l4, L4::Icmp4 | L4::Icmp6 | L4::Nd),
        _ => true,
    }
}

/// Octets of a TCP header. The segment has at least 20.
pub(crate) fn tcp_header_len(segment: &[u8]) -> usize {
    usize::from(segment[12] >> 4) * 4
}

fn sum_is_right(key: &ConnKey, layout: &Layout, segment: &[u8]) -> bool {
    let pseudo = || Pseudo::new(key.src.ip(key.v6), key.dst.ip(key.v6));
    // The destination that a routing header hides is what the sum covers: not looked for.
    let under_pseudo = |proto| layout.routed || pseudo().is_some_and(|p| p.checksum(proto, segment) == 0);
    match key.proto {
        IpProto::TCP => under_pseudo(IpProto::TCP),
        IpProto::UDP if segment[6..8] == [0, 0] => !key.v6,
        // The checksum of UDP never comes out as 0, which would mean that there is none.
        IpProto::UDP => {
            layout.routed || pseudo().is_some_and(|p| p.checksum(IpProto::UDP, segment) == 0xffff)
        }
        IpProto::ICMP if !key.v6 => checksum::internet(segment) == 0,
        IpProto::ICMP6 if key.v6 => under_pseudo(IpProto::ICMP6),
        _ => true,
    }
}

/// Reads ports and identifiers of a segment that has at least `shortest` octets; whether it is an
/// ICMP error, whose key is then that of the packet inside. Only an outer packet may be one.
fn transport(key: &mut ConnKey, segment: &[u8], shortest: usize, outer: bool) -> Option<bool> {
    let word = |at: usize| Some(u16::from_be_bytes(*segment.get(at..)?.first_chunk()?));
    if key.has_ports() {
        if segment.len() < shortest {
            return None;
        }
        (key.src_port, key.dst_port) = (word(0)?, word(2)?);
        return (key.src_port != 0 && key.dst_port != 0).then_some(false);
    }
    if !key.is_icmp() {
        return Some(false);
    }
    let (&[ty, code], true) = (segment.first_chunk::<2>()?, segment.len() >= 8) else { return None };
    match (key.proto, ty) {
        (IpProto::ICMP, 0 | 8 | 13..=16) | (IpProto::ICMP6, 128 | 129) => {
            (key.src_port, key.dst_port) = (word(4)?, u16::from(ty));
            (code == 0).then_some(false)
        }
        (IpProto::ICMP, 3 | 4 | 5 | 11 | 12) | (IpProto::ICMP6, 1..=4) if outer => {
            let (inner, at) = inner(key, &segment[8..])?;
            *key = inner;
            // Errors of IPv4 need not hold more than eight octets of it; those of IPv6 hold all that there is room for
            // (RFC 4443 section 2.4), so that a cut header is not honest.
            let shortest = if key.v6 && key.proto == IpProto::TCP { 20 } else { 8 };
            transport(key, &segment[8 + at..], shortest, false)?;
            *key = key.reversed();
            Some(true)
        }
        _ => None,
    }
}

/// The addresses and the protocol of the packet in an ICMP error, which may be cut, and where its
/// transport header begins. It must have been sent by whom the error is for.
fn inner(error: &ConnKey, packet: &[u8]) -> Option<(ConnKey, usize)> {
    let (src, dst, proto, at) = if error.v6 {
        let header = packet.first_chunk::<40>()?;
        let address = |at: usize| header[at..].first_chunk().map(|octets| u128::from_be_bytes(*octets));
        if header[0] >> 4 != 6 {
            return None;
        }
        let (proto, at) = skip_extensions(packet, header[6])?;
        (address(8)?, address(24)?, proto, at)
    } else {
        let header = packet.first_chunk::<20>()?;
        let address =
            |at: usize| header[at..].first_chunk().map(|octets| u128::from(u32::from_be_bytes(*octets)));
        let len = usize::from(header[0] & 15) * 4;
        let is_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
        if header[0] >> 4 != 4 || len < 20 || packet.len() < len || is_fragment {
            return None;
        }
        (address(12)?, address(16)?, header[9], len)
    };
    let key = ConnKey { src: Addr::new(src), dst: Addr::new(dst), proto: IpProto(proto), ..*error };
    (key.src == error.dst).then_some((key, at))
}

/// The protocol behind the extension headers of an IPv6 packet that is no fragment, and where it
/// begins.
fn skip_extensions(packet: &[u8], first: u8) -> Option<(u8, usize)> {
    let (mut next, mut at) = (first, 40);
    loop {
        // Hop-by-hop, routing, destination options; fragment; authentication (RFC 8200 section 4).
        let units = match next {
            0 | 43 | 60 | 44 | 51 => packet.get(at..)?.first_chunk::<4>()?,
            _ => return (at <= packet.len()).then_some((next, at)),
        };
        let len = match next {
            44 if units[2] != 0 || units[3] & 0xf9 != 0 => return None,
            44 => 8,
            51 => (usize::from(units[1]) + 2) * 4,
            _ => (usize::from(units[1]) + 1) * 8,
        };
        next = units[0];
        at += len;
        if at > packet.len() {
            return None;
        }
    }
}

/// Where the transport header of the packet in an ICMP error begins, from the error's first octet.
pub(crate) fn inner_transport_at(v6: bool, message: &[u8]) -> Option<usize> {
    let packet = message.get(8..)?;
    if v6 {
        skip_extensions(packet, *packet.get(6)?).map(|(_, at)| 8 + at)
    } else {
        packet.first().map(|first| 8 + usize::from(first & 15) * 4)
    }
}
