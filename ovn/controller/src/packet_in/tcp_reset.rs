//! `tcp_reset { ... }`: ends a connection (RFC 9293 section 3.5.2).

use openflow::PacketIn2;
use packet::{IpProto, Tcp, TcpFlags};

use super::ip::{Ends, IpPacket};
use super::{Reaction, send_instead};

const HOP_LIMIT: u8 = 63;

/// The reset goes between the packet's ends as they are; the nested actions turn them.
pub(super) fn react(packet: &PacketIn2, actions: &[u8]) -> Reaction {
    let Some(ip) = IpPacket::parse(&packet.packet) else { return Reaction::Malformed };
    answer(packet, actions, &ip, ip.ends)
}

/// The reset goes from and to `ends`.
pub(super) fn answer(packet: &PacketIn2, actions: &[u8], ip: &IpPacket<'_>, ends: Ends) -> Reaction {
    let segment = (ip.upper == IpProto::TCP).then(|| Tcp::parse(ip.body).ok()).flatten();
    let Some((segment, payload)) = segment else { return Reaction::Malformed };
    let mut body = Vec::with_capacity(Tcp::LEN);
    reset(&segment, payload.len()).with_checksum(ends.ip, &[]).emit(&mut body);
    let out =
        ends.frame(IpProto::TCP, HOP_LIMIT, &body).and_then(|frame| send_instead(packet, frame, actions));
    out.map_or(Reaction::Nothing, Reaction::Send)
}

/// Acknowledges all that the segment takes of the sequence, and is where its sender expects us, so that it counts in
/// any state of the connection.
fn reset(segment: &Tcp, payload: usize) -> Tcp {
    let expected = if segment.flags.contains(TcpFlags::ACK) { segment.acknowledgment } else { 0 };
    let control = [TcpFlags::SYN, TcpFlags::FIN];
    let control = control.into_iter().filter(|flag| segment.flags.contains(*flag)).count();
    Tcp {
        src: segment.dst,
        dst: segment.src,
        sequence: expected,
        acknowledgment: segment.sequence.wrapping_add((payload + control) as u32),
        flags: TcpFlags::RST | TcpFlags::ACK,
        window: 0,
        checksum: 0,
        urgent: 0,
        options: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::{describe, ends, packet_in};
    use super::*;

    fn said(v6: bool, flags: TcpFlags, payload: &[u8]) -> String {
        let segment = Tcp {
            src: 1000,
            dst: 80,
            sequence: u32::MAX,
            acknowledgment: 5,
            flags,
            window: 100,
            checksum: 0,
            urgent: 0,
            options: Vec::new(),
        };
        let mut body = Vec::new();
        segment.emit(&mut body);
        body.extend(payload);
        let mut from = ends(v6);
        from.tag = v6.then_some((packet::EtherType::VLAN, 9));
        let packet = packet_in(from.frame(IpProto::TCP, 64, &body).unwrap(), Vec::new());
        match react(&packet, &[]) {
            Reaction::Send(out) => describe(&out.packet),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_reset_counts_in_any_state() {
        insta::assert_snapshot!(said(false, TcpFlags::SYN, &[]), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4; IP 10.0.0.1 > 10.0.0.2, TCP, ttl 63, length 20; 80 > 1000: Flags [R.], seq 0, ack 0, win 0");
        insta::assert_snapshot!(said(true, TcpFlags::ACK, &[1, 2, 3]), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 802.1Q; vlan 9; IP6 fd00::1 > fd00::2, TCP, hlim 63, length 20; 80 > 1000: Flags [R.], seq 5, ack 2, win 0");
    }

    #[test]
    fn what_is_no_segment_is_refused() {
        let frame = ends(false).frame(IpProto::TCP, 64, &[0; 19]).unwrap();
        assert_eq!(react(&packet_in(frame, Vec::new()), &[]), Reaction::Malformed);
        let frame = ends(false).frame(IpProto::UDP, 64, &[0; 40]).unwrap();
        assert_eq!(react(&packet_in(frame, Vec::new()), &[]), Reaction::Malformed);
    }
}
