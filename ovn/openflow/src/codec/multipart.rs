//! Multipart requests and replies: type 16 bits, flags 16 bits, padding, body. OpenFlow 1.5.1 section 7.3.5; in 1.0
//! they are "statistics" (section 5.3.5) without the padding, and Nicira's have a subtype.

use super::group::{group_kind, kind_number, put_buckets, put_props, read_buckets, read_props};
use super::octets::{Put, Reader, Result};
use super::{flow_stats, meter, monitor, port, queue, table_features, table_from_wire, table_to_wire};
use crate::{
    ErrorCode, GroupDesc, GroupFeatures, GroupId, GroupStats, MeterConfig, MeterFeatures, MeterFlags,
    MeterId, MeterStats, MultipartReply, MultipartRequest, PortNo, SwitchDesc, TableStats, Version, vendor,
};

/// Types of multiparts.
mod kind {
    pub(super) const DESC: u16 = 0;
    pub(super) const FLOW: u16 = 1;
    pub(super) const AGGREGATE: u16 = 2;
    pub(super) const TABLE: u16 = 3;
    pub(super) const PORT_STATS: u16 = 4;
    pub(super) const QUEUE: u16 = 5;
    pub(super) const GROUP: u16 = 6;
    pub(super) const GROUP_DESC: u16 = 7;
    pub(super) const GROUP_FEATURES: u16 = 8;
    pub(super) const METER: u16 = 9;
    pub(super) const METER_CONFIG: u16 = 10;
    pub(super) const METER_FEATURES: u16 = 11;
    pub(super) const TABLE_FEATURES: u16 = 12;
    pub(super) const PORT_DESC: u16 = 13;
    pub(super) const TABLE_DESC: u16 = 14;
    pub(super) const QUEUE_DESC: u16 = 15;
    pub(super) const FLOW_MONITOR: u16 = 16;
    pub(super) const EXPERIMENTER: u16 = 0xffff;
}

/// Subtypes of Nicira's statistics for OpenFlow 1.0.
mod nxst {
    pub(super) const FLOW: u32 = 0;
    pub(super) const AGGREGATE: u32 = 1;
    pub(super) const FLOW_MONITOR: u32 = 2;
    pub(super) const GROUP: u32 = 7;
    pub(super) const GROUP_DESC: u32 = 8;
    pub(super) const GROUP_FEATURES: u32 = 9;
}

/// The subtype of the ONF's flow monitors for OpenFlow 1.3.
const ONF_FLOW_MONITOR: u32 = 1870;

/// What a multipart is about, whichever numbers its version gives it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain(u16),
    /// In the form of Nicira, with a match of NXM.
    Nicira(u16),
}

/// The type, the flags and what follows up to the body.
fn read_head(r: &mut Reader<'_>, version: Version) -> Result<(Kind, u16)> {
    let start = r.clone();
    let (number, flags) = (r.u16()?, r.u16()?);
    if version != Version::Of10 {
        r.skip(4)?;
        if version == Version::Of13 && number == kind::EXPERIMENTER {
            return Ok((read_onf(r)?, flags));
        }
        return Ok((Kind::Plain(number), flags));
    }
    if number != kind::EXPERIMENTER {
        // What OpenFlow 1.0 has of these has the same number but for the ports, which it puts into features.
        let known = number <= kind::QUEUE || number == kind::PORT_DESC;
        let refused = start.bad(ErrorCode::BAD_MULTIPART, "a known type of statistics");
        return if known { Ok((Kind::Plain(number), flags)) } else { Err(refused) };
    }
    if r.u32()? != vendor::NX {
        return Err(start.bad(ErrorCode::BAD_EXPERIMENTER, "a known vendor"));
    }
    let kind = match r.u32()? {
        nxst::FLOW => Kind::Nicira(kind::FLOW),
        nxst::AGGREGATE => Kind::Nicira(kind::AGGREGATE),
        nxst::FLOW_MONITOR => Kind::Nicira(kind::FLOW_MONITOR),
        nxst::GROUP => Kind::Plain(kind::GROUP),
        nxst::GROUP_DESC => Kind::Plain(kind::GROUP_DESC),
        nxst::GROUP_FEATURES => Kind::Plain(kind::GROUP_FEATURES),
        _ => return Err(start.bad(ErrorCode::BAD_EXP_TYPE, "a known subtype of statistics")),
    };
    // Requests for all there is may end before the padding.
    r.skip_up_to(4);
    Ok((kind, flags))
}

/// The subtype of a multipart of the ONF.
fn read_onf(r: &mut Reader<'_>) -> Result<Kind> {
    let start = r.clone();
    if r.u32()? != vendor::ONF {
        return Err(start.bad(ErrorCode::BAD_EXPERIMENTER, "a known vendor"));
    }
    match r.u32()? {
        ONF_FLOW_MONITOR => Ok(Kind::Plain(kind::FLOW_MONITOR)),
        _ => Err(start.bad(ErrorCode::BAD_EXP_TYPE, "a known subtype of multiparts")),
    }
}

fn put_head(out: &mut Vec<u8>, version: Version, number: u16, flags: u16) {
    let subtype = match (version, number) {
        (Version::Of10, kind::FLOW) => Some(nxst::FLOW),
        (Version::Of10, kind::AGGREGATE) => Some(nxst::AGGREGATE),
        (Version::Of10, kind::FLOW_MONITOR) => Some(nxst::FLOW_MONITOR),
        (Version::Of10, kind::GROUP) => Some(nxst::GROUP),
        (Version::Of10, kind::GROUP_DESC) => Some(nxst::GROUP_DESC),
        (Version::Of10, kind::GROUP_FEATURES) => Some(nxst::GROUP_FEATURES),
        _ => None,
    };
    let onf = version == Version::Of13 && number == kind::FLOW_MONITOR;
    out.put_u16(if subtype.is_some() || onf { kind::EXPERIMENTER } else { number });
    out.put_u16(flags);
    if onf {
        out.zeros(4);
        out.put_u32(vendor::ONF);
        out.put_u32(ONF_FLOW_MONITOR);
        return;
    }
    match (subtype, version) {
        (Some(subtype), _) => {
            out.put_u32(vendor::NX);
            out.put_u32(subtype);
            out.zeros(4);
        }
        (None, Version::Of10) => {}
        (None, Version::Of13 | Version::Of14 | Version::Of15) => out.zeros(4),
    }
}

pub(super) fn read_request(r: &mut Reader<'_>, version: Version) -> Result<MultipartRequest> {
    let start = r.clone();
    let (head, flags) = read_head(r, version)?;
    if flags != 0 {
        return Err(start.bad(ErrorCode::BAD_MULTIPART, "a request in one part"));
    }
    let nxm = matches!(head, Kind::Nicira(_));
    let (Kind::Plain(number) | Kind::Nicira(number)) = head;
    let group = |r: &mut Reader<'_>| Ok(GroupId(r.u32()?));
    Ok(match number {
        kind::DESC => MultipartRequest::Desc,
        kind::FLOW => MultipartRequest::Flow(flow_stats::read_request(r, version, nxm)?),
        kind::AGGREGATE => MultipartRequest::Aggregate(flow_stats::read_request(r, version, nxm)?),
        kind::TABLE => MultipartRequest::Table,
        kind::PORT_STATS => MultipartRequest::PortStats(read_port(r, version)?),
        kind::QUEUE => {
            let port = if version == Version::Of10 {
                let port = PortNo::from_u16(r.u16()?);
                r.skip(2)?;
                if port == PortNo::ALL { PortNo::ANY } else { port }
            } else {
                PortNo(r.u32()?)
            };
            MultipartRequest::Queue { port, queue: r.u32()? }
        }
        kind::GROUP => MultipartRequest::Group(group(r)?),
        // Before OpenFlow 1.5 all groups are always meant.
        kind::GROUP_DESC if r.is_empty() => MultipartRequest::GroupDesc(GroupId::ALL),
        kind::GROUP_DESC => MultipartRequest::GroupDesc(group(r)?),
        kind::GROUP_FEATURES => MultipartRequest::GroupFeatures,
        kind::METER => MultipartRequest::Meter(MeterId(r.u32()?)),
        kind::METER_CONFIG => MultipartRequest::MeterConfig(MeterId(r.u32()?)),
        kind::METER_FEATURES => MultipartRequest::MeterFeatures,
        kind::TABLE_FEATURES if r.is_empty() => MultipartRequest::TableFeatures,
        kind::TABLE_FEATURES => return Err(start.bad(ErrorCode::TABLE_FEATURES_EPERM, "no change of tables")),
        kind::PORT_DESC if version == Version::Of15 => MultipartRequest::PortDesc(PortNo(r.u32()?)),
        kind::PORT_DESC => MultipartRequest::PortDesc(PortNo::ANY),
        kind::TABLE_DESC if version >= Version::Of14 => MultipartRequest::TableDesc,
        kind::QUEUE_DESC if version >= Version::Of14 => {
            MultipartRequest::QueueDesc { port: PortNo(r.u32()?), queue: r.u32()? }
        }
        kind::FLOW_MONITOR => MultipartRequest::FlowMonitor(list(r, |r| monitor::read(r, version))?),
        kind::EXPERIMENTER => return Err(start.bad(ErrorCode::BAD_EXPERIMENTER, "a known experimenter")),
        _ => return Err(start.bad(ErrorCode::BAD_MULTIPART, "a known type of multipart")),
    })
}

fn read_port(r: &mut Reader<'_>, version: Version) -> Result<PortNo> {
    if version == Version::Of10 {
        let port = PortNo::from_u16(r.u16()?);
        r.skip(6)?;
        return Ok(port);
    }
    let port = PortNo(r.u32()?);
    r.skip(4)?;
    Ok(port)
}

fn put_port(out: &mut Vec<u8>, version: Version, port: PortNo) {
    if version == Version::Of10 {
        out.put_u16(port.to_u16().unwrap_or(0xffff));
        out.zeros(6);
    } else {
        out.put_u32(port.0);
        out.zeros(4);
    }
}

const fn request_kind(request: &MultipartRequest) -> u16 {
    match request {
        MultipartRequest::Desc => kind::DESC,
        MultipartRequest::Flow(_) => kind::FLOW,
        MultipartRequest::Aggregate(_) => kind::AGGREGATE,
        MultipartRequest::Table => kind::TABLE,
        MultipartRequest::PortStats(_) => kind::PORT_STATS,
        MultipartRequest::Queue { .. } => kind::QUEUE,
        MultipartRequest::Group(_) => kind::GROUP,
        MultipartRequest::GroupDesc(_) => kind::GROUP_DESC,
        MultipartRequest::GroupFeatures => kind::GROUP_FEATURES,
        MultipartRequest::Meter(_) => kind::METER,
        MultipartRequest::MeterConfig(_) => kind::METER_CONFIG,
        MultipartRequest::MeterFeatures => kind::METER_FEATURES,
        MultipartRequest::TableFeatures => kind::TABLE_FEATURES,
        MultipartRequest::PortDesc(_) => kind::PORT_DESC,
        MultipartRequest::TableDesc => kind::TABLE_DESC,
        MultipartRequest::QueueDesc { .. } => kind::QUEUE_DESC,
        MultipartRequest::FlowMonitor(_) => kind::FLOW_MONITOR,
    }
}

pub(super) fn put_request(out: &mut Vec<u8>, version: Version, request: &MultipartRequest) {
    put_head(out, version, request_kind(request), 0);
    match request {
        MultipartRequest::Flow(f) | MultipartRequest::Aggregate(f) => {
            flow_stats::put_request(out, version, f)
        }
        MultipartRequest::PortStats(port) => put_port(out, version, *port),
        MultipartRequest::Queue { port, queue } => {
            if version == Version::Of10 {
                out.put_u16(if *port == PortNo::ANY { 0xfffc } else { port.to_u16().unwrap_or(0xffff) });
                out.zeros(2);
            } else {
                out.put_u32(port.0);
            }
            out.put_u32(*queue);
        }
        MultipartRequest::Group(group) => {
            out.put_u32(group.0);
            out.zeros(4);
        }
        MultipartRequest::GroupDesc(group) => {
            if matches!(version, Version::Of15 | Version::Of10) {
                out.put_u32(group.0);
                out.zeros(4);
            }
        }
        MultipartRequest::Meter(meter) | MultipartRequest::MeterConfig(meter) => {
            out.put_u32(meter.0);
            out.zeros(4);
        }
        MultipartRequest::PortDesc(port) => {
            if version == Version::Of15 {
                out.put_u32(port.0);
                out.zeros(4);
            }
        }
        MultipartRequest::QueueDesc { port, queue } => {
            out.put_u32(port.0);
            out.put_u32(*queue);
        }
        MultipartRequest::FlowMonitor(monitors) => {
            monitors.iter().for_each(|m| monitor::put(out, version, m));
        }
        MultipartRequest::Desc
        | MultipartRequest::Table
        | MultipartRequest::GroupFeatures
        | MultipartRequest::MeterFeatures
        | MultipartRequest::TableFeatures
        | MultipartRequest::TableDesc => {}
    }
}

/// Reads entries until the end.
pub(super) fn list<T>(
    r: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut entries = Vec::new();
    while !r.is_empty() {
        entries.push(read(r)?);
    }
    Ok(entries)
}

/// The part of the rest that an entry says is its own; the length begins it and counts itself.
pub(super) fn entry<'a>(r: &mut Reader<'a>) -> Result<Reader<'a>> {
    let start = r.clone();
    let length = usize::from(r.u16()?);
    if length < 8 {
        return Err(start.bad(ErrorCode::BAD_LEN, "an entry of at least 8 octets"));
    }
    r.sub(length - 2)
}

pub(super) fn read_reply(r: &mut Reader<'_>, version: Version) -> Result<(bool, MultipartReply)> {
    let start = r.clone();
    let (head, flags) = read_head(r, version)?;
    let nxm = matches!(head, Kind::Nicira(_));
    let (Kind::Plain(number) | Kind::Nicira(number)) = head;
    let reply = match number {
        kind::DESC => MultipartReply::Desc(read_desc(r)?),
        kind::FLOW => MultipartReply::Flow(list(r, |r| flow_stats::read(r, version, nxm))?),
        kind::AGGREGATE => MultipartReply::Aggregate(flow_stats::read_aggregate(r, version)?),
        kind::TABLE => MultipartReply::Table(list(r, |r| read_table(r, version))?),
        kind::PORT_STATS => MultipartReply::PortStats(list(r, |r| port::read_stats(r, version))?),
        kind::QUEUE => MultipartReply::Queue(list(r, |r| queue::read_stats(r, version))?),
        kind::GROUP => MultipartReply::Group(list(r, read_group)?),
        kind::GROUP_DESC => MultipartReply::GroupDesc(list(r, |r| read_group_desc(r, version))?),
        kind::GROUP_FEATURES => MultipartReply::GroupFeatures(GroupFeatures {
            kinds: r.u32()?,
            capabilities: r.u32()?,
            max_groups: [r.u32()?, r.u32()?, r.u32()?, r.u32()?],
            actions: [r.u32()?, r.u32()?, r.u32()?, r.u32()?],
        }),
        kind::METER => MultipartReply::Meter(list(r, read_meter)?),
        kind::METER_CONFIG => MultipartReply::MeterConfig(list(r, |r| {
            let mut r = entry(r)?;
            let (flags, meter) = (MeterFlags(r.u16()?), MeterId(r.u32()?));
            Ok(MeterConfig { meter, flags, bands: meter::read_bands(&mut r)? })
        })?),
        kind::METER_FEATURES => MultipartReply::MeterFeatures(MeterFeatures {
            max_meter: r.u32()?,
            band_types: r.u32()?,
            capabilities: r.u32()?,
            max_bands: r.u8()?,
            max_color: r.u8()?,
        }),
        kind::TABLE_FEATURES => MultipartReply::TableFeatures(list(r, |r| table_features::read(r, version))?),
        kind::PORT_DESC => MultipartReply::PortDesc(list(r, |r| port::read_desc(r, version))?),
        kind::TABLE_DESC => MultipartReply::TableDesc(list(r, table_features::read_desc)?),
        kind::QUEUE_DESC => MultipartReply::QueueDesc(list(r, queue::read_desc)?),
        kind::FLOW_MONITOR => MultipartReply::FlowMonitor(list(r, |r| monitor::read_update(r, version))?),
        _ => return Err(start.bad(ErrorCode::BAD_MULTIPART, "a known type of multipart")),
    };
    Ok((flags & 1 != 0, reply))
}

fn read_desc(r: &mut Reader<'_>) -> Result<SwitchDesc> {
    let mut text = |size| r.take(size).map(port::fixed_text);
    Ok(SwitchDesc {
        manufacturer: text(256)?,
        hardware: text(256)?,
        software: text(256)?,
        serial: text(32)?,
        datapath: text(256)?,
    })
}

fn read_table(r: &mut Reader<'_>, version: Version) -> Result<TableStats> {
    let table = r.u8()?;
    r.skip(3)?;
    if version == Version::Of10 {
        r.skip(32 + 4 + 4)?;
    }
    Ok(TableStats { table, active: r.u32()?, lookups: r.u64()?, matched: r.u64()? })
}

fn put_table(out: &mut Vec<u8>, version: Version, s: &TableStats) {
    out.put(&[s.table, 0, 0, 0]);
    if version == Version::Of10 {
        out.zeros(32);
        out.put_u32((1 << 22) - 1);
        out.put_u32(1_000_000);
    }
    out.put_u32(s.active);
    out.put_u64(s.lookups);
    out.put_u64(s.matched);
}

fn read_group(r: &mut Reader<'_>) -> Result<GroupStats> {
    let mut r = entry(r)?;
    r.skip(2)?;
    let (group, ref_count) = (GroupId(r.u32()?), r.u32()?);
    r.skip(4)?;
    let (packets, bytes, duration_sec, duration_nsec) = (r.u64()?, r.u64()?, r.u32()?, r.u32()?);
    let buckets = list(&mut r, |r| Ok((r.u64()?, r.u64()?)))?;
    Ok(GroupStats { group, ref_count, packets, bytes, duration_sec, duration_nsec, buckets })
}

fn put_group(out: &mut Vec<u8>, s: &GroupStats) {
    let start = out.len();
    out.zeros(4);
    out.put_u32(s.group.0);
    out.put_u32(s.ref_count);
    out.zeros(4);
    out.put_u64(s.packets);
    out.put_u64(s.bytes);
    out.put_u32(s.duration_sec);
    out.put_u32(s.duration_nsec);
    for &(packets, bytes) in &s.buckets {
        out.put_u64(packets);
        out.put_u64(bytes);
    }
    out.patch_len(start, start);
}

fn read_group_desc(r: &mut Reader<'_>, version: Version) -> Result<GroupDesc> {
    let mut r = entry(r)?;
    let start = r.clone();
    let kind = group_kind(&start, r.u8()?)?;
    r.skip(1)?;
    let group = GroupId(r.u32()?);
    if matches!(version, Version::Of13 | Version::Of14) {
        return Ok(GroupDesc { group, kind, buckets: read_buckets(&mut r, version)?, selection: None });
    }
    let array = usize::from(r.u16()?);
    r.skip(6)?;
    let buckets = read_buckets(&mut r.sub(array)?, version)?;
    Ok(GroupDesc { group, kind, buckets, selection: read_props(&mut r)? })
}

fn put_group_desc(out: &mut Vec<u8>, version: Version, d: &GroupDesc) {
    let start = out.len();
    out.zeros(2);
    out.put(&[kind_number(d.kind), 0]);
    out.put_u32(d.group.0);
    if matches!(version, Version::Of13 | Version::Of14) {
        put_buckets(out, version, d.kind, &d.buckets);
    } else {
        let at = out.len();
        out.zeros(8);
        let buckets = out.len();
        put_buckets(out, version, d.kind, &d.buckets);
        out.patch_len(at, buckets);
        put_props(out, d.selection.as_ref());
    }
    out.patch_len(start, start);
}

fn read_meter(r: &mut Reader<'_>) -> Result<MeterStats> {
    let meter = MeterId(r.u32()?);
    let length = usize::from(r.u16()?);
    let mut r = r.sub(length.saturating_sub(6))?;
    r.skip(6)?;
    let (flow_count, packets_in, bytes_in) = (r.u32()?, r.u64()?, r.u64()?);
    let (duration_sec, duration_nsec) = (r.u32()?, r.u32()?);
    let bands = list(&mut r, |r| Ok((r.u64()?, r.u64()?)))?;
    Ok(MeterStats { meter, flow_count, packets_in, bytes_in, duration_sec, duration_nsec, bands })
}

fn put_meter(out: &mut Vec<u8>, s: &MeterStats) {
    let start = out.len();
    out.put_u32(s.meter.0);
    out.zeros(8);
    out.put_u32(s.flow_count);
    out.put_u64(s.packets_in);
    out.put_u64(s.bytes_in);
    out.put_u32(s.duration_sec);
    out.put_u32(s.duration_nsec);
    for &(packets, bytes) in &s.bands {
        out.put_u64(packets);
        out.put_u64(bytes);
    }
    out.patch_len(start + 4, start);
}

pub(super) fn put_reply(out: &mut Vec<u8>, version: Version, more: bool, reply: &MultipartReply) {
    let number = match reply {
        MultipartReply::Desc(_) => kind::DESC,
        MultipartReply::Flow(_) => kind::FLOW,
        MultipartReply::Aggregate(_) => kind::AGGREGATE,
        MultipartReply::Table(_) => kind::TABLE,
        MultipartReply::PortStats(_) => kind::PORT_STATS,
        MultipartReply::Queue(_) => kind::QUEUE,
        MultipartReply::Group(_) => kind::GROUP,
        MultipartReply::GroupDesc(_) => kind::GROUP_DESC,
        MultipartReply::GroupFeatures(_) => kind::GROUP_FEATURES,
        MultipartReply::Meter(_) => kind::METER,
        MultipartReply::MeterConfig(_) => kind::METER_CONFIG,
        MultipartReply::MeterFeatures(_) => kind::METER_FEATURES,
        MultipartReply::TableFeatures(_) => kind::TABLE_FEATURES,
        MultipartReply::PortDesc(_) => kind::PORT_DESC,
        MultipartReply::TableDesc(_) => kind::TABLE_DESC,
        MultipartReply::QueueDesc(_) => kind::QUEUE_DESC,
        MultipartReply::FlowMonitor(_) => kind::FLOW_MONITOR,
    };
    put_head(out, version, number, more.into());
    match reply {
        MultipartReply::Desc(d) => {
            for (text, size) in [
                (&d.manufacturer, 256),
                (&d.hardware, 256),
                (&d.software, 256),
                (&d.serial, 32),
                (&d.datapath, 256),
            ] {
                port::put_fixed_text(out, text, size);
            }
        }
        MultipartReply::Flow(flows) => flows.iter().for_each(|f| flow_stats::put(out, version, f)),
        MultipartReply::FlowMonitor(list) => list.iter().for_each(|u| monitor::put_update(out, version, u)),
        MultipartReply::Aggregate(sum) => flow_stats::put_aggregate(out, version, sum),
        MultipartReply::Table(tables) => tables.iter().for_each(|s| put_table(out, version, s)),
        MultipartReply::PortStats(ports) => ports.iter().for_each(|s| port::put_stats(out, version, s)),
        MultipartReply::Queue(queues) => queues.iter().for_each(|s| queue::put_stats(out, version, s)),
        MultipartReply::Group(groups) => groups.iter().for_each(|s| put_group(out, s)),
        MultipartReply::GroupDesc(groups) => groups.iter().for_each(|d| put_group_desc(out, version, d)),
        MultipartReply::GroupFeatures(f) => {
            let all = [f.kinds, f.capabilities].into_iter().chain(f.max_groups).chain(f.actions);
            all.for_each(|n| out.put_u32(n));
        }
        MultipartReply::Meter(meters) => meters.iter().for_each(|s| put_meter(out, s)),
        MultipartReply::MeterConfig(meters) => meters.iter().for_each(|c| put_meter_config(out, c)),
        MultipartReply::MeterFeatures(f) => {
            [f.max_meter, f.band_types, f.capabilities].into_iter().for_each(|n| out.put_u32(n));
            out.put(&[f.max_bands, f.max_color, 0, 0]);
        }
        MultipartReply::TableFeatures(tables) => {
            tables.iter().for_each(|f| table_features::put(out, version, f))
        }
        MultipartReply::PortDesc(ports) => ports.iter().for_each(|d| port::put_desc(out, version, d)),
        MultipartReply::TableDesc(tables) => tables.iter().for_each(|d| table_features::put_desc(out, d)),
        MultipartReply::QueueDesc(queues) => queues.iter().for_each(|d| queue::put_desc(out, d)),
    }
}

fn put_meter_config(out: &mut Vec<u8>, c: &MeterConfig) {
    let start = out.len();
    out.zeros(2);
    out.put_u16(c.flags.0);
    out.put_u32(c.meter.0);
    meter::put_bands(out, &c.bands);
    out.patch_len(start, start);
}

/// Tables in requests.
pub(super) fn read_table_number(r: &mut Reader<'_>) -> Result<Option<u8>> {
    Ok(table_from_wire(r.u8()?))
}

pub(super) fn put_table_number(out: &mut Vec<u8>, table: Option<u8>) {
    out.put_u8(table_to_wire(table));
}
