//! IP networks: prefixes, addresses in them, and what differs between the two families.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::MacAddr;

/// IPv4 or IPv6, with the words that the logical language has for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// `ip4` or `ip6`, of which `.src` and `.dst` are fields.
    pub const fn ip(self) -> &'static str {
        match self {
            Self::V4 => "ip4",
            Self::V6 => "ip6",
        }
    }

    /// The number of bits of an address.
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// The addresses that begin with the same bits. Bits after those are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// The prefix of `length` bits that `address` is in; none if there are not as many bits.
    pub fn of(address: IpAddr, length: u8) -> Option<Self> {
        if length > Family::of(address).bits() {
            return None;
        }
        let address = match address {
            IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask4(length))),
            IpAddr::V6(ip) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
            }
        };
        Some(Self { address, length })
    }

    /// Reads `ADDRESS` or `ADDRESS/LENGTH`, whatever the bits after the prefix are.
    pub fn parse(text: &str) -> Option<Self> {
        InPrefix::parse(text).map(|address| address.prefix())
    }

    /// Whether an address begins with the prefix.
    pub fn contains(&self, ip: IpAddr) -> bool {
        Self::of(ip, self.length).as_ref() == Some(self)
    }

    /// How many bits are given.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// The address whose bits are one in the prefix and zero after it.
    pub fn mask(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(mask4(self.length))),
            IpAddr::V6(_) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(mask))
            }
        }
    }

    /// IPv4 or IPv6.
    pub fn family(&self) -> Family {
        Family::of(self.address)
    }
}

/// `ADDRESS/LENGTH`
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// An address with the length of the prefix that it shares with its neighbours on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InPrefix {
    /// The address.
    pub ip: IpAddr,
    length: u8,
}

impl InPrefix {
    /// Reads `ADDRESS` (alone on its link) or `ADDRESS/LENGTH`. `ADDRESS/MASK` is understood for IPv4.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let ip: IpAddr = address.parse().ok()?;
        let length = match length {
            None => Family::of(ip).bits(),
            Some(text) => text.parse().ok().or_else(|| mask_length(text).filter(|_| ip.is_ipv4()))?,
        };
        Prefix::of(ip, length).map(|_| Self { ip, length })
    }

    /// The IPv6 address that an interface with this MAC address gives itself (RFC 4291, 2.5.6 and appendix A).
    pub fn link_local(mac: MacAddr) -> Self {
        let [a, b, c, d, e, f] = mac.0;
        let id = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
        let bits = 0xfe80_u128 << 112 | u128::from(u64::from_be_bytes(id));
        Self { ip: IpAddr::V6(Ipv6Addr::from_bits(bits)), length: 64 }
    }

    /// The prefix.
    pub fn prefix(&self) -> Prefix {
        Prefix::of(self.ip, self.length).expect("the length was checked when this was made")
    }

    /// IPv4 or IPv6.
    pub fn family(&self) -> Family {
        Family::of(self.ip)
    }

    /// Whether it is an IPv6 address that means something on its link only.
    pub fn is_link_local(&self) -> bool {
        matches!(self.ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
    }

    /// The address of all on the link, where there is one (RFC 919; not with 31 bits, RFC 3021).
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        let IpAddr::V4(ip) = self.ip else { return None };
        (self.length < 31).then(|| Ipv4Addr::from_bits(ip.to_bits() | !mask4(self.length)))
    }
}

/// `ADDRESS/LENGTH`
impl fmt::Display for InPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.length)
    }
}

fn mask4(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

/// The length of a mask such as `255.255.0.0`.
fn mask_length(text: &str) -> Option<u8> {
    let bits = text.parse::<Ipv4Addr>().ok()?.to_bits();
    let length = bits.leading_ones();
    (bits.count_ones() == length).then(|| u8::try_from(length).expect("at most 32"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_lose_the_bits_after_them() {
        let prefix = |text| Prefix::parse(text).map(|prefix| prefix.to_string());
        for (text, expected) in [
            ("10.0.0.77/24", "10.0.0.0/24"),
            ("10.0.0.77", "10.0.0.77/32"),
            ("10.1.2.3/255.255.0.0", "10.1.0.0/16"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("fd00:1:2::3/32", "fd00:1::/32"),
            ("::/0", "::/0"),
            ("fd00::1", "fd00::1/128"),
        ] {
            assert_eq!(prefix(text).as_deref(), Some(expected));
        }
        for text in ["", "10.0.0.0/33", "fd00::/129", "10.0.0/8", "10.0.0.0/255.0.255.0", "fd00::/255.0.0.0"]
        {
            assert_eq!(prefix(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_knows_its_link() {
        let address = InPrefix::parse("10.0.0.77/24").expect("it is one");
        assert_eq!(
            (address.to_string(), address.prefix().to_string()),
            ("10.0.0.77/24".into(), "10.0.0.0/24".into())
        );
        assert_eq!(address.broadcast(), Some(Ipv4Addr::new(10, 0, 0, 255)));
        assert_eq!(InPrefix::parse("10.0.0.1/31").and_then(|address| address.broadcast()), None);
        assert!(address.prefix().contains(IpAddr::from([10, 0, 0, 1])));
        assert!(!address.prefix().contains(IpAddr::from([10, 0, 1, 1])));
        assert!(!address.prefix().contains("::10.0.0.1".parse().expect("an address")));
        let mac = "0a:00:00:00:01:00".parse().expect("a MAC");
        assert_eq!(InPrefix::link_local(mac).to_string(), "fe80::800:ff:fe00:100/64");
    }
}
