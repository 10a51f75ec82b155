//! Checksums: the Internet checksum (RFC 1071), its incremental update (RFC 1624) and the CRC32c of SCTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::checksum::Sum16BitWords;

use crate::IpProto;

/// The Internet checksum of `octets`: what goes into a header whose checksum field is zero.
/// Of octets that contain a right checksum it is 0.
pub fn internet(octets: &[u8]) -> u16 {
    Sum16BitWords::new().add_slice(octets).ones_complement().to_be()
}

/// The addresses of an IP packet, for checksums that cover them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pseudo {
    /// Source and destination of an IPv4 packet (RFC 9293 section 3.1).
    V4(Ipv4Addr, Ipv4Addr),
    /// Source and destination of an IPv6 packet (RFC 8200 section 8.1).
    V6(Ipv6Addr, Ipv6Addr),
}

impl Pseudo {
    /// The pseudo header of a packet from `src` to `dst`; `None` when they are of different families.
    pub fn new(src: IpAddr, dst: IpAddr) -> Option<Self> {
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Some(Self::V4(src, dst)),
            (IpAddr::V6(src), IpAddr::V6(dst)) => Some(Self::V6(src, dst)),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// The sum over this pseudo header alone, not complemented: what the checksum field of a segment of
    /// `len` octets holds while the rest is still to be summed.
    pub fn partial(self, proto: IpProto, len: u32) -> u16 {
        let sum = match self {
            Self::V4(src, dst) => Sum16BitWords::new().add_4bytes(src.octets()).add_4bytes(dst.octets()),
            Self::V6(src, dst) => Sum16BitWords::new().add_16bytes(src.octets()).add_16bytes(dst.octets()),
        };
        !{ sum }.add_4bytes(len.to_be_bytes()).add_2bytes([0, proto.0]).ones_complement().to_be()
    }

    /// The checksum of `segment` (transport header with a zero checksum, and payload) under this
    /// pseudo header. 0 never comes out when `proto` is UDP, where it means "none" (RFC 768).
    pub fn checksum(self, proto: IpProto, segment: &[u8]) -> u16 {
        let sum = match self {
            Self::V4(src, dst) => Sum16BitWords::new().add_4bytes(src.octets()).add_4bytes(dst.octets()),
            Self::V6(src, dst) => Sum16BitWords::new().add_16bytes(src.octets()).add_16bytes(dst.octets()),
        };
        let len = u32::try_from(segment.len()).unwrap_or(u32::MAX);
        let sum = { sum }.add_4bytes(len.to_be_bytes()).add_2bytes([0, proto.0]).add_slice(segment);
        match proto {
            IpProto::UDP => sum.to_ones_complement_with_no_zero().to_be(),
            _ => sum.ones_complement().to_be(),
        }
    }
}

/// The checksum after some 16-bit words under it changed from `old` to `new` (RFC 1624 equation 3).
/// Both slices have the same length; of an odd length the last octet is the high half of a word, so
/// the changed octets must begin at an even distance from the start of what is summed.
#[must_use]
pub fn update(checksum: u16, old: &[u8], new: &[u8]) -> u16 {
    debug_assert_eq!(old.len(), new.len());
    let mut sum = u64::from(!checksum);
    for word in old.chunks(2) {
        sum += u64::from(!word_of(word));
    }
    for word in new.chunks(2) {
        sum += u64::from(word_of(word));
    }
    !fold(sum)
}

fn word_of(chunk: &[u8]) -> u16 {
    u16::from_be_bytes([chunk[0], chunk.get(1).copied().unwrap_or(0)])
}

/// Adds the carries back in until 16 bits are left.
fn fold(mut sum: u64) -> u16 {
    while let high @ 1.. = sum >> 16 {
        sum = (sum & 0xffff) + high;
    }
    sum as u16
}

/// CRC32c of `octets` in the order SCTP puts it on the wire (RFC 9260 appendix A).
pub fn crc32c(octets: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &octet in octets {
        crc = CRC32C_TABLE[((crc ^ u32::from(octet)) & 0xff) as usize] ^ (crc >> 8);
    }
    (!crc).swap_bytes()
}

const CRC32C_TABLE: [u32; 256] = crc32c_table();

const fn crc32c_table() -> [u32; 256] {
    /// Castagnoli's polynomial, bits reversed.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn example_of_rfc_1071() {
        // Section 3: the sum of 00 01 f2 03 f4 f5 f6 f7 is ddf2.
        assert_eq!(internet(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn example_of_rfc_1624() {
        // Section 4: checksum dd2f, a word changes from 5555 to 3285, and 0000 comes out.
        assert_eq!(update(0xdd2f, &[0x55, 0x55], &[0x32, 0x85]), 0x0000);
    }

    #[test]
    fn crc32c_check_value() {
        assert_eq!(crc32c(b"123456789").swap_bytes(), 0xe306_9283);
    }

    proptest! {
        #[test]
        fn update_equals_a_new_sum(
            mut octets in proptest::collection::vec(any::<u8>(), 20..64),
            new: [u8; 4],
            word in 0usize..8,
        ) {
            // A word that is never zero, as in any IP packet, so that the sum has one representation.
            octets[18] = 0x45;
            let before = internet(&octets);
            let at = word * 2;
            let old: [u8; 4] = octets[at..at + 4].try_into().unwrap();
            octets[at..at + 4].copy_from_slice(&new);
            prop_assert_eq!(update(before, &old, &new), internet(&octets));
        }
    }
}
