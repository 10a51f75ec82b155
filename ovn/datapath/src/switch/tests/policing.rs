//! Ports that may send so much only.

use std::time::Duration;

use openflow::{Action, Match, PortNo};

use crate::Event;
use crate::police::Policing;
use crate::testing::{Lab, hex, mac, udp4};

/// How many of so many frames get through at once.
fn passed(lab: &mut Lab, frames: usize, payload: usize) -> usize {
    let frame = udp4(1, 2, (1, 2), &vec![0; payload]);
    (0..frames).filter(|_| !lab.ports(1, &frame).is_empty()).count()
}

#[test]
fn what_is_too_much_is_dropped_and_counted() {
    let mut lab = Lab::new(2);
    lab.flow(0, 0, Match::any(), vec![Action::output(PortNo(2))]);
    let port = lab.switch.port_named("p1").unwrap();
    // A burst is 100 kilobits: of frames with 1,250 octets ten.
    lab.switch.set_policing(port, &Policing { kbits: (1000, 100), ..Policing::default() }, lab.now);
    assert_eq!(passed(&mut lab, 25, 1250 - 42), 10);
    lab.now += Duration::from_millis(50);
    assert_eq!(passed(&mut lab, 25, 1250 - 42), 5, "half of it has come back");
    lab.now += Duration::from_secs(10);
    assert_eq!(passed(&mut lab, 25, 1250 - 42), 10, "and no more than all");
    assert_eq!(lab.switch.port(port).unwrap().counters.rx_dropped, 15 + 20 + 15);
    assert_eq!(lab.switch.counters().get(Event::DropPolicing), 50);
    lab.switch.set_policing(port, &Policing { kpackets: (1, 2), ..Policing::default() }, lab.now);
    assert_eq!(passed(&mut lab, 2500, 0), 2000);
    lab.now += Duration::from_millis(3);
    assert_eq!(passed(&mut lab, 10, 1000), 3);
    lab.switch.set_policing(port, &Policing::default(), lab.now);
    assert_eq!(passed(&mut lab, 3000, 1000), 3000);
    assert_eq!(lab.ports(2, &udp4(2, 1, (1, 2), &[])), [0; 0], "that port is where it came from");
}

#[test]
fn rows_say_rates_and_bursts() {
    let row = schema::vswitch::Interface {
        ingress_policing_rate: 500,
        ingress_policing_kpkts_rate: 3,
        ingress_policing_kpkts_burst: 7,
        ..schema::vswitch::Interface::default()
    };
    assert_eq!(Policing::read(&row), Policing { kbits: (500, 8000), kpackets: (3, 7) });
    let wrong = schema::vswitch::Interface {
        ingress_policing_rate: -5,
        ingress_policing_burst: i64::MAX,
        ..schema::vswitch::Interface::default()
    };
    assert!(Policing::read(&wrong).gauges(crate::testing::start()).is_empty());
}

#[test]
fn normal_takes_no_frame_that_begins_with_a_hidden_tag() {
    let mut lab = Lab::new(3);
    lab.switch.set_tags_max(1);
    lab.flow(
        0,
        1,
        Match::any().with(openflow::Field::InPort, 1u32),
        vec![Action::PopVlan, Action::output(PortNo::NORMAL)],
    );
    let mut frame = udp4(1, 2, (1, 2), &[]);
    frame.splice(12..12, hex("8100 000a 8100 0005"));
    assert!(lab.ports(1, &frame).is_empty());
    let mut frame = udp4(1, 2, (1, 2), &[]);
    frame.splice(12..12, hex("8100 000a"));
    assert_eq!(lab.ports(1, &frame), [2, 3], "{}", mac(2));
}
