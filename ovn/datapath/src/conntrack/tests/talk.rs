//! Conversations of two hosts through translation, by the tracker and by Open vSwitch's: hosts that mostly follow
//! their protocol, with packets again, late, beyond the window, at the wrong time, and errors about them.

use std::net::IpAddr;
use std::time::Duration;

use openflow::FlowMod;

use super::fragments_of;
use super::packets::{End, host, tcp, udp, unreachable};
use super::peer::{Chance, OUT, Peer, is_known_to_differ, sorted};
use crate::conntrack::state;
use crate::testing::Lab;

/// Conversations made by chance; more of them when asked for by `CONNTRACK_TALKS`.
const CASES: u64 = 24;
const STEPS: usize = 40;

/// What becomes of packets of the client, who comes in by the port of this number, from 3 on. The server comes in by
/// port 1, or by port 2 if the last of these is the client's.
const ACTIONS: [[&str; 2]; 7] = [
    ["ct(commit,zone=1,table=1)", "ct(commit,zone=1,table=1)"],
    ["ct(commit,zone=1,nat(src=10.0.0.100),table=1)", "ct(commit,zone=1,nat(src=fd00::100),table=1)"],
    [
        "ct(commit,zone=1,nat(src=10.0.0.100:5000),table=1)",
        "ct(commit,zone=1,nat(src=[fd00::100]:5000),table=1)",
    ],
    ["ct(commit,zone=1,nat(dst=10.0.0.50),table=1)", "ct(commit,zone=1,nat(dst=fd00::50),table=1)"],
    [
        "ct(commit,zone=1,nat(dst=10.0.0.50:8080),table=1)",
        "ct(commit,zone=1,nat(dst=[fd00::50]:8080),table=1)",
    ],
    [
        "ct(commit,zone=1,exec(set_field:7->ct_mark,set_field:0x99->ct_label),table=1)",
        "ct(commit,zone=1,exec(set_field:7->ct_mark,set_field:0x99->ct_label),table=1)",
    ],
    ["ct(commit,zone=2,nat(src=10.0.0.101),table=2)", "ct(commit,zone=2,nat(src=fd00::101),table=2)"],
];

fn flows() -> Vec<String> {
    let mut flows = Vec::new();
    for (family, action) in [("ip", 0), ("ipv6", 1)] {
        flows.push(format!("table=0,priority=1,in_port=1,{family},actions=ct(zone=1,nat,table=1)"));
        flows.push(format!("table=0,priority=1,in_port=2,{family},actions=ct(zone=1,nat,table=3)"));
        for (at, actions) in ACTIONS.iter().enumerate() {
            flows.push(format!("table=0,priority=1,in_port={},{family},actions={}", at + 3, actions[action]));
        }
        // One zone after the other, as between the datapaths of OVN.
        flows.push(format!("table=2,priority=1,{family},actions=ct(commit,zone=1,table=1)"));
        flows.push(format!("table=3,priority=1,{family},actions=ct(zone=2,nat,table=1)"));
        flows.push(format!(
            "table=1,priority=1,{family},actions=move:NXM_NX_CT_STATE[0..7]->NXM_OF_ETH_SRC[0..7],\
             move:NXM_NX_CT_MARK[0..15]->NXM_OF_ETH_SRC[32..47],output:{OUT}"
        ));
    }
    flows
}

/// How alike both are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Same {
    All,
    /// But for what is known, and whatever comes of it.
    AsKnown,
}

/// One of two hosts.
#[derive(Clone, Debug)]
struct Host {
    own: End,
    /// The other, as this one sees it.
    other: End,
    /// Next to send.
    sequence: u32,
    /// Next expected.
    acknowledgment: u32,
    /// What it sent and what it got.
    sent: Vec<Vec<u8>>,
    got: Vec<Vec<u8>>,
}

struct Talk<'p> {
    lab: Lab,
    peer: &'p mut Peer,
    chance: Chance,
    client_port: u32,
    v6: bool,
    tcp: bool,
    time_passed: bool,
    datagrams: u16,
    hosts: [Host; 2],
}

#[test]
fn conversations_go_on_as_through_open_vswitch() {
    let flows = flows();
    let ports = ACTIONS.len() + 2;
    let Some(mut peer) = Peer::start("talk", ports, &flows.join("\n")) else { return };
    let cases = super::peer::cases("CONNTRACK_TALKS", CASES);
    for case in cases {
        let mut talk = Talk::begin(case, &flows, &mut peer);
        if talk.go_on(case).is_none() {
            // 3.1 sometimes aborts when its time is moved.
            drop(peer);
            peer = Peer::start("talk", ports, &flows.join("\n")).expect("it was there before");
        }
    }
}

impl<'p> Talk<'p> {
    fn begin(case: u64, flows: &[String], peer: &'p mut Peer) -> Self {
        let mut chance = Chance(case);
        let mut lab = Lab::new(OUT);
        for flow in flows {
            lab.flow_mod(&flow.parse::<FlowMod>().unwrap_or_else(|error| panic!("{flow}: {error}"))).unwrap();
        }
        let (v6, tcp) = (chance.below(3) == 0, chance.below(3) > 0);
        let client_port = chance.below(ACTIONS.len() as u64) as u32 + 3;
        let (client, server) = ((host(v6, 1), 1000), (host(v6, 2), 80));
        let side = |own, other, sequence| Host {
            own,
            other,
            sequence,
            acknowledgment: 0,
            sent: Vec::new(),
            got: Vec::new(),
        };
        // Sequence numbers that soon begin again, now and then.
        let first = chance.one(&[1000, u32::MAX - 20]);
        let hosts = [side(client, server, first), side(server, client, 70_000)];
        Self {
            lab,
            peer,
            chance,
            client_port,
            v6,
            tcp,
            time_passed: false,
            datagrams: (case as u16).wrapping_mul(64),
            hosts,
        }
    }

    /// `None` if the peer went away.
    fn go_on(&mut self, case: u64) -> Option<()> {
        println!("case {case}");
        self.peer.control("dpctl/flush-conntrack", &[])?;
        for step in 0..STEPS {
            let from = self.sender(step);
            for frame in self.frames(from, step) {
                if self.send(case, from, frame)? == Same::AsKnown {
                    return Some(());
                }
            }
            if self.chance.below(16) == 0 {
                let milliseconds = self.chance.one(&[100, 1_000, 5_000]);
                println!("{milliseconds} ms");
                self.time_passed = true;
                self.peer.control("time/warp", &[&milliseconds.to_string()])?;
                self.lab.now += Duration::from_millis(milliseconds);
                self.lab.switch.handle_timeout(self.lab.now);
            }
        }
        let theirs = sorted(&self.peer.control("dpctl/dump-conntrack", &[])?);
        let ours = self.lab.switch.command("dpctl/dump-conntrack", &[], self.lab.now).unwrap().unwrap();
        assert_eq!(sorted(&ours), theirs, "case {case}");
        Some(())
    }

    fn has_two_zones(&self) -> bool {
        self.client_port as usize == ACTIONS.len() + 2
    }

    /// The client begins, the server answers, and then either goes on.
    fn sender(&mut self, step: usize) -> usize {
        match step {
            0 => 0,
            1 => usize::from(!self.hosts[1].got.is_empty()),
            2 => 0,
            // A server that nobody spoke to does not know where to send.
            _ if self.hosts[1].got.is_empty() => 0,
            _ => self.chance.below(2) as usize,
        }
    }

    fn frames(&mut self, from: usize, step: usize) -> Vec<Vec<u8>> {
        let host = self.hosts[from].clone();
        let odd = step > 2 && self.chance.below(4) == 0 || self.chance.below(24) == 0;
        if odd && self.chance.below(3) == 0 && !host.sent.is_empty() {
            return vec![self.chance.one(&host.sent)];
        }
        // What 3.1 makes of an ICMPv6 error about a translated packet is broken: it takes the octets where TCP would
        // have its checksum for that, and they are the address of the packet inside.
        let translated = ACTIONS[self.client_port as usize - 3][1].contains("nat");
        if odd && self.chance.below(4) == 0 && !host.got.is_empty() && !(self.v6 && translated) {
            let about = self.chance.one(&host.got);
            let len = self.chance.one(&[28, 48, 1000]);
            let from = self.chance.one(&[host.own.0, super::packets::host(self.v6, 9)]);
            return vec![unreachable(from, host.other.0, &about, len)];
        }
        match (self.tcp, odd) {
            (false, _) => self.datagram(&host),
            (true, false) => vec![self.segment(from, step)],
            (true, true) => vec![self.odd_segment(&host)],
        }
    }

    /// A datagram; now and then a long one in pieces, in any order.
    fn datagram(&mut self, host: &Host) -> Vec<Vec<u8>> {
        let longest = if self.v6 { 1200 } else { 3000 };
        let len = self.chance.one(&[0, 1, 64, longest]);
        let mut whole = udp(host.own, host.other, &vec![b'u'; len]);
        if len < 3000 {
            return vec![whole];
        }
        // Pieces of no two datagrams have one identification.
        self.datagrams += 1;
        whole[18..20].copy_from_slice(&self.datagrams.to_be_bytes());
        whole[24..26].fill(0);
        let sum = packet::checksum::internet(&whole[14..34]);
        whole[24..26].copy_from_slice(&sum.to_be_bytes());
        let mut pieces = fragments_of(&whole, 1200);
        let mut shuffled = Vec::new();
        while !pieces.is_empty() {
            shuffled.push(pieces.swap_remove(self.chance.below(pieces.len() as u64) as usize));
        }
        shuffled
    }

    /// What a host would send next.
    fn segment(&mut self, from: usize, step: usize) -> Vec<u8> {
        let (flags, len) = match step {
            0 => ("S", 0),
            1 if from == 1 => ("S.", 0),
            2 => (".", 0),
            _ => match self.chance.below(24) {
                0 => ("F.", 0),
                1 => ("FP.", 10),
                2 => ("R", 0),
                3..=9 => (".", 0),
                _ => ("P.", self.chance.one(&[1, 48, 900])),
            },
        };
        let host = &mut self.hosts[from];
        let numbers = (host.sequence, host.acknowledgment);
        let counted = u32::from(flags.contains(['S', 'F']));
        host.sequence = host.sequence.wrapping_add(len as u32 + counted);
        tcp(host.own, host.other, flags, numbers, &vec![b't'; len])
    }

    /// What a host would not send.
    fn odd_segment(&mut self, host: &Host) -> Vec<u8> {
        let flags = self.chance.one(&["S", "S.", ".", "P.", "F.", "R", "R.", "", "SF", "FPU", "SR"]);
        let shift = |chance: &mut Chance, number: u32| {
            number.wrapping_add(chance.one(&[0, 0, 1, 700, 70_000, 10_000_000, 1 << 31, u32::MAX - 70_000]))
        };
        let numbers = (shift(&mut self.chance, host.sequence), shift(&mut self.chance, host.acknowledgment));
        let len = self.chance.one(&[0, 0, 1, 200]);
        let mut frame = tcp(host.own, host.other, flags, numbers, &vec![b'o'; len]);
        if self.chance.below(8) == 0 {
            let last = frame.len() - 1;
            frame[last] ^= 1;
        }
        frame
    }

    fn send(&mut self, case: u64, from: usize, frame: Vec<u8>) -> Option<Same> {
        let server_port = if self.has_two_zones() { 2 } else { 1 };
        let port = if from == 0 { self.client_port } else { server_port };
        let hex = super::peer::hex(&frame);
        // Shown if it fails, or waits for what does not come.
        println!("port {port} {hex}");
        self.peer.control("netdev-dummy/receive", &[&format!("p{port}"), &hex])?;
        let ours: Vec<Vec<u8>> = self.lab.send(port, &frame).into_iter().map(|(_, frame)| frame).collect();
        let mut theirs = self.peer.sent(ours.len())?;
        // Of pieces that came in some orders, 3.1 sends one again long after, untracked, when it gives them up.
        let given_up = |frame: &Vec<u8>| is_fragment(frame) && frame[11] == state::INV;
        theirs.retain(|frame| !given_up(frame));
        while theirs.len() < ours.len() {
            theirs.extend(self.peer.sent(1)?.into_iter().filter(|frame| !given_up(frame)));
        }
        if is_known_to_differ(&ours, &theirs, self.time_passed) {
            return Some(Same::AsKnown);
        }
        let shown =
            |frames: &[Vec<u8>]| frames.iter().map(|frame| super::peer::hex(frame)).collect::<Vec<_>>();
        assert_eq!(shown(&ours), shown(&theirs), "case {case}");
        if !is_fragment(&frame) {
            self.hosts[from].sent.push(frame);
        }
        for frame in ours {
            self.arrived(1 - from, frame);
        }
        Some(Same::All)
    }

    /// What a host learns of a packet that came to it: where the other is, and what it sent.
    fn arrived(&mut self, at: usize, frame: Vec<u8>) {
        let host = &mut self.hosts[at];
        let (src, dst, proto, upper): (IpAddr, IpAddr, u8, usize) = if self.v6 {
            let address = |at: usize| <[u8; 16]>::try_from(&frame[at..at + 16]).unwrap().into();
            (address(22), address(38), frame[20], 54)
        } else {
            let address = |at: usize| <[u8; 4]>::try_from(&frame[at..at + 4]).unwrap().into();
            (address(26), address(30), frame[23], 34)
        };
        let number = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
        let is_first = self.v6 || number(20) & 0x1fff == 0;
        if proto == if self.tcp { 6 } else { 17 } && is_first {
            // The address that a server is spoken to by is its own.
            (host.other, host.own) = ((src, number(upper)), (dst, number(upper + 2)));
            if self.tcp {
                let sequence = u32::from_be_bytes(frame[upper + 4..upper + 8].try_into().unwrap());
                let flags = frame[upper + 13];
                let len = frame.len() - upper - usize::from(frame[upper + 12] >> 4) * 4;
                let counted = u32::from(flags & 3 != 0);
                host.acknowledgment = sequence.wrapping_add(len as u32 + counted);
            }
            host.got.push(frame);
        }
    }
}

/// Whether a frame is a piece of an IPv4 datagram.
fn is_fragment(frame: &[u8]) -> bool {
    frame[12..14] == [8, 0] && u16::from_be_bytes([frame[20], frame[21]]) & 0x3fff != 0
}
