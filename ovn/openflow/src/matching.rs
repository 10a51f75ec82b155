//! What a flow matches: a canonical, sorted list of fields with value and mask.
//!
//! Equal matches are equal values: fields that overlap are kept as their smallest pieces (`xreg` and `xxreg` as
//! `reg`, `vlan_vid` and `vlan_pcp` as bits of `vlan_tci`, `tos` as `ip_dscp`, the 16-bit `in_port` as the
//! 32-bit one), bits outside the mask are zero, and a field with an empty mask is absent.

use crate::{Field, PortNo};

/// One field of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MatchField {
    pub field: Field,
    /// Zero outside the mask.
    pub value: u128,
    /// Never zero.
    pub mask: u128,
}

/// A conjunction of field tests; empty matches every packet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Match {
    fields: Vec<MatchField>,
}

/// Two tests of one field demand different values of the same bits: no packet can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("contradicting values for {field}")]
pub struct Contradiction {
    pub field: Field,
}

impl Match {
    /// Matches every packet.
    pub const fn any() -> Self {
        Self { fields: Vec::new() }
    }

    /// The same with memory put by for further fields.
    #[must_use]
    pub fn with_room(&self, further: usize) -> Self {
        let mut fields = Vec::with_capacity(self.fields.len() + further);
        fields.extend_from_slice(&self.fields);
        Self { fields }
    }

    /// With `field == value` in addition; for building matches by hand.
    #[must_use]
    pub fn with(mut self, field: Field, value: impl Into<u128>) -> Self {
        self.set(field, value);
        self
    }

    /// With `field == value/mask` in addition.
    #[must_use]
    pub fn with_masked(mut self, field: Field, value: u128, mask: u128) -> Self {
        self.set_masked(field, value, mask);
        self
    }

    /// Requires `field` to be `value`, whatever was required of it before.
    pub fn set(&mut self, field: Field, value: impl Into<u128>) {
        self.set_masked(field, value.into(), field.full_mask());
    }

    /// Requires the bits of `mask` in `field` to be as in `value`, replacing what was required of these bits;
    /// requirements on its other bits stay.
    pub fn set_masked(&mut self, field: Field, value: u128, mask: u128) {
        if is_kept(field) {
            let mask = mask & field.full_mask();
            if mask != 0 {
                let entry = self.entry(field);
                entry.value = (entry.value & !mask) | (value & mask);
                entry.mask |= mask;
            }
            return;
        }
        for piece in pieces(field, value, mask) {
            let entry = self.entry(piece.field);
            entry.value = (entry.value & !piece.mask) | piece.value;
            entry.mask |= piece.mask;
        }
        self.fields.retain(|f| f.mask != 0);
    }

    /// Requires the bits of `mask` in `field` to be as in `value`, besides all that is required already.
    ///
    /// # Errors
    /// If that contradicts what is required; the match is then unchanged.
    pub fn constrain(&mut self, field: Field, value: u128, mask: u128) -> Result<(), Contradiction> {
        if is_kept(field) {
            return self.constrain_kept(field, value, mask);
        }
        if !self.admits(field, value, mask) {
            return Err(Contradiction { field });
        }
        self.set_masked(field, value, mask);
        Ok(())
    }

    /// The same for a field that is its own only piece, as nearly all are.
    fn constrain_kept(&mut self, field: Field, value: u128, mask: u128) -> Result<(), Contradiction> {
        let mask = mask & field.full_mask();
        let value = value & mask;
        if mask == 0 {
            return Ok(());
        }
        match self.position(field) {
            Ok(i) => {
                let entry = &mut self.fields[i];
                if (entry.value ^ value) & entry.mask & mask != 0 {
                    return Err(Contradiction { field });
                }
                entry.value |= value;
                entry.mask |= mask;
            }
            Err(i) => self.fields.insert(i, MatchField { field, value, mask }),
        }
        Ok(())
    }

    /// Whether some packet that matches has the bits of `mask` in `field` as in `value`.
    pub fn admits(&self, field: Field, value: u128, mask: u128) -> bool {
        pieces(field, value, mask).all(|piece| {
            let required = self.get(piece.field);
            required.is_none_or(|old| (old.value ^ piece.value) & old.mask & piece.mask == 0)
        })
    }

    /// Requires nothing of `field` any more.
    pub fn clear(&mut self, field: Field) {
        for piece in pieces(field, 0, field.full_mask()) {
            if let Ok(i) = self.position(piece.field) {
                self.fields[i].mask &= !piece.mask;
                self.fields[i].value &= self.fields[i].mask;
            }
        }
        self.fields.retain(|f| f.mask != 0);
    }

    /// What is required of a field, which must be one that matches keep (not an `xreg` and the like).
    pub fn get(&self, field: Field) -> Option<MatchField> {
        self.position(field).ok().map(|i| self.fields[i])
    }

    /// The value of a field that is required in all its bits.
    pub fn exact(&self, field: Field) -> Option<u128> {
        self.get(field).filter(|f| f.mask == field.full_mask()).map(|f| f.value)
    }

    /// The port it must have come in by, if one is required.
    pub fn in_port(&self) -> Option<PortNo> {
        self.exact(Field::InPort).map(|n| PortNo(n as u32))
    }

    /// All fields that are required, in the order of [`Field`].
    pub fn iter(&self) -> impl Iterator<Item = MatchField> + '_ {
        self.fields.iter().copied()
    }

    /// Every packet matches.
    pub fn is_any(&self) -> bool {
        self.fields.is_empty()
    }

    /// How many fields are looked at.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// The same as [`Self::is_any`].
    pub fn is_empty(&self) -> bool {
        self.is_any()
    }

    /// Whether every packet that `self` matches is matched by `loose` too ("loose" deletion uses this).
    pub fn is_within(&self, loose: &Self) -> bool {
        loose.iter().all(|l| {
            self.get(l.field).is_some_and(|s| l.mask & !s.mask == 0 && (l.value ^ s.value) & l.mask == 0)
        })
    }

    /// Gives back memory that was put by for further fields.
    pub fn shrink(&mut self) {
        self.fields.shrink_to_fit();
    }

    fn position(&self, field: Field) -> Result<usize, usize> {
        self.fields.binary_search_by_key(&field, |f| f.field)
    }

    fn entry(&mut self, field: Field) -> &mut MatchField {
        let i = self.position(field).unwrap_or_else(|i| {
            self.fields.insert(i, MatchField { field, value: 0, mask: 0 });
            i
        });
        &mut self.fields[i]
    }
}

/// Whether a field is the only piece of itself, see [`pieces`].
const fn is_kept(field: Field) -> bool {
    !matches!(
        field,
        Field::XReg(_) | Field::XXReg(_) | Field::VlanVid | Field::VlanPcp | Field::IpTos | Field::InPort16
    )
}

/// The smallest pieces that `field == value/mask` says something about.
fn pieces(field: Field, value: u128, mask: u128) -> impl Iterator<Item = MatchField> {
    let mask = mask & field.full_mask();
    let value = value & mask;
    let registers = |first: u8, count: u8| {
        (0..count).map(move |i| {
            let shift = 32 * u32::from(count - 1 - i);
            (Field::Reg(first + i), (value >> shift) & 0xffff_ffff, (mask >> shift) & 0xffff_ffff)
        })
    };
    let (several, one) = match field {
        Field::XReg(n) => (registers(2 * n, 2), None),
        Field::XXReg(n) => (registers(4 * n, 4), None),
        Field::VlanVid => (registers(0, 0), Some((Field::VlanTci, value, mask))),
        // A priority can only be read from a tag that is there.
        Field::VlanPcp => {
            (registers(0, 0), Some((Field::VlanTci, value << 13 | 0x1000, mask << 13 | 0x1000)))
        }
        Field::IpTos => (registers(0, 0), Some((Field::IpDscp, value >> 2, mask >> 2))),
        Field::InPort16 if mask == 0xffff => {
            let port = u128::from(PortNo::from_u16(value as u16).0);
            (registers(0, 0), Some((Field::InPort, port, 0xffff_ffff)))
        }
        other => (registers(0, 0), Some((other, value, mask))),
    };
    several.chain(one).filter(|(.., m)| *m != 0).map(|(field, value, mask)| MatchField { field, value, mask })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_register_is_its_narrow_ones() {
        let wide = Match::any().with(Field::XReg(4), 0x0000_0001_0000_0002_u64);
        assert_eq!(wide, Match::any().with(Field::Reg(9), 2u8).with(Field::Reg(8), 1u8));
        let quarter = Match::any().with_masked(Field::XXReg(0), 5 << 96, 0xffff_ffff << 96);
        assert_eq!(quarter, Match::any().with(Field::Reg(0), 5u8));
    }

    #[test]
    fn constrain_refuses_what_contradicts_and_leaves_the_match() {
        let mut m = Match::any().with_masked(Field::Reg(10), 1, 1);
        assert!(m.constrain(Field::Reg(10), 2, 2).is_ok());
        let before = m.clone();
        assert!(m.constrain(Field::XReg(5), 0, 1 << 32).is_err());
        assert_eq!(m, before);
        assert_eq!(m.get(Field::Reg(10)).map(|f| (f.value, f.mask)), Some((3, 3)));
    }

    #[test]
    fn a_match_is_within_a_looser_one() {
        let tight = Match::any().with(Field::Metadata, 7u8).with(Field::Reg(14), 3u8);
        assert!(tight.is_within(&Match::any()));
        assert!(tight.is_within(&Match::any().with_masked(Field::Metadata, 1, 1)));
        assert!(!tight.is_within(&Match::any().with_masked(Field::Metadata, 0, 1)));
        assert!(!Match::any().is_within(&tight));
    }
}
