//! Fields of many packets at once: what each bit is in terms of the packet that came in.

use super::sets::{Set, Sets, Var};
use openflow::Field;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// The fields of a packet as it comes in, in the order of their variables: first what decides which others there are.
const PACKET: &[Field] = &[
    Field::Reg(14),
    Field::EthType,
    Field::IpProto,
    Field::IpFrag,
    Field::Icmp4Type,
    Field::Icmp4Code,
    Field::Icmp6Type,
    Field::Icmp6Code,
    Field::VlanTci,
    Field::EthDst,
    Field::EthSrc,
    Field::Ipv4Dst,
    Field::Ipv4Src,
    Field::TcpDst,
    Field::UdpDst,
    Field::SctpDst,
    Field::TcpSrc,
    Field::UdpSrc,
    Field::SctpSrc,
    Field::TcpFlags,
    Field::IpTtl,
    Field::IpDscp,
    Field::IpEcn,
    Field::ArpOp,
    Field::ArpTpa,
    Field::ArpSpa,
    Field::ArpSha,
    Field::ArpTha,
    Field::Ipv6Dst,
    Field::Ipv6Src,
    Field::Ipv6Label,
    Field::NdTarget,
    Field::NdSll,
    Field::NdTll,
    Field::PktMark,
];

/// The first variables say on which datapath the packet comes in, by its place in a list.
pub(super) const ORIGIN_BITS: u16 = 16;

/// The first variable after those of the packet.
pub(super) fn packet_end() -> Var {
    PACKET.iter().fold(Var::from(ORIGIN_BITS), |sum, field| sum + Var::from(field.bits()))
}

/// The fields of a packet that comes in, with their first variable, that of the highest bit.
pub(super) fn packet_fields() -> impl Iterator<Item = (Field, Var)> {
    PACKET.iter().scan(Var::from(ORIGIN_BITS), |next, &field| {
        let base = *next;
        *next += Var::from(field.bits());
        Some((field, base))
    })
}

/// Where a field has its variables.
pub(super) fn base(field: Field) -> Option<Var> {
    packet_fields().find(|(known, _)| *known == field).map(|(_, base)| base)
}

/// One bit of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bit {
    Known(bool),
    Of(Var),
}

/// What is in a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Constant(u128),
    /// As many variables as it has bits, from this one, that of the highest bit.
    Run(Var),
    /// Bit by bit, the lowest first.
    Bits(Rc<[Bit]>),
    /// The hops that the packet came in with, less some.
    Hops(u8),
}

/// The fields, by their narrow names. Those that are not there are as they came in, and zero if they are none of a
/// packet's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Values(BTreeMap<Field, Value>);

/// The narrow fields that some bits of a field lie in: field, lowest bit, number of bits; the lowest ones first.
pub(super) fn pieces(field: Field, low: u16, bits: u16) -> Vec<(Field, u16, u16)> {
    let registers: Vec<Field> = match field {
        Field::XReg(n) => vec![Field::Reg(2 * n + 1), Field::Reg(2 * n)],
        Field::XXReg(n) => (0..4).rev().map(|i| Field::Reg(4 * n + i)).collect(),
        narrow => return vec![(narrow, low, bits)],
    };
    let (from, to) = (low, low + bits);
    let piece = |(i, register): (u16, Field)| {
        let (start, end) = (from.max(32 * i), to.min(32 * i + 32));
        (start < end).then(|| (register, start - 32 * i, end - start))
    };
    (0..).zip(registers).filter_map(piece).collect()
}

impl Values {
    /// A narrow field.
    pub(super) fn get(&self, field: Field) -> Value {
        match self.0.get(&field) {
            Some(value) => value.clone(),
            None => untouched(field),
        }
    }

    /// The value of a narrow field if it is the same in all packets.
    pub(super) fn constant(&self, field: Field) -> Option<u128> {
        match self.get(field) {
            Value::Constant(value) => Some(value),
            Value::Run(_) | Value::Bits(_) | Value::Hops(_) => None,
        }
    }

    /// Sets a narrow field.
    pub(super) fn set(&mut self, field: Field, value: Value) {
        if value == untouched(field) {
            self.0.remove(&field);
        } else {
            self.0.insert(field, value);
        }
    }

    /// Sets a field to a number.
    pub(super) fn set_constant(&mut self, field: Field, value: u128) {
        for (piece, offset) in pieces(field, 0, field.bits()).into_iter().scan(0, |next, (piece, _, bits)| {
            *next += bits;
            Some((piece, *next - bits))
        }) {
            self.set(piece, Value::Constant(value >> offset & piece.full_mask()));
        }
    }

    /// Some bits of a field, the lowest first. Nothing if they are no bits of the packet that came in.
    pub(super) fn bits(&self, field: Field, low: u16, bits: u16) -> Option<Vec<Bit>> {
        let mut all = Vec::new();
        for (piece, low, bits) in pieces(field, low, bits) {
            let value = self.get(piece);
            for i in low..low + bits {
                all.push(match &value {
                    Value::Constant(value) => Bit::Known(value >> i & 1 == 1),
                    Value::Run(base) => Bit::Of(base + Var::from(piece.bits() - 1 - i)),
                    Value::Bits(list) => list[usize::from(i)],
                    Value::Hops(_) => return None,
                });
            }
        }
        Some(all)
    }

    /// Sets some bits of a field, the lowest first. What was counted before is lost only if all of it is.
    pub(super) fn set_bits(&mut self, field: Field, low: u16, bits: &[Bit]) {
        let mut rest = bits;
        for (piece, low, count) in pieces(field, low, bits.len() as u16) {
            let (these, others) = rest.split_at(usize::from(count));
            rest = others;
            let mut list = self.bits(piece, 0, piece.bits()).unwrap_or_else(|| vec![Bit::Known(false); 8]);
            list[usize::from(low)..usize::from(low + count)].copy_from_slice(these);
            self.set(piece, simplest(list));
        }
    }

    /// Makes some bits of a narrow field zero.
    pub(super) fn clear(&mut self, field: Field, mask: u128) {
        let Some(value) = self.0.get(&field) else { return };
        let value = match value {
            Value::Constant(value) => Value::Constant(value & !mask),
            Value::Run(_) | Value::Bits(_) => {
                let mut list = self.bits(field, 0, field.bits()).unwrap_or_default();
                for (i, bit) in list.iter_mut().enumerate().filter(|(i, _)| mask >> i & 1 == 1) {
                    let _ = i;
                    *bit = Bit::Known(false);
                }
                simplest(list)
            }
            Value::Hops(_) => return,
        };
        self.set(field, value);
    }

    /// Forgets all that is not part of a packet.
    pub(super) fn keep_visible(&mut self) {
        self.0.retain(|field, _| *field != Field::Reg(14) && base(*field).is_some());
    }

    /// The fields that are not as they came in, or not zero.
    pub(super) fn changed(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }
}

/// A field of a packet that nobody has touched.
fn untouched(field: Field) -> Value {
    match base(field) {
        Some(base) => Value::Run(base),
        None => Value::Constant(0),
    }
}

/// Bits, lowest first, in the form that equal values share.
fn simplest(bits: Vec<Bit>) -> Value {
    let number = bits.iter().rev().try_fold(0u128, |sum, bit| match bit {
        Bit::Known(value) => Some(sum << 1 | u128::from(*value)),
        Bit::Of(_) => None,
    });
    if let Some(number) = number {
        return Value::Constant(number);
    }
    if let Some(Bit::Of(base)) = bits.last() {
        let run = (0..).zip(bits.iter().rev()).all(|(i, bit)| *bit == Bit::Of(base + i));
        if run {
            return Value::Run(*base);
        }
    }
    Value::Bits(bits.into())
}

/// The bits that all packets of a set came in with.
pub(super) type Given = HashMap<Var, bool>;

/// The bits of a field that came in with a value.
pub(super) fn bits_of(field: Field, value: u128) -> impl Iterator<Item = (Var, bool)> {
    let bits = base(field).map(|base| {
        (0..field.bits()).map(move |i| (base + Var::from(field.bits() - 1 - i), value >> i & 1 == 1))
    });
    bits.into_iter().flatten()
}

/// Whether a narrow field has a value under a mask, where that is the same for all packets.
pub(super) fn known(field: Field, value: &Value, wanted: u128, mask: u128, given: &Given) -> Option<bool> {
    let bits = |of: &dyn Fn(u16) -> Bit| {
        let mut is_open = false;
        for i in (0..field.bits()).filter(|i| mask >> i & 1 == 1) {
            let bit = match of(i) {
                Bit::Known(bit) => Some(bit),
                Bit::Of(var) => given.get(&var).copied(),
            };
            match bit {
                Some(bit) if bit != (wanted >> i & 1 == 1) => return Some(false),
                Some(_) => {}
                None => is_open = true,
            }
        }
        (!is_open).then_some(true)
    };
    match value {
        Value::Constant(value) => Some(value & mask == wanted),
        Value::Bits(list) => bits(&|i| list[usize::from(i)]),
        Value::Run(_) if given.is_empty() && mask != 0 => None,
        Value::Run(base) => bits(&|i| Bit::Of(base + Var::from(field.bits() - 1 - i))),
        Value::Hops(_) => None,
    }
}

/// The packets whose narrow field has a value under a mask.
pub(super) fn equal(field: Field, value: &Value, wanted: u128, mask: u128, sets: &mut Sets) -> Set {
    let bits = |of: &dyn Fn(u16) -> Bit| {
        let wanted = (0..field.bits()).filter(|i| mask >> i & 1 == 1).map(|i| (of(i), wanted >> i & 1 == 1));
        wanted.collect::<Vec<_>>()
    };
    let bits = match value {
        Value::Constant(value) => return if value & mask == wanted { Set::ALL } else { Set::NONE },
        Value::Run(base) => bits(&|i| Bit::Of(base + Var::from(field.bits() - 1 - i))),
        Value::Bits(list) => bits(&|i| list[usize::from(i)]),
        Value::Hops(fewer) => return hops(*fewer, wanted, mask, sets),
    };
    all_of(bits, sets)
}

/// The packets whose bits have these values.
pub(super) fn all_of(bits: Vec<(Bit, bool)>, sets: &mut Sets) -> Set {
    let mut cube: Vec<(Var, bool)> = Vec::new();
    for (bit, wanted) in bits {
        match bit {
            Bit::Known(value) if value != wanted => return Set::NONE,
            Bit::Known(_) => {}
            Bit::Of(var) => cube.push((var, wanted)),
        }
    }
    cube.sort_unstable();
    cube.dedup();
    if cube.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Set::NONE;
    }
    sets.cube(&cube)
}

/// The packets that have come in with so many hops that what is left of them has a value under a mask.
fn hops(fewer: u8, wanted: u128, mask: u128, sets: &mut Sets) -> Set {
    let fits = |left: &u8| u128::from(*left) & mask == wanted;
    let came = (0..=u8::MAX - fewer).filter(fits).map(|left| left + fewer);
    let came: Vec<Set> = came.map(|hops| hops_at_start(hops, sets)).collect();
    sets.or_all(came)
}

fn hops_at_start(hops: u8, sets: &mut Sets) -> Set {
    equal(Field::IpTtl, &untouched(Field::IpTtl), hops.into(), 0xff, sets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_fields_are_made_of_narrow_ones() {
        assert_eq!(pieces(Field::XXReg(0), 96, 32), [(Field::Reg(0), 0, 32)]);
        assert_eq!(pieces(Field::XXReg(1), 16, 32), [(Field::Reg(7), 16, 16), (Field::Reg(6), 0, 16)]);
        assert_eq!(pieces(Field::XReg(4), 0, 64), [(Field::Reg(9), 0, 32), (Field::Reg(8), 0, 32)]);
        assert_eq!(pieces(Field::EthSrc, 40, 1), [(Field::EthSrc, 40, 1)]);
    }

    #[test]
    fn what_is_moved_there_and_back_is_as_it_came() {
        let mut values = Values::default();
        let address = values.bits(Field::Ipv4Dst, 0, 32).expect("bits");
        values.set_bits(Field::XXReg(0), 96, &address);
        assert_eq!(values.get(Field::Reg(0)), Value::Run(base(Field::Ipv4Dst).expect("a field of packets")));
        values.set_constant(Field::Ipv4Dst, 7);
        assert_eq!(values.constant(Field::Ipv4Dst), Some(7));
        let back = values.bits(Field::Reg(0), 0, 32).expect("bits");
        values.set_bits(Field::Ipv4Dst, 0, &back);
        values.clear(Field::Reg(0), u128::MAX);
        assert_eq!(values, Values::default());
    }

    #[test]
    fn hops_are_counted_from_the_start() {
        let mut sets = Sets::default();
        let one_left = equal(Field::IpTtl, &Value::Hops(2), 1, 0xff, &mut sets);
        assert_eq!(one_left, hops_at_start(3, &mut sets));
        let none = equal(Field::IpTtl, &Value::Hops(2), 0xff, 0xff, &mut sets);
        assert_eq!(none, Set::NONE);
    }
}
