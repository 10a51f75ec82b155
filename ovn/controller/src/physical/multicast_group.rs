//! Multicast groups: a copy for each member here, and one for each chassis that has others.
//!
//! Writes table 54 (to other chassis, and to localports, which packets from tunnels must not reach) and 56 (here).
//! Upstream: physical.c consider_mc_group.

use incr::{Emit, Reads};
use openflow::Action;
use ovsdb::Uuid;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Sink, remote, steps, to};
use crate::model::{LogicalPort, PortKind};
use crate::network::{MulticastGroup, Network, Tunnel};
use crate::tables;

pub(crate) fn flows(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(group) = net.multicast_groups.get(reads, &row) else { return };
    let Some(datapath) = net.local_datapath(reads, group.datapath) else { return };
    let mut sink = Sink { emit, cookie: group.cookie };
    let members = members(net, reads, group);
    let back_to_group = Action::set(tables::OUTPORT, group.key);

    let here = copies(net, reads, &members.here);
    if !here.is_empty() {
        let actions = here.into_iter().chain([back_to_group.clone()]).collect();
        sink.flow(tables::LOCAL_OUTPUT, 100, to(datapath, group.key), actions);
    }
    let mut actions = copies(net, reads, &members.localports);
    if !actions.is_empty() {
        actions.push(back_to_group);
    }
    for tunnel in members.tunnels.values() {
        actions.extend(remote::encapsulate(net, reads, datapath, group.key, tunnel).into_iter().flatten());
    }
    if !actions.is_empty() {
        actions.push(steps::go(tables::REMOTE_VTEP_OUTPUT));
        sink.flow(tables::REMOTE_OUTPUT, 100, to(datapath, group.key), actions);
    }
}

/// The members of a group by how they are reached.
#[derive(Default)]
struct Members<'a> {
    here: Vec<&'a Arc<LogicalPort>>,
    localports: Vec<&'a Arc<LogicalPort>>,
    /// One for each chassis, by its row.
    tunnels: BTreeMap<Uuid, &'a Tunnel>,
}

fn members<'a>(net: &'a Network, reads: &Reads, group: &MulticastGroup) -> Members<'a> {
    let mut members = Members::default();
    // The fabric floods to the other chassis if the switch has a port to it.
    let through_fabric = net.localnets.any(reads, &group.datapath);
    for row in &group.ports {
        let Some(port) = net.ports.get(reads, row) else { continue };
        match (&port.kind, net.locals.get(reads, row)) {
            (PortKind::Localport, Some(_)) => members.localports.push(port),
            (PortKind::Vif | PortKind::Container { .. } | PortKind::Localnet { .. }, Some(_)) => {
                members.here.push(port);
            }
            (PortKind::Vif | PortKind::Container { .. }, None) if !through_fabric => {
                let place = net.places.get(reads, row);
                if let Some((place, tunnel)) =
                    place.and_then(|p| Some((p, remote::tunnel_to(net, reads, p)?)))
                {
                    members.tunnels.insert(place.chassis, tunnel);
                }
            }
            (
                PortKind::Vif | PortKind::Container { .. } | PortKind::Localport | PortKind::Localnet { .. },
                None,
            ) => {}
            (PortKind::Other, _) => {}
        }
    }
    // By key, so that the order of copies does not depend on UUIDs.
    members.here.sort_by_key(|port| port.key);
    members.localports.sort_by_key(|port| port.key);
    members
}

/// A copy of the packet for each port.
fn copies(net: &Network, reads: &Reads, ports: &[&Arc<LogicalPort>]) -> Vec<Action> {
    let copy = |port: &&Arc<LogicalPort>| {
        let zone = steps::set_zone(net.zone(reads, &port.name));
        zone.into_iter().chain([Action::set(tables::OUTPORT, port.key), steps::go(tables::CHECK_LOOPBACK)])
    };
    ports.iter().flat_map(copy).collect()
}
