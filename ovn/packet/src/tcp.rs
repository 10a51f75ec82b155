//! TCP (RFC 9293).
//!
//! ```text
//! | source 2 | destination 2 | sequence 4 | acknowledgment 4 |
//! | data offset 4 bits, flags 12 bits | window 2 | checksum 2 | urgent 2 | options |
//! ```

use std::fmt;

use etherparse::TcpHeaderSlice;

use crate::{IpProto, Malformed, Pseudo};

/// The twelve flag bits of a TCP header, of which the upper three are reserved.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u16);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x001);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x002);
    /// Reset the connection.
    pub const RST: Self = Self(0x004);
    /// Push to the receiver.
    pub const PSH: Self = Self(0x008);
    /// The acknowledgment field counts.
    pub const ACK: Self = Self(0x010);
    /// The urgent field counts.
    pub const URG: Self = Self(0x020);

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for TcpFlags {
    /// As tcpdump: `S.` for SYN and ACK.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in ["F", "S", "R", "P", ".", "U", "E", "W", "e"].iter().enumerate() {
            if self.0 >> bit & 1 != 0 {
                f.write_str(letter)?;
            }
        }
        if self.0 & 0x1ff == 0 { f.write_str("none") } else { Ok(()) }
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A TCP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Source port.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
    /// Sequence number of the first octet of the payload.
    pub sequence: u32,
    /// Next sequence number expected.
    pub acknowledgment: u32,
    /// Flags.
    pub flags: TcpFlags,
    /// Octets that the sender can take, before scaling.
    pub window: u16,
    /// Checksum over pseudo header, header and payload.
    pub checksum: u16,
    /// Where urgent data ends.
    pub urgent: u16,
    /// Options as they stand, padded to a multiple of 4, at most 40 octets.
    pub options: Vec<u8>,
}

impl Tcp {
    /// Octets of a header without options.
    pub const LEN: usize = 20;

    /// Reads a header; the rest is the payload. The checksum is not looked at.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let header = TcpHeaderSlice::from_slice(octets).map_err(|e| {
            use etherparse::err::tcp::{HeaderError, HeaderSliceError};
            let (offset, what) = match e {
                HeaderSliceError::Len(_) => (octets.len(), "the octets end here"),
                HeaderSliceError::Content(HeaderError::DataOffsetTooSmall { .. }) => {
                    (12, "the data offset is less than 5")
                }
            };
            Malformed { layer: "tcp", offset, what }
        })?;
        let (raw, rest) = octets.split_at(header.slice().len());
        let this = Self {
            src: header.source_port(),
            dst: header.destination_port(),
            sequence: header.sequence_number(),
            acknowledgment: header.acknowledgment_number(),
            flags: TcpFlags(u16::from_be_bytes([raw[12], raw[13]]) & 0x0fff),
            window: header.window_size(),
            checksum: header.checksum(),
            urgent: header.urgent_pointer(),
            options: header.options().to_vec(),
        };
        Ok((this, rest))
    }

    /// Appends the header, with the checksum it has.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let words = ((Self::LEN + self.options.len()) / 4) as u16;
        out.extend(self.src.to_be_bytes());
        out.extend(self.dst.to_be_bytes());
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.acknowledgment.to_be_bytes());
        out.extend((words << 12 | self.flags.0 & 0x0fff).to_be_bytes());
        out.extend(self.window.to_be_bytes());
        out.extend(self.checksum.to_be_bytes());
        out.extend(self.urgent.to_be_bytes());
        out.extend(&self.options);
    }

    /// The same header with the right checksum for this payload.
    #[must_use]
    pub fn with_checksum(mut self, pseudo: Pseudo, payload: &[u8]) -> Self {
        self.checksum = 0;
        let mut segment = Vec::with_capacity(Self::LEN + self.options.len() + payload.len());
        self.emit(&mut segment);
        segment.extend(payload);
        self.checksum = pseudo.checksum(IpProto::TCP, &segment);
        self
    }
}

impl fmt::Display for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}: Flags [{}], seq {}", self.src, self.dst, self.flags, self.sequence)?;
        if self.flags.contains(TcpFlags::ACK) {
            write!(f, ", ack {}", self.acknowledgment)?;
        }
        write!(f, ", win {}", self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn syn_is_read_and_written_back() {
        let octets = hex("d431 0050 499602d2 00000000 6 002 faf0 0b30 0000 020405b4");
        let (tcp, rest) = Tcp::parse(&octets).unwrap();
        assert!(rest.is_empty());
        insta::assert_snapshot!(tcp, @"54321 > 80: Flags [S], seq 1234567890, win 64240");
        let mut out = Vec::new();
        tcp.emit(&mut out);
        assert_eq!(out, octets);
        let pseudo = Pseudo::V4([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let mut out = Vec::new();
        tcp.with_checksum(pseudo, &[]).emit(&mut out);
        assert_eq!(pseudo.checksum(IpProto::TCP, &out), 0);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(offset) = octets.get_mut(12) {
                *offset |= 0x40;
            }
            if let Ok((tcp, rest)) = Tcp::parse(&octets) {
                let mut out = Vec::new();
                tcp.emit(&mut out);
                out.extend(rest);
                prop_assert_eq!(out, octets);
            }
        }
    }
}
