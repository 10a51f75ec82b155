//! Leaving: what this controller has made is taken away, so that nobody sends to a chassis that is gone.

use schema::TypedRow;
use schema::sb::{Chassis, ChassisPrivate};
use schema::vswitch::Bridge;

use super::{Draft, Rows, interface, patch_port, port_binding};
use crate::host::TUNNEL_KEY;

/// Ports are given back and our rows deleted.
pub(crate) fn southbound(rows: &Rows<'_>, draft: &mut Draft<'_>) {
    if let Some(chassis) = rows.chassis() {
        for port in rows.inputs.bound_to(chassis.uuid).filter_map(|port| rows.sb.port_binding.get(&port)) {
            port_binding::release(port, draft);
        }
        draft.txn.delete(Chassis::TABLE, chassis.uuid);
    }
    for row in rows.sb.chassis_private.values().filter(|row| row.name == rows.config.system_id) {
        draft.txn.delete(ChassisPrivate::TABLE, row.uuid);
    }
}

/// Tunnels and patch ports go, and interfaces no longer say that flows are there.
pub(crate) fn vswitch(rows: &Rows<'_>, draft: &mut Draft<'_>) {
    for bridge in rows.vswitch.bridge.values() {
        let ports = bridge.ports.iter().filter_map(|port| rows.vswitch.port.get(port));
        let is_integration = bridge.name == rows.config.bridge;
        let ours = ports.filter(|port| {
            let tunnel = is_integration && port.external_ids.contains_key(TUNNEL_KEY);
            tunnel || patch_port::is_ours(port, &rows.config.bridge)
        });
        let ours: Vec<_> = ours.map(|port| port.uuid).collect();
        if !ours.is_empty() {
            draft.unrefer((Bridge::TABLE, bridge.uuid, "ports"), ours);
        }
    }
    for (_, row) in crate::host::interfaces(rows.vswitch, &rows.config.bridge) {
        interface::clear(row, draft);
    }
}
