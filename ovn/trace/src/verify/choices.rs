//! What is free besides the packet: what connection tracking says, which of several is chosen, what a packet contains
//! that no field tells.

use super::sets::{Set, Sets, Var};
use super::values::{Bit, all_of, packet_end};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bits of a choice: its kind, its number in a list, an address, a port.
const KIND_BITS: u32 = 2;
const NUMBER_BITS: u32 = 16;
const ADDRESS_BITS: u32 = 128;
const PORT_BITS: u32 = 16;
const PICK_BITS: u32 = KIND_BITS + NUMBER_BITS + ADDRESS_BITS + PORT_BITS;
/// Kinds of choices: something of the list, or a backend with an address of either family.
const LISTED: u128 = 0;
const BACKEND_V4: u128 = 1;
const BACKEND_V6: u128 = 2;
/// So many choices come before all that connection tracking says: sets that differ in what was chosen then share what
/// they have to say of that.
const PICKS_FIRST: u8 = 16;
/// What tracking says: state, mark and label.
pub(super) const TRACKING_BITS: [u32; 3] = [8, 32, 128];

/// How often something was assumed on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) trackings: u8,
    pub(super) picks: u8,
    pub(super) facts: u8,
}

/// One of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pick {
    /// The backend of a load balancer.
    Backend(IpAddr, u16),
    /// The value of a select action.
    Value(u16),
    /// A port of a forwarding group, by its key.
    Port(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Tracking,
    /// The state that comes of several trackings.
    Sum,
    Pick,
    Fact,
}

/// The variables of all that is free, given out as they are asked for.
#[derive(Default)]
pub(super) struct Choices {
    bases: HashMap<(Kind, u8), Var>,
    next: Var,
    picks: Vec<Pick>,
    /// What a single trace assumes of each fact.
    defaults: HashMap<Var, bool>,
}

impl Choices {
    fn base(&mut self, kind: Kind, number: u8, bits: u32) -> Var {
        let next = &mut self.next;
        *self.bases.entry((kind, number)).or_insert_with(|| {
            if kind == Kind::Pick && number < PICKS_FIRST {
                return packet_end() + PICK_BITS * Var::from(number);
            }
            let base = packet_end() + first_picks() + *next;
            *next += bits;
            base
        })
    }

    /// How many variables there are.
    pub(super) fn count(&self) -> Var {
        first_picks() + self.next
    }

    /// The variables of one more tracking, and what can be said of them.
    pub(super) fn tracking(&mut self, asked: &mut Asked, sets: &mut Sets) -> (Var, Set) {
        let base = self.base(Kind::Tracking, asked.trackings, TRACKING_BITS.iter().sum());
        asked.trackings = asked.trackings.saturating_add(1);
        (base, possible(base, sets))
    }

    /// The variables of the state after one more tracking that adds to an earlier one.
    pub(super) fn sum(&mut self, asked: Asked) -> Var {
        self.base(Kind::Sum, asked.trackings, TRACKING_BITS[0])
    }

    /// The packets for which one of several is chosen.
    pub(super) fn pick(&mut self, number: u8, pick: Pick, sets: &mut Sets) -> Set {
        let base = self.base(Kind::Pick, number, PICK_BITS);
        let id = self.picks.iter().position(|known| *known == pick).unwrap_or_else(|| {
            self.picks.push(pick);
            self.picks.len() - 1
        });
        let bits = number_bits(base, KIND_BITS, LISTED);
        all_of(bits.chain(number_bits(base + KIND_BITS, NUMBER_BITS, id as u128)).collect(), sets)
    }

    /// The packets for which a backend is chosen. Its address and port are variables of their own, so that packets for
    /// which different ones are chosen stay together: see [`Self::backend_vars`].
    pub(super) fn backend(&mut self, number: u8, address: IpAddr, port: u16, sets: &mut Sets) -> Set {
        let base = self.base(Kind::Pick, number, PICK_BITS);
        let (kind, value, bits) = match address {
            IpAddr::V4(address) => (BACKEND_V4, u128::from(address.to_bits()), u32::BITS),
            IpAddr::V6(address) => (BACKEND_V6, address.to_bits(), u128::BITS),
        };
        let (address, of_port) = self.backend_vars(number, kind == BACKEND_V4);
        let bits = number_bits(base, KIND_BITS, kind).chain(number_bits(address, bits, value));
        all_of(bits.chain(number_bits(of_port, PORT_BITS, port.into())).collect(), sets)
    }

    /// The variables of a chosen backend's address and port, those of their highest bits.
    pub(super) fn backend_vars(&mut self, number: u8, is_v4: bool) -> (Var, Var) {
        let base = self.base(Kind::Pick, number, PICK_BITS);
        let port = base + KIND_BITS + NUMBER_BITS + ADDRESS_BITS;
        (port - if is_v4 { u32::BITS } else { ADDRESS_BITS }, port)
    }

    /// A bit that nothing in the packet's fields decides, and what a single trace takes it for.
    pub(super) fn fact(&mut self, asked: &mut Asked, default: bool) -> Bit {
        // The same place in the row with another default is another fact.
        let number = asked.facts.wrapping_mul(2) | u8::from(default);
        let base = self.base(Kind::Fact, number, 1);
        asked.facts = asked.facts.saturating_add(1);
        self.defaults.insert(base, default);
        Bit::Of(base)
    }

    /// The packets with what a single trace assumes of facts.
    pub(super) fn default_facts(&self, sets: &mut Sets) -> Set {
        all_of(self.defaults.iter().map(|(var, value)| (Bit::Of(*var), *value)).collect(), sets)
    }

    /// The packets of which each tracking finds nothing but a state: no mark, no label.
    pub(super) fn no_marks(&self, sets: &mut Sets) -> Set {
        let of = self.bases.iter().filter(|((kind, _), _)| *kind == Kind::Tracking);
        let bits = of.flat_map(|(_, base)| {
            (TRACKING_BITS[0]..TRACKING_BITS.iter().sum()).map(move |i| (Bit::Of(base + i), false))
        });
        all_of(bits.collect(), sets)
    }

    /// The packets whose trackings find what a single trace assumes.
    pub(super) fn default_states(&self, sets: &mut Sets) -> Set {
        const TRACKED_ESTABLISHED: u8 = 0x22;
        let of = self.bases.iter().filter(|((kind, _), _)| *kind == Kind::Tracking);
        let bits = of.flat_map(|(_, base)| {
            (0..8).map(move |i| (Bit::Of(base + 7 - i), TRACKED_ESTABLISHED >> i & 1 == 1))
        });
        all_of(bits.collect(), sets)
    }

    /// What each tracking finds in an example, as `ct_state`.
    pub(super) fn states(&self, asked: Asked, bit: &dyn Fn(Var) -> bool) -> Vec<u8> {
        let base = |n| self.bases.get(&(Kind::Tracking, n)).copied();
        let number = |base: Var| (0..8).fold(0, |sum, i| sum << 1 | u8::from(bit(base + i)));
        (0..asked.trackings).filter_map(base).map(number).collect()
    }

    /// Which ones were chosen in an example.
    pub(super) fn picked(&self, asked: Asked, bit: &dyn Fn(Var) -> bool) -> Vec<Pick> {
        let base = |n| self.bases.get(&(Kind::Pick, n)).copied();
        let number = |base: Var, bits: u32| {
            (base..base + bits).fold(0u128, |sum, var| sum << 1 | u128::from(bit(var)))
        };
        let pick = |base: Var| {
            let of_port = base + KIND_BITS + NUMBER_BITS + ADDRESS_BITS;
            let port = number(of_port, PORT_BITS) as u16;
            match number(base, KIND_BITS) {
                BACKEND_V4 => {
                    let address = number(of_port - u32::BITS, u32::BITS) as u32;
                    Some(Pick::Backend(Ipv4Addr::from_bits(address).into(), port))
                }
                BACKEND_V6 => {
                    let address = number(of_port - ADDRESS_BITS, ADDRESS_BITS);
                    Some(Pick::Backend(Ipv6Addr::from_bits(address).into(), port))
                }
                _ => self.picks.get(number(base + KIND_BITS, NUMBER_BITS) as usize).copied(),
            }
        };
        (0..asked.picks).filter_map(base).filter_map(pick).collect()
    }
}

/// The bits of a number in the variables from `base`, that of the highest one, on.
fn number_bits(base: Var, bits: u32, value: u128) -> impl Iterator<Item = (Bit, bool)> {
    (0..bits).map(move |i| (Bit::Of(base + bits - 1 - i), value >> i & 1 == 1))
}

/// The variables of the first choices.
fn first_picks() -> Var {
    PICK_BITS * Var::from(PICKS_FIRST)
}

/// What tracking can say: it says that it has tracked; what is invalid is nothing else; a connection that is new is not
/// established, has no replies, and nothing was written to it.
fn possible(base: Var, sets: &mut Sets) -> Set {
    let bit = |mask: u8| base + 7 - mask.trailing_zeros();
    let tracked = sets.bit(bit(0x20), true);
    let valid = sets.bit(bit(0x10), false);
    let nothing_else: Vec<(Var, bool)> =
        [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01].map(|mask| (bit(mask), mask & 0x30 != 0)).to_vec();
    let invalid = sets.cube(&nothing_else);
    let not_new = sets.bit(bit(0x01), false);
    let mut unwritten = vec![(bit(0x08), false), (bit(0x02), false), (bit(0x01), true)];
    unwritten.extend((TRACKING_BITS[0]..TRACKING_BITS.iter().sum()).map(|i| (base + i, false)));
    let new = sets.cube(&unwritten);
    let either = sets.or(not_new, new);
    let valid = sets.and(valid, either);
    let any = sets.or(valid, invalid);
    sets.and(any, tracked)
}
