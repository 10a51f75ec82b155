//! What our switch and the peer's spend on packets, new flows, new connections and flow-mods, and what is left of
//! traffic while others flood: `cargo bench -p tests --bench switch`, with the names of cases if not all.
//!
//! Times are the processor's, of the switch's process alone; wires are taps, whose cost in the kernel is the switch's
//! too. Figures are printed, never asserted. Needs root.
#![allow(clippy::unwrap_used)] // A benchmark stops where it fails.
#![allow(clippy::disallowed_methods)] // It measures real time.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::sockopt::{RcvBuf, ReceiveTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket,
};
use nix::sys::time::TimeVal;
use openflow::{Body, FlowMod, Message, Version, Versions};
use packet::TcpFlags;
use tests::process::{Daemon, RunDir, run_ok};
use tests::traffic::{self, udp, udp_from};
use tests::{need, need_root, wait_for};

/// Frames that are under way together.
const WINDOW: u32 = 64;

/// A case: its name, what it measures, and how.
type Case = (&'static str, fn(&mut Bed) -> Vec<(String, f64)>);

/// A flood: its name, and its frames.
type Flood = (&'static str, fn(u64) -> Vec<u8>);

const CASES: &[Case] = &[
    ("packets", packets),
    ("misses", misses),
    ("set-up", set_up),
    ("flow-mods", flow_mods),
    ("floods", floods),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this too; then it only has to compile.
    if !arguments.iter().any(|argument| argument == "--bench") || !need_root() {
        return;
    }
    let Some(theirs) = need("ovs-vswitchd") else { return };
    let wanted = |name: &str| {
        let mut names = arguments.iter().filter(|argument| !argument.starts_with("--")).peekable();
        names.peek().is_none() || names.any(|wanted| wanted == name)
    };
    println!("{:<52} {:>10} {:>10} {:>7}", "", "theirs", "ours", "ratio");
    for (_, case) in CASES.iter().filter(|(name, _)| wanted(name)) {
        let [theirs, ours] = [Some(&theirs), None].map(|switch| {
            let switch = switch.cloned();
            std::thread::spawn(move || case(&mut Bed::new(switch))).join().unwrap()
        });
        for ((what, theirs), (_, ours)) in theirs.into_iter().zip(ours) {
            println!("{what:<52} {theirs:>10.2} {ours:>10.2} {:>7.2}", ours / theirs);
        }
    }
}

/// A switch with three taps in a network namespace of this thread.
struct Bed {
    run: RunDir,
    switch: Daemon,
    wires: [Wire; 3],
    _server: Daemon,
}

impl Bed {
    /// With the peer's switch, or ours.
    fn new(peer: Option<PathBuf>) -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        // The kernel is not to say anything of its own.
        fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").ok();
        let run = RunDir::default();
        let schema = schema::vswitch::schema().to_json().to_string();
        fs::write(run.path("vswitch.ovsschema"), schema).unwrap();
        let mut create = run.ours("ovsdb-tool");
        create.args(["create", "conf.db", "vswitch.ovsschema"]);
        run_ok(create);
        let mut server = run.ours("ovsdb-server");
        server.args(["conf.db", "--remote=punix:db.sock", "--unixctl=none", "-vconsole:err"]);
        let server = run.start("ovsdb-server", server);
        run.wait_for_socket("db.sock");
        let mut switch = peer.map_or_else(|| run.ours("ovs-vswitchd"), |peer| run.peer(&peer));
        switch.args(["unix:db.sock", "--pidfile", "-vconsole:err"]);
        let switch = run.start("ovs-vswitchd", switch);
        let mut configure = run.ours("ovs-vsctl");
        configure.args(["--db=unix:db.sock", "--timeout=60"]);
        let words = "add-br br0 -- set bridge br0 datapath_type=netdev fail-mode=secure \
                     -- add-port br0 w1 -- set interface w1 type=internal ofport_request=1 \
                     -- add-port br0 w2 -- set interface w2 type=internal ofport_request=2 \
                     -- add-port br0 w3 -- set interface w3 type=internal ofport_request=3";
        configure.args(words.split_whitespace());
        run_ok(configure);
        let wires = [1, 2, 3].map(|n| Wire::new(&format!("w{n}")));
        Self { run, switch, wires, _server: server }
    }

    /// A connection for flow-mods, with the greeting done.
    fn openflow(&self) -> OpenFlow {
        let stream = UnixStream::connect(self.run.path("br0.mgmt")).unwrap();
        let mut openflow = OpenFlow { stream, next: 1 };
        let hello = Message::encode_hello(1, Versions::of(&[Version::Of15]));
        openflow.stream.write_all(&hello).unwrap();
        openflow
    }

    /// These flows instead of those that were there.
    fn flows(&self, flows: &[&str]) {
        let mut openflow = self.openflow();
        let all: FlowMod = "actions=drop".parse().unwrap();
        openflow.send(FlowMod { command: openflow::FlowModCommand::Delete, table: None, ..all });
        for flow in flows {
            openflow.send(flow.parse().unwrap());
        }
        openflow.finish();
    }

    /// Time of the switch on a processor.
    fn processor(&self) -> f64 {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.switch.pid())).unwrap().flatten() {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            nanoseconds += text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
        nanoseconds as f64 / 1e3
    }

    /// Memory of the switch in octets.
    fn resident(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.switch.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
    }

    /// Sends `count` frames from one wire to another, a window at a time; microseconds of the switch a frame.
    fn pass(&self, (from, to): (usize, usize), count: u32, frame: &dyn Fn(u32) -> Vec<u8>) -> f64 {
        let before = self.processor();
        for first in (0..count).step_by(WINDOW as usize) {
            self.window((from, to), first..count.min(first + WINDOW), frame);
        }
        (self.processor() - before) / f64::from(count)
    }

    fn window(
        &self,
        (from, to): (usize, usize),
        range: std::ops::Range<u32>,
        frame: &dyn Fn(u32) -> Vec<u8>,
    ) {
        let count = range.len();
        range.for_each(|n| self.wires[from].send(&frame(n)));
        for n in 0..count {
            assert!(self.wires[to].receives(), "frame {n} of {count} arrives; {}", self.run.outputs());
        }
    }
}

/// One end of a tap: what is sent here comes to the switch.
struct Wire(OwnedFd);

impl Wire {
    fn new(name: &str) -> Self {
        wait_for("a tap", Duration::from_secs(30), || {
            let path = Path::new("/proc/thread-self/net/dev");
            let devices = fs::read_to_string(path).unwrap_or_default();
            if devices.contains(&format!("{name}:")) { Ok(()) } else { Err(devices) }
        });
        let mut up = std::process::Command::new("ip");
        up.args(["link", "set", "dev", name, "up"]);
        run_ok(up);
        let mut interfaces = nix::ifaddrs::getifaddrs().unwrap();
        let address = interfaces.find_map(|one| {
            let link = one.address?.as_link_addr().copied()?;
            (one.interface_name == name).then_some(link)
        });
        let (flags, protocol) = (SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll);
        let fd = socket(AddressFamily::Packet, SockType::Raw, flags, protocol).unwrap();
        bind(fd.as_raw_fd(), &address.unwrap()).unwrap();
        setsockopt(&fd, RcvBuf, &(1 << 20)).unwrap();
        setsockopt(&fd, ReceiveTimeout, &TimeVal::new(5, 0)).unwrap();
        Self(fd)
    }

    fn send(&self, frame: &[u8]) {
        send(self.0.as_raw_fd(), frame, MsgFlags::empty()).unwrap();
    }

    /// Whether a frame comes that is one of ours.
    fn receives(&self) -> bool {
        let mut frame = [0; 2048];
        while let Ok(length) = recv(self.0.as_raw_fd(), &mut frame, MsgFlags::empty()) {
            if length >= 14 && frame[0] == 2 {
                return true;
            }
        }
        false
    }

    /// How many are there that host 1 has sent.
    fn waiting(&self) -> u32 {
        let mut frame = [0; 2048];
        let mut count = 0;
        while let Ok(length) = recv(self.0.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT) {
            count += u32::from(length >= 14 && frame[6..12] == traffic::mac(1).0);
        }
        count
    }
}

struct OpenFlow {
    stream: UnixStream,
    next: u32,
}

impl OpenFlow {
    fn send(&mut self, flow: FlowMod) {
        self.next += 1;
        self.stream.write_all(&Body::FlowMod(flow).with_xid(self.next).encode(Version::Of15)).unwrap();
    }

    /// Waits until all was done.
    fn finish(&mut self) {
        self.next += 1;
        let barrier = Body::BarrierRequest.with_xid(self.next).encode(Version::Of15);
        self.stream.write_all(&barrier).unwrap();
        loop {
            let mut header = [0; 8];
            self.stream.read_exact(&mut header).unwrap();
            let mut rest = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
            self.stream.read_exact(&mut rest).unwrap();
            assert_ne!(header[1], 1, "an error: {rest:02x?}");
            if header[1] == 21 {
                return;
            }
        }
    }
}

/// Packets that are known, through two flows and through 30 tables that ask the tracker four times.
fn packets(bed: &mut Bed) -> Vec<(String, f64)> {
    const COUNT: u32 = 300_000;
    let known = |n: u32| udp((1, 1000 + (n % 8) as u16), (2, 53));
    let mut figures = Vec::new();
    for (name, flows) in
        [("two flows", vec!["in_port=1,actions=output:2".to_owned()]), ("30 tables", pipeline())]
    {
        bed.flows(&flows.iter().map(String::as_str).collect::<Vec<_>>());
        bed.pass((0, 1), 10_000, &known);
        figures.push((format!("known packet, {name}, us"), bed.pass((0, 1), COUNT, &known)));
    }
    figures
}

fn pipeline() -> Vec<String> {
    let flow = |table: u8| match table {
        29 => "output:2".to_owned(),
        5 | 20 => format!("ct(table={},zone={table})", table + 1),
        10 | 25 => format!("ct(commit,zone={}),resubmit(,{})", table - 5, table + 1),
        _ => format!("resubmit(,{})", table + 1),
    };
    (0..30).map(|table| format!("table={table},priority=1,ip,actions={}", flow(table))).collect()
}

/// Packets that no cache knows: each from another address and port, which flows look at.
fn misses(bed: &mut Bed) -> Vec<(String, f64)> {
    const COUNT: u32 = 40_000;
    let mut flows: Vec<String> = (0..100u32)
        .flat_map(|n| {
            [
                format!("table=0,priority=9,ip,nw_src=172.16.0.{n},actions=drop"),
                format!("table=4,priority=9,udp,tp_src={n},actions=drop"),
            ]
        })
        .collect();
    flows.extend((0..9).map(|n| format!("table={n},priority=1,ip,actions=resubmit(,{})", n + 1)));
    flows.push("table=9,priority=1,ip,actions=output:2".to_owned());
    bed.flows(&flows.iter().map(String::as_str).collect::<Vec<_>>());
    let from =
        |n: u32| udp_from((std::net::Ipv4Addr::from(0x1400_0000 + n), 1000 + (n % 50_000) as u16), (2, 53));
    bed.pass((0, 1), 2000, &|_| from(1));
    let known = bed.pass((0, 1), COUNT, &|_| from(1));
    let missed = bed.pass((0, 1), COUNT, &|n| from(n + 2));
    vec![
        ("packet, known, us".to_owned(), known),
        ("packet of a new flow through 10 tables, us".to_owned(), missed),
        ("what is new about it, us".to_owned(), missed - known),
    ]
}

/// New TCP connections through a stateful firewall: three packets each.
fn set_up(bed: &mut Bed) -> Vec<(String, f64)> {
    const COUNT: u32 = 40_000;
    bed.flows(&[
        "table=0,priority=1,tcp,actions=ct(table=1,zone=1)",
        "table=1,priority=2,ct_state=+new+trk,tcp,in_port=1,actions=ct(commit,zone=1),output:2",
        "table=1,priority=1,ct_state=-new+est+trk,tcp,in_port=1,actions=output:2",
        "table=1,priority=1,ct_state=-new+est+trk,tcp,in_port=2,actions=output:1",
    ]);
    let ends = |n: u32| ((1, 1024 + (n % 60_000) as u16), (2, 80 + (n / 60_000) as u16));
    let both = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
    let before = (bed.processor(), bed.resident());
    for first in (0..COUNT).step_by(WINDOW as usize) {
        let range = first..first + WINDOW;
        bed.window((0, 1), range.clone(), &|n| traffic::tcp(ends(n).0, ends(n).1, TcpFlags::SYN, n, 0));
        bed.window((1, 0), range.clone(), &|n| traffic::tcp(ends(n).1, ends(n).0, both, 7 * n, n + 1));
        let ack = |n| traffic::tcp(ends(n).0, ends(n).1, TcpFlags::ACK, n + 1, 7 * n + 1);
        bed.window((0, 1), range, &ack);
    }
    vec![
        ("TCP connection set up, us".to_owned(), (bed.processor() - before.0) / f64::from(COUNT)),
        ("memory of a connection, octets".to_owned(), (bed.resident() - before.1) / f64::from(COUNT)),
    ]
}

/// Flows as OVN's controller makes them, added and deleted.
fn flow_mods(bed: &mut Bed) -> Vec<(String, f64)> {
    const COUNT: u32 = 100_000;
    let flow = |n: u32| -> FlowMod {
        let (port, dp) = (n / 10, n / 2000);
        let text = match n % 5 {
            0 => format!(
                "table=9,priority=90,ip,metadata={dp:#x},reg14={port:#x},dl_src=02:00:00:{:02x}:{:02x}:{:02x},nw_src=10.{}.{}.{},actions=resubmit(,10)",
                n >> 16 & 255,
                n >> 8 & 255,
                n & 255,
                n >> 16 & 255,
                n >> 8 & 255,
                n & 255
            ),
            1 => format!(
                "table=25,priority=50,metadata={dp:#x},dl_dst=02:00:00:{:02x}:{:02x}:{:02x},actions=load:{port:#x}->NXM_NX_REG15[],resubmit(,26)",
                n >> 16 & 255,
                n >> 8 & 255,
                n & 255
            ),
            2 => format!(
                "table=40,priority=100,metadata={dp:#x},reg15={:#x},actions=load:{:#x}->NXM_NX_REG13[0..15],load:{:#x}->NXM_NX_REG11[],load:{:#x}->NXM_NX_REG12[],resubmit(,41)",
                n / 5,
                n & 0xfff,
                n & 0xff,
                n & 0xfe
            ),
            3 => format!(
                "table=16,priority=2001,ct_state=+new-est+trk,ip,metadata={dp:#x},reg15={:#x},nw_src=10.{}.{}.0/24,actions=load:1->NXM_NX_XXREG0[97],resubmit(,17)",
                n / 5,
                n >> 8 & 255,
                n & 255
            ),
            _ => format!(
                "table=24,priority=50,arp,metadata={dp:#x},arp_tpa=10.{}.{}.{},arp_op=1,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:02:00:00:00:{:02x}:{:02x},load:0x2->NXM_OF_ARP_OP[],move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],load:0x20000000001->NXM_NX_ARP_SHA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],load:{n:#x}->NXM_OF_ARP_SPA[],move:NXM_NX_REG14[]->NXM_NX_REG15[],load:1->NXM_NX_REG10[0],resubmit(,37)",
                n >> 16 & 255,
                n >> 8 & 255,
                n & 255,
                n >> 8 & 255,
                n & 255
            ),
        };
        let flow: FlowMod = text.parse().unwrap();
        FlowMod { cookie: u64::from(n), ..flow }
    };
    let mut changes = Vec::new();
    for n in 0..COUNT {
        changes.extend(Body::FlowMod(flow(n)).with_xid(n).encode(Version::Of15));
    }
    let mut openflow = bed.openflow();
    openflow.finish();
    let before = (bed.processor(), bed.resident());
    openflow.stream.write_all(&changes).unwrap();
    openflow.finish();
    let added = (bed.processor() - before.0, bed.resident() - before.1);
    let before = bed.processor();
    bed.flows(&[]);
    let deleted = bed.processor() - before;
    let each = |all: f64| all / f64::from(COUNT);
    vec![
        ("flow added, us".to_owned(), each(added.0)),
        ("memory of a flow, octets".to_owned(), each(added.1)),
        ("flow deleted with all others, us".to_owned(), each(deleted)),
    ]
}

/// What arrives of steady traffic between two hosts while a third sends as fast as it can, and what memory that takes.
fn floods(bed: &mut Bed) -> Vec<(String, f64)> {
    const FLOODS: [Flood; 4] = [
        ("SYN flood", traffic::flood_of_syns),
        ("flood of packets", traffic::flood_of_packets),
        ("fragment flood", traffic::flood_of_fragments),
        ("ARP storm", traffic::flood_of_arp),
    ];
    /// Frames that wait for the switch before others of the flood are lost.
    const BURST: u64 = 256;
    let mut figures = Vec::new();
    bed.flows(&[
        "table=0,priority=9,ip,actions=ct(table=1,zone=1)",
        "table=0,priority=1,actions=resubmit(,2)",
        "table=1,priority=2,ct_state=+est+trk,ip,actions=NORMAL",
        "table=1,priority=1,ct_state=+new+trk,ip,actions=ct(commit,zone=1),resubmit(,2)",
        "table=2,priority=9,tcp,tcp_src=7/7,nw_tos=8,actions=drop",
        "table=2,priority=8,udp,udp_src=0xff00/0xff00,nw_ttl=1,actions=drop",
        "table=2,priority=7,ip,nw_src=172.16.0.0/12,nw_ecn=3,actions=drop",
        "table=2,priority=1,actions=NORMAL",
    ]);
    let conversations: Vec<Vec<u8>> = (0..32).map(|n| udp((1, 1000 + n), (2, 80))).collect();
    for n in 0..32 {
        bed.window((0, 1), 0..1, &|_| udp((1, 1000 + n), (2, 80)));
        bed.window((1, 0), 0..1, &|_| udp((2, 80), (1, 1000 + n)));
    }
    for (name, flood) in FLOODS {
        let memory = bed.resident();
        for wire in &bed.wires {
            wire.waiting();
        }
        let (before, start) = (bed.processor(), Instant::now());
        let (mut sent, mut arrived, mut flooded) = (0, 0, 0);
        while start.elapsed() < Duration::from_secs(4) {
            for _ in 0..BURST {
                flooded += 1;
                bed.wires[2].send(&flood(flooded));
            }
            for frame in &conversations {
                bed.wires[0].send(frame);
                sent += 1;
            }
            arrived += bed.wires[1].waiting();
        }
        wait_for("the last of them", Duration::from_secs(20), || {
            let late = bed.wires[1].waiting();
            arrived += late;
            if arrived >= sent || late == 0 { Ok(()) } else { Err(late.to_string()) }
        });
        figures.push((
            format!("{name}: of others' packets arrived, %"),
            100.0 * f64::from(arrived) / f64::from(sent),
        ));
        let all = flooded as f64 + f64::from(sent);
        figures.push((format!("{name}: a packet sent, us"), (bed.processor() - before) / all));
        figures.push((format!("{name}: memory more, MiB"), (bed.resident() - memory) / f64::from(1 << 20)));
    }
    figures
}
