//! Beginning, requests, notices and end of connections.

use openflow::{
    Action, CtFlush, Field, FlowMod, FlowModFlags, Match, MultipartReply, MultipartRequest, PacketInFormat,
    PortConfig, PortMod, PortNo, TlvMap, TlvTableCommand, TlvTableMod,
};
use proptest::prelude::*;

use super::*;
use crate::limits::TX_PACKETS_MAX;
use crate::testing::{broadcast, mac, udp4};

#[test]
fn versions_are_negotiated_or_refused() {
    for version in Version::ALL {
        let mut lab = Lab::new(1);
        let mut peer = Peer::new(&mut lab, version);
        assert_eq!(peer.say(&mut lab, Body::BarrierRequest), [Body::BarrierReply]);
    }
    let mut lab = Lab::new(1);
    let only = Versions::of(&[Version::Of13]);
    let conn = lab.switch.openflow_connected(lab.bridge, ConnKind::Service, only, lab.now);
    lab.switch.openflow_input(conn, &Message::encode_hello(1, Versions::of(&[Version::Of15])), lab.now);
    let outputs: Vec<_> = std::iter::from_fn(|| lab.switch.openflow_output(conn)).take(3).collect();
    let [_, ConnOutput::Send(error), ConnOutput::Close(why)] = outputs.as_slice() else {
        panic!("{outputs:?}")
    };
    let Body::Error(error) = Message::decode(Version::Of15, error).unwrap().body else { panic!() };
    assert_eq!((error.code, *why), (ErrorCode::HELLO_INCOMPATIBLE, "no version in common"));
}

#[test]
fn the_opening_of_ovn_controller_is_answered_without_errors() {
    let mut lab = Lab::new(1);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    let mut say = |body| peer.say(&mut lab, body);
    let replies = say(Body::GetConfigRequest);
    let [Body::GetConfigReply(config)] = replies.as_slice() else { panic!("{replies:?}") };
    assert_eq!(config.miss_send_len, 0, "a service connection hears of nothing at first");
    assert_eq!(say(Body::SetPacketInFormat(PacketInFormat::Nxt2)), []);
    let replies = say(Body::MultipartRequest(MultipartRequest::MeterFeatures));
    let [Body::MultipartReply { reply: MultipartReply::MeterFeatures(meters), .. }] = replies.as_slice()
    else {
        panic!()
    };
    assert_eq!((meters.max_meter, meters.band_types, meters.max_bands), (0x40000, 6, 8));
    let replies = say(Body::MultipartRequest(MultipartRequest::GroupFeatures));
    let [Body::MultipartReply { reply: MultipartReply::GroupFeatures(groups), .. }] = replies.as_slice()
    else {
        panic!()
    };
    assert_eq!((groups.kinds, groups.max_groups[1]), (0xf, 0xffff_ff00));
    assert_eq!(say(Body::CtFlush(CtFlush { protocol: 1, ..CtFlush::default() })), []);
    assert_eq!(say(Body::CtFlushZone(3)), []);
    let replies = say(Body::TlvTableRequest);
    let [Body::TlvTableReply(table)] = replies.as_slice() else { panic!() };
    assert_eq!((table.max_fields, table.maps.len()), (64, 0));
    let map = TlvMap { class: 0x0102, kind: 0x80, length: 4, index: 0 };
    let add = || Body::TlvTableMod(TlvTableMod { command: TlvTableCommand::Add, maps: vec![map] });
    assert_eq!(say(add()), []);
    assert_eq!(say(Body::EchoRequest(vec![1, 2])), [Body::EchoReply(vec![1, 2])]);
    assert_eq!(peer.refused(&mut lab, add()), ErrorCode::TLV_ALREADY_MAPPED);
}

#[test]
fn an_option_that_a_flow_names_stays_mapped() {
    let mut lab = Lab::new(1);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    let maps = vec![TlvMap { class: 0x0102, kind: 0x80, length: 4, index: 3 }];
    let change = |command| Body::TlvTableMod(TlvTableMod { command, maps: maps.clone() });
    peer.say(&mut lab, change(TlvTableCommand::Add));
    let uses = FlowMod::add(0, 1, Match::any(), vec![Action::set(Field::TunMetadata(3), 1u8)], 0);
    assert_eq!(peer.say(&mut lab, Body::FlowMod(uses)), []);
    assert_eq!(peer.refused(&mut lab, change(TlvTableCommand::Delete)), ErrorCode::TLV_INVALID_DELETE);
    peer.say(&mut lab, Body::FlowMod(FlowMod::delete_all()));
    assert_eq!(peer.say(&mut lab, change(TlvTableCommand::Delete)), []);
}

#[test]
fn flows_are_shown_with_what_they_counted() {
    let mut lab = Lab::new(2);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    let matching = Match::any().with(Field::EthDst, mac(2).to_u64());
    let flow = FlowMod::add(3, 7, matching.clone(), vec![Action::output(PortNo(2))], 0xabc);
    peer.say(&mut lab, Body::FlowMod(flow));
    lab.flow(0, 1, Match::any(), vec![Action::resubmit(3)]);
    lab.send(1, &udp4(1, 2, (1, 2), &[]));
    lab.send(1, &udp4(1, 2, (1, 2), &[]));
    lab.now += Duration::from_millis(2500);
    let request = openflow::FlowStatsRequest { table: Some(3), ..Default::default() };
    let replies = peer.say(&mut lab, Body::MultipartRequest(MultipartRequest::Flow(request.clone())));
    let [Body::MultipartReply { reply: MultipartReply::Flow(flows), .. }] = replies.as_slice() else {
        panic!()
    };
    let [flow] = flows.as_slice() else { panic!("{flows:?}") };
    assert_eq!((flow.cookie, flow.priority, flow.packets, flow.bytes), (0xabc, 7, 2, 84));
    assert_eq!((flow.duration_sec, flow.idle_age, &flow.matching), (2, Some(2), &matching));
    let other = openflow::FlowStatsRequest { cookie: 0xabd, cookie_mask: u64::MAX, ..request };
    let replies = peer.say(&mut lab, Body::MultipartRequest(MultipartRequest::Aggregate(other)));
    let [Body::MultipartReply { reply: MultipartReply::Aggregate(sum), .. }] = replies.as_slice() else {
        panic!()
    };
    assert_eq!((sum.flows, sum.packets), (0, 0));
}

#[test]
fn every_request_for_statistics_is_answered() {
    for version in [Version::Of13, Version::Of14, Version::Of15] {
        let mut lab = Lab::new(2);
        let mut peer = Peer::new(&mut lab, version);
        for request in [
            MultipartRequest::Desc,
            MultipartRequest::Table,
            MultipartRequest::PortStats(PortNo::ANY),
            MultipartRequest::PortDesc(PortNo::ANY),
            MultipartRequest::Queue { port: PortNo::ANY, queue: u32::MAX },
            MultipartRequest::Group(openflow::GroupId::ALL),
            MultipartRequest::GroupDesc(openflow::GroupId::ALL),
            MultipartRequest::Meter(openflow::MeterId::ALL),
            MultipartRequest::MeterConfig(openflow::MeterId::ALL),
            MultipartRequest::TableFeatures,
        ] {
            let replies = peer.say(&mut lab, Body::MultipartRequest(request.clone()));
            assert!(
                matches!(replies.as_slice(), [Body::MultipartReply { .. }, ..]),
                "{request:?}: {replies:?}"
            );
        }
        assert_eq!(
            peer.refused(&mut lab, Body::MultipartRequest(MultipartRequest::PortStats(PortNo(9)))),
            ErrorCode::BAD_PORT
        );
    }
}

#[test]
fn ports_that_come_change_and_go_are_told() {
    let mut lab = Lab::new(1);
    let mut quiet = Peer::new(&mut lab, Version::Of15);
    let mut peer = Peer::listening(&mut lab, Version::Of15);
    let id = lab.port(crate::PortSpec::new(9, "p9", crate::PortKind::Null));
    let reasons = |bodies: Vec<Body>| -> Vec<_> {
        bodies
            .iter()
            .filter_map(|body| if let Body::PortStatus(status) = body { Some(status.reason) } else { None })
            .collect()
    };
    use openflow::PortStatusReason::{Add, Delete, Modify};
    assert_eq!(reasons(peer.hear(&mut lab)), [Add]);
    let change = PortMod {
        port: PortNo(9),
        hw_addr: [0; 6],
        config: PortConfig(PortConfig::NO_FLOOD),
        mask: PortConfig(PortConfig::NO_FLOOD),
        advertise: 0,
    };
    assert_eq!(reasons(peer.say(&mut lab, Body::PortMod(change.clone()))), [Modify]);
    let wrong = PortMod { hw_addr: [1; 6], ..change };
    assert_eq!(peer.refused(&mut lab, Body::PortMod(wrong)), ErrorCode::PORT_MOD_BAD_HW_ADDR);
    lab.switch.remove_port(id, lab.now);
    assert_eq!(reasons(peer.hear(&mut lab)), [Delete]);
    assert_eq!(quiet.hear(&mut lab), []);
}

#[test]
fn packet_ins_are_whole_whatever_the_action_says_and_name_their_flow() {
    let mut lab = Lab::new(1);
    let mut peer = Peer::listening(&mut lab, Version::Of13);
    let to_controller = Action::Output { port: PortNo::CONTROLLER, max_len: 20 };
    lab.flow_mod(&FlowMod::add(0, 5, Match::any(), vec![to_controller], 0x77)).unwrap();
    lab.send(1, &broadcast(1));
    let bodies = peer.hear(&mut lab);
    let [Body::PacketIn(packet_in)] = bodies.as_slice() else { panic!("{bodies:?}") };
    assert_eq!((packet_in.packet.len(), packet_in.total_len, packet_in.cookie), (60, 60, 0x77));
    assert_eq!(packet_in.metadata.in_port(), Some(PortNo(1)));
}

#[test]
fn flows_that_go_are_told_if_they_asked_to() {
    let mut lab = Lab::new(2);
    let mut peer = Peer::listening(&mut lab, Version::Of15);
    let flow = FlowMod {
        flags: FlowModFlags(FlowModFlags::SEND_FLOW_REM),
        hard_timeout: 5,
        ..FlowMod::add(0, 5, Match::any(), vec![Action::output(PortNo(2))], 1)
    };
    peer.say(&mut lab, Body::FlowMod(flow.clone()));
    lab.send(1, &broadcast(1));
    let bodies = peer.say(&mut lab, Body::FlowMod(FlowMod::delete_all()));
    let [Body::FlowRemoved(removed)] = bodies.as_slice() else { panic!("{bodies:?}") };
    assert_eq!(
        (removed.reason, removed.packets, removed.cookie),
        (openflow::FlowRemovedReason::Delete, 1, 1)
    );
    peer.say(&mut lab, Body::FlowMod(flow));
    lab.now += Duration::from_secs(5);
    lab.switch.handle_timeout(lab.now);
    let bodies = peer.hear(&mut lab);
    let [Body::FlowRemoved(removed)] = bodies.as_slice() else { panic!("{bodies:?}") };
    assert_eq!(removed.reason, openflow::FlowRemovedReason::HardTimeout);
}

#[test]
fn who_does_not_read_loses_packets_and_keeps_the_rest() {
    let mut lab = Lab::new(1);
    let peer = Peer::listening(&mut lab, Version::Of15);
    lab.flow(0, 1, Match::any(), vec![Action::output(PortNo::CONTROLLER)]);
    let controller = Action::Controller(openflow::Controller::default());
    lab.flow(0, 1, Match::any(), vec![controller]);
    let frame = udp4(1, 2, (1, 2), &[0; 1400]);
    while !lab.switch.openflow_is_congested(peer.conn) {
        lab.send(1, &frame);
    }
    let dropped = lab.switch.counters().get(crate::Event::PacketInDrop);
    lab.send(1, &frame);
    assert_eq!(lab.switch.counters().get(crate::Event::PacketInDrop), dropped + 1);
    assert!(lab.switch.connections[&peer.conn].tx_len < TX_PACKETS_MAX + 10_000);
}

#[test]
fn silence_is_asked_about_and_then_ended() {
    let mut lab = Lab::new(1);
    let mut peer = Peer::new(&mut lab, Version::Of15);
    lab.now += PROBE_INTERVAL;
    assert_eq!(lab.switch.poll_timeout(), Some((lab.now, "connection probe")));
    lab.switch.handle_timeout(lab.now);
    assert_eq!(peer.hear(&mut lab), [Body::EchoRequest(Vec::new())]);
    assert_eq!(peer.say(&mut lab, Body::EchoReply(Vec::new())), []);
    lab.now += PROBE_INTERVAL;
    lab.switch.handle_timeout(lab.now);
    assert_eq!(peer.hear(&mut lab).len(), 1);
    lab.now += PROBE_INTERVAL;
    lab.switch.handle_timeout(lab.now);
    assert_eq!(lab.switch.openflow_output(peer.conn), Some(ConnOutput::Close("no sign of life")));
    lab.switch.openflow_closed(peer.conn);
    assert_eq!(lab.switch.poll_timeout(), None);
}

proptest! {
    #[test]
    fn whatever_comes_is_answered_or_ends_the_connection(
        hello: bool,
        version in 0usize..4,
        messages in proptest::collection::vec((0u8..36, proptest::collection::vec(any::<u8>(), 0..120)), 0..8),
        tail in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut lab = Lab::new(2);
        let version = Version::ALL[version];
        let conn = lab.switch.openflow_connected(lab.bridge, ConnKind::Service, Versions::all(), lab.now);
        if hello {
            lab.switch.openflow_input(conn, &Message::encode_hello(1, Versions::of(&[version])), lab.now);
        }
        for (kind, body) in messages {
            let len = (body.len() + 8) as u16;
            let header = [&[version.wire(), kind], &len.to_be_bytes()[..], &[0, 0, 0, 1]].concat();
            lab.switch.openflow_input(conn, &[header, body].concat(), lab.now);
        }
        lab.switch.openflow_input(conn, &tail, lab.now);
        let outputs: Vec<_> = std::iter::from_fn(|| lab.switch.openflow_output(conn)).take(100).collect();
        prop_assert!(!outputs.is_empty());
    }
}
