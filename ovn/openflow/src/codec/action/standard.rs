//! The actions of OpenFlow 1.3 to 1.5. Sections 7.2.5 (1.3.5) and 7.2.6 (1.5.1).

use super::super::octets::{Put, Reader, Result};
use super::super::oxm::{self, HeaderStyle};
use super::{Context, framed, framed_vendor};
use crate::{
    Action, ErrorCode, Field, GroupId, MatchField, MeterId, PortNo, SetField, Subfield, Version, vendor,
};

/// The ONF's number for `copy_field` before OpenFlow 1.5.
const ONF_COPY_FIELD: u16 = 3200;

pub(super) fn read(kind: u16, start: &Reader<'_>, r: &mut Reader<'_>, context: Context) -> Result<Action> {
    let action = match kind {
        0 => {
            let (port, max_len) = (PortNo(r.u32()?), r.u16()?);
            r.skip(6)?;
            Action::Output { port, max_len: if port == PortNo::CONTROLLER { max_len } else { 0 } }
        }
        15 => one_octet(r, |ttl| Action::set(Field::MplsTtl, ttl))?,
        16 => unit(r, Action::DecMplsTtl)?,
        17 => ethertype(r, Action::PushVlan)?,
        18 => unit(r, Action::PopVlan)?,
        19 => ethertype(r, Action::PushMpls)?,
        20 => ethertype(r, Action::PopMpls)?,
        21 => Action::SetQueue(r.u32()?),
        22 => Action::Group(GroupId(r.u32()?)),
        23 => one_octet(r, |ttl| Action::set(Field::IpTtl, ttl))?,
        24 => unit(r, Action::DecTtl { controllers: None })?,
        25 => return read_set_field(r),
        28 if context.version == Version::Of15 => {
            let copy = read_copy(r, 2)?;
            r.rest();
            return Ok(copy);
        }
        29 if context.version == Version::Of15 => Action::Meter(MeterId(r.u32()?)),
        _ => return Err(start.bad(ErrorCode::BAD_ACTION_TYPE, "a known action")),
    };
    r.end("an action of its exact length")?;
    Ok(action)
}

pub(super) fn read_onf(r: &mut Reader<'_>) -> Result<Action> {
    let start = r.clone();
    match r.u16()? {
        ONF_COPY_FIELD => {
            let copy = read_copy(r, 4)?;
            r.rest();
            Ok(copy)
        }
        _ => Err(start.bad(ErrorCode::BAD_ACTION_EXP_TYPE, "a known action of the ONF")),
    }
}

fn one_octet(r: &mut Reader<'_>, action: impl FnOnce(u8) -> Action) -> Result<Action> {
    let n = r.u8()?;
    r.skip(3)?;
    Ok(action(n))
}

fn unit(r: &mut Reader<'_>, action: Action) -> Result<Action> {
    r.skip(4)?;
    Ok(action)
}

fn ethertype(r: &mut Reader<'_>, action: impl FnOnce(u16) -> Action) -> Result<Action> {
    let n = r.u16()?;
    r.skip(2)?;
    Ok(action(n))
}

/// An entry as an action: what it sets must be there and be writable.
pub(super) fn read_set_field(r: &mut Reader<'_>) -> Result<Action> {
    let start = r.clone();
    let entry = oxm::read_entry(r)?.ok_or_else(|| start.bad(ErrorCode::BAD_SET_TYPE, "a known field"))?;
    let MatchField { field, value, mask } = entry;
    if field.access() == crate::Access::ReadOnly {
        return Err(start.bad(ErrorCode::BAD_SET_ARGUMENT, "a field that can be written"));
    }
    r.zeros(r.len())?;
    Ok(Action::SetField(SetField { field, value, mask }))
}

fn read_copy(r: &mut Reader<'_>, pad: usize) -> Result<Action> {
    let start = r.clone();
    let (bits, src_offset, dst_offset) = (r.u16()?, r.u16()?, r.u16()?);
    r.skip(pad)?;
    copy_between(&start, r, bits, src_offset, dst_offset)
}

/// The two headers at the end of a copy.
pub(super) fn copy_between(
    start: &Reader<'_>,
    r: &mut Reader<'_>,
    bits: u16,
    src: u16,
    dst: u16,
) -> Result<Action> {
    let (src_field, dst_field) = (oxm::read_field(r)?, oxm::read_field(r)?);
    let src = oxm::subfield(start, src_field, src, bits)?;
    let dst = writable(start, oxm::subfield(start, dst_field, dst, bits)?)?;
    Ok(Action::CopyField { src, dst })
}

/// Refuses to write what cannot be written.
pub(super) fn writable(r: &Reader<'_>, dst: Subfield) -> Result<Subfield> {
    match dst.field.access() {
        crate::Access::ReadWrite => Ok(dst),
        crate::Access::ReadOnly => Err(r.bad(ErrorCode::BAD_SET_ARGUMENT, "a field that can be written")),
    }
}

/// Writes the action if this version of the standard has it.
pub(super) fn put(out: &mut Vec<u8>, version: Version, action: &Action) -> bool {
    match action {
        Action::Output { port, max_len } => framed(out, 0, |o| {
            o.put_u32(port.0);
            o.put_u16(*max_len);
        }),
        Action::DecMplsTtl => framed(out, 16, |_| {}),
        Action::PushVlan(ethertype) => framed(out, 17, |o| o.put_u16(*ethertype)),
        Action::PopVlan => framed(out, 18, |_| {}),
        Action::PushMpls(ethertype) => framed(out, 19, |o| o.put_u16(*ethertype)),
        Action::PopMpls(ethertype) => framed(out, 20, |o| o.put_u16(*ethertype)),
        Action::SetQueue(queue) => framed(out, 21, |o| o.put_u32(*queue)),
        Action::Group(group) => framed(out, 22, |o| o.put_u32(group.0)),
        Action::DecTtl { controllers: None } => framed(out, 24, |_| {}),
        Action::SetField(set) if set.is_whole() || version == Version::Of15 => {
            put_set_field(out, version, *set)
        }
        Action::CopyField { src, dst } => put_copy(out, version, *src, *dst),
        Action::Meter(meter) if version == Version::Of15 => framed(out, 29, |o| o.put_u32(meter.0)),
        _ => return false,
    }
    true
}

fn put_set_field(out: &mut Vec<u8>, version: Version, set: SetField) {
    let SetField { field, value, mask } = set;
    framed(out, 25, |o| oxm::put_entry(o, HeaderStyle::of(version), MatchField { field, value, mask }));
}

fn put_copy(out: &mut Vec<u8>, version: Version, src: Subfield, dst: Subfield) {
    let body = |o: &mut Vec<u8>, pad: usize| {
        o.put_u16(src.bits);
        o.put_u16(src.offset);
        o.put_u16(dst.offset);
        o.zeros(pad);
        oxm::put_field(o, HeaderStyle::of(version), src.field);
        oxm::put_field(o, HeaderStyle::of(version), dst.field);
    };
    match version {
        Version::Of15 => framed(out, 28, |o| body(o, 2)),
        Version::Of10 | Version::Of13 | Version::Of14 => {
            framed_vendor(out, vendor::ONF, ONF_COPY_FIELD, |o| body(o, 4));
        }
    }
}
