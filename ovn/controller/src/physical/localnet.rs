//! Localnet ports: a network of the fabric is part of the logical switch.
//!
//! Writes tables 0, 56, 57, 88 and 89 like an interface's port, and in 57 what must not get onto the fabric. Ports of
//! other chassis are reached through it rather than through tunnels; see `remote`.

use incr::Reads;
use openflow::{Action, Field, Match};

use super::{Sink, steps, to, vif};
use crate::model::{Datapath, LogicalPort};
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
    from_fabric(port, local, datapath, zone, sink);
    vif::here(port, datapath, zone, sink);
    let flag =
        |bit: openflow::Subfield| to(datapath, port.key).with_masked(bit.field, bit.mask(), bit.mask());
    sink.flow(tables::CHECK_LOOPBACK, 160, flag(tables::FLAG_LOCALPORT), vec![]);
    let (stay, leave) = (tables::FLAG_LOCAL_ONLY, tables::FLAG_OVERRIDE_LOCAL_ONLY);
    let local_only = flag(stay).with_masked(leave.field, 0, leave.mask());
    sink.flow(tables::CHECK_LOOPBACK, 160, local_only, vec![]);
    sink.flow(tables::SAVE_INPORT, 100, flag(tables::FLAG_LOOPBACK), steps::from_nowhere(tables::LOG_TO_PHY));
    vif::to_interface(port, local, datapath, port.tag.filter(|&tag| tag != 0), sink);
}

/// Packets with the port's tag, or, if it has none, those without a tag and those with the tag zero.
fn from_fabric(port: &LogicalPort, local: &Local, datapath: &Datapath, zone: u16, sink: &mut Sink<'_>) {
    let from = || Match::any().with(Field::InPort, local.ofport.0);
    let enter = |pop: bool| {
        let pop = pop.then_some(Action::PopVlan);
        let enter = steps::enter(datapath, port.key);
        let zone = steps::set_zone(zone);
        pop.into_iter().chain(zone).chain(enter).chain([steps::go(tables::LOG_INGRESS)]).collect::<Vec<_>>()
    };
    let tag = port.tag.unwrap_or(0);
    let tagged = from().with(Field::VlanVid, steps::vlan_vid(tag));
    if tag != 0 {
        return sink.flow(tables::PHY_TO_LOG, 150, tagged, enter(true));
    }
    sink.flow(tables::PHY_TO_LOG, 100, tagged, enter(true));
    let untagged = from().with_masked(Field::VlanVid, 0, 0x1000);
    sink.flow(tables::PHY_TO_LOG, 100, untagged, enter(false));
}
