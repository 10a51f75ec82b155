//! Random flow tables and random packets through our switch and the peer's, both with dummy ports: the same frames must
//! leave by the same ports, octet for octet, and controllers must be told the same.
//!
//! `OVN_SWITCH_CASES` asks for more tables than a usual run has, and `OVN_SWITCH_SEED`, a number, for others.
#![allow(clippy::disallowed_methods)] // The environment says how long to go on.

#[path = "switch_differential/flows.rs"]
mod flows;
#[path = "switch_differential/malformed.rs"]
mod malformed;
#[path = "switch_differential/packets.rs"]
mod packets;

use std::cell::RefCell;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tests::need;
use tests::switch_pair::{Outcomes, PORTS, Peer, Switch};

/// Ours and the peer's.
struct Pair {
    peer: Peer,
    ours: RefCell<Switch>,
    theirs: RefCell<Switch>,
}

impl Pair {
    /// Starts both; nothing where the peer is missing.
    fn start() -> Option<Self> {
        let (switch, ofctl): (PathBuf, PathBuf) = (need("ovs-vswitchd")?, need("ovs-ofctl")?);
        let peer = Peer { switch, ofctl };
        let (ours, theirs) = std::thread::scope(|scope| {
            let ours = scope.spawn(|| Switch::start(true, &peer));
            let theirs = Switch::start(false, &peer);
            (ours.join().expect("it started"), theirs)
        });
        Some(Self { peer, ours: ours.into(), theirs: theirs.into() })
    }

    /// Gives both the same flows; false if they were refused, by both in the same words.
    fn program(&self, groups: &str, flows: &[String]) -> Result<bool, TestCaseError> {
        let accepted = self.ours.borrow_mut().program(&self.peer, groups, flows);
        prop_assert_eq!(&accepted, &self.theirs.borrow_mut().program(&self.peer, groups, flows));
        Ok(accepted.code == Some(0))
    }

    /// Sends both the same packets: how what came of them differs.
    fn send(&self, packets: &[(u32, String)], in_order: bool) -> String {
        let [ours, theirs] =
            [&self.ours, &self.theirs].map(|switch| switch.borrow_mut().send(packets, in_order));
        Outcomes::differences(&ours, &theirs)
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A number that the environment gives.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The same in each run, unless asked for others, so that a failure is one of the change at hand.
fn runner(cases: u32) -> TestRunner {
    let cases = variable("OVN_SWITCH_CASES").map_or(cases, |cases| cases as u32);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = match variable("OVN_SWITCH_SEED") {
        None => TestRng::deterministic_rng(RngAlgorithm::ChaCha),
        Some(seed) => {
            let octets: Vec<u8> = seed.to_le_bytes().into_iter().cycle().take(32).collect();
            TestRng::from_seed(RngAlgorithm::ChaCha, &octets)
        }
    };
    TestRunner::new_with_rng(config, rng)
}

/// A flow table: flows by chance, now and then with a conjunction, now and then with learning, when order counts.
fn table() -> impl Strategy<Value = (Vec<String>, bool)> {
    let conjunction = proptest::option::weighted(0.2, flows::conjunction());
    let learning = proptest::option::weighted(0.15, flows::learning());
    (vec(flows::flow(), 4..24), conjunction, learning).prop_map(|(mut all, conjunction, learning)| {
        let in_order = learning.is_some();
        // No two flows of one priority meet, so that there is no choice between them.
        for (n, flow) in all.iter_mut().enumerate() {
            *flow = format!("priority={},{flow}", 10 + n);
        }
        all.extend(conjunction.into_iter().flatten());
        all.extend(learning.into_iter().flatten());
        (all, in_order)
    })
}

#[test]
fn random_flows_and_packets_come_out_as_the_peers() {
    let Some(pair) = Pair::start() else { return };
    let packet = packets::packet().prop_map(|packet| hex(&packet));
    let cases = (table(), vec((1..=PORTS, packet), 8..32));
    let result = runner(16).run(&cases, |((flows, in_order), packets)| {
        // Some tables are refused before they reach a switch: two tags, for example.
        if pair.program(flows::GROUPS, &flows)? {
            let differences = pair.send(&packets, in_order);
            prop_assert!(differences.is_empty(), "{differences}");
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn malformed_packets_are_read_as_the_peer_reads_them() {
    let Some(pair) = Pair::start() else { return };
    let flows: Vec<String> = malformed::FLOWS.iter().map(|flow| (*flow).to_owned()).collect();
    assert!(pair.program("", &flows).unwrap_or_else(|error| panic!("{error}")), "the flows are accepted");
    let mut wrong = Vec::new();
    for (name, packet) in malformed::packets() {
        let differences = pair.send(&[(1, hex(&packet))], true);
        if !differences.is_empty() {
            wrong.push(format!("{name}: {}\n{differences}", hex(&packet)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let broken =
        (packets::packet(), vec((12usize..90, any::<u8>()), 1..4), proptest::option::of(14usize..90));
    let broken = broken.prop_map(|(mut packet, changes, length)| {
        for (at, octet) in changes {
            if let Some(place) = packet.get_mut(at) {
                *place = octet;
            }
        }
        packet.truncate(length.unwrap_or(packet.len()));
        (1, hex(&packet))
    });
    let result = runner(8).run(&vec(broken, 40), |packets| {
        let differences = pair.send(&packets, false);
        prop_assert!(differences.is_empty(), "{differences}");
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
