//! From changes of the key to changes of the frame: what `set_field` and its kin do to octets.
//!
//! Checksums are updated incrementally (RFC 1624), so a wrong one stays wrong and the payload is
//! never read; only SCTP's CRC needs the whole packet. What has no octets in this frame (a port of a
//! packet without ports) is left alone.

use super::layout::{L3, L4, Layout};
use super::slot;
use crate::checksum;

/// New bits for one word of the L2, L3 or L4 part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WordSet {
    /// Word of the key.
    pub word: u8,
    /// Which bits change.
    pub mask: u64,
    /// What they become; zero outside the mask.
    pub value: u64,
}

/// Makes the frame be what its key would be after these changes. Bits of the key that cannot be
/// written (types, protocol, fragment bits, presence of a tag) and words of the pipeline are skipped.
pub fn rewrite(frame: &mut [u8], layout: &Layout, sets: &[WordSet]) {
    let mut patch = Patch { frame, layout };
    for set in sets {
        patch.apply(*set);
    }
}

/// What sums up the octets that change.
#[derive(Clone, Copy)]
enum Covered {
    /// Nothing.
    Bare,
    /// The IPv4 header checksum.
    Header,
    /// Both the IPv4 header checksum, if IPv4, and the transport's pseudo header.
    Pseudo,
    /// The transport checksum.
    Transport,
}

struct Patch<'a> {
    frame: &'a mut [u8],
    layout: &'a Layout,
}

const L2: usize = slot::L2_WORD;
const L2_SRC: usize = slot::L2_WORD + 1;
const L2_INNER: usize = slot::L2_WORD + 2;
const L3_BITS: usize = slot::L3_WORD;
const SRC_HIGH: usize = slot::L3_WORD + 1;
const SRC_LOW: usize = slot::L3_WORD + 2;
const DST_HIGH: usize = slot::L3_WORD + 3;
const DST_LOW: usize = slot::L3_WORD + 4;
const L4_PORTS: usize = slot::L4_WORD;
const SHA: usize = slot::L4_WORD + 1;
const THA: usize = slot::L4_WORD + 2;
const TARGET_HIGH: usize = slot::L4_WORD + 3;
const TARGET_LOW: usize = slot::L4_WORD + 4;

impl Patch<'_> {
    fn apply(&mut self, set: WordSet) {
        let (value, mask) = (set.value, set.mask);
        match usize::from(set.word) {
            L2 => self.put::<6>(0, value >> 16, mask >> 16, Covered::Bare),
            L2_SRC => {
                self.put::<6>(6, value >> 16, mask >> 16, Covered::Bare);
                self.tag(0, value, mask);
            }
            L2_INNER => self.tag(1, value >> 48, mask >> 48),
            L3_BITS => self.l3_bits(value, mask),
            SRC_HIGH => self.address(0, 0, value, mask),
            SRC_LOW => self.address(0, 8, value, mask),
            DST_HIGH => self.address(1, 0, value, mask),
            DST_LOW => self.address(1, 8, value, mask),
            L4_PORTS => self.ports(value, mask),
            SHA => self.link_address(8, self.layout.nd_sll_at, value, mask),
            THA => self.link_address(18, self.layout.nd_tll_at, value, mask),
            TARGET_HIGH => self.nd_target(8, value, mask),
            TARGET_LOW => self.nd_target(16, value, mask),
            _ => {}
        }
    }

    /// The tag control information of tag `n`; its DEI bit stands for presence in the key.
    fn tag(&mut self, n: u8, value: u64, mask: u64) {
        if n < self.layout.tags {
            self.put::<2>(14 + 4 * usize::from(n), value, mask & 0xefff, Covered::Bare);
        }
    }

    /// ToS, TTL and flow label, or the operation of ARP.
    fn l3_bits(&mut self, value: u64, mask: u64) {
        let at = self.layout.l3_at as usize;
        let octet = |shift: u32| (value >> shift & 0xff, mask >> shift & 0xff);
        let (tos, tos_mask) = octet(48);
        let (ttl, ttl_mask) = octet(40);
        match self.layout.l3 {
            L3::None => {}
            L3::Ipv4 => {
                self.put::<2>(at, tos, tos_mask, Covered::Header);
                self.put::<2>(at + 8, ttl << 8, ttl_mask << 8, Covered::Header);
            }
            L3::Ipv6 => {
                let label_mask = mask & 0x000f_ffff;
                self.put::<4>(at, tos << 20 | value & label_mask, tos_mask << 20 | label_mask, Covered::Bare);
                self.put::<2>(at + 6, ttl, ttl_mask, Covered::Bare);
            }
            L3::Arp => {
                let (operation, operation_mask) = octet(56);
                // An operation beyond one octet reads as zero, so writing one octet writes both.
                let high = if operation_mask == 0 { 0 } else { 0xff00 };
                self.put::<2>(at + 6, operation, high | operation_mask, Covered::Bare);
            }
        }
    }

    /// Eight octets of the source (`which` 0) or the destination (1); `part` is 8 for the low half.
    fn address(&mut self, which: usize, part: usize, value: u64, mask: u64) {
        let at = self.layout.l3_at as usize;
        let low = part == 8;
        match self.layout.l3 {
            L3::None => {}
            L3::Ipv4 if low => self.put::<4>(at + 12 + 4 * which, value, mask, Covered::Pseudo),
            L3::Arp if low => self.put::<4>(at + 14 + 10 * which, value, mask, Covered::Bare),
            L3::Ipv4 | L3::Arp => {}
            L3::Ipv6 => {
                let covered = if which == 1 && self.layout.routed { Covered::Bare } else { Covered::Pseudo };
                self.put::<8>(at + 8 + 16 * which + part, value, mask, covered);
            }
        }
    }

    fn ports(&mut self, value: u64, mask: u64) {
        let at = self.layout.l4_at as usize;
        match self.layout.l4 {
            L4::None | L4::Igmp => {}
            L4::Tcp | L4::Udp => self.put::<4>(at, value >> 32, mask >> 32, Covered::Transport),
            L4::Sctp => self.sctp_ports(value, mask),
            L4::Icmp4 | L4::Icmp6 | L4::Nd => {
                let squeeze = |word: u64| (word >> 48 & 0xff) << 8 | (word >> 32 & 0xff);
                self.put::<2>(at, squeeze(value), squeeze(mask), Covered::Transport);
            }
        }
    }

    /// SCTP ports. A CRC is not a sum; to keep a wrong one wrong, the difference between the old
    /// packet's right CRC and the one it had stays in the new one.
    fn sctp_ports(&mut self, value: u64, mask: u64) {
        let at = self.layout.l4_at as usize;
        let end = self.layout.l3_end as usize;
        let Some(packet) = self.frame.get_mut(at..end) else { return };
        let Some(had) = packet.get(8..12).and_then(<[u8]>::as_array).copied() else { return };
        packet[8..12].fill(0);
        let before = checksum::crc32c(packet);
        self.put::<4>(at, value >> 32, mask >> 32, Covered::Bare);
        let packet = &mut self.frame[at..end];
        let after = checksum::crc32c(packet) ^ before ^ u32::from_be_bytes(had);
        packet[8..12].copy_from_slice(&after.to_be_bytes());
    }

    /// ARP's hardware address, or the address in an ND option.
    fn link_address(&mut self, arp_at: usize, nd_at: u32, value: u64, mask: u64) {
        match (self.layout.l3, self.layout.l4, nd_at) {
            (L3::Arp, ..) => {
                self.put::<6>(self.layout.l3_at as usize + arp_at, value, mask, Covered::Bare);
            }
            (_, L4::Nd, 1..) => self.put::<6>(nd_at as usize + 2, value, mask, Covered::Transport),
            _ => {}
        }
    }

    fn nd_target(&mut self, part: usize, value: u64, mask: u64) {
        if self.layout.l4 == L4::Nd {
            self.put::<8>(self.layout.l4_at as usize + part, value, mask, Covered::Transport);
        }
    }

    /// Puts the bits of `mask` of the `N` octets at `at`, and keeps the sums over them right. `at` is
    /// at an even distance from the start of what is summed.
    fn put<const N: usize>(&mut self, at: usize, value: u64, mask: u64, covered: Covered) {
        let Some(octets) = self.frame.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<N>()) else {
            return;
        };
        let old = *octets;
        let (value, mask) = (value.to_be_bytes(), mask.to_be_bytes());
        for (i, octet) in octets.iter_mut().enumerate() {
            let mask = mask[8 - N + i];
            *octet = *octet & !mask | value[8 - N + i] & mask;
        }
        let new = *octets;
        if old == new {
            return;
        }
        let (header, transport) = match covered {
            Covered::Bare => (false, false),
            Covered::Header => (true, false),
            Covered::Pseudo => (self.layout.l3 == L3::Ipv4, self.layout.l4 != L4::Icmp4),
            Covered::Transport => (false, true),
        };
        if header {
            self.update_sum(self.layout.l3_at as usize + 10, &old, &new, false);
        }
        let l4_at = self.layout.l4_at as usize;
        if transport && self.layout.partial {
            return self.update_partial(covered, &old, &new);
        }
        match self.layout.l4 {
            L4::Tcp if transport => self.update_sum(l4_at + 16, &old, &new, false),
            L4::Udp if transport => self.update_sum(l4_at + 6, &old, &new, true),
            L4::Icmp4 | L4::Icmp6 | L4::Nd if transport => self.update_sum(l4_at + 2, &old, &new, false),
            L4::Tcp | L4::Udp | L4::Icmp4 | L4::Icmp6 | L4::Nd | L4::None | L4::Sctp | L4::Igmp => {}
        }
    }

    /// Updates a transport checksum that is not whole yet: a sum over the pseudo header alone, which
    /// is not complemented.
    fn update_partial(&mut self, covered: Covered, old: &[u8], new: &[u8]) {
        let at = self.layout.l4_at as usize
            + match self.layout.l4 {
                L4::Tcp => 16,
                L4::Udp => 6,
                L4::None | L4::Sctp | L4::Icmp4 | L4::Igmp | L4::Icmp6 | L4::Nd => return,
            };
        let field = self.frame.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<2>());
        if let (Covered::Pseudo, Some(field)) = (covered, field) {
            *field = (!checksum::update(!u16::from_be_bytes(*field), old, new)).to_be_bytes();
        }
    }

    /// Updates the checksum at `at`. With `optional`, zero means that there is none and never comes out.
    fn update_sum(&mut self, at: usize, old: &[u8], new: &[u8], optional: bool) {
        let Some(field) = self.frame.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<2>()) else {
            return;
        };
        let sum = u16::from_be_bytes(*field);
        if optional && sum == 0 {
            return;
        }
        let sum = match checksum::update(sum, old, new) {
            0 if optional => 0xffff,
            sum => sum,
        };
        *field = sum.to_be_bytes();
    }
}

#[cfg(test)]
mod tests;
