//! UDP (RFC 768).
//!
//! ```text
//! | source 2 | destination 2 | length 2 | checksum 2 |
//! ```

use std::fmt;

use etherparse::UdpHeaderSlice;

use crate::{IpProto, Malformed, Pseudo};

/// A UDP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Source port.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
    /// Octets of this header and the payload.
    pub len: u16,
    /// Checksum over pseudo header, header and payload; 0 means none, which only IPv4 allows.
    pub checksum: u16,
}

impl Udp {
    /// Octets of the header.
    pub const LEN: usize = 8;

    /// Reads a header; the rest is the payload as the length field says. Refused is a length below
    /// 8 or beyond the octets there are. The checksum is not looked at.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let error = |offset, what| Malformed { layer: "udp", offset, what };
        let header =
            UdpHeaderSlice::from_slice(octets).map_err(|_| error(octets.len(), "the octets end here"))?;
        let this = Self {
            src: header.source_port(),
            dst: header.destination_port(),
            len: header.length(),
            checksum: header.checksum(),
        };
        if usize::from(this.len) < Self::LEN {
            return Err(error(4, "the length is less than the header"));
        }
        let payload = octets
            .get(Self::LEN..usize::from(this.len))
            .ok_or(error(4, "the length is more than the octets there are"))?;
        Ok((this, payload))
    }

    /// Appends the header, with the checksum it has.
    pub fn emit(&self, out: &mut Vec<u8>) {
        for field in [self.src, self.dst, self.len, self.checksum] {
            out.extend(field.to_be_bytes());
        }
    }

    /// A header with the right length and checksum for this payload. A payload beyond what the
    /// length can say gives length 65535.
    pub fn for_payload(src: u16, dst: u16, pseudo: Pseudo, payload: &[u8]) -> Self {
        let len = u16::try_from(Self::LEN + payload.len()).unwrap_or(u16::MAX);
        let mut this = Self { src, dst, len, checksum: 0 };
        let mut segment = Vec::with_capacity(Self::LEN + payload.len());
        this.emit(&mut segment);
        segment.extend(payload);
        this.checksum = pseudo.checksum(IpProto::UDP, &segment);
        this
    }
}

impl fmt::Display for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} > {}: UDP, length {}",
            self.src,
            self.dst,
            usize::from(self.len).saturating_sub(Self::LEN)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn datagram_is_read_and_written_back() {
        let octets = hex("04d2 0035 000c 0000 deadbeef 00");
        let (udp, payload) = Udp::parse(&octets).unwrap();
        insta::assert_snapshot!(udp, @"1234 > 53: UDP, length 4");
        assert_eq!(payload, [0xde, 0xad, 0xbe, 0xef]);
        let mut out = Vec::new();
        udp.emit(&mut out);
        assert_eq!(out, octets[..8]);
        insta::assert_snapshot!(Udp::parse(&hex("04d2 0035 0007 0000")).unwrap_err(), @"udp: the length is less than the header (octet 4)");
        insta::assert_snapshot!(Udp::parse(&octets[..11]).unwrap_err(), @"udp: the length is more than the octets there are (octet 4)");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..24)) {
            if let Ok((udp, payload)) = Udp::parse(&octets) {
                let mut out = Vec::new();
                udp.emit(&mut out);
                out.extend(payload);
                prop_assert_eq!(&out[..], &octets[..out.len()]);
            }
        }

        #[test]
        fn made_checksum_verifies(src: [u8; 16], dst: [u8; 16], payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            let pseudo = Pseudo::V6(src.into(), dst.into());
            let udp = Udp::for_payload(1, 2, pseudo, &payload);
            prop_assert_ne!(udp.checksum, 0);
            let mut segment = Vec::new();
            udp.emit(&mut segment);
            segment.extend(&payload);
            // A right sum gives zero, which UDP writes as all ones.
            prop_assert_eq!(pseudo.checksum(IpProto::UDP, &segment), 0xffff);
        }
    }
}
