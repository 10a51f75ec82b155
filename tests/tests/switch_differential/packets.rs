//! Packets by chance that the flows of [`crate::flows`] tell apart.

use std::net::{Ipv4Addr, Ipv6Addr};

use packet::{Arp, EtherType, Ethernet, Icmp4, IpProto, Ipv4, Ipv6, MacAddr, Pseudo, Tcp, TcpFlags, Udp};
use proptest::prelude::*;

/// Last octets of both ends.
type Ends = (u8, u8);

fn ends() -> impl Strategy<Value = Ends> {
    (1u8..4, 0u8..4)
}

fn mac(n: u8) -> MacAddr {
    if n == 0 { MacAddr::BROADCAST } else { MacAddr([2, 0, 0, 0, 0, n]) }
}

fn v4(n: u8) -> Ipv4Addr {
    [10, 0, 0, n.max(1)].into()
}

fn v6(n: u8) -> Ipv6Addr {
    Ipv6Addr::from(0xfd00 << 112 | u128::from(n.max(1)))
}

/// Tags, outermost first: TPID and content.
fn tags() -> impl Strategy<Value = Vec<u8>> {
    let tag = (any::<bool>(), 4u8..7, prop_oneof![Just(0u8), Just(0x20)])
        .prop_map(|(service, vid, pcp)| if service { [0x88, 0xa8, pcp, vid] } else { [0x81, 0, pcp, vid] });
    prop_oneof![
        6 => Just(Vec::new()),
        2 => tag.clone().prop_map(|tag| tag.to_vec()),
        1 => (tag.clone(), tag).prop_map(|(outer, inner)| [outer, inner].concat()),
    ]
}

/// An Ethernet frame.
fn ethernet(ends: Ends, tags: &[u8], ethertype: EtherType, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    Ethernet { dst: mac(ends.1), src: mac(ends.0), ethertype }.emit(&mut frame);
    frame.splice(12..12, tags.iter().copied());
    frame.extend_from_slice(payload);
    frame
}

/// A transport packet with a right checksum.
fn transport(kind: u8, pseudo: Pseudo, ports: (u16, u16), data: &[u8]) -> (IpProto, Vec<u8>) {
    let mut out = Vec::new();
    match kind {
        0 | 1 => {
            let tcp = Tcp {
                src: ports.0,
                dst: ports.1,
                sequence: 1,
                acknowledgment: 2,
                flags: if kind == 0 { TcpFlags::SYN } else { TcpFlags::ACK },
                window: 9,
                checksum: 0,
                urgent: 0,
                options: Vec::new(),
            };
            tcp.with_checksum(pseudo, data).emit(&mut out);
            out.extend_from_slice(data);
            (IpProto::TCP, out)
        }
        2 | 3 => {
            Udp::for_payload(ports.0, ports.1, pseudo, data).emit(&mut out);
            out.extend_from_slice(data);
            if kind == 3 {
                out[6..8].fill(0);
            }
            (IpProto::UDP, out)
        }
        4 => {
            out.extend(ports.0.to_be_bytes());
            out.extend(ports.1.to_be_bytes());
            out.extend([0, 0, 0, 7, 0, 0, 0, 0, 0, 3, 0, 4]);
            out.extend_from_slice(data);
            let sum = packet::checksum::crc32c(&out);
            out[8..12].copy_from_slice(&sum.to_be_bytes());
            (IpProto::SCTP, out)
        }
        _ => {
            out.extend([ports.0 as u8, 1, 0, 0]);
            out.extend_from_slice(data);
            (IpProto(99), out)
        }
    }
}

/// A packet of any kind.
pub(crate) fn packet() -> impl Strategy<Value = Vec<u8>> {
    let other = (ends(), tags()).prop_map(|(ends, tags)| ethernet(ends, &tags, EtherType(0x88b5), &[5; 46]));
    let llc = ends().prop_map(|ends| ethernet(ends, &[], EtherType(38), &[0x42; 38]));
    prop_oneof![5 => ip4(), 4 => ip6(), 1 => icmp(), 1 => icmp6(), 1 => neighbor(), 1 => arp(), 1 => other, 1 => llc]
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0usize), Just(18), Just(100)]
}

fn ip4() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![6 => Just(0u16), 1 => Just(0x2000), 1 => Just(0x2001), 1 => Just(1)];
    let options = prop_oneof![4 => Just(vec![]), 1 => Just(vec![1, 1, 1, 0])];
    (ends(), tags(), 0u8..6, (0u16..4, 1u16..4), length(), (1u8..65, 0u8..16), fragment, options).prop_map(
        |(ends, tags, kind, ports, length, (ttl, tos), fragment, options)| {
            let (src, dst) = (v4(ends.0), v4(ends.1));
            let (proto, segment) = transport(kind, Pseudo::V4(src, dst), ports, &vec![7; length]);
            let mut ip = Ipv4::new(src, dst, proto, segment.len() as u16);
            ip.ttl = if ttl < 4 { ttl } else { 64 };
            (ip.dscp, ip.ecn) = (tos >> 2, tos & 3);
            ip.more_fragments = fragment & 0x2000 != 0;
            ip.fragment_offset = fragment & 0x1fff;
            ip.options = options;
            let mut payload = Vec::new();
            ip.emit(&mut payload);
            payload.extend(segment);
            ethernet(ends, &tags, EtherType::IPV4, &payload)
        },
    )
}

fn ip6() -> impl Strategy<Value = Vec<u8>> {
    /// Extension headers before the upper one: what the IPv6 header announces, and their octets but the last one's
    /// next header, which is the upper protocol.
    const EXTENSIONS: [(Option<u8>, &[u8]); 4] = [
        (None, &[]),
        (Some(0), &[0xff, 0, 1, 4, 0, 0, 0, 0]),
        (Some(44), &[0xff, 0, 0, 1, 0, 0, 0, 9]),
        (Some(44), &[0xff, 0, 0, 9, 0, 0, 0, 9]),
    ];
    let extension = prop_oneof![5 => Just(0usize), 1 => 1..EXTENSIONS.len()];
    (ends(), tags(), 0u8..6, (0u16..4, 1u16..4), length(), (1u8..65, 0u8..16, 0u32..4), extension).prop_map(
        |(ends, tags, kind, ports, length, (ttl, tos, label), extension)| {
            let (src, dst) = (v6(ends.0), v6(ends.1));
            let (proto, segment) = transport(kind, Pseudo::V6(src, dst), ports, &vec![7; length]);
            let (first, octets) = EXTENSIONS[extension];
            let mut ip =
                Ipv6::new(src, dst, first.map_or(proto, IpProto), (octets.len() + segment.len()) as u16);
            ip.hop_limit = if ttl < 4 { ttl } else { 64 };
            (ip.traffic_class, ip.flow_label) = (tos, label);
            let mut payload = Vec::new();
            ip.emit(&mut payload);
            payload.extend(octets);
            if !octets.is_empty() {
                payload[Ipv6::LEN] = proto.0;
            }
            payload.extend(segment);
            ethernet(ends, &tags, EtherType::IPV6, &payload)
        },
    )
}

fn icmp() -> impl Strategy<Value = Vec<u8>> {
    (ends(), tags(), prop_oneof![Just(0u8), Just(3), Just(8)], 0u8..4).prop_map(|(ends, tags, ty, code)| {
        let mut message = Vec::new();
        Icmp4 { ty, code, checksum: 0, data: [0, 1, 0, 2] }.emit(&mut message);
        let sum = packet::checksum::internet(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut payload = Vec::new();
        Ipv4::new(v4(ends.0), v4(ends.1), IpProto::ICMP, message.len() as u16).emit(&mut payload);
        payload.extend(message);
        ethernet(ends, &tags, EtherType::IPV4, &payload)
    })
}

fn over_ip6(ends: Ends, tags: &[u8], hop_limit: u8, mut message: Vec<u8>) -> Vec<u8> {
    let (src, dst) = (v6(ends.0), v6(ends.1));
    message[2..4].fill(0);
    let sum = Pseudo::V6(src, dst).checksum(IpProto::ICMP6, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut payload = Vec::new();
    let ip = Ipv6 { hop_limit, ..Ipv6::new(src, dst, IpProto::ICMP6, message.len() as u16) };
    ip.emit(&mut payload);
    payload.extend(message);
    ethernet(ends, tags, EtherType::IPV6, &payload)
}

fn icmp6() -> impl Strategy<Value = Vec<u8>> {
    let ty = prop_oneof![Just(1u8), Just(128), Just(129)];
    (ends(), tags(), ty, 0u8..4)
        .prop_map(|(ends, tags, ty, code)| over_ip6(ends, &tags, 64, vec![ty, code, 0, 0, 0, 1, 0, 2, 5, 6]))
}

fn neighbor() -> impl Strategy<Value = Vec<u8>> {
    (ends(), tags(), any::<bool>(), 1u8..4, 0u8..4).prop_map(
        |(ends, tags, advertisement, target, options)| {
            let mut message = vec![if advertisement { 136 } else { 135 }, 0, 0, 0, 0, 0, 0, 0];
            message.extend(v6(target).octets());
            if options & 1 != 0 {
                message.extend([1, 1, 2, 0, 0, 0, 0, ends.0]);
            }
            if options & 2 != 0 {
                message.extend([2, 1, 2, 0, 0, 0, 0, target]);
            }
            over_ip6(ends, &tags, 255, message)
        },
    )
}

fn arp() -> impl Strategy<Value = Vec<u8>> {
    (ends(), tags(), 1u16..3).prop_map(|(ends, tags, operation)| {
        let mut payload = Vec::new();
        let (sha, tha) = (mac(ends.0), mac(ends.1));
        Arp { operation, sha, spa: v4(ends.0), tha, tpa: v4(ends.1) }.emit(&mut payload);
        ethernet(ends, &tags, EtherType::ARP, &payload)
    })
}
