//! Code points that several protocols share: EtherType, IP protocol, VNI.

use std::fmt;

/// Defines a newtype over a code point with named values. A newtype rather than an enum: every
/// number is a value, so that parsing is total and nothing is lost.
macro_rules! code_points {
    ($(#[$doc:meta])* $name:ident($repr:ty) { $($(#[$vdoc:meta])* $konst:ident = $value:expr => $text:expr,)* } else $fallback:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $repr);

        impl $name {
            $($(#[$vdoc])* pub const $konst: Self = Self($value);)*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$konst => f.write_str($text),)*
                    Self(other) => write!(f, $fallback, other),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<$repr> for $name {
            fn from(code: $repr) -> Self {
                Self(code)
            }
        }
    };
}

code_points! {
    /// What an Ethernet frame carries (IEEE 802 numbers).
    EtherType(u16) {
        /// IPv4.
        IPV4 = 0x0800 => "IPv4",
        /// ARP.
        ARP = 0x0806 => "ARP",
        /// Transparent Ethernet bridging, the payload type of Geneve (RFC 8926 section 3.4).
        ETHERNET = 0x6558 => "Ethernet",
        /// Reverse ARP (RFC 903).
        RARP = 0x8035 => "RARP",
        /// IEEE 802.1Q customer tag.
        VLAN = 0x8100 => "802.1Q",
        /// IPv6.
        IPV6 = 0x86dd => "IPv6",
        /// MPLS unicast.
        MPLS = 0x8847 => "MPLS",
        /// MPLS multicast.
        MPLS_MULTICAST = 0x8848 => "MPLS multicast",
        /// IEEE 802.1ad service tag.
        QINQ = 0x88a8 => "802.1ad",
        /// Link layer discovery.
        LLDP = 0x88cc => "LLDP",
        /// Not a type of IEEE's: stands in the flow key for a frame without one (an 802.3 length
        /// and no SNAP header), as in OpenFlow 1.0.
        NONE = 0x05ff => "802.3",
    } else "0x{:04x}"
}

impl EtherType {
    /// The smallest number that is a type; smaller ones are lengths of IEEE 802.3 frames.
    pub const SMALLEST: Self = Self(0x0600);

    /// Whether this type introduces a VLAN tag.
    pub const fn is_vlan(self) -> bool {
        self.0 == Self::VLAN.0 || self.0 == Self::QINQ.0
    }

    /// Whether this is IPv4 or IPv6.
    pub const fn is_ip(self) -> bool {
        self.0 == Self::IPV4.0 || self.0 == Self::IPV6.0
    }
}

code_points! {
    /// What an IP packet carries (IANA protocol numbers; IPv6 extension headers are of the same space).
    IpProto(u8) {
        /// IPv6 hop-by-hop options, and a reserved value in IPv4.
        HOP_BY_HOP = 0 => "hop-by-hop",
        /// ICMP.
        ICMP = 1 => "ICMP",
        /// IGMP.
        IGMP = 2 => "IGMP",
        /// TCP.
        TCP = 6 => "TCP",
        /// UDP.
        UDP = 17 => "UDP",
        /// IPv6 routing header.
        ROUTING = 43 => "routing",
        /// IPv6 fragment header.
        FRAGMENT = 44 => "fragment",
        /// IPsec authentication header.
        AH = 51 => "AH",
        /// ICMPv6.
        ICMP6 = 58 => "ICMP6",
        /// No next header.
        NO_NEXT = 59 => "none",
        /// IPv6 destination options.
        DESTINATION = 60 => "destination",
        /// SCTP.
        SCTP = 132 => "SCTP",
        /// Mobility header (RFC 6275).
        MOBILITY = 135 => "mobility",
    } else "proto {}"
}

/// A virtual network identifier: the 24-bit key of a Geneve or VXLAN header.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vni(u32);

impl Vni {
    /// The greatest VNI, 2^24 - 1.
    pub const MAX: Self = Self(0x00ff_ffff);

    /// The VNI of this number, if it has at most 24 bits.
    pub const fn new(number: u32) -> Option<Self> {
        if number <= Self::MAX.0 { Some(Self(number)) } else { None }
    }

    /// The VNI of the low 24 bits of a 64-bit tunnel key.
    pub const fn from_tunnel_key(key: u64) -> Self {
        Self((key & Self::MAX.0 as u64) as u32)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// As on the wire: three octets.
    pub const fn to_octets(self) -> [u8; 3] {
        let b = self.0.to_be_bytes();
        [b[1], b[2], b[3]]
    }

    /// From the wire: three octets.
    pub const fn from_octets(octets: [u8; 3]) -> Self {
        Self(u32::from_be_bytes([0, octets[0], octets[1], octets[2]]))
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

impl fmt::Debug for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codes_have_names_and_others_their_number() {
        assert_eq!(EtherType::ARP.to_string(), "ARP");
        assert_eq!(EtherType(0x1234).to_string(), "0x1234");
        assert_eq!(IpProto::SCTP.to_string(), "SCTP");
        assert_eq!(IpProto(200).to_string(), "proto 200");
    }

    #[test]
    fn vni_has_24_bits() {
        assert_eq!(Vni::new(1 << 24), None);
        assert_eq!(Vni::new(0x00ff_ffff), Some(Vni::MAX));
        assert_eq!(Vni::from_tunnel_key(0xab_0123_4567_89ab).get(), 0x6789ab);
        assert_eq!(Vni::from_octets(Vni::new(0x010203).unwrap().to_octets()).get(), 0x010203);
    }
}
