//! What groups and meters count, and what meters do to packets.

use openflow::{
    Action, Band, BandKind, Bucket, BucketId, BundleAdd, BundleControl, BundleFlags, BundleId, BundleKind,
    Controller, Field, FlowMod, FlowModFlags, FlowRemovedReason, GroupId, GroupKind, GroupMod,
    GroupModCommand, Instruction, Match, MeterFlags, MeterId, MeterMod, MeterModCommand, MultipartReply,
    MultipartRequest, PortNo,
};

use packet::key::{FlowKey, extract, slot};

use super::*;
use crate::Event;
use crate::testing::{broadcast, udp4};

fn out(port: u32) -> Action {
    Action::output(PortNo(port))
}

fn in_port(port: u32) -> Match {
    Match::any().with(Field::InPort, port)
}

fn bucket(id: u32, watch: (PortNo, GroupId), actions: Vec<Action>) -> Bucket {
    Bucket { id: BucketId(id), weight: 1, watch_port: watch.0, watch_group: watch.1, actions }
}

fn group(id: u32, kind: GroupKind, buckets: Vec<Bucket>) -> Body {
    let command = GroupModCommand::AddOrModify;
    Body::GroupMod(GroupMod { command, kind, group: GroupId(id), buckets, selection: None })
}

fn meter(command: MeterModCommand, id: u32, unit: u16, bands: &[(BandKind, u32, u32)]) -> Body {
    let bands = bands.iter().map(|(kind, rate, burst)| Band { kind: *kind, rate: *rate, burst: *burst });
    let flags = MeterFlags(unit | MeterFlags::BURST | MeterFlags::STATS);
    Body::MeterMod(MeterMod { command, flags, meter: MeterId(id), bands: bands.collect() })
}

fn ask(lab: &mut Lab, peer: &mut Peer, request: MultipartRequest) -> MultipartReply {
    let replies = peer.say(lab, Body::MultipartRequest(request));
    let [Body::MultipartReply { reply, .. }] = replies.as_slice() else { panic!("{replies:?}") };
    reply.clone()
}

const NO_WATCH: (PortNo, GroupId) = (PortNo::ANY, GroupId::ANY);

#[test]
fn groups_and_their_buckets_count() {
    let mut lab = Lab::new(3);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    let both = vec![bucket(0, NO_WATCH, vec![out(2)]), bucket(1, NO_WATCH, vec![out(3)])];
    peer.say(&mut lab, group(1, GroupKind::All, both.clone()));
    let watching = vec![
        bucket(0, (PortNo(9), GroupId::ANY), vec![out(2)]),
        bucket(1, (PortNo::ANY, GroupId(1)), vec![out(3)]),
    ];
    peer.say(&mut lab, group(2, GroupKind::FastFailover, watching));
    lab.flow(0, 1, in_port(1), vec![Action::Group(GroupId(1))]);
    lab.flow(0, 1, in_port(2), vec![Action::Group(GroupId(2))]);
    for _ in 0..3 {
        assert_eq!(lab.ports(1, &broadcast(1)), [2, 3]);
    }
    assert_eq!(lab.ports(2, &broadcast(1)), [3], "the watched group has buckets that watch nothing");
    let counts = |lab: &mut Lab, peer: &mut Peer| {
        let MultipartReply::Group(groups) = ask(lab, peer, MultipartRequest::Group(GroupId::ALL)) else {
            panic!()
        };
        groups.into_iter().map(|g| (g.group.0, g.packets, g.bytes, g.buckets)).collect::<Vec<_>>()
    };
    assert_eq!(
        counts(&mut lab, &mut peer),
        [(1, 3, 180, vec![(3, 180), (3, 180)]), (2, 1, 60, vec![(0, 0), (1, 60)])]
    );
    // A group that is changed counts anew, as in Open vSwitch.
    peer.say(&mut lab, group(1, GroupKind::All, both));
    assert_eq!(counts(&mut lab, &mut peer)[0], (1, 0, 0, vec![(0, 0), (0, 0)]));
}

#[test]
fn what_exceeds_a_meter_goes_no_further() {
    let mut lab = Lab::new(3);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    let two = meter(MeterModCommand::Add, 1, MeterFlags::PKTPS, &[(BandKind::Drop, 2, 3)]);
    assert_eq!(peer.say(&mut lab, two), []);
    // The copy is measured, the packet is not.
    lab.flow(0, 1, in_port(1), vec![Action::Clone(vec![Action::Meter(MeterId(1)), out(2)]), out(3)]);
    let passed: Vec<Vec<u32>> = (0..5).map(|_| lab.ports(1, &broadcast(1))).collect();
    assert_eq!(passed, [vec![2, 3], vec![2, 3], vec![2, 3], vec![3], vec![3]]);
    lab.now += Duration::from_millis(500);
    assert_eq!(lab.ports(1, &broadcast(1)), [2, 3]);
    assert_eq!(lab.switch.counters().get(Event::DropMeter), 2);
    let request = MultipartRequest::Meter(MeterId::ALL);
    let MultipartReply::Meter(stats) = ask(&mut lab, &mut peer, request.clone()) else { panic!() };
    let [meter_1] = stats.as_slice() else { panic!("{stats:?}") };
    assert_eq!((meter_1.flow_count, meter_1.packets_in, meter_1.bytes_in), (1, 6, 360));
    assert_eq!(meter_1.bands, [(2, 120)]);
    // Changed, it begins with full buckets and counts anew; its age stays.
    let one = meter(MeterModCommand::Modify, 1, MeterFlags::KBPS, &[(BandKind::Drop, 1, 1)]);
    peer.say(&mut lab, one);
    let passed: Vec<usize> = (0..4).map(|_| lab.ports(1, &broadcast(1)).len()).collect();
    assert_eq!(passed, [2, 2, 1, 1], "1000 bits are two packets of 480");
    let MultipartReply::Meter(stats) = ask(&mut lab, &mut peer, request) else { panic!() };
    assert_eq!((stats[0].packets_in, stats[0].duration_nsec), (4, 500_000_000));
}

#[test]
fn a_meter_raises_the_drop_precedence() {
    let mut lab = Lab::new(2);
    let mut peer = Peer::new(&mut lab, Version::Of13);
    let remark = meter(MeterModCommand::Add, 7, MeterFlags::PKTPS, &[(BandKind::DscpRemark(1), 1, 1)]);
    assert_eq!(peer.say(&mut lab, remark), []);
    // OpenFlow 1.3 has an instruction for it.
    let af11 = Action::set(Field::IpDscp, 10u8);
    let change = FlowMod {
        instructions: vec![Instruction::Meter(MeterId(7)), Instruction::Apply(vec![out(2)])],
        ..FlowMod::add(1, 1, Match::any(), vec![], 0)
    };
    lab.flow(0, 1, in_port(1), vec![af11, Action::resubmit(1)]);
    assert_eq!(peer.say(&mut lab, Body::FlowMod(change)), []);
    let dscp = |lab: &mut Lab| {
        let sent = lab.send(1, &udp4(1, 2, (5, 6), &[]));
        let mut key = FlowKey::ZERO;
        extract(&sent[0].1, &mut key);
        key.get(slot::NW_DSCP)
    };
    assert_eq!([dscp(&mut lab), dscp(&mut lab)], [10, 12]);
}

#[test]
fn packet_ins_have_meters_of_their_own() {
    let mut lab = Lab::new(2);
    let mut peer = Peer::listening(&mut lab, Version::Of15);
    let limit = [(BandKind::Drop, 1, 2)];
    let add = |id| meter(MeterModCommand::Add, id, MeterFlags::PKTPS, &limit);
    assert_eq!(peer.say(&mut lab, add(5)), []);
    let named = Controller { meter: Some(MeterId(5)), ..Controller::default() };
    lab.flow(0, 1, in_port(1), vec![Action::Controller(named), out(2)]);
    lab.flow(0, 1, in_port(2), vec![Action::Controller(Controller::default()), out(1)]);
    let send = |lab: &mut Lab, peer: &mut Peer, port| {
        let n: usize = (0..4).map(|_| lab.ports(port, &broadcast(1)).len()).sum();
        (n, peer.hear(lab).len())
    };
    assert_eq!(send(&mut lab, &mut peer, 1), (4, 2), "the packets go on, their copies are measured");
    assert_eq!(send(&mut lab, &mut peer, 2), (4, 4));
    assert_eq!(peer.say(&mut lab, add(MeterId::CONTROLLER.0)), []);
    assert_eq!(send(&mut lab, &mut peer, 2), (4, 2), "the meter for all that names none");
}

#[test]
fn a_meter_takes_its_flows_along() {
    let mut lab = Lab::new(2);
    let mut peer = Peer::listening(&mut lab, Version::Of15);
    let measured = FlowMod {
        flags: FlowModFlags(FlowModFlags::SEND_FLOW_REM),
        ..FlowMod::add(0, 1, in_port(1), vec![Action::Meter(MeterId(3)), out(2)], 0)
    };
    assert_eq!(peer.refused(&mut lab, Body::FlowMod(measured.clone())), ErrorCode::INVALID_METER);
    peer.say(&mut lab, meter(MeterModCommand::Add, 3, MeterFlags::KBPS, &[]));
    assert_eq!(peer.say(&mut lab, Body::FlowMod(measured)), []);
    let gone = peer.say(&mut lab, meter(MeterModCommand::Delete, 3, MeterFlags::KBPS, &[]));
    let [Body::FlowRemoved(removed)] = gone.as_slice() else { panic!("{gone:?}") };
    assert_eq!(removed.reason, FlowRemovedReason::MeterDelete);
    let nine = [(BandKind::Drop, 1, 1); 9];
    let wrong = meter(MeterModCommand::Add, 3, MeterFlags::KBPS, &nine);
    assert_eq!(peer.refused(&mut lab, wrong), ErrorCode::OUT_OF_BANDS);
    let wrong = meter(MeterModCommand::Add, 0x0004_0001, MeterFlags::KBPS, &[]);
    assert_eq!(peer.refused(&mut lab, wrong), ErrorCode::INVALID_METER);
}

#[test]
fn flows_groups_and_meters_are_one_epoch() {
    let mut lab = Lab::new(3);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    lab.flow(0, 1, in_port(1), vec![out(2)]);
    let id = BundleId(4);
    let flags = BundleFlags::ATOMIC_ORDERED;
    let control = |kind| Body::BundleControl(BundleControl { id, kind, flags });
    let mut bundle = |lab: &mut Lab, bodies: Vec<Body>| {
        peer.say(lab, control(BundleKind::OpenRequest));
        for body in bodies {
            let message = Box::new(body.with_xid(0));
            assert_eq!(peer.say(lab, Body::BundleAdd(BundleAdd { id, flags, message })), []);
        }
        peer.say(lab, control(BundleKind::CommitRequest)).len()
    };
    let add = || meter(MeterModCommand::Add, 1, MeterFlags::PKTPS, &[(BandKind::Drop, 1, 1)]);
    let actions = vec![Action::Meter(MeterId(1)), Action::Group(GroupId(1))];
    let flow = || Body::FlowMod(FlowMod::add(0, 1, in_port(1), actions.clone(), 0));
    let third = || group(1, GroupKind::Indirect, vec![bucket(0, NO_WATCH, vec![out(3)])]);
    assert_eq!(bundle(&mut lab, vec![add(), third(), flow(), add()]), 2, "the meter is there already");
    assert!(lab.switch.bridges[&lab.bridge].meters.is_empty());
    assert_eq!([(); 3].map(|()| lab.ports(1, &broadcast(1)).len()), [1, 1, 1], "all is as before");
    assert_eq!(bundle(&mut lab, vec![add(), third(), flow()]), 1);
    assert_eq!([(); 2].map(|()| lab.ports(1, &broadcast(1))), [vec![3], vec![]]);
}
