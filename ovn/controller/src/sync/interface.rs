//! `Interface.external_ids:ovn-installed`: the flows of the port behind an interface are in the switch.

use ovsdb::{Str, Uuid};
use schema::TypedRow;
use schema::vswitch::Interface;
use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, Rows};

const INSTALLED: &str = "ovn-installed";
const INSTALLED_TIME: &str = "ovn-installed-ts";

pub(crate) fn plan(rows: &Rows<'_>, draft: &mut Draft<'_>) {
    let installed: BTreeSet<Uuid> = rows
        .inputs
        .claimed()
        .filter(|(port, local)| rows.installed.get(&port.uuid) == Some(*local))
        // Others see "installed" and "up" as one.
        .filter(|(port, _)| rows.sb.port_binding.get(&port.uuid).is_some_and(|row| row.chassis.is_some()))
        .filter(|(port, _)| port.kind == crate::model::PortKind::Vif)
        .map(|(_, local)| local.interface)
        .collect();
    for (_, interface) in crate::host::interfaces(rows.vswitch, &rows.config.bridge) {
        let says = interface.external_ids.contains_key(INSTALLED);
        let of_interface = (Interface::TABLE, interface.uuid, "external_ids");
        if installed.contains(&interface.uuid) && !says {
            tracing::info!("Setting lport {} ovn-installed in OVS", lport(interface));
            let wanted = BTreeMap::from([
                (Str::from(INSTALLED), Str::from("true")),
                (Str::from(INSTALLED_TIME), Str::from(rows.now.wall_ms.to_string())),
            ]);
            draft.merge_map(of_interface, &interface.external_ids, &wanted, |_| false);
        } else if says && !installed.contains(&interface.uuid) {
            clear(interface, draft);
        }
    }
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

fn lport(interface: &Interface) -> &str {
    interface.external_ids.get(crate::host::IFACE_ID).map(|name| &**name).unwrap_or_default()
}
