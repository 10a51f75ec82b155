//! `dns_lookup()`: answers questions for names that the southbound table `DNS` has (RFC 1035).

use openflow::PacketIn2;
use packet::{Dns, DnsName, DnsRecord, IpProto, Malformed, Udp};
use std::net::IpAddr;

use super::ip::IpPacket;
use super::question::{Answer, answered, malformed};
use super::{Reaction, origin};
use crate::tables;

const HOP_LIMIT: u8 = 64;
/// Seconds for which an answer may be remembered.
const TTL: u32 = 3600;
/// Octets of an answer; records beyond are left out (RFC 6891 section 6.2.5: what links carry whole).
const OCTETS_MAX: usize = 1232;

/// Names by datapath.
pub(crate) trait Names {
    /// What is known of a name in lower case on the datapath of that key: addresses, or another name.
    fn find(&self, datapath: u32, name: &str) -> Option<Known<'_>>;
}

/// What is known of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known<'a> {
    /// Addresses with blanks between, or a name.
    pub(crate) value: &'a str,
    /// Nobody else knows more of it.
    pub(crate) is_owned: bool,
}

/// The packet is the question; its datapath says who asks.
pub(super) fn react(packet: &PacketIn2, arguments: &[u8], names: &dyn Names) -> Reaction {
    let mut reaction = answered(packet, arguments, |_| {
        let ip = IpPacket::parse(&packet.packet).ok_or(malformed("ip", "no whole IP packet"))?;
        if ip.upper != IpProto::UDP {
            return Err(malformed("dns", "not in UDP"));
        }
        let (udp, payload) = Udp::parse(ip.body)?;
        let (datapath, _) = origin(packet);
        let Some(reply) = answer(payload, datapath, names)? else { return Ok(Answer::NotOurs) };
        let frame = ip.ends.udp(udp.src, udp.dst, HOP_LIMIT, &reply);
        Ok(frame.map_or(Answer::NotOurs, Answer::Frame))
    });
    // Northds of newer releases let answers through their ACLs by this.
    if let Reaction::Resume { packet, .. } = &mut reaction {
        let flag = tables::FLAG_FROM_CTRL;
        packet.metadata.set_masked(flag.field, flag.mask(), flag.mask());
    }
    reaction
}

fn answer(octets: &[u8], datapath: u32, names: &dyn Names) -> Result<Option<Vec<u8>>, Malformed> {
    let query = Dns::parse(octets)?;
    let [question] = &query.questions[..] else { return Ok(None) };
    if query.flags & (Dns::RESPONSE | Dns::OPCODE) != 0 || !matches!(question.class, Dns::IN | Dns::ANY) {
        return Ok(None);
    }
    let name = question.name.to_string().to_ascii_lowercase();
    let Some(known) = names.find(datapath, &name) else { return Ok(None) };
    let record = |(ty, data): (u16, Vec<u8>)| DnsRecord {
        name: question.name.clone(),
        ty,
        class: Dns::IN,
        ttl: TTL,
        data,
    };
    let mut answers: Vec<DnsRecord> = match question.ty {
        Dns::A | Dns::AAAA | Dns::ANY => {
            let is_asked = |ty: u16| question.ty == Dns::ANY || question.ty == ty;
            addresses(known.value, query.id).filter(|(ty, _)| is_asked(*ty)).map(record).collect()
        }
        Dns::PTR => {
            let name = DnsName::from_text(known.value.trim());
            name.map(|name| record((Dns::PTR, name.octets().to_vec()))).into_iter().collect()
        }
        _ => return Ok(None),
    };
    let code = match (answers.is_empty(), known.is_owned && matches!(question.ty, Dns::A | Dns::AAAA)) {
        (true, false) => return Ok(None),
        // So that who asks need not wait for others.
        (true, true) => Dns::REFUSED,
        (false, _) => 0,
    };
    let mut octets = DNS_HEADER + question.name.octets().len() + 4;
    answers.retain(|record| {
        octets += 12 + record.data.len();
        octets <= OCTETS_MAX
    });
    let flags = query.flags | Dns::RESPONSE | code;
    let reply = Dns { id: query.id, flags, questions: query.questions.clone(), answers, ..Dns::default() };
    let mut out = Vec::new();
    reply.emit(&mut out);
    Ok(Some(out))
}

/// Octets of what comes before the question.
const DNS_HEADER: usize = 12;

/// Types and data of the addresses in a text, IPv4 first, in another order for each question, so that who takes the
/// first takes each as often.
fn addresses(text: &str, turn: u16) -> impl Iterator<Item = (u16, Vec<u8>)> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for word in text.split_ascii_whitespace() {
        match word.split('/').next().map(str::parse) {
            Some(Ok(IpAddr::V4(address))) => v4.push((Dns::A, address.octets().to_vec())),
            Some(Ok(IpAddr::V6(address))) => v6.push((Dns::AAAA, address.octets().to_vec())),
            Some(Err(_)) | None => {}
        }
    }
    for addresses in [&mut v4, &mut v6] {
        let turn = usize::from(turn).checked_rem(addresses.len()).unwrap_or(0);
        addresses.rotate_left(turn);
    }
    v4.into_iter().chain(v6)
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::{ends, packet_in};
    use super::super::question::testing::{RESULT, outcome};
    use super::*;
    use packet::DnsQuestion;

    struct Fixed;

    impl Names for Fixed {
        fn find(&self, datapath: u32, name: &str) -> Option<Known<'_>> {
            let value = match (datapath, name) {
                (7, "vm1.ovn.org") => "10.0.0.4 10.0.0.5 fd00::4 junk",
                (7, "v4.ovn.org" | "free.ovn.org") => "10.0.0.4",
                (7, "4.0.0.10.in-addr.arpa") => "vm1.ovn.org",
                _ => return None,
            };
            Some(Known { value, is_owned: name == "v4.ovn.org" })
        }
    }

    fn query(name: &str, ty: u16) -> Dns {
        let question = DnsQuestion { name: DnsName::from_text(name).unwrap(), ty, class: Dns::IN };
        Dns { id: 1, flags: Dns::RECURSION_DESIRED, questions: vec![question], ..Dns::default() }
    }

    fn said(query: &Dns, v6: bool) -> String {
        let mut payload = Vec::new();
        query.emit(&mut payload);
        let frame = ends(v6).udp(4000, 53, 64, &payload).unwrap();
        let (text, frame) = outcome(frame, |packet, arguments| react(packet, arguments, &Fixed), &[]);
        let reply = IpPacket::parse(&frame).and_then(|ip| Some(Udp::parse(ip.body).ok()?.1.to_vec()));
        match reply.as_deref().map(Dns::parse) {
            Some(Ok(reply)) if text.starts_with("02") => reply.to_string(),
            _ => text,
        }
    }

    #[test]
    fn names_of_the_datapath_are_answered() {
        insta::assert_snapshot!(said(&query("VM1.ovn.org", Dns::A), false), @"DNS 1 code 0 A? VM1.ovn.org A 10.0.0.5 A 10.0.0.4");
        insta::assert_snapshot!(said(&query("vm1.ovn.org", Dns::AAAA), true), @"DNS 1 code 0 AAAA? vm1.ovn.org AAAA fd00::4");
        insta::assert_snapshot!(said(&query("vm1.ovn.org", Dns::ANY), false), @"DNS 1 code 0 ANY? vm1.ovn.org A 10.0.0.5 A 10.0.0.4 AAAA fd00::4");
        insta::assert_snapshot!(said(&query("4.0.0.10.in-addr.arpa", Dns::PTR), false), @"DNS 1 code 0 PTR? 4.0.0.10.in-addr.arpa PTR vm1.ovn.org");
    }

    #[test]
    fn what_others_may_know_goes_on() {
        assert_eq!(said(&query("nobody.ovn.org", Dns::A), false), "not ours");
        assert_eq!(said(&query("free.ovn.org", Dns::AAAA), false), "not ours");
        assert_eq!(said(&query("vm1.ovn.org", 15), false), "not ours");
        let reply = Dns { flags: Dns::RESPONSE, ..query("vm1.ovn.org", Dns::A) };
        assert_eq!(said(&reply, false), "not ours");
        assert_eq!(said(&Dns::default(), false), "not ours");
        insta::assert_snapshot!(said(&query("v4.ovn.org", Dns::AAAA), false), @"DNS 1 code 5 AAAA? v4.ovn.org");
    }

    #[test]
    fn what_makes_no_sense_goes_on() {
        let frame = ends(false).udp(4000, 53, 64, &[0, 1, 0, 0, 0, 1]).unwrap();
        assert_eq!(outcome(frame, |packet, arguments| react(packet, arguments, &Fixed), &[]).0, "malformed");
    }

    #[test]
    fn the_flow_is_told_that_a_controller_has_seen_the_packet() {
        let asked = packet_in(Vec::new(), vec![1]);
        let Reaction::Resume { packet, .. } = react(&asked, &RESULT, &Fixed) else {
            panic!("it does not go on")
        };
        assert_eq!(packet.metadata.get(tables::FLAGS).map(|flags| flags.value), Some(1 << 19));
    }

    #[test]
    fn a_long_list_is_cut() {
        struct Many(String);
        impl Names for Many {
            fn find(&self, _datapath: u32, _name: &str) -> Option<Known<'_>> {
                Some(Known { value: &self.0, is_owned: false })
            }
        }
        let many = Many((0..250).map(|n| format!("10.0.0.{n} ")).collect());
        let mut octets = Vec::new();
        query("a.b", Dns::A).emit(&mut octets);
        let reply = answer(&octets, 1, &many).unwrap().unwrap();
        assert_eq!((reply.len(), Dns::parse(&reply).unwrap().answers.len()), (1221, 75));
    }
}
