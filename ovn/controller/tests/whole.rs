//! The controller between two databases and a switch.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(clippy::disallowed_methods, reason = "tests begin at some time")]

#[allow(dead_code, reason = "other tests use the rest")]
mod bed;

use bed::Bed;
use controller::{Link, commands};
use openflow::{Field, FlowMod, Match, PacketIn2, PacketInReason};
use serde_json::json;
use std::time::Duration;

/// A bed with a port p1 of this chassis, everything done.
fn settled() -> Bed {
    let mut bed = Bed::with_ports(&["p1", "p2"]);
    bed.settle();
    bed.plug("p1");
    bed.settle();
    bed
}

#[test]
fn a_chassis_registers_and_makes_its_bridge() {
    let mut bed = Bed::new();
    bed.settle();
    let bridge = bed.vswitch.row("Bridge", &["name", "fail_mode"]);
    assert_eq!(bridge, json!({"name": "br-int", "fail_mode": "secure"}));
    let chassis = bed.southbound.row("Chassis", &["name", "hostname"]);
    assert_eq!(chassis, json!({"name": "hv1", "hostname": "host1"}));
    let encap = bed.southbound.row("Encap", &["type", "ip", "chassis_name", "options"]);
    assert_eq!(
        encap,
        json!({"type": "geneve", "ip": "10.0.0.1", "chassis_name": "hv1", "options": ["map", [["csum", "true"]]]})
    );
    let private = bed.southbound.row("Chassis_Private", &["name", "nb_cfg"]);
    assert_eq!(private, json!({"name": "hv1", "nb_cfg": 0}));
    let wanted: Vec<String> = bed.wanted.values().cloned().collect();
    assert_eq!(
        wanted,
        ["unix:/db.sock", "tcp:10.0.0.9:6642", "unix:/run/br-int.mgmt", "unix:/run/br-int.mgmt"]
    );
    assert_eq!(bed.switch.config.map(|c| c.miss_send_len), Some(65535));
    let types = bed.southbound.row("Chassis", &["other_config"]).to_string();
    assert!(types.contains(r#"["iface-types","geneve,system"]"#), "{types}");
}

#[test]
fn changes_of_flows_wait_for_a_switch_that_does_not_read() {
    let mut bed = settled();
    let before = bed.switch.text();
    bed.is_full = true;
    bed.plug("p2");
    bed.settle();
    assert_eq!(bed.switch.text(), before);
    // The rest of the world goes on.
    let chassis = bed.southbound.row("Chassis", &["_uuid"])["_uuid"].clone();
    assert_eq!((bed.binding("p2", "chassis"), bed.binding("p2", "up")), (chassis, json!(false)));
    bed.is_full = false;
    bed.settle();
    assert_eq!(bed.binding("p2", "up"), json!(true));
    assert_ne!(bed.switch.text(), before);
}

#[test]
fn a_port_is_bound_at_once_and_up_when_the_switch_has_its_flows() {
    let mut bed = Bed::with_ports(&["p1"]);
    bed.settle();
    bed.switch.is_slow = true;
    bed.plug("p1");
    bed.settle();
    let chassis = bed.southbound.row("Chassis", &["_uuid"])["_uuid"].clone();
    assert_eq!((bed.binding("p1", "chassis"), bed.binding("p1", "up")), (chassis, json!(false)));
    assert_eq!(bed.interface_ids("p1"), json!(["map", [["iface-id", "p1"]]]));
    bed.switch.hurry();
    bed.settle();
    assert_eq!(bed.binding("p1", "up"), json!(true));
    assert_eq!(
        bed.interface_ids("p1"),
        json!(["map", [["iface-id", "p1"], ["ovn-installed", "true"], ["ovn-installed-ts", "1000000"]]])
    );
    let zones = bed.vswitch.row("Bridge", &["external_ids"])["external_ids"].to_string();
    assert!(zones.contains(r#"["ct-zone-p1","1"]"#), "{zones}");
    assert_eq!(bed.switch.flushed_zones, [1]);

    bed.unplug("p1");
    bed.settle();
    assert_eq!((bed.binding("p1", "chassis"), bed.binding("p1", "up")), (json!(["set", []]), json!(false)));
    let zones = bed.vswitch.row("Bridge", &["external_ids"])["external_ids"].to_string();
    assert!(!zones.contains("ct-zone-p1"), "{zones}");
}

#[test]
fn a_configuration_is_reported_when_the_switch_has_it() {
    let mut bed = settled();
    bed.switch.is_slow = true;
    bed.southbound
        .transact(json!([{"op": "update", "table": "SB_Global", "where": [], "row": {"nb_cfg": 5}}]));
    bed.settle();
    assert_eq!(bed.southbound.row("Chassis_Private", &["nb_cfg"]), json!({"nb_cfg": 0}));
    bed.now.wall_ms = 2_000_000;
    bed.switch.hurry();
    bed.settle();
    let private = bed.southbound.row("Chassis_Private", &["nb_cfg", "nb_cfg_timestamp"]);
    assert_eq!(private, json!({"nb_cfg": 5, "nb_cfg_timestamp": 2_000_000}));
}

#[test]
fn what_others_delete_or_change_is_repaired() {
    let mut bed = settled();
    bed.southbound.transact(json!([{"op": "delete", "table": "Chassis", "where": []}]));
    bed.settle();
    let chassis = bed.southbound.row("Chassis", &["_uuid"])["_uuid"].clone();
    assert_eq!(bed.binding("p1", "chassis"), chassis);
    assert_eq!(bed.southbound.row("Chassis_Private", &["chassis"])["chassis"], chassis);
    bed.southbound.update("Chassis", "hv1", json!({"hostname": "other", "transport_zones": ["set", ["z"]]}));
    bed.southbound.update("Port_Binding", "p1", json!({"up": false}));
    bed.settle();
    assert_eq!(bed.southbound.row("Chassis", &["hostname"]), json!({"hostname": "host1"}));
    assert_eq!(bed.binding("p1", "up"), json!(true));
    bed.vswitch.transact(
        json!([{"op": "update", "table": "Bridge", "where": [], "row": {"fail_mode": "standalone"}}]),
    );
    bed.settle();
    assert_eq!(bed.vswitch.row("Bridge", &["fail_mode"]), json!({"fail_mode": "secure"}));
    // What is not ours stays.
    bed.southbound.update("Chassis", "hv1", json!({"external_ids": ["map", [["theirs", "1"]]]}));
    bed.settle();
    let ids = bed.southbound.row("Chassis", &["external_ids"]);
    assert_eq!(ids, json!({"external_ids": ["map", [["theirs", "1"]]]}));
}

#[test]
fn a_row_that_comes_again_under_its_name_is_bound_again() {
    let mut bed = settled();
    let datapath = bed.southbound.row("Datapath_Binding", &["_uuid"])["_uuid"].clone();
    bed.southbound.transact(json!([
        {"op": "delete", "table": "Port_Binding", "where": [["logical_port", "==", "p1"]]},
        {"op": "insert", "table": "Port_Binding",
         "row": {"logical_port": "p1", "datapath": datapath, "tunnel_key": 9, "up": false}},
    ]));
    bed.settle();
    assert_eq!(bed.binding("p1", "up"), json!(true));
    assert!(
        bed.switch.text().iter().any(|flow| flow.contains("set_field:0x9->reg14")),
        "{:#?}",
        bed.switch.text()
    );
}

#[test]
fn only_differences_are_sent_and_in_one_bundle() {
    let mut bed = settled();
    bed.switch.log.clear();
    bed.plug("p2");
    bed.settle();
    let texts: Vec<String> = bed.switch.log.iter().flatten().cloned().collect();
    insta::assert_snapshot!(format!("{} bundle\n{}", bed.switch.log.len(), texts.join("\n")), @r"
    1 bundle
    Add table=0, priority=100,in_port=2 actions=set_field:0x2/0xffff->reg13,set_field:0x1->metadata,set_field:0x2->reg14,resubmit(,8)
    Add table=56, priority=100,reg15=0x2,metadata=0x1 actions=set_field:0x2/0xffff->reg13,resubmit(,57)
    Add table=57, priority=100,reg10=0/0x1,reg14=0x2,reg15=0x2,metadata=0x1 actions=drop
    Add table=88, priority=100,reg10=0x1/0x1,reg15=0x2,metadata=0x1 actions=push:NXM_OF_IN_PORT[],set_field:ANY->in_port,resubmit(,89),pop:NXM_OF_IN_PORT[]
    Add table=89, priority=100,reg15=0x2,metadata=0x1 actions=output:2
    ");
    bed.switch.log.clear();
    bed.chassis("hv9", "10.0.0.9");
    bed.southbound.update("Chassis", "hv9", json!({"hostname": "x"}));
    bed.settle();
    let log = bed.switch.log.concat();
    assert_eq!(log.len(), 1, "one flow for one tunnel: {log:?}");
}

#[test]
fn after_a_reconnection_all_flows_go_and_come_in_one_bundle() {
    let mut bed = settled();
    let before = bed.switch.text();
    bed.switch.log.clear();
    bed.break_link(Link::Flows);
    bed.settle();
    assert_eq!(bed.switch.text(), before);
    assert_eq!(bed.switch.log.len(), 1);
    assert_eq!(bed.switch.log[0][0], "Delete priority=0 actions=drop");
    assert_eq!(bed.switch.log[0].len(), before.len() + 1);
    assert_eq!(bed.binding("p1", "up"), json!(true));
}

#[test]
fn a_group_is_in_the_switch_before_the_flows_that_name_it_and_goes_after_them() {
    let mut bed = settled();
    let datapath = bed.southbound.row("Datapath_Binding", &["_uuid"])["_uuid"].clone();
    let flow = json!({
        "logical_datapath": datapath, "pipeline": "ingress", "table_id": 7, "priority": 5, "match": "ip4",
        "actions": "ct_lb_mark(backends=10.0.0.8:80,10.0.0.9:80);",
    });
    bed.switch.log.clear();
    bed.southbound.transact(json!([{"op": "insert", "table": "Logical_Flow", "row": flow}]));
    bed.settle();
    assert_eq!(bed.switch.groups.values().collect::<Vec<_>>(), [&2]);
    let log = bed.switch.log.concat();
    assert!(log[0].starts_with("Add group ") && log[1].contains("actions=group:"), "{log:?}");
    let list = commands::run(&mut bed.controller, "group-table-list", &[]).unwrap();
    assert!(list.starts_with("type=select,selection_method=dp_hash,bucket=bucket_id:0,"), "{list}");
    assert_eq!(list.lines().count(), 1);

    bed.break_link(Link::Flows);
    bed.settle();
    assert_eq!(bed.switch.groups.len(), 1);

    bed.southbound
        .transact(json!([{"op": "delete", "table": "Logical_Flow", "where": [["priority", "==", 5]]}]));
    bed.settle();
    assert!(bed.switch.groups.is_empty());
}

#[test]
fn variables_of_this_chassis_are_asked_for() {
    let mut bed = settled();
    let datapath = bed.southbound.row("Datapath_Binding", &["_uuid"])["_uuid"].clone();
    let flow = json!({
        "logical_datapath": datapath, "pipeline": "ingress", "table_id": 7, "priority": 5,
        "match": "ip4.dst == ^vip", "actions": "next;",
    });
    let other = json!({"chassis": "other", "variables": ["map", [["vip", "10.0.0.2"]]]});
    let ours = json!({"chassis": "hv1", "variables": ["map", [["vip", "10.0.0.1"]]]});
    bed.southbound.transact(json!([
        {"op": "insert", "table": "Logical_Flow", "row": flow},
        {"op": "insert", "table": "Chassis_Template_Var", "row": other},
        {"op": "insert", "table": "Chassis_Template_Var", "row": ours},
    ]));
    bed.settle();
    let text = bed.switch.text().concat();
    assert!(text.contains("nw_dst=10.0.0.1") && !text.contains("nw_dst=10.0.0.2"), "{text}");
    assert_eq!(
        commands::run(&mut bed.controller, "debug/dump-local-template-vars", &[]).unwrap(),
        "Local template vars:\nname: 'vip' value: '10.0.0.1'\n"
    );
}

#[test]
fn keys_for_tls_are_those_of_the_switchs_database() {
    let mut bed = settled();
    assert_eq!(bed.keys, None);
    let keys = json!({"private_key": "k", "certificate": "c", "ca_cert": "a", "bootstrap_ca_cert": true});
    bed.vswitch.transact(json!([
        {"op": "insert", "table": "SSL", "uuid-name": "s", "row": keys},
        {"op": "update", "table": "Open_vSwitch", "where": [], "row": {"ssl": ["named-uuid", "s"]}},
    ]));
    bed.settle();
    let keys = bed.keys.clone().unwrap();
    assert_eq!((&*keys.private_key, &*keys.certificate, &*keys.ca_cert), ("k", "c", "a"));
    assert!(keys.bootstrap_ca_cert);
    bed.vswitch.transact(json!([
        {"op": "update", "table": "Open_vSwitch", "where": [], "row": {"ssl": ["set", []]}},
    ]));
    bed.settle();
    assert_eq!(bed.keys, None, "those of the command line again");
}

#[test]
fn flows_stay_while_the_southbound_database_is_away() {
    let mut bed = settled();
    let before = bed.switch.text();
    bed.switch.log.clear();
    bed.cut.insert(Link::Southbound);
    bed.break_link(Link::Southbound);
    bed.settle();
    bed.southbound
        .transact(json!([{"op": "update", "table": "SB_Global", "where": [], "row": {"nb_cfg": 3}}]));
    bed.settle();
    assert_eq!((bed.switch.text(), bed.switch.log.len()), (before, 0));
    assert_eq!(
        commands::run(&mut bed.controller, "connection-status", &[]),
        Ok("not connected\n".to_owned())
    );
    bed.cut.clear();
    bed.settle();
    assert_eq!(bed.southbound.row("Chassis_Private", &["nb_cfg"]), json!({"nb_cfg": 3}));
}

#[test]
fn a_flow_that_the_switch_refuses_is_left_out() {
    let mut bed = Bed::with_ports(&["p1"]);
    bed.switch.refuses = Some("reg14=0x1,reg15=0x1");
    bed.settle();
    bed.plug("p1");
    bed.settle();
    assert_eq!((bed.binding("p1", "up"), bed.reconnections), (json!(true), 0));
    let has = |bed: &Bed, text: &str| bed.switch.text().iter().any(|flow| flow.contains(text));
    assert!(!has(&bed, "reg14=0x1,reg15=0x1") && has(&bed, "in_port=1 actions="));
    // The next connection is asked anew.
    bed.switch.refuses = None;
    bed.break_link(Link::Flows);
    bed.settle();
    assert!(has(&bed, "reg14=0x1,reg15=0x1"));
}

#[test]
fn tunnels_lead_to_the_other_chassis() {
    let mut bed = settled();
    bed.chassis("hv2-with-a-long-name", "10.0.0.2");
    bed.chassis("hv3", "10.0.0.3");
    bed.settle();
    let mut tunnels: Vec<String> = bed
        .vswitch
        .rows("Interface", &["name", "type", "options"])
        .iter()
        .filter(|row| row["type"] == "geneve")
        .map(|row| format!("{} {}", row["name"], row["options"]))
        .collect();
    tunnels.sort();
    insta::assert_snapshot!(tunnels.join("\n"), @r#"
    "ovn-hv2-wi-0" ["map",[["csum","true"],["key","flow"],["local_ip","10.0.0.1"],["remote_ip","10.0.0.2"]]]
    "ovn-hv3-0" ["map",[["csum","true"],["key","flow"],["local_ip","10.0.0.1"],["remote_ip","10.0.0.3"]]]
    "#);
    let marks = bed.vswitch.rows("Port", &["name", "external_ids"]);
    let mark = marks.iter().find(|row| row["name"] == "ovn-hv3-0").unwrap()["external_ids"].clone();
    assert_eq!(mark, json!(["map", [["ovn-chassis-id", "hv3@10.0.0.3%10.0.0.1"]]]));

    // A zone that is not shared is not reached.
    bed.southbound.update("Chassis", "hv3", json!({"transport_zones": ["set", ["tz"]]}));
    bed.settle();
    assert!(bed.vswitch.rows("Port", &["name"]).iter().all(|row| row["name"] != "ovn-hv3-0"));
}

#[test]
fn a_localnet_port_gets_its_pair_of_patch_ports() {
    let mut bed = settled();
    bed.vswitch.transact(json!([
        {"op": "insert", "table": "Bridge", "uuid-name": "b", "row": {"name": "br-ex"}},
        {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [
            ["bridges", "insert", ["set", [["named-uuid", "b"]]]],
            ["external_ids", "insert", ["map", [["ovn-bridge-mappings", "phys:br-ex"]]]],
        ]},
    ]));
    let datapath = bed.southbound.row("Datapath_Binding", &["_uuid"])["_uuid"].clone();
    bed.southbound.transact(json!([{"op": "insert", "table": "Port_Binding", "row": {
        "logical_port": "ln", "type": "localnet", "datapath": datapath, "tunnel_key": 7,
        "options": ["map", [["network_name", "phys"]]],
    }}]));
    bed.settle();
    let patches = |bed: &mut Bed| {
        let rows = bed.vswitch.rows("Interface", &["name", "type", "options"]);
        let patch = rows.iter().filter(|row| row["type"] == "patch");
        let mut patches: Vec<String> =
            patch.map(|row| format!("{} {}", row["name"], row["options"])).collect();
        patches.sort();
        patches
    };
    assert_eq!(
        patches(&mut bed),
        [
            r#""patch-br-int-to-ln" ["map",[["peer","patch-ln-to-br-int"]]]"#,
            r#""patch-ln-to-br-int" ["map",[["peer","patch-br-int-to-ln"]]]"#
        ]
    );
    bed.southbound.transact(json!([
        {"op": "delete", "table": "Port_Binding", "where": [["logical_port", "==", "ln"]]},
    ]));
    bed.settle();
    assert_eq!(patches(&mut bed), Vec::<String>::new());
}

/// A packet that a flow of datapath 1 and port `port` hands over with `userdata`.
fn punted(packet: Vec<u8>, port: u32, userdata: Vec<u8>) -> PacketIn2 {
    PacketIn2 {
        packet,
        full_len: None,
        table: 12,
        cookie: 0,
        reason: PacketInReason::Action,
        metadata: Match::any().with(Field::Metadata, 1u8).with(Field::Reg(14), port),
        userdata,
        continuation: None,
    }
}

#[test]
fn a_learned_address_is_written_once_and_follows_its_port() {
    let mut bed = settled();
    let frame: Vec<u8> =
        [[0xff; 6], [0, 0, 0, 0, 0, 0x77]].concat().into_iter().chain([8, 0, 1, 2]).collect();
    let put_fdb = vec![0, 0, 0, 25, 0, 0, 0, 0];
    for _ in 0..3 {
        bed.switch.punt(punted(frame.clone(), 1, put_fdb.clone()));
    }
    bed.settle();
    let learned = |bed: &mut Bed| bed.southbound.row("FDB", &["mac", "dp_key", "port_key"]);
    assert_eq!(learned(&mut bed), json!({"mac": "00:00:00:00:00:77", "dp_key": 1, "port_key": 1}));
    assert!(bed.switch.text().iter().any(|flow| flow.contains("table=95")));
    bed.switch.punt(punted(frame, 2, put_fdb));
    bed.settle();
    assert_eq!(learned(&mut bed), json!({"mac": "00:00:00:00:00:77", "dp_key": 1, "port_key": 2}));
    // Garbage comes to nothing.
    bed.switch.punt(punted(vec![1, 2, 3], 1, vec![0, 0, 0, 25, 0, 0, 0, 0]));
    bed.switch.punt(punted(vec![], 1, vec![9]));
    bed.settle();
    assert_eq!(bed.southbound.rows("FDB", &[]).len(), 1);
}

#[test]
fn a_solicitation_is_answered_with_an_advertisement() {
    use packet::{EtherType, Ethernet, Icmp6, IpProto, Ipv6, MacAddr, Neighbor};
    let mut bed = settled();
    let (src, target): (std::net::Ipv6Addr, std::net::Ipv6Addr) =
        ("fe80::1".parse().unwrap(), "fd00::5".parse().unwrap());
    let mut body = Vec::new();
    Neighbor { target, source_link: Some(MacAddr([0, 0, 0, 0, 0, 1])), target_link: None }.emit(&mut body);
    let mut frame = Vec::new();
    let dst = MacAddr([0x33, 0x33, 0xff, 0, 0, 5]);
    Ethernet { dst, src: MacAddr([0, 0, 0, 0, 0, 1]), ethertype: EtherType::IPV6 }.emit(&mut frame);
    Ipv6::new(src, "ff02::1:ff00:5".parse().unwrap(), IpProto::ICMP6, 8 + body.len() as u16).emit(&mut frame);
    Icmp6 { ty: 135, code: 0, checksum: 0, data: [0; 4] }.emit(&mut frame);
    frame.extend(&body);
    let nested = openflow::parse_actions("set_field:00:00:00:00:00:05->eth_src,resubmit(,52)").unwrap();
    let userdata = [vec![0, 0, 0, 3, 0, 0, 0, 0], openflow::encode_actions(&nested)].concat();
    bed.switch.punt(punted(frame, 1, userdata));
    bed.settle();
    let out = &bed.switch.packets[0];
    insta::assert_snapshot!(openflow::Actions(&out.actions), @"set_field:0x1->reg14,set_field:0x1->metadata,set_field:00:00:00:00:00:05->eth_src,resubmit(,52)");
    let (ethernet, rest) = Ethernet::parse(&out.packet).unwrap();
    let (ip, rest) = Ipv6::parse(rest).unwrap();
    let (icmp, rest) = Icmp6::parse(rest).unwrap();
    let (neighbor, _) = Neighbor::parse(rest).unwrap();
    assert_eq!((ethernet.dst, ip.src, ip.dst, ip.hop_limit), (MacAddr([0, 0, 0, 0, 0, 1]), target, src, 255));
    assert_eq!((icmp.ty, icmp.data[0], neighbor.target), (136, 0x60, target));
}

#[test]
fn a_port_that_two_chassis_have_is_not_fought_over_without_pause() {
    let mut bed = settled();
    bed.chassis("hv2", "10.0.0.2");
    let other = bed.southbound.rows("Chassis", &["_uuid", "name"]);
    let other = other.iter().find(|row| row["name"] == "hv2").unwrap()["_uuid"].clone();
    let ours = bed.binding("p1", "chassis");
    let steal = |bed: &mut Bed| bed.southbound.update("Port_Binding", "p1", json!({"chassis": other}));
    steal(&mut bed);
    bed.settle();
    assert_eq!(bed.binding("p1", "chassis"), ours);
    steal(&mut bed);
    bed.settle();
    assert_eq!(bed.binding("p1", "chassis"), other, "taken back only after a pause");
    bed.advance(Duration::from_millis(500));
    assert_eq!(bed.binding("p1", "chassis"), ours);
}

#[test]
fn at_the_end_everything_is_taken_away() {
    let mut bed = settled();
    bed.chassis("hv2", "10.0.0.2");
    bed.settle();
    bed.controller.exit(false);
    bed.settle();
    assert!(bed.exited);
    let names: Vec<_> = bed.southbound.rows("Chassis", &["name"]);
    assert_eq!(names, [json!({"name": "hv2"})]);
    assert!(bed.southbound.rows("Chassis_Private", &["name"]).is_empty());
    assert_eq!((bed.binding("p1", "chassis"), bed.binding("p1", "up")), (json!(["set", []]), json!(false)));
    assert_eq!(bed.interface_ids("p1"), json!(["map", [["iface-id", "p1"]]]));
    assert!(bed.vswitch.rows("Interface", &["type"]).iter().all(|row| row["type"] != "geneve"));
    assert!(!bed.switch.flows.is_empty(), "flows stay in the switch");
}

#[test]
fn at_a_restart_everything_stays_and_the_next_one_changes_nothing() {
    let mut bed = settled();
    bed.controller.exit(true);
    bed.settle();
    assert!(bed.exited);
    let (flows, rows) = (bed.switch.text(), bed.all_rows());
    bed.switch.log.clear();
    bed.replace();
    bed.settle();
    assert_eq!(bed.all_rows(), rows);
    // Were the first bundle not complete, packets would be lost until the next.
    assert_eq!((bed.switch.text(), bed.switch.log.len()), (flows, 1));
}

#[test]
fn only_what_concerns_this_chassis_is_asked_for() {
    let mut bed = settled();
    bed.logical_switch(1, &["q1", "q2"]);
    bed.settle();
    let flow =
        |bed: &Bed| bed.switch.text().iter().any(|flow| flow.contains("table=8, priority=50,metadata=0x2"));
    let touch = |bed: &mut Bed| {
        bed.southbound.update("Port_Binding", "q2", json!({"mac": ["set", ["00:00:00:00:00:01"]]}));
        let heard = !bed.southbound.say().is_empty();
        bed.southbound.update("Port_Binding", "q2", json!({"mac": ["set", []]}));
        heard
    };
    assert!(!touch(&mut bed) && !flow(&bed));
    bed.plug("q1");
    bed.settle_watched(|bed| {
        // Rows of the datapath come after the port's, and the port is not up without their flows.
        assert!(flow(bed) || bed.binding("q1", "up") == json!(false));
    });
    assert_eq!(bed.binding("q1", "up"), json!(true));
    assert!(touch(&mut bed));
    bed.unplug("q1");
    bed.settle();
    assert!(!touch(&mut bed) && !flow(&bed));
    bed.setting("ovn-monitor-all", "true");
    bed.settle();
    assert!(touch(&mut bed) && !flow(&bed));
}

#[test]
fn commands_answer_like_upstream() {
    let mut bed = settled();
    let mut run = |name: &str, args: &[&str]| match commands::run(&mut bed.controller, name, args) {
        Ok(text) => text,
        Err(error) => format!("error: {error}"),
    };
    let table = [
        ("connection-status", vec![]),
        ("debug/status", vec![]),
        ("ct-zone-list", vec![]),
        ("debug/dump-local-bindings", vec![]),
        ("debug/dump-local-datapaths", vec![]),
        ("debug/dump-related-ports", vec![]),
        ("recompute", vec![]),
        ("inc-engine/show-stats", vec!["base", "compute"]),
        ("inc-engine/show-stats", vec!["none", "compute"]),
        ("coverage/read-counter", vec!["lflow_run"]),
        ("coverage/read-counter", vec!["none"]),
        ("ct-zone-list", vec!["x"]),
    ];
    let answers: Vec<String> =
        table.iter().map(|(name, args)| format!("{name} {}: {}", args.join(" "), run(name, args))).collect();
    insta::assert_snapshot!(answers.join("\n"), @r#"
    connection-status : connected

    debug/status : running

    ct-zone-list : p1 1

    debug/dump-local-bindings : Local bindings:
    name: [p1], OVS interface name : [v-p1], num binding lports : [1]
    primary lport : [p1]
    ----------------------------------------

    debug/dump-local-datapaths : Local datapaths:
    Datapath: sw0, type: switch

    debug/dump-related-ports : Related lports:
    1_1

    recompute : 
    inc-engine/show-stats base compute: 1

    inc-engine/show-stats none compute: error: no kind of unit is called "none"
    coverage/read-counter lflow_run: 0

    coverage/read-counter none: error: No such counter: none
    ct-zone-list x: error: "ct-zone-list" is not a valid command, or not with these arguments
    "#);
    for (name, usage, least, most) in commands::COMMANDS {
        assert!(least <= most && (*most == 0) == usage.is_empty(), "{name}");
    }
}

#[test]
fn a_paused_controller_waits_and_then_goes_on() {
    let mut bed = settled();
    commands::run(&mut bed.controller, "debug/pause", &[]).unwrap();
    bed.plug("p2");
    bed.settle();
    assert_eq!(bed.binding("p2", "chassis"), json!(["set", []]));
    commands::run(&mut bed.controller, "debug/resume", &[]).unwrap();
    bed.settle();
    assert_eq!(bed.binding("p2", "up"), json!(true));
}

#[test]
fn flows_are_those_of_the_rows_after_everything() {
    let mut bed = settled();
    bed.plug("p2");
    bed.settle();
    bed.unplug("p1");
    bed.settle();
    bed.plug("p1");
    bed.settle();
    let flows: Vec<FlowMod> = bed.switch.text().iter().map(|text| text.parse().unwrap()).collect();
    assert!(flows.len() > 20);
    assert_eq!(commands::run(&mut bed.controller, "recompute", &[]), Ok(String::new()));
}

/// The plans of written rows that a change leads to, by name, with how many.
fn plans(bed: &mut Bed, change: impl FnOnce(&mut Bed)) -> String {
    const NAMES: [&str; 9] = [
        "chassis",
        "chassis_private",
        "port_bindings",
        "learned_macs",
        "neighbors",
        "bridge",
        "tunnel_ports",
        "patch_ports",
        "interfaces",
    ];
    let count = |bed: &mut Bed, name: &str| -> u64 {
        let counter = format!("plan_{name}");
        let text = commands::run(&mut bed.controller, "coverage/read-counter", &[&counter]).unwrap();
        text.trim().parse().unwrap()
    };
    let before: Vec<u64> = NAMES.iter().map(|name| count(bed, name)).collect();
    change(bed);
    bed.settle();
    let mut made = Vec::new();
    for (name, before) in NAMES.iter().zip(before) {
        match count(bed, name) - before {
            0 => {}
            n => made.push(format!("{name} {n}")),
        }
    }
    made.join(", ")
}

#[test]
fn a_change_leads_to_plans_of_what_it_concerns_only() {
    let mut bed = settled();
    bed.chassis("hv2", "10.0.0.2");
    bed.settle();
    // Each plan that finds something to write is made again when that is written, and when it comes back.
    let nb_cfg = |bed: &mut Bed| {
        drop(bed.southbound.transact(json!([
            {"op": "update", "table": "SB_Global", "where": [], "row": {"nb_cfg": 7}},
        ])))
    };
    insta::assert_snapshot!(plans(&mut bed, nb_cfg), @"chassis_private 2, bridge 2");
    let elsewhere = bed.southbound.rows("Chassis", &["_uuid", "name"]);
    let elsewhere = elsewhere.iter().find(|row| row["name"] == "hv2").unwrap()["_uuid"].clone();
    let moves = |bed: &mut Bed| bed.southbound.update("Port_Binding", "p2", json!({"chassis": elsewhere}));
    insta::assert_snapshot!(plans(&mut bed, moves), @"");
    let flow = |bed: &mut Bed| bed.logical_switch(5, &["q1", "q2"]);
    insta::assert_snapshot!(plans(&mut bed, flow), @"");
    insta::assert_snapshot!(plans(&mut bed, |bed| bed.plug("q1")), @"chassis 2, chassis_private 2, port_bindings 6, learned_macs 2, neighbors 2, bridge 4, tunnel_ports 2, patch_ports 3, interfaces 6");
    insta::assert_snapshot!(plans(&mut bed, |bed| bed.unplug("q1")), @"chassis 1, chassis_private 1, port_bindings 2, learned_macs 1, neighbors 1, bridge 2, tunnel_ports 1, patch_ports 1, interfaces 2");
}
