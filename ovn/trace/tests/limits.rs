//! Whatever is in the database and in the request: a trace ends, within bounds, and says what it cannot do.

use ovsdb::Uuid;
use proptest::prelude::*;
use schema::sb::{DatapathBinding, LogicalFlow, MulticastGroup, PortBinding, Tables};
use std::sync::Arc;
use trace::{Command, Output};

/// A flow: pipeline, table, priority, match, actions.
type Flow<'a> = (&'a str, i64, i64, &'a str, &'a str);

/// Two switches, sw0 with the ports p1, p2 and pa, sw1 with pb, which is the other end of pa.
fn network(flows: &[Flow<'_>]) -> Tables {
    let mut tables = Tables::default();
    let uuid = |n: usize| Uuid::from_u128((n as u128) << 96 | n as u128);
    for (i, name) in ["sw0", "sw1"].into_iter().enumerate() {
        let external_ids = [("name".into(), name.into())].into();
        let row = DatapathBinding {
            uuid: uuid(1 + i),
            tunnel_key: 1 + i as i64,
            external_ids,
            ..Default::default()
        };
        tables.datapath_binding.insert(row.uuid, Arc::new(row));
    }
    let ports = [("p1", 1, 1, ""), ("p2", 1, 2, ""), ("pa", 1, 3, "pb"), ("pb", 2, 1, "pa")];
    for (i, (name, datapath, key, peer)) in ports.into_iter().enumerate() {
        let patch = !peer.is_empty();
        let row = PortBinding {
            uuid: uuid(10 + i),
            logical_port: name.into(),
            datapath: uuid(datapath),
            tunnel_key: key,
            r#type: if patch { "patch" } else { "" }.into(),
            options: patch.then(|| ("peer".into(), peer.into())).into_iter().collect(),
            port_security: (name == "p1")
                .then(|| "00:00:00:00:00:01 10.0.0.1 nonsense".into())
                .into_iter()
                .collect(),
            ..Default::default()
        };
        tables.port_binding.insert(row.uuid, Arc::new(row));
    }
    let group = MulticastGroup {
        uuid: uuid(20),
        datapath: uuid(1),
        name: "_MC_flood".into(),
        tunnel_key: 32768,
        ports: [uuid(10), uuid(11), uuid(12), uuid(99)].into(),
    };
    tables.multicast_group.insert(group.uuid, Arc::new(group));
    for (i, (pipeline, table, priority, r#match, actions)) in flows.iter().enumerate() {
        for datapath in 1..=2 {
            let row = LogicalFlow {
                uuid: uuid(1000 + 2 * i + datapath),
                logical_datapath: Some(uuid(datapath)),
                pipeline: (*pipeline).into(),
                table_id: *table,
                priority: *priority,
                r#match: (*r#match).into(),
                actions: (*actions).into(),
                ..Default::default()
            };
            tables.logical_flow.insert(row.uuid, Arc::new(row));
        }
    }
    tables
}

fn trace(flows: &[Flow<'_>], arguments: &[&str]) -> Output {
    let Ok(Command::Trace(request)) = Command::parse(arguments) else { panic!("{arguments:?}") };
    trace::trace(&network(flows), &request)
}

/// The minimal form of the trace of a packet from p1 to p2.
fn minimal(flows: &[Flow<'_>]) -> String {
    let microflow = "inport == \"p1\" && eth.src == 00:00:00:00:00:01 && ip4.src == 10.0.0.1 && ip.ttl == 9";
    let text = trace(flows, &["--minimal", "sw0", microflow]).text;
    let (_, trace) = text.split_once('\n').expect("a first line with the packet");
    trace.to_owned()
}

#[test]
fn flows_that_run_in_circles_end() {
    let giving_up = "*** more than 4096 tables visited, giving up;\n";
    assert_eq!(minimal(&[("ingress", 0, 0, "1", "next(0);")]), giving_up);
    assert_eq!(minimal(&[("ingress", 0, 0, "1", "next;"), ("ingress", 1, 0, "1", "next(0);")]), giving_up);

    let doubling: Vec<Flow<'_>> = (0..34).map(|table| ("ingress", table, 0, "1", "next; next;")).collect();
    assert!(minimal(&doubling).starts_with(giving_up));

    let deep = "*** nested more than 64 deep, giving up";
    assert!(minimal(&[("ingress", 0, 0, "1", "next(0); reg0 = 1;")]).contains(deep));
    assert!(minimal(&[("ingress", 0, 0, "1", "clone { next(0); };")]).contains(deep));
    assert!(
        minimal(&[
            ("ingress", 0, 0, "1", "next(pipeline=egress, table=0);"),
            ("egress", 0, 0, "1", "next(pipeline=ingress, table=0);")
        ])
        .contains(deep)
    );
    assert!(
        minimal(&[("ingress", 0, 0, "1", "ct_next;"), ("ingress", 1, 0, "1", "next(0);")]).contains(deep)
    );
}

#[test]
fn a_packet_that_goes_round_through_patch_ports_ends() {
    let flows = [
        ("ingress", 0, 1, "inport == {\"p1\", \"pa\"}", "outport = \"pa\"; flags.loopback = 1; output;"),
        ("ingress", 0, 0, "1", "outport = \"pb\"; flags.loopback = 1; output;"),
        ("egress", 0, 0, "1", "output;"),
    ];
    assert_eq!(minimal(&flows), "*** nested more than 64 deep, giving up;\n");
}

#[test]
fn a_flow_that_nobody_can_read_is_left_out_with_a_warning() {
    let flows = [
        ("ingress", 0, 9, "ip4 &&", "drop;"),
        ("ingress", 0, 8, "ip4", "nonsense;"),
        ("ingress", 0, 7, "ip4.src == ^nobody", "drop;"),
        ("sideways", 0, 6, "1", "drop;"),
        ("ingress", 0, 5, "1", "outport = \"p2\"; output;"),
        ("ingress", -1, 5, "1", "drop;"),
        ("egress", 0, 0, "1", "output;"),
    ];
    assert_eq!(minimal(&flows), "output(\"p2\");\n");
    let warnings = trace(&flows, &["sw0", "inport == \"p1\" && ip4"]).warnings;
    assert_eq!(
        warnings,
        [
            "ip4 &&: parsing expression failed (Syntax error at end of input expecting constant.)",
            "nonsense;: parsing actions failed (Syntax error at `nonsense' expecting action.)",
            "ip4.src == ^nobody: parsing expression failed (Syntax error at `^nobody' expecting constant.)",
        ]
    );
}

#[test]
fn what_a_user_may_have_meant_is_asked_for_by_its_name() {
    let say = |arguments: &[&str]| trace(&[], arguments).text;
    assert_eq!(say(&["sw9", "1"]), "unknown datapath \"sw9\"\n");
    assert_eq!(say(&["inport == \"p9\""]), "unknown port \"p9\"\n");
    assert_eq!(say(&["ip4"]), "error parsing flow: flow match expression does not match on inport\n");
    assert_eq!(
        say(&["inport == {\"p1\", \"p2\"}"]),
        "error parsing flow: flow match expression matches on multiple inports\n"
    );
    assert!(
        say(&["sw0", "inport == \"p1\" && tcp"])
            .starts_with("error parsing flow: Constraints are ambiguous: ")
    );
    assert_eq!(say(&["sw0", "ip4 && ip6"]), "error parsing flow: Constraints are contradictory.\n");
    // A UUID may be cut short.
    assert!(say(&["00000001", "inport == \"p1\""]).contains("dp=\"sw0\""));
}

fn fragment() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "next;",
        "next(0);",
        "next(pipeline=egress, table=1);",
        "output;",
        "outport = \"p2\";",
        "outport = \"pa\";",
        "outport = \"_MC_flood\";",
        "outport = inport;",
        "flags.loopback = 1;",
        "reg0[0] = check_in_port_sec();",
        "reg0[0] = check_out_port_sec();",
        "outport = get_fdb(eth.dst);",
        "reg0[1] = lookup_fdb(inport, eth.src);",
        "put_fdb(inport, eth.src);",
        "ip.ttl--;",
        "push(eth.src);",
        "pop(reg1);",
        "eth.src <-> eth.dst;",
        "ct_next;",
        "ct_lb_mark;",
        "ct_clear;",
        "ct_commit { ct_mark = 1; };",
        "clone { outport = \"p1\"; output; };",
        "clone { next; };",
        "arp { output; };",
        "nd_na { next; };",
        "log(verdict=drop);",
        "set_queue(1);",
        "ct_snat;",
        "nonsense;",
    ])
}

proptest! {
    #[test]
    fn any_flows_and_any_packet_end_in_text_of_bounded_length(
        flows in proptest::collection::vec(
            (any::<bool>(), 0i64..4, 0i64..3, proptest::sample::select(vec!["1", "ip4", "reg0[0]", "inport == \"p1\"", "ip.ttl == 1"]),
             proptest::collection::vec(fragment(), 0..4)),
            0..16,
        ),
        microflow in proptest::sample::select(vec![
            "inport == \"p1\"",
            "inport == \"p1\" && ip4.src == 10.0.0.1 && ip.ttl == 3",
            "inport == \"pa\" && nd_ns && eth.src == 00:00:00:00:00:01",
            "inport == \"nobody\"",
            "eth.mcast",
        ]),
    ) {
        let actions: Vec<String> = flows.iter().map(|(.., fragments)| fragments.join(" ")).collect();
        let flows: Vec<Flow<'_>> = flows
            .iter()
            .zip(&actions)
            .map(|((ingress, table, priority, matched, _), actions)| {
                (if *ingress { "ingress" } else { "egress" }, *table, *priority, *matched, actions.as_str())
            })
            .collect();
        let output = trace(&flows, &["--all", "sw0", microflow]);
        prop_assert!(output.text.len() < 1 << 24);
    }

    #[test]
    fn any_request_is_answered(datapath in "\\PC{0,10}", microflow in "\\PC{0,20}") {
        if let Ok(Command::Trace(request)) = Command::parse(&["--", &datapath, &microflow]) {
            trace::trace(&network(&[]), &request);
        }
    }
}
