//! `icmp4.inner_ip4.src = a.b.c.d;`: another source for the packet that an ICMPv4 error quotes, so that who gets the error
//! knows the packet again that was translated on its way.

use openflow::PacketIn2;
use packet::{Ethernet, Icmp4, IpProto, Ipv4, Malformed, Pseudo, VlanTag, checksum};

use super::Reaction;
use super::ip::IpPacket;
use super::question::malformed;

/// ICMP: something is wrong with a header (RFC 792).
const PARAMETER_PROBLEM: u8 = 12;
/// Where an IPv4 header has its checksum and its source.
const CHECKSUM: usize = 10;
const SOURCE: usize = 12;
/// Where an ICMP header has its checksum.
const ICMP_CHECKSUM: usize = 2;

/// The packet goes on, changed if it is an error.
pub(super) fn react(packet: &PacketIn2, source: &[u8]) -> Reaction {
    let frame = source.try_into().map_err(|_| malformed("arguments", "no address"));
    let frame = frame.and_then(|source| changed(&packet.packet, source));
    let is_malformed = frame.is_err();
    let frame = frame.unwrap_or_else(|_| packet.packet.clone());
    Reaction::Resume {
        packet: PacketIn2 { userdata: Vec::new(), packet: frame, ..packet.clone() },
        is_malformed,
    }
}

fn changed(frame: &[u8], source: [u8; 4]) -> Result<Vec<u8>, Malformed> {
    let ip = IpPacket::parse(frame).ok_or(malformed("ip", "no whole IP packet"))?;
    let (icmp, quote) = Icmp4::parse(ip.body)?;
    let is_error = matches!(icmp.ty, Icmp4::UNREACHABLE | Icmp4::TIME_EXCEEDED | PARAMETER_PROBLEM);
    if !matches!(ip.ends.ip, Pseudo::V4(..)) || ip.upper != IpProto::ICMP || !is_error {
        return Err(malformed("icmp", "not an error"));
    }
    let words = quote.first().map_or(0, |first| usize::from(first & 0xf));
    if words < Ipv4::LEN / 4 || quote.len() < words * 4 {
        return Err(malformed("icmp", "no IPv4 header is quoted"));
    }
    let link = Ethernet::LEN + ip.ends.tag.map_or(0, |_| VlanTag::LEN);
    let icmp_at = link + ip.whole.len() - ip.body.len();
    let quote_at = icmp_at + Icmp4::LEN;
    let mut out = frame.to_vec();
    // Sums are corrected rather than made anew, so that what was wrong stays wrong.
    let old = out[quote_at + CHECKSUM..quote_at + SOURCE + 4].to_vec();
    out[quote_at + SOURCE..quote_at + SOURCE + 4].copy_from_slice(&source);
    update(&mut out, quote_at + CHECKSUM, &old[2..], &source);
    let new = out[quote_at + CHECKSUM..quote_at + SOURCE + 4].to_vec();
    update(&mut out, icmp_at + ICMP_CHECKSUM, &old, &new);
    Ok(out)
}

/// Corrects the checksum at a place.
fn update(out: &mut [u8], at: usize, old: &[u8], new: &[u8]) {
    let sum = u16::from_be_bytes([out[at], out[at + 1]]);
    out[at..at + 2].copy_from_slice(&checksum::update(sum, old, new).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::{ends, packet_in};
    use super::*;

    /// An error about a packet from 10.0.0.1 to 10.0.0.2.
    fn error(ty: u8, tag: bool) -> Vec<u8> {
        let quote = ends(false).frame(IpProto::UDP, 64, &[1; 8]).unwrap()[Ethernet::LEN..].to_vec();
        let mut body = Vec::new();
        Icmp4 { ty, code: 1, checksum: 0, data: [0; 4] }.with_checksum(&quote).emit(&mut body);
        body.extend(quote);
        let mut back = ends(false).turned();
        back.tag = tag.then_some((packet::EtherType::VLAN, 9));
        back.frame(IpProto::ICMP, 255, &body).unwrap()
    }

    #[test]
    fn the_quoted_source_is_another_and_sums_are_right() {
        for tag in [false, true] {
            let frame = changed(&error(Icmp4::UNREACHABLE, tag), [192, 0, 2, 7]).unwrap();
            let ip = IpPacket::parse(&frame).unwrap();
            assert_eq!(checksum::internet(ip.body), 0);
            let (_, quote) = Icmp4::parse(ip.body).unwrap();
            assert_eq!(
                (Ipv4::parse(quote).unwrap().0.src, checksum::internet(&quote[..20])),
                ([192, 0, 2, 7].into(), 0)
            );
        }
    }

    #[test]
    fn what_is_no_error_goes_on_as_it_is() {
        let echo = error(Icmp4::ECHO_REPLY, false);
        let Reaction::Resume { packet, is_malformed } =
            react(&packet_in(echo.clone(), vec![1]), &[1, 2, 3, 4])
        else {
            panic!("it does not go on")
        };
        assert!(packet.packet == echo && is_malformed);
        let mut short = error(Icmp4::UNREACHABLE, false);
        short[14 + 20 + 8] = 0x4f;
        assert!(changed(&short, [1; 4]).is_err());
    }
}
