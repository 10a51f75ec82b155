//! ARP and RARP for IPv4 over Ethernet (RFC 826, RFC 903).
//!
//! ```text
//! | hardware 2 = 1 | protocol 2 = 0800 | hlen 1 = 6 | plen 1 = 4 | operation 2 |
//! | sender MAC 6 | sender IP 4 | target MAC 6 | target IP 4 |
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use etherparse::{ArpEthIpv4Packet, ArpOperation, ArpPacket};

use crate::{MacAddr, Malformed};

/// An ARP or RARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// What is asked or answered: [`Arp::REQUEST`], [`Arp::REPLY`], ...
    pub operation: u16,
    /// MAC of the sender.
    pub sha: MacAddr,
    /// IPv4 address of the sender.
    pub spa: Ipv4Addr,
    /// MAC of the target; of no meaning in a request.
    pub tha: MacAddr,
    /// IPv4 address of the target.
    pub tpa: Ipv4Addr,
}

impl Arp {
    /// Octets of the packet.
    pub const LEN: usize = 28;
    /// Who has the target address?
    pub const REQUEST: u16 = 1;
    /// The sender has.
    pub const REPLY: u16 = 2;
    /// RARP: which IPv4 address has the target MAC?
    pub const REVERSE_REQUEST: u16 = 3;

    /// Reads a packet; the rest is padding. Other hardware and protocols than Ethernet and IPv4 are refused.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let error = |offset, what| Malformed { layer: "arp", offset, what };
        let packet = ArpPacket::from_slice(octets).map_err(|_| error(octets.len(), "the octets end here"))?;
        let arp = packet.try_eth_ipv4().map_err(|_| error(0, "not Ethernet hardware and IPv4 addresses"))?;
        let this = Self {
            operation: arp.operation.0,
            sha: MacAddr(arp.sender_mac),
            spa: arp.sender_ipv4.into(),
            tha: MacAddr(arp.target_mac),
            tpa: arp.target_ipv4.into(),
        };
        Ok((this, &octets[Self::LEN..]))
    }

    /// Appends the packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let arp = ArpEthIpv4Packet {
            operation: ArpOperation(self.operation),
            sender_mac: self.sha.0,
            sender_ipv4: self.spa.octets(),
            target_mac: self.tha.0,
            target_ipv4: self.tpa.octets(),
        };
        out.extend(arp.to_bytes());
    }
}

impl fmt::Display for Arp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Self::REQUEST => write!(f, "ARP, Request who-has {} tell {}", self.tpa, self.spa),
            Self::REPLY => write!(f, "ARP, Reply {} is-at {}", self.spa, self.sha),
            Self::REVERSE_REQUEST => {
                write!(f, "Reverse ARP, Request who-is {} tell {}", self.tha, self.sha)
            }
            other => write!(f, "ARP, operation {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn request_is_read_and_written_back() {
        let octets = hex("0001 0800 06 04 0001 0a0000000001 0a000001 000000000000 0a000002 0000");
        let (arp, padding) = Arp::parse(&octets).unwrap();
        insta::assert_snapshot!(arp, @"ARP, Request who-has 10.0.0.2 tell 10.0.0.1");
        assert_eq!(padding, [0, 0]);
        let mut out = Vec::new();
        arp.emit(&mut out);
        assert_eq!(out, octets[..28]);
    }

    #[test]
    fn other_hardware_is_refused() {
        let octets = hex("0006 0800 06 04 0001 0a0000000001 0a000001 000000000000 0a000002");
        insta::assert_snapshot!(Arp::parse(&octets).unwrap_err(), @"arp: not Ethernet hardware and IPv4 addresses (octet 0)");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..40), valid: bool) {
            if valid && octets.len() >= 6 {
                octets[..6].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
            }
            if let Ok((arp, rest)) = Arp::parse(&octets) {
                let mut out = Vec::new();
                arp.emit(&mut out);
                out.extend(rest);
                prop_assert_eq!(out, octets);
            }
        }
    }
}
