//! DHCP for IPv6 (RFC 8415).
//!
//! ```text
//! | type 1 | transaction id 3 | options: code 2, length 2, value ... |
//! ```

use std::fmt;

use crate::{Cursor, Malformed};

/// A message between a client and a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcp6<'a> {
    /// What kind of message this is: [`Dhcp6::SOLICIT`], ...
    pub kind: u8,
    /// Chosen by the client, repeated by the server.
    pub transaction: [u8; 3],
    /// Codes and values in order; values of up to 65535 octets.
    pub options: Vec<(u16, &'a [u8])>,
}

impl<'a> Dhcp6<'a> {
    /// The port of servers.
    pub const SERVER_PORT: u16 = 547;
    /// The port of clients.
    pub const CLIENT_PORT: u16 = 546;

    /// Who has an address for me?
    pub const SOLICIT: u8 = 1;
    /// A server has one.
    pub const ADVERTISE: u8 = 2;
    /// The client takes it.
    pub const REQUEST: u8 = 3;
    /// Is it still mine here?
    pub const CONFIRM: u8 = 4;
    /// The client wants to keep it.
    pub const RENEW: u8 = 5;
    /// The client wants to keep it, from whatever server.
    pub const REBIND: u8 = 6;
    /// What a server says to all of these.
    pub const REPLY: u8 = 7;
    /// The client gives it back.
    pub const RELEASE: u8 = 8;
    /// Somebody else has it.
    pub const DECLINE: u8 = 9;
    /// The client needs no address, but the rest.
    pub const INFORMATION_REQUEST: u8 = 11;
    /// What relays say to servers, and hear.
    pub const RELAY_FORWARD: u8 = 12;
    /// See [`Self::RELAY_FORWARD`].
    pub const RELAY_REPLY: u8 = 13;

    /// Option: who the client is.
    pub const CLIENT_ID: u16 = 1;
    /// Option: who the server is.
    pub const SERVER_ID: u16 = 2;
    /// Option: an association of addresses.
    pub const IA_NA: u16 = 3;
    /// Option: an address in an association.
    pub const IA_ADDRESS: u16 = 5;
    /// Option: how it went.
    pub const STATUS: u16 = 13;
    /// Option: what kind of client boots.
    pub const USER_CLASS: u16 = 15;
    /// Option: servers of names (RFC 3646).
    pub const DNS_SERVERS: u16 = 23;
    /// Option: domains that are looked in (RFC 3646).
    pub const DOMAIN_LIST: u16 = 24;
    /// Option: the name of the client (RFC 4704).
    pub const FQDN: u16 = 39;
    /// Option: where the boot file is (RFC 5970).
    pub const BOOT_FILE_URL: u16 = 59;

    /// Reads a message to its end. Refused are those of relays, which look otherwise, and an option that goes beyond the
    /// octets there are.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new("dhcp6", octets);
        let kind = c.u8()?;
        if matches!(kind, Self::RELAY_FORWARD | Self::RELAY_REPLY) {
            return Err(c.error_at(0, "a message of a relay"));
        }
        let transaction = c.array()?;
        Ok(Self { kind, transaction, options: Self::parse_options(c.rest())? })
    }

    /// Reads options, as also options have them within.
    pub fn parse_options(octets: &'a [u8]) -> Result<Vec<(u16, &'a [u8])>, Malformed> {
        let mut c = Cursor::new("dhcp6 option", octets);
        let mut options = Vec::new();
        while !c.rest().is_empty() {
            let (code, length) = (c.u16()?, c.u16()?);
            options.push((code, c.take(usize::from(length))?));
        }
        Ok(options)
    }

    /// The value of the first option of that code.
    pub fn option(&self, code: u16) -> Option<&'a [u8]> {
        self.options.iter().find(|(of, _)| *of == code).map(|(_, value)| *value)
    }

    /// Appends the message.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.kind);
        out.extend(self.transaction);
        for (code, value) in &self.options {
            Self::emit_option(*code, value, out);
        }
    }

    /// Appends an option. What is too long of the value is cut off.
    pub fn emit_option(code: u16, value: &[u8], out: &mut Vec<u8>) {
        let value = &value[..value.len().min(usize::from(u16::MAX))];
        out.extend(code.to_be_bytes());
        out.extend((value.len() as u16).to_be_bytes());
        out.extend(value);
    }
}

impl fmt::Display for Dhcp6<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 12] = [
            "msgtype-0",
            "solicit",
            "advertise",
            "request",
            "confirm",
            "renew",
            "rebind",
            "reply",
            "release",
            "decline",
            "reconf",
            "inf-req",
        ];
        let [a, b, c] = self.transaction;
        let name = NAMES.get(usize::from(self.kind)).unwrap_or(&"unknown");
        write!(f, "dhcp6 {name} xid={:x}", u32::from_be_bytes([0, a, b, c]))?;
        for (code, value) in &self.options {
            write!(f, " (option {code} {} octets)", value.len())?;
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
    fn solicit_is_read_and_written_back() {
        let octets = hex("01 10 08 74 0001 0004 0001 0203 0003 000c 00000001 00000000 00000000");
        let read = Dhcp6::parse(&octets).unwrap();
        insta::assert_snapshot!(read, @"dhcp6 solicit xid=100874 (option 1 4 octets) (option 3 12 octets)");
        let mut out = Vec::new();
        read.emit(&mut out);
        assert_eq!(out, octets);
        assert_eq!(read.option(Dhcp6::CLIENT_ID), Some(&[0, 1, 2, 3][..]));
        insta::assert_snapshot!(Dhcp6::parse(&octets[..15]).unwrap_err(), @"dhcp6 option: the octets end here (octet 11)");
        insta::assert_snapshot!(Dhcp6::parse(&[12; 40]).unwrap_err(), @"dhcp6: a message of a relay (octet 0)");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..80)) {
            if let Ok(read) = Dhcp6::parse(&octets) {
                let mut out = Vec::new();
                read.emit(&mut out);
                prop_assert_eq!(out, octets);
            }
        }
    }
}
