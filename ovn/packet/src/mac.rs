//! Ethernet addresses (IEEE 802, 48 bits).

use std::fmt;
use std::str::FromStr;

/// A 48-bit Ethernet address, in network order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// `00:00:00:00:00:00`, which no interface may use; it stands for "none" in several protocols.
    pub const ZERO: Self = Self([0; 6]);

    /// The address whose 48 bits are the low 48 bits of `bits`; higher bits are ignored.
    pub const fn from_u64(bits: u64) -> Self {
        let b = bits.to_be_bytes();
        Self([b[2], b[3], b[4], b[5], b[6], b[7]])
    }

    /// The address as a number below 2^48.
    pub const fn to_u64(self) -> u64 {
        let b = self.0;
        u64::from_be_bytes([0, 0, b[0], b[1], b[2], b[3], b[4], b[5]])
    }

    /// Whether the group bit is set; true of the broadcast address too.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether this is `ff:ff:ff:ff:ff:ff`.
    pub const fn is_broadcast(self) -> bool {
        self.to_u64() == 0xffff_ffff_ffff
    }

    /// Whether this is `00:00:00:00:00:00`.
    pub const fn is_zero(self) -> bool {
        self.to_u64() == 0
    }

    /// Whether the address was assigned locally rather than by a manufacturer.
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// Whether the address is in the block 01:80:c2:00:00:00-0f, which bridges must not forward
    /// (IEEE 802.1Q table 8-1).
    pub const fn is_reserved_multicast(self) -> bool {
        self.to_u64() & !0xf == 0x0180_c200_0000
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; 6]> for MacAddr {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

/// Why a text is not an Ethernet address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an Ethernet address: expected six pairs of hexadecimal digits joined by colons")]
pub struct ParseMacError {
    /// What was read.
    pub text: String,
}

impl FromStr for MacAddr {
    type Err = ParseMacError;

    /// Reads `aa:bb:cc:dd:ee:ff`. Each part has one or two digits, in either case.
    fn from_str(text: &str) -> Result<Self, ParseMacError> {
        let error = || ParseMacError { text: text.to_owned() };
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().ok_or_else(error)?;
            // `from_str_radix` would accept a sign.
            if !(1..=2).contains(&part.len()) || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(error());
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| error())?;
        }
        if parts.next().is_some() { Err(error()) } else { Ok(Self(octets)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds_of_address() {
        let group: MacAddr = "01:00:5e:00:00:01".parse().unwrap();
        assert!(group.is_multicast() && !group.is_broadcast());
        assert!(MacAddr::BROADCAST.is_multicast() && MacAddr::BROADCAST.is_broadcast());
        assert!(MacAddr::from_u64(0x0180_c200_000e).is_reserved_multicast());
        assert!(!MacAddr::from_u64(0x0180_c200_0010).is_reserved_multicast());
        assert!("0a:00:00:00:00:01".parse::<MacAddr>().unwrap().is_local());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "0a:00:00:00:00", "0a:00:00:00:00:00:00", "0a:00:00:00:00:100", "0a:00:00:00:00:+1", "x"]
        {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
        assert_eq!("a:0:0:0:0:F".parse::<MacAddr>().unwrap().to_string(), "0a:00:00:00:00:0f");
    }

    proptest! {
        #[test]
        fn text_and_number_round_trip(octets: [u8; 6]) {
            let mac = MacAddr(octets);
            prop_assert_eq!(mac.to_string().parse::<MacAddr>().unwrap(), mac);
            prop_assert_eq!(MacAddr::from_u64(mac.to_u64()), mac);
        }
    }
}
