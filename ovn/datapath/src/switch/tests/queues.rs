//! Queues of ports.

use std::time::Duration;

use openflow::{Action, ErrorCode, Field, Match, MultipartReply, MultipartRequest, PortNo};

use crate::qos::{Limit, QosConfig, QueueConfig};
use crate::testing::{Lab, broadcast, udp4};

/// A port that lets all pass but through queue 1, which is 1 Mbit/s, and marks through queue 2.
fn config() -> QosConfig {
    let slow = QueueConfig {
        limit: Limit { max_rate: Some(1_000_000), burst: Some(800_000) },
        ..QueueConfig::default()
    };
    let marked = QueueConfig { dscp: Some(10), ..QueueConfig::default() };
    QosConfig {
        kind: "linux-htb".to_owned(),
        queues: [(1, slow), (2, marked)].into(),
        ..QosConfig::default()
    }
}

#[test]
fn a_queue_limits_what_goes_through_it_and_no_other() {
    let mut lab = Lab::new(2);
    let port = lab.switch.port_named("p2").unwrap();
    lab.switch.set_qos(port, Some(&config()), lab.now);
    let from = |udp: u16| {
        Match::any().with(Field::EthType, 0x800u16).with(Field::IpProto, 17u8).with(Field::UdpSrc, udp)
    };
    lab.flow(0, 1, from(1), vec![Action::SetQueue(1), Action::output(PortNo(2))]);
    lab.flow(0, 1, from(2), vec![Action::Enqueue { port: PortNo(2), queue: 9 }]);
    let passed = |lab: &mut Lab, udp: u16, frames: usize| {
        let frame = udp4(1, 2, (udp, 1), &[0; 1250 - 42]);
        (0..frames).filter(|_| !lab.ports(1, &frame).is_empty()).count()
    };
    // 800 kilobits are 80 frames of 1,250 octets; in 50 ms come 5 more.
    assert_eq!(passed(&mut lab, 1, 100), 80);
    assert_eq!(passed(&mut lab, 2, 100), 100);
    lab.now += Duration::from_millis(50);
    assert_eq!(passed(&mut lab, 1, 100), 5);
    let asked = |lab: &mut Lab, port: u32, queue: u32| {
        let request = MultipartRequest::Queue { port: PortNo(port), queue };
        match lab.switch.multipart(lab.bridge, &request, lab.now)? {
            MultipartReply::Queue(list) => {
                Ok(list.iter().map(|q| (q.queue, q.tx_packets, q.tx_errors)).collect::<Vec<_>>())
            }
            other => panic!("{other:?}"),
        }
    };
    // A queue that is not there is queue 0.
    assert_eq!(asked(&mut lab, 2, u32::MAX), Ok(vec![(0, 100, 0), (1, 85, 115), (2, 0, 0)]));
    assert_eq!(asked(&mut lab, 2, 1), Ok(vec![(1, 85, 115)]));
    assert_eq!(asked(&mut lab, 2, 7), Err(ErrorCode::QUEUE_BAD_QUEUE));
    assert_eq!(asked(&mut lab, 7, 1), Err(ErrorCode::QUEUE_BAD_PORT));
    assert_eq!(lab.switch.port(port).unwrap().counters.tx_dropped, 115);
    insta::assert_snapshot!(lab.switch.command("qos/show", &["p2"], lab.now).unwrap().unwrap(), @r#"QoS: p2 linux-htb

Default:
  tx_packets: 100
  tx_bytes: 125000
  tx_errors: 0

Queue 1:
  burst: 800000
  max-rate: 1000000
  tx_packets: 85
  tx_bytes: 106250
  tx_errors: 115

Queue 2:
  tx_packets: 0
  tx_bytes: 0
  tx_errors: 0"#);
    lab.switch.set_qos(port, None, lab.now);
    assert_eq!(asked(&mut lab, 2, u32::MAX), Ok(Vec::new()));
    assert_eq!(passed(&mut lab, 1, 100), 100);
}

#[test]
fn a_queue_marks_its_ip_packets_and_others_keep_theirs() {
    let mut lab = Lab::new(3);
    let port = lab.switch.port_named("p2").unwrap();
    lab.switch.set_qos(port, Some(&config()), lab.now);
    let actions = vec![Action::SetQueue(2), Action::output(PortNo(2)), Action::output(PortNo(3))];
    lab.flow(0, 0, Match::any(), actions);
    let sent = lab.send(1, &udp4(1, 2, (1, 1), &[]));
    assert_eq!(sent.iter().map(|(port, frame)| (*port, frame[15])).collect::<Vec<_>>(), [(2, 40), (3, 0)]);
    let other = broadcast(1);
    assert_eq!(lab.send(1, &other), [(2, other.clone()), (3, other)]);
}
