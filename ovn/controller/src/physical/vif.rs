//! Ports with an interface on this chassis: of guests, nested in another port's by VLAN, and localports.
//!
//! Writes tables 0 (from the interface), 56 (here), 57 (not back), 88 (back after all), 89 (to the interface), and for a
//! localport 54 (stays here). Upstream: physical.c consider_port_binding, put_local_common_flows.

use incr::Reads;
use openflow::{Action, Field, Match};

use super::{Sink, steps, to};
use crate::model::{Datapath, LogicalPort, PortKind};
use crate::network::{Local, Network};
use crate::tables;

pub(super) fn flows(
    net: &Network,
    reads: &Reads,
    port: &LogicalPort,
    local: &Local,
    datapath: &Datapath,
    sink: &mut Sink<'_>,
) {
    let zone = net.zone(reads, &port.name);
    // Without a tag a nested port cannot be told from its parent, and is not local.
    let tag = match port.kind {
        PortKind::Container { .. } => port.tag,
        PortKind::Vif | PortKind::Localport | PortKind::Localnet { .. } | PortKind::Other => None,
    };
    from_interface(port, local, datapath, zone, tag, sink);
    here(port, datapath, zone, sink);
    back(net, reads, port, datapath, tag, sink);
    to_interface(port, local, datapath, tag, sink);
    if port.kind == PortKind::Localport {
        let from = super::on(datapath).with(tables::INPORT, port.key);
        sink.flow(tables::REMOTE_OUTPUT, 150, from, vec![steps::go(tables::LOCAL_OUTPUT)]);
    }
}

fn from_interface(
    port: &LogicalPort,
    local: &Local,
    datapath: &Datapath,
    zone: u16,
    tag: Option<u16>,
    sink: &mut Sink<'_>,
) {
    let mut matching = Match::any().with(Field::InPort, local.ofport.0);
    let mut actions = Vec::new();
    if let Some(tag) = tag {
        matching.set(Field::VlanVid, steps::vlan_vid(tag));
        actions.extend([Action::set_bits(tables::FLAG_NESTED_CONTAINER, 1_u8), Action::PopVlan]);
    }
    actions.extend(steps::set_zone(zone));
    actions.extend(steps::enter(datapath, port.key));
    if port.kind == PortKind::Localport {
        actions.push(Action::set_bits(tables::FLAG_LOCALPORT, 1_u8));
    }
    actions.push(steps::go(tables::LOG_INGRESS));
    sink.flow(tables::PHY_TO_LOG, if tag.is_some() { 150 } else { 100 }, matching, actions);
}

/// The port is on this chassis, and a packet does not go back to it unless it may.
pub(super) fn here(port: &LogicalPort, datapath: &Datapath, zone: u16, sink: &mut Sink<'_>) {
    let actions = steps::set_zone(zone).into_iter().chain([steps::go(tables::CHECK_LOOPBACK)]).collect();
    sink.flow(tables::LOCAL_OUTPUT, 100, to(datapath, port.key), actions);
    let loopback = tables::FLAG_LOOPBACK;
    let back =
        to(datapath, port.key).with(tables::INPORT, port.key).with_masked(loopback.field, 0, loopback.mask());
    sink.flow(tables::CHECK_LOOPBACK, 100, back, vec![]);
}

/// A switch does not send a packet out of the port it came from, but a logical port may get its own back, and ports
/// that share an interface may talk to each other.
fn back(
    net: &Network,
    reads: &Reads,
    port: &LogicalPort,
    datapath: &Datapath,
    tag: Option<u16>,
    sink: &mut Sink<'_>,
) {
    let actions = steps::from_nowhere(tables::LOG_TO_PHY);
    if tag.is_some() {
        return sink.flow(tables::SAVE_INPORT, 100, to(datapath, port.key), actions);
    }
    let flag =
        |bit: openflow::Subfield| to(datapath, port.key).with_masked(bit.field, bit.mask(), bit.mask());
    sink.flow(tables::SAVE_INPORT, 100, flag(tables::FLAG_LOOPBACK), actions.clone());
    if net.nested.any(reads, &port.name) {
        sink.flow(tables::SAVE_INPORT, 100, flag(tables::FLAG_NESTED_CONTAINER), actions);
    }
}

/// Out of the interface, with a tag if there is one.
pub(super) fn to_interface(
    port: &LogicalPort,
    local: &Local,
    datapath: &Datapath,
    tag: Option<u16>,
    sink: &mut Sink<'_>,
) {
    let output = Action::output(local.ofport);
    let actions = match tag {
        // The tag goes again: other copies of the packet follow.
        Some(tag) => vec![
            Action::PushVlan(0x8100),
            Action::set(Field::VlanVid, steps::vlan_vid(tag)),
            output,
            Action::PopVlan,
        ],
        None => vec![output],
    };
    sink.flow(tables::LOG_TO_PHY, 100, to(datapath, port.key), actions);
}
