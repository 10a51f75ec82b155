//! Two sessions against each other, in time of their own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use packet::key::{FlowKey, extract};
use packet::{Bfd, BfdState, MacAddr};

use super::{BfdConfig, Session};

fn config(pairs: &[(&str, &str)]) -> BfdConfig {
    let all = [&[("enable", "true")], pairs].concat();
    BfdConfig::read(&all.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()).unwrap()
}

/// Two ends of a wire that may be cut.
struct Pair {
    ends: [Session; 2],
    cut: bool,
    now: Instant,
    sent: [u32; 2],
}

impl Pair {
    fn new(a: &[(&str, &str)], b: &[(&str, &str)]) -> Self {
        let now = crate::testing::start();
        let ends = [Session::new(config(a), 0x11, now), Session::new(config(b), 0x22, now)];
        Self { ends, cut: false, now, sent: [0; 2] }
    }

    /// Lets time pass in steps of a millisecond.
    fn run(&mut self, time: Duration) {
        for _ in 0..time.as_millis() {
            self.now += Duration::from_millis(1);
            for end in 0..2 {
                if let Some(packet) = self.ends[end].poll_transmit(self.now) {
                    self.sent[end] += 1;
                    let mut octets = Vec::new();
                    packet.emit(&mut octets);
                    let packet = Bfd::parse(&octets).expect("what we send can be read");
                    if !self.cut {
                        self.ends[1 - end].receive(&packet, self.now);
                    }
                }
            }
        }
    }

    fn states(&self) -> [BfdState; 2] {
        [self.ends[0].state, self.ends[1].state]
    }
}

#[test]
fn a_session_comes_up_and_keeps_to_the_slower_end() {
    let mut pair =
        Pair::new(&[("min_tx", "300"), ("min_rx", "400")], &[("min_tx", "500"), ("min_rx", "500")]);
    pair.run(Duration::from_secs(3));
    assert_eq!(pair.states(), [BfdState::Up; 2]);
    assert_eq!(pair.ends.each_ref().map(|end| end.tx_interval().as_millis()), [500, 500]);
    pair.sent = [0; 2];
    pair.run(Duration::from_secs(50));
    assert!(pair.sent.iter().all(|sent| (100..=134).contains(sent)), "{:?}", pair.sent);
    assert!(pair.ends.iter().all(Session::forwarding));
    assert_eq!(pair.ends[0].status()[1], ("flap_count", "1".to_owned()));
}

#[test]
fn silence_is_noticed_in_time_and_told_apart_from_a_peer_that_goes_down() {
    let mut pair = Pair::new(&[("min_rx", "100")], &[("min_rx", "100")]);
    pair.run(Duration::from_secs(4));
    assert_eq!(pair.states(), [BfdState::Up; 2]);
    pair.cut = true;
    // Three intervals of 100 ms.
    pair.run(Duration::from_millis(200));
    assert_eq!(pair.states(), [BfdState::Up; 2]);
    pair.run(Duration::from_millis(200));
    assert_eq!(pair.states(), [BfdState::Down; 2]);
    let status: BTreeMap<_, _> = pair.ends[0].status().into();
    assert_eq!(
        (status["diagnostic"].as_str(), status["forwarding"].as_str(), status["flap_count"].as_str()),
        ("Control Detection Time Expired", "false", "2")
    );
    pair.cut = false;
    pair.run(Duration::from_secs(4));
    assert_eq!(pair.states(), [BfdState::Up; 2]);
    // One end begins anew: the other hears that it is down.
    pair.ends[0] = Session::new(config(&[]), 0x33, pair.now);
    pair.run(Duration::from_millis(50));
    assert_eq!(pair.ends[1].state, BfdState::Up, "what it says is for a session that it does not know");
}

#[test]
fn an_operator_and_a_path_beyond_can_say_that_it_is_down() {
    let mut pair = Pair::new(&[], &[]);
    pair.run(Duration::from_secs(4));
    pair.ends[0].configure(config(&[("cpath_down", "true")]), pair.now);
    pair.run(Duration::from_secs(2));
    assert_eq!(pair.states(), [BfdState::Up; 2]);
    assert_eq!(pair.ends.each_ref().map(Session::forwarding), [false; 2]);
    pair.ends[1].force(Some(true));
    assert!(pair.ends[1].forwarding());
    pair.ends[1].force(None);
    assert!(!pair.ends[1].forwarding());
}

#[test]
fn the_frame_is_as_the_peer_sends_it() {
    let config = config(&[]);
    let mut session = Session::new(config.clone(), 0x3cdc_eae2, crate::testing::start());
    let packet = session.poll_transmit(crate::testing::start()).expect("it is time from the start");
    let frame = config.frame(&packet, MacAddr([0xaa, 0x55, 0xaa, 0x55, 0, 2]));
    let expected = "002320000001 aa55aa550002 0800 45c00034 00000000 ff1164fb a9fe0101 a9fe0100 \
                    c0000ec8 00200000 20400318 3cdceae2 00000000 000f4240 000f4240 00000000";
    assert_eq!(frame, crate::testing::hex(&expected.replace(' ', "")));
    let mut key = FlowKey::default();
    let layout = extract(&frame, &mut key);
    assert_eq!(config.packet_in(&frame, &key, &layout), Some(packet));
}

#[test]
fn sessions_are_off_unless_enabled() {
    assert_eq!(BfdConfig::read(&BTreeMap::new()), None);
    assert_eq!(BfdConfig::read(&[("enable".into(), "false".into())].into()), None);
    let odd = config(&[("min_tx", "x"), ("min_rx", "0"), ("mult", "300")]);
    assert_eq!(odd, config(&[]));
}
