//! Packets that are larger than what their port takes.

use openflow::{Action, Field, Match, PortNo};
use packet::{Frame, Icmp4, Icmp6, Ipv4, Ipv6};

use crate::testing::{Lab, broadcast, udp4, udp6};
use crate::{DeviceId, Event, PortKind, PortSpec};

/// Port 1 and port 2, which takes 600 octets; all goes from the one to the other.
fn lab() -> Lab {
    let mut lab = Lab::new(1);
    let spec = PortSpec { mtu: 600, ..PortSpec::new(2, "p2", PortKind::Device(DeviceId(2))) };
    lab.port(spec);
    for (from, to) in [(1u32, 2u32), (2, 1)] {
        lab.flow(0, 0, Match::any().with(Field::InPort, from), vec![Action::output(PortNo(to))]);
    }
    lab
}

/// With "do not fragment".
fn whole(payload: usize) -> Vec<u8> {
    let mut frame = udp4(1, 2, (7, 8), &vec![5; payload]);
    frame[20] |= 0x40;
    let sum = packet::checksum::update(u16::from_be_bytes([frame[24], frame[25]]), &[0, 0], &[0x40, 0]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame
}

#[test]
fn what_may_be_cut_leaves_in_fragments() {
    let mut lab = lab();
    let frame = udp4(1, 2, (7, 8), &[5; 1400]);
    let sent = lab.send(1, &frame);
    let mut payload = Vec::new();
    for (n, (port, fragment)) in sent.iter().enumerate() {
        let (ip, data) = Ipv4::parse(&fragment[14..]).unwrap();
        assert_eq!(
            (*port, fragment.len() <= 614, usize::from(ip.fragment_offset) * 8),
            (2, true, payload.len())
        );
        assert_eq!(ip.more_fragments, n + 1 < sent.len());
        assert_eq!(packet::checksum::internet(&fragment[14..34]), 0);
        payload.extend_from_slice(data);
    }
    assert_eq!((sent.len(), payload), (3, frame[34..].to_vec()));
    assert_eq!(lab.switch.counters().get(Event::Fragmented), 1);
    // A fragment that is cut again keeps its place.
    let second = sent[1].1.clone();
    let port = lab.switch.port_named("p2").unwrap();
    lab.switch.change_port(port, |port| port.mtu = 300);
    let again = lab.send(1, &second);
    let places: Vec<_> = again
        .iter()
        .map(|(_, fragment)| {
            let (ip, _) = Ipv4::parse(&fragment[14..]).unwrap();
            (ip.fragment_offset, ip.more_fragments)
        })
        .collect();
    assert_eq!(places, [(72, true), (107, true), (142, true)]);
    // What fits is left alone, tags aside.
    let mut fits = udp4(1, 2, (7, 8), &[5; 272]);
    assert_eq!(lab.send(1, &fits), [(2, fits.clone())]);
    fits.splice(12..12, [0x81, 0, 0, 5]);
    assert_eq!(lab.send(1, &fits), [(2, fits)]);
}

#[test]
fn the_sender_of_what_may_not_be_cut_is_told_the_size_that_fits() {
    let mut lab = lab();
    let frame = whole(1400);
    let sent = lab.send(1, &frame);
    let [(1, answer)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((&answer[..6], &answer[6..12]), (&frame[6..12], &frame[..6]));
    let (ip, message) = Ipv4::parse(&answer[14..]).unwrap();
    assert_eq!((ip.src.octets(), ip.dst.octets(), answer.len()), ([10, 0, 0, 2], [10, 0, 0, 1], 14 + 576));
    let (icmp, body) = Icmp4::parse(message).unwrap();
    assert_eq!((icmp.ty, icmp.code, icmp.data), (3, 4, 600u32.to_be_bytes()));
    assert_eq!((packet::checksum::internet(message), body), (0, &frame[14..14 + 548]));

    let frame = udp6(1, 2, (7, 8), &[5; 1400]);
    let sent = lab.send(1, &frame);
    let [(1, answer)] = sent.as_slice() else { panic!("{sent:?}") };
    let (ip, message) = Ipv6::parse(&answer[14..]).unwrap();
    let (icmp, body) = Icmp6::parse(message).unwrap();
    assert_eq!((icmp.ty, icmp.code, icmp.data), (Icmp6::TOO_BIG, 0, 600u32.to_be_bytes()));
    assert_eq!(icmp.with_checksum(packet::Pseudo::V6(ip.src, ip.dst), body), icmp);
    assert_eq!((answer.len(), body), (14 + 1280, &frame[14..14 + 1232]));
    assert_eq!(lab.switch.counters().get(Event::OversizeAnswered), 2);
}

#[test]
fn nobody_is_told_of_what_was_for_many_or_is_an_error_itself() {
    let mut lab = lab();
    let mut to_many = whole(1400);
    to_many[0] |= 1;
    let mut error = whole(1400);
    (error[23], error[34]) = (1, 3);
    let mut later = whole(1400);
    later[21] = 7;
    let mut other = broadcast(1);
    other.resize(1000, 0);
    for frame in [to_many, error, later, other] {
        assert!(lab.send(1, &frame).is_empty(), "{frame:?}");
    }
    assert_eq!(lab.switch.counters().get(Event::DropOversize), 4);
    assert_eq!(lab.switch.counters().get(Event::OversizeAnswered), 0);
}

#[test]
fn answers_to_one_batch_are_few() {
    let mut lab = lab();
    let frames = (0..50).map(|_| Frame::copy_from(&whole(1400)));
    lab.switch.receive(DeviceId(1), frames, lab.now);
    let mut departures = Vec::new();
    lab.switch.take_departures(&mut departures);
    assert_eq!(departures.len(), crate::limits::ANSWERS_MAX);
    assert_eq!(lab.switch.counters().get(Event::DropOversize), 50);
}
