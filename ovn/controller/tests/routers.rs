//! Networks with routers: what is asked for, which ports are claimed.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(clippy::disallowed_methods, reason = "tests begin at some time")]

#[allow(dead_code, reason = "other tests use the rest")]
mod bed;

use bed::Bed;
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
