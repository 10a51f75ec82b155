//! MAC addresses of neighbours of routers' ports: what was learned (`MAC_Binding`) and what is given
//! (`Static_MAC_Binding`).
//!
//! Writes tables 90 (which MAC address has a next hop?) and 91 (is a sender known?). What is given goes before what was
//! learned, or after it. Upstream: lflow.c consider_neighbor_flow.

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
    let Neighbor { ip, mac, priority, .. } = **neighbor;
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
}

/// Neighbour discovery about an address.
fn nd(sender: Match, ip: u128) -> Match {
    let icmp6 = sender.with(Field::EthType, tables::ETH_IPV6).with(Field::IpProto, 58_u8);
    icmp6.with(Field::Icmp6Code, 0_u8).with(Field::XXReg(0), ip)
}
