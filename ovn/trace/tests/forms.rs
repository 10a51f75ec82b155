//! The forms that upstream's program does not have, on the recorded routed network.

mod network;

use network::southbound;
use ovsdb::Uuid;
use schema::nb;
use schema::sb::{Chassis, Encap, Tables};
use std::sync::Arc;
use trace::{Command, Northbound, Outcome, Request, Tracer};

/// A ping from p1 to q1, by way of the router.
const PING: &str = r#"inport == "p1" && eth.src == 00:00:00:00:01:01 && eth.dst == 00:00:00:00:ff:01 && ip4.src == 10.0.0.11 && ip4.dst == 20.0.0.11 && ip.ttl == 64 && icmp4.type == 8"#;
/// The first packet from p1 to the load balancer of sw0.
const BALANCED: &str = r#"inport == "p1" && eth.src == 00:00:00:00:01:01 && eth.dst == 00:00:00:00:ff:01 && ip4.src == 10.0.0.11 && ip4.dst == 10.0.0.100 && ip.ttl == 64 && tcp.dst == 80 && tcp.src == 1000 && tcp.flags == 2"#;

/// The recorded network, with p1 on hv1 and the ports of sw1 on hv2.
fn placed() -> Tables {
    let mut tables = southbound("l3");
    for (n, name) in [(1, "hv1"), (2, "hv2")] {
        let (uuid, encap) = (Uuid::from_u128(n), Uuid::from_u128(100 + n));
        let row = Chassis { uuid, name: name.into(), encaps: [encap].into(), ..Chassis::default() };
        tables.chassis.insert(uuid, Arc::new(row));
        let ip = format!("192.168.0.{n}").as_str().into();
        let row = Encap { uuid: encap, r#type: "geneve".into(), ip, ..Encap::default() };
        tables.encap.insert(encap, Arc::new(row));
    }
    for row in tables.port_binding.values_mut() {
        let home = match &*row.logical_port {
            "p1" | "p2" => 1,
            "q1" | "q2" => 2,
            _ => continue,
        };
        Arc::make_mut(row).chassis = Some(Uuid::from_u128(home));
    }
    tables
}

fn request(arguments: &[&str]) -> Request {
    match Command::parse(arguments) {
        Ok(Command::Trace(request)) => request,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

fn trace(arguments: &[&str]) -> String {
    traced(&placed(), arguments, &Northbound::default())
}

fn traced(tables: &Tables, arguments: &[&str], northbound: &Northbound) -> String {
    match Tracer::new(tables).trace(&request(arguments)) {
        Outcome::Done(traced) => traced.into_output(northbound).text,
        Outcome::Wants(wants) => panic!("everything is there: {wants:?}"),
    }
}

#[test]
fn what_changed_nothing_is_folded_and_hops_name_chassis_and_tunnels() {
    insta::assert_snapshot!(trace(&["--pretty", PING]));
}

#[test]
fn a_drop_names_the_flows_that_came_nearest_and_the_terms_that_failed() {
    // An address that nobody has, and a source that port security refuses.
    let unknown = PING.replace("eth.dst == 00:00:00:00:ff:01", "eth.dst == 00:00:00:00:00:99");
    let spoofed = PING.replace("ip4.src == 10.0.0.11", "ip4.src == 10.0.0.66");
    insta::assert_snapshot!([unknown, spoofed].map(|packet| trace(&["--pretty", &packet])).join("\n"));
}

#[test]
fn an_implicit_drop_names_them_too() {
    let mut tables = placed();
    tables.logical_flow.retain(|_, row| {
        row.external_ids.get("stage-name").map(|name| &**name) != Some("ls_in_l2_lkup")
            || row.priority != 0 && !row.r#match.contains("ff:01")
    });
    let text = traced(&tables, &["--pretty", PING], &Northbound::default());
    let nearly: Vec<&str> = text.lines().skip_while(|line| !line.contains("no flow matches")).collect();
    insta::assert_snapshot!(nearly.join("\n"));
}

#[test]
fn the_northbound_rows_that_asked_for_flows_are_named() {
    let mut tables = placed();
    let mut flows = tables.logical_flow.values_mut();
    let flow = flows.find(|row| row.actions.contains("ct_lb_mark(backends=20.0.0.11:8080"));
    let flow = Arc::make_mut(flow.expect("there is a load balancer"));
    flow.external_ids.insert("stage-hint".into(), "0123abcd".into());
    let uuid: Uuid = "0123abcd-0000-4000-8000-000000000000".parse().expect("a UUID");
    let mut northbound = nb::Tables::default();
    let row = nb::LoadBalancer { uuid, name: "lb0".into(), ..Default::default() };
    northbound.load_balancer.insert(uuid, Arc::new(row));
    let northbound = Northbound::new(&northbound);
    let arguments = ["--pretty", "--stateful", BALANCED];
    let text = traced(&tables, &arguments, &northbound);
    assert!(text.contains("asked for by Load_Balancer lb0\n"), "{text}");
    let json = traced(&tables, &["--json", "--stateful", BALANCED], &northbound);
    assert!(
        json.contains(&format!(r#""northbound":[{{"name":"lb0","table":"Load_Balancer","uuid":"{uuid}"}}]"#))
    );
}

#[test]
fn a_connection_through_a_load_balancer_comes_back_from_its_address() {
    let again = BALANCED.replace("tcp.flags == 2", "tcp.flags == 16");
    insta::assert_snapshot!(trace(&["--minimal", BALANCED, "--reply", "--then", &again]));
}

#[test]
fn an_address_that_was_translated_is_so_both_ways() {
    let out = r#"inport == "p1" && eth.src == 00:00:00:00:01:01 && eth.dst == 00:00:00:00:ff:01 && ip4.src == 10.0.0.11 && ip4.dst == 8.8.8.8 && ip.ttl == 64 && udp.src == 1234 && udp.dst == 53"#;
    let back = r#"inport == "ln0" && eth.src == 00:00:00:00:99:01 && eth.dst == 00:00:00:00:ff:03 && ip4.src == 8.8.8.8 && ip4.dst == 172.16.0.1 && ip.ttl == 64 && udp.src == 53 && udp.dst == 1234"#;
    let stranger = back.replace("8.8.8.8", "9.9.9.9");
    insta::assert_snapshot!(trace(&["--minimal", out, "--then", back, "--then", &stranger]));
}

#[test]
fn a_firewall_that_remembers_lets_answers_pass() {
    let there = r#"inport == "p1" && eth.src == 00:00:00:00:01:01 && eth.dst == 00:00:00:00:ff:01 && ip4.src == 10.0.0.11 && ip4.dst == 20.0.0.11 && ip.ttl == 64 && tcp.src == 999 && tcp.dst == 22 && tcp.flags == 2"#;
    insta::assert_snapshot!(trace(&["--summary", there, "--reply"]));
}

#[test]
fn what_the_user_forces_comes_before_what_is_remembered() {
    let text = trace(&["--summary", "--stateful", "--ct=est", "sw0", BALANCED]);
    let states: Vec<&str> =
        text.split("ct_state=").skip(1).filter_map(|rest| rest.split([')', ' ']).next()).collect();
    assert_eq!(states[0], "est|trk", "{text}");
    assert!(states[1..].iter().all(|state| state.starts_with("new|trk")), "{text}");
}

#[test]
fn two_packets_are_compared() {
    let allowed = BALANCED.replace("ip4.dst == 10.0.0.100", "ip4.dst == 20.0.0.11");
    let spoofed = PING.replace("ip4.src == 10.0.0.11", "ip4.src == 10.0.0.66");
    let compare = |other: &str| trace(&["--compare", other, PING]);
    insta::assert_snapshot!([compare(&allowed), compare(&spoofed), compare(PING)].join("\n"));
}

#[test]
fn json_has_the_tree_and_what_came_of_it() {
    let text = trace(&["--json", PING, "--reply"]);
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let packets = json["packets"].as_array().expect("a list of packets");
    assert_eq!(packets.len(), 2, "the ping and its answer");
    assert_eq!(packets[0]["delivered"][0]["port"], "q1");
    assert_eq!(packets[1]["delivered"][0]["port"], "p1");
    assert_eq!(packets[0]["dropped"], serde_json::json!([]));
    let root = &packets[0]["trace"];
    assert_eq!(
        [&root["kind"], &root["datapath"], &root["pipeline"], &root["chassis"]],
        ["pipeline", "sw0", "ingress", "hv1"]
    );
    let first = &root["children"][0];
    assert_eq!(first["stage"], "ls_in_check_port_sec");
    assert!(first["uuid"].as_str().is_some_and(|uuid| uuid.parse::<Uuid>().is_ok()), "{first}");
    assert!(text.contains(r#""tunnel":{"datapath_key":"#), "{text}");
    let wrong = trace(&["--json", "nowhere", "ip4"]);
    assert_eq!(wrong, "{\"error\":\"unknown datapath \\\"nowhere\\\"\",\"packets\":[]}\n");
}

#[test]
fn who_asks_for_too_much_is_told() {
    let error =
        |arguments: &[&str]| Command::parse(arguments).map_err(|error| error.to_string()).unwrap_err();
    let mut many = vec!["x"];
    many.extend(std::iter::repeat_n("--reply", 64));
    assert_eq!(error(&many), "more than 64 packets");
    assert_eq!(
        error(&["x", "--compare=y", "--reply"]),
        "--compare is of two packets, and knows no --then, --reply, --json"
    );
}
