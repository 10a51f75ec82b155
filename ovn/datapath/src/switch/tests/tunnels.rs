//! Packets into tunnels and out of them.

use std::net::{IpAddr, Ipv4Addr};

use openflow::{Action, Field, Match, PortNo, SetField, Subfield, TlvMap, TlvTableCommand, TlvTableMod};
use packet::{Frame, Geneve};

use crate::testing::{Lab, broadcast, hex};
use crate::{Departure, Event, PortKind, PortSpec, Setting, Tunnel, TunnelKind, TunnelPacket};

fn ip(n: u8) -> IpAddr {
    Ipv4Addr::new(192, 168, 0, n).into()
}

fn tunnel(kind: TunnelKind, remote: Setting<IpAddr>, key: Setting<u32>) -> PortKind {
    PortKind::Tunnel(Tunnel {
        kind,
        remote,
        local: Setting::Unset,
        in_key: key,
        out_key: key,
        udp_port: kind.default_port(),
        checksum: true,
        dont_fragment: true,
        sequence: false,
        erspan: crate::Erspan::default(),
        tos: Setting::Unset,
        ttl: Setting::Unset,
    })
}

/// With OVN's option as `tun_metadata0`.
fn lab() -> Lab {
    let mut lab = Lab::new(2);
    let maps = vec![TlvMap { class: 0x0102, kind: 0x80, length: 4, index: 0 }];
    let change = TlvTableMod { command: TlvTableCommand::Add, maps };
    let bridge = lab.switch.bridges.get_mut(&lab.bridge).unwrap();
    bridge.tlv = bridge.tlv.changed(&change, 0).unwrap();
    lab
}

fn sent(lab: &mut Lab, frame: &[u8]) -> Vec<TunnelPacket> {
    lab.switch.receive(crate::DeviceId(1), [Frame::copy_from(frame)], lab.now);
    let mut departures = Vec::new();
    lab.switch.take_departures(&mut departures);
    departures
        .into_iter()
        .filter_map(|d| if let Departure::Tunnel(packet) = d { Some(packet) } else { None })
        .collect()
}

#[test]
fn geneve_goes_out_as_ovn_sets_it_and_comes_in_the_same() {
    let mut lab = lab();
    lab.port(PortSpec::new(7, "t", tunnel(TunnelKind::Geneve, Setting::Fixed(ip(2)), Setting::Flow)));
    let encap = vec![
        Action::set(Field::Reg(14), 2u8),
        Action::SetField(SetField::masked(Field::TunId, 5, 0xff_ffff)),
        Action::set(Field::TunMetadata(0), 3u8),
        Action::copy(Subfield::new(Field::Reg(14), 0, 15), Subfield::new(Field::TunMetadata(0), 16, 15)),
        Action::output(PortNo(7)),
    ];
    lab.flow(0, 1, Match::any().with(Field::InPort, 1u32), encap);
    let frame = broadcast(1);
    let packets = sent(&mut lab, &frame);
    let [packet] = packets.as_slice() else { panic!("{packets:?}") };
    assert_eq!((packet.remote, packet.destination_port, packet.local), (ip(2), 6081, None));
    let header = hex("02 40 6558 000005 00 0102 80 01 00020003");
    assert_eq!(*packet.payload, [header.clone(), frame.clone()].concat());

    let decap = Match::any()
        .with(Field::InPort, 7u32)
        .with(Field::TunId, 5u8)
        .with(Field::TunSrc, 0xc0a8_0002u32)
        .with_masked(Field::TunMetadata(0), 0x0002_0003, 0xffff_ffff);
    lab.flow(0, 9, decap, vec![Action::output(PortNo(2))]);
    lab.switch.tunnel_datagram(6081, (ip(2), ip(1)), packet.payload.clone(), lab.now);
    let mut departures = Vec::new();
    lab.switch.take_departures(&mut departures);
    let [Departure::Device { device, frame: out }] = departures.as_slice() else { panic!("{departures:?}") };
    assert_eq!((device.0, out.to_vec()), (2, frame));
}

#[test]
fn the_most_particular_tunnel_port_takes_the_packet() {
    let mut lab = lab();
    let mut add = |n: u32, remote, key| {
        lab.port(PortSpec::new(n, &format!("t{n}"), tunnel(TunnelKind::Vxlan, remote, key)));
        lab.flow(
            0,
            1,
            Match::any().with(Field::InPort, n),
            vec![Action::output(PortNo(1)), Action::set(Field::EthSrc, u64::from(n))],
        );
    };
    add(10, Setting::Flow, Setting::Flow);
    add(11, Setting::Fixed(ip(2)), Setting::Flow);
    add(12, Setting::Flow, Setting::Fixed(9));
    let mut port_of = |from, vni: u8| {
        let payload = [hex("08000000 0000"), vec![vni, 0], broadcast(1)].concat();
        lab.switch.tunnel_datagram(4789, (from, ip(1)), Frame::copy_from(&payload), lab.now);
        lab.switch.take_departures(&mut Vec::new());
        lab.switch.push_counters(lab.now);
        let got = lab
            .switch
            .ports_of(lab.bridge)
            .find(|(_, port)| port.counters.rx_packets > 0)
            .map(|(_, port)| port.number.0);
        let ids: Vec<_> = lab.switch.ports_of(lab.bridge).map(|(id, _)| id).collect();
        for id in ids {
            lab.switch.change_port(id, |port| port.counters = crate::PortCounters::default());
        }
        got
    };
    assert_eq!(port_of(ip(3), 1), Some(10));
    assert_eq!(port_of(ip(2), 1), Some(11));
    assert_eq!(port_of(ip(2), 9), Some(12));
}

#[test]
fn what_is_no_tunnel_packet_for_us_is_counted() {
    let mut lab = lab();
    lab.port(PortSpec::new(7, "t", tunnel(TunnelKind::Geneve, Setting::Fixed(ip(2)), Setting::Flow)));
    let mut receive = |from, octets: &[u8]| {
        lab.switch.tunnel_datagram(6081, (from, ip(1)), Frame::copy_from(octets), lab.now)
    };
    receive(ip(9), &hex("00 00 6558 000001 00"));
    receive(ip(2), &hex("00 00 6558 0000"));
    receive(ip(2), &hex("01 00 6558 000001 00 ffff 80 00"));
    receive(ip(2), &hex("00 00 0800 000001 00"));
    let counters = lab.switch.counters();
    assert_eq!((counters.get(Event::DropTunnelPort), counters.get(Event::DropTunnelHeader)), (1, 3));
}

#[test]
fn flow_based_tunnels_take_their_addresses_from_the_flow() {
    let mut lab = lab();
    lab.port(PortSpec::new(7, "t", tunnel(TunnelKind::Geneve, Setting::Flow, Setting::Flow)));
    lab.flow(
        0,
        1,
        Match::any(),
        vec![
            Action::output(PortNo(7)),
            Action::set(Field::TunDst, 0xc0a8_0004u32),
            Action::output(PortNo(7)),
        ],
    );
    let packets = sent(&mut lab, &broadcast(1));
    assert_eq!(packets.len(), 1);
    assert_eq!(packets[0].remote, ip(4));
    assert_eq!(lab.switch.counters().get(Event::DropTunnelRemote), 1);
    let (geneve, _) = Geneve::parse(&packets[0].payload).unwrap();
    assert!(geneve.options.is_empty(), "an option nobody set is not sent");
}

/// GRE with this configuration as port 7; what comes in by port 1 goes there, and what comes from there to port 2.
fn gre(kind: TunnelKind, change: impl FnOnce(&mut Tunnel)) -> Lab {
    let mut lab = lab();
    let PortKind::Tunnel(mut port) = tunnel(kind, Setting::Fixed(ip(2)), Setting::Flow) else { panic!() };
    port.checksum = false;
    change(&mut port);
    lab.port(PortSpec::new(7, "t", PortKind::Tunnel(port)));
    let actions = vec![Action::set(Field::TunId, 5u8), Action::output(PortNo(7))];
    lab.flow(0, 1, Match::any().with(Field::InPort, 1u32), actions);
    lab.flow(0, 1, Match::any().with(Field::InPort, 7u32), vec![Action::output(PortNo(2))]);
    lab
}

/// What comes out of a lab's port 2 when this comes to its GRE port.
fn arrived(lab: &mut Lab, outer: crate::Outer, payload: &[u8]) -> Vec<Vec<u8>> {
    lab.switch.tunnel_datagram(0, outer, Frame::copy_from(payload), lab.now);
    let mut departures = Vec::new();
    lab.switch.take_departures(&mut departures);
    let frames = departures.into_iter().map(|one| match one {
        Departure::Device { device, frame } => {
            assert_eq!(device.0, 2);
            frame.to_vec()
        }
        Departure::Tunnel(packet) => panic!("{packet:?}"),
    });
    frames.collect()
}

fn outer(tos: u8) -> crate::Outer {
    crate::Outer { from: ip(2), to: ip(1), tos, ttl: 9 }
}

#[test]
fn gre_says_keys_numbers_and_checksums_as_configured() {
    let frame = broadcast(1);
    for (checksum, sequence, headers) in [
        (false, false, ["2000 6558 00000005", "2000 6558 00000005"]),
        (false, true, ["3000 6558 00000005 00000000", "3000 6558 00000005 00000001"]),
        (true, false, ["a000 6558 d1cd 0000 00000005", "a000 6558 d1cd 0000 00000005"]),
    ] {
        let mut lab = gre(TunnelKind::Gre, |port| {
            port.checksum = checksum;
            port.sequence = sequence;
        });
        for header in headers {
            let packets = sent(&mut lab, &frame);
            let [packet] = packets.as_slice() else { panic!("{packets:?}") };
            assert_eq!((packet.remote, packet.destination_port), (ip(2), 0));
            let expected = [hex(header), frame.clone()].concat();
            if checksum {
                assert_eq!(packet::checksum::internet(&packet.payload), 0);
            } else {
                assert_eq!(*packet.payload, expected);
            }
            assert_eq!(arrived(&mut lab, outer(0), &packet.payload), std::slice::from_ref(&frame));
        }
    }
}

#[test]
fn erspan_says_whose_frame_it_is() {
    let frame = broadcast(1);
    let mut lab = gre(TunnelKind::Erspan, |port| {
        port.erspan.version = Setting::Fixed(1);
        port.erspan.index = Setting::Fixed(0x1234);
    });
    let packets = sent(&mut lab, &frame);
    let header = hex("1000 88be 00000000 1000 0005 0000 1234");
    assert_eq!(*packets[0].payload, [header, frame.clone()].concat());
    let matching = Match::any()
        .with(Field::InPort, 7u32)
        .with(Field::TunId, 5u8)
        .with(Field::TunErspanVer, 1u8)
        .with(Field::TunErspanIdx, 0x1234u32)
        .with(Field::TunTtl, 9u8)
        .with(Field::TunTos, 4u8);
    lab.flow(0, 9, matching, Vec::new());
    assert!(arrived(&mut lab, outer(4), &packets[0].payload).is_empty());
    assert_eq!(arrived(&mut lab, outer(8), &packets[0].payload), std::slice::from_ref(&frame));

    let mut lab = gre(TunnelKind::Erspan, |port| {
        port.erspan.version = Setting::Fixed(2);
        port.erspan.direction = Setting::Fixed(1);
        port.erspan.hwid = Setting::Fixed(0xf);
    });
    lab.now += std::time::Duration::from_secs(1);
    let packets = sent(&mut lab, &frame);
    let header = hex("1000 22eb 00000000 2000 0005 00002710 0000 00f8");
    assert_eq!(*packets[0].payload, [header, frame.clone()].concat());
    lab.flow(0, 9, Match::any().with(Field::TunErspanHwid, 0xfu8).with(Field::TunErspanDir, 1u8), Vec::new());
    assert!(arrived(&mut lab, outer(0), &packets[0].payload).is_empty());
}

#[test]
fn the_outer_header_has_of_the_inner_one_what_is_configured_and_always_its_congestion_bits() {
    let inner = |tos: u8| {
        let mut frame = crate::testing::udp4(1, 2, (1, 2), &[]);
        frame[15] = tos;
        frame
    };
    for (tos, ttl, frame, expected) in [
        (Setting::Unset, Setting::Unset, inner(0x2a), (2, 0)),
        (Setting::Unset, Setting::Fixed(7), inner(0x2b), (2, 7)),
        (Setting::Fixed(0x41), Setting::Flow, inner(0x29), (0x41, 64)),
        (Setting::Flow, Setting::Flow, inner(0x2b), (0x2a, 64)),
        (Setting::Flow, Setting::Flow, broadcast(1), (0, 0)),
    ] {
        let mut lab = gre(TunnelKind::Gre, |port| (port.tos, port.ttl) = (tos, ttl));
        let packets = sent(&mut lab, &frame);
        assert_eq!((packets[0].tos, packets[0].ttl), expected, "{tos:?} {ttl:?}");
    }
}

#[test]
fn congestion_on_the_way_is_told_inside_or_ends_the_packet() {
    let mut lab = gre(TunnelKind::Gre, |_| {});
    let header = hex("2000 6558 00000005");
    let mut frame = crate::testing::udp4(1, 2, (1, 2), &[]);
    let packet = |frame: &[u8]| [&header[..], frame].concat();
    assert!(arrived(&mut lab, outer(3), &packet(&frame)).is_empty());
    assert_eq!(lab.switch.counters().get(Event::DropTunnelEcn), 1);
    assert_eq!(arrived(&mut lab, outer(2), &packet(&frame)), std::slice::from_ref(&frame));
    frame[15] = 1;
    let came = arrived(&mut lab, outer(3), &packet(&frame));
    assert_eq!(came[0][15], 3);
    let other = broadcast(1);
    assert_eq!(arrived(&mut lab, outer(3), &packet(&other)), [other]);
}
