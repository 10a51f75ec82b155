//! What guests send to the services of their network, as it reaches the controller of their chassis.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use controller::packet_in::reply;
use openflow::{Field, Match, PacketIn2, PacketInReason};
use packet::{EtherType, Ethernet, Icmp6, IpProto, Ipv4, Ipv6, MacAddr, Pseudo, Udp};

/// The bit that a flow waits for: the third of register 0.
const RESULT: [u8; 8] = [0, 1, 0xde, 0x10, 0, 0, 0, 3];
const GUEST: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
/// Octets that a guest sends at most, in these tests.
const OCTETS_MAX: usize = 1500;

/// A service: the opcode of its flow, what the flow says of it, and how its clients' messages are wrapped.
struct Service {
    opcode: u32,
    arguments: &'static [u8],
    wrapped: Wrapped,
}

#[derive(Clone, Copy)]
enum Wrapped {
    Udp4(u16, u16),
    Udp6(u16, u16),
    Icmp6,
}

const OFFER: &[u8] =
    &[10, 0, 0, 1, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 0, 254, 54, 4, 10, 0, 0, 254, 51, 4, 0, 0, 14, 16];
const OFFER6: &[u8] =
    &[0, 2, 0, 6, 2, 0, 0, 0, 0, 0xfe, 0, 5, 0, 16, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const ADVERTISEMENT: &[u8] =
    &[134, 0, 0, 0, 255, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 0];

const SERVICES: [Service; 7] = [
    Service { opcode: 2, arguments: OFFER, wrapped: Wrapped::Udp4(68, 67) },
    Service { opcode: 5, arguments: OFFER6, wrapped: Wrapped::Udp6(546, 547) },
    Service { opcode: 6, arguments: &[], wrapped: Wrapped::Udp4(1024, 53) },
    Service { opcode: 8, arguments: ADVERTISEMENT, wrapped: Wrapped::Icmp6 },
    // Neighbours: answered for, written down, asked for.
    Service { opcode: 3, arguments: &[], wrapped: Wrapped::Icmp6 },
    Service { opcode: 4, arguments: &[], wrapped: Wrapped::Icmp6 },
    Service { opcode: 9, arguments: &[], wrapped: Wrapped::Icmp6 },
];

static NAMES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let names = [("vm1.ovn.org", "10.0.0.1 fd00::1"), ("1.0.0.10.in-addr.arpa", "vm1.ovn.org")];
    names.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
});

/// The first octet chooses the service, and with its highest bit, whether the rest is a message of it or a whole frame.
/// Whatever is answered is a frame whose sums are right.
pub(super) fn asked(octets: &[u8]) {
    let Some((chosen, rest)) = octets.split_first() else { return };
    let rest = &rest[..rest.len().min(OCTETS_MAX)];
    let service = &SERVICES[usize::from(chosen & 0x7f) % SERVICES.len()];
    let frame = if chosen & 0x80 == 0 { rest.to_vec() } else { wrap(service.wrapped, rest) };
    let answer = reply(&packet_in(service, frame.clone()), &NAMES);
    if let Some(answer) = answer.filter(|answer| *answer != frame) {
        is_whole(&answer);
    }
}

fn packet_in(service: &Service, packet: Vec<u8>) -> PacketIn2 {
    let waits = matches!(service.opcode, 2 | 5 | 6 | 8);
    let mut userdata = service.opcode.to_be_bytes().to_vec();
    userdata.extend([0; 4]);
    userdata.extend(if waits { &RESULT[..] } else { &[] });
    userdata.extend(service.arguments);
    let metadata =
        Match::any().with(Field::Metadata, 7u64).with(Field::Reg(14), 3u32).with(Field::Reg(0), 1u32);
    PacketIn2 {
        packet,
        full_len: None,
        table: 0,
        cookie: 0,
        reason: PacketInReason::Action,
        metadata,
        userdata,
        continuation: None,
    }
}

fn wrap(wrapped: Wrapped, message: &[u8]) -> Vec<u8> {
    let (from, to) = ([10, 0, 0, 1].into(), [10, 0, 0, 254].into());
    let (from6, to6) = ("fe80::1".parse().expect("an address"), "ff02::2".parse().expect("an address"));
    let v4 = Pseudo::V4(from, to);
    let v6 = Pseudo::V6(from6, to6);
    let mut segment = Vec::new();
    match wrapped {
        Wrapped::Udp4(src, dst) => Udp::for_payload(src, dst, v4, message).emit(&mut segment),
        Wrapped::Udp6(src, dst) => Udp::for_payload(src, dst, v6, message).emit(&mut segment),
        Wrapped::Icmp6 => {}
    }
    segment.extend(message);
    let length = u16::try_from(segment.len()).expect("a short message");
    let mut frame = Vec::new();
    let ethernet = |ethertype| Ethernet { dst: MacAddr::BROADCAST, src: GUEST, ethertype };
    match wrapped {
        Wrapped::Udp4(..) => {
            ethernet(EtherType::IPV4).emit(&mut frame);
            Ipv4::new(from, to, IpProto::UDP, length).emit(&mut frame);
        }
        Wrapped::Udp6(..) => {
            ethernet(EtherType::IPV6).emit(&mut frame);
            Ipv6::new(from6, to6, IpProto::UDP, length).emit(&mut frame);
        }
        Wrapped::Icmp6 => {
            ethernet(EtherType::IPV6).emit(&mut frame);
            Ipv6 { hop_limit: 255, ..Ipv6::new(from6, to6, IpProto::ICMP6, length) }.emit(&mut frame);
        }
    }
    frame.extend(segment);
    frame
}

/// A frame that a guest can read: lengths and sums are right.
fn is_whole(frame: &[u8]) {
    let (mut ethernet, mut rest) = Ethernet::parse(frame).expect("an answer is a frame");
    while ethernet.ethertype.is_vlan() {
        let (tag, inner) = packet::VlanTag::parse(rest).expect("an answer has whole tags");
        (ethernet.ethertype, rest) = (tag.ethertype, inner);
    }
    let (pseudo, proto, segment) = if ethernet.ethertype == EtherType::IPV4 {
        let (ip, segment) = Ipv4::parse(rest).expect("an answer is a packet");
        assert_eq!(packet::checksum::internet(&rest[..ip.header_len()]), 0, "the header's sum");
        (Pseudo::V4(ip.src, ip.dst), ip.proto, segment)
    } else {
        let (ip, segment) = Ipv6::parse(rest).expect("an answer is a packet");
        (Pseudo::V6(ip.src, ip.dst), ip.next_header, segment)
    };
    // 0 is the sum of octets whose own is right; that of UDP says so by all ones.
    let sum = pseudo.checksum(proto, segment);
    assert!(matches!(sum, 0 | 0xffff), "the sum of {proto:?}: {sum:#x}");
    if proto == IpProto::ICMP6 {
        Icmp6::parse(segment).expect("an answer is a message");
    } else {
        Udp::parse(segment).expect("an answer is a datagram");
    }
}
