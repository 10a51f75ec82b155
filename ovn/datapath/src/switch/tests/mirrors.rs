//! Mirrors: what is copied, once, and where to.

use openflow::{Action, Field, Match, PortNo};

use crate::testing::{Lab, broadcast, udp4};
use crate::{MirrorConfig, MirrorOut, PortKind, PortSpec, VlanMode, Vlans};

fn config(src: &[u32], dst: &[u32], out: MirrorOut) -> MirrorConfig {
    let ports = |ports: &[u32]| ports.iter().copied().map(PortNo).collect();
    MirrorConfig {
        name: "m".to_owned(),
        all: false,
        src: ports(src),
        dst: ports(dst),
        vlans: [].into(),
        out,
        snaplen: None,
    }
}

/// Ports 1 and 2 and a port for copies, 3; what comes in by one leaves by the other with a new address.
fn lab(mirrors: Vec<MirrorConfig>) -> Lab {
    let mut lab = Lab::new(3);
    lab.switch.set_mirrors(lab.bridge, mirrors);
    for (port, other) in [(1u32, 2), (2, 1)] {
        let rewrite = Action::set(Field::EthSrc, 0x77u8);
        let actions = vec![rewrite, Action::output(PortNo(other))];
        lab.flow(0, 1, Match::any().with(Field::InPort, port), actions);
    }
    lab
}

#[test]
fn what_enters_is_copied_as_it_came_and_what_leaves_as_it_goes() {
    let out = MirrorOut::Port(PortNo(3));
    let frame = broadcast(1);
    let sources = |sent: Vec<(u32, Vec<u8>)>| -> Vec<(u32, u8)> {
        sent.into_iter().map(|(port, frame)| (port, frame[11])).collect()
    };
    let mut entering = lab(vec![config(&[1], &[], out)]);
    for _ in 0..2 {
        assert_eq!(sources(entering.send(1, &frame)), [(3, 1), (2, 0x77)]);
        assert_eq!(sources(entering.send(2, &frame)), [(1, 0x77)]);
    }
    let mut leaving = lab(vec![config(&[], &[1], out)]);
    assert_eq!(sources(leaving.send(2, &frame)), [(1, 0x77), (3, 0x77)]);
    assert_eq!(sources(leaving.send(1, &frame)), [(2, 0x77)]);
    let mut all = lab(vec![MirrorConfig { all: true, ..config(&[], &[], out) }]);
    assert_eq!(sources(all.send(1, &frame)), [(3, 1), (2, 0x77)], "one copy, not two");
    // Another selection takes effect at once, and copies are counted.
    all.switch.push_counters(all.now);
    assert_eq!(all.switch.mirror_counts(all.bridge), [("m".to_owned(), 1, 60)]);
    all.switch.set_mirrors(all.bridge, Vec::new());
    assert_eq!(sources(all.send(1, &frame)), [(2, 0x77)]);
}

#[test]
fn copies_are_cut_and_selected_by_vlan() {
    let out = MirrorOut::Port(PortNo(3));
    let short = MirrorConfig { snaplen: Some(20), ..config(&[1], &[], out) };
    let mut lab = lab(vec![short, MirrorConfig { vlans: [9].into(), ..config(&[1], &[], out) }]);
    let frame = udp4(1, 2, (5, 6), &[7; 50]);
    let lengths: Vec<(u32, usize)> = lab.send(1, &frame).into_iter().map(|(p, f)| (p, f.len())).collect();
    assert_eq!(lengths, [(3, 20), (2, frame.len())]);
}

#[test]
fn a_vlan_for_copies_reaches_the_ports_that_carry_it() {
    let mut lab = lab(vec![config(&[1], &[], MirrorOut::Vlan(30))]);
    let trunk = Vlans { mode: VlanMode::Access(30), trunks: Vec::new() };
    let spec = PortSpec { vlans: trunk, ..PortSpec::new(4, "p4", PortKind::Device(crate::DeviceId(4))) };
    lab.port(spec);
    let frame = broadcast(1);
    let sent = lab.send(1, &frame);
    let tagged = |frame: &[u8]| frame[12..16] == [0x81, 0, 0, 30];
    let shown: Vec<(u32, bool)> = sent.iter().map(|(port, frame)| (*port, tagged(frame))).collect();
    assert_eq!(shown, [(1, true), (2, true), (3, true), (4, false), (2, false)]);
}

#[test]
fn the_port_for_copies_takes_no_part_in_learning() {
    let mut lab = Lab::new(3);
    lab.switch.set_mirrors(lab.bridge, vec![config(&[1], &[], MirrorOut::Port(PortNo(3)))]);
    lab.flow(0, 0, Match::any(), vec![Action::output(PortNo::NORMAL)]);
    assert_eq!(lab.ports(1, &broadcast(1)), [3, 2], "not flooded there once more");
    assert!(lab.ports(3, &broadcast(2)).is_empty());
}
