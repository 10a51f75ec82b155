//! IPv6 and its extension headers (RFC 8200, authentication header RFC 4302).
//!
//! ```text
//! | version 4 bits, traffic class 8, flow label 20 | payload length 2 | next header 1 | hop limit 1 |
//! | source 16 | destination 16 |
//! ```

use std::fmt;
use std::net::Ipv6Addr;

use crate::{Cursor, IpProto, Malformed};

/// An IPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// DSCP (high 6 bits) and ECN (low 2).
    pub traffic_class: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
    /// Octets after this header, extension headers included.
    pub payload_len: u16,
    /// What follows: an extension header or the upper protocol.
    pub next_header: IpProto,
    /// Hops left.
    pub hop_limit: u8,
    /// Source.
    pub src: Ipv6Addr,
    /// Destination.
    pub dst: Ipv6Addr,
}

impl Ipv6 {
    /// Octets of the header.
    pub const LEN: usize = 40;

    /// A header with the usual values: hop limit 64, no traffic class, no flow label.
    pub fn new(src: Ipv6Addr, dst: Ipv6Addr, next_header: IpProto, payload_len: u16) -> Self {
        Self { traffic_class: 0, flow_label: 0, payload_len, next_header, hop_limit: 64, src, dst }
    }

    /// Reads a header; the rest is the payload, without what the link layer padded. Refused are
    /// another version and a payload length beyond the octets there are.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("ipv6", octets);
        let first = c.u32()?;
        if first >> 28 != 6 {
            return Err(c.error_at(0, "the version is not 6"));
        }
        let this = Self {
            traffic_class: (first >> 20) as u8,
            flow_label: first & 0x000f_ffff,
            payload_len: c.u16()?,
            next_header: IpProto(c.u8()?),
            hop_limit: c.u8()?,
            src: c.array()?.into(),
            dst: c.array()?.into(),
        };
        let payload = c.take(usize::from(this.payload_len)).map_err(|e| Malformed {
            offset: 4,
            what: "the payload length is more than the octets there are",
            ..e
        })?;
        Ok((this, payload))
    }

    /// Appends the header. The flow label is cut to its 20 bits.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let first = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0x000f_ffff;
        out.extend(first.to_be_bytes());
        out.extend(self.payload_len.to_be_bytes());
        out.extend([self.next_header.0, self.hop_limit]);
        out.extend(self.src.octets());
        out.extend(self.dst.octets());
    }
}

impl fmt::Display for Ipv6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "IP6 {} > {}, {}, hlim {}, length {}",
            self.src, self.dst, self.next_header, self.hop_limit, self.payload_len
        )
    }
}

/// What a fragment header says (RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Place of this fragment in the datagram, in units of 8 octets; 13 bits.
    pub offset: u16,
    /// Not the last fragment.
    pub more: bool,
    /// Identification, equal in all fragments of one datagram.
    pub id: u32,
}

/// The extension headers of one packet, as far as forwarding asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensions {
    /// The protocol after them. In a fragment that is not the first it is
    /// [`IpProto::FRAGMENT`], as the upper header is not in it.
    pub upper: IpProto,
    /// The fragment header, if there is one.
    pub fragment: Option<Fragment>,
    /// Octets that the extension headers take.
    pub len: usize,
}

impl Extensions {
    /// Walks the headers that begin at `payload` and are announced by `next`; the rest begins with
    /// the upper header. A header that the octets cut short is an error.
    pub fn parse(next: IpProto, payload: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("ipv6 extension", payload);
        let mut this = Self { upper: next, fragment: None, len: 0 };
        loop {
            match this.upper {
                IpProto::HOP_BY_HOP | IpProto::ROUTING | IpProto::DESTINATION | IpProto::MOBILITY => {
                    let [next, len] = c.array()?;
                    c.take(usize::from(len) * 8 + 6)?;
                    this.upper = IpProto(next);
                }
                IpProto::AH => {
                    // In units of 4 octets, minus 2 (RFC 4302 section 2.2).
                    let [next, len] = c.array()?;
                    c.take(usize::from(len) * 4 + 6)?;
                    this.upper = IpProto(next);
                }
                IpProto::FRAGMENT => {
                    let [next, _reserved] = c.array()?;
                    let flags = c.u16()?;
                    let fragment = Fragment { offset: flags >> 3, more: flags & 1 != 0, id: c.u32()? };
                    this.fragment = Some(fragment);
                    if fragment.offset != 0 {
                        break;
                    }
                    this.upper = IpProto(next);
                }
                _ => break,
            }
        }
        this.len = c.offset();
        Ok((this, c.rest()))
    }

    /// Whether the packet is a piece of a datagram. A fragment header with offset 0 and no more
    /// fragments is not one (RFC 6946).
    pub fn is_fragment(&self) -> bool {
        self.fragment.is_some_and(|f| f.more || f.offset != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    const HEADER: &str =
        "6020000a 000c 11 40 fd000000000000000000000000000001 fd000000000000000000000000000002";

    #[test]
    fn header_is_read_and_written_back() {
        let mut octets = hex(HEADER);
        octets.extend([7; 14]);
        let (ip, payload) = Ipv6::parse(&octets).unwrap();
        insta::assert_snapshot!(ip, @"IP6 fd00::1 > fd00::2, UDP, hlim 64, length 12");
        assert_eq!((ip.traffic_class, ip.flow_label, payload.len()), (2, 10, 12));
        let mut out = Vec::new();
        ip.emit(&mut out);
        assert_eq!(out, octets[..40]);
        insta::assert_snapshot!(Ipv6::parse(&octets[..51]).unwrap_err(), @"ipv6: the payload length is more than the octets there are (octet 4)");
    }

    #[test]
    fn extension_headers_are_walked() {
        // Hop-by-hop, routing of 16 octets, first fragment, then UDP.
        let octets = hex("2b00050200000000 2c01000000000000 0000000000000000 11 00 0001 00000007 0035");
        let (ext, rest) = Extensions::parse(IpProto::HOP_BY_HOP, &octets).unwrap();
        assert_eq!(ext.fragment, Some(Fragment { offset: 0, more: true, id: 7 }));
        assert_eq!((ext.upper, ext.len, rest), (IpProto::UDP, 32, [0, 0x35].as_slice()));
        // A later fragment hides the upper protocol; what announces itself inside is payload.
        let (ext, _) = Extensions::parse(IpProto::FRAGMENT, &hex("00 00 00b8 00000007")).unwrap();
        assert_eq!((ext.upper, ext.is_fragment()), (IpProto::FRAGMENT, true));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..90), next: u8) {
            if let Ok((ext, rest)) = Extensions::parse(IpProto(next), &octets) {
                prop_assert_eq!(ext.len + rest.len(), octets.len());
            }
            if octets.len() > 6 {
                octets[0] = 0x60;
                octets[4..6].copy_from_slice(&[0, next & 0x1f]);
            }
            if let Ok((ip, payload)) = Ipv6::parse(&octets) {
                let mut out = Vec::new();
                ip.emit(&mut out);
                out.extend(payload);
                prop_assert_eq!(&out[..], &octets[..out.len()]);
            }
        }
    }
}
