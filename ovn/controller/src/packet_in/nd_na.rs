//! `nd_na { ... }` and `nd_na_router { ... }`: a neighbour advertisement in answer to a solicitation (RFC 4861).

use openflow::PacketIn2;
use packet::{Icmp6, IpProto, MacAddr, Neighbor, Pseudo};
use std::net::Ipv6Addr;

use super::ip::{Ends, IpPacket};
use super::{Reaction, send_instead};

/// Whom the advertisement is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Host,
    Router,
}

/// Flags of an advertisement, in the octet after the checksum (RFC 4861 section 4.4).
const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 1]);

/// The advertisement goes back from where the solicitation went to; the nested actions then set its addresses.
pub(super) fn react(packet: &PacketIn2, actions: &[u8], sender: Sender) -> Reaction {
    let answer = advertisement(&packet.packet, sender).and_then(|frame| send_instead(packet, frame, actions));
    answer.map_or(Reaction::Nothing, Reaction::Send)
}

fn advertisement(frame: &[u8], sender: Sender) -> Option<Vec<u8>> {
    let packet = IpPacket::parse(frame)?;
    let Pseudo::V6(src, _) = packet.ends.ip else { return None };
    let (icmp, rest) = Icmp6::parse(packet.body).ok()?;
    if packet.upper != IpProto::ICMP6 || icmp.ty != Icmp6::NEIGHBOR_SOLICITATION {
        return None;
    }
    let (solicitation, _) = Neighbor::parse(rest).ok()?;
    let router = if sender == Sender::Router { ROUTER } else { 0 };
    let back = packet.ends.turned();
    // Whoever has no address yet is told among all (section 7.2.4).
    let nameless = src.is_unspecified();
    let (dst_mac, dst) = if nameless { (ALL_NODES_MAC, ALL_NODES) } else { (back.dst_mac, src) };
    let solicited = if nameless { 0 } else { SOLICITED };
    let answer = Neighbor { target: solicitation.target, source_link: None, target_link: Some(back.src_mac) };
    let flags = [router | solicited | OVERRIDE, 0, 0, 0];
    let ends = Ends { dst_mac, ip: Pseudo::V6(solicitation.target, dst), ..back };
    ends.icmp6(Icmp6::NEIGHBOR_ADVERTISEMENT, flags, |body| answer.emit(body))
}
