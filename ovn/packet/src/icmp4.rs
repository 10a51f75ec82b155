//! ICMP for IPv4 (RFC 792).
//!
//! ```text
//! | type 1 | code 1 | checksum 2 | of the type 4 | of the type ... |
//! ```

use std::fmt;

use etherparse::Icmpv4Slice;

use crate::{Malformed, checksum};

/// An ICMP message's first eight octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp4 {
    /// Kind of message.
    pub ty: u8,
    /// Kind within the kind.
    pub code: u8,
    /// Checksum over the whole message.
    pub checksum: u16,
    /// What the type makes of it: identifier and sequence number of an echo, MTU of
    /// "fragmentation needed".
    pub data: [u8; 4],
}

impl Icmp4 {
    /// Octets of the header.
    pub const LEN: usize = 8;
    /// Answer to an echo request.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 3;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 8;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;

    /// Reads a header; the rest is the body. The checksum is not looked at.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let error = |_| Malformed { layer: "icmp", offset: octets.len(), what: "the octets end here" };
        let icmp = Icmpv4Slice::from_slice(octets).map_err(error)?;
        let this = Self {
            ty: icmp.type_u8(),
            code: icmp.code_u8(),
            checksum: icmp.checksum(),
            data: icmp.bytes5to8(),
        };
        Ok((this, &octets[Self::LEN..]))
    }

    /// Appends the header, with the checksum it has.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([self.ty, self.code]);
        out.extend(self.checksum.to_be_bytes());
        out.extend(self.data);
    }

    /// The same header with the right checksum for this body.
    #[must_use]
    pub fn with_checksum(mut self, body: &[u8]) -> Self {
        self.checksum = 0;
        let mut message = Vec::with_capacity(Self::LEN + body.len());
        self.emit(&mut message);
        message.extend(body);
        self.checksum = checksum::internet(&message);
        self
    }
}

impl fmt::Display for Icmp4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.data;
        let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        match self.ty {
            Self::ECHO_REPLY => write!(f, "ICMP echo reply, id {id}, seq {seq}"),
            Self::ECHO_REQUEST => write!(f, "ICMP echo request, id {id}, seq {seq}"),
            Self::UNREACHABLE => write!(f, "ICMP unreachable, code {}", self.code),
            Self::TIME_EXCEEDED => write!(f, "ICMP time exceeded, code {}", self.code),
            other => write!(f, "ICMP type {other}, code {}", self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn echo_is_read_and_written_back() {
        let octets = hex("08 00 f7fa 0001 0004 61");
        let (icmp, body) = Icmp4::parse(&octets).unwrap();
        insta::assert_snapshot!(icmp, @"ICMP echo request, id 1, seq 4");
        let mut out = Vec::new();
        icmp.emit(&mut out);
        out.extend(body);
        assert_eq!(out, octets);
        assert_eq!(icmp.with_checksum(&[]).checksum, 0xf7fa);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..30)) {
            if let Ok((icmp, body)) = Icmp4::parse(&octets) {
                let mut out = Vec::new();
                icmp.emit(&mut out);
                out.extend(body);
                prop_assert_eq!(out, octets);
            }
        }
    }
}
