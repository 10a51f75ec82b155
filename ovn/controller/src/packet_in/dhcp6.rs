//! `put_dhcpv6_opts(...)`: answers a DHCPv6 client (RFC 8415). There are no leases: the address is the port's own, forever.

use openflow::PacketIn2;
use packet::{Dhcp6, DnsName, IpProto, Malformed, Udp};

use super::Reaction;
use super::ip::IpPacket;
use super::question::{Answer, answered, malformed};

const HOP_LIMIT: u8 = 64;
/// Seconds, in T1, T2 and lifetimes.
const FOREVER: [u8; 4] = [0xff; 4];
/// A DUID of a link-layer address, of Ethernet (RFC 8415 section 11.4).
const DUID_LL: [u8; 4] = [0, 3, 0, 1];
/// Not on the wire: the boot file for those who are not iPXE.
const BOOT_FILE_URL_ALT: u16 = 254;
/// Flags of a client's name (RFC 4704 section 4.1): who updates DNS.
const FQDN_SERVER: u8 = 1;
const FQDN_OVERRIDDEN: u8 = 2;
const FQDN_NOBODY: u8 = 4;

/// The options, with codes and lengths as on the wire.
pub(super) fn react(packet: &PacketIn2, arguments: &[u8]) -> Reaction {
    answered(packet, arguments, |arguments| {
        let ip = IpPacket::parse(&packet.packet).ok_or(malformed("ip", "no whole IP packet"))?;
        if ip.upper != IpProto::UDP {
            return Err(malformed("dhcp6", "not in UDP"));
        }
        let (udp, payload) = Udp::parse(ip.body)?;
        let Some(reply) = answer(&Dhcp6::parse(payload)?, &Dhcp6::parse_options(arguments)?)? else {
            return Ok(Answer::NotOurs);
        };
        let frame = ip.ends.udp(udp.src, udp.dst, HOP_LIMIT, &reply);
        Ok(frame.map_or(Answer::NotOurs, Answer::Frame))
    })
}

/// How a kind of message is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    /// With an address.
    Address,
    /// With all but an address.
    Information,
    /// That it went well.
    Done,
}

fn answer(request: &Dhcp6<'_>, offered: &[(u16, &[u8])]) -> Result<Option<Vec<u8>>, Malformed> {
    let means = match request.kind {
        Dhcp6::SOLICIT | Dhcp6::REQUEST | Dhcp6::CONFIRM | Dhcp6::RENEW | Dhcp6::REBIND => Means::Address,
        Dhcp6::INFORMATION_REQUEST => Means::Information,
        Dhcp6::RELEASE | Dhcp6::DECLINE => Means::Done,
        _ => return Ok(None),
    };
    let mac = offered.iter().find(|(code, _)| *code == Dhcp6::SERVER_ID).map(|(_, mac)| *mac);
    let server = [&DUID_LL[..], mac.unwrap_or_default()].concat();
    // Whoever has chosen a server speaks to that one alone.
    if request.option(Dhcp6::SERVER_ID).is_some_and(|chosen| chosen != server) {
        return Ok(None);
    }
    let association = match request.option(Dhcp6::IA_NA) {
        Some(value) => value.first_chunk::<4>().copied(),
        None => None,
    };
    let client = match (request.option(Dhcp6::CLIENT_ID), means) {
        (Some(client), _) => Some(client),
        (None, Means::Information) => None,
        (None, Means::Address | Means::Done) => {
            return Err(malformed("dhcp6", "the client does not say who it is"));
        }
    };
    if association.is_none() && means == Means::Address {
        return Err(malformed("dhcp6", "no address is asked for"));
    }
    let kind = if request.kind == Dhcp6::SOLICIT { Dhcp6::ADVERTISE } else { Dhcp6::REPLY };
    let mut out = Vec::new();
    Dhcp6 { kind, transaction: request.transaction, options: Vec::new() }.emit(&mut out);
    if let Some(client) = client {
        Dhcp6::emit_option(Dhcp6::CLIENT_ID, client, &mut out);
    }
    if means == Means::Done {
        Dhcp6::emit_option(Dhcp6::SERVER_ID, &server, &mut out);
        Dhcp6::emit_option(Dhcp6::STATUS, &[0, 0], &mut out);
        return Ok(Some(out));
    }
    let association = association.filter(|_| means == Means::Address);
    for (code, value) in offered {
        option(*code, value, request, association, &server, &mut out)?;
    }
    Ok(Some(out))
}

/// Appends what is offered under a code, if it is for this client.
fn option(
    code: u16,
    value: &[u8],
    request: &Dhcp6<'_>,
    association: Option<[u8; 4]>,
    server: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    match code {
        Dhcp6::SERVER_ID => Dhcp6::emit_option(Dhcp6::SERVER_ID, server, out),
        Dhcp6::IA_ADDRESS => {
            if let Some(id) = association {
                Dhcp6::emit_option(Dhcp6::IA_NA, &address(id, value), out);
            }
        }
        Dhcp6::DOMAIN_LIST => {
            let names = std::str::from_utf8(value).unwrap_or_default().split(',');
            let names: Option<Vec<DnsName>> = names.map(|name| DnsName::from_text(name.trim())).collect();
            let names = names.ok_or(malformed("dhcp6", "a search list that is none"))?;
            let octets: Vec<u8> = names.iter().flat_map(|name| name.octets()).copied().collect();
            Dhcp6::emit_option(Dhcp6::DOMAIN_LIST, &octets, out);
        }
        Dhcp6::FQDN => {
            if let Some([flags, ..]) = request.option(Dhcp6::FQDN) {
                let overridden = if flags & FQDN_SERVER != 0 { FQDN_OVERRIDDEN } else { 0 };
                Dhcp6::emit_option(Dhcp6::FQDN, &[&[FQDN_NOBODY | overridden], value].concat(), out);
            }
        }
        Dhcp6::BOOT_FILE_URL if !is_ipxe(request) => {}
        BOOT_FILE_URL_ALT if is_ipxe(request) => {}
        Dhcp6::BOOT_FILE_URL | BOOT_FILE_URL_ALT => Dhcp6::emit_option(Dhcp6::BOOT_FILE_URL, value, out),
        other => Dhcp6::emit_option(other, value, out),
    }
    Ok(())
}

/// The value of an association with an address.
fn address(association: [u8; 4], address: &[u8]) -> Vec<u8> {
    let mut value = [association, FOREVER, FOREVER].concat();
    let lifetimes = [FOREVER, FOREVER].concat();
    Dhcp6::emit_option(Dhcp6::IA_ADDRESS, &[address, &lifetimes].concat(), &mut value);
    value
}

fn is_ipxe(request: &Dhcp6<'_>) -> bool {
    // Its class is one of several, each after its length.
    request.option(Dhcp6::USER_CLASS).is_some_and(|classes| classes.get(2..6) == Some(b"iPXE"))
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::{ends, hex};
    use super::super::question::testing::outcome;
    use super::*;

    /// Server at 02:...:09, fd00::4, DNS at fd00::53, domain a.b, a name, and both boot files.
    const OFFER: &str = "0002 0006 020000000009 0005 0010 fd000000000000000000000000000004
        0017 0010 fd000000000000000000000000000053 0018 0003 612e62 0027 0003 016100 003b 0001 78 00fe 0001 79";
    const CLIENT: &str = "0001 0006 000300010203";
    const ASSOCIATION: &str = "0003 000c 0000002a 00000000 00000000";

    fn said(kind: u8, options: &str) -> String {
        let message = [&[kind, 1, 2, 3][..], &hex(options)].concat();
        let frame = ends(true).udp(546, 547, 1, &message).unwrap();
        let (text, frame) = outcome(frame, react, &hex(OFFER));
        let reply = IpPacket::parse(&frame).and_then(|ip| Some(Udp::parse(ip.body).ok()?.1.to_vec()));
        match reply.as_deref().map(Dhcp6::parse) {
            Some(Ok(reply)) if text.starts_with("02") => {
                let options: Vec<String> =
                    reply.options.iter().map(|(code, value)| format!("{code} {value:02x?}")).collect();
                format!("{} {}", reply.kind, options.join("; "))
            }
            _ => text,
        }
    }

    #[test]
    fn a_client_gets_the_address_of_its_port() {
        insta::assert_snapshot!(said(Dhcp6::SOLICIT, &format!("{CLIENT} {ASSOCIATION}")), @"2 1 [00, 03, 00, 01, 02, 03]; 2 [00, 03, 00, 01, 02, 00, 00, 00, 00, 09]; 3 [00, 00, 00, 2a, ff, ff, ff, ff, ff, ff, ff, ff, 00, 05, 00, 18, fd, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 04, ff, ff, ff, ff, ff, ff, ff, ff]; 23 [fd, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 53]; 24 [01, 61, 01, 62, 00]; 59 [79]");
        let server = "0002 000a 00030001 020000000009";
        let ipxe = "000f 0006 0004 69505845 0027 0001 01";
        insta::assert_snapshot!(said(Dhcp6::RENEW, &format!("{CLIENT} {server} {ASSOCIATION} {ipxe}")), @"7 1 [00, 03, 00, 01, 02, 03]; 2 [00, 03, 00, 01, 02, 00, 00, 00, 00, 09]; 3 [00, 00, 00, 2a, ff, ff, ff, ff, ff, ff, ff, ff, 00, 05, 00, 18, fd, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 04, ff, ff, ff, ff, ff, ff, ff, ff]; 23 [fd, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 53]; 24 [01, 61, 01, 62, 00]; 39 [06, 01, 61, 00]; 59 [78]");
    }

    #[test]
    fn without_an_address_there_is_the_rest() {
        insta::assert_snapshot!(said(Dhcp6::INFORMATION_REQUEST, CLIENT), @"7 1 [00, 03, 00, 01, 02, 03]; 2 [00, 03, 00, 01, 02, 00, 00, 00, 00, 09]; 23 [fd, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 53]; 24 [01, 61, 01, 62, 00]; 59 [79]");
        insta::assert_snapshot!(said(Dhcp6::RELEASE, &format!("{CLIENT} {ASSOCIATION}")), @"7 1 [00, 03, 00, 01, 02, 03]; 2 [00, 03, 00, 01, 02, 00, 00, 00, 00, 09]; 13 [00, 00]");
    }

    #[test]
    fn what_is_for_others_or_makes_no_sense_goes_on() {
        let other = "0002 000a 00030001 020000000008";
        assert_eq!(said(Dhcp6::REQUEST, &format!("{CLIENT} {other} {ASSOCIATION}")), "not ours");
        assert_eq!(said(Dhcp6::REPLY, CLIENT), "not ours");
        assert_eq!(said(Dhcp6::SOLICIT, ASSOCIATION), "malformed");
        assert_eq!(said(Dhcp6::SOLICIT, CLIENT), "malformed");
        assert_eq!(said(Dhcp6::SOLICIT, "0001 0007 00"), "malformed");
    }
}
