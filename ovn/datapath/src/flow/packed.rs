//! A match as rules keep it: in half the octets.

use openflow::{Field, Match};

/// A match. Of fields wider than 64 bits the upper half comes first, then the lower one.
#[derive(Debug)]
pub(crate) struct PackedMatch(Box<[(Field, u64, u64)]>);

impl PackedMatch {
    pub(crate) fn new(matching: &Match) -> Self {
        let half = |bits: u128| ((bits >> 64) as u64, bits as u64);
        let mut parts = Vec::with_capacity(matching.iter().count() + 2);
        for test in matching.iter() {
            let ((value_high, value), (mask_high, mask)) = (half(test.value), half(test.mask));
            if mask_high != 0 {
                parts.push((test.field, value_high, mask_high));
            }
            // Where the lower half does not count, it still says that the one before is the upper.
            parts.push((test.field, value, mask));
        }
        Self(parts.into())
    }

    /// As it was.
    pub(crate) fn unpack(&self) -> Match {
        let mut matching = Match::any().with_room(self.0.len());
        for parts in self.0.chunk_by(|(a, ..), (b, ..)| a == b) {
            let join = |bits: u128, half: u64| bits << 64 | u128::from(half);
            let (value, mask) =
                parts.iter().fold((0, 0), |(value, mask), part| (join(value, part.1), join(mask, part.2)));
            matching.set_masked(parts[0].0, value, mask);
        }
        matching
    }

    pub(crate) fn is_any(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_match_is_what_it_was(parts in proptest::collection::vec((0usize..9, any::<u128>(), any::<u128>(), 0u32..128), 0..8)) {
            const FIELDS: [Field; 9] = [
                Field::InPort,
                Field::Metadata,
                Field::Reg(3),
                Field::XXReg(2),
                Field::EthDst,
                Field::VlanTci,
                Field::Ipv6Src,
                Field::CtLabel,
                Field::TunMetadata(0),
            ];
            let mut matching = Match::any();
            for (field, value, mask, shift) in parts {
                matching.set_masked(FIELDS[field], value, mask << shift);
            }
            let packed = PackedMatch::new(&matching);
            prop_assert_eq!(packed.is_any(), matching.is_any());
            prop_assert_eq!(packed.unpack(), matching);
        }
    }
}
