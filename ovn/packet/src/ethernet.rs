//! Ethernet II (IEEE 802.3) and its VLAN tags (IEEE 802.1Q).
//!
//! ```text
//! | destination 6 | source 6 | [tpid 2, tci 2]* | type 2 | payload
//!                                     tci = pcp 3 bits, dei 1, vid 12
//! ```

use std::fmt;

use crate::{Cursor, EtherType, MacAddr, Malformed};

/// An Ethernet header without tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// Destination.
    pub dst: MacAddr,
    /// Source.
    pub src: MacAddr,
    /// What follows; below [`EtherType::SMALLEST`] it is the length of an 802.3 frame.
    pub ethertype: EtherType,
}

impl Ethernet {
    /// Octets of the header.
    pub const LEN: usize = 14;

    /// Reads a header; the rest is the payload.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("ethernet", octets);
        let this =
            Self { dst: MacAddr(c.array()?), src: MacAddr(c.array()?), ethertype: EtherType(c.u16()?) };
        Ok((this, c.rest()))
    }

    /// Appends the header.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend(self.dst.0);
        out.extend(self.src.0);
        out.extend(self.ethertype.0.to_be_bytes());
    }
}

impl fmt::Display for Ethernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}, ethertype {}", self.src, self.dst, self.ethertype)
    }
}

/// The part of a VLAN tag that follows its TPID, and the type after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanTag {
    /// Priority, 0 to 7.
    pub pcp: u8,
    /// Drop eligible.
    pub dei: bool,
    /// VLAN, 0 to 4095; 0 means that only the priority counts.
    pub vid: u16,
    /// What follows the tag.
    pub ethertype: EtherType,
}

impl VlanTag {
    /// Octets from the end of the TPID to the end of the inner type.
    pub const LEN: usize = 4;

    /// Reads what follows a TPID; the rest is the payload.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("vlan", octets);
        let tci = c.u16()?;
        let this = Self {
            pcp: (tci >> 13) as u8,
            dei: tci & 0x1000 != 0,
            vid: tci & 0x0fff,
            ethertype: EtherType(c.u16()?),
        };
        Ok((this, c.rest()))
    }

    /// The tag control information. Bits of `pcp` and `vid` beyond their range are cut off.
    pub fn tci(&self) -> u16 {
        u16::from(self.pcp & 7) << 13 | u16::from(self.dei) << 12 | self.vid & 0x0fff
    }

    /// Appends what follows a TPID.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend(self.tci().to_be_bytes());
        out.extend(self.ethertype.0.to_be_bytes());
    }
}

impl fmt::Display for VlanTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vlan {}, p {}", self.vid, self.pcp)?;
        if self.dei { write!(f, ", DEI") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn tagged_frame_is_read_and_written_back() {
        let octets = hex("0a0000000002 0a0000000001 8100 b064 0806");
        let (eth, rest) = Ethernet::parse(&octets).unwrap();
        let (tag, rest) = VlanTag::parse(rest).unwrap();
        assert!(rest.is_empty());
        insta::assert_snapshot!(format!("{eth}, {tag}"), @"0a:00:00:00:00:01 > 0a:00:00:00:00:02, ethertype 802.1Q, vlan 100, p 5, DEI");
        let mut out = Vec::new();
        eth.emit(&mut out);
        tag.emit(&mut out);
        assert_eq!(out, octets);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..32)) {
            match Ethernet::parse(&octets) {
                Ok((eth, rest)) => {
                    let mut out = Vec::new();
                    eth.emit(&mut out);
                    out.extend(rest);
                    prop_assert_eq!(&out, &octets);
                }
                Err(error) => prop_assert_eq!(error.offset, octets.len()),
            }
            if let Ok((tag, rest)) = VlanTag::parse(&octets) {
                let mut out = Vec::new();
                tag.emit(&mut out);
                out.extend(rest);
                prop_assert_eq!(out, octets);
            }
        }
    }
}
