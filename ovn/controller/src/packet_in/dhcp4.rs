//! `put_dhcp_opts(...)`: answers a DHCPv4 client (RFC 2131). There are no leases: the address is the port's own.

use openflow::PacketIn2;
use packet::{Cursor, Dhcp4, IpProto, Malformed, Pseudo, Udp};
use std::net::Ipv4Addr;

use super::Reaction;
use super::ip::{Ends, IpPacket};
use super::question::{Answer, answered, malformed};

const HOP_LIMIT: u8 = 64;

const BOOTFILE: u8 = 67;
const ETHERBOOT: u8 = 175;
/// Not on the wire: where the boot file is, and its name for those who do not ask for Etherboot.
const NEXT_SERVER: u8 = 253;
const BOOTFILE_ALT: u8 = 254;
/// Of no meaning for who has an address already: netmask, lease time, renewal and rebinding time.
const OF_LEASES: [u8; 4] = [1, 51, 58, 59];

/// The address that is offered comes first, then the options.
pub(super) fn react(packet: &PacketIn2, arguments: &[u8]) -> Reaction {
    answered(packet, arguments, |arguments| {
        let ip = IpPacket::parse(&packet.packet).ok_or(malformed("ip", "no whole IP packet"))?;
        if ip.upper != IpProto::UDP {
            return Err(malformed("dhcp", "not in UDP"));
        }
        let (udp, payload) = Udp::parse(ip.body)?;
        let request = Dhcp4::parse(payload)?;
        Ok(answer(&request, &Offer::parse(arguments)?, ip.ends, &udp))
    })
}

/// What the flow offers.
struct Offer<'a> {
    address: Ipv4Addr,
    options: Vec<(u8, &'a [u8])>,
}

impl<'a> Offer<'a> {
    fn parse(arguments: &'a [u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new("offer", arguments);
        let address = c.array()?.into();
        let mut options = Vec::new();
        while !c.rest().is_empty() {
            let (code, length) = (c.u8()?, c.u8()?);
            options.push((code, c.take(usize::from(length))?));
        }
        Ok(Self { address, options })
    }

    fn option(&self, code: u8) -> Option<&'a [u8]> {
        self.options.iter().find(|(of, _)| *of == code).map(|(_, value)| *value)
    }

    /// What a client is told that gets an address, or has one.
    fn told(&self, request: &Dhcp4<'_>, has_address: bool) -> Vec<(u8, &'a [u8])> {
        let names = [self.option(BOOTFILE), self.option(BOOTFILE_ALT)];
        let boots_with_etherboot = request.option(ETHERBOOT).is_some();
        let bootfile = if boots_with_etherboot { names[0].or(names[1]) } else { names[1].or(names[0]) };
        let mut told: Vec<(u8, &[u8])> = bootfile.map(|name| (BOOTFILE, name)).into_iter().collect();
        let is_told = |code: u8| match code {
            BOOTFILE | BOOTFILE_ALT | NEXT_SERVER => false,
            code => !has_address || !OF_LEASES.contains(&code),
        };
        told.extend(self.options.iter().filter(|(code, _)| is_told(*code)));
        told
    }
}

fn answer(request: &Dhcp4<'_>, offer: &Offer<'_>, ends: Ends, udp: &Udp) -> Answer {
    let server = offer.option(Dhcp4::SERVER_ID);
    let chosen = request.option(Dhcp4::SERVER_ID);
    // Whoever has chosen a server speaks to that one alone.
    if request.op != Dhcp4::REQUEST || (chosen.is_some() && chosen != server) {
        return Answer::NotOurs;
    }
    let wanted = request.address(Dhcp4::REQUESTED_ADDRESS).unwrap_or(request.ciaddr);
    let kind = match request.message_type() {
        Some(Dhcp4::DISCOVER) => Dhcp4::OFFER,
        Some(Dhcp4::TAKE) if wanted == offer.address => Dhcp4::ACK,
        Some(Dhcp4::TAKE) => Dhcp4::NAK,
        Some(Dhcp4::INFORM) => Dhcp4::ACK,
        Some(Dhcp4::DECLINE) => {
            tracing::warn!(client = %request.chaddr, address = %wanted, "somebody else has the address of a DHCP client");
            return Answer::NotOurs;
        }
        // There is no lease to release.
        Some(_) | None => return Answer::NotOurs,
    };
    let has_address = request.message_type() == Some(Dhcp4::INFORM);
    let none = Ipv4Addr::UNSPECIFIED;
    let (yiaddr, siaddr, told) = if kind == Dhcp4::NAK {
        (none, none, server.map(|id| (Dhcp4::SERVER_ID, id)).into_iter().collect())
    } else {
        let next = offer.option(NEXT_SERVER).and_then(|octets| <[u8; 4]>::try_from(octets).ok());
        let yiaddr = if has_address { none } else { offer.address };
        (yiaddr, next.map_or(none, Ipv4Addr::from), offer.told(request, has_address))
    };
    let kind = [kind];
    let mut options = vec![(Dhcp4::MESSAGE_TYPE, &kind[..])];
    options.extend(told);
    let reply = Dhcp4 { op: Dhcp4::REPLY, hops: 0, secs: 0, yiaddr, siaddr, options, ..*request };
    // A client without an address hears what goes to all, and a refused one has none (section 4.1).
    let to_all = request.flags & Dhcp4::BROADCAST != 0 || kind == [Dhcp4::NAK];
    let to = if to_all { Ipv4Addr::BROADCAST } else { offer.address };
    let Pseudo::V4(from, _) = ends.ip else { return Answer::NotOurs };
    let mut payload = Vec::new();
    reply.emit(&mut payload);
    let ends = Ends { ip: Pseudo::V4(from, to), ..ends };
    ends.udp(udp.src, udp.dst, HOP_LIMIT, &payload).map_or(Answer::NotOurs, Answer::Frame)
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::{ends, hex};
    use super::super::question::testing::outcome;
    use super::*;
    use packet::MacAddr;

    const NONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
    const SERVER: &[u8] = &[10, 0, 0, 254];
    /// 10.0.0.4 with netmask, router, MTU, lease time, server, and both names of the boot file with its server.
    const OFFER: &str = "0a000004 4303616263 fe0161 fd040a000009 0104ffffff00 03040a0000fe 1a0205dc 330400000e10 36040a0000fe";

    /// What is said to a client, which says `options`.
    fn said(options: &[(u8, &[u8])], ciaddr: Ipv4Addr, flags: u16) -> String {
        let request = Dhcp4 {
            op: Dhcp4::REQUEST,
            hops: 0,
            xid: 7,
            secs: 1,
            flags,
            ciaddr,
            yiaddr: NONE,
            siaddr: NONE,
            giaddr: NONE,
            chaddr: MacAddr([2, 0, 0, 0, 0, 1]),
            options: options.to_vec(),
        };
        let mut payload = Vec::new();
        request.emit(&mut payload);
        let frame = ends(false).udp(68, 67, 64, &payload).unwrap();
        let (text, frame) = outcome(frame, react, &hex(OFFER));
        let reply = IpPacket::parse(&frame).and_then(|ip| Some(Udp::parse(ip.body).ok()?.1.to_vec()));
        match reply.as_deref().map(Dhcp4::parse) {
            Some(Ok(reply)) if text.starts_with("02") => {
                let to = text.split(" > ").nth(2).unwrap().split(',').next().unwrap();
                format!("to {to}: {reply}, options {:?}", reply.options)
            }
            _ => text,
        }
    }

    #[test]
    fn a_client_gets_the_address_of_its_port() {
        let discover = (Dhcp4::MESSAGE_TYPE, &[Dhcp4::DISCOVER][..]);
        insta::assert_snapshot!(said(&[discover], NONE, Dhcp4::BROADCAST), @"to 255.255.255.255: DHCP Offer, xid 0x7, client 02:00:00:00:00:01, Your-IP 10.0.0.4, Server-IP 10.0.0.9, options [(53, [2]), (67, [97]), (1, [255, 255, 255, 0]), (3, [10, 0, 0, 254]), (26, [5, 220]), (51, [0, 0, 14, 16]), (54, [10, 0, 0, 254])]");
        let etherboot = (ETHERBOOT, &[][..]);
        insta::assert_snapshot!(said(&[discover, etherboot], NONE, 0), @"to 10.0.0.4: DHCP Offer, xid 0x7, client 02:00:00:00:00:01, Your-IP 10.0.0.4, Server-IP 10.0.0.9, options [(53, [2]), (67, [97, 98, 99]), (1, [255, 255, 255, 0]), (3, [10, 0, 0, 254]), (26, [5, 220]), (51, [0, 0, 14, 16]), (54, [10, 0, 0, 254])]");
        let request = (Dhcp4::MESSAGE_TYPE, &[Dhcp4::TAKE][..]);
        insta::assert_snapshot!(said(&[request, (50, &[10, 0, 0, 4]), (54, SERVER)], NONE, 0), @"to 10.0.0.4: DHCP ACK, xid 0x7, client 02:00:00:00:00:01, Your-IP 10.0.0.4, Server-IP 10.0.0.9, options [(53, [5]), (67, [97]), (1, [255, 255, 255, 0]), (3, [10, 0, 0, 254]), (26, [5, 220]), (51, [0, 0, 14, 16]), (54, [10, 0, 0, 254])]");
        insta::assert_snapshot!(said(&[request], [10, 0, 0, 4].into(), 0), @"to 10.0.0.4: DHCP ACK, xid 0x7, client 02:00:00:00:00:01, Client-IP 10.0.0.4, Your-IP 10.0.0.4, Server-IP 10.0.0.9, options [(53, [5]), (67, [97]), (1, [255, 255, 255, 0]), (3, [10, 0, 0, 254]), (26, [5, 220]), (51, [0, 0, 14, 16]), (54, [10, 0, 0, 254])]");
    }

    #[test]
    fn another_address_is_refused() {
        let request = (Dhcp4::MESSAGE_TYPE, &[Dhcp4::TAKE][..]);
        insta::assert_snapshot!(said(&[request, (50, &[10, 0, 0, 5])], NONE, 0), @"to 255.255.255.255: DHCP NACK, xid 0x7, client 02:00:00:00:00:01, options [(53, [6]), (54, [10, 0, 0, 254])]");
    }

    #[test]
    fn who_has_an_address_is_told_the_rest() {
        let inform = (Dhcp4::MESSAGE_TYPE, &[Dhcp4::INFORM][..]);
        insta::assert_snapshot!(said(&[inform], [10, 0, 0, 4].into(), 0), @"to 10.0.0.4: DHCP ACK, xid 0x7, client 02:00:00:00:00:01, Client-IP 10.0.0.4, Server-IP 10.0.0.9, options [(53, [5]), (67, [97]), (3, [10, 0, 0, 254]), (26, [5, 220]), (54, [10, 0, 0, 254])]");
    }

    #[test]
    fn what_is_for_others_goes_on() {
        let kind = |kind: &'static [u8]| (Dhcp4::MESSAGE_TYPE, kind);
        assert_eq!(
            said(&[kind(&[Dhcp4::TAKE]), (50, &[10, 0, 0, 4]), (54, &[10, 0, 0, 99])], NONE, 0),
            "not ours"
        );
        assert_eq!(said(&[kind(&[Dhcp4::RELEASE])], NONE, 0), "not ours");
        assert_eq!(said(&[kind(&[Dhcp4::DECLINE])], NONE, 0), "not ours");
        assert_eq!(said(&[kind(&[Dhcp4::OFFER])], NONE, 0), "not ours");
        assert_eq!(said(&[], NONE, 0), "not ours");
    }

    #[test]
    fn what_makes_no_sense_goes_on() {
        let frame = ends(false).udp(68, 67, 64, &[1; 100]).unwrap();
        assert_eq!(outcome(frame, react, &hex(OFFER)).0, "malformed");
        let frame = ends(false).frame(IpProto::TCP, 64, &[1; 100]).unwrap();
        assert_eq!(outcome(frame, react, &hex(OFFER)).0, "malformed");
    }
}
