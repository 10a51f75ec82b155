//! ICMPv6 (RFC 4443) and the neighbour discovery messages that bridges look into (RFC 4861).
//!
//! ```text
//! | type 1 | code 1 | checksum 2 | of the type 4 | of the type ... |
//! neighbour solicitation, advertisement:  | flags 4 | target 16 | options: type 1, length 1 (x8), ... |
//! ```

use std::fmt;
use std::net::Ipv6Addr;

use crate::{Cursor, IpProto, MacAddr, Malformed, Pseudo};

/// An ICMPv6 message's first eight octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp6 {
    /// Kind of message.
    pub ty: u8,
    /// Kind within the kind.
    pub code: u8,
    /// Checksum over pseudo header and message.
    pub checksum: u16,
    /// What the type makes of it.
    pub data: [u8; 4],
}

impl Icmp6 {
    /// Octets of the header.
    pub const LEN: usize = 8;
    /// The packet is larger than what the next link takes.
    pub const TOO_BIG: u8 = 2;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 128;
    /// Answer to an echo request.
    pub const ECHO_REPLY: u8 = 129;
    /// Router solicitation.
    pub const ROUTER_SOLICITATION: u8 = 133;
    /// Router advertisement.
    pub const ROUTER_ADVERTISEMENT: u8 = 134;
    /// Neighbour solicitation.
    pub const NEIGHBOR_SOLICITATION: u8 = 135;
    /// Neighbour advertisement.
    pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;

    /// Reads a header; the rest is the body. The checksum is not looked at.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("icmp6", octets);
        let this = Self { ty: c.u8()?, code: c.u8()?, checksum: c.u16()?, data: c.array()? };
        Ok((this, c.rest()))
    }

    /// Appends the header, with the checksum it has.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([self.ty, self.code]);
        out.extend(self.checksum.to_be_bytes());
        out.extend(self.data);
    }

    /// The same header with the right checksum for this body.
    #[must_use]
    pub fn with_checksum(mut self, pseudo: Pseudo, body: &[u8]) -> Self {
        self.checksum = 0;
        let mut message = Vec::with_capacity(Self::LEN + body.len());
        self.emit(&mut message);
        message.extend(body);
        self.checksum = pseudo.checksum(IpProto::ICMP6, &message);
        self
    }
}

impl fmt::Display for Icmp6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.data;
        let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        match self.ty {
            Self::ECHO_REQUEST => write!(f, "ICMP6, echo request, id {id}, seq {seq}"),
            Self::ECHO_REPLY => write!(f, "ICMP6, echo reply, id {id}, seq {seq}"),
            Self::ROUTER_SOLICITATION => f.write_str("ICMP6, router solicitation"),
            Self::ROUTER_ADVERTISEMENT => f.write_str("ICMP6, router advertisement"),
            Self::NEIGHBOR_SOLICITATION => f.write_str("ICMP6, neighbor solicitation"),
            Self::NEIGHBOR_ADVERTISEMENT => f.write_str("ICMP6, neighbor advertisement"),
            other => write!(f, "ICMP6, type {other}, code {}", self.code),
        }
    }
}

/// The body of a neighbour solicitation or advertisement: what follows the eight octets of [`Icmp6`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// The address asked for or answered for.
    pub target: Ipv6Addr,
    /// Source link-layer address option (type 1).
    pub source_link: Option<MacAddr>,
    /// Target link-layer address option (type 2).
    pub target_link: Option<MacAddr>,
}

impl Neighbor {
    /// Reads a body to its end. Refused is an option of length zero or beyond the octets there are;
    /// of a repeated option the first counts.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("nd", octets);
        let mut this = Self { target: c.array()?.into(), source_link: None, target_link: None };
        while !c.rest().is_empty() {
            let at = c.offset();
            let [ty, units] = c.array()?;
            if units == 0 {
                return Err(c.error_at(at + 1, "an option of length zero"));
            }
            let body = c.take(usize::from(units) * 8 - 2)?;
            let link = match ty {
                1 => &mut this.source_link,
                2 => &mut this.target_link,
                _ => continue,
            };
            // Ethernet addresses make options of exactly one unit (RFC 2464 section 6).
            if link.is_none()
                && let Ok(mac) = <[u8; 6]>::try_from(body)
            {
                *link = Some(MacAddr(mac));
            }
        }
        Ok((this, c.rest()))
    }

    /// Appends the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend(self.target.octets());
        for (ty, link) in [(1, self.source_link), (2, self.target_link)] {
            if let Some(mac) = link {
                out.extend([ty, 1]);
                out.extend(mac.0);
            }
        }
    }
}

impl fmt::Display for Neighbor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "target {}", self.target)?;
        if let Some(mac) = self.source_link {
            write!(f, ", source link-address {mac}")?;
        }
        if let Some(mac) = self.target_link {
            write!(f, ", destination link-address {mac}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn solicitation_is_read_and_written_back() {
        let octets = hex("87 00 abcd 00000000 fd000000000000000000000000000002 01 01 0a0000000001");
        let (icmp, body) = Icmp6::parse(&octets).unwrap();
        let (nd, rest) = Neighbor::parse(body).unwrap();
        assert!(rest.is_empty());
        insta::assert_snapshot!(format!("{icmp}, {nd}"), @"ICMP6, neighbor solicitation, target fd00::2, source link-address 0a:00:00:00:00:01");
        let mut out = Vec::new();
        icmp.emit(&mut out);
        nd.emit(&mut out);
        assert_eq!(out, octets);
    }

    #[test]
    fn option_lengths_that_cannot_be_are_refused() {
        let target = "fd000000000000000000000000000002";
        let zero = Neighbor::parse(&hex(&format!("{target} 0100"))).unwrap_err();
        insta::assert_snapshot!(zero, @"nd: an option of length zero (octet 17)");
        let long = Neighbor::parse(&hex(&format!("{target} 0102 0a0000000001"))).unwrap_err();
        insta::assert_snapshot!(long, @"nd: the octets end here (octet 24)");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..60), units in 0u8..3) {
            if let Some(len) = octets.get_mut(17) {
                *len = units;
            }
            if let Ok((icmp, body)) = Icmp6::parse(&octets) {
                let mut out = Vec::new();
                icmp.emit(&mut out);
                out.extend(body);
                prop_assert_eq!(&out, &octets);
            }
            if let Ok((nd, _)) = Neighbor::parse(&octets) {
                let mut out = Vec::new();
                nd.emit(&mut out);
                prop_assert_eq!(Neighbor::parse(&out).unwrap().0, nd);
            }
        }
    }
}
