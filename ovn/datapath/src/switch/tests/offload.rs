//! Frames whose senders left checksum and segmentation undone: whatever the flows, it makes no
//! difference whether the work is done before the switch or after it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use openflow::{Action, FlowMod, Match, PortNo};
use packet::{
    EtherType, Ethernet, Frame, IpProto, Ipv4, Ipv6, Offload, Partial, Pseudo, SegmentKind, Segmenter,
    Segments, Tcp, TcpFlags,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::cached::{PORTS, flow, lab};
use crate::testing::{Lab, mac};
use crate::{Departure, DeviceId, Event, PortKind, PortSpec, Setting, Tunnel, TunnelKind, TunnelPacket};

/// TCP with a payload of `n` segments of `size` octets, to be cut.
fn whole(v6: bool, (src, dst): (u8, u8), n: usize, size: usize) -> Frame {
    let tcp = Tcp {
        src: 1,
        dst: u16::from(dst),
        sequence: u32::MAX - 30,
        acknowledgment: 1,
        flags: TcpFlags::ACK | TcpFlags::PSH,
        window: 1,
        checksum: 0,
        urgent: 0,
        options: Vec::new(),
    };
    let len = 20 + n * size;
    let mut out = Vec::new();
    let ethertype = if v6 { EtherType::IPV6 } else { EtherType::IPV4 };
    Ethernet { dst: mac(dst), src: mac(src), ethertype }.emit(&mut out);
    let pseudo = if v6 {
        let address = |n: u8| Ipv6Addr::from(0xfd00 << 112 | u128::from(n));
        Ipv6::new(address(src), address(dst), IpProto::TCP, len as u16).emit(&mut out);
        Pseudo::V6(address(src), address(dst))
    } else {
        let address = |n: u8| Ipv4Addr::new(10, 0, 0, n);
        Ipv4::new(address(src), address(dst), IpProto::TCP, len as u16).emit(&mut out);
        Pseudo::V4(address(src), address(dst))
    };
    let start = out.len() as u16;
    Tcp { checksum: pseudo.partial(IpProto::TCP, len as u32), ..tcp }.emit(&mut out);
    out.extend((0..n * size).map(|i| i as u8));
    let kind = if v6 { SegmentKind::Tcp6 } else { SegmentKind::Tcp4 };
    let mut frame = Frame::copy_from(&out);
    let partial = Some(Partial { start, offset: 16 });
    assert!(frame.set_offload(Offload { partial, segments: Some(Segments { kind, size: size as u16 }) }));
    frame
}

/// The frames that a card would make of one.
fn on_the_wire(frame: &Frame) -> Vec<Vec<u8>> {
    let Some(mut segmenter) = Segmenter::new(frame) else {
        let mut frame = frame.clone();
        frame.finish_checksum();
        return vec![frame.to_vec()];
    };
    let mut all = vec![Vec::new()];
    while segmenter.emit(all.last_mut().expect("it begins with one")) {
        all.push(Vec::new());
    }
    all.pop();
    all
}

/// What comes out when a frame comes in: by device, as it is on the wire.
fn send(lab: &mut Lab, port: u32, frames: Vec<Frame>) -> Vec<(u32, Vec<u8>)> {
    lab.switch.receive(DeviceId(port), frames, lab.now);
    let mut departures = Vec::new();
    lab.switch.take_departures(&mut departures);
    let mut out: Vec<_> = departures
        .iter()
        .filter_map(|departure| match departure {
            Departure::Device { device, frame } => Some((device.0, frame)),
            Departure::Tunnel(_) => None,
        })
        .flat_map(|(device, frame)| on_the_wire(frame).into_iter().map(move |one| (device, one)))
        .collect();
    // Only the order at each port counts.
    out.sort_by_key(|(device, _)| *device);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn cut_before_the_switch_equals_cut_after_it(
        flows in vec(flow().prop_filter("the second segment meets what the first one taught", |flow| {
            !flow.to_string().contains("learn(")
        }), 3..20),
        packets in vec((1..=PORTS, any::<bool>(), (1u8..4, 1u8..4), 1usize..5, prop_oneof![Just(30usize), Just(60)]), 1..10),
    ) {
        let (mut before, mut after) = (lab(), lab());
        // The first of several segments may teach a flow that the others then meet, which one that is whole does not.
        for flow in flows.iter().filter(|flow| !flow.to_string().contains("learn(")) {
            prop_assert_eq!(before.flow_mod(flow), after.flow_mod(flow));
        }
        for (port, v6, ends, n, size) in packets {
            let frame = whole(v6, ends, n, size);
            let cut = on_the_wire(&frame).iter().map(|one| Frame::copy_from(one)).collect();
            // Addresses are learned at the first of them.
            let expected = send(&mut before, port, cut);
            let mut got = send(&mut after, port, vec![frame]);
            // A copy of each segment after the other becomes copies one after the other, and the same the other way.
            let mut expected = expected;
            expected.sort();
            got.sort();
            prop_assert_eq!(got, expected);
        }
    }
}

/// Port 1 to a tunnel, and the tunnel to port 1.
fn tunnel_end() -> Lab {
    let mut lab = Lab::new(1);
    let remote: IpAddr = Ipv4Addr::LOCALHOST.into();
    lab.port(PortSpec::new(
        7,
        "t",
        PortKind::Tunnel(Tunnel {
            kind: TunnelKind::Geneve,
            remote: Setting::Fixed(remote),
            local: Setting::Unset,
            in_key: Setting::Fixed(5),
            out_key: Setting::Fixed(5),
            udp_port: 6081,
            checksum: true,
            dont_fragment: true,
            sequence: false,
            erspan: crate::Erspan::default(),
            tos: Setting::Unset,
            ttl: Setting::Unset,
        }),
    ));
    for (from, to) in [(1u32, 7u32), (7, 1)] {
        let matching = Match::any().with(openflow::Field::InPort, from);
        lab.flow_mod(&FlowMod::add(0, 1, matching, vec![Action::output(PortNo(to))], 0)).unwrap();
    }
    lab
}

#[test]
fn a_long_segment_crosses_a_tunnel_in_trains_and_comes_out_long() {
    for v6 in [false, true] {
        let (mut one, mut other) = (tunnel_end(), tunnel_end());
        let frame = whole(v6, (1, 2), 46, 1200);
        one.switch.receive(DeviceId(1), [frame.clone()], one.now);
        let mut departures = Vec::new();
        one.switch.take_departures(&mut departures);
        let local: IpAddr = Ipv4Addr::LOCALHOST.into();
        let mut datagrams = 0;
        for departure in departures {
            let Departure::Tunnel(packet) = departure else { panic!("{departure:?}") };
            assert!(packet.payload.len() <= TunnelPacket::TRAIN_LEN_MAX);
            datagrams += packet.datagrams().count();
            other.switch.tunnel_datagrams(
                6081,
                (local, local),
                packet.payload,
                packet.datagram_len,
                other.now,
            );
        }
        assert_eq!(datagrams, 46);
        let mut arrived = Vec::new();
        other.switch.take_departures(&mut arrived);
        let [Departure::Device { frame: out, .. }] = arrived.as_slice() else { panic!("{arrived:?}") };
        assert_eq!(out.offload(), frame.offload());
        assert_eq!(on_the_wire(out), on_the_wire(&frame));
        assert_eq!(other.switch.counters().get(Event::Upcall), 1, "one packet, one lookup");
    }
}

#[test]
fn what_cannot_be_joined_comes_out_of_a_train_one_by_one() {
    let mut lab = tunnel_end();
    let local: IpAddr = Ipv4Addr::LOCALHOST.into();
    let header = crate::testing::hex("00 00 6558 000005 00");
    let frame = crate::testing::udp4(1, 2, (1, 2), &[7; 30]);
    let other_vni = crate::testing::hex("00 00 6558 000006 00");
    let datagrams =
        [&header, &frame, &header, &frame, &other_vni, &frame, &header, &frame].map(Vec::as_slice);
    let train = Frame::copy_from(&datagrams.concat());
    lab.switch.tunnel_datagrams(6081, (local, local), train, 8 + frame.len(), lab.now);
    let mut arrived = Vec::new();
    lab.switch.take_departures(&mut arrived);
    assert_eq!(arrived.len(), 3);
    assert!(arrived.iter().all(|one| matches!(one, Departure::Device { frame: out, .. } if **out == *frame)));
    assert_eq!(lab.switch.counters().get(Event::DropTunnelPort), 1);
}

#[test]
fn controllers_get_a_long_segment_as_it_is_on_the_wire() {
    let mut lab = Lab::new(1);
    lab.flow(0, 1, Match::any(), vec![Action::output(PortNo::CONTROLLER)]);
    lab.switch.receive(DeviceId(1), [whole(false, (1, 2), 3, 50)], lab.now);
    // Nobody takes them here: each is counted.
    assert_eq!(lab.switch.counters().get(Event::PacketInDrop), 3);
}
