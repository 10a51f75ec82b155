//! Frames as scenarios send them. Pure.

use packet::{Arp, EtherType, Ethernet, MacAddr};
use std::net::Ipv4Addr;

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
