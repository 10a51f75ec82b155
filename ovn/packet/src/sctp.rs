//! The common header of SCTP (RFC 9260 section 3.1).
//!
//! ```text
//! | source 2 | destination 2 | verification tag 4 | CRC32c 4 |
//! ```

use std::fmt;

use crate::{Cursor, Malformed, checksum};

/// An SCTP common header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sctp {
    /// Source port.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
    /// Which association the packet belongs to.
    pub verification_tag: u32,
    /// CRC32c over header and chunks.
    pub checksum: u32,
}

impl Sctp {
    /// Octets of the header.
    pub const LEN: usize = 12;

    /// Reads a header; the rest is the chunks. The checksum is not looked at.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("sctp", octets);
        let this = Self { src: c.u16()?, dst: c.u16()?, verification_tag: c.u32()?, checksum: c.u32()? };
        Ok((this, c.rest()))
    }

    /// Appends the header, with the checksum it has.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend(self.src.to_be_bytes());
        out.extend(self.dst.to_be_bytes());
        out.extend(self.verification_tag.to_be_bytes());
        out.extend(self.checksum.to_be_bytes());
    }

    /// The same header with the right checksum for these chunks.
    #[must_use]
    pub fn with_checksum(mut self, chunks: &[u8]) -> Self {
        self.checksum = 0;
        let mut packet = Vec::with_capacity(Self::LEN + chunks.len());
        self.emit(&mut packet);
        packet.extend(chunks);
        self.checksum = checksum::crc32c(&packet);
        self
    }
}

impl fmt::Display for Sctp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}: sctp, tag {:#010x}", self.src, self.dst, self.verification_tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn header_is_read_and_written_back() {
        let octets = hex("8007 1389 00000000 00000000 01000014");
        let (sctp, chunks) = Sctp::parse(&octets).unwrap();
        insta::assert_snapshot!(sctp, @"32775 > 5001: sctp, tag 0x00000000");
        assert_eq!(chunks.len(), 4);
        let mut out = Vec::new();
        sctp.emit(&mut out);
        assert_eq!(out, octets[..12]);
        assert_ne!(sctp.with_checksum(chunks).checksum, 0);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..20)) {
            match Sctp::parse(&octets) {
                Ok((sctp, chunks)) => {
                    let mut out = Vec::new();
                    sctp.emit(&mut out);
                    out.extend(chunks);
                    prop_assert_eq!(out, octets);
                }
                Err(_) => prop_assert!(octets.len() < Sctp::LEN),
            }
        }
    }
}
