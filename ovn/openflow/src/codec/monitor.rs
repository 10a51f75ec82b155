//! Flow monitors and what they are told: NXST_FLOW_MONITOR in OpenFlow 1.0, the ONF's extension 187 in 1.3, and
//! OFPMP_FLOW_MONITOR from 1.4 (section 7.3.5.17 there).

use super::flow::{put_of10_actions, read_of10_actions};
use super::instruction::{put_instructions, read_instructions};
use super::multipart::{entry, put_table_number, read_table_number};
use super::octets::{Put, Reader, Result};
use super::of10;
use super::oxm::{self, Unknown};
use crate::{
    ErrorCode, FlowEvent, FlowMonitor, FlowRemovedReason, FlowUpdate, FlowUpdateFull, GroupId, Instruction,
    Match, MonitorCommand, MonitorFlags, PortNo, Version,
};

/// The bit for own changes in full before OpenFlow 1.4; the others are the same.
const OWN_BEFORE_14: u16 = 0x20;

pub(super) fn read(r: &mut Reader<'_>, version: Version) -> Result<FlowMonitor> {
    match version {
        Version::Of10 => read_old(r, true),
        Version::Of13 => read_old(r, false),
        Version::Of14 | Version::Of15 => read14(r),
    }
}

fn read_old(r: &mut Reader<'_>, nxm: bool) -> Result<FlowMonitor> {
    let id = r.u32()?;
    let start = r.clone();
    let flags = old_flags(&start, r.u16()?)?;
    let (out_port, match_len) = if nxm {
        (PortNo::from_u16(r.u16()?), usize::from(r.u16()?))
    } else {
        let match_len = usize::from(r.u16()?);
        (PortNo(r.u32()?), match_len)
    };
    let table = read_table_number(r)?;
    r.zeros(if nxm { 5 } else { 3 })?;
    let matching = if nxm { of10::read_nxm(r, match_len)? } else { oxm::read_match(r, Unknown::Refuse)? };
    let (command, out_group) = (MonitorCommand::Add, GroupId::ANY);
    Ok(FlowMonitor { id, command, flags, out_port, out_group, table, matching })
}

fn old_flags(start: &Reader<'_>, bits: u16) -> Result<MonitorFlags> {
    let own = if bits & OWN_BEFORE_14 != 0 { MonitorFlags::OWN } else { 0 };
    let known = bits & !OWN_BEFORE_14;
    checked(start, if known & MonitorFlags::OWN != 0 { u16::MAX } else { known | own })
}

/// The flags, of which one must name a change.
fn checked(start: &Reader<'_>, bits: u16) -> Result<MonitorFlags> {
    let changes = MonitorFlags::ADD | MonitorFlags::DELETE | MonitorFlags::MODIFY;
    match bits & changes != 0 && bits & !MonitorFlags::ALL == 0 {
        true => Ok(MonitorFlags(bits)),
        false => Err(start.bad(ErrorCode::MONITOR_BAD_FLAGS, "known flags, and one of a change")),
    }
}

fn read14(r: &mut Reader<'_>) -> Result<FlowMonitor> {
    let (id, out_port, out_group) = (r.u32()?, PortNo(r.u32()?), GroupId(r.u32()?));
    let start = r.clone();
    let bits = r.u16()?;
    let table = read_table_number(r)?;
    let command = match r.u8()? {
        0 => MonitorCommand::Add,
        1 => MonitorCommand::Modify,
        2 => MonitorCommand::Delete,
        _ => return Err(start.bad(ErrorCode::MONITOR_BAD_COMMAND, "a known command")),
    };
    let flags = match command {
        MonitorCommand::Add | MonitorCommand::Modify => checked(&start, bits)?,
        MonitorCommand::Delete => MonitorFlags(bits),
    };
    let matching = oxm::read_match(r, Unknown::Refuse)?;
    Ok(FlowMonitor { id, command, flags, out_port, out_group, table, matching })
}

pub(super) fn put(out: &mut Vec<u8>, version: Version, m: &FlowMonitor) {
    let own = if m.flags.has(MonitorFlags::OWN) { OWN_BEFORE_14 } else { 0 };
    let old_flags = m.flags.0 & !MonitorFlags::OWN | own;
    out.put_u32(m.id);
    match version {
        Version::Of10 => {
            out.put_u16(old_flags);
            out.put_u16(m.out_port.to_u16().unwrap_or(0xffff));
            let length_at = out.len();
            out.zeros(2);
            put_table_number(out, m.table);
            out.zeros(5);
            of10::put_nxm(out, length_at, &m.matching);
        }
        Version::Of13 => {
            out.put_u16(old_flags);
            let length_at = out.len();
            out.zeros(2);
            out.put_u32(m.out_port.0);
            put_table_number(out, m.table);
            out.zeros(3);
            put_match_with_length(out, version, length_at, &m.matching);
        }
        Version::Of14 | Version::Of15 => {
            out.put_u32(m.out_port.0);
            out.put_u32(m.out_group.0);
            out.put_u16(m.flags.0);
            put_table_number(out, m.table);
            out.put_u8(match m.command {
                MonitorCommand::Add => 0,
                MonitorCommand::Modify => 1,
                MonitorCommand::Delete => 2,
            });
            oxm::put_match(out, version, &m.matching);
        }
    }
}

/// A match whose length, without padding, is also said before it.
fn put_match_with_length(out: &mut Vec<u8>, version: Version, length_at: usize, matching: &Match) {
    let start = out.len();
    oxm::put_match(out, version, matching);
    let length = [out[start + 2], out[start + 3]];
    out[length_at..length_at + 2].copy_from_slice(&length);
}

/// Numbers of events before OpenFlow 1.4.
mod old {
    pub(super) const ADDED: u16 = 0;
    pub(super) const DELETED: u16 = 1;
    pub(super) const MODIFIED: u16 = 2;
    pub(super) const ABBREVIATED: u16 = 3;
}

/// Numbers of events from OpenFlow 1.4.
mod new {
    pub(super) const INITIAL: u16 = 0;
    pub(super) const ADDED: u16 = 1;
    pub(super) const REMOVED: u16 = 2;
    pub(super) const MODIFIED: u16 = 3;
    pub(super) const ABBREVIATED: u16 = 4;
    pub(super) const PAUSED: u16 = 5;
    pub(super) const RESUMED: u16 = 6;
}

pub(super) fn read_update(r: &mut Reader<'_>, version: Version) -> Result<FlowUpdate> {
    let mut r = entry(r)?;
    let start = r.clone();
    let event = r.u16()?;
    let unknown = || start.bad(ErrorCode::BAD_MULTIPART, "a known event");
    if matches!(version, Version::Of10 | Version::Of13) {
        return match event {
            old::ABBREVIATED => Ok(FlowUpdate::Abbreviated(r.u32()?)),
            old::ADDED | old::DELETED | old::MODIFIED => read_full_old(&mut r, version, event),
            _ => Err(unknown()),
        };
    }
    match event {
        new::ABBREVIATED => Ok(FlowUpdate::Abbreviated(r.u32()?)),
        new::PAUSED => Ok(FlowUpdate::Paused),
        new::RESUMED => Ok(FlowUpdate::Resumed),
        new::INITIAL | new::ADDED | new::REMOVED | new::MODIFIED => read_full14(&mut r, version, event),
        _ => Err(unknown()),
    }
}

fn read_full_old(r: &mut Reader<'_>, version: Version, event: u16) -> Result<FlowUpdate> {
    let (reason, priority, idle_timeout, hard_timeout) = (r.u16()?, r.u16()?, r.u16()?, r.u16()?);
    let (match_len, table) = (usize::from(r.u16()?), r.u8()?);
    r.skip(1)?;
    let cookie = r.u64()?;
    let event = match event {
        old::ADDED => FlowEvent::Added,
        old::MODIFIED => FlowEvent::Modified,
        _ => FlowEvent::Removed(reason_of(reason)),
    };
    let (matching, instructions) = if version == Version::Of10 {
        (of10::read_nxm(r, match_len)?, read_of10_actions(r)?)
    } else {
        (oxm::read_match(r, Unknown::Skip)?, read_instructions(r, version)?)
    };
    Ok(full(event, (table, priority), (idle_timeout, hard_timeout), cookie, (matching, instructions)))
}

fn full(
    event: FlowEvent,
    (table, priority): (u8, u16),
    (idle_timeout, hard_timeout): (u16, u16),
    cookie: u64,
    (matching, instructions): (Match, Vec<Instruction>),
) -> FlowUpdate {
    FlowUpdate::Flow(Box::new(FlowUpdateFull {
        event,
        table,
        priority,
        idle_timeout,
        hard_timeout,
        cookie,
        matching,
        instructions,
    }))
}

fn reason_of(number: u16) -> FlowRemovedReason {
    u8::try_from(number).unwrap_or(u8::MAX).into()
}

fn read_full14(r: &mut Reader<'_>, version: Version, event: u16) -> Result<FlowUpdate> {
    let (table, reason) = (r.u8()?, r.u8()?);
    let (idle_timeout, hard_timeout, priority) = (r.u16()?, r.u16()?, r.u16()?);
    r.skip(4)?;
    let event = match event {
        new::INITIAL => FlowEvent::Initial,
        new::ADDED => FlowEvent::Added,
        new::MODIFIED => FlowEvent::Modified,
        _ => FlowEvent::Removed(reason.into()),
    };
    let cookie = r.u64()?;
    let matching = oxm::read_match(r, Unknown::Skip)?;
    let instructions = read_instructions(r, version)?;
    Ok(full(event, (table, priority), (idle_timeout, hard_timeout), cookie, (matching, instructions)))
}

pub(super) fn put_update(out: &mut Vec<u8>, version: Version, update: &FlowUpdate) {
    let start = out.len();
    out.zeros(2);
    let is_old = matches!(version, Version::Of10 | Version::Of13);
    match update {
        FlowUpdate::Abbreviated(xid) => {
            out.put_u16(if is_old { old::ABBREVIATED } else { new::ABBREVIATED });
            out.put_u32(*xid);
        }
        FlowUpdate::Flow(flow) if is_old => put_full_old(out, version, flow),
        FlowUpdate::Flow(flow) => put_full14(out, version, flow),
        // Older versions have messages of their own for these.
        FlowUpdate::Paused | FlowUpdate::Resumed if is_old => return out.truncate(start),
        FlowUpdate::Paused | FlowUpdate::Resumed => {
            out.put_u16(if *update == FlowUpdate::Paused { new::PAUSED } else { new::RESUMED });
            out.zeros(4);
        }
    }
    out.patch_len(start, start);
}

fn put_full_old(out: &mut Vec<u8>, version: Version, flow: &FlowUpdateFull) {
    let (event, reason) = match flow.event {
        FlowEvent::Initial | FlowEvent::Added => (old::ADDED, 0),
        FlowEvent::Removed(reason) => (old::DELETED, reason.into()),
        FlowEvent::Modified => (old::MODIFIED, 0),
    };
    out.put_u16(event);
    out.put_u16(u8::into(reason));
    out.put_u16(flow.priority);
    out.put_u16(flow.idle_timeout);
    out.put_u16(flow.hard_timeout);
    let length_at = out.len();
    out.zeros(2);
    out.put(&[flow.table, 0]);
    out.put_u64(flow.cookie);
    if version == Version::Of10 {
        of10::put_nxm(out, length_at, &flow.matching);
        put_of10_actions(out, &flow.instructions);
    } else {
        put_match_with_length(out, version, length_at, &flow.matching);
        put_instructions(out, version, &flow.instructions);
    }
}

fn put_full14(out: &mut Vec<u8>, version: Version, flow: &FlowUpdateFull) {
    let (event, reason) = match flow.event {
        FlowEvent::Initial => (new::INITIAL, 0),
        FlowEvent::Added => (new::ADDED, 0),
        FlowEvent::Removed(reason) => (new::REMOVED, reason.into()),
        FlowEvent::Modified => (new::MODIFIED, 0),
    };
    out.put_u16(event);
    out.put(&[flow.table, reason]);
    out.put_u16(flow.idle_timeout);
    out.put_u16(flow.hard_timeout);
    out.put_u16(flow.priority);
    out.zeros(4);
    out.put_u64(flow.cookie);
    oxm::put_match(out, version, &flow.matching);
    put_instructions(out, version, &flow.instructions);
}
