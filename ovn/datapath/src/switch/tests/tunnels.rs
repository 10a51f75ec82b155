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
    lab.switch.tunnel_datagram(6081, ip(2), ip(1), packet.payload.clone(), lab.now);
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
        lab.switch.tunnel_datagram(4789, from, ip(1), Frame::copy_from(&payload), lab.now);
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
        lab.switch.tunnel_datagram(6081, from, ip(1), Frame::copy_from(octets), lab.now)
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
