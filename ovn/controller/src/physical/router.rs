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

#[cfg(test)]
mod tests {
    use crate::network::Unit;
    use crate::tables::{self, OfTable};
    use crate::tests::lab::{Lab, On, uuid};

    const ALL: [OfTable; 5] = [
        tables::REMOTE_OUTPUT,
        tables::LOCAL_OUTPUT,
        tables::CHECK_LOOPBACK,
        tables::SAVE_INPORT,
        tables::LOG_TO_PHY,
    ];

    /// Switches sw0 and sw1 with a router between them, and sw2 with another one; sw0 has a port of this chassis.
    fn lab() -> Lab {
        let mut lab = Lab::new();
        for (name, key) in [("sw0", 1), ("sw1", 2), ("sw2", 3)] {
            lab.switch(name, key);
        }
        lab.router("lr0", 10);
        lab.router("lr1", 11);
        lab.connect("sw0", "lr0", 21);
        lab.connect("sw1", "lr0", 22);
        lab.connect("sw2", "lr1", 23);
        lab.port("sw0", "p1", 7, |_| {});
        lab.interface("p1", Some(20));
        lab.step();
        lab
    }

    /// Names of the datapaths that concern the chassis.
    fn local(lab: &mut Lab) -> String {
        lab.step();
        let net = &lab.inputs.network;
        let names = net.local_datapaths.peek_all().filter_map(|(row, ())| net.datapaths.peek(row));
        let mut names: Vec<&str> = names.map(|datapath| &*datapath.name).collect();
        names.sort_unstable();
        names.join(" ")
    }

    #[test]
    fn packets_go_on_in_the_datapath_behind_the_router() {
        let mut lab = lab();
        assert_eq!(local(&mut lab), "lr0 sw0 sw1");
        lab.flow("far", "ip4", "next;", On::Switch("sw1"));
        insta::assert_snapshot!(lab.show(&[OfTable(13)]), @"table=13, priority=50,ip,metadata=0x2 actions=resubmit(,14)");
        let router = |flows: String| {
            let of_lr0 = |line: &&str| line.contains("metadata=0xa ") || line.contains("metadata=0xa,");
            flows
                .lines()
                .filter(of_lr0)
                .filter(|line| line.contains("reg15=0x15"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        insta::assert_snapshot!(router(lab.show(&ALL)), @r"
        table=56, priority=100,reg15=0x15,metadata=0xa actions=set_field:0x1->reg11,set_field:0x2->reg12,resubmit(,57)
        table=57, priority=100,reg10=0/0x1,reg14=0x15,reg15=0x15,metadata=0xa actions=drop
        table=88, priority=100,reg10=0x1/0x1,reg15=0x15,metadata=0xa actions=push:NXM_OF_IN_PORT[],set_field:ANY->in_port,resubmit(,89),pop:NXM_OF_IN_PORT[]
        table=89, priority=100,reg15=0x15,metadata=0xa actions=clone(ct_clear,set_field:0->reg11,set_field:0->reg12,set_field:0/0xffff->reg13,set_field:0x1->metadata,set_field:0x15->reg14,set_field:0->reg10,set_field:0->reg15,set_field:0->xxreg0,set_field:0->xxreg1,set_field:0->xreg4,resubmit(,8))
        ");
    }

    #[test]
    fn what_a_router_connects_comes_and_goes_with_the_ports() {
        let mut lab = lab();
        lab.interface("p1", None);
        assert_eq!(local(&mut lab), "");
        lab.interface("p1", Some(20));
        assert_eq!(local(&mut lab), "lr0 sw0 sw1");
        lab.connect("sw2", "lr0", 24);
        assert_eq!(local(&mut lab), "lr0 lr1 sw0 sw1 sw2");
        lab.delete_port(uuid("Port_Binding", "lr0-sw1"));
        assert_eq!(local(&mut lab), "lr0 lr1 sw0 sw2");
        // A second port of a switch changes nothing but the port.
        lab.port("sw0", "p2", 8, |_| {});
        lab.step();
        lab.interface("p2", Some(21));
        assert_eq!(lab.step(), [Unit::Port(uuid("Port_Binding", "p2"))]);
    }

    #[test]
    fn a_gateway_port_is_served_where_it_is_hosted() {
        let mut lab = lab();
        lab.gateway("lr0", "sw1", 30, &["hv2", "hv1"]);
        lab.bind("cr-lr0-sw1", Some("hv2"));
        lab.flow("f", "is_chassis_resident(\"cr-lr0-sw1\")", "next;", On::Switch("lr0"));
        let mine = |lab: &mut Lab| {
            let flows = lab.show(&[tables::REMOTE_OUTPUT, tables::LOCAL_OUTPUT, OfTable(13)]);
            let of_gateway = |line: &&str| line.contains("reg15=0x1e") || line.contains("table=13");
            flows.lines().filter(of_gateway).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(mine(&mut lab), @"table=54, priority=100,reg15=0x1e,metadata=0xa actions=set_field:0xa/0xffffff->tun_id,set_field:0x1e->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:102,resubmit(,55)");
        // The first chassis of the group is gone.
        let mut member = lab.rows.members[&uuid("HA_Chassis", "cr-lr0-sw1 hv2")].clone();
        member.chassis = None;
        lab.put_member(member);
        insta::assert_snapshot!(mine(&mut lab), @r"
        table=13, priority=50,metadata=0xa actions=resubmit(,14)
        table=56, priority=100,reg15=0x1e,metadata=0xa actions=set_field:0x16->reg15,set_field:0x1->reg11,set_field:0x2->reg12,set_field:ANY->in_port,resubmit(,57)
        ");
    }

    #[test]
    fn what_is_behind_a_gateway_concerns_its_chassis_only() {
        let mut lab = lab();
        lab.gateway("lr0", "sw1", 30, &["hv2"]);
        lab.interface("p1", None);
        lab.port("sw1", "q1", 7, |_| {});
        lab.interface("q1", Some(30));
        // From the switch one does not get to the router, whose gateway is elsewhere.
        assert_eq!(local(&mut lab), "sw1");
        lab.gateway("lr0", "sw1", 30, &["hv2", "hv1"]);
        assert_eq!(local(&mut lab), "lr0 sw0 sw1");
        // Who hosts a gateway is concerned even without ports.
        lab.interface("q1", None);
        assert_eq!(local(&mut lab), "lr0 sw0 sw1");
        lab.delete_port(uuid("Port_Binding", "cr-lr0-sw1"));
        assert_eq!(local(&mut lab), "");
    }

    #[test]
    fn a_gateway_router_is_where_its_ports_say() {
        let mut lab = lab();
        lab.interface("p1", None);
        let of = |chassis: &'static str| {
            move |lab: &mut Lab| {
                for (port, peer, datapath) in [("sw2-lr1", "lr1-sw2", "sw2"), ("lr1-sw2", "sw2-lr1", "lr1")] {
                    lab.port(datapath, port, 23, |row| {
                        row.r#type = "l3gateway".into();
                        row.options.insert("peer".into(), peer.into());
                        row.options.insert("l3gateway-chassis".into(), chassis.into());
                    });
                }
            }
        };
        of("hv1")(&mut lab);
        assert_eq!(local(&mut lab), "lr1 sw2");
        assert_eq!(lab.inputs.hosted().count(), 2);
        of("hv2")(&mut lab);
        assert_eq!(local(&mut lab), "");
    }
}
