//! Messages of vendors: vendor 32 bits, subtype 32 bits, body. Nicira's, and the ONF's bundles for OpenFlow 1.3.

use super::octets::{Put, Reader, Result};
use super::{
    asynchronous, ct_flush, flow, group, kind, packet, put_bundle_add, put_bundle_control, read_bundle_add,
};
use super::{read_bundle_control, switch, tlv};
use crate::{Body, ErrorCode, PacketInFormat, Version, vendor};

/// Nicira's subtypes.
mod nxt {
    pub(super) const ROLE_REQUEST: u32 = 10;
    pub(super) const ROLE_REPLY: u32 = 11;
    pub(super) const SET_FLOW_FORMAT: u32 = 12;
    pub(super) const FLOW_MOD: u32 = 13;
    pub(super) const FLOW_REMOVED: u32 = 14;
    pub(super) const FLOW_MOD_TABLE_ID: u32 = 15;
    pub(super) const SET_PACKET_IN_FORMAT: u32 = 16;
    pub(super) const PACKET_IN: u32 = 17;
    pub(super) const SET_ASYNC_CONFIG: u32 = 19;
    pub(super) const SET_CONTROLLER_ID: u32 = 20;
    pub(super) const FLOW_MONITOR_CANCEL: u32 = 21;
    pub(super) const FLOW_MONITOR_PAUSED: u32 = 22;
    pub(super) const FLOW_MONITOR_RESUMED: u32 = 23;
    pub(super) const TLV_TABLE_MOD: u32 = 24;
    pub(super) const TLV_TABLE_REQUEST: u32 = 25;
    pub(super) const TLV_TABLE_REPLY: u32 = 26;
    pub(super) const SET_ASYNC_CONFIG2: u32 = 27;
    pub(super) const RESUME: u32 = 28;
    pub(super) const CT_FLUSH_ZONE: u32 = 29;
    pub(super) const PACKET_IN2: u32 = 30;
    pub(super) const GROUP_MOD: u32 = 31;
    pub(super) const CT_FLUSH: u32 = 32;
}

/// The ONF's subtypes.
mod onf {
    pub(super) const FLOW_MONITOR_CANCEL: u32 = 1870;
    pub(super) const FLOW_MONITOR_PAUSED: u32 = 1871;
    pub(super) const FLOW_MONITOR_RESUMED: u32 = 1872;
    pub(super) const ROLE_STATUS: u32 = 1911;
    pub(super) const BUNDLE_CONTROL: u32 = 2300;
    pub(super) const BUNDLE_ADD: u32 = 2301;
}

pub(super) fn read(start: &Reader<'_>, r: &mut Reader<'_>, version: Version, depth: u8) -> Result<Body> {
    match r.u32()? {
        vendor::NX => read_nx(start, r),
        vendor::ONF => match r.u32()? {
            onf::BUNDLE_CONTROL => Ok(Body::BundleControl(read_bundle_control(r)?)),
            onf::BUNDLE_ADD => Ok(Body::BundleAdd(read_bundle_add(r, version, depth)?)),
            onf::FLOW_MONITOR_CANCEL => Ok(Body::FlowMonitorCancel(r.u32()?)),
            onf::FLOW_MONITOR_PAUSED => Ok(Body::FlowMonitorPaused),
            onf::FLOW_MONITOR_RESUMED => Ok(Body::FlowMonitorResumed),
            onf::ROLE_STATUS => Ok(Body::RoleStatus(switch::read_role_status(r)?)),
            _ => Err(start.bad(ErrorCode::BAD_EXP_TYPE, "a known message of the ONF")),
        },
        _ => Err(start.bad(ErrorCode::BAD_EXPERIMENTER, "a known vendor")),
    }
}

fn read_nx(start: &Reader<'_>, r: &mut Reader<'_>) -> Result<Body> {
    Ok(match r.u32()? {
        nxt::ROLE_REQUEST => Body::RoleRequest(switch::read_nx_role(r)?),
        nxt::ROLE_REPLY => Body::RoleReply(switch::read_nx_role(r)?),
        nxt::SET_FLOW_FORMAT => Body::SetFlowFormat(r.u32()?),
        nxt::FLOW_MOD => Body::FlowMod(flow::read_nxm(r)?),
        nxt::FLOW_REMOVED => Body::FlowRemoved(flow::read_removed_nxm(r)?),
        nxt::FLOW_MOD_TABLE_ID => Body::FlowModTableId(r.u8()? != 0),
        nxt::SET_PACKET_IN_FORMAT => Body::SetPacketInFormat(match r.u32()? {
            0 => PacketInFormat::Standard,
            1 => PacketInFormat::Nxt,
            2 => PacketInFormat::Nxt2,
            _ => return Err(start.bad(ErrorCode::EPERM, "a known format of packet-in")),
        }),
        nxt::SET_ASYNC_CONFIG => Body::SetAsync(asynchronous::read_old(r)?),
        nxt::SET_ASYNC_CONFIG2 => Body::SetAsync(asynchronous::read_props(r)?),
        nxt::SET_CONTROLLER_ID => {
            r.zeros(6)?;
            Body::SetControllerId(r.u16()?)
        }
        nxt::FLOW_MONITOR_CANCEL => Body::FlowMonitorCancel(r.u32()?),
        nxt::FLOW_MONITOR_PAUSED => Body::FlowMonitorPaused,
        nxt::FLOW_MONITOR_RESUMED => Body::FlowMonitorResumed,
        nxt::TLV_TABLE_MOD => Body::TlvTableMod(tlv::read_mod(r)?),
        nxt::TLV_TABLE_REQUEST => Body::TlvTableRequest,
        nxt::TLV_TABLE_REPLY => Body::TlvTableReply(tlv::read_table(r)?),
        nxt::RESUME => Body::Resume(packet::read_in2(r)?),
        nxt::CT_FLUSH_ZONE => {
            r.zeros(6)?;
            Body::CtFlushZone(r.u16()?)
        }
        nxt::PACKET_IN => Body::NxPacketIn(packet::read_nx_in(r)?),
        nxt::PACKET_IN2 => Body::PacketIn2(packet::read_in2(r)?),
        nxt::GROUP_MOD => Body::GroupMod(group::read(r, Version::Of10)?),
        nxt::CT_FLUSH => Body::CtFlush(ct_flush::read(r)?),
        _ => return Err(start.bad(ErrorCode::BAD_EXP_TYPE, "a known message of Nicira")),
    })
}

/// Writes the message if it is a vendor's one in this version, and says its type.
pub(super) fn put(out: &mut Vec<u8>, version: Version, body: &Body, xid: u32) -> Option<u8> {
    let of10 = version == Version::Of10;
    match body {
        Body::RoleRequest(m) if of10 => {
            switch::put_nx(out, nxt::ROLE_REQUEST);
            switch::put_nx_role(out, *m);
        }
        Body::RoleReply(m) if of10 => {
            switch::put_nx(out, nxt::ROLE_REPLY);
            switch::put_nx_role(out, *m);
        }
        Body::FlowMod(m) if of10 => {
            switch::put_nx(out, nxt::FLOW_MOD);
            flow::put_nxm(out, m);
        }
        Body::FlowRemoved(m) if of10 => {
            switch::put_nx(out, nxt::FLOW_REMOVED);
            flow::put_removed_nxm(out, m);
        }
        Body::GroupMod(m) if of10 => {
            switch::put_nx(out, nxt::GROUP_MOD);
            group::put(out, version, m);
        }
        Body::SetAsync(masks) if of10 => {
            switch::put_nx(out, nxt::SET_ASYNC_CONFIG);
            asynchronous::put_old(out, masks);
        }
        Body::RoleStatus(m) if version < Version::Of14 => {
            switch::put_vendor(out, vendor::ONF, onf::ROLE_STATUS);
            switch::put_role_status(out, *m);
        }
        Body::FlowMonitorCancel(id) => {
            put_monitor(out, version, (nxt::FLOW_MONITOR_CANCEL, onf::FLOW_MONITOR_CANCEL));
            out.put_u32(*id);
        }
        Body::FlowMonitorPaused => {
            put_monitor(out, version, (nxt::FLOW_MONITOR_PAUSED, onf::FLOW_MONITOR_PAUSED));
        }
        Body::FlowMonitorResumed => {
            put_monitor(out, version, (nxt::FLOW_MONITOR_RESUMED, onf::FLOW_MONITOR_RESUMED));
        }
        Body::BundleControl(m) if version < Version::Of14 => {
            switch::put_vendor(out, vendor::ONF, onf::BUNDLE_CONTROL);
            put_bundle_control(out, *m);
        }
        Body::BundleAdd(m) if version < Version::Of14 => {
            switch::put_vendor(out, vendor::ONF, onf::BUNDLE_ADD);
            put_bundle_add(out, version, m, xid);
        }
        other => return put_nx_only(out, version, other),
    }
    Some(kind::EXPERIMENTER)
}

/// Flow monitors are Nicira's in OpenFlow 1.0, and the ONF's after that.
fn put_monitor(out: &mut Vec<u8>, version: Version, (nicira, onf): (u32, u32)) {
    match version {
        Version::Of10 => switch::put_nx(out, nicira),
        Version::Of13 | Version::Of14 | Version::Of15 => switch::put_vendor(out, vendor::ONF, onf),
    }
}

/// What only Nicira has.
fn put_nx_only(out: &mut Vec<u8>, version: Version, body: &Body) -> Option<u8> {
    match body {
        Body::SetFlowFormat(format) => {
            switch::put_nx(out, nxt::SET_FLOW_FORMAT);
            out.put_u32(*format);
        }
        Body::FlowModTableId(on) => {
            switch::put_nx(out, nxt::FLOW_MOD_TABLE_ID);
            out.put_u8((*on).into());
            out.zeros(7);
        }
        Body::SetPacketInFormat(format) => {
            switch::put_nx(out, nxt::SET_PACKET_IN_FORMAT);
            out.put_u32(match format {
                PacketInFormat::Standard => 0,
                PacketInFormat::Nxt => 1,
                PacketInFormat::Nxt2 => 2,
            });
        }
        Body::SetControllerId(id) => {
            switch::put_nx(out, nxt::SET_CONTROLLER_ID);
            out.zeros(6);
            out.put_u16(*id);
        }
        Body::TlvTableMod(m) => {
            switch::put_nx(out, nxt::TLV_TABLE_MOD);
            tlv::put_mod(out, m);
        }
        Body::TlvTableRequest => switch::put_nx(out, nxt::TLV_TABLE_REQUEST),
        Body::TlvTableReply(m) => {
            switch::put_nx(out, nxt::TLV_TABLE_REPLY);
            tlv::put_table(out, m);
        }
        Body::Resume(m) => {
            switch::put_nx(out, nxt::RESUME);
            packet::put_in2(out, version, m);
        }
        Body::NxPacketIn(m) => {
            switch::put_nx(out, nxt::PACKET_IN);
            packet::put_nx_in(out, m);
        }
        Body::PacketIn2(m) => {
            switch::put_nx(out, nxt::PACKET_IN2);
            packet::put_in2(out, version, m);
        }
        Body::CtFlushZone(zone) => {
            switch::put_nx(out, nxt::CT_FLUSH_ZONE);
            out.zeros(6);
            out.put_u16(*zone);
        }
        Body::CtFlush(m) => {
            switch::put_nx(out, nxt::CT_FLUSH);
            ct_flush::put(out, m);
        }
        _ => return None,
    }
    Some(kind::EXPERIMENTER)
}
