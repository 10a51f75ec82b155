//! The tracker as a whole: conversations as tables, and laws.

mod fragments;
mod helpers;
mod laws;
pub(crate) mod packets;
mod peer;
mod sequences;
mod talk;

pub(crate) use fragments::fragments_of;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use packet::Frame;

use super::{Addr, Nat, Range, Request, Side, Tracked, Tracker, state};
use crate::testing::start;

/// A tracker and the present.
struct Bed {
    tracker: Tracker,
    now: Instant,
}

impl Bed {
    fn new() -> Self {
        Self { tracker: Tracker::new(1), now: start() }
    }

    /// A packet through the tracker: its state in words, and what became of it.
    fn track(&mut self, request: &Request, frame: &[u8]) -> (String, Vec<u8>) {
        let mut packet = Tracked::default();
        let mut frame = Frame::copy_from(frame);
        self.tracker.track(request, &mut packet, &mut frame, None, self.now);
        (words(packet.state), frame.to_vec())
    }

    fn state(&mut self, request: &Request, frame: &[u8]) -> String {
        self.track(request, frame).0
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.tracker.handle_timeout(self.now);
    }

    fn dump(&mut self) -> String {
        self.tracker.dump(None, super::Detail::default(), self.now)
    }
}

/// The bits of a state, without "tracked".
fn words(bits: u8) -> String {
    assert!(bits & state::TRK != 0);
    let names = [
        (state::NEW, "new"),
        (state::EST, "est"),
        (state::REL, "rel"),
        (state::RPL, "rpl"),
        (state::INV, "inv"),
        (state::SNAT, "snat"),
        (state::DNAT, "dnat"),
    ];
    let set: Vec<&str> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    set.join(" ")
}

fn commit() -> Request {
    Request { zone: 1, commit: true, ..Request::default() }
}

fn look() -> Request {
    Request { zone: 1, ..Request::default() }
}

/// `nat`: as the connection says.
fn existing() -> Nat {
    Nat { side: None, range: None, ports: None, persistent: false, random: false }
}

fn nat(side: Side, addresses: (IpAddr, IpAddr), ports: Option<(u16, u16)>) -> Nat {
    let (first, last) = addresses;
    let range = Range { first: Addr::from_ip(first), last: Addr::from_ip(last), v6: first.is_ipv6() };
    Nat { side: Some(side), range: Some(range), ports, ..existing() }
}

fn with(request: Request, nat: Nat) -> Request {
    Request { nat: Some(nat), ..request }
}
