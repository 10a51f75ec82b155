//! DHCP for IPv4 (RFC 2131), which is BOOTP (RFC 951) with options (RFC 2132).
//!
//! ```text
//! | op 1 | htype 1 | hlen 1 | hops 1 | xid 4 | secs 2 | flags 2 |
//! | ciaddr 4 | yiaddr 4 | siaddr 4 | giaddr 4 | chaddr 16 | sname 64 | file 128 |
//! | 63 82 53 63 | options: code 1, length 1, value ... | ff | padding |
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use crate::{Cursor, MacAddr, Malformed};

/// A message. Names of the server and of the boot file are options here (66, 67): their fields are left empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcp4<'a> {
    /// Who speaks: [`Dhcp4::REQUEST`] of a client, [`Dhcp4::REPLY`] of a server.
    pub op: u8,
    /// Relays that the message went through.
    pub hops: u8,
    /// Chosen by the client, repeated by the server.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// [`Dhcp4::BROADCAST`] or 0.
    pub flags: u16,
    /// The client's address, if it has one already.
    pub ciaddr: Ipv4Addr,
    /// The address that the client gets.
    pub yiaddr: Ipv4Addr,
    /// Where the client finds its boot file.
    pub siaddr: Ipv4Addr,
    /// The relay that the client is behind, if any.
    pub giaddr: Ipv4Addr,
    /// MAC address of the client.
    pub chaddr: MacAddr,
    /// Codes and values in order, without padding and end; values of up to 255 octets.
    pub options: Vec<(u8, &'a [u8])>,
}

impl<'a> Dhcp4<'a> {
    /// The port of servers.
    pub const SERVER_PORT: u16 = 67;
    /// The port of clients.
    pub const CLIENT_PORT: u16 = 68;
    /// From a client.
    pub const REQUEST: u8 = 1;
    /// From a server.
    pub const REPLY: u8 = 2;
    /// Answers are to go to all, since the client hears nothing else yet.
    pub const BROADCAST: u16 = 0x8000;

    /// Option: the address that the client wants.
    pub const REQUESTED_ADDRESS: u8 = 50;
    /// Option: what kind of message this is.
    pub const MESSAGE_TYPE: u8 = 53;
    /// Option: the server that offers, or that the client has chosen.
    pub const SERVER_ID: u8 = 54;
    /// Option: what kind of client boots (RFC 3004).
    pub const USER_CLASS: u8 = 77;

    /// Message type: who has an address for me?
    pub const DISCOVER: u8 = 1;
    /// Message type: a server has one.
    pub const OFFER: u8 = 2;
    /// Message type: the client takes it.
    pub const TAKE: u8 = 3;
    /// Message type: somebody else has it.
    pub const DECLINE: u8 = 4;
    /// Message type: it is the client's.
    pub const ACK: u8 = 5;
    /// Message type: it is not.
    pub const NAK: u8 = 6;
    /// Message type: the client gives it back.
    pub const RELEASE: u8 = 7;
    /// Message type: the client has an address and wants to know the rest.
    pub const INFORM: u8 = 8;

    /// Octets before the options.
    const HEADER: usize = 240;
    const COOKIE: [u8; 4] = [99, 130, 83, 99];
    /// The fewest octets that all relays forward (RFC 1542 section 2.1).
    const LEN_MIN: usize = 300;
    const PAD: u8 = 0;
    const END: u8 = 255;
    /// Hardware type of Ethernet, and octets of its addresses.
    const ETHERNET: [u8; 2] = [1, 6];

    /// Reads a message to its end. Refused are other hardware than Ethernet, BOOTP without options, and an option that
    /// goes beyond the octets there are.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new("dhcp", octets);
        let op = c.u8()?;
        if c.array()? != Self::ETHERNET {
            return Err(c.error_at(1, "the hardware is not Ethernet"));
        }
        let mut this = Self {
            op,
            hops: c.u8()?,
            xid: c.u32()?,
            secs: c.u16()?,
            flags: c.u16()?,
            ciaddr: c.array()?.into(),
            yiaddr: c.array()?.into(),
            siaddr: c.array()?.into(),
            giaddr: c.array()?.into(),
            chaddr: MacAddr(c.array()?),
            options: Vec::new(),
        };
        // The rest of the hardware address, and the names.
        c.take(Self::HEADER - 4 - c.offset())?;
        if c.array()? != Self::COOKIE {
            return Err(c.error_at(Self::HEADER - 4, "no options follow"));
        }
        while !c.rest().is_empty() {
            match c.u8()? {
                Self::PAD => {}
                Self::END => break,
                code => {
                    let length = c.u8()?;
                    this.options.push((code, c.take(usize::from(length))?));
                }
            }
        }
        Ok(this)
    }

    /// The value of the first option of that code.
    pub fn option(&self, code: u8) -> Option<&'a [u8]> {
        self.options.iter().find(|(of, _)| *of == code).map(|(_, value)| *value)
    }

    /// The value of an option that is an address.
    pub fn address(&self, code: u8) -> Option<Ipv4Addr> {
        self.option(code)?.try_into().ok().map(|octets: [u8; 4]| octets.into())
    }

    /// What kind of message this is; `None` of one that does not say.
    pub fn message_type(&self) -> Option<u8> {
        match self.option(Self::MESSAGE_TYPE)? {
            [kind] => Some(*kind),
            _ => None,
        }
    }

    /// Appends the message. What is too long of a value is cut off.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(self.op);
        out.extend(Self::ETHERNET);
        out.push(self.hops);
        out.extend(self.xid.to_be_bytes());
        out.extend(self.secs.to_be_bytes());
        out.extend(self.flags.to_be_bytes());
        for address in [self.ciaddr, self.yiaddr, self.siaddr, self.giaddr] {
            out.extend(address.octets());
        }
        out.extend(self.chaddr.0);
        out.resize(start + Self::HEADER - 4, 0);
        out.extend(Self::COOKIE);
        for (code, value) in &self.options {
            let value = &value[..value.len().min(255)];
            out.extend([*code, value.len() as u8]);
            out.extend(value);
        }
        out.push(Self::END);
        let padded = out.len().max(start + Self::LEN_MIN);
        out.resize(padded, 0);
    }
}

impl fmt::Display for Dhcp4<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 9] =
            ["BOOTP", "Discover", "Offer", "Request", "Decline", "ACK", "NACK", "Release", "Inform"];
        let kind = usize::from(self.message_type().unwrap_or(0));
        write!(f, "DHCP {}, xid {:#x}", NAMES.get(kind).unwrap_or(&"Unknown"), self.xid)?;
        write!(f, ", client {}", self.chaddr)?;
        for (name, address) in
            [("Client-IP", self.ciaddr), ("Your-IP", self.yiaddr), ("Server-IP", self.siaddr)]
        {
            if !address.is_unspecified() {
                write!(f, ", {name} {address}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn discover() -> Dhcp4<'static> {
        Dhcp4 {
            op: Dhcp4::REQUEST,
            hops: 0,
            xid: 0x1234,
            secs: 1,
            flags: Dhcp4::BROADCAST,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: [10, 0, 0, 1].into(),
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr: MacAddr([2, 0, 0, 0, 0, 1]),
            options: vec![(Dhcp4::MESSAGE_TYPE, &[Dhcp4::DISCOVER]), (50, &[10, 0, 0, 1])],
        }
    }

    #[test]
    fn message_is_written_and_read_back() {
        let mut out = Vec::new();
        discover().emit(&mut out);
        assert_eq!((out.len(), &out[236..246]), (300, &[99, 130, 83, 99, 53, 1, 1, 50, 4, 10][..]));
        let read = Dhcp4::parse(&out).unwrap();
        assert_eq!(read, discover());
        assert_eq!(read.address(Dhcp4::REQUESTED_ADDRESS), Some([10, 0, 0, 1].into()));
        insta::assert_snapshot!(read, @"DHCP Discover, xid 0x1234, client 02:00:00:00:00:01, Your-IP 10.0.0.1");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let mut octets = Vec::new();
        discover().emit(&mut octets);
        insta::assert_snapshot!(Dhcp4::parse(&octets[..242]).unwrap_err(), @"dhcp: the octets end here (octet 242)");
        octets[236] = 0;
        insta::assert_snapshot!(Dhcp4::parse(&octets).unwrap_err(), @"dhcp: no options follow (octet 236)");
        octets[1] = 6;
        insta::assert_snapshot!(Dhcp4::parse(&octets).unwrap_err(), @"dhcp: the hardware is not Ethernet (octet 1)");
        insta::assert_snapshot!(Dhcp4::parse(&octets[..2]).unwrap_err(), @"dhcp: the octets end here (octet 2)");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(options in proptest::collection::vec(any::<u8>(), 0..60), op: u8) {
            let mut octets = Vec::new();
            Dhcp4 { op, options: Vec::new(), ..discover() }.emit(&mut octets);
            octets.truncate(Dhcp4::HEADER);
            octets.extend(options);
            if let Ok(read) = Dhcp4::parse(&octets) {
                let mut out = Vec::new();
                read.emit(&mut out);
                prop_assert_eq!(Dhcp4::parse(&out).unwrap(), read);
            }
        }

        #[test]
        fn any_short_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..260)) {
            let _ = Dhcp4::parse(&octets);
        }
    }
}
