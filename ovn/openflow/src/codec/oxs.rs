//! Counters of a flow as OpenFlow 1.5 writes them: OXS entries of class 0x8002. Section 7.2.3.

use super::octets::{Put, Reader, Result};
use crate::ErrorCode;

const CLASS: u16 = 0x8002;
const DURATION: u8 = 0;
const IDLE_TIME: u8 = 1;
const FLOW_COUNT: u8 = 3;
const PACKET_COUNT: u8 = 4;
const BYTE_COUNT: u8 = 5;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stats {
    /// Seconds and nanoseconds.
    pub(super) duration: (u32, u32),
    /// Seconds since the last packet.
    pub(super) idle: Option<u32>,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

pub(super) fn read(r: &mut Reader<'_>) -> Result<Stats> {
    let start = r.clone();
    r.skip(2)?;
    let length = usize::from(r.u16()?);
    if length < 4 {
        return Err(start.bad(ErrorCode::BAD_LEN, "counters of at least 4 octets"));
    }
    let mut body = r.sub(length - 4)?;
    r.skip_up_to(length.next_multiple_of(8) - length);
    let mut stats = Stats::default();
    while !body.is_empty() {
        let (class, field, length) = (body.u16()?, body.u8()? >> 1, usize::from(body.u8()?));
        let mut value = body.sub(length)?;
        match (class, field) {
            (CLASS, DURATION) => stats.duration = (value.u32()?, value.u32()?),
            (CLASS, IDLE_TIME) => stats.idle = Some(value.u32()?),
            (CLASS, PACKET_COUNT) => stats.packets = value.u64()?,
            (CLASS, BYTE_COUNT) => stats.bytes = value.u64()?,
            // The number of flows is for sums of many; other counters are of no use here.
            (CLASS, FLOW_COUNT) => {}
            _ => {}
        }
    }
    Ok(stats)
}

pub(super) fn put(out: &mut Vec<u8>, stats: &Stats) {
    let start = out.len();
    out.zeros(4);
    let header = |out: &mut Vec<u8>, field: u8, length: u8| {
        out.put_u16(CLASS);
        out.put(&[field << 1, length]);
    };
    header(out, DURATION, 8);
    out.put_u32(stats.duration.0);
    out.put_u32(stats.duration.1);
    if let Some(idle) = stats.idle {
        header(out, IDLE_TIME, 8);
        out.put_u32(idle);
        out.put_u32(0);
    }
    header(out, PACKET_COUNT, 8);
    out.put_u64(stats.packets);
    header(out, BYTE_COUNT, 8);
    out.put_u64(stats.bytes);
    out.patch_len(start + 2, start);
    out.pad8(start);
}

/// The sum of many flows.
pub(super) fn put_aggregate(out: &mut Vec<u8>, sum: &crate::Aggregate) {
    let start = out.len();
    out.zeros(4);
    let header = |out: &mut Vec<u8>, field: u8, length: u8| {
        out.put_u16(CLASS);
        out.put(&[field << 1, length]);
    };
    header(out, FLOW_COUNT, 4);
    out.put_u32(sum.flows);
    header(out, PACKET_COUNT, 8);
    out.put_u64(sum.packets);
    header(out, BYTE_COUNT, 8);
    out.put_u64(sum.bytes);
    out.patch_len(start + 2, start);
    out.pad8(start);
}

pub(super) fn read_aggregate(r: &mut Reader<'_>) -> Result<crate::Aggregate> {
    let mut flows = 0;
    let mut peek = r.clone();
    peek.skip(2)?;
    let length = usize::from(peek.u16()?);
    let mut body = peek.sub(length.saturating_sub(4))?;
    while !body.is_empty() {
        let (class, field, length) = (body.u16()?, body.u8()? >> 1, usize::from(body.u8()?));
        let mut value = body.sub(length)?;
        if (class, field) == (CLASS, FLOW_COUNT) {
            flows = value.u32()?;
        }
    }
    let stats = read(r)?;
    Ok(crate::Aggregate { packets: stats.packets, bytes: stats.bytes, flows })
}
