//! Localnet ports: a network of the fabric is part of the logical switch.
//!
//! Writes tables 0, 56, 57, 88 and 89 like an interface's port, and in 57 what must not get onto the fabric. Ports of
//! other chassis are reached through it rather than through tunnels; see `remote`.

use incr::Reads;
use openflow::{Action, Field, Match};

use super::{Sink, steps, to, vif};
use crate::model::{Datapath, LogicalPort};
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
    from_fabric(port, local, datapath, zones, sink);
    vif::here(port, datapath, zones, sink);
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
fn from_fabric(port: &LogicalPort, local: &Local, datapath: &Datapath, zones: ZoneIds, sink: &mut Sink<'_>) {
    let from = || Match::any().with(Field::InPort, local.ofport.0);
    let enter = |pop: bool| {
        let pop = pop.then_some(Action::PopVlan);
        let enter = steps::enter(datapath, port.key);
        let zones = steps::set_zones(zones);
        pop.into_iter().chain(zones).chain(enter).chain([steps::go(tables::LOG_INGRESS)]).collect::<Vec<_>>()
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

#[cfg(test)]
mod tests {
    use crate::tables;
    use crate::tests::lab::Lab;

    const ALL: [tables::OfTable; 6] = [
        tables::PHY_TO_LOG,
        tables::REMOTE_OUTPUT,
        tables::LOCAL_OUTPUT,
        tables::CHECK_LOOPBACK,
        tables::SAVE_INPORT,
        tables::LOG_TO_PHY,
    ];

    fn lab(tag: Option<i64>) -> Lab {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.port("sw0", "p1", 7, |_| {});
        lab.interface("p1", Some(2));
        lab.port("sw0", "ln", 9, |row| {
            row.r#type = "localnet".into();
            row.options.insert("network_name".into(), "phys".into());
            row.tag = tag;
        });
        lab
    }

    #[test]
    fn a_fabric_with_a_vlan() {
        insta::assert_snapshot!(lab(Some(7)).difference(&ALL, |lab| lab.patch("ln", 5)), @r"
        + table=0, priority=150,in_port=5,dl_vlan=7 actions=pop_vlan,set_field:0x2/0xffff->reg13,set_field:0x1->metadata,set_field:0x9->reg14,resubmit(,8)
        + table=56, priority=100,reg15=0x9,metadata=0x1 actions=set_field:0x2/0xffff->reg13,resubmit(,57)
        + table=57, priority=100,reg10=0/0x1,reg14=0x9,reg15=0x9,metadata=0x1 actions=drop
        + table=57, priority=160,reg10=0x10/0x40010,reg15=0x9,metadata=0x1 actions=drop
        + table=57, priority=160,reg10=0x400/0x400,reg15=0x9,metadata=0x1 actions=drop
        + table=88, priority=100,reg10=0x1/0x1,reg15=0x9,metadata=0x1 actions=push:NXM_OF_IN_PORT[],set_field:ANY->in_port,resubmit(,89),pop:NXM_OF_IN_PORT[]
        + table=89, priority=100,reg15=0x9,metadata=0x1 actions=push_vlan:0x8100,set_field:4103->vlan_vid,output:5,pop_vlan
        ");
    }

    #[test]
    fn a_fabric_without_vlan_has_packets_without_tag_and_with_tag_zero() {
        insta::assert_snapshot!(lab(None).difference(&[tables::PHY_TO_LOG, tables::LOG_TO_PHY], |lab| lab.patch("ln", 5)), @r"
        + table=0, priority=100,in_port=5,dl_vlan=0 actions=pop_vlan,set_field:0x2/0xffff->reg13,set_field:0x1->metadata,set_field:0x9->reg14,resubmit(,8)
        + table=0, priority=100,in_port=5,vlan_tci=0x0000/0x1000 actions=set_field:0x2/0xffff->reg13,set_field:0x1->metadata,set_field:0x9->reg14,resubmit(,8)
        + table=89, priority=100,reg15=0x9,metadata=0x1 actions=output:5
        ");
    }

    #[test]
    fn ports_of_other_chassis_are_reached_through_the_fabric() {
        let mut lab = lab(Some(7));
        lab.port("sw0", "far", 8, |_| {});
        lab.bind("far", Some("hv2"));
        let tables = [tables::REMOTE_OUTPUT, tables::LOCAL_OUTPUT];
        insta::assert_snapshot!(lab.difference(&tables, |lab| lab.patch("ln", 5)), @r"
        - table=54, priority=100,reg15=0x8,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x8->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:102,resubmit(,55)
        + table=56, priority=100,reg15=0x8,metadata=0x1 actions=set_field:0x9->reg15,resubmit(,56)
        + table=56, priority=100,reg15=0x9,metadata=0x1 actions=set_field:0x2/0xffff->reg13,resubmit(,57)
        ");
    }
}
