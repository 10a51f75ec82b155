//! Floods by one port, through the switch's core: traffic between others goes on as if nothing were, by counts: every
//! packet leaves once where it should, nine of ten by what is cached, and what the switch keeps stays within its bounds.

use std::time::{Duration, Instant};

use datapath::{Departure, DeviceId, Event, Switch};
use packet::Frame;
use tests::traffic;

/// A learning bridge behind a tracker of connections, and flows that look at so many fields that there is no end of
/// different packets.
const FLOWS: &[&str] = &[
    "table=0,priority=9,ip,actions=ct(table=1,zone=1)",
    "table=0,priority=1,actions=resubmit(,2)",
    "table=1,priority=2,ct_state=+est+trk,ip,actions=NORMAL",
    "table=1,priority=1,ct_state=+new+trk,ip,actions=ct(commit,zone=1),resubmit(,2)",
    "table=2,priority=9,tcp,tcp_src=7/7,nw_tos=8,actions=drop",
    "table=2,priority=8,udp,udp_src=0xff00/0xff00,nw_ttl=1,actions=drop",
    "table=2,priority=7,ip,nw_src=172.16.0.0/12,nw_ecn=3,actions=drop",
    "table=2,priority=6,vlan_tci=0x1000/0x1000,dl_src=02:00:00:00:00:00/ff:00:00:00:00:00,actions=drop",
    "table=2,priority=1,actions=NORMAL",
];

/// The port of the flood; two hosts talk by the others.
const FLOOD: u32 = 3;
/// Conversations of the two hosts.
const CONVERSATIONS: u16 = 32;
/// Packets of the flood before every host sends again.
const BURST: usize = 64;
/// The bound on connections in these tests.
const CONNECTIONS: usize = 1000;
/// Learned addresses that a bridge keeps (mac-table-size).
const ADDRESSES: usize = 8192;
/// Fragments that are kept (`ipf-set-max-nfrags`).
const FRAGMENTS: usize = 1000;

struct Bed {
    switch: Switch,
    now: Instant,
    /// What the hosts send: by which port, and the frame.
    known: Vec<(u32, Vec<u8>)>,
    sent: u64,
    translated: u64,
}

impl Bed {
    fn new() -> Self {
        let now = start();
        let switch = tests::switch_core::switch_of(4, FLOWS, now);
        let mut known = Vec::new();
        for n in 0..CONVERSATIONS {
            let (client, server) = ((1, 1000 + n), (2, 80));
            known.push((1, traffic::udp(client, server)));
            known.push((2, traffic::udp(server, client)));
        }
        let mut bed = Self { switch, now, known, sent: 0, translated: 0 };
        bed.command("dpctl/ct-set-maxconns", &[&CONNECTIONS.to_string()]);
        // Each has spoken, and was heard, before the flood begins.
        for _ in 0..4 {
            bed.talk(|_| ());
        }
        (bed.sent, bed.translated) = (0, 0);
        bed
    }

    fn command(&mut self, name: &str, args: &[&str]) -> String {
        self.switch.command(name, args, self.now).expect("a command").expect("it is done")
    }

    /// A frame in by a port; the ports it leaves by.
    fn send(&mut self, port: u32, frame: &[u8]) -> Vec<u32> {
        self.switch.receive(DeviceId(port), [Frame::copy_from(frame)], self.now);
        let mut departures = Vec::new();
        self.switch.take_departures(&mut departures);
        let ports = departures.into_iter().filter_map(|departure| match departure {
            Departure::Device { device, .. } => Some(device.0),
            Departure::Tunnel(_) => None,
        });
        ports.collect()
    }

    /// Every host sends once in every conversation; what is said of the port it came in by, and those it left by.
    fn talk(&mut self, check: fn((u32, Vec<u32>))) {
        for (port, frame) in std::mem::take(&mut self.known) {
            let before = self.switch.counters().get(Event::Upcall);
            check((port, self.send(port, &frame)));
            self.sent += 1;
            // A packet that went through the tables twice was translated once.
            self.translated += u64::from(self.switch.counters().get(Event::Upcall) > before);
            self.known.push((port, frame));
        }
    }

    /// The flood, so many frames, with the hosts talking; a second passes in every so many.
    fn flood(&mut self, frames: usize, frame: fn(u64) -> Vec<u8>) {
        for n in 0..frames {
            let frame = frame(n as u64);
            self.send(FLOOD, &frame);
            if n % BURST == 0 {
                self.now += Duration::from_millis(20);
                if self.switch.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
                    self.switch.handle_timeout(self.now);
                }
                self.talk(|(port, left)| assert_eq!(left, [3 - port], "it leaves once, by the other's port"));
            }
        }
        assert!(
            self.translated * 10 <= self.sent,
            "{} of {} packets were translated again",
            self.translated,
            self.sent
        );
        println!("{} of {} packets of others were translated again", self.translated, self.sent);
        let connections: usize = self.command("dpctl/ct-get-nconns", &[]).trim().parse().expect("a number");
        assert!(connections <= CONNECTIONS, "{connections} connections");
        let addresses = self.command("fdb/show", &["br"]).lines().count() - 1;
        assert!(addresses <= ADDRESSES, "{addresses} addresses");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can only be had from the clock; tests count from it"
)]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn a_syn_flood_leaves_others_alone() {
    Bed::new().flood(20_000, traffic::flood_of_syns);
}

#[test]
fn a_flood_of_distinct_packets_leaves_others_alone() {
    let mut bed = Bed::new();
    bed.flood(70_000, traffic::flood_of_packets);
    let flows = bed.command("dpctl/dump-flows", &[]).lines().count();
    assert!(flows <= 65_536, "{flows} megaflows");
}

#[test]
fn a_flood_of_fragments_leaves_others_alone() {
    let mut bed = Bed::new();
    bed.flood(20_000, traffic::flood_of_fragments);
    let status = bed.command("dpctl/ipf-get-status", &[]);
    let held = status.lines().find_map(|line| line.trim().strip_prefix("num frag: "));
    let held: usize = held.and_then(|held| held.parse().ok()).unwrap_or_else(|| panic!("{status}"));
    assert!(held <= FRAGMENTS, "{held} fragments");
}

#[test]
fn an_arp_storm_leaves_others_alone() {
    Bed::new().flood(30_000, traffic::flood_of_arp);
}
