//! Frames as scenarios send them. Pure.

use packet::{Arp, EtherType, Ethernet, Icmp6, IpProto, Ipv4, Ipv6, MacAddr, Pseudo, Udp};
use std::net::{Ipv4Addr, Ipv6Addr};

/// "Local Experimental Ethertype 1" of IEEE 802: nobody's stack takes notice of it.
pub const PROBE: EtherType = EtherType(0x88b5);

/// A frame of our own that carries a mark to recognise it by.
pub fn probe(src: MacAddr, dst: MacAddr, mark: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Ethernet { dst, src, ethertype: PROBE }.emit(&mut out);
    out.extend(b"sandbox ");
    out.extend(mark.to_be_bytes());
    out.resize(60, 0);
    out
}

/// The mark of a probe; None for any other frame.
pub fn probe_mark(frame: &[u8]) -> Option<u64> {
    let (ethernet, body) = Ethernet::parse(frame).ok()?;
    let mark = body.strip_prefix(b"sandbox ")?.get(..8)?;
    (ethernet.ethertype == PROBE).then(|| mark.try_into().ok().map(u64::from_be_bytes))?
}

/// An ARP request, broadcast.
pub fn arp_request(src: MacAddr, from: Ipv4Addr, for_whom: Ipv4Addr) -> Vec<u8> {
    let mut out = Vec::new();
    Ethernet { dst: MacAddr::BROADCAST, src, ethertype: EtherType::ARP }.emit(&mut out);
    Arp { operation: Arp::REQUEST, sha: src, spa: from, tha: MacAddr::ZERO, tpa: for_whom }.emit(&mut out);
    out.resize(60, 0);
    out
}

/// Who sends to whom, on Ethernet and by IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    pub src: MacAddr,
    pub dst: MacAddr,
    pub ip: Pseudo,
}

/// A datagram from a port to a port; of what is longer than a packet, its beginning.
pub fn udp(ends: Ends, (from, to): (u16, u16), payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(PAYLOAD_MAX)];
    let mut segment = Vec::new();
    Udp::for_payload(from, to, ends.ip, payload).emit(&mut segment);
    segment.extend(payload);
    ip(ends, IpProto::UDP, 64, &segment)
}

/// A message of ICMPv6 that no router has passed on.
pub fn icmp6(ends: Ends, ty: u8, data: [u8; 4], body: &[u8]) -> Vec<u8> {
    let body = &body[..body.len().min(PAYLOAD_MAX)];
    let mut message = Vec::new();
    Icmp6 { ty, code: 0, checksum: 0, data }.with_checksum(ends.ip, body).emit(&mut message);
    message.extend(body);
    ip(ends, IpProto::ICMP6, 255, &message)
}

/// Octets that fit into every IP packet, whatever headers it has.
const PAYLOAD_MAX: usize = 60_000;

fn ip(Ends { src, dst, ip }: Ends, proto: IpProto, hops: u8, segment: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let length = u16::try_from(segment.len()).expect("no longer than PAYLOAD_MAX and a header");
    match ip {
        Pseudo::V4(from, to) => {
            Ethernet { dst, src, ethertype: EtherType::IPV4 }.emit(&mut out);
            Ipv4 { ttl: hops, ..Ipv4::new(from, to, proto, length) }.emit(&mut out);
        }
        Pseudo::V6(from, to) => {
            Ethernet { dst, src, ethertype: EtherType::IPV6 }.emit(&mut out);
            Ipv6 { hop_limit: hops, ..Ipv6::new(from, to, proto, length) }.emit(&mut out);
        }
    }
    out.extend(segment);
    out
}

/// The IP packet of a frame: its ends, and what it carries. None of what is no IP, a fragment, or has extension headers.
pub fn read(frame: &[u8]) -> Option<(Ends, IpProto, &[u8])> {
    let (Ethernet { dst, src, ethertype }, rest) = Ethernet::parse(frame).ok()?;
    match ethertype {
        EtherType::IPV4 => {
            let (ip, segment) = Ipv4::parse(rest).ok().filter(|(ip, _)| !ip.is_fragment())?;
            Some((Ends { src, dst, ip: Pseudo::V4(ip.src, ip.dst) }, ip.proto, segment))
        }
        EtherType::IPV6 => {
            let (ip, segment) = Ipv6::parse(rest).ok()?;
            Some((Ends { src, dst, ip: Pseudo::V6(ip.src, ip.dst) }, ip.next_header, segment))
        }
        _ => None,
    }
}

/// The link-local address that follows from an Ethernet address (RFC 4291 appendix A).
pub fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let mut octets = [0; 16];
    octets[..2].copy_from_slice(&[0xfe, 0x80]);
    octets[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    octets.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_reader_sees_the_request_that_was_meant() {
        let (me, you) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 3));
        let frame = arp_request(MacAddr([2, 0, 0, 0, 0, 1]), me, you);
        let read = etherparse::SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(etherparse::NetSlice::Arp(arp)) = read.net else { panic!("{read:?}") };
        assert_eq!(arp.operation(), etherparse::ArpOperation::REQUEST);
        assert_eq!(
            (arp.sender_protocol_addr(), arp.target_protocol_addr()),
            (&me.octets()[..], &you.octets()[..])
        );
        assert_eq!(arp.sender_hw_addr(), [2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_probe_is_recognised_by_its_mark() {
        let frame = probe(MacAddr([2, 0, 0, 0, 0, 1]), MacAddr::BROADCAST, 77);
        assert_eq!(probe_mark(&frame), Some(77));
        assert_eq!(probe_mark(&frame[..20]), None);
        assert_eq!(probe_mark(&arp_request(MacAddr::ZERO, Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST)), None);
    }
}
