//! The same packets through Open vSwitch's own switch: same state, same octets, same connections.
//!
//! Each packet comes in by a port whose number says which `ct` action it meets, and goes out with
//! `ct_state` and `ct_mark` written into its Ethernet source. Time stands still in the peer and is
//! moved on by command.

#![expect(clippy::disallowed_methods, reason = "a test of a peer waits for it by the clock")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use openflow::{Action, Ct, Field, Match, Nat, NatKind, NatRange, NatSpread, PortNo, Subfield, ZoneSource};

use super::fragments_of;
use super::packets::{End, echo, host, tcp, udp, unreachable};
use crate::conntrack::state;
use crate::testing::Lab;

/// Conversations made by chance; more of them when asked for by `CONNTRACK_CASES`.
const CASES: u64 = 6;
const STEPS: usize = 60;
/// How often a peer that went away is started again.
const STARTS_MAX: u32 = 4;
const DEADLINE: Duration = Duration::from_secs(60);

/// A running peer; ends with the test.
pub(super) struct Peer {
    dir: PathBuf,
    children: Vec<Child>,
    /// Octets of the capture that were read.
    read: usize,
}

impl Drop for Peer {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let dirs = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
    dirs.iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

/// Asks until there is an answer.
fn wait<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What packets of a port meet: as a flow's text for the peer, and as an action.
fn actions() -> Vec<(&'static str, Vec<Action>)> {
    let ct = |zone, commit, force, actions| {
        let zone = ZoneSource::Immediate(zone);
        Action::Ct(Box::new(Ct { commit, force, zone, table: Some(1), alg: 0, actions }))
    };
    let ftp = |commit, actions| {
        let zone = ZoneSource::Immediate(1);
        Action::Ct(Box::new(Ct { commit, force: false, zone, table: Some(1), alg: 21, actions }))
    };
    let nat = |kind, last| {
        let range = NatRange::V4 { min: [10, 0, 0, last].into(), max: None };
        Action::Nat(Nat { kind, range, ..Nat::existing() })
    };
    let mark = Action::set(Field::CtMark, 5u32);
    vec![
        ("ct(zone=1,table=1)", vec![ct(1, false, false, vec![])]),
        ("ct(commit,zone=1,table=1)", vec![ct(1, true, false, vec![])]),
        ("ct(zone=1,nat,table=1)", vec![ct(1, false, false, vec![Action::Nat(Nat::existing())])]),
        (
            "ct(commit,zone=1,nat(src=10.0.0.100),table=1)",
            vec![ct(1, true, false, vec![nat(NatKind::Src, 100)])],
        ),
        (
            "ct(commit,zone=1,nat(dst=10.0.0.50),table=1)",
            vec![ct(1, true, false, vec![nat(NatKind::Dst, 50)])],
        ),
        // In a zone without translation: 3.1 does not replace translated connections by force.
        ("ct(commit,force,zone=3,table=1)", vec![ct(3, true, true, vec![])]),
        ("ct(commit,zone=2,exec(set_field:0x5->ct_mark),table=1)", vec![ct(2, true, false, vec![mark])]),
        (
            "ct(zone=2,table=2)",
            vec![Action::Ct(Box::new(Ct {
                commit: false,
                force: false,
                zone: ZoneSource::Immediate(2),
                table: Some(2),
                alg: 0,
                actions: vec![],
            }))],
        ),
        (
            "ct(commit,zone=1,alg=ftp,nat(src=10.0.0.100),table=1)",
            vec![ftp(true, vec![nat(NatKind::Src, 100)])],
        ),
    ]
}

/// What table 2 does: on to another zone, as OVN does between datapaths.
fn second() -> (&'static str, Action) {
    let zone = ZoneSource::Immediate(1);
    let existing = Action::Nat(Nat { spread: NatSpread::Default, ..Nat::existing() });
    let ct = Ct { commit: false, force: false, zone, table: Some(1), alg: 0, actions: vec![existing] };
    ("ct(zone=1,nat,table=1)", Action::Ct(Box::new(ct)))
}

pub(super) const OUT: u32 = 99;

impl Peer {
    /// One with so many ports beside that for output, and these flows. `None` where it is not installed.
    pub(super) fn start(name: &str, ports: usize, flows: &str) -> Option<Self> {
        let names = ["ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl"];
        let found: Option<Vec<PathBuf>> = names.iter().map(|name| program(name)).collect();
        let schema = Path::new("/usr/share/openvswitch/vswitch.ovsschema");
        let Some(programs) = found.filter(|_| schema.is_file()) else {
            assert!(
                std::env::var("OVN_PEERS").as_deref() != Ok("required"),
                "Open vSwitch is not installed, and OVN_PEERS=required forbids to skip"
            );
            eprintln!("skipped: Open vSwitch is not installed");
            return None;
        };
        let dir = std::env::temp_dir().join(format!("conntrack-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut peer = Self { dir, children: Vec::new(), read: 24 };
        let path = |name: &str| peer.dir.join(name).to_string_lossy().into_owned();
        let run = |program: &Path, args: &[&str]| {
            let mut command = Command::new(program);
            for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
                command.env(variable, &peer.dir);
            }
            command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
            command
        };
        let [tool, server, switch, vsctl, ofctl] = programs.as_slice() else { return None };
        let done = |mut command: Command| assert!(command.status().unwrap().success(), "{command:?}");
        done(run(tool, &["create", &path("conf.db"), &schema.to_string_lossy()]));
        let remote = format!("--remote=punix:{}", path("db.sock"));
        let database = format!("unix:{}", path("db.sock"));
        let control = |name: &str| format!("--unixctl={}", path(name));
        let child =
            run(server, &[&path("conf.db"), &remote, &control("db.ctl"), "-vconsole:off"]).spawn().unwrap();
        let options =
            ["--enable-dummy=override", "--disable-system", "-vconsole:off", &control("vs.ctl"), &database];
        let switch = run(switch, &options).spawn().unwrap();
        let mut lines = vec!["--retry".to_owned(), format!("--db={database}"), "--timeout=50".to_owned()];
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        lines.extend(words("add-br br0 -- set bridge br0 datapath_type=dummy fail-mode=secure"));
        for port in 1..=ports {
            let text =
                format!("-- add-port br0 p{port} -- set interface p{port} type=dummy ofport_request={port}");
            lines.extend(words(&text));
        }
        let text = format!("-- add-port br0 out -- set interface out type=dummy ofport_request={OUT}");
        lines.extend(words(&text));
        lines.push(format!("options:tx_pcap={}", path("out.pcap")));
        let configure = run(vsctl, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let bridge = format!("unix:{}", path("br0.mgmt"));
        std::fs::write(peer.dir.join("flows"), flows).unwrap();
        let flows = run(ofctl, &["-O", "OpenFlow15", "add-flows", &bridge, &path("flows")]);
        peer.children = vec![child, switch];
        done(configure);
        wait("the bridge's socket", || peer.dir.join("br0.mgmt").exists().then_some(()));
        done(flows);
        wait("the control socket", || peer.control("time/stop", &[]));
        Some(peer)
    }

    /// A command to the switch. `None` if the peer is gone: 3.1 sometimes aborts when its time is moved.
    pub(super) fn control(&self, method: &str, params: &[&str]) -> Option<String> {
        let path = self.dir.join("vs.ctl");
        let mut stream = UnixStream::connect(&path).ok()?;
        let params: Vec<String> = params.iter().map(|param| format!("{param:?}")).collect();
        let request = format!("{{\"id\":0,\"method\":\"{method}\",\"params\":[{}]}}", params.join(","));
        stream.write_all(request.as_bytes()).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut answer = Vec::new();
        // One JSON object, whose braces are only around it: results here have none.
        while !answer.ends_with(b"}") {
            let mut octets = [0; 4096];
            let n = stream.read(&mut octets).ok().filter(|n| *n > 0)?;
            answer.extend_from_slice(&octets[..n]);
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("\"error\":null"), "{method}: {answer}");
        let (_, rest) = answer.split_once("\"result\":\"").unwrap();
        Some(rest.split_once('"').unwrap().0.replace("\\n", "\n"))
    }

    /// The frames that went out since this was last asked, at least `n`. `None` if the peer is gone.
    pub(super) fn sent(&mut self, n: usize) -> Option<Vec<Vec<u8>>> {
        let path = self.dir.join("out.pcap");
        let read = self.read;
        let (frames, end) = wait("a frame", || {
            if self.children.iter_mut().any(|child| !matches!(child.try_wait(), Ok(None))) {
                return Some(None);
            }
            let octets = std::fs::read(&path).ok()?;
            let mut at = read;
            let mut frames = Vec::new();
            while let Some(header) = octets.get(at..at + 16) {
                let len = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
                let Some(frame) = octets.get(at + 16..at + 16 + len) else { break };
                frames.push(frame.to_vec());
                at += 16 + len;
            }
            (frames.len() >= n).then_some(Some((frames, at)))
        })?;
        self.read = end;
        Some(frames)
    }
}

fn peer_flows() -> String {
    let mut text = String::new();
    for (at, (action, _)) in actions().iter().enumerate() {
        let port = at + 1;
        // Helpers are for TCP only; other packets are looked up.
        let (what, priority) = if action.contains("alg") { ("tcp", 2) } else { ("ip", 1) };
        text += &format!("table=0,priority={priority},in_port={port},{what} actions={action}\n");
        text += &format!("table=0,priority=0,in_port={port},ip actions=ct(zone=1,table=1)\n");
    }
    text += &format!("table=2,ip actions={}\n", second().0);
    text += "table=1,ip actions=move:NXM_NX_CT_STATE[0..31]->NXM_OF_ETH_SRC[0..31],";
    text + &format!("move:NXM_NX_CT_MARK[0..15]->NXM_OF_ETH_SRC[32..47],output:{OUT}\n")
}

fn ours() -> Lab {
    let mut lab = Lab::new(OUT);
    let ip = || Match::any().with(Field::EthType, 0x0800u16);
    let look = actions()[0].1.clone();
    for (at, (text, actions)) in actions().into_iter().enumerate() {
        let port = ip().with(Field::InPort, at as u32 + 1);
        let matching =
            if text.contains("alg") { port.clone().with(Field::IpProto, 6u8) } else { port.clone() };
        lab.flow(0, 1, matching, actions);
        lab.flow(0, 0, port, look.clone());
    }
    lab.flow(2, 1, ip(), vec![second().1]);
    let report = vec![
        Action::copy(Subfield::whole(Field::CtState), Subfield::new(Field::EthSrc, 0, 32)),
        Action::copy(Subfield::new(Field::CtMark, 0, 16), Subfield::new(Field::EthSrc, 32, 16)),
        Action::output(PortNo(OUT)),
    ];
    lab.flow(1, 1, ip(), report);
    lab
}

/// Numbers by chance, the same for the same seed.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = packet::key::mix(self.0, 0x5eed);
        self.0 % n
    }

    pub(super) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}

/// A packet of few hosts; sometimes an answer to, or an error about, one that came out before.
fn packet(chance: &mut Chance, before: &[Vec<u8>]) -> Vec<u8> {
    let end =
        |chance: &mut Chance| -> End { (host(false, chance.one(&[1, 2, 3])), chance.one(&[21, 1000, 1001])) };
    let (mut src, mut dst) = (end(chance), end(chance));
    // A packet to oneself is its own answer, so nothing tells its directions apart.
    if src.0 == dst.0 {
        dst.0 = host(false, 4);
    }
    let last = before.iter().rev().take(4).cloned().collect::<Vec<_>>();
    if !last.is_empty() && chance.below(3) > 0 {
        let frame = chance.one(&last);
        let address = |at: usize| <[u8; 4]>::try_from(&frame[at..at + 4]).unwrap().into();
        if frame[23] == 1 {
            let id = u16::from_be_bytes([frame[38], frame[39]]);
            return echo(address(30), address(26), id, true);
        }
        let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
        (src, dst) = ((address(30), port(36)), (address(26), port(34)));
        if chance.below(5) == 0 {
            return unreachable(host(false, 9), dst.0, &frame, chance.one(&[28, 1000]) as usize);
        }
    }
    let numbers = (chance.one(&[1, 2, 50, 100_000]), chance.one(&[1, 2, 50, 0]));
    match chance.below(8) {
        0 => echo(src.0, dst.0, chance.one(&[7, 8]), false),
        1..=3 => udp(src, dst, b"data"),
        _ => {
            let flags = chance.one(&["S", "S", "S.", "S.", ".", ".", "P.", "F.", "R", "R."]);
            let len = if flags.contains('S') { 0 } else { chance.one(&[0, 1, 48]) };
            tcp(src, dst, flags, numbers, &vec![b'x'; len])
        }
    }
}

pub(super) fn hex(frame: &[u8]) -> String {
    frame.iter().map(|octet| format!("{octet:02x}")).collect()
}

pub(super) fn sorted(dump: &str) -> Vec<String> {
    let mut lines: Vec<String> = dump.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Whether packets may belong to either of two connections, as translation can bring about: which one
/// is found first is then chance.
fn is_ambiguous(dump: &str) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut again = false;
    for line in dump.lines() {
        let (proto, rest) = line.split_once(",orig=(").unwrap();
        let (original, rest) = rest.split_once("),reply=(").unwrap();
        let (reply, rest) = rest.split_once(')').unwrap();
        let zone = rest.split(',').find(|part| part.starts_with("zone="));
        for tuple in [Some(original), (original != reply).then_some(reply)].into_iter().flatten() {
            again |= !seen.insert((proto, tuple, zone));
        }
    }
    again
}

/// Where we know that we differ. A new connection that no address or port is left for: the peer lets its
/// packet pass as it is, ours says that it is invalid. A translated connection that is over and begins
/// again, or that is expired and not yet cleaned up: 3.1 finds a half of the old one and says nothing
/// at all, or that the packet is invalid, or takes its port for taken; later ones say that it is new.
pub(super) fn is_known_to_differ(ours: &[Vec<u8>], theirs: &[Vec<u8>], time_passed: bool) -> bool {
    let ([ours], [theirs]) = (ours, theirs) else { return false };
    if ours == theirs {
        return false;
    }
    let v6 = ours[12..14] == [0x86, 0xdd];
    let (proto, src, dst, upper) = if v6 { (20, 37, 53, 54) } else { (23, 29, 33, 34) };
    let untranslated = theirs[11] == state::NEW | state::TRK;
    if ours[11] & state::NEW == 0 {
        let mut changed = ours.clone();
        changed[11] = theirs[11];
        return ours[11] == state::INV | state::TRK && untranslated && changed == *theirs;
    }
    let is_reply = ours[dst] == 100 || ours[src] == 50;
    let halved = theirs[11] == state::TRK || theirs[11] == state::INV | state::TRK && is_reply;
    // The source port, and the checksum over it.
    let (may_move, sum_at) = match ours[proto] {
        6 => (time_passed || ours[upper + 13] == 2, upper + 16),
        17 => (time_passed, upper + 6),
        _ => return halved || time_passed && untranslated,
    };
    let mut moved = ours.clone();
    moved[upper..upper + 2].copy_from_slice(&theirs[upper..upper + 2]);
    moved[sum_at..sum_at + 2].copy_from_slice(&theirs[sum_at..sum_at + 2]);
    halved || may_move && (untranslated || moved == *theirs)
}

/// The cases to go through: as many as usual, or those that the variable says: how many, or from which to which (`3-9`).
pub(super) fn cases(variable: &str, usual: u64) -> std::ops::Range<u64> {
    let Ok(text) = std::env::var(variable) else { return 0..usual };
    let number = |text: &str| text.parse().unwrap_or(usual);
    match text.split_once('-') {
        Some((first, last)) => number(first)..number(last),
        None => 0..number(&text),
    }
}

#[test]
fn conversations_by_chance_are_tracked_as_open_vswitch_tracks_them() {
    let start = || Peer::start("peer", actions().len(), &peer_flows());
    let Some(mut peer) = start() else { return };
    let mut starts = 1;
    for case in cases("CONNTRACK_CASES", CASES) {
        if converse(case, &mut peer).and_then(|()| fragment(case, &mut peer)).is_none() {
            assert!(starts < STARTS_MAX, "case {case}: the peer went away, as before");
            starts += 1;
            drop(peer);
            peer = start().unwrap();
        }
    }
}

/// Fragments in any order, through translation: the same fragments come out. `None` as below.
fn fragment(case: u64, peer: &mut Peer) -> Option<()> {
    let mut lab = ours();
    let mut chance = Chance(case);
    peer.control("dpctl/flush-conntrack", &[])?;
    let payload: Vec<u8> = (0..1300 + chance.below(4000)).map(|n| (n % 251) as u8).collect();
    let whole = match chance.below(2) {
        0 => udp((host(false, 1), 1000), (host(false, 3), 80), &payload),
        _ => tcp((host(false, 1), 1000), (host(false, 3), 80), ".", (1, 1), &payload),
    };
    let mut left = fragments_of(&whole, 1208 + 8 * chance.below(20) as u16);
    let n = left.len();
    let port = chance.one(&[2, 4, 5]);
    let mut ours = Vec::new();
    while !left.is_empty() {
        let piece = left.remove(chance.below(left.len() as u64) as usize);
        let hex = hex(&piece);
        peer.control("netdev-dummy/receive", &[&format!("p{port}"), &hex])?;
        ours.extend(lab.send(port, &piece).into_iter().map(|(_, frame)| frame));
    }
    let mut theirs = peer.sent(n)?;
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs, "case {case}");
    Some(())
}

/// One conversation. `None` if the peer went away.
fn converse(case: u64, peer: &mut Peer) -> Option<()> {
    let mut lab = ours();
    let mut chance = Chance(case);
    peer.control("dpctl/flush-conntrack", &[])?;
    let mut log = Vec::new();
    let mut before = Vec::new();
    let mut time_passed = false;
    for _ in 0..STEPS {
        let port = chance.below(actions().len() as u64) as u32 + 1;
        let frame = packet(&mut chance, &before);
        let hex = hex(&frame);
        log.push(format!("port {port} {hex}"));
        peer.control("netdev-dummy/receive", &[&format!("p{port}"), &hex])?;
        let theirs = peer.sent(1)?;
        let ours: Vec<Vec<u8>> = lab.send(port, &frame).into_iter().map(|(_, frame)| frame).collect();
        if is_known_to_differ(&ours, &theirs, time_passed) {
            return Some(());
        }
        assert_eq!(ours, theirs, "case {case}: {}", log.join("\n"));
        before.extend(ours);
        let dump = lab.switch.command("dpctl/dump-conntrack", &[], lab.now).unwrap().unwrap();
        if is_ambiguous(&dump) {
            return Some(());
        }
        if chance.below(10) == 0 {
            time_passed = true;
            let milliseconds = chance.one(&[1_000, 20_000, 31_000, 100_000]);
            log.push(format!("{milliseconds} ms"));
            peer.control("time/warp", &[&milliseconds.to_string()])?;
            lab.now += Duration::from_millis(milliseconds);
            lab.switch.handle_timeout(lab.now);
        }
    }
    let theirs = sorted(&peer.control("dpctl/dump-conntrack", &[])?);
    let ours = sorted(&lab.switch.command("dpctl/dump-conntrack", &[], lab.now).unwrap().unwrap());
    assert_eq!(ours, theirs, "case {case}: {}", log.join("\n"));
    Some(())
}
