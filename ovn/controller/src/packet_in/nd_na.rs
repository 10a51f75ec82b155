//! `nd_na { ... }` and `nd_na_router { ... }`: a neighbour advertisement in answer to a solicitation (RFC 4861).

use openflow::PacketIn2;
use packet::{EtherType, Ethernet, Icmp6, IpProto, Ipv6, MacAddr, Neighbor, Pseudo};
use std::net::Ipv6Addr;

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
    let (ethernet, rest) = Ethernet::parse(frame).ok()?;
    let (ip, rest) = Ipv6::parse(rest).ok()?;
    if ethernet.ethertype != EtherType::IPV6 || ip.next_header != IpProto::ICMP6 {
        return None;
    }
    let (icmp, rest) = Icmp6::parse(rest).ok()?;
    let (solicitation, _) = Neighbor::parse(rest).ok()?;
    if icmp.ty != Icmp6::NEIGHBOR_SOLICITATION {
        return None;
    }
    let router = if sender == Sender::Router { ROUTER } else { 0 };
    // Whoever has no address yet is told among all (section 7.2.4).
    let nameless = ip.src.is_unspecified();
    let (to_mac, to) = if nameless { (ALL_NODES_MAC, ALL_NODES) } else { (ethernet.src, ip.src) };
    let solicited = if nameless { 0 } else { SOLICITED };
    let mut body = Vec::new();
    let answer = Neighbor { target: solicitation.target, source_link: None, target_link: Some(ethernet.dst) };
    answer.emit(&mut body);
    let (src, dst) = (solicitation.target, to);
    let length = u16::try_from(Icmp6::LEN + body.len()).ok()?;
    let icmp = Icmp6 {
        ty: Icmp6::NEIGHBOR_ADVERTISEMENT,
        code: 0,
        checksum: 0,
        data: [router | solicited | OVERRIDE, 0, 0, 0],
    };
    let pseudo = Pseudo::new(src.into(), dst.into())?;
    let mut out = Vec::new();
    Ethernet { dst: to_mac, src: ethernet.dst, ethertype: EtherType::IPV6 }.emit(&mut out);
    Ipv6 { hop_limit: 255, ..Ipv6::new(src, dst, IpProto::ICMP6, length) }.emit(&mut out);
    icmp.with_checksum(pseudo, &body).emit(&mut out);
    out.extend(body);
    Some(out)
}
