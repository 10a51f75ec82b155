//! `learn`: NXAST_LEARN and NXAST_LEARN2.
//!
//! After the fixed part come specifications: a header of 16 bits (number of bits 10, destination 2 bits at 11, source
//! 1 bit at 13), the source, the destination. A zero header or the end of the action ends them.

use super::super::octets::{Put, Reader, Result};
use super::super::oxm::{self, HeaderStyle};
use super::standard::writable;
use crate::{ErrorCode, Learn, LearnDst, LearnSpec, LearnSrc, Subfield};

const SEND_FLOW_REMOVED: u16 = 1;
const DELETE_LEARNED: u16 = 2;
const WRITE_RESULT: u16 = 4;

const N_BITS: u16 = 0x3ff;
const IMMEDIATE: u16 = 1 << 13;
const DST_MASK: u16 = 3 << 11;
const DST_MATCH: u16 = 0;
const DST_LOAD: u16 = 1 << 11;
const DST_OUTPUT: u16 = 2 << 11;

pub(super) fn read(r: &mut Reader<'_>, second_form: bool) -> Result<Learn> {
    let start = r.clone();
    let (idle_timeout, hard_timeout, priority) = (r.u16()?, r.u16()?, r.u16()?);
    let (cookie, flags, table) = (r.u64()?, r.u16()?, r.u8()?);
    r.skip(1)?;
    let (fin_idle_timeout, fin_hard_timeout) = (r.u16()?, r.u16()?);
    let (mut limit, mut result) = (0, None);
    let known = if second_form { 7 } else { 3 };
    if flags & !known != 0 || table == 255 {
        return Err(start.bad(ErrorCode::BAD_ARGUMENT, "known flags and a table"));
    }
    if second_form {
        limit = r.u32()?;
        let offset = r.u16()?;
        r.skip(2)?;
        if flags & WRITE_RESULT != 0 {
            let field = oxm::read_field(r)?;
            result = Some(writable(&start, oxm::subfield(&start, field, offset, 1)?)?);
        }
    }
    let mut specs = Vec::new();
    while r.len() >= 2 {
        let header = r.u16()?;
        if header == 0 {
            break;
        }
        specs.push(read_spec(r, header)?);
    }
    r.zeros(r.len())?;
    Ok(Learn {
        table,
        priority,
        cookie,
        idle_timeout,
        hard_timeout,
        fin_idle_timeout,
        fin_hard_timeout,
        send_flow_removed: flags & SEND_FLOW_REMOVED != 0,
        delete_learned: flags & DELETE_LEARNED != 0,
        limit,
        result,
        specs,
    })
}

fn read_spec(r: &mut Reader<'_>, header: u16) -> Result<LearnSpec> {
    let start = r.clone();
    let bits = header & N_BITS;
    if bits == 0 || header >> 14 != 0 || header & 1 << 10 != 0 {
        return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a specification of at least one bit"));
    }
    let src = if header & IMMEDIATE != 0 {
        let octets = usize::from(bits.div_ceil(16)) * 2;
        let raw = r.take(octets)?;
        let (high, low) = raw.split_at(octets.saturating_sub(16));
        if bits > 128 && high.iter().any(|&b| b != 0) {
            return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a value of at most 128 bits"));
        }
        LearnSrc::Immediate(low.iter().fold(0, |n, &b| n << 8 | u128::from(b)) & crate::field::low_bits(bits))
    } else {
        LearnSrc::Field(read_bits(r, bits)?)
    };
    let dst = match header & DST_MASK {
        DST_MATCH => LearnDst::Match(read_bits(r, bits)?),
        DST_LOAD => LearnDst::Load(writable(&start, read_bits(r, bits)?)?),
        DST_OUTPUT => LearnDst::Output,
        _ => return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a known destination")),
    };
    Ok(LearnSpec { bits, src, dst })
}

fn read_bits(r: &mut Reader<'_>, bits: u16) -> Result<Subfield> {
    let start = r.clone();
    let field = oxm::read_field(r)?;
    let offset = r.u16()?;
    oxm::subfield(&start, field, offset, bits)
}

/// Only the second form has a limit and a result.
pub(super) const fn needs_second_form(learn: &Learn) -> bool {
    learn.limit != 0 || learn.result.is_some()
}

pub(super) fn put(out: &mut Vec<u8>, style: HeaderStyle, learn: &Learn) {
    out.put_u16(learn.idle_timeout);
    out.put_u16(learn.hard_timeout);
    out.put_u16(learn.priority);
    out.put_u64(learn.cookie);
    out.put_u16(
        (u16::from(learn.send_flow_removed) * SEND_FLOW_REMOVED)
            | (u16::from(learn.delete_learned) * DELETE_LEARNED)
            | (u16::from(learn.result.is_some()) * WRITE_RESULT),
    );
    out.put_u8(learn.table);
    out.zeros(1);
    out.put_u16(learn.fin_idle_timeout);
    out.put_u16(learn.fin_hard_timeout);
    if needs_second_form(learn) {
        out.put_u32(learn.limit);
        out.put_u16(learn.result.map_or(0, |bit| bit.offset));
        out.zeros(2);
        if let Some(bit) = learn.result {
            oxm::put_field(out, style, bit.field);
        }
    }
    for spec in &learn.specs {
        put_spec(out, spec);
    }
}

fn put_spec(out: &mut Vec<u8>, spec: &LearnSpec) {
    let src = if matches!(spec.src, LearnSrc::Immediate(_)) { IMMEDIATE } else { 0 };
    let dst = match spec.dst {
        LearnDst::Match(_) => DST_MATCH,
        LearnDst::Load(_) => DST_LOAD,
        LearnDst::Output => DST_OUTPUT,
    };
    out.put_u16(spec.bits & N_BITS | src | dst);
    let bits = |out: &mut Vec<u8>, bits: Subfield| {
        oxm::put_field(out, HeaderStyle::Nxm, bits.field);
        out.put_u16(bits.offset);
    };
    match spec.src {
        LearnSrc::Field(src) => bits(out, src),
        LearnSrc::Immediate(value) => oxm::put_value(out, value, usize::from(spec.bits.div_ceil(16)) * 2),
    }
    match spec.dst {
        LearnDst::Match(dst) | LearnDst::Load(dst) => bits(out, dst),
        LearnDst::Output => {}
    }
}
