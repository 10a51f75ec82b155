//! Our switch and the peer's side by side, both with dummy ports: they get the same flows and packets, and what leaves
//! by their ports and goes to their controllers is read from files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::ovsdb::Client;
use crate::process::{Daemon, Outcome, RunDir, run_ok};
use crate::wait_for;

/// The ports that packets and flows use are 1 to this.
pub const PORTS: u32 = 4;
/// The type of markers: packets that come in behind others and are told to the controller, when those are done.
const MARKER: &str = "88b6";

/// One switch under test.
pub struct Switch {
    dir: RunDir,
    control: Client,
    /// How much of each port's file was read.
    read: BTreeMap<u32, usize>,
    monitored: usize,
    markers: u32,
    _daemons: Vec<Daemon>,
}

/// The programs of the peer.
pub struct Peer {
    /// `ovs-vswitchd`.
    pub switch: PathBuf,
    /// `ovs-ofctl`.
    pub ofctl: PathBuf,
}

/// What came of packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Frames by the port that they left by, as hexadecimal digits.
    pub frames: BTreeMap<u32, Vec<String>>,
    /// What the controller was told, in the words of `ovs-ofctl monitor`.
    pub packet_ins: Vec<String>,
}

impl Outcomes {
    /// What one has and the other has not, a line each; nothing if both are equal.
    pub fn differences(ours: &Self, theirs: &Self) -> String {
        let mut lines = String::new();
        for (whose, one, other) in [("ours", ours, theirs), ("theirs", theirs, ours)] {
            let mut add = |place: &str, item: &str| lines.push_str(&format!("{whose} {place}: {item}\n"));
            for (port, frames) in &one.frames {
                let others = other.frames.get(port).map_or(&[][..], Vec::as_slice);
                surplus(frames, others).for_each(|frame| add(&format!("port {port}"), frame));
            }
            surplus(&one.packet_ins, &other.packet_ins).for_each(|told| add("controller", told));
        }
        if lines.is_empty() && ours != theirs {
            lines = format!("in another order\nours {ours:#?}\ntheirs {theirs:#?}\n");
        }
        lines
    }
}

/// Items that are more often in `many` than in `others`.
fn surplus<'m>(many: &'m [String], others: &[String]) -> impl Iterator<Item = &'m str> {
    let mut left: Vec<&str> = others.iter().map(String::as_str).collect();
    many.iter().map(String::as_str).filter(move |item| match left.iter().position(|other| other == item) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    })
}

impl Switch {
    /// Starts ours, or the peer's.
    pub fn start(ours: bool, peer: &Peer) -> Self {
        let dir = RunDir::default();
        let mut create = dir.ours("ovsdb-tool");
        create.args(["create", "conf.db", "vswitch.ovsschema"]);
        run_ok(create);
        let mut database = dir.ours("ovsdb-server");
        database.args(["conf.db", "--remote=punix:db.sock", "--unixctl=none", "-vconsole:err"]);
        let database = dir.start("ovsdb-server", database);
        dir.wait_for_socket("db.sock");
        let mut switch = if ours { dir.ours("ovs-vswitchd") } else { dir.peer(&peer.switch) };
        switch.args(["unix:db.sock", "--unixctl", dir.path("switch.ctl").to_str().expect("UTF-8")]);
        switch.args(["--enable-dummy", "--disable-system", "-vconsole:err"]);
        let switch = dir.start("ovs-vswitchd", switch);
        dir.wait_for_socket("switch.ctl");
        let mut configure = dir.ours("ovs-vsctl");
        configure.args([
            "--db=unix:db.sock",
            "--timeout=60",
            "--",
            "add-br",
            "br0",
            "--",
            "set",
            "bridge",
            "br0",
        ]);
        configure.args(["datapath_type=dummy", "fail-mode=secure"]);
        for n in 1..=PORTS {
            let name = format!("p{n}");
            configure.args(["--", "add-port", "br0", &name, "--", "set", "interface", &name, "type=dummy"]);
            configure.arg(format!("ofport_request={n}")).arg(format!("options:tx_pcap=p{n}.pcap"));
        }
        run_ok(configure);
        let control = Client::connect(&dir.path("switch.ctl")).expect("somebody accepted a moment ago");
        let mut this = Self {
            dir,
            control,
            read: BTreeMap::new(),
            monitored: 0,
            markers: 0,
            _daemons: vec![database, switch],
        };
        this.monitor(peer);
        this.program(peer, "", &[]);
        // The controller is there when it was told of something.
        wait_for("a controller", Duration::from_secs(60), || {
            this.receive(1, &format!("ffffffffffff020000000000{MARKER}"));
            let told = fs::read_to_string(this.dir.path("monitor.out")).unwrap_or_default();
            if told.contains(MARKER) { Ok(()) } else { Err(this.dir.outputs()) }
        });
        this
    }

    /// Its run directory, where tools find it.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// Begins to be told of packets for controllers.
    fn monitor(&mut self, peer: &Peer) {
        let mut monitor = self.dir.peer(&peer.ofctl);
        monitor.args(["monitor", "br0", "65534", "-P", "nxt_packet_in2", "-OOpenFlow14"]);
        let monitor = self.dir.start("monitor", monitor);
        self._daemons.push(monitor);
    }

    /// Replaces all flows and groups.
    pub fn program(&mut self, peer: &Peer, groups: &str, flows: &[String]) -> Outcome {
        // Flows first: of groups that go, the peer may take a flow twice, and end.
        self.ofctl(peer, "del-flows", None);
        let mut changes = String::from("group delete group_id=all\n");
        for group in groups.lines() {
            changes.push_str(&format!("group add {group}\n"));
        }
        let marker = format!("priority=65535,dl_type=0x{MARKER},actions=controller(max_len=20)");
        for flow in flows.iter().chain([&marker]) {
            changes.push_str(&format!("flow add {flow}\n"));
        }
        let outcome = self.ofctl(peer, "bundle", Some(changes));
        // The peer's caches follow its flows a moment later.
        self.command("revalidator/wait", &[]);
        outcome
    }

    fn ofctl(&self, peer: &Peer, verb: &str, input: Option<String>) -> Outcome {
        let mut command = self.dir.peer(&peer.ofctl);
        command.args(["-OOpenFlow14", verb, "br0"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if input.is_some() {
            command.arg("-");
        }
        let mut child = command.spawn().expect("ovs-ofctl starts");
        if let Some(mut stdin) = child.stdin.take() {
            // It may end before it has read all.
            let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
        }
        child.wait_with_output().expect("it was started just now").into()
    }

    /// What a command of `ovs-appctl` answers; an error is text too.
    pub fn command(&mut self, name: &str, arguments: &[&str]) -> String {
        let reply = self.control.call(name, &json!(arguments)).expect("the switch answers");
        let text = if reply["error"].is_null() { &reply["result"] } else { &reply["error"] };
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Sends packets in by ports, and waits until all that comes of them is there. If their order counts, each waits for
    /// the one before; otherwise what leaves by a port is sorted, as packets of different ports overtake each other.
    pub fn send(&mut self, packets: &[(u32, String)], in_order: bool) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for packet in packets {
            self.receive(packet.0, &packet.1);
            if in_order {
                self.finish(&mut outcomes);
                // The peer's caches follow what it learned a moment later.
                self.command("revalidator/wait", &[]);
            }
        }
        self.finish(&mut outcomes);
        if !in_order {
            outcomes.frames.values_mut().for_each(|frames| frames.sort());
            outcomes.packet_ins.sort();
        }
        outcomes
    }

    fn receive(&mut self, port: u32, packet: &str) {
        let error = self.command("netdev-dummy/receive", &[&format!("p{port}"), packet]);
        assert!(error.is_empty(), "port {port}, {packet}: {error}");
    }

    /// Waits until what came in has left, and takes it.
    fn finish(&mut self, outcomes: &mut Outcomes) {
        // Only packets of one port stay behind one another; and the first markers may be told together with what is
        // before them, and before that has left.
        let markers: Vec<String> = (1..=PORTS).map(|port| self.mark(port)).collect();
        self.wait_for_markers(&markers);
        let last = self.mark(1);
        let text = self.wait_for_markers(&[last]);
        self.monitored += text.len();
        let told = text.split("NXT_PACKET_IN2 ").skip(1);
        let told = told.map(|one| one.split_once("): ").map_or(one, |(_, rest)| rest).to_owned());
        outcomes.packet_ins.extend(told.filter(|told| !told.contains(&format!("dl_type=0x{MARKER}"))));
        for port in 1..=PORTS {
            let frames = self.frames(port);
            if !frames.is_empty() {
                outcomes.frames.entry(port).or_default().extend(frames);
            }
        }
    }

    /// Sends a marker in; what the controller is told of it.
    fn mark(&mut self, port: u32) -> String {
        self.markers += 1;
        let digits = format!("{:08x}", self.markers);
        self.receive(port, &format!("ffffffffffff0200{digits}{MARKER}"));
        let source: Vec<&str> = (0..4).map(|at| &digits[2 * at..2 * at + 2]).collect();
        format!("dl_src=02:00:{},", source.join(":"))
    }

    /// Waits until the controller was told of all these; what it was told since what was taken last.
    fn wait_for_markers(&self, markers: &[String]) -> String {
        let path = self.dir.path("monitor.out");
        wait_for("markers", Duration::from_secs(60), || {
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            let new = text.get(self.monitored..).unwrap_or("");
            // A line is there when it is whole.
            let is_told = |marker: &String| new.find(marker).is_some_and(|at| new[at..].contains('\n'));
            if markers.iter().all(is_told) { Ok(new.to_owned()) } else { Err(self.dir.outputs()) }
        })
    }

    /// The frames that left by a port since this was last asked.
    fn frames(&mut self, port: u32) -> Vec<String> {
        let file = fs::read(self.dir.path(&format!("p{port}.pcap"))).unwrap_or_default();
        let at = self.read.entry(port).or_insert(24);
        let mut frames = Vec::new();
        while let Some(header) = file.get(*at..*at + 16) {
            let length = u32::from_ne_bytes(header[8..12].try_into().expect("four octets")) as usize;
            let Some(frame) = file.get(*at + 16..*at + 16 + length) else { break };
            frames.push(frame.iter().map(|octet| format!("{octet:02x}")).collect());
            *at += 16 + length;
        }
        frames
    }
}
