//! Router advertisements (RFC 4861 section 4.2) and what they carry (RFC 4191, RFC 8106).
//!
//! ```text
//! after the first four octets of ICMPv6:
//! | hop limit 1 | flags 1 | lifetime 2 | reachable time 4 | retransmission timer 4 | options: type 1, length 1 (x8), ... |
//! ```

use std::fmt;
use std::net::Ipv6Addr;

use crate::{Cursor, DnsName, Icmp6, MacAddr, Malformed};

/// What a router says of itself and of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterAdvertisement {
    /// Hops that hosts are to give their packets; 0 says nothing.
    pub hop_limit: u8,
    /// [`Self::MANAGED`], [`Self::OTHER`] and the preference.
    pub flags: u8,
    /// Seconds for which this is a default router.
    pub lifetime: u16,
    /// Milliseconds for which a neighbour that answered counts as reachable; 0 says nothing.
    pub reachable_ms: u32,
    /// Milliseconds between solicitations; 0 says nothing.
    pub retransmit_ms: u32,
    /// In order.
    pub options: Vec<RouterOption>,
}

/// What comes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouterOption {
    /// MAC address of the router.
    SourceLink(MacAddr),
    /// Octets of the longest packet on the link.
    Mtu(u32),
    /// Addresses on the link.
    Prefix {
        /// The bits of the prefix that count.
        length: u8,
        /// [`RouterAdvertisement::ON_LINK`], [`RouterAdvertisement::AUTONOMOUS`].
        flags: u8,
        /// Seconds; all ones is forever.
        valid: u32,
        /// Seconds for which addresses may begin something new.
        preferred: u32,
        /// Bits beyond the length are kept as they are.
        prefix: Ipv6Addr,
    },
    /// What is behind the router.
    Route {
        /// The bits of the prefix that count.
        length: u8,
        /// How much it is to be liked, as in [`RouterAdvertisement::flags`].
        flags: u8,
        /// Seconds.
        lifetime: u32,
        /// The octets of the prefix that come along, 0, 8 or 16; others are refused.
        prefix: Vec<u8>,
    },
    /// Servers of names.
    DnsServers {
        /// Seconds.
        lifetime: u32,
        /// At most 127.
        servers: Vec<Ipv6Addr>,
    },
    /// Domains that are looked in.
    DnsSearch {
        /// Seconds.
        lifetime: u32,
        /// As they stand, with their padding.
        names: Vec<u8>,
    },
    /// One of another type, with its value.
    Other(u8, Vec<u8>),
}

impl RouterAdvertisement {
    /// Flag: addresses come from DHCP.
    pub const MANAGED: u8 = 0x80;
    /// Flag: the rest comes from DHCP.
    pub const OTHER: u8 = 0x40;
    /// Flag: a router to be liked more than others (RFC 4191 section 2.1).
    pub const HIGH: u8 = 0x08;
    /// Flag: a router to be liked less than others.
    pub const LOW: u8 = 0x18;
    /// Flag of a prefix: addresses are reached without a router.
    pub const ON_LINK: u8 = 0x80;
    /// Flag of a prefix: hosts make their addresses of it.
    pub const AUTONOMOUS: u8 = 0x40;

    /// Reads a whole ICMPv6 message to its end. The checksum is not looked at. Refused are other messages, and options of
    /// length zero or beyond the octets there are. An option that does not fit its type is [`RouterOption::Other`].
    pub fn parse(octets: &[u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new("router advertisement", octets);
        let [ty, _code, _, _] = c.array()?;
        if ty != Icmp6::ROUTER_ADVERTISEMENT {
            return Err(c.error_at(0, "another ICMPv6 message"));
        }
        let mut this = Self {
            hop_limit: c.u8()?,
            flags: c.u8()?,
            lifetime: c.u16()?,
            reachable_ms: c.u32()?,
            retransmit_ms: c.u32()?,
            options: Vec::new(),
        };
        while !c.rest().is_empty() {
            let at = c.offset();
            let [ty, units] = c.array()?;
            if units == 0 {
                return Err(c.error_at(at + 1, "an option of length zero"));
            }
            let value = c.take(usize::from(units) * 8 - 2)?;
            this.options.push(RouterOption::parse(ty, value));
        }
        Ok(this)
    }

    /// Appends the whole ICMPv6 message, without a checksum.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([Icmp6::ROUTER_ADVERTISEMENT, 0, 0, 0, self.hop_limit, self.flags]);
        out.extend(self.lifetime.to_be_bytes());
        out.extend(self.reachable_ms.to_be_bytes());
        out.extend(self.retransmit_ms.to_be_bytes());
        for option in &self.options {
            option.emit(out);
        }
    }
}

impl RouterOption {
    const SOURCE_LINK: u8 = 1;
    const PREFIX: u8 = 3;
    const MTU: u8 = 5;
    const ROUTE: u8 = 24;
    const DNS_SERVERS: u8 = 25;
    const DNS_SEARCH: u8 = 31;

    /// The search list with these domains; `None` if they are too many.
    pub fn search(lifetime: u32, domains: &[DnsName]) -> Option<Self> {
        let mut names: Vec<u8> = domains.iter().flat_map(|domain| domain.octets()).copied().collect();
        names.resize(names.len().next_multiple_of(8), 0);
        (names.len() / 8 < usize::from(u8::MAX)).then_some(Self::DnsSearch { lifetime, names })
    }

    fn parse(ty: u8, value: &[u8]) -> Self {
        Self::known(ty, value).ok().flatten().unwrap_or_else(|| Self::Other(ty, value.to_vec()))
    }

    /// Reads what fits its type and would be written the same.
    fn known(ty: u8, value: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut c = Cursor::new("router option", value);
        let this = match ty {
            Self::SOURCE_LINK => Self::SourceLink(MacAddr(c.array()?)),
            Self::MTU => {
                let zero = c.u16()?;
                if zero != 0 {
                    return Ok(None);
                }
                Self::Mtu(c.u32()?)
            }
            Self::PREFIX => {
                let (length, flags, valid, preferred) = (c.u8()?, c.u8()?, c.u32()?, c.u32()?);
                let zero = c.u32()?;
                if zero != 0 {
                    return Ok(None);
                }
                Self::Prefix { length, flags, valid, preferred, prefix: c.array()?.into() }
            }
            Self::ROUTE => {
                let (length, flags, lifetime) = (c.u8()?, c.u8()?, c.u32()?);
                let prefix = c.take(c.rest().len())?.to_vec();
                if prefix.len() > 16 {
                    return Ok(None);
                }
                Self::Route { length, flags, lifetime, prefix }
            }
            Self::DNS_SERVERS => {
                let (zero, lifetime) = (c.u16()?, c.u32()?);
                if zero != 0 || !c.rest().len().is_multiple_of(16) {
                    return Ok(None);
                }
                let mut servers = Vec::new();
                while !c.rest().is_empty() {
                    servers.push(c.array::<16>()?.into());
                }
                Self::DnsServers { lifetime, servers }
            }
            Self::DNS_SEARCH => {
                let (zero, lifetime) = (c.u16()?, c.u32()?);
                if zero != 0 {
                    return Ok(None);
                }
                Self::DnsSearch { lifetime, names: c.take(c.rest().len())?.to_vec() }
            }
            _ => return Ok(None),
        };
        Ok(c.rest().is_empty().then_some(this))
    }

    /// Appends the option, with zeros up to the next multiple of eight octets.
    fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        match self {
            Self::SourceLink(mac) => {
                out.extend([Self::SOURCE_LINK, 0]);
                out.extend(mac.0);
            }
            Self::Mtu(mtu) => {
                out.extend([Self::MTU, 0, 0, 0]);
                out.extend(mtu.to_be_bytes());
            }
            Self::Prefix { length, flags, valid, preferred, prefix } => {
                out.extend([Self::PREFIX, 0, *length, *flags]);
                out.extend(valid.to_be_bytes());
                out.extend(preferred.to_be_bytes());
                out.extend([0; 4]);
                out.extend(prefix.octets());
            }
            Self::Route { length, flags, lifetime, prefix } => {
                out.extend([Self::ROUTE, 0, *length, *flags]);
                out.extend(lifetime.to_be_bytes());
                out.extend(prefix);
            }
            Self::DnsServers { lifetime, servers } => {
                out.extend([Self::DNS_SERVERS, 0, 0, 0]);
                out.extend(lifetime.to_be_bytes());
                out.extend(servers.iter().flat_map(|server| server.octets()));
            }
            Self::DnsSearch { lifetime, names } => {
                out.extend([Self::DNS_SEARCH, 0, 0, 0]);
                out.extend(lifetime.to_be_bytes());
                out.extend(names);
            }
            Self::Other(ty, value) => {
                out.extend([*ty, 0]);
                out.extend(value);
            }
        }
        let length = (out.len() - start).next_multiple_of(8).min(usize::from(u8::MAX) * 8);
        out.resize(start + length, 0);
        out[start + 1] = (length / 8) as u8;
    }
}

impl fmt::Display for RouterAdvertisement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "router advertisement, hop limit {}, flags {:#04x}", self.hop_limit, self.flags)?;
        write!(f, ", lifetime {}s", self.lifetime)?;
        for option in &self.options {
            match option {
                RouterOption::SourceLink(mac) => write!(f, ", source link-address {mac}")?,
                RouterOption::Mtu(mtu) => write!(f, ", mtu {mtu}")?,
                RouterOption::Prefix { length, flags, prefix, valid, preferred } => {
                    write!(
                        f,
                        ", prefix {prefix}/{length} flags {flags:#04x} valid {valid}s preferred {preferred}s"
                    )?;
                }
                RouterOption::Route { length, flags, lifetime, prefix } => {
                    let mut octets = [0; 16];
                    octets.iter_mut().zip(prefix).for_each(|(to, from)| *to = *from);
                    write!(f, ", route {}/{length} flags {flags:#04x} {lifetime}s", Ipv6Addr::from(octets))?;
                }
                RouterOption::DnsServers { lifetime, servers } => {
                    write!(f, ", rdnss {servers:?} {lifetime}s")?;
                }
                RouterOption::DnsSearch { lifetime, names } => {
                    write!(f, ", dnssl {} octets {lifetime}s", names.len())?;
                }
                RouterOption::Other(ty, value) => write!(f, ", option {ty} {} octets", value.len())?,
            }
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
    fn advertisement_is_read_and_written_back() {
        let octets = hex("86 00 0000 ff 48 ffff 00000000 00000000 01 01 020000000001 05 01 0000 000005dc
            03 04 40 c0 ffffffff ffffffff 00000000 fd000000000000000000000000000000
            18 02 40 08 ffffffff fd01000000000000  19 03 0000 ffffffff fd000000000000000000000000000053
            1f 02 0000 ffffffff 01 61 00 0000000000  0e 01 010203040506");
        let read = RouterAdvertisement::parse(&octets).unwrap();
        insta::assert_snapshot!(read, @"router advertisement, hop limit 255, flags 0x48, lifetime 65535s, source link-address 02:00:00:00:00:01, mtu 1500, prefix fd00::/64 flags 0xc0 valid 4294967295s preferred 4294967295s, route fd01::/64 flags 0x08 4294967295s, rdnss [fd00::53] 4294967295s, dnssl 8 octets 4294967295s, option 14 6 octets");
        let mut out = Vec::new();
        read.emit(&mut out);
        assert_eq!(out, octets);
        let list = RouterOption::search(u32::MAX, &[DnsName::from_text("a").unwrap()]).unwrap();
        assert_eq!(read.options[5], list);
        insta::assert_snapshot!(RouterAdvertisement::parse(&hex("86 00 0000 ff 48 ffff 00000000 00000000 01 00")).unwrap_err(), @"router advertisement: an option of length zero (octet 17)");
        insta::assert_snapshot!(RouterAdvertisement::parse(&octets[..20]).unwrap_err(), @"router advertisement: the octets end here (octet 20)");
        insta::assert_snapshot!(RouterAdvertisement::parse(&[135; 20]).unwrap_err(), @"router advertisement: another ICMPv6 message (octet 0)");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(
            options in proptest::collection::vec((prop_oneof![1u8..6, 24u8..32], 1u8..5, any::<[u8; 32]>()), 0..5),
            cut in 0usize..200,
        ) {
            let mut octets = hex("86 00 0000 ff 48 ffff 00000000 00000000");
            for (ty, units, value) in options {
                octets.extend([ty, units]);
                octets.extend(&value[..usize::from(units) * 8 - 2]);
            }
            octets.truncate(cut);
            if let Ok(read) = RouterAdvertisement::parse(&octets) {
                let mut out = Vec::new();
                read.emit(&mut out);
                prop_assert_eq!(out, octets);
            }
        }
    }
}
