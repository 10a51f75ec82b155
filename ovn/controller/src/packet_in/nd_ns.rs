//! `nd_ns { ... }`: asks for the MAC address of the next hop of an IPv6 packet (RFC 4861 section 7.2.2), which waits for
//! the answer.

use openflow::PacketIn2;
use packet::{Icmp6, MacAddr, Neighbor, Pseudo};
use std::net::Ipv6Addr;

use super::ip::{Ends, IpPacket};
use super::put_neighbor::Family;
use super::{Reaction, ask};

/// The question is about the packet's own destination; the nested actions then set what else it is to be.
pub(super) fn react(packet: &PacketIn2, actions: &[u8]) -> Reaction {
    solicitation(&packet.packet).map_or(Reaction::Nothing, |frame| ask(packet, frame, actions, Family::V6))
}

fn solicitation(frame: &[u8]) -> Option<Vec<u8>> {
    let packet = IpPacket::parse(frame)?;
    let Pseudo::V6(_, target) = packet.ends.ip else { return None };
    let src_mac = packet.ends.src_mac;
    let (src, dst) = (link_local(src_mac), solicited_node(target));
    let question = Neighbor { target, source_link: Some(src_mac), target_link: None };
    let ends = Ends { dst_mac: multicast_mac(dst), ip: Pseudo::V6(src, dst), ..packet.ends };
    ends.icmp6(Icmp6::NEIGHBOR_SOLICITATION, [0; 4], |body| question.emit(body))
}

/// The link-local address made from a MAC address (RFC 4291 appendix A).
fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

/// The group that an address's owner listens to (RFC 4291 section 2.7.1).
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// Where packets for a group go on Ethernet (RFC 2464 section 7).
fn multicast_mac(group: Ipv6Addr) -> MacAddr {
    let [.., a, b, c, d] = group.octets();
    MacAddr([0x33, 0x33, a, b, c, d])
}
