//! The addresses that a port may use: `Port_Binding.port_security`.
//!
//! Each string is one or more MAC addresses (`MAC`, or `MAC/MASK`), then any number of IPv4 and IPv6 addresses, each with an
//! optional prefix length. An IPv4 address whose host bits are zero stands for the whole network; otherwise its prefix
//! says what the broadcast address is. ovn-nb(5), `Logical_Switch_Port:port_security`.

use packet::MacAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One string of port security.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedMac {
    pub mac: MacAddr,
    pub v4: Vec<AllowedAddress<Ipv4Addr>>,
    pub v6: Vec<AllowedAddress<Ipv6Addr>>,
}

/// An address with the prefix that was written behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowedAddress<A> {
    pub address: A,
    /// The whole width if none was written.
    pub prefix: u8,
}

impl AllowedMac {
    /// Whether only the Ethernet address is looked at.
    pub fn any_ip(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

impl AllowedAddress<Ipv4Addr> {
    /// All bits of the prefix.
    pub fn netmask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }

    /// Whether it is a network rather than a host in one.
    pub fn is_network(self) -> bool {
        self.prefix < 32 && u32::from(self.address) & !self.netmask() == 0
    }

    /// The broadcast address of the network that the host is in; none if it is in no smaller one.
    pub fn broadcast(self) -> Option<Ipv4Addr> {
        let host_in_network = self.prefix < 32 && !self.is_network();
        host_in_network.then(|| (u32::from(self.address) | !self.netmask()).into())
    }
}

impl AllowedAddress<Ipv6Addr> {
    /// All bits of the prefix.
    pub fn netmask(self) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0)
    }
}

/// Reads one string. Several MAC addresses in it have the same IP addresses.
pub(super) fn parse(text: &str) -> Result<Vec<AllowedMac>, String> {
    let mut macs: Vec<MacAddr> = Vec::new();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for word in text.split_ascii_whitespace() {
        if v4.is_empty()
            && v6.is_empty()
            && let Ok(mac) = word.parse::<MacAddr>()
        {
            macs.push(mac);
            continue;
        }
        let bad = || format!("invalid port security {text:?}: {word:?} is no address");
        let (address, prefix) = word.split_once('/').map_or((word, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let width: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix =
            prefix.map_or(Some(width), |p| p.parse().ok().filter(|&p| p <= width)).ok_or_else(bad)?;
        match address {
            IpAddr::V4(address) => v4.push(AllowedAddress { address, prefix }),
            IpAddr::V6(address) => v6.push(AllowedAddress { address, prefix }),
        }
    }
    if macs.is_empty() {
        return Err(format!("invalid port security {text:?}: it does not begin with an Ethernet address"));
    }
    Ok(macs.into_iter().map(|mac| AllowedMac { mac, v4: v4.clone(), v6: v6.clone() }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_with_networks_and_broadcasts() {
        let allowed = &parse("00:00:00:00:00:04 10.0.0.4 10.0.1.0/24 10.0.2.5/24 fd00::1/64").unwrap()[0];
        let v4: Vec<_> = allowed.v4.iter().map(|a| (a.is_network(), a.broadcast())).collect();
        assert_eq!(v4, [(false, None), (true, None), (false, Some(Ipv4Addr::new(10, 0, 2, 255)))]);
        assert_eq!(allowed.v6[0].netmask(), u128::MAX << 64);
        assert!(parse("00:00:00:00:00:04").unwrap()[0].any_ip());
    }

    #[test]
    fn what_is_no_address_is_named() {
        assert_eq!(
            parse("00:00:00:00:00:04 10.0.0").unwrap_err(),
            "invalid port security \"00:00:00:00:00:04 10.0.0\": \"10.0.0\" is no address"
        );
        assert!(
            parse("10.0.0.1").is_err()
                && parse("").is_err()
                && parse("00:00:00:00:00:04 1.2.3.4/33").is_err()
        );
    }
}
