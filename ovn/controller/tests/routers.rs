//! Networks with routers: what is asked for, which ports are claimed.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(clippy::disallowed_methods, reason = "tests begin at some time")]

#[allow(dead_code, reason = "other tests use the rest")]
mod bed;

use bed::Bed;
use openflow::{Field, Match, PacketIn2, PacketInReason};
use packet::{Arp, EtherType, Ethernet, Icmp6, IpProto, Ipv4, Ipv6, MacAddr, Neighbor};
use serde_json::{Value, json};

/// Two switches sw0 and sw1 with a router between them: keys 1, 2 and 3. The chassis has port p1 of sw0.
fn routed() -> Bed {
    let mut bed = Bed::with_ports(&["p1"]);
    bed.logical_switch(1, &["q1"]);
    bed.southbound.transact(json!([{"op": "insert", "table": "Datapath_Binding", "row": {
        "tunnel_key": 3, "external_ids": ["map", [["name", "lr0"], ["logical-router", "0"]]],
    }}]));
    for (i, switch) in ["sw0", "sw1"].into_iter().enumerate() {
        let (a, b) = (format!("{switch}-lr0"), format!("lr0-{switch}"));
        port(&mut bed, switch, &a, "patch", 10 + i, &[("peer", &b)]);
        port(&mut bed, "lr0", &b, "patch", 10 + i, &[("peer", &a)]);
    }
    bed.settle();
    bed.plug("p1");
    bed.settle();
    bed
}

fn port(bed: &mut Bed, datapath: &str, name: &str, kind: &str, key: usize, options: &[(&str, &str)]) {
    let rows = bed.southbound.rows("Datapath_Binding", &["_uuid", "external_ids"]);
    let names =
        |row: &&Value| row["external_ids"].to_string().contains(&format!("[\"name\",\"{datapath}\"]"));
    let datapath = rows.iter().find(names).unwrap()["_uuid"].clone();
    bed.southbound.transact(json!([{"op": "insert", "table": "Port_Binding", "row": {
        "logical_port": name, "type": kind, "datapath": datapath, "tunnel_key": key,
        "options": ["map", options],
    }}]));
}

/// A gateway port of lr0 on one of some chassis, the first of them before the others.
fn gateway(bed: &mut Bed, chassis: &[&str]) {
    let options = [("distributed-port", "lr0-sw1")];
    port(bed, "lr0", "cr-lr0-sw1", "chassisredirect", 20, &options);
    let rows = bed.southbound.rows("Chassis", &["_uuid", "name"]);
    let uuid = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap()["_uuid"].clone();
    let named = |i: usize| json!(["named-uuid", format!("m{i}")]);
    let mut operations: Vec<Value> = chassis
        .iter()
        .enumerate()
        .map(|(i, name)| {
            json!({"op": "insert", "table": "HA_Chassis", "uuid-name": format!("m{i}"),
                   "row": {"chassis": uuid(name), "priority": 100 - i}})
        })
        .collect();
    let members: Vec<Value> = (0..chassis.len()).map(named).collect();
    operations.push(json!({"op": "insert", "table": "HA_Chassis_Group", "uuid-name": "g",
                           "row": {"name": "g", "ha_chassis": ["set", members]}}));
    operations.push(json!({"op": "update", "table": "Port_Binding",
                           "where": [["logical_port", "==", "cr-lr0-sw1"]],
                           "row": {"ha_chassis_group": ["named-uuid", "g"]}}));
    bed.southbound.transact(operations.into());
    bed.settle();
}

#[test]
fn what_is_behind_a_router_is_asked_for() {
    let mut bed = routed();
    let first = |key: u32| format!("table=8, priority=50,metadata={key:#x} actions=resubmit(,9)");
    for key in [1, 2] {
        assert!(bed.switch.text().contains(&first(key)), "{:#?}", bed.switch.text());
    }
    bed.unplug("p1");
    bed.settle();
    assert!(!bed.switch.text().contains(&first(2)));
    let zones = bed.vswitch.row("Bridge", &["external_ids"])["external_ids"].to_string();
    assert!(!zones.contains("ct-zone-lr0"), "{zones}");
}

#[test]
fn a_router_has_zones_and_one_of_them_may_be_chosen() {
    let mut bed = routed();
    let zones = |bed: &mut Bed| bed.vswitch.row("Bridge", &["external_ids"])["external_ids"].to_string();
    assert!(zones(&mut bed).contains("ct-zone-lr0_dnat") && zones(&mut bed).contains("ct-zone-lr0_snat"));
    bed.southbound.transact(json!([{"op": "mutate", "table": "Datapath_Binding",
        "where": [["tunnel_key", "==", 3]],
        "mutations": [["external_ids", "insert", ["map", [["snat-ct-zone", "77"]]]]]}]));
    bed.settle();
    assert!(zones(&mut bed).contains(r#"["ct-zone-lr0_snat","77"]"#), "{}", zones(&mut bed));
    assert!(bed.switch.text().iter().any(|flow| flow.contains("set_field:0x4d->reg12")));
}

#[test]
fn a_gateway_port_is_claimed_by_the_first_chassis_that_there_is() {
    let mut bed = routed();
    bed.chassis("hv2", "10.0.0.2");
    bed.settle();
    gateway(&mut bed, &["hv2", "hv1"]);
    assert_eq!(bed.binding("cr-lr0-sw1", "chassis"), json!(["set", []]));
    bed.southbound.transact(json!([{"op": "delete", "table": "Chassis", "where": [["name", "==", "hv2"]]}]));
    bed.settle();
    let rows = bed.southbound.rows("Chassis", &["_uuid", "name"]);
    let ours = rows.iter().find(|row| row["name"] == "hv1").unwrap()["_uuid"].clone();
    assert_eq!(bed.binding("cr-lr0-sw1", "chassis"), ours);
    assert_eq!(bed.binding("cr-lr0-sw1", "up"), json!(true));
    bed.southbound.transact(json!([{"op": "delete", "table": "HA_Chassis_Group", "where": []},
        {"op": "update", "table": "Port_Binding", "where": [["logical_port", "==", "cr-lr0-sw1"]],
         "row": {"ha_chassis_group": ["set", []]}}]));
    bed.settle();
    assert_eq!(bed.binding("cr-lr0-sw1", "chassis"), json!(["set", []]));
}

#[test]
fn a_gateway_router_without_ports_of_guests_is_here_if_it_says_so() {
    let mut bed = Bed::with_ports(&["p1"]);
    bed.southbound.transact(json!([{"op": "insert", "table": "Datapath_Binding", "row": {
        "tunnel_key": 3, "external_ids": ["map", [["name", "gw"], ["logical-router", "0"]]],
    }}]));
    port(&mut bed, "gw", "gw-sw0", "l3gateway", 5, &[("peer", "sw0-gw"), ("l3gateway-chassis", "hv1")]);
    port(&mut bed, "sw0", "sw0-gw", "l3gateway", 5, &[("peer", "gw-sw0"), ("l3gateway-chassis", "hv1")]);
    bed.settle();
    let local = |flow: &String| flow.contains("table=89") && flow.contains("metadata=0x3 actions=clone(");
    assert!(bed.switch.text().iter().any(local), "{:#?}", bed.switch.text());
    assert_ne!(bed.binding("gw-sw0", "chassis"), json!(["set", []]));
}

/// A packet that a flow of lr0 hands over, with what is in registers.
fn punted(packet: Vec<u8>, registers: &[(u8, u32)], userdata: Vec<u8>, paused: bool) -> PacketIn2 {
    let metadata = registers
        .iter()
        .fold(Match::any().with(Field::Metadata, 3_u8), |m, (n, value)| m.with(Field::Reg(*n), *value));
    PacketIn2 {
        packet,
        full_len: None,
        table: 30,
        cookie: 0,
        reason: PacketInReason::Action,
        metadata,
        userdata,
        continuation: paused.then(|| vec![1, 2, 3]),
    }
}

const ROUTER: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const GUEST: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

/// What an action says to the controller: its number and nested actions.
fn userdata(opcode: u8, nested: &str) -> Vec<u8> {
    let nested = openflow::parse_actions(nested).unwrap();
    [vec![0, 0, 0, opcode, 0, 0, 0, 0], openflow::encode_actions(&nested)].concat()
}

fn ipv4(src: [u8; 4], dst: [u8; 4]) -> Vec<u8> {
    let mut frame = Vec::new();
    Ethernet { dst: MacAddr::ZERO, src: ROUTER, ethertype: EtherType::IPV4 }.emit(&mut frame);
    Ipv4::new(src.into(), dst.into(), IpProto::UDP, 0).emit(&mut frame);
    frame
}

#[test]
fn a_packet_waits_until_its_next_hop_is_known() {
    let mut bed = routed();
    let packet = ipv4([10, 0, 0, 1], [10, 1, 0, 9]);
    let question =
        userdata(0, "set_field:ff:ff:ff:ff:ff:ff->eth_dst,set_field:10.1.0.9->arp_tpa,resubmit(,88)");
    // The next hop is 10.1.0.9 behind the port to sw1.
    bed.switch.punt(punted(packet.clone(), &[(0, 0x0a01_0009), (14, 10), (15, 11)], question, true));
    bed.settle();
    let out = &bed.switch.packets[0];
    assert_eq!(
        openflow::Actions(&out.actions).to_string(),
        "set_field:0xa010009->reg0,set_field:0xa->reg14,set_field:0xb->reg15,set_field:0x3->metadata,\
         set_field:ff:ff:ff:ff:ff:ff->eth_dst,set_field:10.1.0.9->arp_tpa,resubmit(,88)"
    );
    let (ethernet, rest) = Ethernet::parse(&out.packet).unwrap();
    let (arp, _) = Arp::parse(rest).unwrap();
    assert_eq!((ethernet.src, arp.operation, arp.sha), (ROUTER, Arp::REQUEST, ROUTER));
    assert!(bed.switch.resumed.is_empty());

    // The answer, as the router's pipeline hands it over.
    let mut answer = Vec::new();
    Ethernet { dst: ROUTER, src: GUEST, ethertype: EtherType::ARP }.emit(&mut answer);
    for _ in 0..2 {
        bed.switch.punt(punted(answer.clone(), &[(0, 0x0a01_0009), (14, 11)], userdata(1, "drop"), false));
        bed.settle();
    }
    let row = bed.southbound.row("MAC_Binding", &["logical_port", "ip", "mac"]);
    assert_eq!(row, json!({"logical_port": "lr0-sw1", "ip": "10.1.0.9", "mac": GUEST.to_string()}));
    assert!(
        bed.switch.text().iter().any(|flow| flow.contains("table=90, priority=100,reg0=0xa010009,reg15=0xb"))
    );
    let [resumed] = &bed.switch.resumed[..] else { panic!("{:?}", bed.switch.resumed) };
    assert_eq!((&resumed.packet[..6], &resumed.packet[6..]), (&GUEST.0[..], &packet[6..]));
    assert_eq!(resumed.continuation, Some(vec![1, 2, 3]));

    // The neighbour has another address now, and what makes no sense is not written down.
    answer[11] = 0x0a;
    bed.switch.punt(punted(answer.clone(), &[(0, 0x0a01_0009), (14, 11)], userdata(1, "drop"), false));
    bed.switch.punt(punted(answer.clone(), &[(0, 0x0a01_0009), (14, 99)], userdata(1, "drop"), false));
    bed.switch.punt(punted(vec![1, 2], &[(0, 7), (14, 11)], userdata(1, "drop"), false));
    bed.settle();
    assert_eq!(bed.southbound.row("MAC_Binding", &["mac"]), json!({"mac": "02:00:00:00:00:0a"}));
}

#[test]
fn a_neighbour_is_solicited_and_its_advertisement_written_down() {
    let mut bed = routed();
    let target: std::net::Ipv6Addr = "fd00::1:2:3".parse().unwrap();
    let mut packet = Vec::new();
    Ethernet { dst: MacAddr::ZERO, src: ROUTER, ethertype: EtherType::IPV6 }.emit(&mut packet);
    Ipv6::new("fd01::1".parse().unwrap(), target, IpProto::UDP, 0).emit(&mut packet);
    let registers = [(0, 0xfd00_0000), (2, 1), (3, 0x0002_0003), (14, 10), (15, 11)];
    bed.switch.punt(punted(packet, &registers, userdata(9, "resubmit(,88)"), true));
    bed.settle();
    let (ethernet, rest) = Ethernet::parse(&bed.switch.packets[0].packet).unwrap();
    let (ip, rest) = Ipv6::parse(rest).unwrap();
    let (icmp, rest) = Icmp6::parse(rest).unwrap();
    let (solicitation, _) = Neighbor::parse(rest).unwrap();
    assert_eq!(ethernet.dst, MacAddr([0x33, 0x33, 0xff, 2, 0, 3]));
    assert_eq!((ip.src.to_string(), ip.dst.to_string()), ("fe80::ff:fe00:1".into(), "ff02::1:ff02:3".into()));
    assert_eq!((icmp.ty, solicitation.target, solicitation.source_link), (135, target, Some(ROUTER)));

    let mut answer = Vec::new();
    Ethernet { dst: ROUTER, src: GUEST, ethertype: EtherType::IPV6 }.emit(&mut answer);
    let registers = [(0, 0xfd00_0000), (2, 1), (3, 0x0002_0003), (14, 11)];
    bed.switch.punt(punted(answer, &registers, userdata(4, "drop"), false));
    bed.settle();
    let row = bed.southbound.row("MAC_Binding", &["logical_port", "ip", "mac"]);
    assert_eq!(row, json!({"logical_port": "lr0-sw1", "ip": "fd00::1:2:3", "mac": GUEST.to_string()}));
    assert_eq!(bed.switch.resumed.len(), 1);
}
