//! MAC addresses of neighbours of routers' ports: what was learned (`MAC_Binding`) and what is given
//! (`Static_MAC_Binding`).
//!
//! Writes tables 90 (which MAC address has a next hop?), 91 (is a sender known?) and, where what was learned grows old, 103
//! (who sends?), whose flows do nothing but count. What is given goes before what was learned, or after it. Upstream: lflow.c
//! consider_neighbor_flow.

use incr::{Emit, Reads};
use openflow::{Action, Field, Match};
use ovsdb::Uuid;
use std::net::IpAddr;

use super::Sink;
use crate::network::{Neighbor, Network};
use crate::tables;

pub(crate) fn flows(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(neighbor) = net.neighbors.get(reads, &row) else { return };
    let Some(port) = net.port_named(reads, &neighbor.port) else { return };
    let Some(datapath) = net.local_datapath(reads, port.datapath) else { return };
    let Neighbor { ip, mac, priority, is_learned, .. } = **neighbor;
    let mut sink = Sink { emit, cookie: neighbor.cookie };
    let mac = mac.to_u64();
    let found = Action::set_bits(tables::FLAG_LOOKUP_MAC, 1_u8);
    let next_hop = super::to(datapath, port.key);
    let sender = super::on(datapath).with(tables::INPORT, port.key).with(Field::EthSrc, mac);
    let (next_hop, sender) = match ip {
        IpAddr::V4(ip) => (
            next_hop.with(Field::Reg(0), ip.to_bits()),
            sender.with(Field::EthType, tables::ETH_ARP).with(Field::Reg(0), ip.to_bits()),
        ),
        IpAddr::V6(ip) => (next_hop.with(Field::XXReg(1), ip.to_bits()), nd(sender, ip.to_bits())),
    };
    let known = vec![Action::set(Field::EthDst, mac), found.clone()];
    sink.flow(tables::MAC_BINDING, priority, next_hop, known);
    sink.flow(tables::MAC_LOOKUP, priority, sender, vec![found]);
    if is_learned && datapath.neighbor_age.is_some() {
        let from = super::on(datapath).with(tables::INPORT, port.key).with(Field::EthSrc, mac);
        for matching in sends(from, ip) {
            sink.flow(tables::MAC_CACHE_USE, priority, matching, Vec::new());
        }
    }
}

/// What a neighbour sends with its address: packets, and the ARP replies that keep it known.
fn sends(from: Match, ip: IpAddr) -> Vec<Match> {
    match ip {
        IpAddr::V4(ip) => {
            let reply = from.clone().with(Field::EthType, tables::ETH_ARP).with(Field::ArpOp, 2_u8);
            let packet = from.with(Field::EthType, tables::ETH_IPV4).with(Field::Ipv4Src, ip.to_bits());
            vec![packet, reply.with(Field::ArpSpa, ip.to_bits())]
        }
        IpAddr::V6(ip) => {
            vec![from.with(Field::EthType, tables::ETH_IPV6).with(Field::Ipv6Src, ip.to_bits())]
        }
    }
}

/// Neighbour discovery about an address.
fn nd(sender: Match, ip: u128) -> Match {
    let icmp6 = sender.with(Field::EthType, tables::ETH_IPV6).with(Field::IpProto, 58_u8);
    icmp6.with(Field::Icmp6Code, 0_u8).with(Field::XXReg(0), ip)
}

#[cfg(test)]
mod tests {
    use crate::tables;
    use crate::tests::lab::{Lab, uuid};

    #[test]
    fn who_sends_is_counted_where_what_was_learned_grows_old() {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.router("lr0", 10);
        lab.connect("sw0", "lr0", 21);
        lab.port("sw0", "p1", 7, |_| {});
        lab.neighbor("lr0-sw0", "10.0.0.9", "00:00:00:00:00:09");
        lab.neighbor("lr0-sw0", "fd00::9", "00:00:00:00:00:09");
        lab.interface("p1", Some(2));
        assert_eq!(lab.show(&[tables::MAC_CACHE_USE]), "");
        let ages = |lab: &mut Lab| lab.router_age("lr0", 10, "60");
        insta::assert_snapshot!(lab.difference(&[tables::MAC_CACHE_USE], ages), @r"
        + table=103, priority=100,arp,reg14=0x15,metadata=0xa,dl_src=00:00:00:00:00:09,arp_spa=10.0.0.9,arp_op=2 actions=drop
        + table=103, priority=100,ip,reg14=0x15,metadata=0xa,dl_src=00:00:00:00:00:09,nw_src=10.0.0.9 actions=drop
        + table=103, priority=100,ipv6,reg14=0x15,metadata=0xa,dl_src=00:00:00:00:00:09,ipv6_src=fd00::9 actions=drop
        ");
    }

    #[test]
    fn neighbours_of_local_routers_are_known() {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.router("lr0", 10);
        lab.connect("sw0", "lr0", 21);
        lab.port("sw0", "p1", 7, |_| {});
        lab.neighbor("lr0-sw0", "10.0.0.9", "00:00:00:00:00:09");
        lab.neighbor("lr0-sw0", "fd00::9", "00:00:00:00:00:09");
        lab.neighbor("lr0-sw0", "nonsense", "00:00:00:00:00:09");
        let tables = [tables::MAC_BINDING, tables::MAC_LOOKUP];
        assert_eq!(lab.show(&tables), "");
        insta::assert_snapshot!(lab.difference(&tables, |lab| lab.interface("p1", Some(2))), @r"
        + table=90, priority=100,reg0=0xa000009,reg15=0x15,metadata=0xa actions=set_field:00:00:00:00:00:09->eth_dst,set_field:0x40/0x40->reg10
        + table=90, priority=100,reg4=0xfd000000,reg5=0,reg6=0,reg7=0x9,reg15=0x15,metadata=0xa actions=set_field:00:00:00:00:00:09->eth_dst,set_field:0x40/0x40->reg10
        + table=91, priority=100,arp,reg0=0xa000009,reg14=0x15,metadata=0xa,dl_src=00:00:00:00:00:09 actions=set_field:0x40/0x40->reg10
        + table=91, priority=100,icmp6,reg0=0xfd000000,reg1=0,reg2=0,reg3=0x9,reg14=0x15,metadata=0xa,dl_src=00:00:00:00:00:09,icmp_code=0 actions=set_field:0x40/0x40->reg10
        ");
        let given = |lab: &mut Lab| {
            lab.put_given_neighbor(schema::sb::StaticMacBinding {
                uuid: uuid("Static_MAC_Binding", "s"),
                logical_port: "lr0-sw0".into(),
                ip: "10.0.0.9".into(),
                mac: "00:00:00:00:00:0a".into(),
                override_dynamic_mac: true,
                ..Default::default()
            });
        };
        insta::assert_snapshot!(lab.difference(&tables, given), @r"
        + table=90, priority=150,reg0=0xa000009,reg15=0x15,metadata=0xa actions=set_field:00:00:00:00:00:0a->eth_dst,set_field:0x40/0x40->reg10
        + table=91, priority=150,arp,reg0=0xa000009,reg14=0x15,metadata=0xa,dl_src=00:00:00:00:00:0a actions=set_field:0x40/0x40->reg10
        ");
    }
}
