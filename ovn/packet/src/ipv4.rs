//! IPv4 (RFC 791).
//!
//! ```text
//! | version 4 bits, ihl 4 bits | dscp 6 bits, ecn 2 bits | total length 2 |
//! | identification 2 | flags 3 bits, fragment offset 13 bits |
//! | ttl 1 | protocol 1 | checksum 2 | source 4 | destination 4 | options |
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use etherparse::Ipv4HeaderSlice;

use crate::{IpProto, Malformed, checksum};

/// An IPv4 header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Differentiated services code point, 6 bits.
    pub dscp: u8,
    /// Explicit congestion notification, 2 bits.
    pub ecn: u8,
    /// Octets after this header and its options.
    pub payload_len: u16,
    /// Identification, equal in all fragments of one datagram.
    pub id: u16,
    /// Do not fragment.
    pub dont_fragment: bool,
    /// Not the last fragment.
    pub more_fragments: bool,
    /// Place of this fragment in the datagram, in units of 8 octets; 13 bits.
    pub fragment_offset: u16,
    /// Hops left.
    pub ttl: u8,
    /// What follows.
    pub proto: IpProto,
    /// Source.
    pub src: Ipv4Addr,
    /// Destination.
    pub dst: Ipv4Addr,
    /// Options as they stand, padded to a multiple of 4, at most 40 octets.
    pub options: Vec<u8>,
}

impl Ipv4 {
    /// Octets of a header without options.
    pub const LEN: usize = 20;

    /// A header with the usual values: TTL 64, no options, not a fragment.
    pub fn new(src: Ipv4Addr, dst: Ipv4Addr, proto: IpProto, payload_len: u16) -> Self {
        Self {
            dscp: 0,
            ecn: 0,
            payload_len,
            id: 0,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            proto,
            src,
            dst,
            options: Vec::new(),
        }
    }

    /// Reads a header; the rest is the payload, without what the link layer padded. Refused are
    /// another version, a header shorter than 20 octets, and a total length that is less than the
    /// header or more than the octets there are. The checksum is not looked at.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let error = |offset, what| Malformed { layer: "ipv4", offset, what };
        let header = Ipv4HeaderSlice::from_slice(octets).map_err(|e| {
            use etherparse::err::ipv4::{HeaderError, HeaderSliceError};
            match e {
                HeaderSliceError::Len(_) => error(octets.len(), "the octets end here"),
                HeaderSliceError::Content(HeaderError::UnexpectedVersion { .. }) => {
                    error(0, "the version is not 4")
                }
                HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { .. }) => {
                    error(0, "the header length is less than 20")
                }
            }
        })?;
        let header_len = header.slice().len();
        let payload_len =
            header.payload_len().map_err(|_| error(2, "the total length is less than the header"))?;
        let payload = octets
            .get(header_len..header_len + usize::from(payload_len))
            .ok_or(error(2, "the total length is more than the octets there are"))?;
        let this = Self {
            dscp: header.dcp().value(),
            ecn: header.ecn().value(),
            payload_len,
            id: header.identification(),
            dont_fragment: header.dont_fragment(),
            more_fragments: header.more_fragments(),
            fragment_offset: header.fragments_offset().value(),
            ttl: header.ttl(),
            proto: IpProto(header.protocol().0),
            src: header.source_addr(),
            dst: header.destination_addr(),
            options: header.options().to_vec(),
        };
        Ok((this, payload))
    }

    /// Whether this is a piece of a datagram.
    pub fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }

    /// Octets of this header with its options.
    pub fn header_len(&self) -> usize {
        Self::LEN + self.options.len()
    }

    /// Appends the header with a right checksum. Values beyond their range are cut to it.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let words = (self.header_len() / 4) as u8;
        let total = self.header_len() + usize::from(self.payload_len);
        out.extend([0x40 | words & 0x0f, self.dscp << 2 | self.ecn & 3]);
        out.extend(u16::try_from(total).unwrap_or(u16::MAX).to_be_bytes());
        out.extend(self.id.to_be_bytes());
        let flags = u16::from(self.dont_fragment) << 14 | u16::from(self.more_fragments) << 13;
        out.extend((flags | self.fragment_offset & 0x1fff).to_be_bytes());
        out.extend([self.ttl, self.proto.0, 0, 0]);
        out.extend(self.src.octets());
        out.extend(self.dst.octets());
        out.extend(&self.options);
        let sum = checksum::internet(&out[start..]);
        out[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
    }
}

impl fmt::Display for Ipv4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "IP {} > {}, {}, ttl {}, length {}",
            self.src, self.dst, self.proto, self.ttl, self.payload_len
        )?;
        if self.is_fragment() {
            let more = if self.more_fragments { "+" } else { "" };
            write!(f, ", frag {}@{}{more}", self.id, u32::from(self.fragment_offset) * 8)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    /// An echo request's header as Linux sends it, then four octets of payload and two of padding.
    const PING: &str = "4500 0018 1c46 4000 4001 0a9d 0a000001 0a000002 deadbeef 0000";

    #[test]
    fn header_is_read_and_written_back() {
        let octets = hex(PING);
        let (ip, payload) = Ipv4::parse(&octets).unwrap();
        insta::assert_snapshot!(ip, @"IP 10.0.0.1 > 10.0.0.2, ICMP, ttl 64, length 4");
        assert_eq!(payload, [0xde, 0xad, 0xbe, 0xef]);
        assert!(ip.dont_fragment && !ip.is_fragment());
        let mut out = Vec::new();
        ip.emit(&mut out);
        assert_eq!(out, octets[..20]);
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        for (total, expected) in [
            (0u16, "ipv4: the total length is less than the header (octet 2)"),
            (19, "ipv4: the total length is less than the header (octet 2)"),
            (27, "ipv4: the total length is more than the octets there are (octet 2)"),
            (65535, "ipv4: the total length is more than the octets there are (octet 2)"),
        ] {
            let mut octets = hex(PING);
            octets[2..4].copy_from_slice(&total.to_be_bytes());
            assert_eq!(Ipv4::parse(&octets).unwrap_err().to_string(), expected);
        }
        let mut octets = hex(PING);
        octets[2..4].copy_from_slice(&26u16.to_be_bytes());
        assert_eq!(Ipv4::parse(&octets).unwrap().1.len(), 6);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..80), total in 0u16..90) {
            if octets.len() > 4 {
                octets[0] = 0x40 | octets[0] & 0x0f;
                octets[2..4].copy_from_slice(&total.to_be_bytes());
            }
            if let Ok((ip, payload)) = Ipv4::parse(&octets) {
                let mut out = Vec::new();
                ip.emit(&mut out);
                out.extend(payload);
                let (again, rest) = Ipv4::parse(&out).unwrap();
                prop_assert_eq!(again, ip);
                prop_assert_eq!(rest, payload);
            }
        }
    }
}
