//! Nicira's actions: vendor 0x2320, a subtype of 16 bits, body. Understood in every version of OpenFlow.

use super::super::octets::{Put, Reader, Result};
use super::super::oxm::{self, HeaderStyle};
use super::standard::{copy_between, read_set_field, writable};
use super::{Context, Item, controller, ct, framed_vendor, learn, put_actions, read_actions, sample};
use crate::{
    Action, Bundle, BundleAlgorithm, Conjunction, ErrorCode, Field, GroupId, HashFields, MatchField,
    Multipath, MultipathAlgorithm, PortNo, SetField, Subfield, Version, vendor,
};

/// Nicira's number of each action.
mod subtype {
    pub(super) const RESUBMIT: u16 = 1;
    pub(super) const SET_TUNNEL: u16 = 2;
    pub(super) const SET_QUEUE: u16 = 4;
    pub(super) const POP_QUEUE: u16 = 5;
    pub(super) const REG_MOVE: u16 = 6;
    pub(super) const REG_LOAD: u16 = 7;
    pub(super) const NOTE: u16 = 8;
    pub(super) const SET_TUNNEL64: u16 = 9;
    pub(super) const MULTIPATH: u16 = 10;
    pub(super) const BUNDLE: u16 = 12;
    pub(super) const BUNDLE_LOAD: u16 = 13;
    pub(super) const RESUBMIT_TABLE: u16 = 14;
    pub(super) const OUTPUT_REG: u16 = 15;
    pub(super) const LEARN: u16 = 16;
    pub(super) const EXIT: u16 = 17;
    pub(super) const DEC_TTL: u16 = 18;
    pub(super) const FIN_TIMEOUT: u16 = 19;
    pub(super) const CONTROLLER: u16 = 20;
    pub(super) const DEC_TTL_CNT_IDS: u16 = 21;
    pub(super) const WRITE_METADATA: u16 = 22;
    pub(super) const PUSH_MPLS: u16 = 23;
    pub(super) const POP_MPLS: u16 = 24;
    pub(super) const SET_MPLS_TTL: u16 = 25;
    pub(super) const DEC_MPLS_TTL: u16 = 26;
    pub(super) const STACK_PUSH: u16 = 27;
    pub(super) const STACK_POP: u16 = 28;
    pub(super) const SAMPLE: u16 = 29;
    pub(super) const SET_MPLS_LABEL: u16 = 30;
    pub(super) const SET_MPLS_TC: u16 = 31;
    pub(super) const OUTPUT_REG2: u16 = 32;
    pub(super) const REG_LOAD2: u16 = 33;
    pub(super) const CONJUNCTION: u16 = 34;
    pub(super) const CT: u16 = 35;
    pub(super) const NAT: u16 = 36;
    pub(super) const CONTROLLER2: u16 = 37;
    pub(super) const SAMPLE2: u16 = 38;
    pub(super) const OUTPUT_TRUNC: u16 = 39;
    pub(super) const GROUP: u16 = 40;
    pub(super) const SAMPLE3: u16 = 41;
    pub(super) const CLONE: u16 = 42;
    pub(super) const CT_CLEAR: u16 = 43;
    pub(super) const RESUBMIT_TABLE_CT: u16 = 44;
    pub(super) const LEARN2: u16 = 45;
    pub(super) const CHECK_PKT_LARGER: u16 = 49;
    pub(super) const DELETE_FIELD: u16 = 50;
    pub(super) const SAMPLE4: u16 = 51;
}

/// Numbers in actions that mean "the present table".
const PRESENT_TABLE: u8 = 255;

pub(super) fn read(r: &mut Reader<'_>, context: Context) -> Result<Item> {
    let start = r.clone();
    let action = match r.u16()? {
        subtype::WRITE_METADATA => {
            r.zeros(6)?;
            return Ok(Item::WriteMetadata { value: r.u64()?, mask: r.u64()? });
        }
        subtype::CT => Action::Ct(Box::new(ct::read(r, context)?)),
        subtype::NAT => Action::Nat(ct::read_nat(r)?),
        subtype::CLONE => {
            r.skip(6)?;
            Action::Clone(read_actions(r, context.nested(&start)?)?)
        }
        subtype::CONTROLLER => controller::read_v1(r)?,
        subtype::CONTROLLER2 => Action::Controller(controller::read(r)?),
        subtype::LEARN => Action::Learn(Box::new(learn::read(r, false)?)),
        subtype::LEARN2 => Action::Learn(Box::new(learn::read(r, true)?)),
        subtype::SAMPLE => Action::Sample(sample::read(r, crate::SampleForm::V1)?),
        subtype::SAMPLE2 => Action::Sample(sample::read(r, crate::SampleForm::V2)?),
        subtype::SAMPLE3 => Action::Sample(sample::read(r, crate::SampleForm::V3)?),
        subtype::SAMPLE4 => Action::Sample(sample::read(r, crate::SampleForm::V4)?),
        subtype::NOTE => Action::Note(r.rest().to_vec()),
        n @ (subtype::BUNDLE | subtype::BUNDLE_LOAD) => read_bundle(r, n == subtype::BUNDLE_LOAD)?,
        n => match read_small(n, &start, r)? {
            Some(action) => action,
            None => read_field_action(n, &start, r)?,
        },
    };
    Ok(Item::Action(action))
}

/// Actions of numbers alone.
fn read_small(subtype: u16, start: &Reader<'_>, r: &mut Reader<'_>) -> Result<Option<Action>> {
    let action = match subtype {
        subtype::RESUBMIT => Action::Resubmit { in_port: in_port(r.u16()?), table: None, with_ct: false },
        n @ (subtype::RESUBMIT_TABLE | subtype::RESUBMIT_TABLE_CT) => {
            let in_port = in_port(r.u16()?);
            let table = Some(r.u8()?).filter(|&t| t != PRESENT_TABLE);
            r.zeros(3)?;
            Action::Resubmit { in_port, table, with_ct: n == subtype::RESUBMIT_TABLE_CT }
        }
        subtype::SET_QUEUE => Action::SetQueue(after(r, 2)?.u32()?),
        subtype::POP_QUEUE => Action::PopQueue,
        subtype::OUTPUT_TRUNC => Action::OutputTrunc { port: PortNo::from_u16(r.u16()?), max_len: r.u32()? },
        subtype::EXIT => Action::Exit,
        subtype::DEC_TTL => Action::DecTtl { controllers: None },
        subtype::DEC_TTL_CNT_IDS => read_dec_ttl(r)?,
        subtype::FIN_TIMEOUT => Action::FinTimeout { idle: r.u16()?, hard: r.u16()? },
        subtype::PUSH_MPLS => Action::PushMpls(r.u16()?),
        subtype::POP_MPLS => Action::PopMpls(r.u16()?),
        subtype::SET_MPLS_TTL => Action::set(Field::MplsTtl, r.u8()?),
        subtype::DEC_MPLS_TTL => Action::DecMplsTtl,
        subtype::SET_MPLS_LABEL => Action::set(Field::MplsLabel, after(r, 2)?.u32()?),
        subtype::SET_MPLS_TC => Action::set(Field::MplsTc, r.u8()?),
        subtype::GROUP => Action::Group(GroupId(after(r, 2)?.u32()?)),
        subtype::CT_CLEAR => Action::CtClear,
        subtype::CONJUNCTION => {
            let (clause, n_clauses, id) = (r.u8()?, r.u8()?, r.u32()?);
            if !(2..=64).contains(&n_clauses) || clause >= n_clauses {
                return Err(start.bad(ErrorCode::BAD_ARGUMENT, "one of 2 to 64 clauses"));
            }
            Action::Conjunction(Conjunction { id, clause, n_clauses })
        }
        subtype::SET_TUNNEL => Action::set(Field::TunId, after(r, 2)?.u32()?),
        subtype::SET_TUNNEL64 => Action::set(Field::TunId, after(r, 6)?.u64()?),
        _ => return Ok(None),
    };
    r.rest();
    Ok(Some(action))
}

/// Actions that name fields.
fn read_field_action(subtype: u16, start: &Reader<'_>, r: &mut Reader<'_>) -> Result<Action> {
    let action = match subtype {
        subtype::REG_MOVE => {
            let (bits, src, dst) = (r.u16()?, r.u16()?, r.u16()?);
            copy_between(start, r, bits, src, dst)?
        }
        subtype::REG_LOAD => {
            let (offset, bits) = ofs_nbits(r.u16()?);
            let field = oxm::read_field(r)?;
            let dst = writable(start, oxm::subfield(start, field, offset, bits)?)?;
            let value = r.u64()?;
            if bits < 64 && value >> bits != 0 {
                return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a value within the bits"));
            }
            Action::set_bits(dst, value)
        }
        subtype::REG_LOAD2 => return read_set_field(r),
        subtype::OUTPUT_REG => {
            let (offset, bits) = ofs_nbits(r.u16()?);
            let field = oxm::read_field(r)?;
            Action::OutputReg { src: oxm::subfield(start, field, offset, bits)?, max_len: r.u16()? }
        }
        subtype::OUTPUT_REG2 => {
            let (offset, bits) = ofs_nbits(r.u16()?);
            let max_len = r.u16()?;
            let field = oxm::read_field(r)?;
            Action::OutputReg { src: oxm::subfield(start, field, offset, bits)?, max_len }
        }
        n @ (subtype::STACK_PUSH | subtype::STACK_POP) => {
            let offset = r.u16()?;
            let field = oxm::read_field(r)?;
            let bits = oxm::subfield(start, field, offset, r.u16()?)?;
            if n == subtype::STACK_PUSH { Action::Push(bits) } else { Action::Pop(writable(start, bits)?) }
        }
        subtype::CHECK_PKT_LARGER => {
            let (length, offset) = (r.u16()?, r.u16()?);
            let field = oxm::read_field(r)?;
            Action::CheckPktLarger { length, dst: writable(start, oxm::subfield(start, field, offset, 1)?)? }
        }
        subtype::MULTIPATH => read_multipath(start, r)?,
        subtype::DELETE_FIELD => Action::DeleteField(oxm::read_field(r)?),
        _ => return Err(start.bad(ErrorCode::BAD_ACTION_EXP_TYPE, "a known action of Nicira")),
    };
    r.rest();
    Ok(action)
}

/// The cursor beyond some padding.
fn after<'r, 'a>(r: &'r mut Reader<'a>, n: usize) -> Result<&'r mut Reader<'a>> {
    r.skip(n)?;
    Ok(r)
}

fn in_port(n: u16) -> Option<PortNo> {
    Some(PortNo::from_u16(n)).filter(|&p| p != PortNo::IN_PORT)
}

/// A bit range in 16 bits: offset 10 bits, one less than the count 6 bits.
pub(super) const fn ofs_nbits(n: u16) -> (u16, u16) {
    (n >> 6, (n & 0x3f) + 1)
}

pub(super) const fn to_ofs_nbits(bits: Subfield) -> u16 {
    bits.offset << 6 | (bits.bits - 1) & 0x3f
}

fn read_dec_ttl(r: &mut Reader<'_>) -> Result<Action> {
    let n = r.u16()?;
    r.zeros(4)?;
    let ids = (0..n).map(|_| r.u16()).collect::<Result<Vec<_>>>()?;
    Ok(Action::DecTtl { controllers: Some(ids) })
}

fn read_hash_fields(start: &Reader<'_>, n: u16) -> Result<HashFields> {
    Ok(match n {
        0 => HashFields::EthSrc,
        1 => HashFields::SymmetricL4,
        2 => HashFields::SymmetricL3L4,
        3 => HashFields::SymmetricL3L4Udp,
        4 => HashFields::Ipv4Src,
        5 => HashFields::Ipv4Dst,
        6 => HashFields::SymmetricL3,
        _ => return Err(start.bad(ErrorCode::BAD_ARGUMENT, "known fields to hash")),
    })
}

fn read_bundle(r: &mut Reader<'_>, load: bool) -> Result<Action> {
    let start = r.clone();
    let algorithm = match r.u16()? {
        0 => BundleAlgorithm::ActiveBackup,
        1 => BundleAlgorithm::Hrw,
        _ => return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a known algorithm")),
    };
    let fields = read_hash_fields(&start, r.u16()?)?;
    let basis = r.u16()?;
    if oxm::read_field(r)? != Field::InPort16 {
        return Err(start.bad(ErrorCode::BAD_ARGUMENT, "members that are ports"));
    }
    let n = r.u16()?;
    let (offset, bits) = ofs_nbits(r.u16()?);
    let dst = if load {
        let field = oxm::read_field(r)?;
        Some(writable(&start, oxm::subfield(&start, field, offset, bits)?)?)
    } else {
        r.zeros(4)?;
        None
    };
    r.zeros(4)?;
    let members = (0..n).map(|_| Ok(PortNo::from_u16(r.u16()?))).collect::<Result<Vec<_>>>()?;
    r.rest();
    Ok(Action::Bundle(Box::new(Bundle { algorithm, fields, basis, members, dst })))
}

fn read_multipath(start: &Reader<'_>, r: &mut Reader<'_>) -> Result<Action> {
    let fields = read_hash_fields(start, r.u16()?)?;
    let basis = r.u16()?;
    r.skip(2)?;
    let algorithm = match r.u16()? {
        0 => MultipathAlgorithm::ModuloN,
        1 => MultipathAlgorithm::HashThreshold,
        2 => MultipathAlgorithm::Hrw,
        3 => MultipathAlgorithm::IterHash,
        _ => return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a known algorithm")),
    };
    let (max_link, arg) = (r.u16()?, r.u32()?);
    r.skip(2)?;
    let (offset, bits) = ofs_nbits(r.u16()?);
    let field = oxm::read_field(r)?;
    let dst = writable(start, oxm::subfield(start, field, offset, bits)?)?;
    Ok(Action::Multipath(Multipath { fields, basis, algorithm, max_link, arg, dst }))
}

/// Writes what the standard of this version could not say.
pub(super) fn put(out: &mut Vec<u8>, version: Version, action: &Action) {
    let nx = |out: &mut Vec<u8>, subtype: u16, body: &dyn Fn(&mut Vec<u8>)| {
        framed_vendor(out, vendor::NX, subtype, |o| body(o));
    };
    let style = HeaderStyle::of(version);
    match action {
        Action::Resubmit { in_port, table: None, with_ct: false } => nx(out, subtype::RESUBMIT, &|o| {
            o.put_u16(to_in_port(*in_port));
        }),
        Action::Resubmit { in_port, table, with_ct } => {
            let n = if *with_ct { subtype::RESUBMIT_TABLE_CT } else { subtype::RESUBMIT_TABLE };
            nx(out, n, &|o| {
                o.put_u16(to_in_port(*in_port));
                o.put_u8(table.unwrap_or(PRESENT_TABLE));
            });
        }
        Action::SetField(set) => put_set_field(out, style, *set),
        Action::CopyField { src, dst } => nx(out, subtype::REG_MOVE, &|o| {
            o.put_u16(src.bits);
            o.put_u16(src.offset);
            o.put_u16(dst.offset);
            oxm::put_field(o, style, src.field);
            oxm::put_field(o, style, dst.field);
        }),
        Action::Push(bits) => nx(out, subtype::STACK_PUSH, &|o| put_stack(o, *bits)),
        Action::Pop(bits) => nx(out, subtype::STACK_POP, &|o| put_stack(o, *bits)),
        Action::Ct(ct) => nx(out, subtype::CT, &|o| ct::put(o, version, ct)),
        Action::Nat(nat) => nx(out, subtype::NAT, &|o| ct::put_nat(o, nat)),
        Action::CtClear => nx(out, subtype::CT_CLEAR, &|_| {}),
        Action::Clone(actions) => nx(out, subtype::CLONE, &|o| {
            o.zeros(6);
            put_actions(o, version, actions);
        }),
        Action::Controller(c) => nx(out, subtype::CONTROLLER2, &|o| controller::put(o, c)),
        Action::Learn(l) => {
            let n = if learn::needs_second_form(l) { subtype::LEARN2 } else { subtype::LEARN };
            nx(out, n, &|o| learn::put(o, style, l));
        }
        Action::Sample(s) => nx(out, sample_subtype(s.form), &|o| sample::put(o, s)),
        Action::Bundle(b) => put_bundle(out, b),
        other => put_small(out, style, other),
    }
}

const fn sample_subtype(form: crate::SampleForm) -> u16 {
    match form {
        crate::SampleForm::V1 => subtype::SAMPLE,
        crate::SampleForm::V2 => subtype::SAMPLE2,
        crate::SampleForm::V3 => subtype::SAMPLE3,
        crate::SampleForm::V4 => subtype::SAMPLE4,
    }
}

fn put_small(out: &mut Vec<u8>, style: HeaderStyle, action: &Action) {
    let mut nx = |subtype: u16, body: &dyn Fn(&mut Vec<u8>)| {
        framed_vendor(out, vendor::NX, subtype, |o| body(o));
    };
    match action {
        Action::OutputTrunc { port, max_len } => nx(subtype::OUTPUT_TRUNC, &|o| {
            o.put_u16(port.to_u16().unwrap_or(0xffff));
            o.put_u32(*max_len);
        }),
        Action::OutputReg { src, max_len } => nx(subtype::OUTPUT_REG2, &|o| {
            o.put_u16(to_ofs_nbits(*src));
            o.put_u16(*max_len);
            oxm::put_field(o, HeaderStyle::Nxm, src.field);
        }),
        Action::DecTtl { controllers: Some(ids) } => nx(subtype::DEC_TTL_CNT_IDS, &|o| {
            o.put_u16(ids.len() as u16);
            o.zeros(4);
            ids.iter().for_each(|id| o.put_u16(*id));
        }),
        Action::Conjunction(c) => nx(subtype::CONJUNCTION, &|o| {
            o.put(&[c.clause, c.n_clauses]);
            o.put_u32(c.id);
        }),
        Action::CheckPktLarger { length, dst } => nx(subtype::CHECK_PKT_LARGER, &|o| {
            o.put_u16(*length);
            o.put_u16(dst.offset);
            oxm::put_field(o, HeaderStyle::Nxm, dst.field);
        }),
        Action::Multipath(m) => nx(subtype::MULTIPATH, &|o| put_multipath(o, m)),
        Action::Note(octets) => nx(subtype::NOTE, &|o| o.put(octets)),
        Action::FinTimeout { idle, hard } => nx(subtype::FIN_TIMEOUT, &|o| {
            o.put_u16(*idle);
            o.put_u16(*hard);
        }),
        Action::DeleteField(field) => nx(subtype::DELETE_FIELD, &|o| oxm::put_field(o, style, *field)),
        other => put_of10(out, other),
    }
}

/// What later versions of the standard have, and OpenFlow 1.0 only by way of Nicira; and the other way round.
fn put_of10(out: &mut Vec<u8>, action: &Action) {
    let mut nx = |subtype: u16, body: &dyn Fn(&mut Vec<u8>)| {
        framed_vendor(out, vendor::NX, subtype, |o| body(o));
    };
    match action {
        Action::SetQueue(queue) => nx(subtype::SET_QUEUE, &|o| {
            o.zeros(2);
            o.put_u32(*queue);
        }),
        Action::PopQueue => nx(subtype::POP_QUEUE, &|_| {}),
        Action::Group(group) => nx(subtype::GROUP, &|o| {
            o.zeros(2);
            o.put_u32(group.0);
        }),
        Action::PushMpls(ethertype) => nx(subtype::PUSH_MPLS, &|o| o.put_u16(*ethertype)),
        Action::PopMpls(ethertype) => nx(subtype::POP_MPLS, &|o| o.put_u16(*ethertype)),
        Action::DecMplsTtl => nx(subtype::DEC_MPLS_TTL, &|_| {}),
        Action::DecTtl { controllers: None } => nx(subtype::DEC_TTL, &|_| {}),
        Action::Exit => nx(subtype::EXIT, &|_| {}),
        Action::Enqueue { port, queue } => {
            // Later versions say it in three steps.
            let steps = [Action::SetQueue(*queue), Action::output(*port), Action::PopQueue];
            put_actions(out, Version::Of13, &steps);
        }
        // OpenFlow 1.0 to 1.4 have no such action; as an instruction it is written by who writes instructions.
        Action::Meter(_) => {}
        // OpenFlow 1.0 has no tag to push: setting its fields makes one.
        Action::PushVlan(_) => {}
        other => unreachable!("{other:?} is written by the standard or by `put`"),
    }
}

fn to_in_port(port: Option<PortNo>) -> u16 {
    port.unwrap_or(PortNo::IN_PORT).to_u16().unwrap_or(0xffff)
}

/// Bits that are one run of at most 64 go as `reg_load`, others as `reg_load2`.
fn put_set_field(out: &mut Vec<u8>, style: HeaderStyle, set: SetField) {
    let SetField { field, value, mask } = set;
    let offset = mask.trailing_zeros() as u16;
    let run = mask >> (offset.min(127));
    let bits = run.count_ones() as u16;
    if run & (run.wrapping_add(1)) == 0 && (1..=64).contains(&bits) && !matches!(field, Field::TunMetadata(_))
    {
        framed_vendor(out, vendor::NX, subtype::REG_LOAD, |o| {
            o.put_u16(to_ofs_nbits(Subfield { field, offset, bits }));
            oxm::put_field(o, style, field);
            o.put_u64((value >> offset) as u64);
        });
    } else {
        framed_vendor(out, vendor::NX, subtype::REG_LOAD2, |o| {
            oxm::put_entry(o, style, MatchField { field, value, mask });
        });
    }
}

fn put_stack(out: &mut Vec<u8>, bits: Subfield) {
    out.put_u16(bits.offset);
    oxm::put_field(out, HeaderStyle::Nxm, bits.field);
    out.put_u16(bits.bits);
}

const fn hash_fields_number(fields: HashFields) -> u16 {
    match fields {
        HashFields::EthSrc => 0,
        HashFields::SymmetricL4 => 1,
        HashFields::SymmetricL3L4 => 2,
        HashFields::SymmetricL3L4Udp => 3,
        HashFields::Ipv4Src => 4,
        HashFields::Ipv4Dst => 5,
        HashFields::SymmetricL3 => 6,
    }
}

fn put_bundle(out: &mut Vec<u8>, b: &Bundle) {
    let subtype = if b.dst.is_some() { subtype::BUNDLE_LOAD } else { subtype::BUNDLE };
    framed_vendor(out, vendor::NX, subtype, |o| {
        o.put_u16(match b.algorithm {
            BundleAlgorithm::ActiveBackup => 0,
            BundleAlgorithm::Hrw => 1,
        });
        o.put_u16(hash_fields_number(b.fields));
        o.put_u16(b.basis);
        oxm::put_field(o, HeaderStyle::Nxm, Field::InPort16);
        o.put_u16(b.members.len() as u16);
        o.put_u16(b.dst.map_or(0, to_ofs_nbits));
        match b.dst {
            Some(dst) => oxm::put_field(o, HeaderStyle::Nxm, dst.field),
            None => o.zeros(4),
        }
        o.zeros(4);
        b.members.iter().for_each(|m| o.put_u16(m.to_u16().unwrap_or(0xffff)));
    });
}

fn put_multipath(o: &mut Vec<u8>, m: &Multipath) {
    o.put_u16(hash_fields_number(m.fields));
    o.put_u16(m.basis);
    o.zeros(2);
    o.put_u16(match m.algorithm {
        MultipathAlgorithm::ModuloN => 0,
        MultipathAlgorithm::HashThreshold => 1,
        MultipathAlgorithm::Hrw => 2,
        MultipathAlgorithm::IterHash => 3,
    });
    o.put_u16(m.max_link);
    o.put_u32(m.arg);
    o.zeros(2);
    o.put_u16(to_ofs_nbits(m.dst));
    oxm::put_field(o, HeaderStyle::Nxm, m.dst.field);
}
