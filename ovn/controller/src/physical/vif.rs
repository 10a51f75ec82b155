//! Ports with an interface on this chassis: of guests, nested in another port's by VLAN, and localports.
//!
//! Writes tables 0 (from the interface), 56 (here), 57 (not back), 88 (back after all), 89 (to the interface), and for a
//! localport 54 (stays here). Upstream: physical.c consider_port_binding, put_local_common_flows.

use incr::Reads;
use openflow::{Action, Field, Match};

use super::{Sink, steps, to};
use crate::model::{Datapath, LogicalPort, PortKind};
use crate::network::{Local, Network, ZoneIds};
use crate::tables;

pub(super) fn flows(
    net: &Network,
    reads: &Reads,
    port: &LogicalPort,
    local: &Local,
    datapath: &Datapath,
    sink: &mut Sink<'_>,
) {
    let zones = net.zones_of(reads, port, datapath);
    // Without a tag a nested port cannot be told from its parent, and is not local.
    let tag = match port.kind {
        PortKind::Container { .. } => port.tag,
        PortKind::Vif
        | PortKind::Localport
        | PortKind::Localnet { .. }
        | PortKind::Patch { .. }
        | PortKind::L3Gateway { .. }
        | PortKind::ChassisRedirect { .. }
        | PortKind::Other => None,
    };
    from_interface(port, local, datapath, zones, tag, sink);
    here(port, datapath, zones, sink);
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
    zones: ZoneIds,
    tag: Option<u16>,
    sink: &mut Sink<'_>,
) {
    let mut matching = Match::any().with(Field::InPort, local.ofport.0);
    let mut actions = Vec::new();
    if let Some(tag) = tag {
        matching.set(Field::VlanVid, steps::vlan_vid(tag));
        actions.extend([Action::set_bits(tables::FLAG_NESTED_CONTAINER, 1_u8), Action::PopVlan]);
    }
    actions.extend(steps::set_zones(zones));
    actions.extend(steps::enter(datapath, port.key));
    if port.kind == PortKind::Localport {
        actions.push(Action::set_bits(tables::FLAG_LOCALPORT, 1_u8));
    }
    actions.push(steps::go(tables::LOG_INGRESS));
    sink.flow(tables::PHY_TO_LOG, if tag.is_some() { 150 } else { 100 }, matching, actions);
}

/// The port is on this chassis, and a packet does not go back to it unless it may.
pub(super) fn here(port: &LogicalPort, datapath: &Datapath, zones: ZoneIds, sink: &mut Sink<'_>) {
    let actions = steps::set_zones(zones).chain([steps::go(tables::CHECK_LOOPBACK)]).collect();
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

#[cfg(test)]
mod tests {
    use crate::tables::{self, OfTable};
    use crate::tests::lab::Lab;

    const ALL: [OfTable; 6] = [
        tables::PHY_TO_LOG,
        tables::REMOTE_OUTPUT,
        tables::LOCAL_OUTPUT,
        tables::CHECK_LOOPBACK,
        tables::SAVE_INPORT,
        tables::LOG_TO_PHY,
    ];

    #[test]
    fn an_interface_is_plugged_in_and_its_port_is_here() {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.port("sw0", "p1", 7, |_| {});
        insta::assert_snapshot!(lab.difference(&ALL, |lab| lab.interface("p1", Some(2))), @r"
        + table=0, priority=100,in_port=2 actions=set_field:0x1/0xffff->reg13,set_field:0x1->metadata,set_field:0x7->reg14,resubmit(,8)
        + table=56, priority=100,reg15=0x7,metadata=0x1 actions=set_field:0x1/0xffff->reg13,resubmit(,57)
        + table=57, priority=100,reg10=0/0x1,reg14=0x7,reg15=0x7,metadata=0x1 actions=drop
        + table=88, priority=100,reg10=0x1/0x1,reg15=0x7,metadata=0x1 actions=push:NXM_OF_IN_PORT[],set_field:ANY->in_port,resubmit(,89),pop:NXM_OF_IN_PORT[]
        + table=89, priority=100,reg15=0x7,metadata=0x1 actions=output:2
        ");
        insta::assert_snapshot!(lab.difference(&ALL, |lab| lab.interface("p1", Some(3))), @r"
        - table=0, priority=100,in_port=2 actions=set_field:0x1/0xffff->reg13,set_field:0x1->metadata,set_field:0x7->reg14,resubmit(,8)
        - table=89, priority=100,reg15=0x7,metadata=0x1 actions=output:2
        + table=0, priority=100,in_port=3 actions=set_field:0x1/0xffff->reg13,set_field:0x1->metadata,set_field:0x7->reg14,resubmit(,8)
        + table=89, priority=100,reg15=0x7,metadata=0x1 actions=output:3
        ");
        insta::assert_snapshot!(lab.difference(&ALL, |lab| lab.interface("p1", None)), @r"
        - table=0, priority=100,in_port=3 actions=set_field:0x1/0xffff->reg13,set_field:0x1->metadata,set_field:0x7->reg14,resubmit(,8)
        - table=56, priority=100,reg15=0x7,metadata=0x1 actions=set_field:0x1/0xffff->reg13,resubmit(,57)
        - table=57, priority=100,reg10=0/0x1,reg14=0x7,reg15=0x7,metadata=0x1 actions=drop
        - table=88, priority=100,reg10=0x1/0x1,reg15=0x7,metadata=0x1 actions=push:NXM_OF_IN_PORT[],set_field:ANY->in_port,resubmit(,89),pop:NXM_OF_IN_PORT[]
        - table=89, priority=100,reg15=0x7,metadata=0x1 actions=output:3
        ");
    }

    #[test]
    fn a_nested_port_is_where_its_parent_is() {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.port("sw0", "p1", 7, |_| {});
        lab.interface("p1", Some(2));
        let nested = |lab: &mut Lab| {
            lab.port("sw0", "c1", 8, |row| {
                row.parent_port = Some("p1".into());
                row.tag = Some(5);
            });
        };
        insta::assert_snapshot!(lab.difference(&ALL, nested), @r"
        + table=0, priority=150,in_port=2,dl_vlan=5 actions=set_field:0x20/0x20->reg10,pop_vlan,set_field:0x2/0xffff->reg13,set_field:0x1->metadata,set_field:0x8->reg14,resubmit(,8)
        + table=56, priority=100,reg15=0x8,metadata=0x1 actions=set_field:0x2/0xffff->reg13,resubmit(,57)
        + table=57, priority=100,reg10=0/0x1,reg14=0x8,reg15=0x8,metadata=0x1 actions=drop
        + table=88, priority=100,reg10=0x20/0x20,reg15=0x7,metadata=0x1 actions=push:NXM_OF_IN_PORT[],set_field:ANY->in_port,resubmit(,89),pop:NXM_OF_IN_PORT[]
        + table=88, priority=100,reg15=0x8,metadata=0x1 actions=push:NXM_OF_IN_PORT[],set_field:ANY->in_port,resubmit(,89),pop:NXM_OF_IN_PORT[]
        + table=89, priority=100,reg15=0x8,metadata=0x1 actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2,pop_vlan
        ");
    }

    #[test]
    fn a_localport_never_leaves_its_chassis() {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.port("sw0", "p1", 7, |_| {});
        lab.port("sw0", "lp", 9, |row| row.r#type = "localport".into());
        lab.interface("p1", Some(2));
        insta::assert_snapshot!(lab.difference(&ALL, |lab| lab.interface("lp", Some(4))), @r"
        + table=0, priority=100,in_port=4 actions=set_field:0x2/0xffff->reg13,set_field:0x1->metadata,set_field:0x9->reg14,set_field:0x400/0x400->reg10,resubmit(,8)
        + table=54, priority=150,reg14=0x9,metadata=0x1 actions=resubmit(,56)
        + table=56, priority=100,reg15=0x9,metadata=0x1 actions=set_field:0x2/0xffff->reg13,resubmit(,57)
        + table=57, priority=100,reg10=0/0x1,reg14=0x9,reg15=0x9,metadata=0x1 actions=drop
        + table=88, priority=100,reg10=0x1/0x1,reg15=0x9,metadata=0x1 actions=push:NXM_OF_IN_PORT[],set_field:ANY->in_port,resubmit(,89),pop:NXM_OF_IN_PORT[]
        + table=89, priority=100,reg15=0x9,metadata=0x1 actions=output:4
        ");
    }

    #[test]
    fn a_port_that_another_chassis_was_asked_for_is_not_here() {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.interface("p1", Some(2));
        let named = |lab: &mut Lab, names: &'static str| {
            lab.port("sw0", "p1", 7, |row| {
                row.options.insert("requested-chassis".into(), names.into());
            });
        };
        named(&mut lab, "hv2");
        assert_eq!(lab.difference(&ALL, |_| {}), "");
        assert_eq!(lab.inputs.claimed().count(), 0);
        named(&mut lab, "hv1.example,hv2");
        lab.step();
        assert_eq!(lab.inputs.claimed().count(), 1);
    }
}
