//! Ports between logical switches and routers: packets go on in the other datapath, on the same chassis.
//!
//! Writes tables 56 (here), 57 (not back), 88 (back after all) and 89 (into the other pipeline); for the gateway port of
//! a distributed router, on the chassis that hosts it, 56 (as the port that it stands for).
//! Upstream: physical.c consider_port_binding.

use incr::Reads;
use openflow::{Action, Field, PortNo};

use super::{Sink, steps, to, vif};
use crate::model::{Datapath, LogicalPort};
use crate::network::Network;
use crate::tables;
use ovsdb::Str;

/// A port that has a peer.
pub(super) fn flows(
    net: &Network,
    reads: &Reads,
    port: &LogicalPort,
    datapath: &Datapath,
    sink: &mut Sink<'_>,
) {
    let Some(peer) = port.kind.peer().and_then(|peer| net.port_named(reads, peer)) else { return };
    let Some(beyond) = net.datapaths.get(reads, &peer.datapath) else { return };
    if peer.kind.peer() != Some(&port.name) {
        return;
    }
    vif::here(port, datapath, net.zones_of(reads, port, datapath), sink);
    let loopback = tables::FLAG_LOOPBACK;
    let looping = to(datapath, port.key).with_masked(loopback.field, loopback.mask(), loopback.mask());
    sink.flow(tables::SAVE_INPORT, 100, looping, steps::from_nowhere(tables::LOG_TO_PHY));

    // The other datapath knows nothing of what was found out in this one.
    let mut actions = vec![
        Action::CtClear,
        Action::set(tables::DNAT_ZONE.field, 0_u8),
        Action::set(tables::SNAT_ZONE.field, 0_u8),
        Action::set_bits(tables::PORT_ZONE, 0_u8),
    ];
    actions.extend(steps::set_zones(net.zones_of(reads, peer, beyond)));
    actions.extend(steps::enter(beyond, peer.key));
    let registers = [tables::FLAGS, tables::OUTPORT, Field::XXReg(0), Field::XXReg(1), Field::XReg(4)];
    actions.extend(registers.into_iter().map(|register| Action::set(register, 0_u8)));
    actions.push(steps::go(tables::LOG_INGRESS));
    sink.flow(tables::LOG_TO_PHY, 100, to(datapath, port.key), vec![Action::Clone(actions)]);
}

/// The gateway port of a distributed router, where it is hosted: packets for it go on as packets for the port that it
/// stands for, and may leave by the tunnel they came from.
pub(super) fn gateway(
    net: &Network,
    reads: &Reads,
    port: &LogicalPort,
    distributed: &Str,
    datapath: &Datapath,
    sink: &mut Sink<'_>,
) {
    let Some(real) = net.port_named(reads, distributed).filter(|real| real.datapath == port.datapath) else {
        return;
    };
    let mut actions = vec![Action::set(tables::OUTPORT, real.key)];
    actions.extend(steps::set_zones(net.zones_of(reads, real, datapath)));
    actions.push(Action::set(Field::InPort16, PortNo::NONE.to_u16().unwrap_or(u16::MAX)));
    actions.push(steps::go(tables::CHECK_LOOPBACK));
    sink.flow(tables::LOCAL_OUTPUT, 100, to(datapath, port.key), actions);
}
