//! Multicast groups: a copy for each member here, and one for each chassis that has others.
//!
//! Writes table 54 (to other chassis, and to localports and routers, which packets from tunnels must not reach) and 56
//! (here).
//! Upstream: physical.c consider_mc_group.

use incr::{Emit, Reads};
use openflow::Action;
use ovsdb::Uuid;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Sink, remote, steps, to};
use crate::model::{Datapath, LogicalPort, PortKind};
use crate::network::{MulticastGroup, Network, Tunnel};
use crate::tables;

pub(crate) fn flows(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(group) = net.multicast_groups.get(reads, &row) else { return };
    let Some(datapath) = net.local_datapath(reads, group.datapath) else { return };
    let mut sink = Sink { emit, cookie: group.cookie };
    let members = members(net, reads, group);
    let back_to_group = Action::set(tables::OUTPORT, group.key);

    let here = copies(net, reads, datapath, &members.here);
    if !here.is_empty() {
        let actions = here.into_iter().chain([back_to_group.clone()]).collect();
        sink.flow(tables::LOCAL_OUTPUT, 100, to(datapath, group.key), actions);
    }
    let mut actions = copies(net, reads, datapath, &members.not_from_tunnels);
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
    /// Those that packets from tunnels must not reach: whoever put these in has seen to them. So they are served on the
    /// way to tunnels.
    not_from_tunnels: Vec<&'a Arc<LogicalPort>>,
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
            (PortKind::Localport, Some(_)) | (PortKind::Patch { .. }, _) => {
                members.not_from_tunnels.push(port);
            }
            (PortKind::L3Gateway { .. }, _) if net.hosted.get(reads, row).is_some() => {
                members.here.push(port)
            }
            (PortKind::Vif | PortKind::Container { .. } | PortKind::Localnet { .. }, Some(_)) => {
                members.here.push(port);
            }
            (PortKind::Vif | PortKind::Container { .. } | PortKind::L3Gateway { .. }, None)
                if !through_fabric =>
            {
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
            (PortKind::L3Gateway { .. } | PortKind::ChassisRedirect { .. } | PortKind::Other, _) => {}
        }
    }
    // By key, so that the order of copies does not depend on UUIDs.
    members.here.sort_by_key(|port| port.key);
    members.not_from_tunnels.sort_by_key(|port| port.key);
    members
}

/// A copy of the packet for each port.
fn copies(net: &Network, reads: &Reads, datapath: &Datapath, ports: &[&Arc<LogicalPort>]) -> Vec<Action> {
    let copy = |port: &&Arc<LogicalPort>| {
        let zones = steps::set_zones(net.zones_of(reads, port, datapath));
        zones.chain([Action::set(tables::OUTPORT, port.key), steps::go(tables::CHECK_LOOPBACK)])
    };
    ports.iter().flat_map(copy).collect()
}

#[cfg(test)]
mod tests {
    use crate::tables;
    use crate::tests::lab::Lab;

    const TABLES: [tables::OfTable; 2] = [tables::REMOTE_OUTPUT, tables::LOCAL_OUTPUT];

    fn lab() -> Lab {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        for (i, name) in ["p1", "p2", "far2", "also2", "far3"].into_iter().enumerate() {
            lab.port("sw0", name, i as i64 + 1, |_| {});
        }
        lab.interface("p1", Some(21));
        lab.interface("p2", Some(22));
        for (name, chassis) in [("far2", "hv2"), ("also2", "hv2"), ("far3", "hv3")] {
            lab.bind(name, Some(chassis));
        }
        lab
    }

    #[test]
    fn a_copy_for_each_port_here_and_for_each_other_chassis() {
        let mut lab = lab();
        let group =
            |lab: &mut Lab| lab.group("sw0", "_MC_flood", 32768, &["p1", "p2", "far2", "also2", "far3"]);
        insta::assert_snapshot!(lab.difference(&TABLES, group), @r"
        + table=54, priority=100,reg15=0x8000,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x8000->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:103,set_field:0x1/0xffffff->tun_id,set_field:0x8000->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:102,resubmit(,55)
        + table=56, priority=100,reg15=0x8000,metadata=0x1 actions=set_field:0x1/0xffff->reg13,set_field:0x1->reg15,resubmit(,57),set_field:0x2/0xffff->reg13,set_field:0x2->reg15,resubmit(,57),set_field:0x8000->reg15
        ");
        insta::assert_snapshot!(lab.difference(&[tables::REMOTE_OUTPUT], |lab| lab.bind("far3", None)), @r"
        - table=54, priority=100,reg15=0x5,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x5->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:103,resubmit(,55)
        - table=54, priority=100,reg15=0x8000,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x8000->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:103,set_field:0x1/0xffffff->tun_id,set_field:0x8000->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:102,resubmit(,55)
        + table=54, priority=100,reg15=0x8000,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x8000->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:102,resubmit(,55)
        ");
    }

    #[test]
    fn localports_are_not_reached_from_tunnels() {
        let mut lab = lab();
        lab.port("sw0", "lp", 9, |row| row.r#type = "localport".into());
        lab.interface("lp", Some(23));
        let group = |lab: &mut Lab| lab.group("sw0", "_MC_flood", 32768, &["p1", "lp", "far2"]);
        insta::assert_snapshot!(lab.difference(&TABLES, group), @r"
        + table=54, priority=100,reg15=0x8000,metadata=0x1 actions=set_field:0x1/0xffff->reg13,set_field:0x9->reg15,resubmit(,57),set_field:0x8000->reg15,set_field:0x1/0xffffff->tun_id,set_field:0x8000->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:102,resubmit(,55)
        + table=56, priority=100,reg15=0x8000,metadata=0x1 actions=set_field:0x2/0xffff->reg13,set_field:0x1->reg15,resubmit(,57),set_field:0x8000->reg15
        ");
    }
}
