//! `Interface.external_ids:ovn-installed`: the flows of the port behind an interface are in the switch.

use ovsdb::Str;
use schema::TypedRow;
use schema::vswitch::Interface;
use std::collections::BTreeMap;

use super::{Draft, Rows};
use crate::host::IFACE_ID;
use crate::model::PortKind;

const INSTALLED: &str = "ovn-installed";
const INSTALLED_TIME: &str = "ovn-installed-ts";

pub(crate) fn plan(rows: &Rows<'_>, draft: &mut Draft<'_>) {
    let mut claimed = BTreeMap::new();
    for (port, local) in rows.inputs.claimed().filter(|(port, _)| port.kind == PortKind::Vif) {
        // Others see "installed" and "up" as one.
        let is_bound = rows.sb.port_binding.get(&port.uuid).is_some_and(|row| row.chassis.is_some());
        claimed.insert(local.interface, is_bound && rows.installed.get(&port.uuid) == Some(local));
    }
    for (_, interface) in crate::host::interfaces(rows.vswitch, &rows.config.bridge) {
        match claimed.get(&interface.uuid) {
            Some(true) if !interface.external_ids.contains_key(INSTALLED) => install(rows, interface, draft),
            // A port that is still ours keeps what it says while its flows are on their way again.
            Some(_) => {}
            None => clear(interface, draft),
        }
    }
}

fn install(rows: &Rows<'_>, interface: &Interface, draft: &mut Draft<'_>) {
    let lport = interface.external_ids.get(IFACE_ID).map(|name| &**name).unwrap_or_default();
    tracing::info!("Setting lport {lport} ovn-installed in OVS");
    let wanted = BTreeMap::from([
        (Str::from(INSTALLED), Str::from("true")),
        (Str::from(INSTALLED_TIME), Str::from(rows.now.wall_ms.to_string())),
    ]);
    draft.merge_map(
        (Interface::TABLE, interface.uuid, "external_ids"),
        &interface.external_ids,
        &wanted,
        |_| false,
    );
}

/// The flows are no longer there, or nobody looks after them any more.
pub(super) fn clear(interface: &Interface, draft: &mut Draft<'_>) {
    if interface.external_ids.contains_key(INSTALLED) {
        tracing::info!("Removing iface {} ovn-installed in OVS", interface.name);
        let of_interface = (Interface::TABLE, interface.uuid, "external_ids");
        let ours = |key: &str| key == INSTALLED || key == INSTALLED_TIME;
        draft.merge_map(of_interface, &interface.external_ids, &BTreeMap::new(), ours);
    }
}
