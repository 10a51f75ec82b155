//! Addresses as these verbs take them and write them into the database.

use super::scan::Scanner;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address with the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    pub(super) address: IpAddr,
    pub(super) length: u32,
}

impl Cidr {
    /// Reads `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS/MASK`, and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::parse_v4(text).or_else(|| Self::parse_v6(text))
    }

    /// The same for IPv4 alone.
    pub(super) fn parse_v4(text: &str) -> Option<Self> {
        let mut scanner = Scanner::new(text);
        let (address, mask) = scanner.ipv4_masked()?;
        let is_prefix = mask.leading_ones() + mask.trailing_zeros() >= u32::BITS;
        (is_prefix && scanner.rest.is_empty())
            .then(|| Self { address: address.into(), length: mask.leading_ones() })
    }

    /// The same for IPv6 alone.
    pub(super) fn parse_v6(text: &str) -> Option<Self> {
        let mut scanner = Scanner::new(text);
        let (address, mask) = scanner.ipv6_masked()?;
        let is_prefix = mask.leading_ones() + mask.trailing_zeros() >= u128::BITS;
        (is_prefix && scanner.rest.is_empty())
            .then(|| Self { address: address.into(), length: mask.leading_ones() })
    }

    /// The address whose bits beyond the prefix are zero.
    pub(super) fn network(self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(u32::BITS - self.length).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & mask).into()
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(u128::BITS - self.length).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        }
    }

    /// Whether the prefix has this address.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        let same_family = self.address.is_ipv4() == address.is_ipv4();
        same_family && Self { address, ..self }.network() == self.network()
    }

    /// The prefix in the one way in which it is written; without length if that says nothing.
    pub(super) fn normal(self) -> String {
        let is_host = self.length == if self.address.is_ipv4() { u32::BITS } else { u128::BITS };
        let network = self.network();
        if is_host { network.to_string() } else { format!("{network}/{}", self.length) }
    }
}

/// A prefix, or an address, in the one way in which it is written.
pub(super) fn normal_prefix(text: &str) -> Option<String> {
    Cidr::parse(text).map(Cidr::normal)
}

/// An address in the one way in which it is written.
pub(super) fn normal_address(text: &str) -> Option<String> {
    text.parse().ok().map(|address: IpAddr| address.to_string())
}

/// An Ethernet address and nothing else.
pub(super) fn ethernet(text: &str) -> Option<[u8; 6]> {
    let mut scanner = Scanner::new(text);
    scanner.ethernet().filter(|_| scanner.rest.is_empty())
}

/// The link-local IPv6 address of an Ethernet address: modified EUI-64, RFC 4291 appendix A.
pub(super) fn link_local(ethernet: [u8; 6]) -> Ipv6Addr {
    let [a, b, c, d, e, f] = ethernet;
    let group = u16::from_be_bytes;
    Ipv6Addr::new(0xfe80, 0, 0, 0, group([a ^ 2, b]), group([c, 0xff]), group([0xfe, d]), group([e, f]))
}

/// The prefixes of a text such as `10.0.0.1/24 fe80::1`, up to the first word that is none.
pub(super) fn prefixes(text: &str) -> Vec<Cidr> {
    let mut scanner = Scanner::new(text);
    let mut found = Vec::new();
    while !scanner.rest.is_empty()
        && let Some((address, length)) = scanner.cidr()
    {
        found.push(Cidr { address, length });
    }
    found
}

/// The addresses of `MAC [IP]...`; nothing if it does not begin with an Ethernet address.
pub(super) fn port_addresses(text: &str) -> Option<Vec<Cidr>> {
    let mut scanner = Scanner::new(text);
    scanner.ethernet()?;
    Some(prefixes(scanner.rest))
}

#[cfg(test)]
mod tests {
    use super::{Cidr, link_local, normal_prefix};

    #[test]
    fn prefixes_have_one_form() {
        for (text, normal) in [
            ("10.0.0.1/24", Some("10.0.0.0/24")),
            ("10.0.0.1/32", Some("10.0.0.1")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("FE80:0::1/128", Some("fe80::1")),
            ("2001:db8:1:2::/48", Some("2001:db8:1::/48")),
            ("10.0.0.1x", None),
            ("", None),
        ] {
            assert_eq!(normal_prefix(text).as_deref(), normal, "{text}");
        }
    }

    #[test]
    fn a_prefix_contains_its_addresses() {
        let prefix = Cidr::parse("10.0.0.1/24").expect("a prefix");
        assert!(prefix.contains("10.0.0.200".parse().expect("an address")));
        assert!(!prefix.contains("10.0.1.1".parse().expect("an address")));
        assert!(!prefix.contains("::1".parse().expect("an address")));
    }

    #[test]
    fn link_local_addresses_are_made_from_ethernet_ones() {
        assert_eq!(link_local([0, 0, 0, 0, 1, 2]).to_string(), "fe80::200:ff:fe00:102");
    }
}
