//! What a commit costs in the core of the server, to read and do it, to write its record, to reply; into an empty switch
//! and into a large one: `cargo bench -p ovsdb`.
//!
//! Figures are printed, never asserted.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A measurement stops where it fails, and reads the clock.

use ovsdb::DatabaseSchema;
use ovsdb::db::{Caller, Database};
use ovsdb::log::{append_record, transaction_record};
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX, Message, Receiver, Tape};
use ovsdb::server::{Output, Server, SessionId, SessionOptions, Storage};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SWITCH: &str = "00000000-0000-4000-8000-000000000001";
/// Commits of each measurement.
const COMMITS: usize = 5_000;

fn main() {
    // `cargo test --benches` runs this too; then it only has to compile.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    println!("{:>8} {:>9} {:>9} {:>9}  us a commit", "ports", "transact", "record", "reply");
    for ports in [0, 100, 10_000, 100_000] {
        let phases = measure(ports);
        let us = |phase: Duration| format!("{:.2}", phase.as_secs_f64() * 1e6);
        let [transact, record, reply] = phases.map(us);
        println!("{ports:>8} {transact:>9} {record:>9} {reply:>9}");
    }
}

/// A switch with many ports, as the northbound database has it.
fn schema() -> Arc<DatabaseSchema> {
    let map = json!({"key": "string", "value": "string", "min": 0, "max": "unlimited"});
    let strings = json!({"key": "string", "min": 0, "max": "unlimited"});
    let rows = json!({"key": {"type": "uuid", "refTable": "Port"}, "min": 0, "max": "unlimited"});
    let optional = |key: &str| json!({"type": {"key": key, "min": 0, "max": 1}});
    let schema = json!({"name": "Net", "version": "1.0.0", "tables": {
        "Switch": {"isRoot": true, "columns": {
            "name": {"type": "string"}, "ports": {"type": rows}, "external_ids": {"type": map}, "other_config": {"type": map}}},
        "Port": {"indexes": [["name"]], "columns": {
            "name": {"type": "string"}, "type": {"type": "string"}, "addresses": {"type": strings},
            "port_security": {"type": strings}, "options": {"type": map}, "external_ids": {"type": map},
            "tag": optional("integer"), "up": optional("boolean"), "enabled": optional("boolean")}}}});
    Arc::new(DatabaseSchema::from_json(&schema).unwrap())
}

/// The operations, with commas between them.
fn add_port(n: usize) -> String {
    let address =
        format!("0a:00:00:00:{:02x}:{:02x} 10.0.{}.{}", n >> 8 & 255, n & 255, n >> 8 & 255, n & 255);
    let insert = json!({"op": "insert", "table": "Port", "uuid-name": "p", "row": {
        "name": format!("port-{n}"), "addresses": address, "port_security": address,
        "external_ids": ["map", [["pod", "true"], ["namespace", "ns-1"]]],
        "options": ["map", [["requested-chassis", "node-0"]]]}});
    let mutate = json!({"op": "mutate", "table": "Switch", "where": [["_uuid", "==", ["uuid", SWITCH]]],
        "mutations": [["ports", "insert", ["named-uuid", "p"]]]});
    format!("{insert},{mutate}")
}

/// The server as the receiver of what a client sends.
struct Client<'a> {
    server: &'a mut Server,
    session: SessionId,
    now: Instant,
}

impl Receiver for Client<'_> {
    const READS_TEXT: bool = true;

    fn text(&mut self, text: &Tape<'_>) -> bool {
        self.server.handle_text(self.session, text, self.now)
    }

    fn message(&mut self, message: Message) {
        self.server.handle_message(self.session, message, self.now);
    }
}

/// The median of each phase of a commit; what else the machine does shows little in it.
fn measure(ports: usize) -> [Duration; 3] {
    let mut database = Database::new(schema(), 1);
    database.transact(
        &[json!({"op": "insert", "table": "Switch", "uuid": SWITCH, "row": {"name": "s"}})],
        Caller::default(),
        0,
    );
    let mut server = Server::new(1);
    server.add_database(database, Storage::Log).unwrap();
    let now = Instant::now();
    let session = server.open_session(&SessionOptions::default(), now).unwrap();
    let mut framer = Framer::new(MESSAGE_BYTES_MAX);
    let mut phases: [Vec<Duration>; 3] = std::array::from_fn(|_| Vec::new());
    for n in 0..ports + COMMITS {
        if n == ports {
            phases.iter_mut().for_each(Vec::clear);
        }
        let text = format!(r#"{{"method":"transact","id":{n},"params":["Net",{}]}}"#, add_port(n));
        let mut last = Instant::now();
        let mut lap = |phase: usize| {
            let now = Instant::now();
            phases[phase].push(now - last);
            last = now;
        };
        framer.push_to(text.as_bytes(), &mut Client { server: &mut server, session, now }).unwrap();
        lap(0);
        let Some(Output::Persist { database, seq, layout, commit }) = server.poll_output() else {
            panic!("the commit succeeds");
        };
        let mut file = Vec::new();
        append_record(&mut file, &transaction_record(&layout, &commit, 0).unwrap());
        lap(1);
        server.persisted(&database, seq);
        let Some(Output::Send { frame, .. }) = server.poll_output() else { panic!("there is a reply") };
        lap(2);
        assert!(frame.byte_count() > 0 && !file.is_empty());
    }
    phases.map(|mut phase| {
        phase.sort_unstable();
        phase[phase.len() / 2]
    })
}
