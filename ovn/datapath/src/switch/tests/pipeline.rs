//! What actions do to packets.

use openflow::{
    Action, Controller, Field, FlowMod, FlowModFlags, Instruction, Match, PacketOut, PortNo, SetField,
    Subfield,
};
use packet::key::{FlowKey, extract, slot};
use packet::{EtherType, MacAddr};
use std::time::Duration;

use crate::testing::{Lab, broadcast, hex, mac, udp4, udp6};
use crate::{DeviceId, Event, PortKind, PortSpec, VlanMode, Vlans};

fn out(port: u32) -> Action {
    Action::output(PortNo(port))
}

fn in_port(port: u32) -> Match {
    Match::any().with(Field::InPort, port)
}

#[test]
fn without_flows_nothing_passes() {
    let mut lab = Lab::new(2);
    assert!(lab.send(1, &broadcast(1)).is_empty());
    assert_eq!(lab.switch.counters().get(Event::DropNoOutput), 1);
}

#[test]
fn the_greatest_priority_that_matches_wins() {
    let mut lab = Lab::new(3);
    lab.flow(0, 1, Match::any(), vec![out(2)]);
    lab.flow(0, 10, Match::any().with(Field::EthDst, mac(9).to_u64()), vec![out(3)]);
    assert_eq!(lab.ports(1, &udp4(1, 9, (1, 2), &[])), [3]);
    assert_eq!(lab.ports(1, &udp4(1, 8, (1, 2), &[])), [2]);
    lab.flow(0, 20, in_port(1), vec![]);
    assert!(
        lab.ports(1, &udp4(1, 9, (1, 2), &[])).is_empty(),
        "a cached decision does not outlive its flows"
    );
}

#[test]
fn a_packet_does_not_go_back_where_it_came_from_unless_told_so() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, Match::any(), vec![out(1), out(2)]);
    assert_eq!(lab.ports(1, &broadcast(1)), [2]);
    lab.flow(0, 2, Match::any(), vec![Action::output(PortNo::IN_PORT), Action::output(PortNo::FLOOD)]);
    assert_eq!(lab.ports(1, &broadcast(1)), [1, 2]);
    let hairpin = vec![
        Action::Push(Subfield::whole(Field::InPort16)),
        Action::set(Field::InPort16, 0xffffu16),
        out(1),
        Action::Pop(Subfield::whole(Field::InPort16)),
        out(1),
    ];
    lab.flow(0, 3, Match::any(), hairpin);
    assert_eq!(lab.ports(1, &broadcast(1)), [1], "only while in_port says otherwise");
}

#[test]
fn registers_carry_from_table_to_table() {
    let mut lab = Lab::new(3);
    let set = |field, value: u32| Action::set(field, value);
    lab.flow(0, 1, in_port(1), vec![set(Field::Reg(14), 1), set(Field::Metadata, 7), Action::resubmit(8)]);
    let low = Subfield::new(Field::Reg(14), 0, 15);
    let high = Subfield::new(Field::Reg(3), 16, 15);
    lab.flow(
        8,
        1,
        Match::any().with(Field::Metadata, 7u8),
        vec![Action::copy(low, high), Action::resubmit(9)],
    );
    lab.flow(9, 1, Match::any().with_masked(Field::XReg(1), 0x1_0000, 0xffff_0000), vec![out(3)]);
    lab.flow(9, 0, Match::any(), vec![out(2)]);
    assert_eq!(lab.ports(1, &broadcast(1)), [3]);
    lab.flow(
        8,
        2,
        Match::any().with(Field::Metadata, 7u8).with(Field::EthSrc, mac(2).to_u64()),
        vec![Action::resubmit(9)],
    );
    assert_eq!(lab.ports(1, &broadcast(2)), [2]);
}

#[test]
fn clone_leaves_the_packet_as_it_was() {
    let mut lab = Lab::new(3);
    let rewrite = Action::set(Field::EthDst, mac(0x77).to_u64());
    lab.flow(
        0,
        1,
        Match::any(),
        vec![Action::Clone(vec![rewrite, Action::set(Field::Reg(0), 5u8), out(2)]), Action::resubmit(1)],
    );
    lab.flow(1, 1, Match::any().with(Field::Reg(0), 0u8), vec![out(3)]);
    let frame = broadcast(1);
    let sent = lab.send(1, &frame);
    assert_eq!(sent[0].0, 2);
    assert_eq!(sent[0].1[..6], mac(0x77).0);
    assert_eq!(sent[1], (3, frame));
}

#[test]
fn set_field_rewrites_what_leaves_afterwards() {
    let mut lab = Lab::new(3);
    let subnet = SetField::masked(Field::Ipv4Dst, 0xc0a8_0000, 0xffff_0000);
    lab.flow(
        0,
        1,
        Match::any().with(Field::EthType, 0x0800u16),
        vec![out(2), Action::SetField(subnet), Action::DecTtl { controllers: None }, out(3)],
    );
    let frame = udp4(1, 2, (5, 6), &[1, 2, 3]);
    let sent = lab.send(1, &frame);
    assert_eq!(sent[0], (2, frame));
    let mut key = FlowKey::ZERO;
    extract(&sent[1].1, &mut key);
    assert_eq!((key.get(slot::IPV4_DST), key.get(slot::NW_TTL)), (0xc0a8_0002, 63));
    let (ip, segment) = packet::Ipv4::parse(&sent[1].1[14..]).unwrap();
    let pseudo = packet::Pseudo::V4(ip.src, ip.dst);
    assert_eq!(pseudo.checksum(packet::IpProto::UDP, segment), 0xffff);
}

#[test]
fn tags_are_pushed_set_and_popped() {
    let mut lab = Lab::new(3);
    let vid = Action::SetField(SetField::whole(Field::VlanVid, 0x1000u16 | 100));
    lab.flow(0, 1, in_port(1), vec![Action::PushVlan(0x8100), vid, out(2), Action::PopVlan, out(3)]);
    let frame = udp4(1, 2, (5, 6), &[]);
    let sent = lab.send(1, &frame);
    assert_eq!(sent[0].1[12..16], [0x81, 0x00, 0x00, 100]);
    assert_eq!(sent[0].1[16..], frame[12..]);
    assert_eq!(sent[1], (3, frame.clone()));
    lab.flow(0, 1, in_port(2), vec![Action::PopVlan, out(3)]);
    assert_eq!(lab.send(2, &sent[0].1), [(3, frame)]);
}

#[test]
fn conjunctions_match_when_all_their_clauses_do() {
    let mut lab = Lab::new(5);
    let part = |clause| vec![Action::Conjunction(openflow::Conjunction { id: 7, clause, n_clauses: 2 })];
    for src in [1u32, 2] {
        lab.flow(
            0,
            10,
            Match::any().with(Field::EthType, 0x0800u16).with(Field::Ipv4Src, 0x0a00_0000 | src),
            part(0),
        );
    }
    for dst in [3u32, 4] {
        lab.flow(
            0,
            10,
            Match::any().with(Field::EthType, 0x0800u16).with(Field::Ipv4Dst, 0x0a00_0000 | dst),
            part(1),
        );
    }
    lab.flow(0, 10, Match::any().with(Field::ConjId, 7u8), vec![out(2)]);
    lab.flow(0, 1, Match::any(), vec![out(3)]);
    for (src, dst, expected) in [(1, 3, 2), (2, 4, 2), (1, 5, 3), (5, 3, 3), (3, 1, 3), (2, 3, 2)] {
        assert_eq!(lab.ports(1, &udp4(src, dst, (1, 2), &[])), [expected], "{src} to {dst}");
    }
}

#[test]
fn endless_recursion_is_cut_and_counted() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, Match::any(), vec![Action::resubmit(0), out(2)]);
    assert!(lab.ports(1, &broadcast(1)).is_empty());
    assert_eq!(lab.switch.counters().get(Event::DropRecursion), 1);
    let twice = |table| vec![Action::resubmit(table), Action::resubmit(table)];
    for table in 0..40 {
        lab.flow(table, 2, Match::any(), twice(table + 1));
    }
    assert!(lab.ports(1, &broadcast(1)).is_empty());
    assert_eq!(lab.switch.counters().get(Event::DropResubmits), 1);
}

#[test]
fn a_long_pipeline_is_no_recursion() {
    let mut lab = Lab::new(2);
    for table in 0..200 {
        lab.flow(table, 1, Match::any(), vec![Action::resubmit(table + 1)]);
    }
    lab.flow(200, 1, Match::any(), vec![out(2)]);
    assert_eq!(lab.ports(1, &broadcast(1)), [2]);
}

#[test]
fn long_and_short_packets_part_ways() {
    let mut lab = Lab::new(3);
    let bit = Subfield::new(Field::Reg(9), 1, 1);
    lab.flow(0, 1, Match::any(), vec![Action::CheckPktLarger { length: 100, dst: bit }, Action::resubmit(1)]);
    lab.flow(1, 2, Match::any().with_masked(Field::Reg(9), 2, 2), vec![out(2)]);
    lab.flow(1, 1, Match::any(), vec![out(3)]);
    let long = udp4(1, 2, (1, 2), &[0; 100]);
    let short = udp4(1, 2, (1, 2), &[0; 10]);
    assert_eq!((lab.ports(1, &long), lab.ports(1, &short)), (vec![2], vec![3]));
    assert_eq!(lab.switch.counters().get(Event::Upcall), 1, "one megaflow serves both");
}

#[test]
fn patch_ports_join_bridges_and_forget_registers() {
    let mut lab = Lab::new(2);
    let other = lab.switch.add_bridge("other", 2);
    lab.port(PortSpec::new(5, "to-other", PortKind::Patch { peer: "to-br".to_owned() }));
    let patch = PortSpec::new(1, "to-br", PortKind::Patch { peer: "to-other".to_owned() });
    lab.switch.add_port(other, patch, lab.now).unwrap();
    lab.switch.add_port(other, PortSpec::new(2, "o2", PortKind::Device(DeviceId(22))), lab.now).unwrap();
    lab.flow(
        0,
        1,
        in_port(1),
        vec![Action::set(Field::Reg(0), 1u8), Action::set(Field::EthSrc, mac(9).to_u64()), out(5), out(2)],
    );
    let mut changes = crate::switch::Changes::default();
    let m =
        Match::any().with(Field::Reg(0), 0u8).with(Field::InPort, 1u32).with(Field::EthSrc, mac(9).to_u64());
    let flow = FlowMod::add(0, 1, m, vec![Action::set(Field::EthDst, mac(8).to_u64()), out(2)], 0);
    lab.switch.flow_mod(other, &flow, false, &mut changes, lab.now).unwrap();
    let sent = lab.send(1, &broadcast(1));
    assert_eq!((sent[0].0, &sent[0].1[..12]), (22, [mac(8).0, mac(9).0].concat().as_slice()));
    assert_eq!((sent[1].0, &sent[1].1[..12]), (2, [[0xff; 6], mac(9).0].concat().as_slice()));
    lab.switch.push_counters(lab.now);
    let patch = lab.switch.port(lab.switch.port_named("to-other").unwrap()).unwrap();
    assert_eq!(patch.counters.tx_packets, 1);
}

#[test]
fn normal_learns_where_addresses_are() {
    let mut lab = Lab::new(3);
    lab.flow(0, 0, Match::any(), vec![Action::output(PortNo::NORMAL)]);
    assert_eq!(lab.ports(1, &udp4(1, 2, (1, 2), &[])), [2, 3], "unknown: flooded");
    assert_eq!(lab.ports(2, &udp4(2, 1, (1, 2), &[])), [1], "learned from the first packet");
    assert_eq!(lab.ports(1, &udp4(1, 2, (1, 2), &[])), [2], "the flood is not remembered");
    assert_eq!(lab.ports(3, &udp4(1, 2, (1, 2), &[])), [2], "the address moved");
    assert_eq!(lab.ports(2, &udp4(2, 1, (1, 2), &[])), [3]);
    lab.now += Duration::from_secs(301);
    lab.switch.handle_timeout(lab.now);
    assert_eq!(lab.ports(2, &udp4(2, 1, (1, 2), &[])), [1, 3], "forgotten");
}

#[test]
fn normal_keeps_vlans_apart() {
    let mut lab = Lab::new(2);
    let mut access = |n, vid| {
        let vlans = Vlans { mode: VlanMode::Access(vid), trunks: Vec::new() };
        lab.port(PortSpec { vlans, ..PortSpec::new(n, &format!("a{n}"), PortKind::Device(DeviceId(n))) });
    };
    access(10, 10);
    access(11, 10);
    access(20, 20);
    lab.flow(0, 0, Match::any(), vec![Action::output(PortNo::NORMAL)]);
    let frame = broadcast(1);
    let sent = lab.send(10, &frame);
    assert_eq!(sent.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [1, 2, 11]);
    assert_eq!(sent[0].1[12..16], [0x81, 0, 0, 10], "trunks get a tag");
    assert_eq!(sent[2].1, frame);
    let tagged = sent[0].1.clone();
    let back = lab.send(1, &tagged);
    assert_eq!(back, [(2, tagged.clone()), (10, frame.clone()), (11, frame)]);
    assert!(lab.ports(10, &tagged).is_empty(), "an access port takes no tags");
}

#[test]
fn reserved_addresses_are_not_bridged() {
    let mut lab = Lab::new(2);
    lab.flow(0, 0, Match::any(), vec![Action::output(PortNo::NORMAL)]);
    let mut frame = broadcast(1);
    frame[..6].copy_from_slice(&MacAddr::from_u64(0x0180_c200_000e).0);
    assert!(lab.ports(1, &frame).is_empty());
}

#[test]
fn flows_count_what_caches_carried() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, Match::any(), vec![out(2)]);
    for _ in 0..5 {
        lab.send(1, &broadcast(1));
    }
    assert_eq!(lab.switch.counters().get(Event::Upcall), 1);
    lab.switch.push_counters(lab.now);
    let rule = lab.switch.bridges[&lab.bridge].rules().next().unwrap().clone();
    assert_eq!((rule.counted().packets(), rule.counted().octets()), (5, 300));
}

#[test]
fn idle_flows_go_and_busy_ones_stay_until_their_hard_end() {
    let mut lab = Lab::new(2);
    let flow = |table, idle_timeout, hard_timeout| FlowMod {
        idle_timeout,
        hard_timeout,
        ..FlowMod::add(table, 1, Match::any(), vec![out(2)], 0)
    };
    lab.flow_mod(&flow(0, 10, 30)).unwrap();
    lab.flow_mod(&flow(1, 10, 0)).unwrap();
    let count = |lab: &Lab| lab.switch.bridges[&lab.bridge].rules().count();
    for second in 1..=40u64 {
        lab.now += Duration::from_secs(1);
        lab.switch.handle_timeout(lab.now);
        assert_eq!(count(&lab), usize::from(second < 30) + usize::from(second < 10), "second {second}");
        lab.send(1, &broadcast(1));
    }
}

#[test]
fn bundles_of_actions_go_to_the_first_port_that_is_up() {
    let mut lab = Lab::new(3);
    let bundle = openflow::Bundle {
        algorithm: openflow::BundleAlgorithm::ActiveBackup,
        fields: openflow::HashFields::EthSrc,
        basis: 0,
        members: vec![PortNo(2), PortNo(3)],
        dst: None,
    };
    lab.flow(0, 1, Match::any(), vec![Action::Bundle(Box::new(bundle))]);
    assert_eq!(lab.ports(1, &broadcast(1)), [2]);
    let id = lab.switch.port_named("p2").unwrap();
    lab.switch.change_port(id, |port| port.up = false);
    assert_eq!(lab.ports(1, &broadcast(1)), [3]);
}

#[test]
fn goto_and_write_actions_run_at_the_end() {
    let mut lab = Lab::new(3);
    let instructions = vec![
        Instruction::Write(vec![out(2), Action::set(Field::EthSrc, mac(9).to_u64())]),
        Instruction::WriteMetadata { value: 5, mask: 0xff },
        Instruction::GotoTable(3),
    ];
    lab.flow_mod(&FlowMod { instructions, ..FlowMod::add(0, 1, Match::any(), vec![], 0) }).unwrap();
    let again = vec![Instruction::Write(vec![out(3)])];
    let matching = Match::any().with(Field::Metadata, 5u8);
    lab.flow_mod(&FlowMod { instructions: again, ..FlowMod::add(3, 1, matching, vec![], 0) }).unwrap();
    let sent = lab.send(1, &broadcast(1));
    assert_eq!(
        (sent.len(), sent[0].0, &sent[0].1[6..12]),
        (1, 3, mac(9).0.as_slice()),
        "the last output counts"
    );
}

#[test]
fn packets_from_controllers_take_the_actions_given() {
    let mut lab = Lab::new(2);
    lab.flow(
        5,
        1,
        Match::any().with(Field::Metadata, 3u8).with(Field::InPort, PortNo::CONTROLLER.0),
        vec![out(2)],
    );
    let actions = vec![Action::set(Field::Metadata, 3u8), Action::resubmit(5)];
    let packet = PacketOut::new(PortNo::CONTROLLER, actions, broadcast(1));
    lab.switch.packet_out(lab.bridge, &packet, lab.now).unwrap();
    let mut departures = Vec::new();
    lab.switch.take_departures(&mut departures);
    assert_eq!(departures.len(), 1);
}

#[test]
fn a_third_tag_takes_the_place_of_the_innermost() {
    let mut lab = Lab::new(2);
    let tag = |tpid, vid: u16| [Action::PushVlan(tpid), Action::set(Field::VlanVid, 0x1000 | vid)];
    let actions = [tag(0x8100, 1), tag(0x88a8, 2), tag(0x8100, 3)].concat();
    lab.flow(0, 1, Match::any(), [actions, vec![out(2), Action::PopVlan, Action::PopVlan, out(2)]].concat());
    let frame = broadcast(1);
    let mut tagged = frame.clone();
    tagged.splice(12..12, hex("8100 0003 88a8 0002"));
    assert_eq!(lab.send(1, &frame), [(2, tagged), (2, frame)]);
}

#[test]
fn tags_beyond_the_limit_are_payload() {
    let mut lab = Lab::new(4);
    lab.switch.set_tags_max(1);
    let inner = Match::any().with(Field::VlanVid, 0x1005u16).with(Field::EthType, 0x8100u16);
    lab.flow(0, 2, inner.clone(), vec![Action::PopVlan, Action::resubmit(1)]);
    lab.flow(1, 1, Match::any().with(Field::VlanVid, 0u16).with(Field::EthType, 0x8100u16), vec![out(2)]);
    let mut frame = udp4(1, 2, (3, 4), &[]);
    frame.splice(12..12, hex("8100 0005 8100 0006"));
    let mut popped = frame.clone();
    popped.drain(12..16);
    assert_eq!(lab.send(1, &frame), [(2, popped)]);
    lab.switch.set_tags_max(2);
    assert!(lab.ports(1, &frame).is_empty(), "an IPv4 packet with two tags");
}

#[test]
fn fields_that_a_packet_has_not_got_are_left_alone() {
    let mut lab = Lab::new(3);
    let actions = vec![
        Action::set(Field::Ipv4Src, 1u32),
        Action::set(Field::TcpDst, 1u16),
        Action::DecTtl { controllers: None },
        out(2),
    ];
    lab.flow(0, 1, Match::any(), actions);
    for frame in [broadcast(1), udp6(1, 2, (3, 4), &[])] {
        let sent = lab.send(1, &frame);
        let is_ip = frame[12..14] == EtherType::IPV6.0.to_be_bytes();
        let mut expected = frame;
        if is_ip {
            expected[21] -= 1;
        }
        assert_eq!(sent, [(2, expected)]);
    }
}

#[test]
fn counters_survive_a_modification_and_reset_when_asked() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, Match::any(), vec![out(2)]);
    lab.send(1, &broadcast(1));
    let packets = |lab: &mut Lab| {
        lab.switch.push_counters(lab.now);
        lab.switch.bridges[&lab.bridge].rules().next().unwrap().counted().packets()
    };
    let mut modify = FlowMod::add(0, 1, Match::any(), vec![], 0);
    modify.command = openflow::FlowModCommand::ModifyStrict;
    lab.flow_mod(&modify).unwrap();
    assert_eq!(packets(&mut lab), 1);
    let mut add = FlowMod::add(0, 1, Match::any(), vec![], 0);
    add.flags = FlowModFlags(FlowModFlags::RESET_COUNTS);
    lab.flow_mod(&add).unwrap();
    assert_eq!(packets(&mut lab), 0);
}

#[test]
fn a_paused_packet_goes_on_as_the_controller_sends_it_back() {
    use crate::connection::{ConnKind, ConnOutput};
    use openflow::{Body, Message, PacketInFormat, SwitchConfig, Version, Versions};
    let mut lab = Lab::new(3);
    let pause = Controller { pause: true, userdata: vec![1, 2, 3], ..Controller::default() };
    lab.flow(
        0,
        1,
        in_port(1),
        vec![Action::set(Field::Reg(1), 5u8), Action::Clone(vec![Action::resubmit(1), out(3)]), out(3)],
    );
    lab.flow(1, 1, Match::any(), vec![Action::Controller(pause), Action::resubmit(2)]);
    lab.flow(2, 1, Match::any().with(Field::Reg(1), 6u8), vec![out(2)]);
    let conn = lab.switch.openflow_connected(lab.bridge, ConnKind::Service, Versions::all(), lab.now);
    let tell = |lab: &mut Lab, message: Vec<u8>| lab.switch.openflow_input(conn, &message, lab.now);
    tell(&mut lab, Message::encode_hello(1, Versions::of(&[Version::Of15])));
    let config = SwitchConfig { flags: 0, miss_send_len: 0xffff };
    tell(&mut lab, Body::SetPacketInFormat(PacketInFormat::Nxt2).with_xid(2).encode(Version::Of15));
    tell(&mut lab, Body::SetConfig(config).with_xid(3).encode(Version::Of15));
    while lab.switch.openflow_output(conn).is_some() {}
    assert_eq!(lab.ports(1, &broadcast(1)), [3], "the copy waits, the packet goes on");
    let Some(ConnOutput::Send(octets)) = lab.switch.openflow_output(conn) else { panic!("no packet-in") };
    let Body::PacketIn2(mut packet_in) = Message::decode(Version::Of15, &octets).unwrap().body else {
        panic!()
    };
    assert_eq!(
        (packet_in.userdata.as_slice(), packet_in.metadata.exact(Field::Reg(1))),
        (&[1, 2, 3][..], Some(5))
    );
    packet_in.metadata.set(Field::Reg(1), 6u8);
    packet_in.packet[5] = 0xaa;
    lab.switch.openflow_input(
        conn,
        &Body::Resume(packet_in.clone()).with_xid(9).encode(Version::Of15),
        lab.now,
    );
    let mut departures = Vec::new();
    lab.switch.take_departures(&mut departures);
    assert_eq!(departures.len(), 2, "out of 2 by the resumed table, and out of 3 after it");
    lab.switch.openflow_input(conn, &Body::Resume(packet_in).with_xid(10).encode(Version::Of15), lab.now);
    let Some(ConnOutput::Send(octets)) = lab.switch.openflow_output(conn) else { panic!("no error") };
    let Body::Error(error) = Message::decode(Version::Of15, &octets).unwrap().body else { panic!() };
    assert_eq!(error.code, openflow::ErrorCode::RESUME_STALE);
}

#[test]
fn an_arp_request_is_turned_into_its_reply_by_set_field() {
    let mut lab = Lab::new(1);
    let request = hex(
        "ffffffffffff 0a0000000001 0806 0001 0800 06 04 0001 0a0000000001 0a000001 000000000000 0a000002",
    );
    let matching = Match::any().with(Field::EthType, 0x0806u16).with(Field::ArpOp, 1u16);
    let actions = vec![
        Action::copy(Subfield::whole(Field::EthSrc), Subfield::whole(Field::EthDst)),
        Action::set(Field::EthSrc, 0x0a00_0000_0002_u64),
        Action::set(Field::ArpOp, 2u16),
        Action::copy(Subfield::whole(Field::ArpSha), Subfield::whole(Field::ArpTha)),
        Action::set(Field::ArpSha, 0x0a00_0000_0002_u64),
        Action::copy(Subfield::whole(Field::ArpSpa), Subfield::whole(Field::ArpTpa)),
        Action::set(Field::ArpSpa, 0x0a00_0002_u32),
        Action::output(PortNo::IN_PORT),
    ];
    lab.flow(0, 1, matching, actions);
    let reply = hex(
        "0a0000000001 0a0000000002 0806 0001 0800 06 04 0002 0a0000000002 0a000002 0a0000000001 0a000001",
    );
    assert_eq!(lab.send(1, &request), [(1, reply)]);
}

#[test]
fn fragments_have_no_ports_unless_the_bridge_is_told_to_look() {
    let mut lab = Lab::new(3);
    let udp = Match::any().with(Field::EthType, 0x0800u16).with(Field::IpProto, 17u8);
    lab.flow(0, 2, udp.clone().with(Field::UdpDst, 6u16), vec![out(2)]);
    lab.flow(0, 1, udp, vec![out(3)]);
    let whole = udp4(1, 2, (5, 6), &[]);
    let mut first = whole.clone();
    first[20] = 0x20;
    let ports = |lab: &mut Lab| (lab.ports(1, &whole), lab.ports(1, &first));
    assert_eq!(ports(&mut lab), (vec![2], vec![3]));
    let bridge = lab.switch.bridges.get_mut(&lab.bridge).unwrap();
    bridge.fragments = crate::bridge::Fragments::Match;
    lab.switch.change_all();
    assert_eq!(ports(&mut lab), (vec![2], vec![2]));
    let bridge = lab.switch.bridges.get_mut(&lab.bridge).unwrap();
    bridge.fragments = crate::bridge::Fragments::Drop;
    lab.switch.change_all();
    assert_eq!(ports(&mut lab), (vec![2], vec![]));
}
