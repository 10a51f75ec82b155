//! Flows that packets teach, and choices that actions make.

use std::time::Duration;

use openflow::{Action, ErrorCode, Field, FlowMod, FlowModCommand, Match, PortNo, Subfield, parse_actions};

use crate::Event;
use crate::testing::{Lab, broadcast, hex, udp4};

/// Adds a flow given in text.
fn add(lab: &mut Lab, text: &str) {
    lab.flow_mod(&text.parse().unwrap()).unwrap();
}

/// The flows of a table, as dumped, without what changes with time.
fn dump(lab: &Lab, table: u8) -> Vec<String> {
    let table = lab.switch.bridges[&lab.bridge].table(table);
    let mut flows: Vec<String> = table
        .into_iter()
        .flat_map(|table| table.rules())
        .map(|rule| {
            let (idle, hard) = rule.timeouts();
            let timeouts = format!("{idle}/{hard} n={}", rule.counted().packets());
            let actions = crate::switch::all_actions(rule.instructions());
            format!("{}: {} {timeouts}", rule.to_text(), openflow::Actions(&actions))
        })
        .collect();
    flows.sort();
    flows
}

const MAC_LEARNING: &str = "table=0,actions=learn(table=1,hard_timeout=30,cookie=0x7,NXM_OF_VLAN_TCI[0..11],\
    NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,1)";

#[test]
fn addresses_are_learned_by_flows() {
    let mut lab = Lab::new(3);
    add(&mut lab, MAC_LEARNING);
    add(&mut lab, "table=1,priority=0,actions=flood");
    assert_eq!(lab.ports(1, &udp4(1, 2, (5, 6), &[])), [2, 3]);
    assert_eq!(lab.ports(2, &udp4(2, 1, (6, 5), &[])), [1]);
    assert_eq!(lab.ports(1, &udp4(1, 2, (5, 6), &[])), [2]);
    // A host that moves takes its flow along, and back again.
    for (port, wanted) in [(3, 3), (1, 1), (3, 3)] {
        lab.ports(port, &udp4(1, 2, (5, 6), &[]));
        assert_eq!(lab.ports(2, &udp4(2, 1, (6, 5), &[])), [wanted]);
    }
    lab.switch.push_counters(lab.now);
    insta::assert_snapshot!(dump(&lab, 1).join("\n"), @r#"
     1. priority 0: FLOOD 0/0 n=1
     1. vlan_tci=0x0000/0x0fff,dl_dst=02:00:00:00:00:01, priority 32768, cookie 0x7: output:3 0/30 n=4
     1. vlan_tci=0x0000/0x0fff,dl_dst=02:00:00:00:00:02, priority 32768, cookie 0x7: output:2 0/30 n=4
    "#);
}

#[test]
fn a_learned_flow_lives_while_packets_teach_it() {
    let mut lab = Lab::new(2);
    add(&mut lab, "actions=learn(table=1,hard_timeout=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]),output:2");
    for _ in 0..8 {
        lab.send(1, &broadcast(1));
        lab.now += Duration::from_secs(2);
        lab.switch.handle_timeout(lab.now);
        assert_eq!(dump(&lab, 1).len(), 1);
    }
    assert_eq!(lab.switch.counters().get(Event::Learned), 1, "it is one flow all the time");
    lab.now += Duration::from_secs(4);
    lab.switch.handle_timeout(lab.now);
    assert!(dump(&lab, 1).is_empty());
    lab.send(1, &broadcast(1));
    assert_eq!(dump(&lab, 1).len(), 1, "and comes again with the next packet");
    // Who deletes it finds it again too.
    lab.flow_mod(&FlowMod { table: Some(1), ..FlowMod::empty(FlowModCommand::Delete) }).unwrap();
    lab.send(1, &broadcast(1));
    assert_eq!(dump(&lab, 1).len(), 1);
}

#[test]
fn a_packet_meets_what_it_taught_but_not_in_lookups_before() {
    let mut lab = Lab::new(3);
    add(
        &mut lab,
        "priority=1,actions=learn(table=0,priority=5,in_port=1,output:NXM_NX_REG0[0..15]),output:2",
    );
    lab.flow(
        0,
        2,
        Match::any(),
        parse_actions("load:3->NXM_NX_REG0[],learn(table=0,priority=5,NXM_OF_ETH_TYPE[],output:NXM_NX_REG0[0..15]),output:2")
            .unwrap(),
    );
    assert_eq!(lab.ports(1, &broadcast(1)), [2], "its own lookup was before");
    assert_eq!(lab.ports(1, &broadcast(1)), [3]);
}

#[test]
fn limits_hold_and_are_told() {
    let mut lab = Lab::new(3);
    add(
        &mut lab,
        "actions=learn(table=1,cookie=9,limit=2,result_dst=NXM_NX_REG0[3],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]),resubmit(,2)",
    );
    add(&mut lab, "table=2,reg0=0x8,actions=output:2");
    add(&mut lab, "table=2,reg0=0,actions=output:3");
    let learned: Vec<_> = [1, 2, 3, 2, 3, 1].into_iter().flat_map(|n| lab.ports(1, &broadcast(n))).collect();
    assert_eq!(learned, [2, 2, 3, 2, 3, 2]);
    assert_eq!(dump(&lab, 1).len(), 2);
    // Room again.
    lab.flow_mod(&FlowMod::parse_filter(FlowModCommand::Delete, "table=1,dl_dst=02:00:00:00:00:01").unwrap())
        .unwrap();
    assert_eq!(lab.ports(1, &broadcast(3)), [2]);
}

#[test]
fn what_was_taught_goes_with_the_last_that_teaches_it() {
    let mut lab = Lab::new(2);
    let teach = |port: u32, cookie: u32| {
        format!(
            "in_port={port},actions=learn(table=1,cookie={cookie},delete_learned,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[])"
        )
    };
    add(&mut lab, &teach(1, 4));
    add(&mut lab, &teach(2, 4));
    add(&mut lab, "table=1,cookie=5,in_port=7,actions=drop");
    lab.send(1, &broadcast(1));
    lab.send(2, &broadcast(2));
    assert_eq!(dump(&lab, 1).len(), 3);
    let delete = |port: u32| {
        let text = format!("table=0,in_port={port}");
        FlowMod::parse_filter(FlowModCommand::Delete, &text).unwrap()
    };
    lab.flow_mod(&delete(1)).unwrap();
    assert_eq!(dump(&lab, 1).len(), 3);
    // Changed to teach something else is as good as deleted.
    add(&mut lab, &teach(2, 6));
    assert_eq!(dump(&lab, 1).len(), 1);
    lab.send(2, &broadcast(2));
    let expiring: FlowMod = "in_port=2,hard_timeout=3,actions=drop".parse().unwrap();
    let instructions = teach(2, 6).parse::<FlowMod>().unwrap().instructions;
    lab.flow_mod(&FlowMod { instructions, ..expiring }).unwrap();
    lab.send(2, &broadcast(2));
    assert_eq!(dump(&lab, 1).len(), 2);
    lab.now += Duration::from_secs(4);
    lab.switch.handle_timeout(lab.now);
    assert_eq!(dump(&lab, 1).len(), 1, "timeouts take it along too");
}

/// A TCP segment from 10.0.0.1:5 to 10.0.0.2:6 with these flags.
fn tcp(flags: u8) -> Vec<u8> {
    let mut frame = hex(
        "020000000002 020000000001 0800 4500 0028 0000 4000 4006 26ce 0a000001 0a000002 0005 0006 00000001 00000001 5000 1000 0000 0000",
    );
    frame[47] = flags;
    frame
}

#[test]
fn the_end_of_a_connection_shortens_the_life_of_its_flow() {
    let mut lab = Lab::new(2);
    add(&mut lab, "idle_timeout=60,tcp,actions=fin_timeout(idle_timeout=5,hard_timeout=10),output:2");
    lab.send(1, &tcp(0x10));
    insta::assert_snapshot!(dump(&lab, 0).join("\n"), @" 0. tcp, priority 32768: fin_timeout(idle_timeout=5,hard_timeout=10),output:2 60/0 n=0");
    lab.send(1, &tcp(0x11));
    assert!(dump(&lab, 0)[0].contains(" 5/10 "));
    lab.now += Duration::from_secs(6);
    lab.switch.handle_timeout(lab.now);
    assert!(dump(&lab, 0).is_empty());
}

#[test]
fn links_are_chosen_evenly_and_always_the_same_for_a_packet() {
    for algorithm in ["modulo_n", "hash_threshold", "hrw", "iter_hash"] {
        let mut lab = Lab::new(4);
        add(
            &mut lab,
            &format!(
                "actions=multipath(symmetric_l3l4,7,{algorithm},3,5,NXM_NX_REG0[0..7]),learn(table=1,NXM_OF_ETH_SRC[]),resubmit(,2)"
            ),
        );
        for (link, port) in [(0, 2), (1, 3), (2, 4)] {
            add(&mut lab, &format!("table=2,reg0={link},actions=output:{port}"));
        }
        let mut shares = [0; 5];
        for source in 1..=600 {
            let frame = udp4(1, 2, (source, 9), &[]);
            let ports = lab.ports(1, &frame);
            assert_eq!(lab.ports(1, &frame), ports);
            shares[ports[0] as usize] += 1;
        }
        assert!(shares[2..].iter().all(|share| (150..250).contains(share)), "{algorithm}: {shares:?}");
    }
}

#[test]
fn queues_are_known_to_flows_that_follow() {
    let mut lab = Lab::new(4);
    add(&mut lab, "actions=set_queue:3,resubmit(,1),pop_queue,resubmit(,1),enqueue:4:9,resubmit(,1)");
    lab.flow(1, 1, Match::any().with(Field::SkbPriority, 3u8), vec![Action::output(PortNo(2))]);
    lab.flow(1, 1, Match::any().with(Field::SkbPriority, 0u8), vec![Action::output(PortNo(3))]);
    assert_eq!(lab.ports(1, &broadcast(1)), [2, 3, 4, 3]);
}

#[test]
fn what_this_switch_cannot_do_is_refused_with_its_flow() {
    let mut lab = Lab::new(1);
    for (actions, code) in [
        (Action::PushMpls(0x8847), ErrorCode::BAD_ACTION_TYPE),
        (Action::PopMpls(0x0800), ErrorCode::BAD_ACTION_TYPE),
        (Action::DecMplsTtl, ErrorCode::BAD_ACTION_TYPE),
        (Action::set(Field::MplsLabel, 1u8), ErrorCode::BAD_SET_TYPE),
        (Action::Push(Subfield::whole(Field::NshSpi)), ErrorCode::BAD_SET_TYPE),
        (Action::DeleteField(Field::Reg(0)), ErrorCode::BAD_SET_TYPE),
    ] {
        let flow = FlowMod::add(0, 1, Match::any(), vec![actions], 0);
        assert_eq!(lab.flow_mod(&flow), Err(code));
    }
}

#[test]
fn what_a_translation_saw_last_counts_though_it_was_given_up_since() {
    let mut lab = Lab::new(3);
    add(&mut lab, "actions=learn(table=1,idle_timeout=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]),NORMAL");
    let age = |lab: &mut Lab| {
        let shown = lab.switch.command("fdb/show", &["br"], lab.now).unwrap().unwrap();
        shown.lines().nth(1).map(|line| line.trim().to_owned())
    };
    lab.send(1, &broadcast(1));
    lab.now += Duration::from_secs(3);
    lab.send(1, &broadcast(1));
    // The next packet finds another flow, so the translation of those before goes with what it counted.
    add(&mut lab, "priority=40000,actions=drop");
    lab.send(1, &broadcast(1));
    lab.now += Duration::from_secs(3);
    lab.switch.handle_timeout(lab.now);
    insta::assert_snapshot!(age(&mut lab).unwrap(), @"1     0  02:00:00:00:00:01    3");
    assert_eq!(dump(&lab, 1).len(), 1, "and so the flow lives on");
    lab.switch.command("fdb/flush", &["br"], lab.now).unwrap().unwrap();
    assert_eq!(age(&mut lab), None);
}
