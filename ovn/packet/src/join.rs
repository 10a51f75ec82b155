//! Joining TCP segments that follow each other into one frame that is to be cut again: the inverse of
//! [`crate::Segmenter`]. Nothing is lost: only segments that would come out of the cut as they were
//! are joined, and each one's checksums are verified before.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::key::{FlowKey, L3, L4, Layout, extract};
use crate::segment::{be16, be32, put16, set_lengths};
use crate::{Frame, IpProto, Offload, Partial, Pseudo, SegmentKind, Segments, checksum};

const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
/// The longest IP packet, in octets.
const PACKET_LEN_MAX: usize = 65_535;

/// Joins segments to a first one.
#[derive(Debug)]
pub struct Joiner {
    frame: Frame,
    /// Of the first segment; `None` if nothing can be joined to it any more.
    open: Option<Layout>,
    /// Octets of headers, and of payload in each segment but the last.
    header: usize,
    size: usize,
    number: u16,
    last_pushes: bool,
}

impl Joiner {
    /// Begins with any frame.
    pub fn new(frame: Frame) -> Self {
        let layout = extract(&frame, &mut FlowKey::default());
        let header = joinable(&frame, &layout);
        let open = header.filter(|_| !frame.is_partial()).map(|_| layout);
        let header = header.unwrap_or(0);
        let last_pushes = open.is_some() && frame[layout.l4_at as usize + 13] & PSH != 0;
        let size = frame.len() - header;
        let open = open.filter(|_| !last_pushes);
        Self { frame, open, header, size, number: 1, last_pushes }
    }

    /// Joins a frame to those before it, if it follows them; false, and nothing changed, if not.
    pub fn add(&mut self, next: &[u8]) -> bool {
        let Some(layout) = self.open else { return false };
        if !self.follows(next, &layout) {
            return false;
        }
        let payload = &next[self.header..];
        if self.number == 1 {
            self.frame.reserve(PACKET_LEN_MAX);
        }
        self.frame.extend(payload);
        self.number += 1;
        self.last_pushes = next[layout.l4_at as usize + 13] & PSH != 0;
        if self.last_pushes || payload.len() < self.size {
            self.open = None;
        }
        true
    }

    /// The frame: the first as it was if nothing was joined to it.
    pub fn finish(self) -> Frame {
        let mut frame = self.frame;
        if self.number == 1 {
            return frame;
        }
        let layout = extract(&frame.as_slice()[..self.header + self.size], &mut FlowKey::default());
        let (l3_at, l4_at) = (layout.l3_at as usize, layout.l4_at as usize);
        let octets = frame.as_mut_slice();
        set_lengths(octets, &layout);
        if layout.l3 == L3::Ipv4 {
            put16(octets, l3_at + 10, 0);
            let sum = checksum::internet(&octets[l3_at..l4_at]);
            put16(octets, l3_at + 10, sum);
        }
        if self.last_pushes {
            octets[l4_at + 13] |= PSH;
        }
        let l4_len = (octets.len() - l4_at) as u32;
        let kind = if layout.l3 == L3::Ipv4 { SegmentKind::Tcp4 } else { SegmentKind::Tcp6 };
        if let Some(pseudo) = pseudo_of(octets, &layout) {
            put16(octets, l4_at + 16, pseudo.partial(IpProto::TCP, l4_len));
        }
        let partial = Partial { start: l4_at as u16, offset: 16 };
        let segments = Segments { kind, size: self.size as u16 };
        let valid = frame.set_offload(Offload { partial: Some(partial), segments: Some(segments) });
        debug_assert!(valid, "the first segment has a TCP header");
        frame
    }

    fn follows(&self, next: &[u8], layout: &Layout) -> bool {
        let (l3_at, l4_at) = (layout.l3_at as usize, layout.l4_at as usize);
        let first = self.frame.as_slice();
        let payload = next.len().saturating_sub(self.header);
        if payload == 0 || payload > self.size || first.len() - l3_at + payload > PACKET_LEN_MAX {
            return false;
        }
        let same = |from: usize, to: usize| first[from..to] == next[from..to];
        let same_ip = match layout.l3 {
            L3::Ipv4 => {
                let counts = be16(first, l3_at + 4).wrapping_add(self.number) == be16(next, l3_at + 4);
                same(l3_at, l3_at + 2) && counts && same(l3_at + 6, l3_at + 10) && same(l3_at + 12, l4_at)
            }
            L3::Ipv6 => same(l3_at, l3_at + 4) && same(l3_at + 6, l4_at),
            L3::None | L3::Arp => false,
        };
        let sequence = be32(first, l4_at + 4).wrapping_add((first.len() - self.header) as u32);
        let same_flags = (first[l4_at + 13] ^ next[l4_at + 13]) & !PSH == 0;
        same(0, l3_at)
            && same_ip
            && same(l4_at, l4_at + 4)
            && sequence == be32(next, l4_at + 4)
            && same(l4_at + 8, l4_at + 13)
            && same_flags
            && same(l4_at + 14, l4_at + 16)
            && same(l4_at + 18, self.header)
            && joinable(next, &extract(next, &mut FlowKey::default())) == Some(self.header)
    }
}

/// Octets of headers of a plain TCP segment with payload whose lengths and checksums are right.
fn joinable(frame: &[u8], layout: &Layout) -> Option<usize> {
    let (l3_at, l4_at) = (layout.l3_at as usize, layout.l4_at as usize);
    let plain = layout.l4 == L4::Tcp && layout.l3_end as usize == frame.len();
    if !plain || layout.routed {
        return None;
    }
    let ip_is_right = match layout.l3 {
        L3::Ipv4 => {
            let fragment = be16(frame, l3_at + 6) & 0x3fff;
            fragment == 0 && checksum::internet(&frame[l3_at..l4_at]) == 0
        }
        L3::Ipv6 => l4_at == l3_at + 40,
        L3::None | L3::Arp => false,
    };
    let header = l4_at + usize::from(frame[l4_at + 12] >> 4) * 4;
    // URG, SYN, FIN, RST and the signs of congestion mean this one segment.
    let flags = frame[l4_at + 13] & !PSH == ACK && frame[l4_at + 12] & 0x0f == 0;
    let long_enough = header >= l4_at + 20 && header < frame.len();
    let right = || pseudo_of(frame, layout)?.checksum(IpProto::TCP, &frame[l4_at..]).eq(&0).then_some(());
    (ip_is_right && flags && long_enough && right().is_some()).then_some(header)
}

fn pseudo_of(frame: &[u8], layout: &Layout) -> Option<Pseudo> {
    let l3_at = layout.l3_at as usize;
    let v4 = |at: usize| Some(Ipv4Addr::from(*frame.get(l3_at + at..)?.first_chunk::<4>()?));
    let v6 = |at: usize| Some(Ipv6Addr::from(*frame.get(l3_at + at..)?.first_chunk::<16>()?));
    match layout.l3 {
        L3::Ipv4 => Some(Pseudo::V4(v4(12)?, v4(16)?)),
        L3::Ipv6 => Some(Pseudo::V6(v6(8)?, v6(24)?)),
        L3::None | L3::Arp => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EtherType, Ethernet, Ipv4, Ipv6, MacAddr, Segmenter, Tcp, TcpFlags};
    use proptest::prelude::*;

    /// A TCP segment of a known connection.
    fn tcp(v6: bool, sequence: u32, flags: TcpFlags, payload: &[u8]) -> Vec<u8> {
        let (a4, b4) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let (a6, b6) = (Ipv6Addr::from(1), Ipv6Addr::from(2));
        let mut tcp = Tcp {
            src: 1000,
            dst: 2000,
            sequence,
            acknowledgment: 7,
            flags,
            window: 100,
            checksum: 0,
            urgent: 0,
            options: vec![1, 1, 1, 0],
        };
        let len = 24 + payload.len();
        let pseudo = if v6 { Pseudo::V6(a6, b6) } else { Pseudo::V4(a4, b4) };
        let mut segment = Vec::new();
        tcp.emit(&mut segment);
        segment.extend(payload);
        tcp.checksum = pseudo.checksum(IpProto::TCP, &segment);
        let mut out = Vec::new();
        let ethertype = if v6 { EtherType::IPV6 } else { EtherType::IPV4 };
        Ethernet { dst: MacAddr([2; 6]), src: MacAddr([4; 6]), ethertype }.emit(&mut out);
        if v6 {
            Ipv6::new(a6, b6, IpProto::TCP, len as u16).emit(&mut out);
        } else {
            Ipv4::new(a4, b4, IpProto::TCP, len as u16).emit(&mut out);
        }
        tcp.emit(&mut out);
        out.extend(payload);
        out
    }

    /// Gives an IPv4 packet its identification.
    fn identify(segment: &mut [u8], id: u16) {
        put16(segment, 18, id);
        put16(segment, 24, 0);
        let sum = checksum::internet(&segment[14..34]);
        put16(segment, 24, sum);
    }

    fn cut(frame: &Frame) -> Vec<Vec<u8>> {
        let mut segmenter = Segmenter::new(frame).expect("it is to be cut");
        let mut all = Vec::new();
        loop {
            let mut one = Vec::new();
            if !segmenter.emit(&mut one) {
                break all;
            }
            all.push(one);
        }
    }

    proptest! {
        #[test]
        fn what_is_joined_is_cut_into_the_same(v6: bool, first in 0u32.., size in 1usize..90, n in 2usize..20, last in 1usize..90, push: bool) {
            let last = last.min(size);
            let mut segments = Vec::new();
            for i in 0..n {
                let payload: Vec<u8> = (0..if i + 1 == n { last } else { size }).map(|k| (k * 7 + i) as u8).collect();
                let flags = if push && i + 1 == n { TcpFlags::ACK | TcpFlags::PSH } else { TcpFlags::ACK };
                let mut segment = tcp(v6, first.wrapping_add((i * size) as u32), flags, &payload);
                if !v6 {
                    identify(&mut segment, 9 + i as u16);
                }
                segments.push(segment);
            }
            let mut joiner = Joiner::new(Frame::copy_from(&segments[0]));
            for segment in &segments[1..] {
                prop_assert!(joiner.add(segment));
            }
            // A sum may write its zero either way.
            let zero = |mut segment: Vec<u8>| {
                let at = if v6 { 70 } else { 50 };
                if segment[at..at + 2] == [0xff, 0xff] {
                    put16(&mut segment, at, 0);
                }
                segment
            };
            let ours: Vec<_> = cut(&joiner.finish()).into_iter().map(zero).collect();
            let theirs: Vec<_> = segments.into_iter().map(zero).collect();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn what_does_not_follow_or_is_not_right_is_not_joined() {
        let first = tcp(false, 100, TcpFlags::ACK, &[1; 10]);
        let follower = |sequence, flags, payload: &[u8]| {
            let mut segment = tcp(false, sequence, flags, payload);
            identify(&mut segment, 1);
            segment
        };
        let next = follower(110, TcpFlags::ACK, &[2; 10]);
        let joined = |first: &[u8], next: &[u8]| Joiner::new(Frame::copy_from(first)).add(next);
        assert!(joined(&first, &next));
        assert!(!joined(&first, &follower(111, TcpFlags::ACK, &[2; 10])), "a gap");
        assert!(!joined(&first, &follower(110, TcpFlags::ACK, &[2; 11])), "longer than the first");
        assert!(!joined(&first, &follower(110, TcpFlags::ACK, &[])), "no payload");
        assert!(!joined(&first, &follower(110, TcpFlags::ACK | TcpFlags::FIN, &[2; 10])), "the end");
        assert!(!joined(&first, &tcp(true, 110, TcpFlags::ACK, &[2; 10])), "another protocol");
        let pushed = tcp(false, 100, TcpFlags::ACK | TcpFlags::PSH, &[1; 10]);
        assert!(!joined(&pushed, &next), "the first wants to be delivered at once");
        assert!(!joined(&first, &tcp(false, 110, TcpFlags::ACK, &[2; 10])), "the same identification");
        for octet in [20, 23, 26, 40, 60, 65] {
            let mut damaged = next.clone();
            damaged[octet] ^= 1;
            assert!(!joined(&first, &damaged), "octet {octet}");
        }
        for cut in 0..next.len() {
            assert!(!joined(&first, &next[..cut]));
            assert!(!joined(&first[..cut], &next));
        }
        let mut joiner = Joiner::new(Frame::copy_from(&first));
        assert!(joiner.add(&follower(110, TcpFlags::ACK, &[2; 9])));
        assert!(!joiner.add(&follower(119, TcpFlags::ACK, &[2; 9])), "a short one is the last");
    }
}
