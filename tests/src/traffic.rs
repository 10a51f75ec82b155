//! Frames for tests and benchmarks of switches: what two hosts say, and what floods are made of.

use std::net::Ipv4Addr;

use packet::key::mix;
use packet::{Arp, EtherType, Ethernet, IpProto, Ipv4, MacAddr, Pseudo, Tcp, TcpFlags, Udp};

/// One end of a conversation: its number, which says its addresses, and its port.
pub type End = (u8, u16);

/// The address of a host.
pub fn host(n: u8) -> Ipv4Addr {
    [10, 0, 0, n].into()
}

/// The Ethernet address of a host.
pub fn mac(n: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, n])
}

/// An address that no host has.
fn other_mac(chance: u64) -> MacAddr {
    let [a, b, c, d, ..] = chance.to_be_bytes();
    MacAddr([6, 0, a, b, c, d])
}

fn frame((dst, src): (MacAddr, MacAddr), ip: Ipv4, segment: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    Ethernet { dst, src, ethertype: EtherType::IPV4 }.emit(&mut frame);
    Ipv4 { payload_len: segment.len() as u16, ..ip }.emit(&mut frame);
    frame.extend(segment);
    frame
}

/// A datagram from one host to another.
pub fn udp(src: End, dst: End) -> Vec<u8> {
    udp_from((host(src.0), src.1), dst)
}

/// A datagram that comes by host 1 from any address.
pub fn udp_from(src: (Ipv4Addr, u16), dst: End) -> Vec<u8> {
    let mut segment = Vec::new();
    Udp::for_payload(src.1, dst.1, Pseudo::V4(src.0, host(dst.0)), b"some octets of data").emit(&mut segment);
    segment.extend(b"some octets of data");
    let sender = if src.0.octets()[..3] == [10, 0, 0] { src.0.octets()[3] } else { 1 };
    frame((mac(dst.0), mac(sender)), Ipv4::new(src.0, host(dst.0), IpProto::UDP, 0), &segment)
}

/// A segment without data from one host to another.
pub fn tcp(src: End, dst: End, flags: TcpFlags, sequence: u32, acknowledgment: u32) -> Vec<u8> {
    segment((mac(src.0), host(src.0), src.1), dst, flags, sequence, acknowledgment)
}

fn segment(
    (mac_src, src, port): (MacAddr, Ipv4Addr, u16),
    dst: End,
    flags: TcpFlags,
    sequence: u32,
    acknowledgment: u32,
) -> Vec<u8> {
    let tcp = Tcp {
        src: port,
        dst: dst.1,
        sequence,
        acknowledgment,
        flags,
        window: 1000,
        checksum: 0,
        urgent: 0,
        options: Vec::new(),
    };
    let mut octets = Vec::new();
    tcp.with_checksum(Pseudo::V4(src, host(dst.0)), &[]).emit(&mut octets);
    frame((mac(dst.0), mac_src), Ipv4::new(src, host(dst.0), IpProto::TCP, 0), &octets)
}

/// The first segment of a connection from anywhere to host 2.
pub fn flood_of_syns(n: u64) -> Vec<u8> {
    let chance = mix(n, 7);
    let src = Ipv4Addr::from((chance >> 32) as u32 | 0x4000_0000);
    segment((mac(9), src, chance as u16 | 1), (2, 80), TcpFlags::SYN, chance as u32, 0)
}

/// A packet that differs from all others in most fields that there are.
pub fn flood_of_packets(n: u64) -> Vec<u8> {
    let chance = mix(n, 7);
    let mut ip =
        Ipv4::new((chance as u32).into(), ((chance >> 24) as u32).into(), IpProto((n % 256) as u8), 0);
    (ip.ttl, ip.ecn, ip.dscp) = ((chance >> 8) as u8, (chance & 3) as u8, (chance >> 16 & 63) as u8);
    let segment: Vec<u8> = chance.to_be_bytes().repeat(4);
    let mut frame = frame((other_mac(mix(n, 8)), other_mac(chance)), ip, &segment);
    match n % 4 {
        0 => frame[12..14].copy_from_slice(&(0x8800 | n as u16 & 0xff).to_be_bytes()),
        1 => drop(frame.splice(12..12, [0x81, 0, (chance >> 3) as u8, n as u8])),
        _ => {}
    }
    frame
}

/// A fragment for host 2: ever other firsts, seconds, last ones, and the same once more with other octets.
pub fn flood_of_fragments(n: u64) -> Vec<u8> {
    let chance = mix(n, 7);
    let src = Ipv4Addr::from(chance as u32 | 0x4000_0000);
    let mut ip = Ipv4::new(src, host(2), IpProto::UDP, 0);
    ip.id = (chance >> 40) as u16;
    (ip.more_fragments, ip.fragment_offset) =
        [(true, 0), (true, 150), (false, 300), (true, 149)][n as usize % 4];
    frame((mac(2), mac(9)), ip, &[chance as u8; 1200])
}

/// A request for the address of host 2 by somebody who was not there before.
pub fn flood_of_arp(n: u64) -> Vec<u8> {
    let mut frame = Vec::new();
    let (sha, tha) = (other_mac(mix(n, 7)), MacAddr::BROADCAST);
    Ethernet { dst: tha, src: sha, ethertype: EtherType::ARP }.emit(&mut frame);
    let spa = Ipv4Addr::from(mix(n, 9) as u32);
    Arp { operation: 1, sha, spa, tha: MacAddr([0; 6]), tpa: host(2) }.emit(&mut frame);
    frame
}
