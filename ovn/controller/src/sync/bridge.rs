//! The integration bridge: it is made if it is missing, kept as it has to be, and remembers conntrack zones.
//!
//! Upstream: ovn-controller.c process_br_int, ct-zone.c ct_zones_commit.

use ovsdb::Str;
use schema::TypedRow;
use schema::vswitch::{Bridge, Datapath, Interface, OpenVSwitch, Port};
use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, Rows};
use crate::zones::KEY_PREFIX;

/// Also what the bridge says about the last configuration that it has.
const NB_CFG_KEY: &str = "ovn-nb-cfg";
const NB_CFG_TIME_KEY: &str = "ovn-nb-cfg-ts";

/// `complete`: all rows are here, so that zones may be forgotten.
pub(crate) fn plan(rows: &Rows<'_>, complete: bool, draft: &mut Draft<'_>) {
    let Some(switch) = rows.switch() else { return };
    // Upstream's switch must not cut tags off that the logical network has put on.
    let unlimited = BTreeMap::from([(Str::from("vlan-limit"), Str::from("0"))]);
    let of_switch = (OpenVSwitch::TABLE, switch.uuid, "other_config");
    draft.merge_map(of_switch, &switch.other_config, &unlimited, |_| false);
    match rows.bridge() {
        Some(bridge) => {
            keep(rows, bridge, complete, draft);
            datapath(rows, switch, draft);
        }
        None => make(rows, switch, draft),
    }
}

fn make(rows: &Rows<'_>, switch: &OpenVSwitch, draft: &mut Draft<'_>) {
    let name = &rows.config.bridge;
    tracing::info!(bridge = &**name, "creating the integration bridge");
    let [interface, port, bridge] = std::array::from_fn(|_| draft.uuids.generate());
    let row = Interface { name: name.clone(), r#type: "internal".into(), ..Interface::default() };
    draft.txn.insert(Interface::TABLE, interface, row.to_row());
    let row = Port { name: name.clone(), interfaces: [interface].into(), ..Port::default() };
    draft.txn.insert(Port::TABLE, port, row.to_row());
    let row = Bridge {
        name: name.clone(),
        ports: [port].into(),
        fail_mode: Some("secure".into()),
        datapath_type: rows.config.bridge_datapath_type.clone().unwrap_or_default(),
        other_config: BTreeMap::from([
            ("disable-in-band".into(), "true".into()),
            // Without it the address would change with the ports.
            ("hwaddr".into(), random_mac(draft)),
        ]),
        ..Bridge::default()
    };
    draft.txn.insert(Bridge::TABLE, bridge, row.to_row());
    draft.refer((OpenVSwitch::TABLE, switch.uuid, "bridges"), [bridge]);
}

/// A unicast address of the locally administered kind.
fn random_mac(draft: &mut Draft<'_>) -> Str {
    let [.., a, b, c, d, e, f] = draft.uuids.generate().as_u128().to_be_bytes();
    packet::MacAddr([a & 0xfc | 2, b, c, d, e, f]).to_string().into()
}

fn keep(rows: &Rows<'_>, bridge: &Bridge, complete: bool, draft: &mut Draft<'_>) {
    let kind = rows.config.bridge_datapath_type.as_ref().unwrap_or(&bridge.datapath_type);
    if bridge.fail_mode.as_deref() != Some("secure") || bridge.datapath_type != *kind {
        let fail_mode = Some("secure".into());
        let wanted = Bridge { fail_mode, datapath_type: kind.clone(), ..bridge.clone() };
        draft.txn.update(Bridge::TABLE, bridge.uuid, bridge.diff(&wanted));
    }
    let of_bridge = (Bridge::TABLE, bridge.uuid, "external_ids");
    let ours = |key: &str| complete && key.starts_with(KEY_PREFIX);
    draft.merge_map(of_bridge, &bridge.external_ids, rows.inputs.zones.wanted(), ours);
    let Some(embodied) = rows.embodied else { return };
    let number = Str::from(embodied.nb_cfg.to_string());
    // The time is that of the configuration, and stays while that does.
    if bridge.external_ids.get(NB_CFG_KEY) != Some(&number) {
        let time = embodied.at_ms.to_string().into();
        let ids = BTreeMap::from([(NB_CFG_KEY.into(), number), (NB_CFG_TIME_KEY.into(), time)]);
        draft.merge_map(of_bridge, &bridge.external_ids, &ids, |_| false);
    }
}

/// The switch tells what it can do in the row of the datapath, which is for us to make. Upstream: create_br_datapath.
fn datapath(rows: &Rows<'_>, switch: &OpenVSwitch, draft: &mut Draft<'_>) {
    let Some(kind) = rows.datapath_type() else { return };
    if !switch.datapaths.contains_key(&kind) {
        let uuid = draft.uuids.generate();
        draft.txn.insert(Datapath::TABLE, uuid, Datapath::default().to_row());
        let pair = ovsdb::Datum::map([(kind, uuid)]);
        draft.txn.mutate(OpenVSwitch::TABLE, switch.uuid, "datapaths", ovsdb::Mutator::Insert, pair);
    }
}

/// Ports of the bridge by name, for names that are to be made.
pub(super) fn port_names(rows: &Rows<'_>) -> BTreeSet<Str> {
    rows.vswitch.port.values().map(|port| port.name.clone()).collect()
}
