//! Clients of the database server that want too much: it stays small and serves the others.
#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX, Message};
use serde_json::{Value, json};
use tests::process::{Daemon, RunDir, run_ok};
use tests::wait_for;

/// How much the server may grow by what a test does: caches and allocator slack, not what was sent.
const GROWTH_KIB_MAX: u64 = 64 << 10;

/// A field of `/proc/PID/status`, in KiB.
fn memory(server: &Daemon, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}

fn start(dir: &RunDir) -> Daemon {
    let mut create = dir.ours("ovsdb-tool");
    create.args(["create", "nb.db", "ovn-nb.ovsschema"]);
    run_ok(create);
    let mut server = dir.ours("ovsdb-server");
    server.args(["nb.db", "--remote=punix:nb.sock", "--unixctl=nb.ctl", "-vconsole:err"]);
    let daemon = dir.start("ovsdb-server", server);
    dir.wait_for_socket("nb.sock");
    daemon
}

/// A client that asks one thing at a time.
struct Client {
    stream: UnixStream,
    framer: Framer,
    last: u64,
    /// How many notifications came.
    updates: usize,
}

impl Client {
    fn new(dir: &RunDir) -> Self {
        let stream = UnixStream::connect(dir.path("nb.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream, framer: Framer::new(MESSAGE_BYTES_MAX), last: 0, updates: 0 }
    }

    fn send(&mut self, method: &str, params: Value) {
        self.last += 1;
        self.stream.write_all(&Message::request(self.last, method, params).to_bytes()).unwrap();
    }

    /// Reads a part of what there is.
    fn read(&mut self) {
        let mut buffer = vec![0; 64 << 10];
        let length = self.stream.read(&mut buffer).unwrap();
        assert!(length > 0, "the server hung up");
        self.framer.push(&buffer[..length]).unwrap();
    }

    fn next(&mut self) -> Message {
        loop {
            if let Some(message) = self.framer.pop() {
                return message;
            }
            self.read();
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(method, params);
        loop {
            match self.next() {
                Message::Reply { id, result } if id == json!(self.last) => return result.unwrap(),
                Message::Notification { .. } => self.updates += 1,
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Gives a switch of its own this description.
    fn describe(&mut self, text: &str) {
        let whose = json!([["name", "==", "big"]]);
        let change = json!({"op": "update", "table": "Logical_Switch", "where": whose,
                            "row": {"external_ids": ["map", [["description", text]]]}});
        assert_eq!(self.ask("transact", json!(["OVN_Northbound", change])), json!([{"count": 1}]));
    }
}

fn all() -> Value {
    json!({"Logical_Switch": [{"columns": ["name", "external_ids"]}], "Logical_Switch_Port": [{"columns": ["name", "addresses"]}]})
}

/// A client that sees all, and a switch to be described.
fn witness(dir: &RunDir) -> Client {
    let mut client = Client::new(dir);
    let row = json!({"op": "insert", "table": "Logical_Switch", "row": {"name": "big"}});
    client.ask("transact", json!(["OVN_Northbound", row]));
    client.ask("monitor_cond", json!(["OVN_Northbound", "m", all()]));
    client
}

#[test]
fn ten_thousand_connections_come_and_go() {
    let dir = RunDir::default();
    let server = start(&dir);
    let mut witness = witness(&dir);
    let monitor = Message::request(1, "monitor_cond", json!(["OVN_Northbound", "m", all()])).to_bytes();
    let mut before = 0;
    for round in 0..50 {
        let mut crowd: Vec<UnixStream> =
            (0..200).map(|_| UnixStream::connect(dir.path("nb.sock")).unwrap()).collect();
        for (i, stream) in crowd.iter_mut().enumerate() {
            // Some say nothing, some half a request, some a whole one whose reply they do not read.
            stream.write_all(&monitor[..monitor.len() * (i % 3) / 2]).unwrap();
        }
        witness.describe(&format!("round {round}"));
        drop(crowd);
        if round == 0 {
            before = memory(&server, "VmRSS");
        }
    }
    assert_eq!(witness.updates, 50);
    let grown = memory(&server, "VmRSS").saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX / 4, "grown by {grown} KiB");
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    wait_for("the end of the connections", Duration::from_secs(30), || match descriptors() {
        0..100 => Ok(()),
        many => Err(format!("{many} are open")),
    });
}

#[test]
fn a_client_that_does_not_read_costs_little_and_is_told_of_all_changes_at_once_when_it_does() {
    let dir = RunDir::default();
    let server = start(&dir);
    let mut witness = witness(&dir);
    let mut silent = Client::new(&dir);
    // Each change is told to it so many times, in messages that differ.
    const MONITORS: usize = 60;
    for id in 0..MONITORS {
        silent.ask("monitor_cond", json!(["OVN_Northbound", id, all()]));
    }
    let before = memory(&server, "VmRSS");
    const CHANGES: usize = 12;
    for change in 0..CHANGES {
        witness.describe(&format!("{change}").repeat(120 << 10));
    }
    assert_eq!(witness.updates, CHANGES, "the one that reads hears of all");
    let grown = memory(&server, "VmRSS").saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "grown by {grown} KiB");
    // Some changes were on their way; all later ones come together.
    let last = format!("{}", CHANGES - 1).repeat(120 << 10);
    let mut heard = [0; MONITORS];
    let mut knows_last = [false; MONITORS];
    while knows_last.iter().any(|knows| !knows) {
        let Message::Notification { params, .. } = silent.next() else { panic!("an update is expected") };
        let id = usize::try_from(params[0].as_u64().unwrap()).unwrap();
        heard[id] += 1;
        knows_last[id] |= params[1].to_string().contains(&last);
    }
    assert!(heard.iter().all(|updates| *updates <= CHANGES));
    assert!(heard.iter().sum::<usize>() < MONITORS * CHANGES / 2, "{heard:?}");
}

#[test]
fn first_contents_that_nobody_reads_cost_nothing() {
    let dir = RunDir::default();
    let server = start(&dir);
    let mut witness = witness(&dir);
    for batch in 0..4 {
        let port = |i: usize| {
            json!({"op": "insert", "table": "Logical_Switch_Port", "uuid-name": format!("p{i}"),
                   "row": {"name": format!("{batch} {i}"), "addresses": "0a:00:00:00:00:01 10.0.0.1 ".repeat(40)}})
        };
        let mut operations = vec![json!("OVN_Northbound")];
        operations.extend((0..500).map(port));
        let ports: Vec<Value> = (0..500).map(|i| json!(["named-uuid", format!("p{i}")])).collect();
        operations.push(json!({"op": "insert", "table": "Logical_Switch", "row": {"name": format!("{batch}"), "ports": ["set", ports]}}));
        witness.ask("transact", operations.into());
    }
    let before = memory(&server, "VmRSS");
    // Two megabytes for each of a hundred.
    let mut crowd: Vec<Client> = (0..100).map(|_| Client::new(&dir)).collect();
    for client in &mut crowd {
        client.send("monitor_cond", json!(["OVN_Northbound", "m", all()]));
    }
    // The beginning of the contents says that they are of the time before the change.
    let late = crowd.last_mut().unwrap();
    late.read();
    witness.describe("short");
    let grown = memory(&server, "VmRSS").saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "grown by {grown} KiB");
    // Who reads at last gets the contents as they were, and then what came later.
    let Message::Reply { result: Ok(contents), .. } = late.next() else { panic!("no contents") };
    assert_eq!(contents["Logical_Switch_Port"].as_object().unwrap().len(), 2000);
    assert!(matches!(late.next(), Message::Notification { method, .. } if method == "update2"));
}

#[test]
fn a_message_of_64_mib_is_answered_and_others_are_served_meanwhile() {
    let dir = RunDir::default();
    let server = start(&dir);
    let mut witness = witness(&dir);
    let before = memory(&server, "VmRSS");
    const LENGTH: usize = 64 << 20;
    let mut big = Client::new(&dir);
    let mut stream = big.stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        let message = Message::request(1, "echo", json!(["x".repeat(LENGTH)]));
        stream.write_all(&message.to_bytes()).unwrap();
    });
    for change in 0..20 {
        witness.describe(&format!("{change}"));
    }
    let Message::Reply { result: Ok(echo), .. } = big.next() else { panic!("no reply") };
    assert_eq!(echo[0].as_str().map(str::len), Some(LENGTH));
    writer.join().unwrap();
    drop((big, echo));
    // The text, the message made of it, and what waits for the peer.
    let peak = memory(&server, "VmHWM").saturating_sub(before);
    assert!(peak < 4 * (LENGTH as u64 >> 10), "a peak of {peak} KiB");
    wait_for("the memory to be given back", Duration::from_secs(30), || {
        let grown = memory(&server, "VmRSS").saturating_sub(before);
        if grown < GROWTH_KIB_MAX / 2 { Ok(()) } else { Err(format!("grown by {grown} KiB")) }
    });
    witness.describe("after");
}

#[test]
fn ten_thousand_levels_of_nesting_end_the_connection_only() {
    let dir = RunDir::default();
    let server = start(&dir);
    let mut witness = witness(&dir);
    let before = memory(&server, "VmRSS");
    for (open, value, close) in [("[", "1", "]"), ("{\"a\":", "1", "}"), ("[{\"a\":", "[]", "}]")] {
        for _ in 0..20 {
            let mut client = Client::new(&dir);
            let params = format!("{}{value}{}", open.repeat(10_000), close.repeat(10_000));
            // It may hang up before all is written.
            let _ = client
                .stream
                .write_all(format!("{{\"id\":1,\"method\":\"echo\",\"params\":[{params}]}}").as_bytes());
            let mut rest = Vec::new();
            // A reset is a way to hang up, too.
            let _ = client.stream.read_to_end(&mut rest);
            assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
        }
    }
    witness.describe("after");
    let grown = memory(&server, "VmRSS").saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX / 4, "grown by {grown} KiB");
}
