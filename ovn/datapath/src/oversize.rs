//! Packets larger than what the port takes that they are to leave by.
//!
//! An IPv4 packet that may be cut leaves in fragments (RFC 791). For any other the host behind the port answers, as it
//! were: an ICMP error with the size that fits comes in by that port and goes back through the tables, so that what
//! translated the packet translates the answer too, and path MTU discovery (RFC 1191, RFC 8201) works across bridges.

use std::net::{Ipv4Addr, Ipv6Addr};

use packet::key::{FlowKey, L3, L4, Layout, extract};
use packet::{Frame, Icmp4, Icmp6, IpProto, Ipv4, Ipv6, Pseudo, Segmenter};

use crate::conntrack::Cut;

/// What becomes of a packet.
#[derive(Debug)]
pub(crate) enum Oversize {
    /// It is not too large.
    Fits(Frame),
    /// It leaves in these.
    Fragments(Vec<Frame>),
    /// It does not leave, and this comes back.
    Answer(Frame),
    /// It does not leave.
    Lost,
}

/// Octets of an ICMP error's IP packet at most (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4).
const ANSWER4_LEN_MAX: usize = 576;
const ANSWER6_LEN_MAX: usize = 1280;

/// Treats a frame that is to leave by a port that takes so many octets behind the Ethernet header and its tags.
pub(crate) fn treat(frame: Frame, mtu: u32) -> Oversize {
    let layout = extract(&frame, &mut FlowKey::default());
    let (l3, mtu) = (layout.l3_at as usize, mtu as usize);
    if frame.wire_len() <= l3 + mtu {
        return Oversize::Fits(frame);
    }
    match layout.l3 {
        L3::Ipv4 if frame[l3 + 6] & 0x40 == 0 => Oversize::Fragments(cut(frame, mtu)),
        L3::Ipv4 => answer4(&frame, &layout, mtu).map_or(Oversize::Lost, Oversize::Answer),
        L3::Ipv6 => answer6(&frame, &layout, mtu).map_or(Oversize::Lost, Oversize::Answer),
        L3::Arp | L3::None => Oversize::Lost,
    }
}

fn cut(mut frame: Frame, mtu: usize) -> Vec<Frame> {
    let cut = Cut::to(u16::try_from(mtu).unwrap_or(u16::MAX));
    let Some(mut segmenter) = Segmenter::new(&frame) else {
        frame.finish_checksum();
        return cut.apply(frame);
    };
    let mut fragments = Vec::new();
    let mut octets = Vec::new();
    while segmenter.emit(&mut octets) {
        fragments.extend(cut.apply(Frame::copy_from(&octets)));
        octets.clear();
    }
    fragments
}

/// The Ethernet header and tags of an answer; `None` to a packet that was for many.
fn link(frame: &[u8], layout: &Layout) -> Option<Vec<u8>> {
    let (dst, src, rest) = (frame.get(..6)?, frame.get(6..12)?, frame.get(12..layout.l3_at as usize)?);
    let is_group = |mac: &[u8]| mac.first().is_none_or(|first| first & 1 != 0);
    (!is_group(dst) && !is_group(src)).then(|| [src, dst, rest].concat())
}

/// Errors are not answered with errors, and of fragments only the first is (RFC 1812 section 4.3.2.7).
fn answer4(frame: &Frame, layout: &Layout, mtu: usize) -> Option<Frame> {
    let l3 = layout.l3_at as usize;
    let packet = frame.get(l3..layout.l3_end as usize)?;
    let address = |at: usize| packet.get(at..at + 4)?.first_chunk().map(|octets| Ipv4Addr::from(*octets));
    let (src, dst) = (address(12)?, address(16)?);
    let is_later = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x1fff != 0;
    let asks = |ty: u8| matches!(ty, Icmp4::ECHO_REQUEST | Icmp4::ECHO_REPLY | 13..=18);
    let is_error = layout.l4 == L4::Icmp4 && !asks(*frame.get(layout.l4_at as usize)?);
    if is_later || is_error || src.is_unspecified() || src.is_multicast() || src.is_broadcast() {
        return None;
    }
    if dst.is_multicast() || dst.is_broadcast() {
        return None;
    }
    let body = &packet[..packet.len().min(ANSWER4_LEN_MAX - Ipv4::LEN - Icmp4::LEN)];
    let [high, low] = u16::try_from(mtu).unwrap_or(u16::MAX).to_be_bytes();
    // Code 4: fragmentation is needed (RFC 1191 section 4).
    let icmp =
        Icmp4 { ty: Icmp4::UNREACHABLE, code: 4, checksum: 0, data: [0, 0, high, low] }.with_checksum(body);
    let mut out = link(frame, layout)?;
    Ipv4::new(dst, src, IpProto::ICMP, (Icmp4::LEN + body.len()) as u16).emit(&mut out);
    icmp.emit(&mut out);
    out.extend(body);
    Some(Frame::copy_from(&out))
}

/// The same of IPv6, whose hosts alone cut packets (RFC 4443 sections 2.4 and 3.2).
fn answer6(frame: &Frame, layout: &Layout, mtu: usize) -> Option<Frame> {
    let l3 = layout.l3_at as usize;
    let packet = frame.get(l3..layout.l3_end as usize)?;
    let address = |at: usize| packet.get(at..at + 16)?.first_chunk().map(|octets| Ipv6Addr::from(*octets));
    let (src, dst) = (address(8)?, address(24)?);
    let is_icmp = matches!(layout.l4, L4::Icmp6 | L4::Nd);
    let is_error = is_icmp && *frame.get(layout.l4_at as usize)? < 128;
    if is_error || src.is_unspecified() || src.is_multicast() || dst.is_multicast() {
        return None;
    }
    let body = &packet[..packet.len().min(ANSWER6_LEN_MAX - Ipv6::LEN - Icmp6::LEN)];
    let data = u32::try_from(mtu).unwrap_or(u32::MAX).to_be_bytes();
    let icmp = Icmp6 { ty: Icmp6::TOO_BIG, code: 0, checksum: 0, data };
    let icmp = icmp.with_checksum(Pseudo::V6(dst, src), body);
    let mut out = link(frame, layout)?;
    Ipv6::new(dst, src, IpProto::ICMP6, (Icmp6::LEN + body.len()) as u16).emit(&mut out);
    icmp.emit(&mut out);
    out.extend(body);
    Some(Frame::copy_from(&out))
}
