//! Packets that go through the connection tracker and through the tables again.

use std::time::Duration;

use openflow::{
    Action, Ct, Field, Match, Nat, NatKind, NatRange, NatSpread, PortNo, SetField, Subfield, ZoneSource,
};
use packet::checksum::internet;

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
    let flows = lab.switch.command("dpctl/dump-flows", &[], lab.now).unwrap().unwrap();
    insta::assert_snapshot!(flows, @r"
    in_port=0,eth_type=0x800, packets:12, bytes:516, used:0.000s, actions:ct(zone=7),recirc(0x1)
    in_port=1,eth_type=0x800, packets:12, bytes:516, used:0.000s, actions:ct(zone=7),recirc(0x3)
    recirc_id=0x1,in_port=0,ct_state=0x21/0x21,eth_type=0x800, packets:1, bytes:43, used:0.000s, actions:ct(commit,zone=7),recirc(0x2)
    recirc_id=0x1,in_port=0,ct_state=0x22/0x23,eth_type=0x800, packets:11, bytes:473, used:0.000s, actions:p2
    recirc_id=0x2,in_port=0,eth_type=0x800, packets:1, bytes:43, used:0.000s, actions:p2
    recirc_id=0x3,in_port=1,ct_state=0x22/0x23,eth_type=0x800, packets:12, bytes:516, used:0.000s, actions:p1
    6 flows, 3 masks
    ");
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
