//! Floods by one port, through the switch's core: traffic between others goes on as if nothing were, by counts: every
//! packet leaves once where it should, nine of ten by what is cached, and what the switch keeps stays within its bounds.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use datapath::{Departure, DeviceId, Event, Switch};
use packet::key::mix;
use packet::{Arp, EtherType, Ethernet, Frame, IpProto, Ipv4, MacAddr, Pseudo, Tcp, TcpFlags, Udp};

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
            let (client, server) = ((host(1), 1000 + n), (host(2), 80));
            known.push((1, udp((1, client), (2, server))));
            known.push((2, udp((2, server), (1, client))));
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
    fn flood(&mut self, frames: usize, mut frame: impl FnMut(u64) -> Vec<u8>) {
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

fn host(n: u8) -> Ipv4Addr {
    [10, 0, 0, n].into()
}

fn mac(n: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, n])
}

/// An address of the flood, which is none of a host.
fn other_mac(chance: u64) -> MacAddr {
    let [a, b, c, d, ..] = chance.to_be_bytes();
    MacAddr([6, 0, a, b, c, d])
}

fn frame((dst, src): (MacAddr, MacAddr), ip: Ipv4, segment: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    Ethernet { dst, src, ethertype: EtherType::IPV4 }.emit(&mut frame);
    Ipv4 { payload_len: segment.len() as u16, ..ip }.emit(&mut frame);
    frame.extend(segment);
    frame
}

fn udp(src: (u8, (Ipv4Addr, u16)), dst: (u8, (Ipv4Addr, u16))) -> Vec<u8> {
    let ((src_mac, src), (dst_mac, dst)) = (src, dst);
    let mut segment = Vec::new();
    Udp::for_payload(src.1, dst.1, Pseudo::V4(src.0, dst.0), b"data").emit(&mut segment);
    segment.extend(b"data");
    frame((mac(dst_mac), mac(src_mac)), Ipv4::new(src.0, dst.0, IpProto::UDP, 0), &segment)
}

fn syn(chance: u64) -> Vec<u8> {
    let src = Ipv4Addr::from((chance >> 32) as u32 | 0x4000_0000);
    let tcp = Tcp {
        src: chance as u16 | 1,
        dst: 80,
        sequence: chance as u32,
        acknowledgment: 0,
        flags: TcpFlags::SYN,
        window: 1000,
        checksum: 0,
        urgent: 0,
        options: Vec::new(),
    };
    let mut segment = Vec::new();
    tcp.with_checksum(Pseudo::V4(src, host(2)), &[]).emit(&mut segment);
    frame((mac(2), mac(9)), Ipv4::new(src, host(2), IpProto::TCP, 0), &segment)
}

#[test]
fn a_syn_flood_leaves_others_alone() {
    let mut bed = Bed::new();
    bed.flood(20_000, |n| syn(mix(n, 7)));
}

#[test]
fn a_flood_of_distinct_packets_leaves_others_alone() {
    let mut bed = Bed::new();
    bed.flood(70_000, |n| {
        let chance = mix(n, 7);
        let mut ip =
            Ipv4::new((chance as u32).into(), ((chance >> 24) as u32).into(), IpProto((n % 256) as u8), 0);
        (ip.ttl, ip.ecn, ip.dscp) = ((chance >> 8) as u8, (chance & 3) as u8, (chance >> 16 & 63) as u8);
        let segment: Vec<u8> = chance.to_be_bytes().repeat(4);
        let mut frame = frame((other_mac(mix(n, 8)), other_mac(chance)), ip, &segment);
        match n % 4 {
            0 => frame[12..14].copy_from_slice(&(0x8800 | n as u16 & 0xff).to_be_bytes()),
            1 => drop(frame.splice(12..12, [0x81, 0, (chance >> 3) as u8, n as u8])),
            _ => {}
        }
        frame
    });
    let flows = bed.command("dpctl/dump-flows", &[]).lines().count();
    assert!(flows <= 65_536, "{flows} megaflows");
}

#[test]
fn a_flood_of_fragments_leaves_others_alone() {
    let mut bed = Bed::new();
    bed.flood(20_000, |n| {
        let chance = mix(n, 7);
        let src = Ipv4Addr::from(chance as u32 | 0x4000_0000);
        let mut ip = Ipv4::new(src, host(2), IpProto::UDP, 0);
        ip.id = (chance >> 40) as u16;
        // Ever other firsts, seconds, last ones, and the same once more with other octets.
        (ip.more_fragments, ip.fragment_offset) =
            [(true, 0), (true, 150), (false, 300), (true, 149)][n as usize % 4];
        frame((mac(2), mac(9)), ip, &[chance as u8; 1200])
    });
    let status = bed.command("dpctl/ipf-get-status", &[]);
    let held = status.lines().find_map(|line| line.trim().strip_prefix("num frag: "));
    let held: usize = held.and_then(|held| held.parse().ok()).unwrap_or_else(|| panic!("{status}"));
    assert!(held <= FRAGMENTS, "{held} fragments");
}

#[test]
fn an_arp_storm_leaves_others_alone() {
    let mut bed = Bed::new();
    bed.flood(30_000, |n| {
        let mut frame = Vec::new();
        let (sha, tha) = (other_mac(mix(n, 7)), MacAddr::BROADCAST);
        Ethernet { dst: tha, src: sha, ethertype: EtherType::ARP }.emit(&mut frame);
        let spa = Ipv4Addr::from(mix(n, 9) as u32);
        Arp { operation: 1, sha, spa, tha: MacAddr([0; 6]), tpa: host(2) }.emit(&mut frame);
        frame
    });
}
