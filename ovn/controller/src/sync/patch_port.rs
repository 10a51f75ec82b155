//! Patch ports between the integration bridge and the bridges that lead to the fabric, for localnet ports.
//!
//! A pair for each localnet port of a local datapath whose network has a bridge (`ovn-bridge-mappings`), named
//! `patch-FROM-to-TO` and marked in `external_ids:ovn-localnet-port`. Upstream: patch.c.

use ovsdb::{Str, Uuid};
use schema::TypedRow;
use schema::vswitch::{Bridge, Interface, Port};
use std::collections::BTreeMap;

use super::{Draft, Rows};
use crate::host::LOCALNET_KEY;
use crate::model::PortKind;

/// A half of a pair.
struct Half {
    bridge: Uuid,
    peer: Str,
    localnet: Str,
}

pub(crate) fn plan(rows: &Rows<'_>, draft: &mut Draft<'_>) {
    let Some(integration) = rows.bridge() else { return };
    let mut wanted: BTreeMap<Str, Half> = BTreeMap::new();
    for port in rows.inputs.localnet_ports() {
        let PortKind::Localnet { network } = &port.kind else { continue };
        let name = &port.name;
        let mapping = rows.config.mappings.iter().find(|mapping| mapping.network == *network);
        let bridge = mapping.and_then(|mapping| crate::host::bridge(rows.vswitch, &mapping.bridge));
        let Some(bridge) = bridge else { continue };
        let inner: Str = format!("patch-{}-to-{name}", rows.config.bridge).into();
        let outer: Str = format!("patch-{name}-to-{}", rows.config.bridge).into();
        let half = |bridge: &Bridge, peer: &Str| Half {
            bridge: bridge.uuid,
            peer: peer.clone(),
            localnet: name.clone(),
        };
        wanted.insert(inner.clone(), half(integration, &outer));
        wanted.insert(outer, half(bridge, &inner));
    }
    for bridge in rows.vswitch.bridge.values() {
        let ports = bridge.ports.iter().filter_map(|port| rows.vswitch.port.get(port));
        let mut stale = Vec::new();
        for port in ports.filter(|port| is_ours(port, &rows.config.bridge)) {
            if wanted.get(&port.name).is_some_and(|half| half.bridge == bridge.uuid) {
                wanted.remove(&port.name);
            } else {
                stale.push(port.uuid);
            }
        }
        if !stale.is_empty() {
            draft.unrefer((Bridge::TABLE, bridge.uuid, "ports"), stale);
        }
    }
    for (name, half) in wanted {
        add(name, half, draft);
    }
}

/// Whether a port is half of a pair to this integration bridge; another chassis on this host may have its own.
pub(super) fn is_ours(port: &Port, integration: &str) -> bool {
    let ends = port.name.strip_prefix("patch-").and_then(|name| name.split_once("-to-"));
    let leads_here = |(from, to): (&str, &str)| from == integration || to == integration;
    port.external_ids.contains_key(LOCALNET_KEY) && ends.is_some_and(leads_here)
}

fn add(name: Str, half: Half, draft: &mut Draft<'_>) {
    let [interface, port] = std::array::from_fn(|_| draft.uuids.generate());
    let row = Interface {
        name: name.clone(),
        r#type: "patch".into(),
        options: BTreeMap::from([("peer".into(), half.peer)]),
        ..Interface::default()
    };
    draft.txn.insert(Interface::TABLE, interface, row.to_row());
    let external_ids = BTreeMap::from([(Str::from(LOCALNET_KEY), half.localnet)]);
    let row = Port { name, interfaces: [interface].into(), external_ids, ..Port::default() };
    draft.txn.insert(Port::TABLE, port, row.to_row());
    draft.refer((Bridge::TABLE, half.bridge, "ports"), [port]);
}
