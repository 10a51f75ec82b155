//! DNS (RFC 1035).
//!
//! ```text
//! | id 2 | flags 2 | questions 2 | answers 2 | authorities 2 | additional 2 |
//! questions:  | name | type 2 | class 2 |
//! the others: | name | type 2 | class 2 | ttl 4 | length 2 | data ... |
//! name:       labels of 1 to 63 octets, each after its length; 0, or a pointer to where the name goes on
//! ```

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{Cursor, Malformed};

/// A query or an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// Chosen by who asks, repeated in the answer.
    pub id: u16,
    /// [`Dns::RESPONSE`] and others; the lowest four bits say how it went.
    pub flags: u16,
    /// What is asked.
    pub questions: Vec<DnsQuestion>,
    /// What is answered.
    pub answers: Vec<DnsRecord>,
    /// Who knows.
    pub authorities: Vec<DnsRecord>,
    /// What else is worth knowing.
    pub additional: Vec<DnsRecord>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsQuestion {
    /// About whom.
    pub name: DnsName,
    /// [`Dns::A`], ...
    pub ty: u16,
    /// [`Dns::IN`], ...
    pub class: u16,
}

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// Of whom.
    pub name: DnsName,
    /// [`Dns::A`], ...
    pub ty: u16,
    /// [`Dns::IN`], ...
    pub class: u16,
    /// Seconds for which this may be remembered.
    pub ttl: u32,
    /// As it stands; names within are not followed.
    pub data: Vec<u8>,
}

/// A name as on the wire, without pointers: labels after their lengths, the root at the end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(Vec<u8>);

impl Dns {
    /// The port of servers.
    pub const PORT: u16 = 53;
    /// Flag: an answer.
    pub const RESPONSE: u16 = 0x8000;
    /// Flags: what is to be done; 0 is a query.
    pub const OPCODE: u16 = 0x7800;
    /// Flag: who asks wants all the work done.
    pub const RECURSION_DESIRED: u16 = 0x0100;
    /// How it went: the server does not want to say.
    pub const REFUSED: u16 = 5;
    /// Class: the Internet.
    pub const IN: u16 = 1;
    /// Type: an IPv4 address.
    pub const A: u16 = 1;
    /// Type: a name.
    pub const PTR: u16 = 12;
    /// Type: an IPv6 address (RFC 3596).
    pub const AAAA: u16 = 28;
    /// Type: whatever there is.
    pub const ANY: u16 = 255;

    const HEADER: usize = 12;

    /// Reads a message to its end. Refused are fewer questions and records than announced, names that are too long, and
    /// pointers that do not lead back.
    pub fn parse(octets: &[u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new("dns", octets);
        let mut this = Self { id: c.u16()?, flags: c.u16()?, ..Self::default() };
        let counts: [u16; 4] = [c.u16()?, c.u16()?, c.u16()?, c.u16()?];
        for _ in 0..counts[0] {
            let name = DnsName::parse(octets, &mut c)?;
            this.questions.push(DnsQuestion { name, ty: c.u16()?, class: c.u16()? });
        }
        let sections = [&mut this.answers, &mut this.authorities, &mut this.additional];
        for (section, count) in sections.into_iter().zip(&counts[1..]) {
            for _ in 0..*count {
                let name = DnsName::parse(octets, &mut c)?;
                let (ty, class, ttl) = (c.u16()?, c.u16()?, c.u32()?);
                let length = c.u16()?;
                let data = c.take(usize::from(length))?.to_vec();
                section.push(DnsRecord { name, ty, class, ttl, data });
            }
        }
        Ok(this)
    }

    /// Appends the message, which must begin what is appended to. Records about the first question point to its name.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let sections = [&self.answers, &self.authorities, &self.additional];
        let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        out.extend(self.id.to_be_bytes());
        out.extend(self.flags.to_be_bytes());
        out.extend(count(self.questions.len()));
        out.extend(sections.iter().flat_map(|section| count(section.len())));
        for question in &self.questions {
            out.extend(&question.name.0);
            out.extend(question.ty.to_be_bytes());
            out.extend(question.class.to_be_bytes());
        }
        for record in sections.into_iter().flatten() {
            if self.questions.first().is_some_and(|question| question.name == record.name) {
                out.extend((DnsName::POINTER | Self::HEADER as u16).to_be_bytes());
            } else {
                out.extend(&record.name.0);
            }
            out.extend(record.ty.to_be_bytes());
            out.extend(record.class.to_be_bytes());
            out.extend(record.ttl.to_be_bytes());
            let data = &record.data[..record.data.len().min(usize::from(u16::MAX))];
            out.extend((data.len() as u16).to_be_bytes());
            out.extend(data);
        }
    }
}

impl DnsName {
    /// Octets of the longest name.
    const LEN_MAX: usize = 255;
    const LABEL_MAX: u8 = 63;
    const POINTER: u16 = 0xc000;

    /// Reads a text with dots between labels; `None` if one is empty or too long, or all of it. One dot at the end is of no
    /// meaning.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut octets = Vec::with_capacity(text.len() + 2);
        for label in text.split('.').filter(|_| !text.is_empty()) {
            let length = u8::try_from(label.len()).ok().filter(|n| (1..=Self::LABEL_MAX).contains(n))?;
            octets.push(length);
            octets.extend(label.as_bytes());
        }
        octets.push(0);
        (octets.len() <= Self::LEN_MAX).then_some(Self(octets))
    }

    /// As on the wire.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Reads names one after the other to the end of the octets, as search lists have them. Zeros between and behind them
    /// are padding. Refused are pointers that do not lead back, and names that are too long or end early.
    pub fn parse_list(octets: &[u8]) -> Result<Vec<Self>, Malformed> {
        let mut c = Cursor::new("dns", octets);
        let mut names = Vec::new();
        while !c.rest().is_empty() {
            let name = Self::parse(octets, &mut c)?;
            names.extend(Some(name).filter(|name| name.0.len() > 1));
        }
        Ok(names)
    }

    /// Reads a name at the cursor, which is in `message`.
    fn parse<'a>(message: &'a [u8], c: &mut Cursor<'a>) -> Result<Self, Malformed> {
        let mut octets = Vec::new();
        // Where the name goes on behind a pointer. Each points further back, so that this ends.
        let mut elsewhere: Option<Cursor<'a>> = None;
        let mut begun = c.offset();
        loop {
            let at = elsewhere.unwrap_or(*c);
            let from = elsewhere.as_mut().unwrap_or(c);
            match from.u8()? {
                0 => break,
                length @ 1..=Self::LABEL_MAX => {
                    octets.push(length);
                    octets.extend(from.take(usize::from(length))?);
                    if octets.len() >= Self::LEN_MAX {
                        return Err(at.error_at(at.offset(), "the name is too long"));
                    }
                }
                high @ 0xc0.. => {
                    let place = usize::from(u16::from_be_bytes([high, from.u8()?]) & !Self::POINTER);
                    if place >= begun {
                        return Err(at.error_at(at.offset(), "a pointer that does not lead back"));
                    }
                    begun = place;
                    let mut to = Cursor::new("dns", message);
                    to.take(place)?;
                    elsewhere = Some(to);
                }
                _ => return Err(at.error_at(at.offset(), "a label of an unknown kind")),
            }
        }
        octets.push(0);
        Ok(Self(octets))
    }
}

impl fmt::Display for DnsName {
    /// Labels with dots between; octets that are no printable text, and dots within labels, as `\ddd`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &self.0[..];
        let mut is_first = true;
        while let Some((length @ 1.., after)) = rest.split_first() {
            let (label, after) = after.split_at(usize::from(*length));
            if !std::mem::replace(&mut is_first, false) {
                f.write_str(".")?;
            }
            for octet in label {
                if octet.is_ascii_graphic() && !matches!(octet, b'.' | b'\\') {
                    write!(f, "{}", char::from(*octet))?;
                } else {
                    write!(f, "\\{octet:03}")?;
                }
            }
            rest = after;
        }
        if is_first { f.write_str(".") } else { Ok(()) }
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl DnsRecord {
    /// The address of an A or AAAA record, or the name that a PTR record has without pointers.
    pub fn sense(&self) -> Option<String> {
        match self.ty {
            Dns::A => {
                <[u8; 4]>::try_from(&self.data[..]).ok().map(|octets| Ipv4Addr::from(octets).to_string())
            }
            Dns::AAAA => {
                <[u8; 16]>::try_from(&self.data[..]).ok().map(|octets| Ipv6Addr::from(octets).to_string())
            }
            Dns::PTR => {
                let mut c = Cursor::new("dns", &self.data);
                DnsName::parse(&self.data, &mut c).ok().map(|name| name.to_string())
            }
            _ => None,
        }
    }
}

impl fmt::Display for DnsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&type_name(self.ty))?;
        match self.sense() {
            Some(sense) => write!(f, " {sense}"),
            None => write!(f, " ({} octets)", self.data.len()),
        }
    }
}

fn type_name(ty: u16) -> String {
    match ty {
        Dns::A => "A".to_owned(),
        Dns::AAAA => "AAAA".to_owned(),
        Dns::PTR => "PTR".to_owned(),
        Dns::ANY => "ANY".to_owned(),
        other => format!("TYPE{other}"),
    }
}

impl fmt::Display for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DNS {}", self.id)?;
        if self.flags & Self::RESPONSE != 0 {
            write!(f, " code {}", self.flags & 0xf)?;
        }
        for question in &self.questions {
            write!(f, " {}? {}", type_name(question.ty), question.name)?;
        }
        for record in &self.answers {
            write!(f, " {record}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn answer_is_read_and_written_back() {
        let octets = hex("1234 8180 0001 0002 0000 0000 03 767431 03 6f766e 03 6f7267 00 0001 0001
            c00c 0001 0001 00000e10 0004 0a000001  c00c 001c 0001 00000e10 0010 fd000000000000000000000000000001");
        let read = Dns::parse(&octets).unwrap();
        insta::assert_snapshot!(read, @"DNS 4660 code 0 A? vt1.ovn.org A 10.0.0.1 AAAA fd00::1");
        let mut out = Vec::new();
        read.emit(&mut out);
        assert_eq!(out, octets);
    }

    #[test]
    fn names_are_of_labels() {
        let long = ["x".repeat(63).as_str(); 4].join(".");
        for bad in ["a..b", ".a", &"x".repeat(64), &long] {
            assert_eq!(DnsName::from_text(bad), None, "{bad}");
        }
        assert_eq!(DnsName::from_text("a.bc.").unwrap().octets(), b"\x01a\x02bc\0");
        assert_eq!(DnsName::from_text("").unwrap().to_string(), ".");
        assert_eq!(DnsName(b"\x03a.\x07\0".to_vec()).to_string(), "a\\046\\007");
    }

    #[test]
    fn pointers_lead_back() {
        let query = |name: &str| hex(&format!("0001 0000 0001 0000 0000 0000 {name} 0001 0001"));
        insta::assert_snapshot!(Dns::parse(&query("c00c")).unwrap_err(), @"dns: a pointer that does not lead back (octet 12)");
        insta::assert_snapshot!(Dns::parse(&query("0161 c00c")).unwrap_err(), @"dns: a pointer that does not lead back (octet 14)");
        insta::assert_snapshot!(Dns::parse(&query("4061")).unwrap_err(), @"dns: a label of an unknown kind (octet 12)");
        insta::assert_snapshot!(Dns::parse(&query(&"01 61 ".repeat(128))).unwrap_err(), @"dns: the name is too long (octet 266)");
        insta::assert_snapshot!(Dns::parse(&query("05 61")).unwrap_err(), @"dns: the octets end here (octet 18)");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(
            counts in proptest::collection::vec(0u8..3, 4),
            rest in proptest::collection::vec(prop_oneof![Just(0), Just(1), Just(0xc0), Just(12), any::<u8>()], 0..80),
        ) {
            let mut octets = vec![0, 1, 0x80, 0];
            octets.extend(counts.iter().flat_map(|n| [0, *n]));
            octets.extend(rest);
            if let Ok(read) = Dns::parse(&octets) {
                let mut out = Vec::new();
                read.emit(&mut out);
                prop_assert_eq!(Dns::parse(&out).unwrap(), read);
            }
        }
    }
}
