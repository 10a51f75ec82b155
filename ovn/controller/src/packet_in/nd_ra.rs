//! `put_nd_ra_opts(...)`: a router advertisement in answer to a solicitation (RFC 4861 section 6.2.6).

use openflow::PacketIn2;
use packet::{Icmp6, IpProto, MacAddr, Pseudo, RouterAdvertisement};
use std::net::Ipv6Addr;

use super::Reaction;
use super::ip::{Ends, IpPacket};
use super::question::{Answer, answered, malformed};

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Where packets to all nodes go on Ethernet.
const ALL_NODES_MAC: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 1]);

/// The frame of an advertisement to all.
pub(crate) fn unasked(mac: MacAddr, ip: Ipv6Addr, advertisement: &RouterAdvertisement) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    advertisement.emit(&mut message);
    let ip = Pseudo::V6(ip, ALL_NODES);
    Ends { src_mac: mac, dst_mac: ALL_NODES_MAC, tag: None, ip }.advertisement(&message)
}

/// The arguments are the whole message without its checksum. The flow turns the packet round, so who has no address yet
/// speaks as all.
pub(super) fn react(packet: &PacketIn2, arguments: &[u8]) -> Reaction {
    answered(packet, arguments, |message| {
        let ip = IpPacket::parse(&packet.packet).ok_or(malformed("ip", "no whole IP packet"))?;
        let Pseudo::V6(src, dst) = ip.ends.ip else { return Err(malformed("icmp6", "not in IPv6")) };
        if ip.upper != IpProto::ICMP6 {
            return Err(malformed("icmp6", "another protocol"));
        }
        let (icmp, _) = Icmp6::parse(ip.body)?;
        if (icmp.ty, icmp.code) != (Icmp6::ROUTER_SOLICITATION, 0) {
            return Err(malformed("icmp6", "not a router solicitation"));
        }
        let src = if src.is_unspecified() { ALL_NODES } else { src };
        let ends = Ends { ip: Pseudo::V6(src, dst), ..ip.ends };
        Ok(ends.advertisement(message).map_or(Answer::NotOurs, Answer::Frame))
    })
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::ends;
    use super::super::question::testing::outcome;
    use super::*;

    fn said(ty: u8, src: Ipv6Addr) -> String {
        let Pseudo::V6(_, dst) = ends(true).ip else { unreachable!() };
        let frame = Ends { ip: Pseudo::V6(src, dst), ..ends(true) }.icmp6(ty, [0; 4], |_| ()).unwrap();
        outcome(frame, react, &[134, 0, 0, 0, 255, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]).0
    }

    #[test]
    fn a_solicitation_becomes_the_advertisement() {
        insta::assert_snapshot!(said(133, "fe80::1".parse().unwrap()), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv6; IP6 fe80::1 > fd00::2, ICMP6, hlim 255, length 16; ICMP6, router advertisement, data [255, 0, 255, 255], 8 octets quoted");
        insta::assert_snapshot!(said(133, Ipv6Addr::UNSPECIFIED), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv6; IP6 ff02::1 > fd00::2, ICMP6, hlim 255, length 16; ICMP6, router advertisement, data [255, 0, 255, 255], 8 octets quoted");
        insta::assert_snapshot!(said(135, Ipv6Addr::UNSPECIFIED), @"malformed");
    }
}
