//! FLOW_MOD and FLOW_REMOVED. OpenFlow 1.5.1 sections 7.3.4.2 and 7.4.2; 1.0 sections 5.3.3 and 5.4.3; and
//! Nicira's forms of the two for OpenFlow 1.0.

use super::action::{Context, put_actions, read_actions_with_metadata};
use super::instruction::{put_instructions, read_instructions};
use super::octets::{Put, Reader, Result};
use super::oxm::{self, Unknown};
use super::{of10, table_from_wire, table_to_wire};
use crate::{
    Action, ErrorCode, FlowMod, FlowModCommand, FlowModFlags, FlowRemoved, GroupId, Instruction, PortNo,
    Version,
};

pub(super) fn read(r: &mut Reader<'_>, version: Version) -> Result<FlowMod> {
    let (cookie, cookie_mask, table) = (r.u64()?, r.u64()?, r.u8()?);
    let command = command(r, u16::from(r.clone().u8()?))?;
    r.skip(1)?;
    let (idle_timeout, hard_timeout, priority, buffer_id) = (r.u16()?, r.u16()?, r.u16()?, r.u32()?);
    let (out_port, out_group) = (PortNo(r.u32()?), GroupId(r.u32()?));
    let flags = FlowModFlags(r.u16()?);
    let importance = r.u16()?;
    if flags.0 & !0x1f != 0 {
        return Err(r.bad(ErrorCode::FLOW_BAD_FLAGS, "known flags"));
    }
    let matching = oxm::read_match(r, Unknown::Refuse)?;
    let instructions = read_instructions(r, version)?;
    Ok(FlowMod {
        command,
        table: table_from_wire(table),
        priority,
        matching,
        instructions,
        cookie,
        cookie_mask: if command == FlowModCommand::Add { 0 } else { cookie_mask },
        idle_timeout,
        hard_timeout,
        out_port,
        out_group,
        flags,
        importance: if version >= Version::Of14 { importance } else { 0 },
        buffer_id,
    })
}

fn command(r: &Reader<'_>, n: u16) -> Result<FlowModCommand> {
    Ok(match n {
        0 => FlowModCommand::Add,
        1 => FlowModCommand::Modify,
        2 => FlowModCommand::ModifyStrict,
        3 => FlowModCommand::Delete,
        4 => FlowModCommand::DeleteStrict,
        _ => return Err(r.bad(ErrorCode::FLOW_BAD_COMMAND, "a known command")),
    })
}

const fn command_number(command: FlowModCommand) -> u8 {
    match command {
        FlowModCommand::Add => 0,
        FlowModCommand::Modify => 1,
        FlowModCommand::ModifyStrict => 2,
        FlowModCommand::Delete => 3,
        FlowModCommand::DeleteStrict => 4,
    }
}

pub(super) fn put(out: &mut Vec<u8>, version: Version, m: &FlowMod) {
    put_head(out, version, m);
    oxm::put_match(out, version, &m.matching);
    put_instructions(out, version, &m.instructions);
}

/// All before the match.
pub(super) fn put_head(out: &mut Vec<u8>, version: Version, m: &FlowMod) {
    out.put_u64(m.cookie);
    out.put_u64(m.cookie_mask);
    out.put_u8(table_to_wire(m.table));
    out.put_u8(command_number(m.command));
    out.put_u16(m.idle_timeout);
    out.put_u16(m.hard_timeout);
    out.put_u16(m.priority);
    out.put_u32(m.buffer_id);
    out.put_u32(m.out_port.0);
    out.put_u32(m.out_group.0);
    out.put_u16(m.flags.0);
    out.put_u16(if version >= Version::Of14 { m.importance } else { 0 });
}

/// OpenFlow 1.0: command and table share 16 bits once NXT_FLOW_MOD_TABLE_ID has said so. Commands are below 256
/// either way, so the high half is always read as the table; zero there is table 0 or "not said", which is the same.
fn command_and_table(r: &mut Reader<'_>) -> Result<(FlowModCommand, Option<u8>)> {
    let start = r.clone();
    let word = r.u16()?;
    let command = command(&start, word & 0xff)?;
    let table = table_from_wire((word >> 8) as u8);
    let deletes = matches!(command, FlowModCommand::Delete | FlowModCommand::DeleteStrict);
    // Whoever never heard of tables means all of them when deleting.
    Ok((command, if deletes && word >> 8 == 0 { None } else { table }))
}

/// The instructions that OpenFlow 1.0's list of actions stands for.
pub(super) fn read_of10_actions(r: &mut Reader<'_>) -> Result<Vec<Instruction>> {
    let (actions, metadata) = read_actions_with_metadata(r, Context::new(Version::Of10))?;
    let apply = (!actions.is_empty()).then_some(Instruction::Apply(actions));
    let write = metadata.map(|(value, mask)| Instruction::WriteMetadata { value, mask });
    Ok(apply.into_iter().chain(write).collect())
}

/// As a list of actions; what it cannot say is what it can come nearest to.
pub(super) fn put_of10_actions(out: &mut Vec<u8>, instructions: &[Instruction]) {
    for instruction in instructions {
        match instruction {
            Instruction::Apply(actions) => put_actions(out, Version::Of10, actions),
            Instruction::GotoTable(table) => put_actions(out, Version::Of10, &[Action::resubmit(*table)]),
            Instruction::WriteMetadata { value, mask } => {
                out.put_u16(0xffff);
                out.put_u16(32);
                out.put_u32(crate::vendor::NX);
                out.put_u16(22);
                out.zeros(6);
                out.put_u64(*value);
                out.put_u64(*mask);
            }
            Instruction::Meter(_) | Instruction::ClearActions | Instruction::Write(_) => {}
        }
    }
}

pub(super) fn read_of10(r: &mut Reader<'_>) -> Result<FlowMod> {
    let matching = of10::read_match(r)?;
    let cookie = r.u64()?;
    let (command, table) = command_and_table(r)?;
    let (idle_timeout, hard_timeout, priority, buffer_id) = (r.u16()?, r.u16()?, r.u16()?, r.u32()?);
    let (out_port, flags) = (PortNo::from_u16(r.u16()?), FlowModFlags(r.u16()? & 3));
    let instructions = read_of10_actions(r)?;
    let out_port = if out_port == PortNo::NONE { PortNo::ANY } else { out_port };
    Ok(FlowMod {
        table,
        priority,
        matching,
        instructions,
        cookie,
        idle_timeout,
        hard_timeout,
        out_port,
        flags,
        buffer_id,
        ..FlowMod::empty(command)
    })
}

/// NXT_FLOW_MOD.
pub(super) fn read_nxm(r: &mut Reader<'_>) -> Result<FlowMod> {
    let cookie = r.u64()?;
    let (command, table) = command_and_table(r)?;
    let (idle_timeout, hard_timeout, priority, buffer_id) = (r.u16()?, r.u16()?, r.u16()?, r.u32()?);
    let (out_port, flags) = (PortNo::from_u16(r.u16()?), FlowModFlags(r.u16()? & 3));
    let match_len = usize::from(r.u16()?);
    r.skip(6)?;
    let (matching, (cookie, cookie_mask)) = read_nxm_with_cookie(r, match_len, cookie)?;
    let instructions = read_of10_actions(r)?;
    Ok(FlowMod {
        table,
        priority,
        matching,
        instructions,
        cookie,
        cookie_mask,
        idle_timeout,
        hard_timeout,
        out_port,
        flags,
        buffer_id,
        ..FlowMod::empty(command)
    })
}

/// The header of the pseudo field NXM_NX_COOKIE (with mask or without), by which NXM says which flows are meant.
const NXM_COOKIE: u32 = 1 << 16 | 30 << 9 | 8;
const NXM_COOKIE_MASKED: u32 = 1 << 16 | 30 << 9 | 1 << 8 | 16;

/// An NXM match that may begin with a cookie.
pub(super) fn read_nxm_with_cookie(
    r: &mut Reader<'_>,
    length: usize,
    cookie: u64,
) -> Result<(crate::Match, (u64, u64))> {
    let mut rest = r.sub(length.next_multiple_of(8))?;
    let mut peek = rest.clone();
    let (used, cookies) = match peek.u32() {
        Ok(NXM_COOKIE) if length >= 12 => (12, (peek.u64()?, u64::MAX)),
        Ok(NXM_COOKIE_MASKED) if length >= 20 => (20, (peek.u64()?, peek.u64()?)),
        Ok(_) | Err(_) => (0, (cookie, 0)),
    };
    rest.skip(used)?;
    let mut body = rest.sub(length - used)?.with_short(ErrorCode::NXM_INVALID);
    Ok((oxm::read_entries(&mut body, Unknown::Refuse)?, cookies))
}

/// An NXM match, preceded by the cookie if its mask is not zero.
pub(super) fn put_nxm_with_cookie(
    out: &mut Vec<u8>,
    length_at: usize,
    m: &crate::Match,
    (cookie, mask): (u64, u64),
) {
    let start = out.len();
    match mask {
        0 => {}
        u64::MAX => {
            out.put_u32(NXM_COOKIE);
            out.put_u64(cookie);
        }
        _ => {
            out.put_u32(NXM_COOKIE_MASKED);
            out.put_u64(cookie);
            out.put_u64(mask);
        }
    }
    oxm::put_entries(out, oxm::HeaderStyle::Nxm, m);
    out.patch_len(length_at, start);
    out.pad8(start);
}

/// NXT_FLOW_MOD, the only form that this crate writes for OpenFlow 1.0.
pub(super) fn put_nxm(out: &mut Vec<u8>, m: &FlowMod) {
    let masked = m.cookie_mask != 0;
    out.put_u64(if masked && m.command != FlowModCommand::Add { u64::MAX } else { m.cookie });
    out.put_u8(table_to_wire(m.table));
    out.put_u8(command_number(m.command));
    out.put_u16(m.idle_timeout);
    out.put_u16(m.hard_timeout);
    out.put_u16(m.priority);
    out.put_u32(m.buffer_id);
    out.put_u16(m.out_port.to_u16().unwrap_or(0xffff));
    out.put_u16(m.flags.0 & 3);
    let length_at = out.len();
    out.zeros(8);
    put_nxm_with_cookie(out, length_at, &m.matching, (m.cookie, m.cookie_mask));
    put_of10_actions(out, &m.instructions);
}

pub(super) fn read_removed(r: &mut Reader<'_>, version: Version) -> Result<FlowRemoved> {
    if version == Version::Of15 {
        return read_removed15(r);
    }
    let (cookie, priority, reason, table) = (r.u64()?, r.u16()?, r.u8()?.into(), r.u8()?);
    let (duration_sec, duration_nsec) = (r.u32()?, r.u32()?);
    let (idle_timeout, hard_timeout, packets, bytes) = (r.u16()?, r.u16()?, r.u64()?, r.u64()?);
    let matching = oxm::read_match(r, Unknown::Skip)?;
    Ok(FlowRemoved {
        table,
        priority,
        matching,
        cookie,
        reason,
        duration_sec,
        duration_nsec,
        idle_timeout,
        hard_timeout,
        packets,
        bytes,
    })
}

/// OpenFlow 1.5 moved the counters into a list after the match.
fn read_removed15(r: &mut Reader<'_>) -> Result<FlowRemoved> {
    let (table, reason, priority) = (r.u8()?, r.u8()?.into(), r.u16()?);
    let (idle_timeout, hard_timeout, cookie) = (r.u16()?, r.u16()?, r.u64()?);
    let matching = oxm::read_match(r, Unknown::Skip)?;
    let stats = super::oxs::read(r)?;
    Ok(FlowRemoved {
        table,
        priority,
        matching,
        cookie,
        reason,
        duration_sec: stats.duration.0,
        duration_nsec: stats.duration.1,
        idle_timeout,
        hard_timeout,
        packets: stats.packets,
        bytes: stats.bytes,
    })
}

pub(super) fn put_removed(out: &mut Vec<u8>, version: Version, m: &FlowRemoved) {
    if version == Version::Of15 {
        out.put(&[m.table, m.reason.into()]);
        out.put_u16(m.priority);
        out.put_u16(m.idle_timeout);
        out.put_u16(m.hard_timeout);
        out.put_u64(m.cookie);
        oxm::put_match(out, version, &m.matching);
        let duration = (m.duration_sec, m.duration_nsec);
        super::oxs::put(out, &super::oxs::Stats { duration, idle: None, packets: m.packets, bytes: m.bytes });
        return;
    }
    out.put_u64(m.cookie);
    out.put_u16(m.priority);
    out.put(&[m.reason.into(), m.table]);
    out.put_u32(m.duration_sec);
    out.put_u32(m.duration_nsec);
    out.put_u16(m.idle_timeout);
    out.put_u16(m.hard_timeout);
    out.put_u64(m.packets);
    out.put_u64(m.bytes);
    oxm::put_match(out, version, &m.matching);
}

/// OpenFlow 1.0, with the fixed match.
pub(super) fn read_removed_of10(r: &mut Reader<'_>) -> Result<FlowRemoved> {
    let matching = of10::read_match(r)?;
    let (cookie, priority, reason) = (r.u64()?, r.u16()?, r.u8()?.into());
    r.skip(1)?;
    let (duration_sec, duration_nsec, idle_timeout) = (r.u32()?, r.u32()?, r.u16()?);
    r.skip(2)?;
    let (packets, bytes) = (r.u64()?, r.u64()?);
    Ok(FlowRemoved {
        table: 0,
        priority,
        matching,
        cookie,
        reason,
        duration_sec,
        duration_nsec,
        idle_timeout,
        hard_timeout: 0,
        packets,
        bytes,
    })
}

/// NXT_FLOW_REMOVED.
pub(super) fn read_removed_nxm(r: &mut Reader<'_>) -> Result<FlowRemoved> {
    let (cookie, priority, reason, table) = (r.u64()?, r.u16()?, r.u8()?.into(), r.u8()?);
    let (duration_sec, duration_nsec, idle_timeout, hard_timeout) = (r.u32()?, r.u32()?, r.u16()?, r.u16()?);
    let match_len = usize::from(r.u16()?);
    let (packets, bytes) = (r.u64()?, r.u64()?);
    let matching = of10::read_nxm(r, match_len)?;
    Ok(FlowRemoved {
        // One more than the table, so that 0 is "not said".
        table: table.saturating_sub(1),
        priority,
        matching,
        cookie,
        reason,
        duration_sec,
        duration_nsec,
        idle_timeout,
        hard_timeout,
        packets,
        bytes,
    })
}

pub(super) fn put_removed_nxm(out: &mut Vec<u8>, m: &FlowRemoved) {
    out.put_u64(m.cookie);
    out.put_u16(m.priority);
    out.put(&[m.reason.into(), m.table.saturating_add(1)]);
    out.put_u32(m.duration_sec);
    out.put_u32(m.duration_nsec);
    out.put_u16(m.idle_timeout);
    out.put_u16(m.hard_timeout);
    let length_at = out.len();
    out.zeros(2);
    out.put_u64(m.packets);
    out.put_u64(m.bytes);
    of10::put_nxm(out, length_at, &m.matching);
}
