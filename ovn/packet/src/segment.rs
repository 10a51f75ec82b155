//! Cutting a frame that is longer than any wire takes into segments, as a network card would: each
//! gets the headers, with lengths, sequence numbers, flags, identification and checksums of its own.

use crate::key::{FlowKey, L3, L4, Layout, extract};
use crate::{Frame, SegmentKind, checksum};

/// TCP flags, in the second octet of their word.
const FIN_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// Gives the segments of one frame, first to last.
#[derive(Clone, Debug)]
pub struct Segmenter<'a> {
    frame: &'a [u8],
    layout: Layout,
    /// Octets of all headers.
    header: usize,
    /// Octets of payload in each segment but the last.
    size: usize,
    /// Where the next segment's payload begins.
    at: usize,
    /// Which segment is next.
    number: u16,
}

impl<'a> Segmenter<'a> {
    /// For a frame that is to be cut. `None` if it is not, or has not the headers for it.
    pub fn new(frame: &'a Frame) -> Option<Self> {
        let segments = frame.segments()?;
        let layout = extract(frame, &mut FlowKey::default());
        let l4_at = layout.l4_at as usize;
        let header = l4_at
            + match (segments.kind, layout.l3, layout.l4) {
                (SegmentKind::Tcp4, L3::Ipv4, L4::Tcp) | (SegmentKind::Tcp6, L3::Ipv6, L4::Tcp) => {
                    usize::from(frame[l4_at + 12] >> 4) * 4
                }
                (SegmentKind::Udp, L3::Ipv4 | L3::Ipv6, L4::Udp) => 8,
                _ => return None,
            };
        let whole = header <= layout.l3_end as usize && segments.size > 0;
        whole.then_some(Self { frame, layout, header, size: segments.size.into(), at: header, number: 0 })
    }

    /// Octets of headers in front of each segment's payload.
    pub fn header_len(&self) -> usize {
        self.header
    }

    /// How many segments are still to come.
    pub fn remaining(&self) -> usize {
        let payload = (self.layout.l3_end as usize).saturating_sub(self.at);
        payload.div_ceil(self.size).max(usize::from(self.number == 0))
    }

    /// Appends the next segment to `out`; false if there is none left. A frame without payload is one
    /// segment.
    pub fn emit(&mut self, out: &mut Vec<u8>) -> bool {
        if self.remaining() == 0 {
            return false;
        }
        let end = (self.layout.l3_end as usize).min(self.at + self.size);
        let start = out.len();
        out.extend_from_slice(&self.frame[..self.header]);
        out.extend_from_slice(&self.frame[self.at..end]);
        self.patch(&mut out[start..], end == self.layout.l3_end as usize);
        self.at = end;
        self.number += 1;
        true
    }

    /// Makes the copied headers those of one segment.
    fn patch(&self, segment: &mut [u8], last: bool) {
        let (l3_at, l4_at) = (self.layout.l3_at as usize, self.layout.l4_at as usize);
        let l4_len = segment.len() - l4_at;
        set_lengths(segment, &self.layout);
        if self.layout.l3 == L3::Ipv4 {
            let id = be16(segment, l3_at + 4).wrapping_add(self.number);
            put16(segment, l3_at + 4, id);
            put16(segment, l3_at + 10, 0);
            let sum = checksum::internet(&segment[l3_at..l4_at]);
            put16(segment, l3_at + 10, sum);
        }
        let field = l4_at
            + if self.layout.l4 == L4::Tcp {
                let offset = (self.at - self.header) as u32;
                let sequence = be32(segment, l4_at + 4).wrapping_add(offset);
                segment[l4_at + 4..l4_at + 8].copy_from_slice(&sequence.to_be_bytes());
                let only_last = if last { 0 } else { FIN_PSH };
                let only_first = if self.number == 0 { 0 } else { CWR };
                segment[l4_at + 13] &= !(only_last | only_first);
                16
            } else {
                put16(segment, l4_at + 4, l4_len as u16);
                6
            };
        // The field holds the sum over the pseudo header with the length of the whole.
        let whole_len = self.layout.l3_end - self.layout.l4_at;
        let pseudo = !checksum::update(
            !be16(segment, field),
            &whole_len.to_be_bytes(),
            &(l4_len as u32).to_be_bytes(),
        );
        put16(segment, field, pseudo);
        let sum = match checksum::internet(&segment[l4_at..]) {
            0 => 0xffff,
            sum => sum,
        };
        put16(segment, field, sum);
    }
}

/// Writes into an IP header how long the packet is that ends with the frame.
pub(crate) fn set_lengths(frame: &mut [u8], layout: &Layout) {
    let l3_at = layout.l3_at as usize;
    let len = frame.len() - l3_at;
    match layout.l3 {
        L3::Ipv4 => put16(frame, l3_at + 2, len as u16),
        L3::Ipv6 => put16(frame, l3_at + 4, (len - 40) as u16),
        L3::None | L3::Arp => {}
    }
}

pub(crate) fn be16(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

pub(crate) fn be32(octets: &[u8], at: usize) -> u32 {
    u32::from(be16(octets, at)) << 16 | u32::from(be16(octets, at + 2))
}

pub(crate) fn put16(octets: &mut [u8], at: usize, value: u16) {
    octets[at..at + 2].copy_from_slice(&value.to_be_bytes());
}
