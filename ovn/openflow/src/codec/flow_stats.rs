//! Flows as they are told: requests for flows and sums, and their replies.

use super::flow::{put_nxm_with_cookie, put_of10_actions, read_nxm_with_cookie, read_of10_actions};
use super::instruction::{put_instructions, read_instructions};
use super::multipart::{entry, put_table_number, read_table_number};
use super::octets::{Put, Reader, Result};
use super::oxm::{self, Unknown};
use super::{of10, oxs};
use crate::{Aggregate, FlowModFlags, FlowStats, FlowStatsRequest, GroupId, PortNo, Version};

pub(super) fn read_request(r: &mut Reader<'_>, version: Version, nxm: bool) -> Result<FlowStatsRequest> {
    if nxm {
        let (out_port, match_len) = (PortNo::from_u16(r.u16()?), usize::from(r.u16()?));
        let table = read_table_number(r)?;
        r.skip(3)?;
        let (matching, (cookie, cookie_mask)) = read_nxm_with_cookie(r, match_len, 0)?;
        return Ok(FlowStatsRequest {
            table,
            out_port,
            out_group: GroupId::ANY,
            cookie,
            cookie_mask,
            matching,
        });
    }
    if version == Version::Of10 {
        let matching = of10::read_match(r)?;
        let table = read_table_number(r)?;
        r.skip(1)?;
        let out_port = PortNo::from_u16(r.u16()?);
        return Ok(FlowStatsRequest { table, out_port, matching, ..FlowStatsRequest::default() });
    }
    let table = read_table_number(r)?;
    r.skip(3)?;
    let (out_port, out_group) = (PortNo(r.u32()?), GroupId(r.u32()?));
    r.skip(4)?;
    let (cookie, cookie_mask) = (r.u64()?, r.u64()?);
    let matching = oxm::read_match(r, Unknown::Refuse)?;
    Ok(FlowStatsRequest { table, out_port, out_group, cookie, cookie_mask, matching })
}

pub(super) fn put_request(out: &mut Vec<u8>, version: Version, m: &FlowStatsRequest) {
    if version == Version::Of10 {
        out.put_u16(m.out_port.to_u16().unwrap_or(0xffff));
        let length_at = out.len();
        out.zeros(2);
        put_table_number(out, m.table);
        out.zeros(3);
        put_nxm_with_cookie(out, length_at, &m.matching, (m.cookie, m.cookie_mask));
        return;
    }
    put_table_number(out, m.table);
    out.zeros(3);
    out.put_u32(m.out_port.0);
    out.put_u32(m.out_group.0);
    out.zeros(4);
    out.put_u64(m.cookie);
    out.put_u64(m.cookie_mask);
    oxm::put_match(out, version, &m.matching);
}

pub(super) fn read(r: &mut Reader<'_>, version: Version, nxm: bool) -> Result<FlowStats> {
    let mut r = entry(r)?;
    match version {
        Version::Of10 if nxm => read_nxm(&mut r),
        Version::Of10 => read10(&mut r),
        Version::Of13 | Version::Of14 => read13(&mut r, version),
        Version::Of15 => read15(&mut r),
    }
}

fn read_nxm(r: &mut Reader<'_>) -> Result<FlowStats> {
    let table = r.u8()?;
    r.skip(1)?;
    let (duration_sec, duration_nsec, priority) = (r.u32()?, r.u32()?, r.u16()?);
    let (idle_timeout, hard_timeout, match_len) = (r.u16()?, r.u16()?, usize::from(r.u16()?));
    let (idle_age, _hard_age) = (r.u16()?, r.u16()?);
    let (cookie, packets, bytes) = (r.u64()?, r.u64()?, r.u64()?);
    let matching = of10::read_nxm(r, match_len)?;
    Ok(FlowStats {
        table,
        priority,
        matching,
        instructions: read_of10_actions(r)?,
        cookie,
        duration_sec,
        duration_nsec,
        idle_timeout,
        hard_timeout,
        flags: FlowModFlags::default(),
        importance: 0,
        // One more than the age; zero where it is not known.
        idle_age: idle_age.checked_sub(1).map(u32::from),
        packets,
        bytes,
    })
}

fn read10(r: &mut Reader<'_>) -> Result<FlowStats> {
    let table = r.u8()?;
    r.skip(1)?;
    let matching = of10::read_match(r)?;
    let (duration_sec, duration_nsec, priority) = (r.u32()?, r.u32()?, r.u16()?);
    let (idle_timeout, hard_timeout) = (r.u16()?, r.u16()?);
    r.skip(6)?;
    let (cookie, packets, bytes) = (r.u64()?, r.u64()?, r.u64()?);
    Ok(FlowStats {
        table,
        priority,
        matching,
        instructions: read_of10_actions(r)?,
        cookie,
        duration_sec,
        duration_nsec,
        idle_timeout,
        hard_timeout,
        flags: FlowModFlags::default(),
        importance: 0,
        idle_age: None,
        packets,
        bytes,
    })
}

fn read13(r: &mut Reader<'_>, version: Version) -> Result<FlowStats> {
    let table = r.u8()?;
    r.skip(1)?;
    let (duration_sec, duration_nsec, priority) = (r.u32()?, r.u32()?, r.u16()?);
    let (idle_timeout, hard_timeout, flags, importance) =
        (r.u16()?, r.u16()?, FlowModFlags(r.u16()?), r.u16()?);
    r.skip(2)?;
    let (cookie, packets, bytes) = (r.u64()?, r.u64()?, r.u64()?);
    let matching = oxm::read_match(r, Unknown::Skip)?;
    Ok(FlowStats {
        table,
        priority,
        matching,
        instructions: read_instructions(r, version)?,
        cookie,
        duration_sec,
        duration_nsec,
        idle_timeout,
        hard_timeout,
        flags,
        importance: if version >= Version::Of14 { importance } else { 0 },
        idle_age: None,
        packets,
        bytes,
    })
}

fn read15(r: &mut Reader<'_>) -> Result<FlowStats> {
    r.skip(2)?;
    let table = r.u8()?;
    r.skip(1)?;
    let (priority, idle_timeout, hard_timeout) = (r.u16()?, r.u16()?, r.u16()?);
    let (flags, importance, cookie) = (FlowModFlags(r.u16()?), r.u16()?, r.u64()?);
    let matching = oxm::read_match(r, Unknown::Skip)?;
    let stats = oxs::read(r)?;
    Ok(FlowStats {
        table,
        priority,
        matching,
        instructions: read_instructions(r, Version::Of15)?,
        cookie,
        duration_sec: stats.duration.0,
        duration_nsec: stats.duration.1,
        idle_timeout,
        hard_timeout,
        flags,
        importance,
        idle_age: stats.idle,
        packets: stats.packets,
        bytes: stats.bytes,
    })
}

pub(super) fn put(out: &mut Vec<u8>, version: Version, s: &FlowStats) {
    let start = out.len();
    match version {
        Version::Of10 => put_nxm(out, s),
        Version::Of13 | Version::Of14 => put13(out, version, s),
        Version::Of15 => put15(out, s),
    }
    out.patch_len(start, start);
}

fn put_nxm(out: &mut Vec<u8>, s: &FlowStats) {
    out.zeros(2);
    out.put(&[s.table, 0]);
    out.put_u32(s.duration_sec);
    out.put_u32(s.duration_nsec);
    out.put_u16(s.priority);
    out.put_u16(s.idle_timeout);
    out.put_u16(s.hard_timeout);
    let length_at = out.len();
    out.zeros(2);
    let age = |seconds: u32| u16::try_from(seconds).unwrap_or(u16::MAX).saturating_add(1);
    out.put_u16(s.idle_age.map_or(0, age));
    out.put_u16(age(s.duration_sec));
    out.put_u64(s.cookie);
    out.put_u64(s.packets);
    out.put_u64(s.bytes);
    of10::put_nxm(out, length_at, &s.matching);
    put_of10_actions(out, &s.instructions);
}

fn put13(out: &mut Vec<u8>, version: Version, s: &FlowStats) {
    out.zeros(2);
    out.put(&[s.table, 0]);
    out.put_u32(s.duration_sec);
    out.put_u32(s.duration_nsec);
    out.put_u16(s.priority);
    out.put_u16(s.idle_timeout);
    out.put_u16(s.hard_timeout);
    out.put_u16(s.flags.0);
    out.put_u16(if version >= Version::Of14 { s.importance } else { 0 });
    out.zeros(2);
    out.put_u64(s.cookie);
    out.put_u64(s.packets);
    out.put_u64(s.bytes);
    oxm::put_match(out, version, &s.matching);
    put_instructions(out, version, &s.instructions);
}

fn put15(out: &mut Vec<u8>, s: &FlowStats) {
    out.zeros(4);
    out.put(&[s.table, 0]);
    out.put_u16(s.priority);
    out.put_u16(s.idle_timeout);
    out.put_u16(s.hard_timeout);
    out.put_u16(s.flags.0);
    out.put_u16(s.importance);
    out.put_u64(s.cookie);
    oxm::put_match(out, Version::Of15, &s.matching);
    let duration = (s.duration_sec, s.duration_nsec);
    oxs::put(out, &oxs::Stats { duration, idle: s.idle_age, packets: s.packets, bytes: s.bytes });
    put_instructions(out, Version::Of15, &s.instructions);
}

pub(super) fn read_aggregate(r: &mut Reader<'_>, version: Version) -> Result<Aggregate> {
    if version == Version::Of15 {
        return oxs::read_aggregate(r);
    }
    let sum = Aggregate { packets: r.u64()?, bytes: r.u64()?, flows: r.u32()? };
    r.skip(4)?;
    Ok(sum)
}

pub(super) fn put_aggregate(out: &mut Vec<u8>, version: Version, sum: &Aggregate) {
    if version == Version::Of15 {
        return oxs::put_aggregate(out, sum);
    }
    out.put_u64(sum.packets);
    out.put_u64(sum.bytes);
    out.put_u32(sum.flows);
    out.zeros(4);
}
