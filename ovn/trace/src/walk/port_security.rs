//! Whether a port may send or receive a packet, from the addresses in its `port_security`.
//!
//! The rules are those of ovn-nb(5), `Logical_Switch_Port`, column `port_security`; where that leaves room,
//! those that upstream's controller installs in the switch.

use super::assign::write;
use super::{Place, Traced};
use lflow::symbols::FieldRef;
use openflow::Field;
use packet::MacAddr;
use std::net::{Ipv4Addr, Ipv6Addr};

const ETH_IPV4: u128 = 0x0800;
const ETH_ARP: u128 = 0x0806;
const ETH_IPV6: u128 = 0x86dd;

/// One MAC address, and the IP addresses that go with it; without any, all of them.
pub(crate) struct Allowed {
    pub(crate) mac: u128,
    pub(crate) v4: Vec<Network>,
    pub(crate) v6: Vec<Network>,
}

/// An address with its prefix.
#[derive(Clone, Copy)]
pub(crate) struct Network {
    pub(crate) address: u128,
    pub(crate) mask: u128,
    /// Width of the address in bits.
    pub(crate) bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (address, bits) = match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
            (Ok(v4), _) => (v4.to_bits().into(), 32),
            (Err(_), Ok(v6)) => (v6.to_bits(), 128),
            (Err(_), Err(_)) => return None,
        };
        let length = length.unwrap_or(bits);
        if length > bits {
            return None;
        }
        let ones = |n: u32| u128::MAX.checked_shr(128 - n).unwrap_or(0);
        Some(Self { address, mask: ones(bits) ^ ones(bits - length), bits })
    }

    /// A host part of zero means the whole network, any other one that host only.
    fn allows(&self, address: u128) -> bool {
        if self.address & !self.mask == 0 {
            address & self.mask == self.address
        } else {
            address == self.address
        }
    }

    /// The network's broadcast address, if it is more than a host.
    fn is_broadcast(&self, address: u128) -> bool {
        let all = if self.bits == 32 { 0xffff_ffff } else { u128::MAX };
        self.mask != all && address == self.address | (all & !self.mask)
    }
}

impl Allowed {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let MacAddr(octets) = words.next()?.parse().ok()?;
        let mac = octets.iter().fold(0, |value, octet| value << 8 | u128::from(*octet));
        let (v4, v6) = words.filter_map(Network::parse).partition(|network| network.bits == 32);
        Some(Self { mac, v4, v6 })
    }

    pub(crate) fn any_address(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The IPv6 link-local address that the MAC address makes (RFC 4291 section 2.5.1).
    pub(crate) fn link_local(&self) -> u128 {
        let high = (self.mac >> 24) ^ 0x02_0000;
        0xfe80 << 112 | high << 40 | 0xff_fe00_0000 | (self.mac & 0xff_ffff)
    }

    fn allows_v6(&self, address: u128) -> bool {
        address == self.link_local() || self.v6.iter().any(|network| network.allows(address))
    }

    fn may_send(&self, packet: &Traced) -> bool {
        if packet.get(Field::EthSrc) != self.mac {
            return false;
        }
        match packet.get(Field::EthType) {
            ETH_ARP => {
                let spa = packet.get(Field::ArpSpa);
                packet.get(Field::ArpSha) == self.mac
                    && (self.any_address() || self.v4.iter().any(|network| network.allows(spa)))
            }
            ETH_IPV4 => self.any_address() || self.may_send_v4(packet),
            ETH_IPV6 => {
                (self.any_address() || self.may_send_v6(packet)) && self.neighbour_discovery_is_true(packet)
            }
            // The microflow does not say what the packet is, so it is not one that is forbidden.
            0 => true,
            _ => self.any_address(),
        }
    }

    fn may_send_v4(&self, packet: &Traced) -> bool {
        let src = packet.get(Field::Ipv4Src);
        // A host that asks for its address does not have one.
        let asks_for_address = src == 0
            && packet.get(Field::Ipv4Dst) == 0xffff_ffff
            && packet.get(Field::IpProto) == 17
            && packet.get(Field::UdpSrc) == 68
            && packet.get(Field::UdpDst) == 67;
        !self.v4.is_empty() && (asks_for_address || self.v4.iter().any(|network| network.allows(src)))
    }

    fn may_send_v6(&self, packet: &Traced) -> bool {
        let src = packet.get(Field::Ipv6Src);
        // Duplicate address detection and multicast listener reports come before there is an address.
        let has_no_address_yet = src == 0
            && packet.get(Field::Ipv6Dst) >> 112 == 0xff02
            && packet.get(Field::IpProto) == 58
            && packet.get(Field::Icmp6Code) == 0
            && matches!(packet.get(Field::Icmp6Type), 131 | 135 | 143);
        !self.v6.is_empty() && (has_no_address_yet || self.allows_v6(src))
    }

    /// Whether the packet, if it is neighbour discovery, speaks of the port's own addresses.
    fn neighbour_discovery_is_true(&self, packet: &Traced) -> bool {
        let is_nd = packet.get(Field::IpProto) == 58
            && packet.get(Field::Icmp6Code) == 0
            && packet.get(Field::IpTtl) == 255;
        let own = |mac: u128| mac == 0 || mac == self.mac;
        match packet.get(Field::Icmp6Type) {
            135 if is_nd => own(packet.get(Field::NdSll)),
            136 if is_nd => {
                let target = packet.get(Field::NdTarget);
                own(packet.get(Field::NdTll)) && (self.v6.is_empty() || self.allows_v6(target))
            }
            _ => true,
        }
    }

    fn may_receive(&self, packet: &Traced) -> bool {
        if packet.get(Field::EthDst) != self.mac {
            return false;
        }
        match packet.get(Field::EthType) {
            ETH_IPV4 if !self.any_address() => {
                let dst = packet.get(Field::Ipv4Dst);
                let multicast = dst >> 28 == 0xe || dst == 0xffff_ffff;
                let known = |network: &Network| network.allows(dst) || network.is_broadcast(dst);
                !self.v4.is_empty() && (multicast || self.v4.iter().any(known))
            }
            ETH_IPV6 if !self.any_address() => {
                let dst = packet.get(Field::Ipv6Dst);
                !self.v6.is_empty() && (dst >> 120 == 0xff || self.allows_v6(dst))
            }
            _ => true,
        }
    }
}

/// Whether the rules of a port refuse the packet. A port without rules refuses nothing.
fn refuses(place: Place<'_>, key: u32, allows: impl Fn(&Allowed) -> bool) -> bool {
    let Some(port) = place.datapath.port(key) else { return false };
    let rules = &port.row.port_security;
    !rules.is_empty() && !rules.iter().filter_map(|text| Allowed::parse(text)).any(|rule| allows(&rule))
}

pub(super) fn check_in(place: Place<'_>, result: &FieldRef, packet: &mut Traced) {
    let refused = refuses(place, packet.inport(), |rule| rule.may_send(packet));
    write(result, refused.into(), packet);
}

pub(super) fn check_out(place: Place<'_>, result: &FieldRef, packet: &mut Traced) {
    let refused = refuses(place, packet.outport(), |rule| rule.may_receive(packet));
    write(result, refused.into(), packet);
}
