//! Tunnels to the other chassis: a port of the integration bridge for each remote address.
//!
//! Named `ovn-CHASSIS-N` with the first letters of the chassis and the first free number, and marked in
//! `external_ids:ovn-chassis-id` with `CHASSIS@REMOTE%LOCAL`. Upstream: encaps.c.

use ovsdb::{Str, Uuid};
use schema::TypedRow;
use schema::sb::{Chassis, Encap};
use schema::vswitch::{Bridge, Interface, Port};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Draft, Rows, bridge};
use crate::host::TUNNEL_KEY;
use crate::model::{EncapKind, LocalEncap};

/// How many letters of the chassis are in the name: names of devices have at most 15.
const NAME_LETTERS: usize = 6;

/// A tunnel as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    chassis: Str,
    kind: EncapKind,
    options: BTreeMap<Str, Str>,
}

pub(crate) fn plan(rows: &Rows<'_>, draft: &mut Draft<'_>) {
    // Before our own row is there, we do not know what we have in common with others.
    let (Some(bridge), Some(own)) = (rows.bridge(), rows.chassis()) else { return };
    let mut wanted = BTreeMap::new();
    for chassis in
        rows.sb.chassis.values().filter(|chassis| chassis.uuid != own.uuid && reachable(rows, chassis))
    {
        to_chassis(rows, chassis, &mut wanted);
    }
    let of_bridge = (Bridge::TABLE, bridge.uuid, "ports");
    let mut stale = Vec::new();
    for port in bridge.ports.iter().filter_map(|port| rows.vswitch.port.get(port)) {
        let Some(mark) = port.external_ids.get(TUNNEL_KEY) else { continue };
        match find(&wanted, mark) {
            // Removed, so that a second port with the same mark is one too many.
            Some(mark) => drop(wanted.remove(&mark).map(|tunnel| repair(rows, port, &tunnel, draft))),
            None => {
                tracing::info!(port = &*port.name, "Clearing old tunnel port \"{}\" ({mark})", port.name);
                stale.push(port.uuid);
            }
        }
    }
    if !stale.is_empty() {
        draft.unrefer(of_bridge, stale);
    }
    let mut names = bridge::port_names(rows);
    let added: Vec<Uuid> =
        wanted.into_iter().filter_map(|(mark, tunnel)| add(&mark, tunnel, &mut names, draft)).collect();
    if !added.is_empty() {
        draft.refer(of_bridge, added);
    }
}

/// The mark under which a tunnel with this one is wanted; upstream's older ones do not say the local address.
fn find(wanted: &BTreeMap<Str, Wanted>, mark: &Str) -> Option<Str> {
    if wanted.contains_key(mark) {
        return Some(mark.clone());
    }
    let older = |candidate: &&Str| candidate.rsplit_once('%').is_some_and(|(older, _)| older == &**mark);
    wanted.keys().find(older).cloned()
}

/// Whether packets go to a chassis at all: it shares a transport zone with us.
fn reachable(rows: &Rows<'_>, chassis: &Chassis) -> bool {
    let own = &rows.config.transport_zones;
    (own.is_empty() && chassis.transport_zones.is_empty()) || !own.is_disjoint(&chassis.transport_zones)
}

/// A tunnel for each address that the chassis has of the best protocol it has, from each of ours.
fn to_chassis(rows: &Rows<'_>, chassis: &Chassis, wanted: &mut BTreeMap<Str, Wanted>) {
    let encaps: Vec<&Encap> =
        chassis.encaps.iter().filter_map(|encap| rows.sb.encap.get(encap)).map(|row| &**row).collect();
    let kinds: BTreeSet<EncapKind> =
        encaps.iter().filter_map(|row| EncapKind::from_name(&row.r#type)).collect();
    let ours = rows.config.encap_kinds();
    let common = kinds.intersection(&ours).next().copied();
    // A gateway of another kind may have only what we have not listed.
    let Some(kind) = common.or_else(|| kinds.first().copied()) else { return };
    for encap in encaps.iter().filter(|row| &*row.r#type == kind.name()) {
        let Ok(remote) = encap.ip.parse::<IpAddr>() else { continue };
        let own =
            rows.config.encaps.iter().filter(|own| own.is_default && own.ip.is_ipv4() == remote.is_ipv4());
        if let Some(own) = own.min_by_key(|own| own.kind != kind) {
            let mark = format!("{}@{remote}%{}", chassis.name, own.ip);
            let options = options(encap, own, remote);
            wanted.insert(mark.into(), Wanted { chassis: chassis.name.clone(), kind, options });
        }
    }
}

fn options(encap: &Encap, own: &LocalEncap, remote: IpAddr) -> BTreeMap<Str, Str> {
    let mut options: BTreeMap<Str, Str> = BTreeMap::from([
        ("remote_ip".into(), remote.to_string().into()),
        ("local_ip".into(), own.ip.to_string().into()),
        ("key".into(), "flow".into()),
    ]);
    for key in ["csum", "dst_port"] {
        if let Some(value) = encap.options.get(key) {
            options.insert(key.into(), value.clone());
        }
    }
    for (key, value) in [("tos", &own.tos), ("df_default", &own.df_default)] {
        if let Some(value) = value {
            options.insert(key.into(), value.clone());
        }
    }
    options
}

fn add(mark: &Str, tunnel: Wanted, names: &mut BTreeSet<Str>, draft: &mut Draft<'_>) -> Option<Uuid> {
    let letters: String = tunnel.chassis.chars().take(NAME_LETTERS).collect();
    let candidates = (0..=u16::MAX).map(|n| Str::from(format!("ovn-{letters}-{n:x}")));
    let name = candidates.into_iter().find(|name| !names.contains(name))?;
    names.insert(name.clone());
    tracing::info!(port = &*name, "adding tunnel {mark}");
    let [interface, port] = std::array::from_fn(|_| draft.uuids.generate());
    let row = Interface {
        name: name.clone(),
        r#type: tunnel.kind.name().into(),
        options: tunnel.options,
        ..Interface::default()
    };
    draft.txn.insert(Interface::TABLE, interface, row.to_row());
    let external_ids = BTreeMap::from([(Str::from(TUNNEL_KEY), mark.clone())]);
    let row = Port { name, interfaces: [interface].into(), external_ids, ..Port::default() };
    draft.txn.insert(Port::TABLE, port, row.to_row());
    Some(port)
}

/// Makes an existing port what it should be.
fn repair(rows: &Rows<'_>, port: &Port, tunnel: &Wanted, draft: &mut Draft<'_>) {
    for interface in port.interfaces.iter().filter_map(|row| rows.vswitch.interface.get(row)) {
        let wanted = Interface {
            r#type: tunnel.kind.name().into(),
            options: tunnel.options.clone(),
            ..(**interface).clone()
        };
        draft.txn.update(Interface::TABLE, interface.uuid, interface.diff(&wanted));
    }
}
