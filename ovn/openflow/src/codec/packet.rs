//! PACKET_IN, PACKET_OUT, and Nicira's PACKET_IN2 and RESUME. OpenFlow 1.5.1 sections 7.3.6 and 7.4.1.

use super::action::{Context, put_actions, read_actions};
use super::octets::{Put, Reader, Result};
use super::of10;
use super::oxm::{self, HeaderStyle, Unknown};
use super::prop::{put_prop, put_prop_u8, put_prop_u32, read_prop};
use crate::{ErrorCode, Field, Match, PacketIn, PacketIn2, PacketInReason, PacketOut, PortNo, Version};

pub(super) fn read_in(r: &mut Reader<'_>, version: Version) -> Result<PacketIn> {
    if version == Version::Of10 {
        let (buffer_id, total_len) = (r.u32()?, r.u16()?);
        let metadata = Match::any().with(Field::InPort, PortNo::from_u16(r.u16()?).0);
        let reason = r.u8()?.into();
        r.skip(1)?;
        let packet = r.rest().to_vec();
        return Ok(PacketIn { buffer_id, total_len, reason, table: 0, cookie: 0, metadata, packet });
    }
    let (buffer_id, total_len, reason, table, cookie) =
        (r.u32()?, r.u16()?, r.u8()?.into(), r.u8()?, r.u64()?);
    let metadata = oxm::read_match(r, Unknown::Skip)?;
    r.skip(2)?;
    Ok(PacketIn { buffer_id, total_len, reason, table, cookie, metadata, packet: r.rest().to_vec() })
}

/// Before OpenFlow 1.4 there were three reasons.
fn reason_for(version: Version, reason: PacketInReason) -> u8 {
    match reason {
        PacketInReason::ExplicitMiss | PacketInReason::ImplicitMiss => PacketInReason::NoMatch.into(),
        PacketInReason::ActionSet | PacketInReason::Group | PacketInReason::PacketOut
            if version < Version::Of14 =>
        {
            PacketInReason::Action.into()
        }
        reason => reason.into(),
    }
}

pub(super) fn put_in(out: &mut Vec<u8>, version: Version, m: &PacketIn) {
    out.put_u32(m.buffer_id);
    out.put_u16(m.total_len);
    if version == Version::Of10 {
        let port = m.metadata.in_port().unwrap_or(PortNo::NONE);
        out.put_u16(port.to_u16().unwrap_or(0xffff));
        out.put(&[reason_for(version, m.reason), 0]);
    } else {
        out.put(&[reason_for(version, m.reason), m.table]);
        out.put_u64(m.cookie);
        oxm::put_match(out, version, &m.metadata);
        out.zeros(2);
    }
    out.put(&m.packet);
}

/// NXT_PACKET_IN.
pub(super) fn read_nx_in(r: &mut Reader<'_>) -> Result<PacketIn> {
    let (buffer_id, total_len, reason, table, cookie) =
        (r.u32()?, r.u16()?, r.u8()?.into(), r.u8()?, r.u64()?);
    let match_len = usize::from(r.u16()?);
    r.skip(6)?;
    let metadata = of10::read_nxm(r, match_len)?;
    r.skip(2)?;
    Ok(PacketIn { buffer_id, total_len, reason, table, cookie, metadata, packet: r.rest().to_vec() })
}

pub(super) fn put_nx_in(out: &mut Vec<u8>, m: &PacketIn) {
    out.put_u32(m.buffer_id);
    out.put_u16(m.total_len);
    out.put(&[reason_for(Version::Of10, m.reason), m.table]);
    out.put_u64(m.cookie);
    let length_at = out.len();
    out.zeros(8);
    of10::put_nxm(out, length_at, &m.metadata);
    out.zeros(2);
    out.put(&m.packet);
}

pub(super) fn read_out(r: &mut Reader<'_>, version: Version) -> Result<PacketOut> {
    let start = r.clone();
    let buffer_id = r.u32()?;
    let in_port = |port: PortNo| Match::any().with(Field::InPort, port.0);
    let (metadata, actions_len) = match version {
        Version::Of10 => (in_port(PortNo::from_u16(r.u16()?)), r.u16()?),
        Version::Of13 | Version::Of14 => {
            let port = PortNo(r.u32()?);
            let actions_len = r.u16()?;
            r.skip(6)?;
            (in_port(port), actions_len)
        }
        Version::Of15 => {
            let actions_len = r.u16()?;
            r.skip(2)?;
            (oxm::read_match(r, Unknown::Refuse)?, actions_len)
        }
    };
    if metadata.in_port().is_none() {
        return Err(start.bad(ErrorCode::BAD_PORT, "the port that the packet came in by"));
    }
    let actions = read_actions(&mut r.sub(actions_len.into())?, Context::new(version))?;
    Ok(PacketOut { buffer_id, metadata, actions, packet: r.rest().to_vec() })
}

pub(super) fn put_out(out: &mut Vec<u8>, version: Version, m: &PacketOut) {
    out.put_u32(m.buffer_id);
    let port = m.metadata.in_port().unwrap_or(PortNo::CONTROLLER);
    let at = match version {
        Version::Of10 => {
            out.put_u16(port.to_u16().unwrap_or(0xffff));
            out.zeros(2);
            out.len() - 2
        }
        Version::Of13 | Version::Of14 => {
            out.put_u32(port.0);
            out.zeros(8);
            out.len() - 8
        }
        Version::Of15 => {
            out.zeros(4);
            let at = out.len() - 4;
            oxm::put_match(out, version, &m.metadata);
            at
        }
    };
    let start = out.len();
    put_actions(out, version, &m.actions);
    out.patch_len(at, start);
    out.put(&m.packet);
}

/// Properties of NXT_PACKET_IN2 and NXT_RESUME.
mod prop {
    pub(super) const PACKET: u16 = 0;
    pub(super) const FULL_LEN: u16 = 1;
    pub(super) const BUFFER_ID: u16 = 2;
    pub(super) const TABLE_ID: u16 = 3;
    pub(super) const COOKIE: u16 = 4;
    pub(super) const REASON: u16 = 5;
    pub(super) const METADATA: u16 = 6;
    pub(super) const USERDATA: u16 = 7;
    pub(super) const CONTINUATION: u16 = 8;
}

pub(super) fn read_in2(r: &mut Reader<'_>) -> Result<PacketIn2> {
    let mut m = PacketIn2 {
        packet: Vec::new(),
        full_len: None,
        table: 0,
        cookie: 0,
        reason: PacketInReason::NoMatch,
        metadata: Match::any(),
        userdata: Vec::new(),
        continuation: None,
    };
    let mut r = r.clone().with_short(ErrorCode::BAD_PROP_LEN);
    while !r.is_empty() {
        let start = r.clone();
        let (kind, mut body) = read_prop(&mut r)?;
        match kind {
            prop::PACKET => m.packet = body.rest().to_vec(),
            prop::FULL_LEN => m.full_len = Some(body.u32()?),
            prop::BUFFER_ID => {}
            prop::TABLE_ID => m.table = body.u8()?,
            prop::COOKIE => {
                body.skip(4)?;
                m.cookie = body.u64()?;
            }
            prop::REASON => m.reason = body.u8()?.into(),
            prop::METADATA => m.metadata = oxm::read_entries(&mut body, Unknown::Skip)?,
            prop::USERDATA => m.userdata = body.rest().to_vec(),
            prop::CONTINUATION => {
                body.skip(4)?;
                m.continuation = Some(body.rest().to_vec());
            }
            _ => return Err(start.bad(ErrorCode::BAD_PROP_TYPE, "a known property")),
        }
    }
    Ok(m)
}

pub(super) fn put_in2(out: &mut Vec<u8>, version: Version, m: &PacketIn2) {
    put_prop(out, prop::PACKET, |o| o.put(&m.packet));
    if let Some(full_len) = m.full_len {
        put_prop_u32(out, prop::FULL_LEN, full_len);
    }
    put_prop_u8(out, prop::TABLE_ID, m.table);
    put_prop(out, prop::COOKIE, |o| {
        o.zeros(4);
        o.put_u64(m.cookie);
    });
    put_prop_u8(out, prop::REASON, m.reason.into());
    put_prop(out, prop::METADATA, |o| oxm::put_entries(o, HeaderStyle::of(version), &m.metadata));
    if let Some(continuation) = &m.continuation {
        put_prop(out, prop::CONTINUATION, |o| {
            o.zeros(4);
            o.put(continuation);
        });
    }
    if !m.userdata.is_empty() {
        put_prop(out, prop::USERDATA, |o| o.put(&m.userdata));
    }
}
