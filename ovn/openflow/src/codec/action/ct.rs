//! `ct` and `nat`: NXAST_CT and NXAST_NAT.

use super::super::octets::{Put, Reader, Result};
use super::super::oxm::{self, HeaderStyle};
use super::nicira::{ofs_nbits, to_ofs_nbits};
use super::{Context, put_actions, read_actions};
use crate::{Action, Ct, ErrorCode, Field, Nat, NatKind, NatRange, NatSpread, Version, ZoneSource};
use std::net::{Ipv4Addr, Ipv6Addr};

const COMMIT: u16 = 1;
const FORCE: u16 = 2;
/// In the octet of the table: no copy goes on.
const NO_TABLE: u8 = 255;

pub(super) fn read(r: &mut Reader<'_>, context: Context) -> Result<Ct> {
    let start = r.clone();
    let flags = r.u16()?;
    let zone = read_zone(r)?;
    let table = Some(r.u8()?).filter(|&t| t != NO_TABLE);
    r.skip(3)?;
    let alg = r.u16()?;
    let actions = read_actions(r, context.nested(&start)?)?;
    if flags & !(COMMIT | FORCE) != 0 || flags == FORCE {
        return Err(start.bad(ErrorCode::BAD_ARGUMENT, "the flags commit, and force with it"));
    }
    if !actions.iter().all(allowed_inside) {
        return Err(start.bad(ErrorCode::BAD_ARGUMENT, "only ct_mark, ct_label and nat inside of ct"));
    }
    Ok(Ct { commit: flags & COMMIT != 0, force: flags & FORCE != 0, zone, table, alg, actions })
}

fn read_zone(r: &mut Reader<'_>) -> Result<ZoneSource> {
    let start = r.clone();
    if r.peek().starts_with(&[0; 4]) {
        r.skip(4)?;
        return Ok(ZoneSource::Immediate(r.u16()?));
    }
    let field = oxm::read_field(r)?;
    let (offset, bits) = ofs_nbits(r.u16()?);
    if bits != 16 {
        return Err(start.bad(ErrorCode::BAD_SET_LEN, "16 bits as zone"));
    }
    Ok(ZoneSource::Field(oxm::subfield(&start, field, offset, bits)?))
}

fn allowed_inside(action: &Action) -> bool {
    let settable = |field| matches!(field, Field::CtMark | Field::CtLabel);
    match action {
        Action::Nat(_) => true,
        Action::SetField(set) => settable(set.field),
        Action::CopyField { dst, .. } => settable(dst.field),
        _ => false,
    }
}

pub(super) fn put(out: &mut Vec<u8>, version: Version, ct: &Ct) {
    out.put_u16((u16::from(ct.commit) * COMMIT) | (u16::from(ct.force) * FORCE));
    match ct.zone {
        ZoneSource::Immediate(zone) => {
            out.zeros(4);
            out.put_u16(zone);
        }
        ZoneSource::Field(bits) => {
            oxm::put_field(out, HeaderStyle::Nxm, bits.field);
            out.put_u16(to_ofs_nbits(bits));
        }
    }
    out.put_u8(ct.table.unwrap_or(NO_TABLE));
    out.zeros(3);
    out.put_u16(ct.alg);
    put_actions(out, version, &ct.actions);
}

/// Flags of `nat`.
mod flag {
    pub(super) const SRC: u16 = 1;
    pub(super) const DST: u16 = 2;
    pub(super) const PERSISTENT: u16 = 4;
    pub(super) const HASH: u16 = 8;
    pub(super) const RANDOM: u16 = 16;
}

/// Which ends of ranges follow.
mod present {
    pub(super) const V4_MIN: u16 = 1;
    pub(super) const V4_MAX: u16 = 2;
    pub(super) const V6_MIN: u16 = 4;
    pub(super) const V6_MAX: u16 = 8;
    pub(super) const PORT_MIN: u16 = 16;
    pub(super) const PORT_MAX: u16 = 32;
}

pub(super) fn read_nat(r: &mut Reader<'_>) -> Result<Nat> {
    let start = r.clone();
    let refuse = |what| Err(start.bad(ErrorCode::BAD_ARGUMENT, what));
    r.skip(2)?;
    let (flags, ranges) = (r.u16()?, r.u16()?);
    let kind = match flags & (flag::SRC | flag::DST) {
        0 => NatKind::Existing,
        flag::SRC => NatKind::Src,
        flag::DST => NatKind::Dst,
        _ => return refuse("source or destination, not both"),
    };
    let spread = match flags & (flag::HASH | flag::RANDOM) {
        0 => NatSpread::Default,
        flag::HASH => NatSpread::Hash,
        flag::RANDOM => NatSpread::Random,
        _ => return refuse("hash or random, not both"),
    };
    let persistent = flags & flag::PERSISTENT != 0;
    if flags > 0x1f || ranges > 0x3f {
        return refuse("known flags and ranges");
    }
    if kind == NatKind::Existing && (flags != 0 || ranges != 0) {
        return refuse("no flags and ranges without a kind");
    }
    let range = read_range(&start, r, ranges)?;
    let ports = match ranges & (present::PORT_MIN | present::PORT_MAX) {
        0 => None,
        present::PORT_MIN => Some((r.u16()?, None)),
        present::PORT_MAX => return refuse("a first port before the last"),
        _ => Some((r.u16()?, Some(r.u16()?))),
    };
    if let Some((min, Some(max))) = ports
        && max < min
    {
        return refuse("ports in order");
    }
    r.rest();
    Ok(Nat { kind, range, ports, persistent, spread })
}

fn read_range(start: &Reader<'_>, r: &mut Reader<'_>, ranges: u16) -> Result<NatRange> {
    let refuse = |what| Err(start.bad(ErrorCode::BAD_ARGUMENT, what));
    let v4_max = ranges & present::V4_MAX != 0;
    let v6_max = ranges & present::V6_MAX != 0;
    match (ranges & present::V4_MIN != 0, ranges & present::V6_MIN != 0) {
        (true, false) if !v6_max => {
            let min = Ipv4Addr::from(r.u32()?);
            let max = v4_max.then(|| r.u32().map(Ipv4Addr::from)).transpose()?;
            if max.is_some_and(|max| max < min) {
                refuse("addresses in order")
            } else {
                Ok(NatRange::V4 { min, max })
            }
        }
        (false, true) if !v4_max => {
            let min = Ipv6Addr::from(r.u128()?);
            let max = v6_max.then(|| r.u128().map(Ipv6Addr::from)).transpose()?;
            if max.is_some_and(|max| max < min) {
                refuse("addresses in order")
            } else {
                Ok(NatRange::V6 { min, max })
            }
        }
        (false, false) if !v4_max && !v6_max => Ok(NatRange::None),
        _ => refuse("one family of addresses, the first before the last"),
    }
}

pub(super) fn put_nat(out: &mut Vec<u8>, nat: &Nat) {
    let kind = match nat.kind {
        NatKind::Existing => 0,
        NatKind::Src => flag::SRC,
        NatKind::Dst => flag::DST,
    };
    let spread = match nat.spread {
        NatSpread::Default => 0,
        NatSpread::Hash => flag::HASH,
        NatSpread::Random => flag::RANDOM,
    };
    out.zeros(2);
    out.put_u16(kind | spread | (u16::from(nat.persistent) * flag::PERSISTENT));
    let at = out.len();
    out.put_u16(0);
    let mut ranges = 0;
    match nat.range {
        NatRange::None => {}
        NatRange::V4 { min, max } => {
            ranges |= present::V4_MIN;
            out.put(&min.octets());
            if let Some(max) = max {
                ranges |= present::V4_MAX;
                out.put(&max.octets());
            }
        }
        NatRange::V6 { min, max } => {
            ranges |= present::V6_MIN;
            out.put(&min.octets());
            if let Some(max) = max {
                ranges |= present::V6_MAX;
                out.put(&max.octets());
            }
        }
    }
    if let Some((min, max)) = nat.ports {
        ranges |= present::PORT_MIN;
        out.put_u16(min);
        if let Some(max) = max {
            ranges |= present::PORT_MAX;
            out.put_u16(max);
        }
    }
    out[at..at + 2].copy_from_slice(&ranges.to_be_bytes());
}
