//! Addresses of a logical switch port, as written in `Logical_Switch_Port.addresses`.
//!
//! Each string of that column is one of
//!
//! * `MAC [IP...]`: the port has this Ethernet address and these IPv4 and IPv6 addresses,
//! * `unknown`: it may have others, to be learned from its packets,
//! * `router`: those of the router port it is connected to,
//! * `dynamic`, `MAC dynamic`, `dynamic IP`: the rest is allocated.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::MacAddr;

/// One Ethernet address with the IP addresses that go with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addresses {
    /// The Ethernet address.
    pub mac: MacAddr,
    /// IPv4 addresses in the order given; prefix lengths are not kept.
    pub v4: Vec<Ipv4Addr>,
    /// IPv6 addresses in the order given; prefix lengths are not kept.
    pub v6: Vec<Ipv6Addr>,
}

/// One string of `addresses`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortAddress {
    /// Addresses that are written out.
    Static(Addresses),
    /// Any address.
    Unknown,
    /// The addresses of the router port at the other end.
    Router,
    /// Something is to be allocated.
    Dynamic,
}

/// What is wrong with an address string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The string does not begin with a MAC address nor a keyword.
    #[error("\"{text}\" does not begin with a MAC address, nor is it \"unknown\", \"router\" or \"dynamic\"")]
    NoMac {
        /// The whole string.
        text: String,
    },
    /// Something after the MAC address is no IP address. What comes before it counts.
    #[error("\"{word}\" in \"{text}\" is not an IP address")]
    NoIp {
        /// The whole string.
        text: String,
        /// The offending word.
        word: String,
    },
}

impl PortAddress {
    /// Reads one string. With an error there may still be an address, made of what came before the error.
    pub fn parse(text: &str) -> (Option<Self>, Option<AddressError>) {
        match text {
            "unknown" => return (Some(Self::Unknown), None),
            "router" => return (Some(Self::Router), None),
            _ => {}
        }
        if is_dynamic(text) {
            return (Some(Self::Dynamic), None);
        }
        let mut words = text.split_ascii_whitespace();
        let Some(mac) = words.next().and_then(|word| word.parse::<MacAddr>().ok()) else {
            return (None, Some(AddressError::NoMac { text: text.to_owned() }));
        };
        let mut addresses = Addresses { mac, v4: Vec::new(), v6: Vec::new() };
        for word in words {
            match host(word) {
                Some(IpAddr::V4(ip)) => addresses.v4.push(ip),
                Some(IpAddr::V6(ip)) => addresses.v6.push(ip),
                None => {
                    let error = AddressError::NoIp { text: text.to_owned(), word: word.to_owned() };
                    return (Some(Self::Static(addresses)), Some(error));
                }
            }
        }
        (Some(Self::Static(addresses)), None)
    }
}

/// `MAC IP...` as the database has it.
impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.mac)?;
        self.v4.iter().try_for_each(|ip| write!(f, " {ip}"))?;
        self.v6.iter().try_for_each(|ip| write!(f, " {ip}"))
    }
}

/// The solicited-node multicast address of `ip`, to which its neighbours' solicitations go (RFC 4291, 2.7.1).
pub fn solicited_node(ip: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = ip.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]))
}

/// The address in `ADDRESS` or `ADDRESS/LENGTH`.
fn host(word: &str) -> Option<IpAddr> {
    let (address, length) = word.split_once('/').map_or((word, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().ok()?;
    let length_max = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|length| length.parse::<u8>().is_ok_and(|n| n <= length_max)).then_some(address)
}

fn is_dynamic(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    match words.next() {
        Some("dynamic") => words.all(|word| word.parse::<IpAddr>().is_ok()),
        Some(mac) => mac.parse::<MacAddr>().is_ok() && words.eq(["dynamic"]),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        let (address, error) = PortAddress::parse(text);
        let address = match address {
            Some(PortAddress::Static(addresses)) => addresses.to_string(),
            Some(PortAddress::Unknown) => "any".into(),
            Some(PortAddress::Router) => "the router's".into(),
            Some(PortAddress::Dynamic) => "allocated".into(),
            None => "none".into(),
        };
        error.map_or(address.clone(), |error| format!("{address}; {error}"))
    }

    #[test]
    fn every_form_of_address_is_read() {
        assert_eq!(check("00:00:00:00:00:01"), "00:00:00:00:00:01");
        let text = "0A:00:00:00:00:01  10.0.0.1 fd00::1 10.0.0.2/24";
        assert_eq!(check(text), "0a:00:00:00:00:01 10.0.0.1 10.0.0.2 fd00::1");
        assert_eq!(check("unknown"), "any");
        assert_eq!(check("router"), "the router's");
        for text in ["dynamic", "00:00:00:00:00:01 dynamic", "dynamic 10.0.0.1", "dynamic 10.0.0.1 fd00::1"] {
            assert_eq!(check(text), "allocated");
        }
    }

    #[test]
    fn bad_addresses_are_told_and_what_can_be_used_is() {
        assert_eq!(
            check("00:00:00:00:00:01 10.0.0.300"),
            "00:00:00:00:00:01; \"10.0.0.300\" in \"00:00:00:00:00:01 10.0.0.300\" is not an IP address"
        );
        assert_eq!(
            check("00:00:00:00:00:01 10.0.0.1/33 10.0.0.2"),
            "00:00:00:00:00:01; \"10.0.0.1/33\" in \"00:00:00:00:00:01 10.0.0.1/33 10.0.0.2\" is not an IP address"
        );
        assert!(check("").starts_with("none; \"\" does not begin with a MAC address, nor is it"));
        assert!(check("dynamic foo").starts_with("none;"));
    }

    #[test]
    fn solicited_node_has_the_low_24_bits() {
        let ip = "fd00::12:3456".parse().expect("an address");
        assert_eq!(solicited_node(ip).to_string(), "ff02::1:ff12:3456");
    }
}
