//! Geneve (RFC 8926), UDP port 6081.
//!
//! ```text
//! | version 2 bits, option length 6 bits (x4) | oam 1 bit, critical 1 bit, 6 zero | protocol 2 |
//! | vni 3 | zero 1 | options: class 2, type 1, 3 zero bits, length 5 bits (x4), data |
//! ```

use std::fmt;

use crate::{Cursor, EtherType, Malformed, Vni};

/// A Geneve header. Options stay octets, so that reading one allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geneve<'a> {
    /// A control packet, not tenant traffic.
    pub oam: bool,
    /// At least one option is critical: who does not know it must drop the packet.
    pub critical: bool,
    /// What the payload is; [`EtherType::ETHERNET`] for a frame.
    pub protocol: EtherType,
    /// Which network.
    pub vni: Vni,
    /// The options, well-formed if the header came from [`Geneve::parse`].
    pub options: &'a [u8],
}

impl<'a> Geneve<'a> {
    /// The UDP port assigned to Geneve.
    pub const PORT: u16 = 6081;
    /// Octets of a header without options.
    pub const LEN: usize = 8;
    /// The most octets of options that the length field can say.
    pub const OPTIONS_LEN_MAX: usize = 252;

    /// Reads a header; the rest is the payload. Refused are another version and options that do
    /// not add up to the length in the header.
    pub fn parse(octets: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        let mut c = Cursor::new("geneve", octets);
        let [first, flags] = c.array()?;
        if first >> 6 != 0 {
            return Err(c.error_at(0, "the version is not 0"));
        }
        let protocol = EtherType(c.u16()?);
        let vni = Vni::from_octets(c.array()?);
        c.u8()?;
        let options = c.take(usize::from(first & 0x3f) * 4)?;
        let this = Self { oam: flags & 0x80 != 0, critical: flags & 0x40 != 0, protocol, vni, options };
        let mut walked = this.options();
        for _ in walked.by_ref() {}
        if !walked.rest.is_empty() {
            let at = Self::LEN + options.len() - walked.rest.len();
            return Err(c.error_at(at, "an option is longer than the options"));
        }
        Ok((this, c.rest()))
    }

    /// The options in order; stops where they are not well-formed.
    pub fn options(&self) -> GeneveOptions<'a> {
        GeneveOptions { rest: self.options }
    }

    /// Appends the header. Options beyond [`Geneve::OPTIONS_LEN_MAX`] are left out.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let options = self.options.get(..Self::OPTIONS_LEN_MAX).unwrap_or(self.options);
        out.push((options.len() / 4) as u8);
        out.push(u8::from(self.oam) << 7 | u8::from(self.critical) << 6);
        out.extend(self.protocol.0.to_be_bytes());
        out.extend(self.vni.to_octets());
        out.push(0);
        out.extend(options);
    }
}

impl fmt::Display for Geneve<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Geneve, vni {}, proto {}", self.vni, self.protocol)?;
        if self.oam {
            f.write_str(", oam")?;
        }
        for option in self.options() {
            write!(f, ", option class 0x{:04x} type 0x{:02x} ", option.class, option.ty)?;
            option.data.iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
        }
        Ok(())
    }
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneveOption<'a> {
    /// Who defined the option (IANA); OVN has 0x0102.
    pub class: u16,
    /// Which option of the class; the high bit marks it critical.
    pub ty: u8,
    /// The value: a multiple of 4 octets, at most 124.
    pub data: &'a [u8],
}

impl GeneveOption<'_> {
    /// Appends the option. Data beyond 124 octets is left out, and so is what does not fill 4 octets.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let units = (self.data.len() / 4).min(31);
        out.extend(self.class.to_be_bytes());
        out.extend([self.ty, units as u8]);
        out.extend(&self.data[..units * 4]);
    }
}

/// The options of one header, see [`Geneve::options`].
#[derive(Clone, Debug)]
pub struct GeneveOptions<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for GeneveOptions<'a> {
    type Item = GeneveOption<'a>;

    fn next(&mut self) -> Option<GeneveOption<'a>> {
        let (&[c0, c1, ty, len], body) = self.rest.split_first_chunk()?;
        let (data, rest) = body.split_at_checked(usize::from(len & 0x1f) * 4)?;
        self.rest = rest;
        Some(GeneveOption { class: u16::from_be_bytes([c0, c1]), ty, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn header_with_an_option_is_read_and_written_back() {
        let octets = hex("02 40 6558 000001 00 0102 80 01 00010002 ffff");
        let (geneve, payload) = Geneve::parse(&octets).unwrap();
        insta::assert_snapshot!(geneve, @"Geneve, vni 0x1, proto Ethernet, option class 0x0102 type 0x80 00010002");
        assert!(geneve.critical && !geneve.oam);
        assert_eq!(payload, [0xff, 0xff]);
        let mut out = Vec::new();
        geneve.emit(&mut out);
        assert_eq!(out, octets[..16]);
        let option = geneve.options().next().unwrap();
        let mut out = Vec::new();
        option.emit(&mut out);
        assert_eq!(out, octets[8..16]);
    }

    #[test]
    fn every_option_length_is_read_or_refused() {
        // The class of bugs of CVE-2023-3966: the option's own length against the header's.
        for header_units in 0..64usize {
            for option_units in 0..32usize {
                let mut octets = hex("00 00 6558 000001 00");
                octets[0] = header_units as u8;
                let mut options = vec![0; header_units * 4];
                if header_units > 0 {
                    options[3] = option_units as u8;
                }
                octets.extend(options);
                let result = Geneve::parse(&octets);
                if header_units > 0 && option_units >= header_units {
                    assert_eq!(result.unwrap_err().offset, 8);
                } else {
                    assert_eq!(result.unwrap().1.len(), 0);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(first) = octets.first_mut() {
                *first &= 0x0f;
            }
            if let Ok((geneve, payload)) = Geneve::parse(&octets) {
                let mut out = Vec::new();
                geneve.emit(&mut out);
                out.extend(payload);
                prop_assert_eq!(Geneve::parse(&out).unwrap(), (geneve, payload));
            }
        }
    }
}
