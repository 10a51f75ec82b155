//! Neighbours, as the tables of the database say now.

use super::assign::{read, write};
use super::{Place, Traced};
use crate::flow_text::{ethernet, ipv4};
use crate::network::Network;
use crate::node::{Kind, Node};
use lflow::action::{ChkEvpnArp, GetNeighbor, LookupNeighbor, NeighborProtocol};
use lflow::symbols::FieldRef;
use openflow::Field;
use packet::MacAddr;
use std::net::{IpAddr, Ipv6Addr};

fn address(protocol: NeighborProtocol, value: u128) -> IpAddr {
    match protocol {
        NeighborProtocol::Arp => ipv4(value).into(),
        NeighborProtocol::Nd => Ipv6Addr::from_bits(value).into(),
    }
}

fn number(mac: &str) -> Option<u128> {
    let MacAddr(octets) = mac.parse().ok()?;
    Some(octets.iter().fold(0, |value, octet| value << 8 | u128::from(*octet)))
}

/// The MAC addresses that an address behind a port is known to have: what was configured to override, what was learned,
/// what was configured otherwise.
fn bindings(
    place: Place<'_>,
    network: &Network,
    protocol: NeighborProtocol,
    port: &FieldRef,
    ip: &FieldRef,
    packet: &Traced,
) -> Vec<u128> {
    let key = u32::try_from(read(port, packet)).unwrap_or(0);
    let Some(port) = place.datapath.port(key) else { return Vec::new() };
    let ip = address(protocol, read(ip, packet));
    let is_it =
        |row_port: &str, row_ip: &str| *port.row.logical_port == *row_port && row_ip.parse() == Ok(ip);
    let tables = network.tables();
    let configured = |overriding: bool| {
        let rows = tables.static_mac_binding.values();
        rows.filter(move |row| row.override_dynamic_mac == overriding && is_it(&row.logical_port, &row.ip))
            .map(|row| row.mac.clone())
    };
    let learned = tables.mac_binding.values().filter(|row| is_it(&row.logical_port, &row.ip));
    let all = configured(true).chain(learned.map(|row| row.mac.clone())).chain(configured(false));
    all.filter_map(|mac| number(&mac)).collect()
}

pub(super) fn get(
    place: Place<'_>,
    get: &GetNeighbor,
    network: &Network,
    packet: &mut Traced,
    nodes: &mut Vec<Node>,
) {
    let found = bindings(place, network, get.protocol, &get.port, &get.ip, packet).first().copied();
    let mac = found.unwrap_or(0);
    packet.flow.set(Field::EthDst, mac);
    nodes.push(match found {
        Some(mac) => Node::new(Kind::Action, format!("/* MAC binding to {}. */", ethernet(mac))),
        None => Node::new(Kind::Action, "/* No MAC binding. */"),
    });
    nodes.push(Node::new(Kind::Effect, format!("eth.dst = {}", ethernet(mac))));
}

pub(super) fn lookup(
    place: Place<'_>,
    lookup: &LookupNeighbor,
    network: &Network,
    packet: &mut Traced,
    nodes: &mut Vec<Node>,
) {
    let known = bindings(place, network, lookup.protocol, &lookup.port, &lookup.ip, packet);
    let wanted = lookup.mac.as_ref().map(|mac| read(mac, packet));
    let (is_known, remark) = match wanted {
        Some(mac) => (known.contains(&mac), format!("/* MAC binding to {} found. */", ethernet(mac))),
        None => (!known.is_empty(), "/* MAC binding found. */".to_owned()),
    };
    let remark = if is_known { remark } else { "/* lookup failed - No MAC binding. */".to_owned() };
    nodes.push(Node::new(Kind::Action, remark));
    write(&lookup.result, is_known.into(), packet);
}

/// What an Ethernet VPN knows is on each chassis, not in the database.
pub(super) fn check_evpn(check: &ChkEvpnArp, packet: &mut Traced, nodes: &mut Vec<Node>) {
    let protocol = if check.ip.bits == 32 { NeighborProtocol::Arp } else { NeighborProtocol::Nd };
    let ip = address(protocol, read(&check.ip, packet));
    let remark = format!("/* EVPN ARP lookup for {ip}: not available in trace. */");
    nodes.push(Node::new(Kind::Action, remark));
    write(&check.result, 0, packet);
}
