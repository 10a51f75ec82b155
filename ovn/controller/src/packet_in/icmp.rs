//! `icmp4 { ... }`, `icmp6 { ... }` and their `_error` forms: says that a packet did not get through, and quotes it
//! (RFC 792, RFC 4443 section 3).

use openflow::{Action, PacketIn2, decode_actions};
use packet::{Icmp4, Icmp6, IpProto, Pseudo};

use super::ip::{Ends, IpPacket};
use super::{Reaction, send_instead};
use crate::compile::punt::{Note, note};

/// Octets of an IPv4 packet with an error (RFC 1122 section 3.2.2 lets us quote more than the first eight), and of an
/// IPv6 one (RFC 4443 section 3.1), both with the Ethernet header, as upstream counts them.
const ROOM_V4: usize = 576 - 14 - 20 - Icmp4::LEN;
const ROOM_V6: usize = 1280 - 14 - 40 - Icmp6::LEN;

const HOST_UNREACHABLE: u8 = 1;
const PORT_UNREACHABLE_V4: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
const PROHIBITED: u8 = 1;
const PORT_UNREACHABLE_V6: u8 = 4;
const UNREACHABLE_V6: u8 = 1;
const PACKET_TOO_BIG: u8 = 2;

/// What the error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The destination; of UDP, its port.
    Destination,
    /// What the nested actions say.
    Any,
}

/// The error goes between the packet's ends as they are; the nested actions turn them, and set type and code.
pub(super) fn react(packet: &PacketIn2, actions: &[u8], about: About) -> Reaction {
    let Some(ip) = IpPacket::parse(&packet.packet) else { return Reaction::Malformed };
    answer(packet, actions, &ip, ip.ends, about)
}

/// The error goes from and to `ends`.
pub(super) fn answer(
    packet: &PacketIn2,
    actions: &[u8],
    ip: &IpPacket<'_>,
    ends: Ends,
    about: About,
) -> Reaction {
    let Ok(nested) = decode_actions(actions) else { return Reaction::Nothing };
    let notes = nested.iter().filter_map(|action| match action {
        Action::Note(octets) => note(octets),
        _ => None,
    });
    let (mut mtu_v4, mut mtu_v6) = (None, None);
    for said in notes {
        match said {
            Note::Icmp4FragMtu(mtu) => mtu_v4 = Some(mtu),
            Note::Icmp6FragMtu(mtu) => mtu_v6 = Some(mtu),
        }
    }
    let of_port = about == About::Destination && ip.upper == IpProto::UDP;
    let frame = match ends.ip {
        Pseudo::V4(..) => error_v4(ip, ends, of_port, mtu_v4),
        Pseudo::V6(..) => error_v6(ip, ends, of_port, mtu_v6),
    };
    let out = frame.and_then(|frame| send_instead(packet, frame, actions));
    out.map_or(Reaction::Nothing, Reaction::Send)
}

fn error_v4(ip: &IpPacket<'_>, ends: Ends, of_port: bool, mtu: Option<u16>) -> Option<Vec<u8>> {
    let quote = &ip.whole[..ip.whole.len().min(ROOM_V4)];
    let code = if of_port { PORT_UNREACHABLE_V4 } else { HOST_UNREACHABLE };
    let code = mtu.map_or(code, |_| FRAGMENTATION_NEEDED);
    let [high, low] = mtu.unwrap_or(0).to_be_bytes();
    let icmp = Icmp4 { ty: Icmp4::UNREACHABLE, code, checksum: 0, data: [0, 0, high, low] };
    let mut body = Vec::with_capacity(Icmp4::LEN + quote.len());
    icmp.with_checksum(quote).emit(&mut body);
    body.extend(quote);
    ends.frame(IpProto::ICMP, 255, &body)
}

fn error_v6(ip: &IpPacket<'_>, ends: Ends, of_port: bool, mtu: Option<u32>) -> Option<Vec<u8>> {
    let quote = &ip.whole[..ip.whole.len().min(ROOM_V6)];
    let code = if of_port { PORT_UNREACHABLE_V6 } else { PROHIBITED };
    let (ty, code) = mtu.map_or((UNREACHABLE_V6, code), |_| (PACKET_TOO_BIG, 0));
    let icmp = Icmp6 { ty, code, checksum: 0, data: mtu.unwrap_or(0).to_be_bytes() };
    let mut body = Vec::with_capacity(Icmp6::LEN + quote.len());
    icmp.with_checksum(ends.ip, quote).emit(&mut body);
    body.extend(quote);
    ends.frame(IpProto::ICMP6, 255, &body)
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::{describe, ends, packet_in};
    use super::*;
    use openflow::encode_actions;

    fn said(v6: bool, proto: IpProto, octets: usize, about: About, actions: &[Action]) -> String {
        let frame = ends(v6).frame(proto, 64, &vec![1; octets]).unwrap();
        match react(&packet_in(frame, Vec::new()), &encode_actions(actions), about) {
            Reaction::Send(out) => describe(&out.packet),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_did_not_get_through_is_quoted() {
        insta::assert_snapshot!(said(false, IpProto::UDP, 20, About::Destination, &[]), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4; IP 10.0.0.1 > 10.0.0.2, ICMP, ttl 255, length 48; ICMP unreachable, code 3, data [0, 0, 0, 0], 40 octets quoted");
        insta::assert_snapshot!(said(true, IpProto::UDP, 2000, About::Destination, &[]), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv6; IP6 fd00::1 > fd00::2, ICMP6, hlim 255, length 1226; ICMP6, type 1, code 4, data [0, 0, 0, 0], 1218 octets quoted");
        insta::assert_snapshot!(said(false, IpProto::ICMP, 2000, About::Destination, &[]), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4; IP 10.0.0.1 > 10.0.0.2, ICMP, ttl 255, length 542; ICMP unreachable, code 1, data [0, 0, 0, 0], 534 octets quoted");
    }

    #[test]
    fn a_note_says_how_large_packets_may_be() {
        let mtu =
            |number: u8, octets: &[u8]| Action::Note([b"ovn\0", &[0, number, 0, 0][..], octets].concat());
        insta::assert_snapshot!(said(false, IpProto::TCP, 8, About::Any, &[mtu(0, &[5, 0x78])]), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4; IP 10.0.0.1 > 10.0.0.2, ICMP, ttl 255, length 36; ICMP unreachable, code 4, data [0, 0, 5, 120], 28 octets quoted");
        insta::assert_snapshot!(said(true, IpProto::TCP, 8, About::Any, &[mtu(1, &[0, 0, 5, 0x78])]), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv6; IP6 fd00::1 > fd00::2, ICMP6, hlim 255, length 56; ICMP6, type 2, code 0, data [0, 0, 5, 120], 48 octets quoted");
    }
}
