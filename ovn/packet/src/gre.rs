//! GRE (RFC 2784, RFC 2890), IP protocol 47, and the headers of ERSPAN behind it (draft-foschiano-erspan-03).
//!
//! ```text
//! | checksum 1 bit, 0, key 1 bit, sequence 1 bit, 9 zero bits, version 3 | protocol 2 |
//! | checksum 2, zero 2 | key 4 | sequence 4 |   each if its bit is set
//!
//! ERSPAN II:  | version 4 bits = 1, vlan 12 | cos 3, encapsulation 2, truncated 1, session 10 | zero 12, index 20 |
//! ERSPAN III: | version 4 bits = 2, vlan 12 | cos 3, bad 2, truncated 1, session 10 | timestamp 4 |
//!             | group tag 2 | frame 1 bit, frame type 5, hardware 6, direction 1, granularity 2, more 1 |
//! ```

use std::fmt;

use crate::{Cursor, EtherType, Malformed, checksum};

/// A GRE header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gre {
    /// What the payload is; [`EtherType::ETHERNET`] for a frame.
    pub protocol: EtherType,
    /// Whether there is a checksum over header and payload.
    pub checksum: bool,
    /// Which network.
    pub key: Option<u32>,
    /// Number of the packet.
    pub sequence: Option<u32>,
}

impl Gre {
    /// ERSPAN of type II.
    pub const ERSPAN2: EtherType = EtherType(0x88be);
    /// ERSPAN of type III.
    pub const ERSPAN3: EtherType = EtherType(0x22eb);
    const CHECKSUM: u16 = 0x8000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;

    /// Reads a header; the rest is the payload. Refused are another version, routing, bits without meaning, and a
    /// checksum that is wrong.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("gre", octets);
        let flags = c.u16()?;
        if flags & !(Self::CHECKSUM | Self::KEY | Self::SEQUENCE) != 0 {
            return Err(c.error_at(0, "flags other than checksum, key and sequence"));
        }
        let protocol = EtherType(c.u16()?);
        let has_checksum = flags & Self::CHECKSUM != 0;
        if has_checksum {
            c.u32()?;
            if checksum::internet(octets) != 0 {
                return Err(c.error_at(4, "the checksum is wrong"));
            }
        }
        let key = if flags & Self::KEY != 0 { Some(c.u32()?) } else { None };
        let sequence = if flags & Self::SEQUENCE != 0 { Some(c.u32()?) } else { None };
        Ok((Self { protocol, checksum: has_checksum, key, sequence }, c.rest()))
    }

    /// Appends the header; a checksum is zero until [`Gre::finish`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        let bit = |set: bool, bit: u16| if set { bit } else { 0 };
        let flags = bit(self.checksum, Self::CHECKSUM)
            | bit(self.key.is_some(), Self::KEY)
            | bit(self.sequence.is_some(), Self::SEQUENCE);
        out.extend(flags.to_be_bytes());
        out.extend(self.protocol.0.to_be_bytes());
        if self.checksum {
            out.extend([0; 4]);
        }
        for word in [self.key, self.sequence].into_iter().flatten() {
            out.extend(word.to_be_bytes());
        }
    }

    /// Gives a packet that begins with a header from [`Gre::emit`] its number, if it has one, and its checksum.
    pub fn finish(packet: &mut [u8], sequence: u32) {
        let Some(flags) = packet.first_chunk().map(|flags| u16::from_be_bytes(*flags)) else { return };
        let octets = |bit: u16| if flags & bit != 0 { 4 } else { 0 };
        let at = 4 + octets(Self::CHECKSUM) + octets(Self::KEY);
        if let (true, Some(field)) = (flags & Self::SEQUENCE != 0, packet.get_mut(at..at + 4)) {
            field.copy_from_slice(&sequence.to_be_bytes());
        }
        if flags & Self::CHECKSUM != 0 && packet.len() >= 8 {
            packet[4..8].fill(0);
            let sum = checksum::internet(packet);
            packet[4..6].copy_from_slice(&sum.to_be_bytes());
        }
    }
}

impl fmt::Display for Gre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GRE, proto {}", self.protocol)?;
        if let Some(key) = self.key {
            write!(f, ", key={key:#x}")?;
        }
        if let Some(sequence) = self.sequence {
            write!(f, ", seq {sequence}")?;
        }
        Ok(())
    }
}

/// An ERSPAN header: whose mirrored frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erspan {
    /// Which session, of 10 bits.
    pub session: u16,
    /// What the type adds.
    pub form: ErspanForm,
}

/// What the types of ERSPAN add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErspanForm {
    /// Type II, "version 1": a place of 20 bits, as the sender counts them.
    Index(u32),
    /// Type III, "version 2".
    Hardware {
        /// Whether the frame left where it was mirrored, else it came.
        egress: bool,
        /// The sender's hardware, of 6 bits.
        hwid: u8,
        /// Units of 100 microseconds since some moment.
        timestamp: u32,
    },
}

impl Erspan {
    /// Reads a header behind one of GRE; the rest is the mirrored frame.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("erspan", octets);
        let first = c.u32()?;
        let session = (first & 0x3ff) as u16;
        let form = match first >> 28 {
            1 => ErspanForm::Index(c.u32()? & 0x000f_ffff),
            2 => {
                let (timestamp, last) = (c.u32()?, c.u32()?);
                // A subheader of the sender's platform follows.
                if last & 1 != 0 {
                    c.take(8)?;
                }
                ErspanForm::Hardware { egress: last & 8 != 0, hwid: (last >> 4 & 0x3f) as u8, timestamp }
            }
            _ => return Err(c.error_at(0, "a version other than 1 and 2")),
        };
        Ok((Self { session, form }, c.rest()))
    }

    /// The protocol that GRE says for it.
    pub const fn protocol(&self) -> EtherType {
        match self.form {
            ErspanForm::Index(_) => Gre::ERSPAN2,
            ErspanForm::Hardware { .. } => Gre::ERSPAN3,
        }
    }

    /// Appends the header.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let session = u32::from(self.session & 0x3ff);
        match self.form {
            ErspanForm::Index(index) => {
                out.extend((1 << 28 | session).to_be_bytes());
                out.extend((index & 0x000f_ffff).to_be_bytes());
            }
            ErspanForm::Hardware { egress, hwid, timestamp } => {
                out.extend((2 << 28 | session).to_be_bytes());
                out.extend(timestamp.to_be_bytes());
                // The payload is an Ethernet frame, and the timestamp's unit 100 microseconds: both are zero.
                let last = u32::from(hwid & 0x3f) << 4 | u32::from(egress) << 3;
                out.extend(last.to_be_bytes());
            }
        }
    }
}

impl fmt::Display for Erspan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ERSPAN, session {}", self.session)?;
        match self.form {
            ErspanForm::Index(index) => write!(f, ", index {index:#x}"),
            ErspanForm::Hardware { egress, hwid, .. } => {
                write!(f, ", {}, hwid {hwid:#x}", if egress { "egress" } else { "ingress" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn headers_are_read_and_written_back() {
        for (octets, text) in [
            ("0000 6558", "GRE, proto Ethernet"),
            ("2000 6558 000001c8", "GRE, proto Ethernet, key=0x1c8"),
            ("1000 88be 00000007", "GRE, proto 0x88be, seq 7"),
            ("3000 6558 00000001 00000002", "GRE, proto Ethernet, key=0x1, seq 2"),
        ] {
            let octets = hex(octets);
            let (gre, rest) = Gre::parse(&octets).unwrap();
            assert_eq!((gre.to_string().as_str(), rest.len()), (text, 0));
            let mut out = Vec::new();
            gre.emit(&mut out);
            assert_eq!(out, octets);
        }
        insta::assert_snapshot!(Gre::parse(&hex("4000 6558")).unwrap_err(), @"gre: flags other than checksum, key and sequence (octet 0)");
        insta::assert_snapshot!(Gre::parse(&hex("0001 6558")).unwrap_err(), @"gre: flags other than checksum, key and sequence (octet 0)");
    }

    #[test]
    fn a_packet_gets_its_number_and_a_checksum_that_is_looked_at() {
        let gre = Gre { protocol: EtherType::ETHERNET, checksum: true, key: Some(5), sequence: Some(0) };
        let mut packet = Vec::new();
        gre.emit(&mut packet);
        packet.extend(b"payload");
        Gre::finish(&mut packet, 9);
        let (read, payload) = Gre::parse(&packet).unwrap();
        assert_eq!((read, payload), (Gre { sequence: Some(9), ..gre }, &b"payload"[..]));
        packet[20] ^= 1;
        insta::assert_snapshot!(Gre::parse(&packet).unwrap_err(), @"gre: the checksum is wrong (octet 4)");
    }

    #[test]
    fn mirrored_frames_say_their_session() {
        for (octets, text) in [
            ("1000 0064 0000 1234", "ERSPAN, session 100, index 0x1234"),
            ("2000 0064 00000000 0000 00f8", "ERSPAN, session 100, egress, hwid 0xf"),
        ] {
            let octets = hex(octets);
            let (erspan, rest) = Erspan::parse(&octets).unwrap();
            assert_eq!((erspan.to_string().as_str(), rest.len()), (text, 0));
            let mut out = Vec::new();
            erspan.emit(&mut out);
            assert_eq!(out, octets);
        }
        assert!(Erspan::parse(&hex("3000 0064 0000 1234")).is_err());
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..32), flags: u8) {
            let mut octets = octets;
            if octets.len() > 1 {
                octets[0] = flags & 0x30;
                octets[1] = 0;
            }
            if let Ok((gre, payload)) = Gre::parse(&octets) {
                let mut out = Vec::new();
                gre.emit(&mut out);
                out.extend(payload);
                prop_assert_eq!(&out, &octets);
            }
            let _ = Erspan::parse(&octets);
        }
    }
}
