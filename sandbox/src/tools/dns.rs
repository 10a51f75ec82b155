//! A question of names and its answer (RFC 1035). Pure.

use packet::{Dns, DnsName, DnsQuestion};
use std::fmt;
use std::net::IpAddr;

/// A question about one name.
#[derive(Clone, Debug)]
pub struct Question {
    id: u16,
    asked: DnsQuestion,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it went: 0 when it went well.
    pub code: u8,
    /// Addresses and names, in order; of records of other types, their type.
    pub values: Vec<String>,
}

impl Question {
    /// A question; `id` tells its answer from others'.
    pub fn new(id: u16, name: DnsName, ty: u16) -> Self {
        Self { id, asked: DnsQuestion { name, ty, class: Dns::IN } }
    }

    /// The datagram that asks it.
    pub fn octets(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let questions = vec![self.asked.clone()];
        Dns { id: self.id, flags: Dns::RECURSION_DESIRED, questions, ..Dns::default() }.emit(&mut out);
        out
    }

    /// Whether a datagram asks this.
    pub fn is(&self, datagram: &[u8]) -> bool {
        let is_it = |dns: Dns| dns.flags & Dns::RESPONSE == 0 && self.is_about(&dns);
        Dns::parse(datagram).is_ok_and(is_it)
    }

    /// The answer that a datagram has, if it is one to this.
    pub fn answer(&self, datagram: &[u8]) -> Option<Answer> {
        let dns =
            Dns::parse(datagram).ok().filter(|dns| dns.flags & Dns::RESPONSE != 0 && self.is_about(dns))?;
        let value =
            |record: &packet::DnsRecord| record.sense().unwrap_or_else(|| format!("type {}", record.ty));
        Some(Answer { code: (dns.flags & 0xf) as u8, values: dns.answers.iter().map(value).collect() })
    }

    fn is_about(&self, dns: &Dns) -> bool {
        dns.id == self.id && dns.questions == [self.asked.clone()]
    }
}

/// The name under which the name of an address is asked for (RFC 1035 section 3.5, RFC 3596 section 2.5).
pub fn reverse(address: IpAddr) -> DnsName {
    let text = match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().map(|o| format!("{:x}.{:x}.", o & 0xf, o >> 4));
            nibbles.collect::<String>() + "ip6.arpa"
        }
    };
    DnsName::from_text(&text).expect("short labels, and no more than 74 octets")
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, &self.values[..]) {
            (0, []) => f.write_str("an answer without records"),
            (0, values) => f.write_str(&values.join(", ")),
            (code, _) => write!(f, "code {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::DnsRecord;
    use proptest::prelude::*;

    fn question() -> Question {
        Question::new(7, DnsName::from_text("vm1.ovn.org").unwrap(), Dns::A)
    }

    fn datagram(id: u16, flags: u16, values: &[(u16, &[u8])]) -> Vec<u8> {
        let asked = question().asked;
        let record = |(ty, data): &(u16, &[u8])| DnsRecord {
            name: asked.name.clone(),
            ty: *ty,
            class: Dns::IN,
            ttl: 1,
            data: data.to_vec(),
        };
        let answers = values.iter().map(record).collect();
        let mut out = Vec::new();
        Dns { id, flags, questions: vec![asked.clone()], answers, ..Dns::default() }.emit(&mut out);
        out
    }

    #[test]
    fn an_answer_is_known_by_its_question() {
        assert!(question().is(&question().octets()));
        assert!(!question().is(&datagram(8, 0, &[])), "another's");
        assert_eq!(question().answer(&question().octets()), None, "no answer");
        assert_eq!(question().answer(&datagram(8, Dns::RESPONSE, &[])), None, "to another");
        let said = |values: &[(u16, &[u8])], code| {
            question().answer(&datagram(7, Dns::RESPONSE | code, values)).unwrap().to_string()
        };
        assert_eq!(said(&[(Dns::A, &[10, 0, 0, 1]), (5, &[0])], 0), "10.0.0.1, type 5");
        assert_eq!((said(&[], 0), said(&[], 5)), ("an answer without records".into(), "code 5".into()));
    }

    #[test]
    fn addresses_are_asked_for_backwards() {
        assert_eq!(reverse([10, 0, 0, 4].into()).to_string(), "4.0.0.10.in-addr.arpa");
        let v6 = reverse("fd00::4".parse().unwrap()).to_string();
        assert!(v6.starts_with("4.0.0.0.") && v6.ends_with(".0.0.d.f.ip6.arpa"), "{v6}");
    }

    proptest! {
        #[test]
        fn any_datagram_is_understood_or_passed_over(octets in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut datagram = datagram(7, Dns::RESPONSE, &[]);
            datagram.extend(&octets);
            question().answer(&datagram);
            question().answer(&octets);
        }
    }
}
