//! VXLAN (RFC 7348), UDP port 4789.
//!
//! ```text
//! | flags 1 = 08 | zero 3 | vni 3 | zero 1 |
//! ```

use std::fmt;

use crate::{Cursor, Malformed, Vni};

/// A VXLAN header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vxlan {
    /// Which network.
    pub vni: Vni,
}

impl Vxlan {
    /// The UDP port assigned to VXLAN.
    pub const PORT: u16 = 4789;
    /// Octets of the header.
    pub const LEN: usize = 8;
    /// The flag that says that there is a VNI.
    const HAS_VNI: u8 = 0x08;

    /// Reads a header; the rest is the inner frame. Refused is a header without a VNI, or with one
    /// of the extensions (group policy, generic protocol), whose meaning would be lost.
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut c = Cursor::new("vxlan", octets);
        let [flags, _, _, _] = c.array()?;
        if flags != Self::HAS_VNI {
            return Err(c.error_at(0, "flags other than \"there is a VNI\""));
        }
        let vni = Vni::from_octets(c.array()?);
        c.u8()?;
        Ok((Self { vni }, c.rest()))
    }

    /// Appends the header.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([Self::HAS_VNI, 0, 0, 0]);
        out.extend(self.vni.to_octets());
        out.push(0);
    }
}

impl fmt::Display for Vxlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VXLAN, vni {}", self.vni)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn header_is_read_and_written_back() {
        let octets = hex("08 000000 00007b 00 ffff");
        let (vxlan, payload) = Vxlan::parse(&octets).unwrap();
        insta::assert_snapshot!(vxlan, @"VXLAN, vni 0x7b");
        assert_eq!(payload, [0xff, 0xff]);
        let mut out = Vec::new();
        vxlan.emit(&mut out);
        assert_eq!(out, octets[..8]);
        insta::assert_snapshot!(Vxlan::parse(&hex("00 000000 00007b 00")).unwrap_err(), @r#"vxlan: flags other than "there is a VNI" (octet 0)"#);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(mut octets in proptest::collection::vec(any::<u8>(), 0..16)) {
            if let Some(flags) = octets.first_mut() {
                *flags &= 0x08;
            }
            if let Ok((vxlan, payload)) = Vxlan::parse(&octets) {
                let mut out = Vec::new();
                vxlan.emit(&mut out);
                out.extend(payload);
                prop_assert_eq!(Vxlan::parse(&out).unwrap(), (vxlan, payload));
            }
        }
    }
}
