//! Changes of flows, groups and meters, alone and in bundles.

use openflow::{
    Action, Bucket, BucketCommand, BucketId, BundleAdd, BundleControl, BundleFlags, BundleId, BundleKind,
    Field, FlowMod, FlowModCommand, FlowModFlags, GroupId, GroupKind, GroupMod, GroupModCommand, Match,
    MeterFlags, MeterId, MeterMod, MeterModCommand, PortNo,
};
use proptest::prelude::*;

use super::*;
use crate::testing::{broadcast, mac, udp4};

const BUNDLE: BundleId = BundleId(1);

fn control(kind: BundleKind) -> Body {
    Body::BundleControl(BundleControl { id: BUNDLE, kind, flags: BundleFlags::ATOMIC_ORDERED })
}

fn add(body: Body) -> Body {
    Body::BundleAdd(BundleAdd {
        id: BUNDLE,
        flags: BundleFlags::ATOMIC_ORDERED,
        message: Box::new(body.with_xid(0)),
    })
}

fn out(port: u32) -> Vec<Action> {
    vec![Action::output(PortNo(port))]
}

fn bucket(id: u32, actions: Vec<Action>) -> Bucket {
    Bucket { id: BucketId(id), weight: 1, watch_port: PortNo::ANY, watch_group: GroupId::ANY, actions }
}

fn group(command: GroupModCommand, group: u32, buckets: Vec<Bucket>) -> Body {
    Body::GroupMod(GroupMod {
        command,
        kind: GroupKind::Select,
        group: GroupId(group),
        buckets,
        selection: None,
    })
}

/// Flows, groups and meters as a controller sees them.
fn state(lab: &Lab) -> Vec<String> {
    let bridge = &lab.switch.bridges[&lab.bridge];
    let flows = bridge.rules().map(|rule| {
        format!(
            "{} {} {:?} {:?} {}",
            rule.table,
            rule.priority,
            rule.matching(),
            rule.instructions(),
            rule.cookie
        )
    });
    let groups = bridge.groups.iter().map(|(id, group)| format!("{id:?} {:?}", group.buckets));
    let meters = bridge.meters.values().map(|meter| format!("{:?}", meter.config));
    let mut all: Vec<String> = flows.chain(groups).chain(meters).collect();
    all.sort();
    all
}

#[test]
fn a_bundle_takes_effect_at_its_commit_and_whole() {
    let mut lab = Lab::new(3);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    lab.flow(0, 1, Match::any(), out(2));
    let opened = peer.say(&mut lab, control(BundleKind::OpenRequest));
    assert!(matches!(opened.as_slice(), [Body::BundleControl(reply)] if reply.kind == BundleKind::OpenReply));
    assert_eq!(peer.say(&mut lab, add(Body::FlowMod(FlowMod::delete_all()))), []);
    assert_eq!(peer.say(&mut lab, add(group(GroupModCommand::Add, 5, vec![bucket(0, out(3))]))), []);
    let flow = FlowMod::add(0, 1, Match::any(), vec![Action::Group(GroupId(5))], 0);
    assert_eq!(peer.say(&mut lab, add(Body::FlowMod(flow))), []);
    assert_eq!(lab.ports(1, &broadcast(1)), [2]);
    let committed = peer.say(&mut lab, control(BundleKind::CommitRequest));
    assert!(
        matches!(committed.as_slice(), [Body::BundleControl(reply)] if reply.kind == BundleKind::CommitReply)
    );
    assert_eq!(lab.ports(1, &broadcast(1)), [3]);
    assert_eq!(peer.refused(&mut lab, control(BundleKind::CommitRequest)), ErrorCode::BUNDLE_BAD_ID);
}

#[test]
fn a_bundle_that_fails_leaves_everything_as_it_was() {
    let mut lab = Lab::new(3);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    lab.flow(0, 1, Match::any(), out(2));
    lab.flow(1, 1, Match::any(), out(2));
    peer.say(&mut lab, group(GroupModCommand::Add, 1, vec![bucket(0, out(2))]));
    lab.flow(2, 1, Match::any(), vec![Action::Group(GroupId(1))]);
    let before = state(&lab);
    peer.say(&mut lab, control(BundleKind::OpenRequest));
    for change in [
        Body::FlowMod(FlowMod::delete_strict(0, 1, Match::any())),
        Body::FlowMod(FlowMod::add(1, 1, Match::any(), out(3), 9)),
        group(GroupModCommand::Delete, 1, Vec::new()),
        group(GroupModCommand::Add, 2, vec![bucket(0, out(3))]),
        Body::FlowMod(FlowMod::add(0, 1, Match::any(), vec![Action::Group(GroupId(99))], 0)),
    ] {
        assert_eq!(peer.say(&mut lab, add(change)), []);
    }
    let errors = peer.say(&mut lab, control(BundleKind::CommitRequest));
    let codes: Vec<_> =
        errors.iter().map(|body| if let Body::Error(error) = body { error.code } else { panic!() }).collect();
    assert_eq!(codes, [ErrorCode::BAD_OUT_GROUP, ErrorCode::BUNDLE_MSG_FAILED]);
    assert_eq!(state(&lab), before);
    assert_eq!(lab.ports(1, &broadcast(1)), [2]);
}

#[test]
fn bundles_follow_their_rules() {
    let mut lab = Lab::new(1);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    let flow = || Body::FlowMod(FlowMod::add(0, 1, Match::any(), out(1), 0));
    assert_eq!(peer.refused(&mut lab, control(BundleKind::CloseRequest)), ErrorCode::BUNDLE_BAD_ID);
    assert_eq!(peer.say(&mut lab, add(flow())), [], "opened by the first message");
    assert_eq!(peer.refused(&mut lab, control(BundleKind::OpenRequest)), ErrorCode::BUNDLE_BAD_ID);
    peer.say(&mut lab, control(BundleKind::OpenRequest));
    peer.say(&mut lab, control(BundleKind::CloseRequest));
    assert_eq!(peer.refused(&mut lab, add(flow())), ErrorCode::BUNDLE_CLOSED);
    assert_eq!(peer.refused(&mut lab, add(Body::BarrierRequest)), ErrorCode::BUNDLE_MSG_UNSUP);
    peer.say(&mut lab, control(BundleKind::OpenRequest));
    peer.say(&mut lab, add(flow()));
    peer.say(&mut lab, control(BundleKind::DiscardRequest));
    assert!(state(&lab).is_empty());
    for n in 0..20 {
        let open = BundleControl { id: BundleId(n), kind: BundleKind::OpenRequest, flags: BundleFlags(0) };
        let replies = peer.say(&mut lab, Body::BundleControl(open));
        let refused =
            matches!(replies.as_slice(), [Body::Error(error)] if error.code == ErrorCode::OUT_OF_BUNDLES);
        assert_eq!(refused, n >= 16);
    }
}

#[test]
fn flow_mods_do_what_their_command_says() {
    let mut lab = Lab::new(3);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    let matching = |n: u8| Match::any().with(Field::EthDst, mac(n).to_u64());
    for n in 1..=3 {
        peer.say(&mut lab, Body::FlowMod(FlowMod::add(0, n.into(), matching(n), out(2), n.into())));
    }
    let cookies =
        |lab: &Lab| lab.switch.bridges[&lab.bridge].rules().map(|rule| rule.cookie).collect::<Vec<_>>();
    let loose = FlowMod { cookie: 2, cookie_mask: u64::MAX, ..FlowMod::delete_all() };
    peer.say(&mut lab, Body::FlowMod(loose));
    assert_eq!(cookies(&lab), [1, 3]);
    peer.say(&mut lab, Body::FlowMod(FlowMod { out_port: PortNo(9), ..FlowMod::delete_all() }));
    assert_eq!(cookies(&lab), [1, 3], "none outputs there");
    let wrong_priority = FlowMod::delete_strict(0, 2, matching(1));
    peer.say(&mut lab, Body::FlowMod(wrong_priority));
    assert_eq!(cookies(&lab), [1, 3]);
    let modify = FlowMod { command: FlowModCommand::Modify, ..FlowMod::add(0, 0, Match::any(), out(3), 77) };
    peer.say(&mut lab, Body::FlowMod(modify));
    assert_eq!(cookies(&lab), [1, 3], "a modification keeps the cookie");
    assert_eq!(lab.ports(1, &udp4(2, 3, (1, 2), &[])), [3]);
    let strict =
        FlowMod { command: FlowModCommand::ModifyStrict, ..FlowMod::add(0, 9, matching(9), out(3), 0) };
    peer.say(&mut lab, Body::FlowMod(strict.clone()));
    assert_eq!(cookies(&lab), [1, 3], "and adds nothing");
    let mut old = Peer::new(&mut lab, Version::Of10);
    old.say(&mut lab, Body::FlowModTableId(true));
    old.say(&mut lab, Body::FlowMod(strict));
    assert_eq!(cookies(&lab), [1, 3, 0], "but in OpenFlow 1.0 it does");
}

#[test]
fn flows_that_cannot_be_are_refused() {
    let mut lab = Lab::new(1);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    let flow = |actions| Body::FlowMod(FlowMod::add(0, 1, Match::any(), actions, 0));
    assert_eq!(peer.refused(&mut lab, flow(vec![Action::Group(GroupId(1))])), ErrorCode::BAD_OUT_GROUP);
    assert_eq!(peer.refused(&mut lab, flow(vec![Action::Meter(MeterId(1))])), ErrorCode::INVALID_METER);
    assert_eq!(peer.refused(&mut lab, flow(vec![Action::set(Field::NshTtl, 1u8)])), ErrorCode::BAD_SET_TYPE);
    let mpls = Match::any().with(Field::EthType, 0x8847u16).with(Field::MplsLabel, 5u8);
    assert_eq!(
        peer.refused(&mut lab, Body::FlowMod(FlowMod::add(0, 1, mpls, vec![], 0))),
        ErrorCode::BAD_FIELD
    );
    lab.flow(0, 1, Match::any().with(Field::EthDst, mac(1).to_u64()), vec![]);
    let overlapping = FlowMod {
        flags: FlowModFlags(FlowModFlags::CHECK_OVERLAP),
        ..FlowMod::add(0, 1, Match::any().with(Field::EthSrc, mac(1).to_u64()), vec![], 0)
    };
    assert_eq!(peer.refused(&mut lab, Body::FlowMod(overlapping)), ErrorCode::OVERLAP);
    let everywhere = FlowMod { table: None, ..FlowMod::add(0, 1, Match::any(), vec![], 0) };
    assert_eq!(peer.refused(&mut lab, Body::FlowMod(everywhere)), ErrorCode::FLOW_BAD_TABLE_ID);
}

#[test]
fn groups_come_change_and_take_their_flows_along() {
    let mut lab = Lab::new(4);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    assert_eq!(peer.say(&mut lab, group(GroupModCommand::Add, 1, vec![bucket(0, out(2))])), []);
    assert_eq!(peer.refused(&mut lab, group(GroupModCommand::Add, 1, vec![])), ErrorCode::GROUP_EXISTS);
    assert_eq!(peer.refused(&mut lab, group(GroupModCommand::Modify, 2, vec![])), ErrorCode::UNKNOWN_GROUP);
    lab.flow(0, 1, Match::any(), vec![Action::Group(GroupId(1)), Action::output(PortNo(4))]);
    assert_eq!(lab.ports(1, &broadcast(1)), [2, 4]);
    peer.say(
        &mut lab,
        group(GroupModCommand::InsertBucket(BucketCommand::First), 1, vec![bucket(7, out(3))]),
    );
    peer.say(&mut lab, group(GroupModCommand::RemoveBucket(BucketCommand::Bucket(BucketId(0))), 1, vec![]));
    assert_eq!(lab.ports(1, &broadcast(1)), [3, 4]);
    let all = GroupMod {
        command: GroupModCommand::Modify,
        kind: GroupKind::All,
        group: GroupId(1),
        buckets: vec![
            bucket(0, vec![Action::set(Field::EthSrc, 1u8), Action::output(PortNo(2))]),
            bucket(1, out(3)),
        ],
        selection: None,
    };
    peer.say(&mut lab, Body::GroupMod(all));
    let sent = lab.send(1, &broadcast(1));
    assert_eq!(sent.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(sent[0].1[6..12], [0, 0, 0, 0, 0, 1]);
    assert_eq!(sent[1].1, broadcast(1), "each bucket has the packet as it was");
    peer.say(&mut lab, group(GroupModCommand::Delete, 0xffff_fffc, Vec::new()));
    assert!(state(&lab).is_empty());
}

#[test]
fn meters_are_kept() {
    let mut lab = Lab::new(1);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    let meter = |command, id| {
        let band = openflow::Band { kind: openflow::BandKind::Drop, rate: 10, burst: 0 };
        Body::MeterMod(MeterMod {
            command,
            flags: MeterFlags(MeterFlags::PKTPS),
            meter: MeterId(id),
            bands: vec![band],
        })
    };
    assert_eq!(peer.say(&mut lab, meter(MeterModCommand::Add, 1)), []);
    assert_eq!(peer.refused(&mut lab, meter(MeterModCommand::Add, 1)), ErrorCode::METER_EXISTS);
    assert_eq!(peer.refused(&mut lab, meter(MeterModCommand::Modify, 2)), ErrorCode::UNKNOWN_METER);
    lab.flow(0, 1, Match::any(), vec![Action::Meter(MeterId(1))]);
    assert_eq!(peer.say(&mut lab, meter(MeterModCommand::Delete, 0xffff_ffff)), []);
    assert!(lab.switch.bridges[&lab.bridge].meters.is_empty());
}

/// Any change of a small set of flows, groups and meters.
fn change() -> impl Strategy<Value = Body> {
    let matching = prop_oneof![
        Just(Match::any()),
        (1u8..3).prop_map(|n| Match::any().with(Field::EthDst, mac(n).to_u64())),
        (1u8..3).prop_map(|n| Match::any().with(Field::Metadata, n)),
    ];
    let actions = prop_oneof![
        (1u32..4).prop_map(out),
        (1u32..4).prop_map(|group| vec![Action::Group(GroupId(group))]),
        (1u32..3).prop_map(|meter| vec![Action::Meter(MeterId(meter))]),
    ];
    let command = prop_oneof![
        3 => Just(FlowModCommand::Add),
        1 => Just(FlowModCommand::Modify),
        1 => Just(FlowModCommand::ModifyStrict),
        1 => Just(FlowModCommand::Delete),
        1 => Just(FlowModCommand::DeleteStrict),
    ];
    let flow = (command, 0u8..3, 0u16..3, matching, actions, 0u64..3).prop_map(
        |(command, table, priority, matching, actions, cookie)| {
            Body::FlowMod(FlowMod { command, ..FlowMod::add(table, priority, matching, actions, cookie) })
        },
    );
    let group_command = prop_oneof![
        Just(GroupModCommand::Add),
        Just(GroupModCommand::Modify),
        Just(GroupModCommand::Delete),
        Just(GroupModCommand::AddOrModify),
    ];
    let groups = (group_command, 1u32..4, 1u32..4)
        .prop_map(|(command, id, port)| group(command, id, vec![bucket(0, out(port))]));
    let meter_command = prop_oneof![
        Just(MeterModCommand::Add),
        Just(MeterModCommand::Modify),
        Just(MeterModCommand::Delete),
    ];
    let meters = (meter_command, 1u32..3, 0u16..16).prop_map(|(command, meter, flags)| {
        let flags = MeterFlags(flags & !MeterFlags::KBPS);
        Body::MeterMod(MeterMod { command, flags, meter: MeterId(meter), bands: Vec::new() })
    });
    prop_oneof![3 => flow, 1 => groups, 1 => meters]
}

proptest! {
    #[test]
    fn a_bundle_does_what_its_changes_do_one_by_one_or_nothing(
        first in proptest::collection::vec(change(), 0..12),
        bundled in proptest::collection::vec(change(), 1..10),
    ) {
        let (mut lab, mut single) = (Lab::new(1), Lab::new(1));
        let (mut peer, mut other) = (Peer::new(&mut lab, Version::Of15), Peer::new(&mut single, Version::Of15));
        for change in first {
            prop_assert_eq!(peer.say(&mut lab, change.clone()).len(), other.say(&mut single, change).len());
        }
        let before = state(&lab);
        peer.say(&mut lab, control(BundleKind::OpenRequest));
        let mut fails = false;
        for change in bundled {
            peer.say(&mut lab, add(change.clone()));
            fails |= !fails && !other.say(&mut single, change).is_empty();
        }
        let replies = peer.say(&mut lab, control(BundleKind::CommitRequest));
        prop_assert_eq!(replies.len(), 1 + usize::from(fails));
        prop_assert_eq!(state(&lab), if fails { before } else { state(&single) });
    }
}
