//! Whatever is in the database and in the request: a trace ends, within bounds, and says what it cannot do.

mod network;

use network::{Flow, small};
use proptest::prelude::*;
use trace::{Command, Output};

fn trace(flows: &[Flow<'_>], arguments: &[&str]) -> Output {
    let Ok(Command::Trace(request)) = Command::parse(arguments) else { panic!("{arguments:?}") };
    trace::trace(&small(flows), &request)
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
            trace::trace(&small(&[]), &request);
        }
    }
}

/// What the summary says of an action in table 0 on a UDP packet from p1 to p2, which then goes on in table 1.
fn done(actions: &str) -> String {
    let flows = [("ingress", 0, 0, "1", actions), ("ingress", 1, 0, "1", "outport = \"p2\"; output;")];
    let packet = "inport == \"p1\" && eth.src == 00:00:00:00:00:01 && eth.dst == 00:00:00:00:00:02 && \
                  ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 9 && udp.src == 7 && udp.dst == 53";
    let text = trace(&flows, &["--summary", "sw0", packet]).text;
    text.lines().skip(2).collect::<Vec<_>>().join("\n")
}

/// Actions that the recorded traces do not have: they are newer than the recorded program, or it does nothing at them.
#[test]
fn actions_that_no_recorded_trace_has() {
    insta::assert_snapshot!(done("ct_commit_to_zone(snat);"), @r#"
        ct_commit_to_zone(snat);
        ct_commit_to_zone(snat) /* default (use --ct to customize) */ {
            outport = "p2";
            output;
            egress(dp="sw0", inport="p1", outport="p2");
        };
    };
    "#);
    insta::assert_snapshot!(done("ct_next; reg1 = 1;"), @r#"
        ct_next;
        ct_next(ct_state=est|trk /* default (use --ct to customize) */) {
            outport = "p2";
            output;
            egress(dp="sw0", inport="p1", outport="p2");
        };
        reg1 = 1;
    };
    "#);
    insta::assert_snapshot!(done("ct_lb_mark_local(backends=\"p2\":10.0.0.9:5353);"), @r#"
        ct_lb_mark_local(backends="p2":10.0.0.9:5353);
        ct_lb_mark_local /* default (use --ct to customize) */ {
            outport = "p2";
            output;
            egress(dp="sw0", inport="p1", outport="p2");
        };
    };
    "#);
    insta::assert_snapshot!(done("ct_lb_mark(backends=fd00::1);"), @r#"
        ct_lb_mark(backends=fd00::1);
        *** no load balancing destination (use --lb-dst);
        ct_lb_mark /* default (use --ct to customize) */ {
            outport = "p2";
            output;
            egress(dp="sw0", inport="p1", outport="p2");
        };
    };
    "#);
    insta::assert_snapshot!(done("reg8[0..7] = ct_state_save();"), @r#"
        reg8[0..7] = ct_state_save();
        /* reg8[0..7] = 0; */
    };
    "#);
    insta::assert_snapshot!(done("fwd_group(childports=\"nobody\", \"p2\");"), @r#"
        fwd_group(childports="nobody", "p2");
        egress(dp="sw0", inport="p1", outport="p2");
    };
    "#);
    insta::assert_snapshot!(done("mirror(\"p2\"); mirror(\"pb\");"), @r#"
        mirror("p2");
        clone;
        mirror("pb");
        /* omitting output because no target port found. */;
    };
    "#);
    insta::assert_snapshot!(done("flood_remote; mac_cache_use;"), @r#"
        flood_remote;
        /* Flood to all remote chassis */;
        mac_cache_use;
    };
    "#);
    insta::assert_snapshot!(done("remote_outport = get_remote_fdb(eth.dst);"), @r#"
        remote_outport = get_remote_fdb(eth.dst);
        /* The remote FDB table is different per each chassis. */;
    };
    "#);
    insta::assert_snapshot!(done("reg0[0] = chk_evpn_arp(ip4.dst);"), @r#"
        reg0[0] = chk_evpn_arp(ip4.dst);
        /* EVPN ARP lookup for 10.0.0.2: not available in trace. */
    };
    "#);
    insta::assert_snapshot!(done("reg9[7] = dhcp_relay_req_chk(10.0.0.1, 10.0.0.2);"), @r#"
        reg9[7] = dhcp_relay_req_chk(10.0.0.1, 10.0.0.2);
        /* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */;
    };
    "#);
    insta::assert_snapshot!(done("reg9[7] = dhcp_relay_resp_chk(10.0.0.1, 10.0.0.2); next;"), @r#"
        reg9[7] = dhcp_relay_resp_chk(10.0.0.1, 10.0.0.2);
        /* We assume that this packet is DHCPOFFER or DHCPACK and DHCP broadcast flag is set. Dest IP is set to broadcast. Dest MAC is set to broadcast but in real network this is unicast which is extracted from DHCP header. */;
        next;
        outport = "p2";
        output;
        egress(dp="sw0", inport="p1", outport="p2");
    };
    "#);
    insta::assert_snapshot!(done("reg0[0] = dns_lookup();"), @r#"
        reg0[0] = dns_lookup();
        /* We assume that this packet is no DNS query that OVN answers. */;
    };
    "#);
    insta::assert_snapshot!(done("icmp4_error { icmp4.inner_ip4.src = 10.0.0.7; icmp4.frag_mtu = 1400; };"), @r#"
        icmp4_error { icmp4.inner_ip4.src = 10.0.0.7; icmp4.frag_mtu = 1400; };
        icmp4 {
            icmp4.inner_ip4.src = 10.0.0.7;
            icmp4.frag_mtu = 1400;
        };
    };
    "#);
    insta::assert_snapshot!(done("reject { outport = inport; inport = \"\"; output; };"), @r#"
        reject { outport = inport; inport = ""; output; };
        icmp4 {
            outport = inport;
            inport = "";
            output;
            egress(dp="sw0", inport="", outport="p1");
        };
    };
    "#);
    insta::assert_snapshot!(done("reg9[5] = chk_ecmp_nh(); reg9[6] = chk_lb_aff(); reg0[1] = check_pkt_larger(9);"), @r#"
        reg9[5] = chk_ecmp_nh();
        reg9[6] = chk_lb_aff();
        reg0[1] = check_pkt_larger(9);
    };
    "#);
    insta::assert_snapshot!(done("set_meter(5); set_queue(1); igmp; handle_bfd_msg(); sample(probability=1);"), @r#"
        set_meter(5);
        set_queue(1);
        igmp;
        handle_bfd_msg();
        sample(probability=1,collector_set=0,obs_domain=0,obs_point=0);
    };
    "#);
}

/// `select` and what a connection began with, seen by the tables that follow.
#[test]
fn results_are_there_for_later_tables() {
    let flows = [
        ("ingress", 0, 0, "1", "reg8[16..31] = select(3, 4);"),
        ("ingress", 1, 0, "reg8[16..31] == 3", "ct_dnat(10.0.0.7, 80);"),
        (
            "ingress",
            2,
            0,
            "ct.trk",
            "reg1[0..15] = ct_tp_dst(); reg1[16..23] = ct_proto(); xxreg1[0..31] = ct_nw_dst(); next;",
        ),
        (
            "ingress",
            3,
            0,
            "reg1 == 0x110035 && reg7 == 10.0.0.2 && ip4.dst == 10.0.0.7 && udp.dst == 80",
            "outport = \"p2\"; output;",
        ),
        ("egress", 0, 0, "1", "output;"),
    ];
    let packet =
        "inport == \"p1\" && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 9 && udp.dst == 53";
    let text = trace(&flows, &["--minimal", "--select-id=3", "sw0", packet]).text;
    insta::assert_snapshot!(text.lines().skip(1).collect::<Vec<_>>().join("\n"), @r#"
    select: reg8[16..31] = 3 {
        ct_dnat(ip4.dst=10.0.0.7) /* default (use --ct to customize) */ {
            output("p2");
        };
    };
    "#);
}

/// Two hosts would go on for ever.
#[test]
fn an_abort_is_not_answered_by_an_abort() {
    let flows = [
        ("ingress", 0, 0, "1", "outport = \"p2\"; output;"),
        ("ingress", 1, 0, "1", "output;"),
        ("egress", 0, 0, "1", "reject { outport <-> inport; next(pipeline=ingress, table=1); };"),
    ];
    let packet = "inport == \"p1\" && ip4.src == 10.0.0.1 && ip.ttl == 9 && sctp.dst == 9";
    let text = trace(&flows, &["--detailed", "sw0", packet]).text;
    assert_eq!(text.lines().filter(|line| *line == "sctp_abort").count(), 1, "{text}");
}
