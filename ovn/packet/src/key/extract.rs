//! From the octets of a frame to its key: the fast path's only parser.
//!
//! It is total. Of a frame that ends too early, or whose lengths contradict each other, the key says
//! what was understood up to there and has zero in the rest. Octets beyond the IP packet (link-layer
//! padding) never change the key.

use super::layout::{L3, L4, Layout};
use super::{FlowKey, slot};
use crate::{EtherType, Icmp6, IpProto};

/// Bit 0 of `NW_FRAG`: part of a fragmented datagram.
const FRAG_ANY: u8 = 1;
/// Bit 1 of `NW_FRAG`: not the first part.
const FRAG_LATER: u8 = 2;
/// Set in the tag fields of the key where there is a tag; DEI's place, as in OpenFlow.
const TAG_PRESENT: u16 = 0x1000;
/// Tags that a key has room for; those beyond are payload of an unknown type.
pub const TAGS_MAX: u8 = 2;

/// Writes the L2, L3 and L4 words of `key` from `frame`; its pipeline words stay. Returns where the
/// headers are.
pub fn extract(frame: &[u8], key: &mut FlowKey) -> Layout {
    extract_tags(frame, key, TAGS_MAX)
}

/// The same with at most so many tags, or [`TAGS_MAX`] if that is fewer: what lies below them is payload, of the type
/// that the next tag's TPID says.
pub fn extract_tags(frame: &[u8], key: &mut FlowKey, tags_max: u8) -> Layout {
    key.words_mut()[slot::L2_WORD..].fill(0);
    let mut layout = Layout { l3_end: frame.len() as u32, ..Layout::default() };
    let Some((ethertype, at)) = link(frame, key, &mut layout, tags_max.min(TAGS_MAX)) else { return layout };
    layout.l3_at = at as u32;
    let packet = &frame[at..];
    match ethertype {
        EtherType::IPV4 => ipv4(packet, key, &mut layout),
        EtherType::IPV6 => ipv6(packet, key, &mut layout),
        EtherType::ARP | EtherType::RARP => arp(packet, key, &mut layout),
        _ => {}
    }
    layout
}

/// Big-endian number of `N` octets at `at`.
fn be<const N: usize>(octets: &[u8], at: usize) -> Option<u64> {
    let field: &[u8; N] = octets.get(at..)?.first_chunk()?;
    Some(field.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
}

fn be16(octets: &[u8], at: usize) -> Option<u16> {
    be::<2>(octets, at).map(|n| n as u16)
}

/// Ethernet and tags: the type of what follows, and where it begins.
fn link(frame: &[u8], key: &mut FlowKey, layout: &mut Layout, tags_max: u8) -> Option<(EtherType, usize)> {
    let dst = be::<6>(frame, 0)?;
    let src = be::<6>(frame, 6)?;
    let mut ethertype = be16(frame, 12)?;
    let mut at = 14;
    let mut tags = [(0, 0); 2];
    while EtherType(ethertype).is_vlan() && layout.tags < tags_max {
        // A tag that is cut short is no tag: its TPID stays the type of the frame.
        let (Some(tci), Some(inner)) = (be16(frame, at), be16(frame, at + 2)) else { break };
        tags[usize::from(layout.tags)] = (ethertype, tci | TAG_PRESENT);
        layout.tags += 1;
        ethertype = inner;
        at += 4;
    }
    if ethertype < EtherType::SMALLEST.0 {
        (ethertype, at) = snap(frame, at);
    }
    key[slot::L2_WORD] = dst << 16 | u64::from(ethertype);
    key[slot::L2_WORD + 1] = src << 16 | u64::from(tags[0].1);
    key[slot::L2_WORD + 2] =
        u64::from(tags[1].1) << 48 | u64::from(tags[0].0) << 32 | u64::from(tags[1].0) << 16;
    Some((EtherType(ethertype), at))
}

/// The type of an 802.3 frame: that of its SNAP header, if it has one (RFC 1042).
fn snap(frame: &[u8], at: usize) -> (u16, usize) {
    const LLC_SNAP: u64 = 0xaaaa_0300_0000;
    match (be::<6>(frame, at), be16(frame, at + 6)) {
        (Some(LLC_SNAP), Some(ethertype)) if ethertype >= EtherType::SMALLEST.0 => (ethertype, at + 8),
        _ => (EtherType::NONE.0, at),
    }
}

/// IPv4. A header whose lengths contradict the frame is not read at all, so that nothing above it
/// can be taken for what it is not. The frame's type counts, and not the version, as in Open vSwitch.
fn ipv4(packet: &[u8], key: &mut FlowKey, layout: &mut Layout) {
    let Some(header) = packet.first_chunk::<20>() else { return };
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header_len < 20 || total_len < header_len || total_len > packet.len() {
        return;
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]);
    let frag = match (fragment & 0x1fff != 0, fragment & 0x2000 != 0) {
        (true, _) => FRAG_ANY | FRAG_LATER,
        (false, true) => FRAG_ANY,
        (false, false) => 0,
    };
    let [tos, ttl, proto] = [header[1], header[8], header[9]];
    key[slot::L3_WORD] = l3_word(proto, tos, ttl, frag, 0);
    key[slot::L3_WORD + 2] = be::<4>(header, 12).unwrap_or(0);
    key[slot::L3_WORD + 4] = be::<4>(header, 16).unwrap_or(0);
    layout.l3 = L3::Ipv4;
    layout.l3_end = layout.l3_at + total_len as u32;
    layout.l4_at = layout.l3_at + header_len as u32;
    if frag & FRAG_LATER == 0 {
        transport(IpProto(proto), &packet[header_len..total_len], key, layout);
    }
}

fn l3_word(proto: u8, tos: u8, ttl: u8, frag: u8, label: u32) -> u64 {
    u64::from(u32::from_be_bytes([proto, tos, ttl, frag])) << 32 | u64::from(label)
}

/// IPv6 with its extension headers.
fn ipv6(packet: &[u8], key: &mut FlowKey, layout: &mut Layout) {
    let Some(header) = packet.first_chunk::<40>() else { return };
    let end = 40 + usize::from(u16::from_be_bytes([header[4], header[5]]));
    if end > packet.len() {
        return;
    }
    let first = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
    for word in 0..4 {
        key[slot::L3_WORD + 1 + word] = be::<8>(header, 8 + 8 * word).unwrap_or(0);
    }
    layout.l3 = L3::Ipv6;
    layout.l3_end = layout.l3_at + end as u32;
    // Where a header is cut short, nothing is known but the addresses, as in Open vSwitch: not even a protocol, that
    // no rule takes the packet for what it may not be.
    let Some((proto, frag, at)) = extensions(header[6], &packet[..end], layout) else { return };
    key[slot::L3_WORD] = l3_word(proto, (first >> 20) as u8, header[7], frag, first & 0x000f_ffff);
    layout.l4_at = layout.l3_at + at as u32;
    if frag & FRAG_LATER == 0 {
        transport(IpProto(proto), &packet[at..end], key, layout);
    }
}

/// Walks extension headers: upper protocol, fragment bits, and where the upper header begins. `None`
/// if one is cut short. Mobility headers are an upper protocol here, as in Open vSwitch.
fn extensions(first: u8, packet: &[u8], layout: &mut Layout) -> Option<(u8, u8, usize)> {
    let mut next = first;
    let mut frag = 0;
    let mut at = 40;
    loop {
        let len = match IpProto(next) {
            IpProto::HOP_BY_HOP | IpProto::ROUTING | IpProto::DESTINATION => {
                8 + usize::from(*packet.get(at + 1)?) * 8
            }
            IpProto::AH => 8 + usize::from(*packet.get(at + 1)?) * 4,
            IpProto::FRAGMENT => 8,
            _ => return Some((next, frag, at)),
        };
        let header = packet.get(at..at + len)?;
        match IpProto(next) {
            IpProto::ROUTING => layout.routed = true,
            IpProto::FRAGMENT => {
                let flags = u16::from_be_bytes([header[2], header[3]]);
                if flags & 0xfff8 != 0 {
                    return Some((next, FRAG_ANY | FRAG_LATER, at + len));
                }
                // A fragment header without fragments (RFC 6946) leaves the packet whole.
                frag |= (flags & 1) as u8 * FRAG_ANY;
            }
            _ => {}
        }
        next = header[0];
        at += len;
    }
}

/// ARP or RARP for IPv4 over Ethernet; the operation counts if it has one octet, as in OpenFlow.
fn arp(packet: &[u8], key: &mut FlowKey, layout: &mut Layout) {
    const ETHERNET_IPV4: u64 = 0x0001_0800_0604;
    let Some(arp) = packet.first_chunk::<28>() else { return };
    if be::<6>(arp, 0) != Some(ETHERNET_IPV4) {
        return;
    }
    let operation = if arp[6] == 0 { arp[7] } else { 0 };
    key[slot::L3_WORD] = l3_word(operation, 0, 0, 0, 0);
    key[slot::L3_WORD + 2] = be::<4>(arp, 14).unwrap_or(0);
    key[slot::L3_WORD + 4] = be::<4>(arp, 24).unwrap_or(0);
    key[slot::L4_WORD + 1] = be::<6>(arp, 8).unwrap_or(0);
    key[slot::L4_WORD + 2] = be::<6>(arp, 18).unwrap_or(0);
    layout.l3 = L3::Arp;
    layout.l3_end = layout.l3_at + 28;
}

/// The transport header at the start of `segment`, which ends with the IP packet.
fn transport(proto: IpProto, segment: &[u8], key: &mut FlowKey, layout: &mut Layout) {
    let (kind, shortest) = match (proto, layout.l3) {
        (IpProto::TCP, _) => (L4::Tcp, 20),
        (IpProto::UDP, _) => (L4::Udp, 8),
        (IpProto::SCTP, _) => (L4::Sctp, 12),
        (IpProto::ICMP, L3::Ipv4) => (L4::Icmp4, 8),
        (IpProto::IGMP, L3::Ipv4) => (L4::Igmp, 8),
        (IpProto::ICMP6, L3::Ipv6) => (L4::Icmp6, 8),
        _ => return,
    };
    // A TCP header that is longer than its packet, or shorter than it can be, is none.
    let whole = kind != L4::Tcp
        || segment.get(12).is_some_and(|octet| (20..=segment.len()).contains(&(usize::from(octet >> 4) * 4)));
    if segment.len() < shortest || !whole {
        return;
    }
    layout.l4 = kind;
    let word = match kind {
        L4::Tcp => {
            let flags = u64::from(u16::from_be_bytes([segment[12], segment[13]]) & 0x0fff);
            be::<4>(segment, 0).unwrap_or(0) << 32 | flags << 16
        }
        L4::Udp | L4::Sctp => be::<4>(segment, 0).unwrap_or(0) << 32,
        L4::Icmp4 | L4::Igmp | L4::Icmp6 | L4::Nd => {
            u64::from(segment[0]) << 48 | u64::from(segment[1]) << 32
        }
        L4::None => 0,
    };
    key[slot::L4_WORD] = word;
    let is_nd = matches!(segment[0], Icmp6::NEIGHBOR_SOLICITATION | Icmp6::NEIGHBOR_ADVERTISEMENT);
    if kind == L4::Icmp6 && is_nd && segment[1] == 0 && segment.len() >= 24 {
        neighbor(segment, key, layout);
    }
}

/// Target and link-layer addresses of a neighbour solicitation or advertisement. What follows an option that is not
/// well-formed is not looked at, as in Open vSwitch (RFC 4861 section 7.1 wants the message dropped, by who hears it).
fn neighbor(message: &[u8], key: &mut FlowKey, layout: &mut Layout) {
    let mut found = [0; 2];
    let mut at = 24;
    while at + 8 <= message.len() {
        let (ty, len) = (message[at], usize::from(message[at + 1]) * 8);
        if len == 0 || at + len > message.len() {
            break;
        }
        if let 1 | 2 = ty
            && len == 8
        {
            let place = &mut found[usize::from(ty) - 1];
            if *place != 0 {
                return; // Two of one kind: which counts would be the receiver's choice.
            }
            *place = at;
        }
        at += len;
    }
    layout.l4 = L4::Nd;
    key[slot::L4_WORD + 3] = be::<8>(message, 8).unwrap_or(0);
    key[slot::L4_WORD + 4] = be::<8>(message, 16).unwrap_or(0);
    let places = [&mut layout.nd_sll_at, &mut layout.nd_tll_at];
    for ((place, at), word) in places.into_iter().zip(found).zip([1, 2]) {
        if at != 0 {
            key[slot::L4_WORD + word] = be::<6>(message, at + 2).unwrap_or(0);
            *place = layout.l4_at + at as u32;
        }
    }
}

#[cfg(test)]
mod tests;
