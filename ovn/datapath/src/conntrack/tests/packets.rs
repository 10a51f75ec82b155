//! Packets with right checksums, to order.

use std::net::IpAddr;

use packet::{EtherType, Ethernet, Icmp4, Icmp6, IpProto, Ipv4, Ipv6, Pseudo, Tcp, TcpFlags, Udp};

use crate::testing::mac;

/// An address and a port.
pub(crate) type End = (IpAddr, u16);

/// The host `n`: 10.0.0.n, or fd00::n.
pub(crate) fn host(v6: bool, n: u8) -> IpAddr {
    match v6 {
        false => [10, 0, 0, n].into(),
        true => (0xfd00_u128 << 112 | u128::from(n)).to_be_bytes().into(),
    }
}

/// A frame with an IP packet.
pub(crate) fn ip(src: IpAddr, dst: IpAddr, proto: IpProto, segment: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let len = segment.len() as u16;
    let ethernet = |ethertype| Ethernet { dst: mac(2), src: mac(1), ethertype };
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            ethernet(EtherType::IPV4).emit(&mut out);
            Ipv4::new(src, dst, proto, len).emit(&mut out);
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            ethernet(EtherType::IPV6).emit(&mut out);
            Ipv6::new(src, dst, proto, len).emit(&mut out);
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => panic!("one family"),
    }
    out.extend(segment);
    out
}

pub(crate) fn udp(src: End, dst: End, payload: &[u8]) -> Vec<u8> {
    let pseudo = Pseudo::new(src.0, dst.0).unwrap();
    let mut segment = Vec::new();
    Udp::for_payload(src.1, dst.1, pseudo, payload).emit(&mut segment);
    segment.extend(payload);
    ip(src.0, dst.0, IpProto::UDP, &segment)
}

pub(crate) fn sctp(src: End, dst: End, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(src.1.to_be_bytes());
    segment.extend(dst.1.to_be_bytes());
    segment.extend([0, 0, 0, 9, 0, 0, 0, 0]);
    segment.extend(payload);
    let sum = packet::checksum::crc32c(&segment);
    segment[8..12].copy_from_slice(&sum.to_be_bytes());
    ip(src.0, dst.0, IpProto::SCTP, &segment)
}

/// Flags as in tcpdump: `S`, `S.`, `.`, `P.`, `F.`, `R`. A SYN carries window scale 7.
pub(crate) fn tcp(
    src: End,
    dst: End,
    flags: &str,
    (sequence, acknowledgment): (u32, u32),
    payload: &[u8],
) -> Vec<u8> {
    let bit = |letter| "FSRP.U".find(letter).map_or(0, |at| 1 << at);
    let flags = TcpFlags(flags.chars().fold(0, |all, letter| all | bit(letter)));
    let options = if flags.contains(TcpFlags::SYN) { vec![1, 3, 3, 7] } else { Vec::new() };
    let header = Tcp {
        src: src.1,
        dst: dst.1,
        sequence,
        acknowledgment,
        flags,
        window: 1000,
        checksum: 0,
        urgent: 0,
        options,
    };
    let mut segment = Vec::new();
    header.emit(&mut segment);
    segment.extend(payload);
    let sum = Pseudo::new(src.0, dst.0).unwrap().checksum(IpProto::TCP, &segment);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    ip(src.0, dst.0, IpProto::TCP, &segment)
}

/// An ICMP message of either version.
pub(crate) fn icmp(src: IpAddr, dst: IpAddr, ty: u8, data: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    let proto = match Pseudo::new(src, dst).unwrap() {
        Pseudo::V4(..) => {
            Icmp4 { ty, code: 0, checksum: 0, data }.with_checksum(body).emit(&mut segment);
            IpProto::ICMP
        }
        pseudo @ Pseudo::V6(..) => {
            Icmp6 { ty, code: 0, checksum: 0, data }.with_checksum(pseudo, body).emit(&mut segment);
            IpProto::ICMP6
        }
    };
    segment.extend(body);
    ip(src, dst, proto, &segment)
}

/// An echo request or reply.
pub(crate) fn echo(src: IpAddr, dst: IpAddr, id: u16, reply: bool) -> Vec<u8> {
    let ty = match (src.is_ipv6(), reply) {
        (false, false) => 8,
        (false, true) => 0,
        (true, false) => 128,
        (true, true) => 129,
    };
    let [a, b] = id.to_be_bytes();
    icmp(src, dst, ty, [a, b, 0, 1], b"ping")
}

/// "Unreachable" about a frame, sent to its sender with at most `len` octets of its packet.
pub(crate) fn unreachable(from: IpAddr, to: IpAddr, about: &[u8], len: usize) -> Vec<u8> {
    let body = &about[14..about.len().min(14 + len)];
    icmp(from, to, if from.is_ipv6() { 1 } else { 3 }, [0; 4], body)
}
