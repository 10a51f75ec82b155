//! Requests, one by one.

use std::time::Instant;

use openflow::{
    Body, CtFlush, ErrorCode, FlowMod, FlowModCommand, FlowModFlags, Message, MultipartReply,
    MultipartRequest, PortConfig, PortMod, Role, SwitchConfig, SwitchFeatures, TlvTableMod, Version,
};

use super::{ConnId, Connection};
use crate::bridge::{BridgeId, Fragments};
use crate::switch::{Changes, Switch, describe};

/// Tables that a controller is told of: those that flows can be in.
const N_TABLES: u8 = 254;

/// The bit of a configuration in OpenFlow 1.0: packets whose time to live is over are handed over.
const INVALID_TTL: u16 = 4;

impl Switch {
    /// Does what a message asks for, and answers it.
    ///
    /// # Errors
    /// The code to answer with.
    pub(super) fn openflow_message(
        &mut self,
        id: ConnId,
        message: Message,
        frame: &[u8],
        now: Instant,
    ) -> Result<(), ErrorCode> {
        let xid = message.xid;
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        let bridge = connection.bridge;
        if connection.role == Role::Secondary && changes_state(&message.body) {
            let of10 = connection.version == Some(Version::Of10);
            return Err(if of10 { ErrorCode::EPERM } else { ErrorCode::IS_SECONDARY });
        }
        let reply = match message.body {
            Body::Hello(_) | Body::EchoReply(_) | Body::Error(_) => None,
            Body::EchoRequest(data) => Some(Body::EchoReply(data)),
            Body::BarrierRequest => Some(Body::BarrierReply),
            Body::FeaturesRequest => Some(Body::FeaturesReply(self.features(bridge, self.version_of(id)))),
            Body::BundleControl(control) => {
                Some(Body::BundleControl(self.bundle_control(id, control, xid, now)?))
            }
            Body::BundleAdd(add) => {
                self.bundle_add(id, add, frame)?;
                None
            }
            Body::MultipartRequest(request) => Some(self.multipart_of(id, bridge, request, now)?),
            Body::QueueGetConfigRequest(port) => {
                let queues = self.queue_descs(bridge, port, u32::MAX)?;
                Some(Body::QueueGetConfigReply { port, queues })
            }
            Body::PacketOut(out) => {
                self.packet_out(bridge, &out, now)?;
                None
            }
            Body::Resume(packet) => {
                self.resume(bridge, &packet, now)?;
                None
            }
            Body::PortMod(change) => {
                self.port_mod(bridge, &change)?;
                None
            }
            Body::TlvTableMod(change) => {
                self.tlv_table_mod(bridge, &change)?;
                None
            }
            Body::TlvTableRequest => {
                let bridge = self.bridges.get(&bridge).ok_or(ErrorCode::EPERM)?;
                Some(Body::TlvTableReply(bridge.tlv.to_message()))
            }
            body @ (Body::FlowMod(_) | Body::GroupMod(_) | Body::MeterMod(_)) => {
                self.change_at_once((id, xid), bridge, body, now)?;
                None
            }
            Body::CtFlushZone(zone) => self.forget(&CtFlush { zone: Some(zone), ..CtFlush::default() }, now),
            Body::CtFlush(wanted) => self.forget(&wanted, now),
            Body::GetConfigRequest => Some(Body::GetConfigReply(self.config_of(id)?)),
            Body::SetConfig(config) => {
                self.set_config(id, config)?;
                None
            }
            Body::RoleRequest(asked) => Some(Body::RoleReply(self.role_request(id, asked)?)),
            body => connection.configure(body)?,
        };
        if let (Some(reply), Some(connection)) = (reply, self.connections.get_mut(&id)) {
            connection.send(&reply.with_xid(xid));
        }
        Ok(())
    }

    /// Answers a request for descriptions, statistics or monitors.
    fn multipart_of(
        &mut self,
        id: ConnId,
        bridge: BridgeId,
        request: MultipartRequest,
        now: Instant,
    ) -> Result<Body, ErrorCode> {
        let reply = match request {
            MultipartRequest::FlowMonitor(monitors) => {
                MultipartReply::FlowMonitor(self.flow_monitor(id, monitors)?)
            }
            request => self.multipart(bridge, &request, now)?,
        };
        Ok(Body::MultipartReply { more: false, reply })
    }

    /// Forgets tracked connections. There is no answer, whether there were any or not.
    fn forget(&mut self, wanted: &CtFlush, now: Instant) -> Option<Body> {
        self.tracker.flush(wanted, now);
        None
    }

    fn version_of(&self, id: ConnId) -> Version {
        self.connections.get(&id).and_then(|c| c.version).unwrap_or(Version::Of15)
    }

    /// The connection's configuration, with the bridge's treatment of fragments.
    fn config_of(&self, id: ConnId) -> Result<SwitchConfig, ErrorCode> {
        let connection = self.connections.get(&id).ok_or(ErrorCode::EPERM)?;
        let bridge = self.bridges.get(&connection.bridge).ok_or(ErrorCode::EPERM)?;
        let of10 = connection.version == Some(Version::Of10);
        let invalid_ttl = if of10 && connection.masks.wants_invalid_ttl() { INVALID_TTL } else { 0 };
        Ok(SwitchConfig {
            flags: bridge.fragments.to_flags() | invalid_ttl,
            miss_send_len: connection.miss_send_len,
        })
    }

    fn set_config(&mut self, id: ConnId, config: SwitchConfig) -> Result<(), ErrorCode> {
        let connection = self.connections.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        let bridge = self.bridges.get_mut(&connection.bridge).ok_or(ErrorCode::EPERM)?;
        // Flags that ask for what this switch cannot do leave the treatment as it is.
        let fragments = Fragments::from_flags(config.flags).unwrap_or(bridge.fragments);
        connection.miss_send_len = config.miss_send_len;
        if connection.version == Some(Version::Of10) {
            connection.masks.want_invalid_ttl(config.flags & INVALID_TTL != 0);
        }
        if bridge.fragments != fragments {
            bridge.fragments = fragments;
            self.change_all();
        }
        Ok(())
    }

    fn features(&self, bridge: BridgeId, version: Version) -> SwitchFeatures {
        let of10 = version == Version::Of10;
        let ports =
            if of10 { self.ports_of(bridge).map(|(_, port)| describe(port)).collect() } else { Vec::new() };
        SwitchFeatures {
            datapath_id: self.bridges.get(&bridge).map_or(0, |bridge| bridge.datapath_id),
            n_buffers: 0,
            n_tables: N_TABLES,
            auxiliary_id: 0,
            // Flow, table, port and queue statistics; with 1.0 "ARP match IP", later group statistics, and bundles.
            capabilities: 0x47
                | if of10 { 0x80 } else { 8 }
                | if version >= Version::Of14 { 0x200 } else { 0 },
            actions: if of10 { 0xfff } else { 0 },
            ports,
        }
    }

    /// One change that is no part of a bundle: it is made whole or not at all.
    fn change_at_once(
        &mut self,
        (id, xid): (ConnId, u32),
        bridge: BridgeId,
        body: Body,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        let mut changes = Changes::asked_for(id, xid);
        match self.change(id, bridge, &body, &mut changes, now) {
            Ok(()) => {
                self.commit(bridge, changes, now);
                Ok(())
            }
            Err(code) => {
                self.roll_back(bridge, changes);
                Err(code)
            }
        }
    }

    /// One change of flows, groups or meters.
    pub(super) fn change(
        &mut self,
        id: ConnId,
        bridge: BridgeId,
        body: &Body,
        changes: &mut Changes,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        match body {
            Body::FlowMod(change) => {
                let names_tables = self.connections.get(&id).is_some_and(|c| c.names_tables);
                let change = normalized(change.clone(), self.version_of(id), names_tables)?;
                let adds = self.version_of(id) == Version::Of10 && change.cookie != u64::MAX;
                self.flow_mod(bridge, &change, adds, changes, now)
            }
            Body::GroupMod(change) => self.group_mod(bridge, change, changes, now),
            Body::MeterMod(change) => self.meter_mod(bridge, change, changes, now),
            _ => Err(ErrorCode::BUNDLE_MSG_UNSUP),
        }
    }

    fn port_mod(&mut self, bridge: BridgeId, change: &PortMod) -> Result<(), ErrorCode> {
        let id = self.bridges.get(&bridge).and_then(|bridge| bridge.ports.get(&change.port)).copied();
        let id = id.ok_or(ErrorCode::PORT_MOD_BAD_PORT)?;
        if self.port(id).is_none_or(|port| port.mac.0 != change.hw_addr) {
            return Err(ErrorCode::PORT_MOD_BAD_HW_ADDR);
        }
        self.change_port(id, |port| {
            port.config = PortConfig(port.config.0 & !change.mask.0 | change.config.0 & change.mask.0);
        });
        Ok(())
    }

    fn tlv_table_mod(&mut self, id: BridgeId, change: &TlvTableMod) -> Result<(), ErrorCode> {
        let bridge = self.bridges.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        bridge.tlv = bridge.tlv.changed(change, bridge.options_used())?;
        bridge.doings.clear();
        self.change_all();
        Ok(())
    }
}

impl Connection {
    /// What concerns only the connection.
    fn configure(&mut self, body: Body) -> Result<Option<Body>, ErrorCode> {
        match body {
            Body::SetPacketInFormat(format) => self.format = format,
            Body::SetControllerId(id) => self.controller_id = id,
            Body::FlowModTableId(names) => self.names_tables = names,
            Body::FlowMonitorCancel(monitor) => self.monitors.cancel(monitor)?,
            Body::SetAsync(masks) => self.masks.change(&masks, self.version.unwrap_or(Version::Of15)),
            Body::GetAsyncRequest if self.version != Some(Version::Of10) => {
                return Ok(Some(Body::GetAsyncReply(self.masks.to_message())));
            }
            Body::SetFlowFormat(_) => {}
            _ => return Err(ErrorCode::BAD_TYPE),
        }
        Ok(None)
    }
}

/// Whether a secondary controller may not send it (OpenFlow 1.5.1 section 6.3.6).
fn changes_state(body: &Body) -> bool {
    matches!(
        body,
        Body::FlowMod(_)
            | Body::GroupMod(_)
            | Body::MeterMod(_)
            | Body::PortMod(_)
            | Body::PacketOut(_)
            | Body::TlvTableMod(_)
            | Body::BundleAdd(_)
    )
}

/// A flow mod with what its version means but does not say.
fn normalized(mut change: FlowMod, version: Version, names_tables: bool) -> Result<FlowMod, ErrorCode> {
    if change.buffer_id != u32::MAX {
        return Err(ErrorCode::BUFFER_UNKNOWN);
    }
    let adds = change.command == FlowModCommand::Add;
    if version == Version::Of10 {
        if !names_tables {
            change.table = None;
        }
        if adds {
            change.flags.0 |= FlowModFlags::RESET_COUNTS;
        }
    } else if change.table.is_none()
        && !matches!(change.command, FlowModCommand::Delete | FlowModCommand::DeleteStrict)
    {
        return Err(ErrorCode::FLOW_BAD_TABLE_ID);
    }
    Ok(change)
}
