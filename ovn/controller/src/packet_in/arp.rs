//! `arp { ... }`: asks for the MAC address of the next hop of an IPv4 packet (RFC 826), which waits for the answer.

use openflow::PacketIn2;
use packet::{Arp, EtherType, Ethernet, Ipv4, MacAddr};

use super::put_neighbor::Family;
use super::{Reaction, ask};

const BROADCAST: MacAddr = MacAddr([0xff; 6]);

/// The question is about the packet's own addresses; the nested actions then set those of the router and the next hop.
pub(super) fn react(packet: &PacketIn2, actions: &[u8]) -> Reaction {
    request(&packet.packet).map_or(Reaction::Nothing, |frame| ask(packet, frame, actions, Family::V4))
}

fn request(frame: &[u8]) -> Option<Vec<u8>> {
    let (ethernet, rest) = Ethernet::parse(frame).ok()?;
    if ethernet.ethertype != EtherType::IPV4 {
        return None;
    }
    let (ip, _) = Ipv4::parse(rest).ok()?;
    let mut out = Vec::new();
    Ethernet { dst: BROADCAST, src: ethernet.src, ethertype: EtherType::ARP }.emit(&mut out);
    let (sha, tha) = (ethernet.src, MacAddr::ZERO);
    Arp { operation: Arp::REQUEST, sha, spa: ip.src, tha, tpa: ip.dst }.emit(&mut out);
    Some(out)
}
