//! What broke other switches, or let through them what should not pass: a test each, named by what was reported.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use openflow::{Action, Ct, Field, Match, Nat, NatKind, NatRange, NatSpread, PacketOut, PortNo, ZoneSource};
use packet::{Frame, MacAddr};

use crate::bfd::{BfdConfig, Session};
use crate::conntrack::packets::{echo, host};
use crate::testing::{Lab, hex, mac, udp4};
use crate::{DeviceId, Event, PortKind, PortSpec, Setting, Tunnel, TunnelKind};

fn ip() -> Match {
    Match::any().with(Field::EthType, 0x0800u16)
}

fn udp(port: u16) -> Match {
    ip().with(Field::IpProto, 17u8).with(Field::UdpDst, port)
}

fn out(port: u32) -> Action {
    Action::output(PortNo(port))
}

fn ct(table: u8, actions: Vec<Action>) -> Action {
    let zone = ZoneSource::Immediate(1);
    Action::Ct(Box::new(Ct { commit: true, force: false, zone, table: Some(table), alg: 0, actions }))
}

/// CVE-2024-2182: a guest's packet came through a tunnel and was taken for one of the other chassis, which decides
/// whether a gateway is alive.
#[test]
fn a_guest_does_not_speak_for_the_other_end_of_a_tunnel() {
    let mut lab = Lab::new(1);
    let address = |n: u8| IpAddr::from(Ipv4Addr::new(192, 168, 0, n));
    let kind = PortKind::Tunnel(Tunnel {
        kind: TunnelKind::Geneve,
        remote: Setting::Fixed(address(2)),
        local: Setting::Unset,
        in_key: Setting::Flow,
        out_key: Setting::Flow,
        udp_port: 6081,
        checksum: true,
        dont_fragment: true,
        sequence: false,
        erspan: crate::Erspan::default(),
        tos: Setting::Unset,
        ttl: Setting::Unset,
    });
    let port = lab.port(PortSpec::new(7, "t", kind));
    let config = BfdConfig::read(&[("enable".into(), "true".into())].into()).unwrap();
    lab.switch.set_bfd(port, Some(config.clone()), lab.now);
    let packet = Session::new(config.clone(), 9, lab.now).poll_transmit(lab.now).unwrap();
    let frame = config.frame(&packet, MacAddr([2; 6]));
    let heard_after = |lab: &mut Lab, vni: u8| {
        let datagram = [hex("0000 6558 0000"), vec![vni, 0], frame.clone()].concat();
        lab.switch.tunnel_datagram(6081, (address(2), address(1)), Frame::copy_from(&datagram), lab.now);
        let shown = lab.switch.command("bfd/show", &["t"], lab.now).unwrap().unwrap();
        let line = shown.lines().find_map(|line| line.trim().strip_prefix("Remote Discriminator: "));
        line.unwrap().to_owned()
    };
    let before = lab.switch.counters().get(Event::Upcall);
    for key in [5, 1, 255] {
        assert_eq!(heard_after(&mut lab, key), "0x0", "a packet of the network with key {key}");
    }
    assert!(lab.switch.counters().get(Event::Upcall) > before, "it goes the way of all others");
    assert_eq!(heard_after(&mut lab, 0), "0x9", "one of the tunnel itself");
}

/// Open vSwitch 02aebad3f, 640d4db78: a controller sent a fragment into the tracker, which kept what was freed.
#[test]
fn fragments_that_a_controller_sends_wait_for_each_other() {
    let mut lab = Lab::new(2);
    lab.flow(1, 1, udp(6), vec![out(2)]);
    let pieces = crate::conntrack::fragments_of(&udp4(1, 2, (5, 6), &[7; 3000]), 1400);
    for round in 0..3 {
        let mut left = Vec::new();
        for piece in &pieces {
            assert!(left.is_empty(), "round {round}: they leave together");
            let packet = PacketOut::new(PortNo(1), vec![ct(1, vec![])], piece.clone());
            lab.switch.packet_out(lab.bridge, &packet, lab.now).unwrap();
            lab.switch.take_departures(&mut left);
        }
        assert_eq!(left.len(), pieces.len());
    }
}

/// Open vSwitch f9ffb0ee9: of a fragmented packet only the first part met the rules on ports.
#[test]
fn rules_on_ports_are_for_all_fragments_of_a_tracked_packet() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, ip(), vec![ct(1, vec![])]);
    lab.flow(1, 2, udp(6), vec![]);
    lab.flow(1, 1, ip(), vec![out(2)]);
    for (port, expected) in [(6, 0), (7, 3), (6, 0)] {
        let mut pieces = crate::conntrack::fragments_of(&udp4(1, 2, (5, port), &[7; 3000]), 1400);
        pieces.rotate_left(1);
        let left: usize = pieces.iter().map(|piece| lab.ports(1, piece).len()).sum();
        assert_eq!(left, expected, "to port {port}");
    }
}

/// Open vSwitch 627fef05b: two hosts behind one address pinged with one identifier, and one got the answers of both.
#[test]
fn answers_to_pings_come_to_who_asked() {
    let mut lab = Lab::new(3);
    let address = Ipv4Addr::new(10, 0, 0, 100);
    let range = NatRange::V4 { min: address, max: None };
    let nat = Nat { kind: NatKind::Src, range, ports: None, persistent: false, spread: NatSpread::Default };
    lab.flow(0, 2, ip().with(Field::InPort, 3u32), vec![ct(2, vec![Action::Nat(Nat::existing())])]);
    lab.flow(0, 1, ip(), vec![ct(1, vec![Action::Nat(nat)])]);
    let valid = ip().with_masked(Field::CtState, 0x20, 0x30);
    lab.flow(1, 1, valid.clone(), vec![out(3)]);
    lab.flow(2, 1, valid.clone().with(Field::Ipv4Dst, 0x0a00_0001u32), vec![out(1)]);
    lab.flow(2, 1, valid.with(Field::Ipv4Dst, 0x0a00_0002u32), vec![out(2)]);
    let ping = |n| echo(host(false, n), host(false, 9), 77, false);
    assert_eq!(lab.ports(1, &ping(1)), [3]);
    assert!(lab.ports(2, &ping(2)).is_empty(), "its answers could not be told from the other's");
    for _ in 0..2 {
        assert_eq!(lab.ports(3, &echo(host(false, 9), address.into(), 77, true)), [1]);
    }
    lab.now += Duration::from_secs(61);
    lab.switch.handle_timeout(lab.now);
    assert_eq!(lab.ports(2, &ping(2)), [3], "now the identifier is free");
}

/// CVE-2020-35498: padding beyond 255 octets kept headers from being read, and the rule for such packets took others.
#[test]
fn padding_does_not_change_what_a_packet_is() {
    let mut lab = Lab::new(3);
    lab.flow(0, 2, udp(6), vec![out(2)]);
    lab.flow(0, 1, Match::any(), vec![out(3)]);
    for cached in [false, true] {
        for padding in (0..600).chain([1400, 9000]) {
            if !cached {
                lab.switch.cache.clear();
            }
            for (port, expected) in [(6, 2), (7, 3)] {
                let mut frame = udp4(1, 2, (5, port), b"x");
                frame.resize(frame.len() + padding, 0xa5);
                assert_eq!(lab.ports(1, &frame), [expected], "{padding} octets of padding");
            }
        }
    }
}

/// CVE-2016-2074, CVE-2015-8011, CVE-2020-27827, CVE-2022-4337: stacks of labels without an end, and announcements of
/// neighbours whose parts have no length, or come again and again.
#[test]
fn what_is_not_read_passes_as_it_is_and_leaves_nothing_behind() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, Match::any(), vec![Action::output(PortNo::NORMAL)]);
    let ethernet = |ethertype: &str| [mac(2).0.to_vec(), mac(1).0.to_vec(), hex(ethertype)].concat();
    let labels = (0..65usize).map(|n| [ethernet("8847"), hex("00010040").repeat(n)].concat());
    let parts = ["0400", "0407 04 020000000001", "1000", "10ff", "fe00", "fe03 00120f", "fe05 00040d 0b00"];
    let announcements = parts.iter().flat_map(|part| {
        [1usize, 2, 100].map(|times| [ethernet("88cc"), hex(part).repeat(times), hex("0000")].concat())
    });
    let services = ["0000 03 00", "0fc0 01 03", "0000 01 03 ffffff ff", "4fff 02 ff"];
    let chains = services.iter().map(|header| [ethernet("894f"), hex(header)].concat());
    for frame in labels.chain(announcements).chain(chains) {
        assert_eq!(lab.send(1, &frame), [(2, frame.clone())]);
    }
    assert!(lab.switch.cache.len() <= 3, "one for each type, at most: {}", lab.switch.cache.len());
}

/// Linux CVE-2026-31508 and its kin: ports that go while packets pass.
#[test]
fn ports_come_and_go_under_traffic() {
    let mut lab = Lab::new(2);
    lab.flow(0, 1, Match::any(), vec![Action::output(PortNo::FLOOD)]);
    let frame = udp4(1, 2, (5, 6), b"x");
    for n in 0..2000u32 {
        let spec = PortSpec::new(3, "comes", PortKind::Device(DeviceId(100 + n)));
        let port = lab.port(spec);
        assert_eq!(lab.ports(1, &frame), [2, 100 + n]);
        // A frame that was read before the port went.
        lab.switch.remove_port(port, lab.now);
        assert!(lab.ports(100 + n, &frame).is_empty());
        assert_eq!(lab.ports(1, &frame), [2]);
    }
    assert_eq!(lab.switch.ports_of(lab.bridge).count(), 2);
    assert!(lab.switch.cache.len() < 10, "{}", lab.switch.cache.len());
}
