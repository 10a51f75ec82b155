//! A switch that took over is the one that it took over from.

use std::time::Duration;

use openflow::{
    Action, Band, BandKind, Body, Bucket, BucketId, Field, FlowMod, FlowModCommand, GroupId, GroupKind,
    GroupMod, GroupModCommand, Match, MeterFlags, MeterId, MeterMod, MeterModCommand, PortNo, TlvMap,
    TlvTableCommand, TlvTableMod, Version, Versions, parse_actions,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::conntrack::packets::{host, tcp};
use crate::handover::HandOverError;
use crate::switch::Changes;
use crate::testing::{Lab, udp4};
use crate::{ConnKind, ConnOutput, DeviceId, PortKind, PortSpec, Switch};

/// Something that happens to a switch.
#[derive(Clone, Debug)]
enum Step {
    /// A datagram from a host to another, in by a port.
    Udp(u32, u8, u8, u16),
    /// A segment that opens a connection, or goes on with it.
    Tcp(u32, u8, u8, bool),
    /// A flow of its own is added, changed or deleted.
    Flow(FlowModCommand, u8, u32),
    /// Buckets of a group.
    Group(Vec<u32>),
    Pass(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    use FlowModCommand::{Add, DeleteStrict, ModifyStrict};
    prop_oneof![
        8 => (1u32..4, 1u8..4, 4u8..7, 1u16..5).prop_map(|(p, a, b, port)| Step::Udp(p, a, b, port)),
        4 => (1u32..4, 1u8..4, 4u8..7, any::<bool>()).prop_map(|(p, a, b, syn)| Step::Tcp(p, a, b, syn)),
        2 => (prop_oneof![Just(Add), Just(ModifyStrict), Just(DeleteStrict)], 0u8..4, 1u32..4)
            .prop_map(|(command, which, port)| Step::Flow(command, which, port)),
        1 => vec(1u32..4, 0..40).prop_map(Step::Group),
        2 => (1u64..40).prop_map(Step::Pass),
    ]
}

/// A switch whose packets are translated, tracked, grouped and learned from.
fn lab(seed: u64) -> Lab {
    let mut lab = Lab::new(0);
    lab.switch = Switch::new(seed);
    lab.bridge = lab.switch.add_bridge("br", 1);
    for n in 1..=3 {
        lab.port(PortSpec::new(n, &format!("p{n}"), PortKind::Device(DeviceId(n))));
    }
    lab
}

fn set_up(lab: &mut Lab) {
    let ip = || Match::any().with(Field::EthType, 0x0800u16);
    let actions = |text: &str| parse_actions(text).unwrap();
    lab.switch.bridges.get_mut(&lab.bridge).unwrap().tlv = lab.switch.bridges[&lab.bridge]
        .tlv
        .changed(
            &TlvTableMod {
                command: TlvTableCommand::Add,
                maps: vec![TlvMap { class: 0x102, kind: 0x80, length: 4, index: 0 }],
            },
            0,
        )
        .unwrap();
    group(lab, &[2, 3]);
    let meter = MeterMod {
        command: MeterModCommand::Add,
        flags: MeterFlags(MeterFlags::PKTPS),
        meter: MeterId(3),
        bands: vec![Band { kind: BandKind::Drop, rate: 1_000_000, burst: 0 }],
    };
    lab.switch.meter_mod(lab.bridge, &meter, &mut Changes::default(), lab.now).unwrap();
    let inward = "ct(commit,zone=1,nat(src=192.168.0.1-192.168.0.3),exec(load:7->NXM_NX_CT_MARK[]),table=1)";
    lab.flow(0, 1, ip().with(Field::InPort, 1u32), actions(inward));
    lab.flow(0, 1, ip(), actions("ct(zone=1,nat,table=1)"));
    lab.flow(1, 1, ip().with(Field::InPort, 1u32), actions("group:9"));
    lab.flow(1, 1, ip(), actions("NORMAL"));
    let timed = FlowMod {
        idle_timeout: 30,
        hard_timeout: 200,
        ..FlowMod::add(1, 9, ip().with(Field::InPort, 3u32), actions("output:2,NORMAL"), 0x77)
    };
    lab.flow_mod(&timed).unwrap();
}

fn group(lab: &mut Lab, ports: &[u32]) {
    let bucket = |(id, port): (u32, &u32)| Bucket {
        id: BucketId(id),
        weight: 100,
        watch_port: PortNo::ANY,
        watch_group: GroupId::ANY,
        actions: vec![Action::output(PortNo(*port))],
    };
    let buckets = (0..).zip(ports).map(bucket).collect();
    let (command, kind, group) = (GroupModCommand::AddOrModify, GroupKind::Select, GroupId(9));
    let change = GroupMod { command, kind, group, buckets, selection: None };
    lab.switch.group_mod(lab.bridge, &change, &mut Changes::default(), lab.now).unwrap();
}

/// What comes out of a step.
fn apply(lab: &mut Lab, step: &Step) -> Vec<(u32, Vec<u8>)> {
    match step {
        Step::Udp(port, src, dst, from) => lab.send(*port, &udp4(*src, *dst, (*from, 53), b"x")),
        Step::Tcp(port, src, dst, syn) => {
            let (a, b) = ((host(false, *src), 1000), (host(false, *dst), 80));
            let frame = if *syn { tcp(a, b, "S", (5, 0), &[]) } else { tcp(a, b, ".", (6, 1), &[1; 9]) };
            lab.send(*port, &frame)
        }
        Step::Flow(command, which, port) => {
            let matching = Match::any().with(Field::EthType, 0x0800u16).with(Field::IpDscp, *which);
            let add = FlowMod::add(1, 5, matching, vec![Action::output(PortNo(*port))], 1);
            lab.flow_mod(&FlowMod { command: *command, cookie_mask: 0, ..add }).unwrap();
            Vec::new()
        }
        Step::Group(ports) => {
            group(lab, ports);
            Vec::new()
        }
        Step::Pass(seconds) => {
            lab.now += Duration::from_secs(*seconds);
            lab.switch.handle_timeout(lab.now);
            Vec::new()
        }
    }
}

/// All that an operator can see of a switch, but for its caches.
fn show(lab: &mut Lab) -> String {
    lab.switch.push_counters(lab.now);
    let mut text = String::new();
    for (command, args) in
        [("dpctl/dump-conntrack", &["-m"][..]), ("fdb/show", &["br"]), ("dpctl/ct-get-limits", &[])]
    {
        // Connections are shown by places, which are of no meaning.
        let shown = lab.switch.command(command, args, lab.now).unwrap().unwrap();
        let mut lines: Vec<&str> = shown.lines().collect();
        lines.sort_unstable();
        text += &(lines.join("\n") + "\n");
    }
    let bridge = &lab.switch.bridges[&lab.bridge];
    for rule in bridge.rules() {
        text += &format!(
            "{} {} {:?} {:?} {:?} {:?}\n",
            rule.id,
            rule.to_text(),
            rule.created,
            rule.modified,
            rule.deadline(),
            rule.counted().counted()
        );
    }
    text += &format!("{:?} {:?} {:?}\n", bridge.groups, bridge.meters, bridge.tlv.maps());
    text += &format!("{:?}", lab.switch.ports);
    text
}

/// What the switch with another seed is after it took over, while these steps happen to the old one.
fn taken_over(old: &mut Lab, during: &[Step]) -> Lab {
    let mut new = lab(7);
    let mut during = during.iter();
    let mut copying = old.switch.begin_copy();
    while let Some(part) = old.switch.copy_part(&mut copying, old.now) {
        new.switch.take_part(&part, old.now).unwrap();
        for step in during.by_ref().take(2) {
            apply(old, step);
        }
    }
    for step in during {
        apply(old, step);
    }
    let rest = old.switch.copy_rest(&copying, old.now);
    new.switch.take_part(&rest, old.now).unwrap();
    new.now = old.now;
    new
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens before, while the copy is made, and afterwards.
    #[test]
    fn a_switch_that_took_over_goes_on_as_the_old_one(
        before in vec(any_step(), 0..60),
        during in vec(any_step(), 0..30),
        after in vec(any_step(), 1..40),
    ) {
        let mut old = lab(1);
        set_up(&mut old);
        for step in &before {
            apply(&mut old, step);
        }
        let mut new = taken_over(&mut old, &during);
        prop_assert_eq!(show(&mut old), show(&mut new));
        // What is handed over is handed over as well again.
        for step in &after {
            prop_assert_eq!(apply(&mut old, step), apply(&mut new, step), "{:?}", step);
        }
        prop_assert_eq!(show(&mut old), show(&mut new));
    }

    /// Octets that changed on the way are refused, or taken as something else: nothing panics.
    #[test]
    fn damaged_parts_do_no_harm(
        steps in vec(any_step(), 0..20),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut: prop::sample::Index,
    ) {
        let mut old = lab(1);
        set_up(&mut old);
        for step in &steps {
            apply(&mut old, step);
        }
        let mut copying = old.switch.begin_copy();
        let mut parts: Vec<Vec<u8>> = Vec::new();
        while let Some(part) = old.switch.copy_part(&mut copying, old.now) {
            parts.push(part);
        }
        parts.push(old.switch.copy_rest(&copying, old.now));
        let all: usize = parts.iter().map(Vec::len).sum();
        for (at, octet) in flips {
            let mut at = at.index(all);
            for part in &mut parts {
                if at < part.len() {
                    part[at] = octet;
                    break;
                }
                at -= part.len();
            }
        }
        let last = parts.len() - 1;
        let len = cut.index(parts[last].len() * 2).min(parts[last].len());
        parts[last].truncate(len);
        let mut new = lab(7);
        let _ = parts.iter().try_for_each(|part| new.switch.take_part(part, old.now));
    }
}

#[test]
fn many_flows_and_connections_come_in_parts_and_what_changes_meanwhile_comes_too() {
    let mut old = lab(1);
    set_up(&mut old);
    for n in 0..3000u32 {
        let matching = Match::any().with(Field::EthType, 0x0800u16).with(Field::Ipv4Dst, n);
        old.flow(2, 7, matching, vec![Action::output(PortNo(2))]);
    }
    for n in 0..2000u16 {
        old.send(1, &udp4((n % 200) as u8, 201, (n, 53), b"x"));
    }
    let mut new = lab(7);
    let mut copying = old.switch.begin_copy();
    let mut parts = 0u32;
    while let Some(part) = old.switch.copy_part(&mut copying, old.now) {
        assert!(part.len() < 128 << 10);
        new.switch.take_part(&part, old.now).unwrap();
        // Flows come and go, those that were copied and others; connections begin, go on and end.
        let matching = |n| Match::any().with(Field::EthType, 0x0800u16).with(Field::Ipv4Dst, n);
        old.flow_mod(&FlowMod::delete_strict(2, 7, matching(parts))).unwrap();
        old.flow_mod(&FlowMod::delete_strict(2, 7, matching(2999 - parts))).unwrap();
        old.flow(2, 8, matching(parts), vec![]);
        old.send(1, &udp4(7, 202, (parts as u16, 53), b"x"));
        old.send(1, &udp4((parts % 200) as u8, 201, (parts as u16, 53), b"x"));
        parts += 1;
    }
    assert!(parts > 8, "{parts}");
    old.switch.command("dpctl/flush-conntrack", &["zone=1", "ct_nw_src=10.0.0.9"], old.now).unwrap().unwrap();
    let rest = old.switch.copy_rest(&copying, old.now);
    assert!(rest.len() < 400_000, "only what changed: {}", rest.len());
    new.switch.take_part(&rest, old.now).unwrap();
    assert_eq!(show(&mut old), show(&mut new));
}

#[test]
fn a_configuration_that_differs_is_refused() {
    let mut old = lab(1);
    set_up(&mut old);
    let mut copying = old.switch.begin_copy();
    let mut new = lab(7);
    while let Some(part) = old.switch.copy_part(&mut copying, old.now) {
        new.switch.take_part(&part, old.now).unwrap();
    }
    let rest = old.switch.copy_rest(&copying, old.now);
    new.switch.remove_port(new.switch.port_named("p2").unwrap(), new.now);
    let spec = PortSpec { number: PortNo(8), ..PortSpec::new(8, "p2", PortKind::Device(DeviceId(2))) };
    new.port(spec);
    let error = new.switch.take_part(&rest, old.now).unwrap_err();
    assert_eq!(error, HandOverError::Differs("the number of port p2".to_owned()));
    insta::assert_snapshot!(error, @"the number of port p2 differs from what is handed over");
}

#[test]
fn a_connection_goes_on_in_the_middle_of_a_message() {
    let mut old = lab(1);
    let versions = Versions::of(&[Version::Of15]);
    let conn = old.switch.openflow_connected(old.bridge, ConnKind::Service, versions, old.now);
    assert_eq!(old.switch.put_connection(conn, old.now), None, "there is no version yet");
    old.switch.openflow_input(conn, &Body::Hello(versions).with_xid(1).encode(Version::Of15), old.now);
    while old.switch.openflow_output(conn).is_some() {}
    let echo = Body::EchoRequest(b"abc".to_vec()).with_xid(2).encode(Version::Of15);
    old.switch.openflow_input(conn, &echo[..5], old.now);
    let kept = old.switch.put_connection(conn, old.now).unwrap();
    let mut new = lab(7);
    let (id, bridge) = new.switch.take_connection(&kept, old.now).unwrap().unwrap();
    assert_eq!(bridge, "br");
    new.switch.openflow_input(id, &echo[5..], new.now);
    let reply = Body::EchoReply(b"abc".to_vec()).with_xid(2).encode(Version::Of15);
    assert_eq!(new.switch.openflow_output(id), Some(ConnOutput::Send(reply)));
}
