//! Packets that go through the connection tracker and through the tables again.

use std::time::Duration;

use openflow::{
    Action, Ct, Field, FlowMod, Match, Nat, NatKind, NatRange, NatSpread, PortNo, SetField, Subfield,
    ZoneSource,
};
use packet::checksum::internet;
use proptest::prelude::*;

use crate::conntrack::packets::{host, tcp, udp};
use crate::counters::Event;
use crate::testing::{Lab, mac, udp4};

fn out(port: u32) -> Action {
    Action::output(PortNo(port))
}

fn ip() -> Match {
    Match::any().with(Field::EthType, 0x0800u16)
}

fn ct(zone: u16, table: Option<u8>, commit: bool, actions: Vec<Action>) -> Action {
    let zone = ZoneSource::Immediate(zone);
    Action::Ct(Box::new(Ct { commit, force: false, zone, table, alg: 0, actions }))
}

fn nat(kind: NatKind, address: [u8; 4], ports: Option<(u16, Option<u16>)>) -> Action {
    let range = NatRange::V4 { min: address.into(), max: None };
    Action::Nat(Nat { kind, range, ports, persistent: false, spread: NatSpread::Default })
}

/// `ct_state` with these bits one of those.
fn state(value: u32, mask: u32) -> Match {
    ip().with_masked(Field::CtState, value.into(), mask.into())
}

const NEW: u32 = 1;
const EST: u32 = 2;
const RPL: u32 = 8;
const TRK: u32 = 0x20;

/// Port 1 may open connections to port 2; from port 2 only answers pass.
fn firewall() -> Lab {
    let mut lab = Lab::new(3);
    lab.flow(0, 1, ip(), vec![ct(7, Some(1), false, vec![])]);
    lab.flow(1, 3, state(NEW | TRK, NEW | TRK).with(Field::InPort, 1u32), vec![ct(7, Some(2), true, vec![])]);
    lab.flow(1, 2, state(EST | TRK, EST | TRK), vec![Action::resubmit(2)]);
    lab.flow(2, 1, ip().with(Field::InPort, 1u32), vec![out(2)]);
    lab.flow(2, 1, ip().with(Field::InPort, 2u32), vec![out(1)]);
    lab
}

#[test]
fn answers_pass_and_others_do_not() {
    let mut lab = firewall();
    let (there, back) = (udp4(1, 2, (5, 6), b"x"), udp4(2, 1, (6, 5), b"x"));
    assert!(lab.ports(2, &back).is_empty(), "nobody asked");
    for _ in 0..3 {
        assert_eq!(lab.ports(1, &there), [2]);
        assert_eq!(lab.ports(2, &back), [1]);
        assert!(lab.ports(2, &udp4(2, 1, (6, 7), b"x")).is_empty(), "another port");
    }
    let dump = lab.switch.command("dpctl/dump-conntrack", &[], lab.now).unwrap().unwrap();
    insta::assert_snapshot!(dump, @"udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=5,dport=6),reply=(src=10.0.0.2,dst=10.0.0.1,sport=6,dport=5),zone=7");
    lab.now += Duration::from_secs(31);
    assert!(lab.ports(2, &back).is_empty(), "it is expired");
    assert_eq!(lab.switch.counters().get(Event::DropRecirc), 0);
}

#[test]
fn packets_that_go_on_are_found_in_the_caches() {
    let mut lab = firewall();
    let (there, back) = (udp4(1, 2, (5, 6), b"x"), udp4(2, 1, (6, 5), b"x"));
    for _ in 0..2 {
        lab.send(1, &there);
        lab.send(2, &back);
    }
    let before = lab.switch.counters().get(Event::Upcall);
    for _ in 0..10 {
        assert_eq!(lab.ports(1, &there), [2]);
        assert_eq!(lab.ports(2, &back), [1]);
    }
    assert_eq!(lab.switch.counters().get(Event::Upcall), before);
    let flows = lab.switch.command("dpctl/dump-flows", &["-m"], lab.now).unwrap().unwrap();
    insta::assert_snapshot!(flows, @r"
    ct_state(+new+trk),recirc_id(0x1),in_port(p1),eth_type(0x0800), packets:1, bytes:43, used:0.000s, actions:ct(commit,zone=7),recirc(0x2)
    ct_state(-new+est+trk),recirc_id(0x1),in_port(p1),eth_type(0x0800), packets:11, bytes:473, used:0.000s, actions:p2
    ct_state(-new+est+trk),recirc_id(0x3),in_port(p2),eth_type(0x0800), packets:12, bytes:516, used:0.000s, actions:p1
    recirc_id(0),in_port(p1),eth_type(0x0800), packets:12, bytes:516, used:0.000s, actions:ct(zone=7),recirc(0x1)
    recirc_id(0),in_port(p2),eth_type(0x0800), packets:12, bytes:516, used:0.000s, actions:ct(zone=7),recirc(0x3)
    recirc_id(0x2),in_port(p1),eth_type(0x0800), packets:1, bytes:43, used:0.000s, actions:p2
    6 flows, 3 masks
    ");
}

#[test]
fn a_known_packet_is_not_looked_up_again_on_its_way() {
    let mut lab = firewall();
    let (there, back) = (udp4(1, 2, (5, 6), b"x"), udp4(2, 1, (6, 5), b"x"));
    let masks_asked = |lab: &Lab| lab.switch.counters().get(Event::MegaflowHit);
    for _ in 0..4 {
        lab.send(1, &there);
        lab.send(2, &back);
    }
    let before = masks_asked(&lab);
    for _ in 0..10 {
        assert_eq!(lab.ports(1, &there), [2]);
        assert_eq!(lab.ports(2, &back), [1]);
    }
    assert_eq!(masks_asked(&lab), before);
    // A connection that ends takes its packets from their way.
    lab.now += Duration::from_secs(61);
    assert!(lab.ports(2, &back).is_empty(), "nobody asked");
    assert_eq!(lab.ports(1, &there), [2]);
    assert_eq!(lab.ports(2, &back), [1]);
    // So does a change of flows.
    lab.flow(2, 9, ip().with(Field::InPort, 2u32), vec![out(3)]);
    assert_eq!(lab.ports(2, &back), [3]);
}

#[test]
fn what_a_packet_brings_along_is_there_when_it_goes_on() {
    let mut lab = Lab::new(3);
    let reg = |n| Subfield::whole(Field::Reg(n));
    let set = vec![
        Action::set(Field::Reg(3), 77u32),
        Action::set(Field::Metadata, 0xabu64),
        Action::copy(Subfield::whole(Field::Ipv4Src), reg(5)),
        Action::Push(reg(3)),
        Action::set(Field::EthDst, mac(9).to_u64()),
        ct(
            1,
            Some(4),
            true,
            vec![
                Action::set(Field::CtMark, 5u32),
                Action::copy(Subfield::new(Field::EthSrc, 0, 8), Subfield::new(Field::CtLabel, 96, 8)),
            ],
        ),
        // Here nothing is known of the connection.
        Action::resubmit(5),
    ];
    lab.flow(0, 1, ip(), set);
    let all = ip()
        .with(Field::Reg(3), 77u32)
        .with(Field::Metadata, 0xabu64)
        .with(Field::Reg(5), 0x0a00_0001u32)
        .with(Field::CtMark, 5u32)
        .with(Field::CtLabel, 1u128 << 96)
        .with(Field::CtZone, 1u16)
        .with(Field::EthDst, mac(9).to_u64());
    lab.flow(4, 1, all, vec![Action::Pop(reg(9)), Action::resubmit(6)]);
    lab.flow(
        6,
        1,
        ip().with(Field::Reg(9), 77u32).with_masked(Field::CtState, TRK.into(), TRK.into()),
        vec![out(2)],
    );
    lab.flow(5, 1, state(0, TRK).with(Field::CtMark, 0u32), vec![out(3)]);
    for _ in 0..2 {
        let mut ports = lab.ports(1, &udp4(1, 2, (5, 6), b"x"));
        ports.sort_unstable();
        assert_eq!(ports, [2, 3]);
    }
    // From another sender only the copy that is not tracked comes through.
    assert_eq!(lab.ports(1, &udp4(3, 2, (5, 6), b"x")), [3]);
}

#[test]
fn sources_are_translated_there_and_back() {
    let mut lab = Lab::new(2);
    let source = nat(NatKind::Src, [10, 0, 0, 100], Some((4000, Some(4001))));
    lab.flow(0, 2, ip().with(Field::InPort, 1u32), vec![ct(3, Some(1), true, vec![source])]);
    lab.flow(
        0,
        1,
        ip().with(Field::InPort, 2u32),
        vec![ct(3, Some(1), false, vec![Action::Nat(Nat::existing())])],
    );
    lab.flow(1, 1, state(TRK, TRK).with(Field::InPort, 1u32), vec![out(2)]);
    lab.flow(1, 1, state(EST | RPL, EST | RPL).with(Field::InPort, 2u32), vec![out(1)]);
    let there = udp4(1, 2, (5, 6), b"hello");
    let sent = lab.send(1, &there).pop().unwrap().1;
    assert_eq!(sent[26..34], [10, 0, 0, 100, 10, 0, 0, 2]);
    let port = u16::from_be_bytes([sent[34], sent[35]]);
    assert!((4000..=4001).contains(&port));
    assert_eq!(internet(&sent[14..34]), 0);
    assert!(crate::conntrack::is_whole(&sent), "the UDP checksum is right");
    let back = udp4(2, 100, (6, port), b"hello");
    let got = lab.send(2, &back).pop().unwrap().1;
    assert_eq!((&got[26..34], &got[34..38]), (&[10, 0, 0, 2, 10, 0, 0, 1][..], &[0, 6, 0, 5][..]));
    assert!(crate::conntrack::is_whole(&got));
}

#[test]
fn a_loop_through_the_tables_ends() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, ip(), vec![ct(1, Some(0), false, vec![]), ct(2, Some(0), false, vec![])]);
    assert!(lab.ports(1, &udp4(1, 2, (5, 6), b"x")).is_empty());
    assert!(lab.switch.counters().get(Event::DropRecirc) > 0);
    assert!(lab.switch.counters().get(Event::Recirculated) <= 4096);
}

#[test]
fn what_is_not_ip_is_tracked_as_invalid() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, Match::any(), vec![ct(1, Some(1), true, vec![])]);
    lab.flow(1, 1, Match::any().with_masked(Field::CtState, 0x30, 0x30), vec![out(2)]);
    assert_eq!(lab.ports(1, &crate::testing::broadcast(1)), [2]);
    let mut cut = udp4(1, 2, (5, 6), b"hello");
    cut[40] ^= 1;
    assert_eq!(lab.ports(1, &cut), [2], "a wrong checksum");
    assert!(lab.ports(1, &udp4(1, 2, (5, 6), b"hello")).is_empty());
}

#[test]
fn a_resubmit_can_look_up_what_the_connection_began_with() {
    let mut lab = Lab::new(3);
    lab.flow(0, 1, ip(), vec![ct(7, Some(1), true, vec![])]);
    let original = Action::Resubmit { in_port: None, table: Some(2), with_ct: true };
    lab.flow(1, 1, Match::any(), vec![original]);
    // Whatever the direction, the client's port is what is looked up; the packet keeps its own.
    let to_server = ip().with(Field::IpProto, 17u8).with(Field::UdpDst, 6u16);
    lab.flow(2, 1, to_server.with(Field::Ipv4Src, 0x0a00_0001u32), vec![Action::resubmit(3)]);
    lab.flow(3, 1, ip().with(Field::Ipv4Src, 0x0a00_0001u32), vec![out(2)]);
    lab.flow(3, 1, ip().with(Field::Ipv4Src, 0x0a00_0002u32), vec![out(1)]);
    for _ in 0..3 {
        assert_eq!(lab.ports(1, &udp4(1, 2, (5, 6), b"x")), [2]);
        assert_eq!(lab.ports(2, &udp4(2, 1, (6, 5), b"x")), [1]);
    }
    assert!(lab.ports(1, &udp4(1, 2, (5, 7), b"x")).is_empty());
}

#[test]
fn ct_clear_forgets_and_masks_say_so() {
    let mut lab = Lab::new(3);
    lab.flow(
        0,
        1,
        ip(),
        vec![ct(1, Some(1), true, vec![Action::SetField(SetField::masked(Field::CtMark, 3, 7))])],
    );
    lab.flow(1, 2, ip().with_masked(Field::CtMark, 3, 3), vec![out(2), Action::CtClear, Action::resubmit(2)]);
    lab.flow(2, 2, state(0, TRK).with(Field::CtMark, 0u32), vec![out(3)]);
    assert_eq!(lab.ports(1, &udp4(1, 2, (5, 6), b"x")), [2, 3]);
}

#[test]
fn connections_are_shown_limited_and_flushed() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, ip(), vec![ct(5, Some(1), true, vec![Action::set(Field::CtMark, 9u32)])]);
    lab.flow(1, 1, state(0x20, 0x30), vec![out(2)]);
    let run = |lab: &mut Lab, name: &str, args: &[&str]| lab.switch.command(name, args, lab.now).unwrap();
    assert_eq!(run(&mut lab, "dpctl/ct-set-limits", &["default=10", "zone=5,limit=3"]).unwrap(), "");
    for port in 1..6 {
        lab.send(1, &udp4(1, 2, (port, 6), b"x"));
    }
    insta::assert_snapshot!(run(&mut lab, "dpctl/ct-get-limits", &["zone=5,6"]).unwrap(), @r"
    default limit=10
    zone=5,limit=3,count=3
    zone=6,limit=10,count=0
    ");
    insta::assert_snapshot!(run(&mut lab, "dpctl/ct-stats-show", &[]).unwrap(), @r"
    Connections Stats:
        Total: 3
      UDP: 3
    ");
    let tuple = "ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=17,ct_tp_src=2,ct_tp_dst=6";
    assert_eq!(run(&mut lab, "dpctl/flush-conntrack", &["zone=5", tuple]).unwrap(), "");
    insta::assert_snapshot!(run(&mut lab, "dpctl/flush-conntrack", &["zone=5", tuple]).unwrap_err(), @"ovs-vswitchd: failed to flush conntrack (No such file or directory)");
    insta::assert_snapshot!(run(&mut lab, "dpctl/dump-conntrack", &["-s", "zone=5"]).unwrap(), @r"
    udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=6),reply=(src=10.0.0.2,dst=10.0.0.1,sport=6,dport=1),zone=5,timeout=60,mark=9
    udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=3,dport=6),reply=(src=10.0.0.2,dst=10.0.0.1,sport=6,dport=3),zone=5,timeout=60,mark=9
    ");
    assert_eq!(run(&mut lab, "dpctl/flush-conntrack", &["zone=4"]).unwrap(), "");
    assert_eq!(run(&mut lab, "dpctl/ct-get-nconns", &[]).unwrap(), "2\n");
    assert_eq!(run(&mut lab, "dpctl/flush-conntrack", &["", "ct_nw_src=10.0.0.2"]).unwrap(), "");
    assert_eq!(run(&mut lab, "dpctl/ct-get-nconns", &[]).unwrap(), "0\n");
    insta::assert_snapshot!(run(&mut lab, "dpctl/flush-conntrack", &["ct_tp_src=1"]).unwrap_err(), @"ovs-vswitchd: port is set without protocol (Invalid argument)");
    insta::assert_snapshot!(run(&mut lab, "dpctl/ct-set-maxconns", &["x"]).unwrap_err(), @"ovs-vswitchd: maxconns missing or malformed (Invalid argument)");
}

#[test]
fn traces_go_on_behind_the_tracker() {
    let mut lab = firewall();
    let mut run = |next: &[&str]| {
        let args = [&["br", "in_port=1,tcp,nw_src=10.0.0.1", "--names"], next].concat();
        let text = lab.switch.command("ofproto/trace", &args, lab.now).unwrap().unwrap();
        text.lines()
            .filter(|line| line.starts_with("recirc") || line.starts_with("Datapath"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(run(&[]), @r"
    Datapath actions: ct(zone=7),recirc(0x1)
    recirc(0x1) - resume conntrack with default ct_state=trk|new (use --ct-next to customize)
    Datapath actions: ct(commit,zone=7),recirc(0x2)
    recirc(0x2) - resume conntrack with default ct_state=trk|new (use --ct-next to customize)
    Datapath actions: p2
    ");
    insta::assert_snapshot!(run(&["--ct-next", "trk,est"]), @r"
    Datapath actions: ct(zone=7),recirc(0x1)
    recirc(0x1) - resume conntrack with ct_state=est|trk
    Datapath actions: p2
    ");
    let bad = lab.switch.command("ofproto/trace", &["br", "ip", "--ct-next=x"], lab.now).unwrap();
    assert_eq!(bad.unwrap_err(), "unknown ct_state flag x");
}

#[test]
fn fragments_pass_as_one_packet_and_leave_as_they_came() {
    let mut lab = firewall();
    let whole = udp4(1, 2, (5, 6), &[7; 3000]);
    let pieces = crate::conntrack::fragments_of(&whole, 1400);
    let mut sent = Vec::new();
    for piece in &pieces {
        let before = sent.len();
        sent.extend(lab.send(1, piece));
        assert!(sent.len() == before || sent.len() == pieces.len(), "all or nothing");
    }
    let expected: Vec<(u32, Vec<u8>)> = pieces.into_iter().map(|piece| (2, piece)).collect();
    assert_eq!(sent, expected);
    assert_eq!(lab.ports(2, &udp4(2, 1, (6, 5), b"x")), [1], "the connection has its ports");
    let status = lab.switch.command("dpctl/ipf-get-status", &[], lab.now).unwrap().unwrap();
    assert!(status.contains("v4 frags completed: 3"), "{status}");
}

/// Actions of flows in `table`, which may go on in later ones, and here and there back.
fn tracked_action(table: u8) -> impl Strategy<Value = Action> {
    let zone = 1u16..3;
    let next = move |go: u8| (table + 1 + go % 2).min(3);
    let range = prop_oneof![Just(NatKind::Src), Just(NatKind::Dst)];
    let translated = range.prop_map(|kind| nat(kind, [10, 0, 0, 3], None));
    let nested = prop_oneof![
        3 => Just(vec![]),
        2 => Just(vec![Action::Nat(Nat::existing())]),
        2 => translated.prop_map(|nat| vec![nat]),
        2 => (0u32..3).prop_map(|mark| vec![Action::set(Field::CtMark, mark)]),
        1 => Just(vec![Action::copy(Subfield::new(Field::Reg(0), 0, 8), Subfield::new(Field::CtLabel, 0, 8))]),
    ];
    let leaf = prop_oneof![
        4 => (zone, any::<u8>(), proptest::bool::weighted(0.8), any::<bool>(), nested).prop_map(
            move |(zone, go, goes, commit, nested)| ct(zone, goes.then(|| next(go)), commit, nested)
        ),
        3 => (2u32..4).prop_map(out),
        1 => Just(Action::CtClear),
        1 => (0u32..3).prop_map(|n| Action::set(Field::Reg(0), n)),
        1 => Just(Action::copy(Subfield::new(Field::CtMark, 0, 8), Subfield::new(Field::Reg(0), 0, 8))),
        1 => (1u8..4).prop_map(|n| Action::set(Field::EthDst, mac(n).to_u64())),
        1 => Just(Action::set(Field::Ipv4Dst, 0x0a00_0002u32)),
        1 => any::<u8>().prop_map(move |go| Action::resubmit(next(go))),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| proptest::collection::vec(inner, 1..3).prop_map(Action::Clone))
}

fn tracked_match() -> impl Strategy<Value = Match> {
    prop_oneof![
        2 => Just(ip()),
        1 => (1u32..3).prop_map(|port| ip().with(Field::InPort, port)),
        3 => (0u32..256, 0u32..256).prop_map(|(value, mask)| state(value & mask, mask)),
        1 => (0u32..3).prop_map(|mark| ip().with(Field::CtMark, mark)),
        1 => (0u16..3).prop_map(|zone| ip().with(Field::CtZone, zone)),
        1 => (0u128..3).prop_map(|label| ip().with(Field::CtLabel, label)),
        1 => (0u32..3).prop_map(|reg| ip().with(Field::Reg(0), reg)),
        1 => (1u32..4).prop_map(|n| state(TRK, TRK).with(Field::CtNwSrc, 0x0a00_0000 | n)),
        1 => (1u32..4).prop_map(|n| ip().with(Field::Ipv4Src, 0x0a00_0000 | n)),
    ]
}

fn tracked_flow() -> impl Strategy<Value = FlowMod> {
    (0u8..4).prop_flat_map(|table| {
        let actions = proptest::collection::vec(tracked_action(table), 1..4);
        (0u16..4, tracked_match(), actions).prop_map(move |(priority, matching, actions)| {
            FlowMod::add(table, priority, matching, actions, 0)
        })
    })
}

/// A packet, by which port and how often it comes, and the seconds that pass behind it.
fn conversation() -> impl Strategy<Value = (u32, Vec<u8>, usize, u64)> {
    let flags = prop_oneof![Just("S"), Just("S."), Just("."), Just("F."), Just("R")];
    let frame =
        (1u8..4, 1u8..4, 1u16..3, 1u16..3, proptest::option::of(flags)).prop_map(|(a, b, p, q, flags)| {
            let (src, dst) = ((host(false, a), p), (host(false, b), q));
            flags.map_or_else(|| udp(src, dst, b"x"), |flags| tcp(src, dst, flags, (1, 1), b""))
        });
    let seconds = prop_oneof![9 => Just(0u64), 1 => 20u64..70];
    (1u32..3, frame, 1usize..4, seconds)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    /// What is known of packets that went through the tracker changes no result, also after time
    /// passed and flows changed.
    #[test]
    fn cached_equals_uncached(
        flows in proptest::collection::vec(tracked_flow(), 4..16),
        packets in proptest::collection::vec(conversation(), 1..40),
        late in proptest::collection::vec(tracked_flow(), 0..3),
    ) {
        let (mut cached, mut uncached) = (Lab::new(3), Lab::new(3));
        for lab in [&mut cached, &mut uncached] {
            for flow in &flows {
                prop_assert_eq!(lab.flow_mod(flow), Ok(()));
            }
        }
        for (at, (port, frame, times, seconds)) in packets.iter().enumerate() {
            if at % 13 == 12 {
                for lab in [&mut cached, &mut uncached] {
                    for flow in &late {
                        prop_assert_eq!(lab.flow_mod(flow), Ok(()));
                    }
                }
            }
            // Known by the second time, and on a way that is known by the third.
            for _ in 0..*times {
                uncached.switch.cache.clear();
                let expected = uncached.send(*port, frame);
                prop_assert_eq!(cached.send(*port, frame), expected);
            }
            for lab in [&mut cached, &mut uncached] {
                lab.now += Duration::from_secs(*seconds);
                lab.switch.handle_timeout(lab.now);
            }
        }
        let dump = |lab: &mut Lab| lab.switch.command("dpctl/dump-conntrack", &["-m", "-s"], lab.now).unwrap();
        prop_assert_eq!(dump(&mut cached), dump(&mut uncached));
    }
}
