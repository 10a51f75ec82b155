//! `reject { ... }`: says by whatever suits the protocol that a packet is not welcome, but never in answer to the same.

use openflow::PacketIn2;
use packet::{Icmp4, IpProto, Pseudo, Tcp, TcpFlags};

use super::ip::IpPacket;
use super::{Reaction, icmp, sctp_abort, tcp_reset};

/// ICMPv6: the destination cannot be reached.
const UNREACHABLE_V6: u8 = 1;

/// The answer goes back to where the packet came from; the nested actions say how.
pub(super) fn react(packet: &PacketIn2, actions: &[u8]) -> Reaction {
    let Some(ip) = IpPacket::parse(&packet.packet) else { return Reaction::Malformed };
    if says_no(&ip) {
        return Reaction::Nothing;
    }
    let back = ip.ends.turned();
    match ip.upper {
        IpProto::TCP => tcp_reset::answer(packet, actions, &ip, back),
        IpProto::SCTP => sctp_abort::answer(packet, actions, &ip, back),
        _ => icmp::answer(packet, actions, &ip, back, icmp::About::Destination),
    }
}

/// Whether the packet says itself that something was not welcome.
fn says_no(ip: &IpPacket<'_>) -> bool {
    match (ip.upper, ip.ends.ip) {
        (IpProto::TCP, _) => {
            Tcp::parse(ip.body).is_ok_and(|(segment, _)| segment.flags.contains(TcpFlags::RST))
        }
        (IpProto::ICMP, Pseudo::V4(..)) => ip.body.first() == Some(&Icmp4::UNREACHABLE),
        (IpProto::ICMP6, Pseudo::V6(..)) => ip.body.first() == Some(&UNREACHABLE_V6),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::{describe, ends, packet_in};
    use super::*;

    fn said(v6: bool, proto: IpProto, body: &[u8]) -> String {
        let frame = ends(v6).frame(proto, 64, body).unwrap();
        match react(&packet_in(frame, Vec::new()), &[]) {
            Reaction::Send(out) => describe(&out.packet),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_answer_goes_back_and_suits_the_protocol() {
        insta::assert_snapshot!(said(true, IpProto::UDP, &[0; 8]), @"02:00:00:00:00:02 > 02:00:00:00:00:01, ethertype IPv6; IP6 fd00::2 > fd00::1, ICMP6, hlim 255, length 56; ICMP6, type 1, code 4, data [0, 0, 0, 0], 48 octets quoted");
        insta::assert_snapshot!(said(false, IpProto::ICMP, &[8, 0, 0, 0, 0, 0, 0, 0]), @"02:00:00:00:00:02 > 02:00:00:00:00:01, ethertype IPv4; IP 10.0.0.2 > 10.0.0.1, ICMP, ttl 255, length 36; ICMP unreachable, code 1, data [0, 0, 0, 0], 28 octets quoted");
        let mut segment = [0; 20];
        (segment[12], segment[13]) = (0x50, 2);
        insta::assert_snapshot!(said(false, IpProto::TCP, &segment), @"02:00:00:00:00:02 > 02:00:00:00:00:01, ethertype IPv4; IP 10.0.0.2 > 10.0.0.1, TCP, ttl 63, length 20; 0 > 0: Flags [R.], seq 0, ack 1, win 0");
    }

    #[test]
    fn an_answer_is_not_answered() {
        let mut segment = [0; 20];
        (segment[12], segment[13]) = (0x50, 4);
        assert_eq!(said(false, IpProto::TCP, &segment), "Nothing");
        assert_eq!(said(false, IpProto::ICMP, &[3, 1, 0, 0]), "Nothing");
        assert_eq!(said(true, IpProto::ICMP6, &[1, 1, 0, 0]), "Nothing");
        assert_eq!(said(false, IpProto::TCP, &[0; 4]), "Malformed");
    }
}
