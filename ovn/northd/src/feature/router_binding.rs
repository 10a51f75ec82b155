//! The southbound rows of a router port: its binding, that of its gateway, and the chassis that may have that.
//!
//! A port is a patch to its peer, on every chassis; those of a router that is on one chassis are of type `l3gateway`.
//! Upstream: ovn_port_update_sbrec, sync_ha_chassis_group_for_sbpb.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use incr::Emit;
use ovsdb::{Str, Uuid};

use crate::inputs::routers::redirect_owner;
use crate::model::switch_port::PortColumns;
use crate::model::{Family, Router, RouterPort, SwitchPort};
use crate::network::{Candidate, Network, Peer, Unit, View};
use crate::output::{ChassisGroupRow, Output, PortRow};

/// What a binding says of a peer that is not there.
const NO_PEER: &str = "<error>";

/// The rows of a port.
pub fn rows(port: &RouterPort, router: &Router, key: u32, view: &View<'_>, emit: &mut Emit<Network>) {
    let peer = match view.peer_of_router_port(port) {
        Some(Peer::Switch(peer)) => peer.name.clone(),
        Some(Peer::Router(peer)) => peer.name.clone(),
        None => port.peer.clone().unwrap_or_else(|| NO_PEER.into()),
    };
    let is_gateway = view.is_gateway(port);
    let (kind, mut options) = link(peer, router.chassis.as_ref());
    if is_gateway {
        options.insert("chassis-redirect-port".into(), port.redirect_name());
    }
    options.extend(super::nd_ra::binding_options(port, view));
    let row = binding(port, router, port.uuid, port.name.clone(), key);
    emit.output(Output::Port(Arc::new(with(row, kind, options))));
    let owner = redirect_owner(port.uuid);
    let Some(key) = view.port_key(owner).and_then(|assignment| assignment.key).filter(|_| is_gateway) else {
        return;
    };
    let options = BTreeMap::from([
        ("distributed-port".into(), port.name.clone()),
        ("always-redirect".into(), "true".into()),
    ]);
    let row = with(binding(port, router, owner, port.redirect_name(), key), "chassisredirect", options);
    let chassis_group = group(port, view, emit);
    emit.output(Output::Port(Arc::new(PortRow { chassis_group, ..row })));
}

/// Type and options of a binding that leads to `peer`.
pub fn link(peer: Str, chassis: Option<&Str>) -> (&'static str, BTreeMap<Str, Str>) {
    let mut options = BTreeMap::from([("peer".into(), peer)]);
    match chassis {
        Some(chassis) => {
            options.insert("l3gateway-chassis".into(), chassis.clone());
            ("l3gateway", options)
        }
        None => ("patch", options),
    }
}

/// What the binding of a switch port that leads to a router has instead of the port's own options.
pub fn switch_side(port: &SwitchPort, row: PortRow, view: &View<'_>) -> PortRow {
    let peer = port.router_port.clone().unwrap_or_else(|| NO_PEER.into());
    let Some(Peer::Router(router_port)) = view.peer_of_switch_port(port) else {
        let (kind, options) = link(peer, None);
        return with(row, kind, options);
    };
    let router = view.router_of(router_port.uuid);
    let (kind, options) = link(peer, router.and_then(|router| router.chassis.as_ref()));
    let nat_addresses = announced(router_port, view);
    PortRow { nat_addresses, ..with(row, kind, options) }
}

/// The addresses of a gateway that its chassis announces to the switch when it gets it.
fn announced(port: &RouterPort, view: &View<'_>) -> BTreeSet<Str> {
    let ips = port.ips(Family::V4);
    let Some(mac) = port.mac.filter(|_| view.is_gateway(port) && !ips.is_empty()) else {
        return BTreeSet::new();
    };
    let resident = crate::flows::quoted(&port.redirect_name());
    BTreeSet::from([format!("{mac} {} is_chassis_resident({resident})", ips.join(" ")).into()])
}

/// The group of chassis that a northbound row names.
pub fn group_rows(group: Uuid, view: &View<'_>, emit: &mut Emit<Network>) {
    if let Some((row, members)) = view.chassis_group(group) {
        let ids = row.external_ids.clone();
        emit.output(Output::ChassisGroup(Arc::new(group_row(row.name.clone(), ids, &members, view))));
    }
}

/// The group of chassis that may have a gateway: one that is there for all, or one of the port's own.
fn group(port: &RouterPort, view: &View<'_>, emit: &mut Emit<Network>) -> Option<Str> {
    if let Some(group) = port.chassis_group {
        let (row, _) = view.chassis_group(group)?;
        emit.unit(Unit::ChassisGroup(group));
        return Some(row.name.clone());
    }
    let members = view.gateway_chassis(port);
    emit.output(Output::ChassisGroup(Arc::new(group_row(
        port.name.clone(),
        BTreeMap::new(),
        &members,
        view,
    ))));
    Some(port.name.clone())
}

fn group_row(
    name: Str,
    external_ids: BTreeMap<Str, Str>,
    members: &BTreeSet<Candidate>,
    view: &View<'_>,
) -> ChassisGroupRow {
    let member = |Candidate { priority, chassis }: &Candidate| {
        (chassis.clone(), (view.chassis(chassis).map(|row| row.uuid), *priority))
    };
    ChassisGroupRow { name, external_ids, members: members.iter().map(member).collect() }
}

fn binding(port: &RouterPort, router: &Router, uuid: Uuid, name: Str, key: u32) -> PortRow {
    PortRow {
        uuid,
        name,
        kind: Str::default(),
        datapath: router.uuid,
        key,
        columns: PortColumns {
            addresses: BTreeSet::from([port.address_text()]),
            external_ids: port.external_ids.clone(),
            ..Default::default()
        },
        nat_addresses: BTreeSet::new(),
        chassis_group: None,
        requested_chassis: Vec::new(),
    }
}

fn with(mut row: PortRow, kind: &str, options: BTreeMap<Str, Str>) -> PortRow {
    row.kind = kind.into();
    row.columns.options = options;
    row
}
