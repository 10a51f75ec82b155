//! What clients cost the core of the server: an update told to many, and the first contents of a large database, made
//! piece by piece: `cargo bench -p ovsdb --bench serve`.
//!
//! Figures are printed, never asserted. Sockets are the shell's, and cost what the system takes for each write.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A measurement stops where it fails, and reads the clock.

use ovsdb::DatabaseSchema;
use ovsdb::db::Database;
use ovsdb::rpc::Message;
use ovsdb::server::{Output, Server, SessionId, SessionOptions, Storage};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Commits of each measurement.
const COMMITS: usize = 2_000;
/// Rows of the large database.
const ROWS: usize = 100_000;

fn main() {
    // `cargo test --benches` runs this too; then it only has to compile.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let alone = commits(0);
    println!("{:>8} {:>12}  ns an update and client", "clients", "core");
    for clients in [10_u32, 100, 1_000] {
        let each = commits(clients).saturating_sub(alone) / clients;
        println!("{clients:>8} {:>12}", each.as_nanos());
    }
    download();
}

fn schema() -> Arc<DatabaseSchema> {
    let map = json!({"key": "string", "value": "string", "min": 0, "max": "unlimited"});
    let strings = json!({"key": "string", "min": 0, "max": "unlimited"});
    let optional = |key: &str| json!({"type": {"key": key, "min": 0, "max": 1}});
    let schema = json!({"name": "Net", "version": "1.0.0", "tables": {"Port": {"isRoot": true, "columns": {
        "name": {"type": "string"}, "type": {"type": "string"}, "addresses": {"type": strings},
        "port_security": {"type": strings}, "options": {"type": map}, "external_ids": {"type": map},
        "tag": optional("integer"), "up": optional("boolean"), "enabled": optional("boolean")}}}});
    Arc::new(DatabaseSchema::from_json(&schema).unwrap())
}

fn insert(n: usize) -> Value {
    let address =
        format!("0a:00:00:00:{:02x}:{:02x} 10.0.{}.{}", n >> 8 & 255, n & 255, n >> 8 & 255, n & 255);
    json!({"op": "insert", "table": "Port", "row": {
        "name": format!("port-{n}"), "addresses": address, "port_security": address,
        "external_ids": ["map", [["pod", "true"], ["namespace", format!("ns-{}", n % 100)]]],
        "options": ["map", [["requested-chassis", "node-0"]]]}})
}

struct Bench {
    server: Server,
    now: Instant,
    writer: SessionId,
}

impl Bench {
    fn new() -> Self {
        let mut server = Server::new(1);
        server.add_database(Database::new(schema(), 1), Storage::Memory).unwrap();
        let now = Instant::now();
        let writer = server.open_session(&SessionOptions::default(), now).unwrap();
        Self { server, now, writer }
    }

    fn ask(&mut self, session: SessionId, method: &str, params: Value) {
        self.server.handle_message(session, Message::request(1, method, params), self.now);
    }

    fn monitor(&mut self) {
        let session = self.server.open_session(&SessionOptions::default(), self.now).unwrap();
        self.ask(session, "monitor_cond", json!(["Net", "m", {"Port": [{}]}]));
    }

    /// Takes all that is to be sent, as a shell does; how many messages.
    fn drain(&mut self) -> usize {
        std::iter::from_fn(|| self.server.poll_output()).count()
    }
}

/// The median of a commit with so many clients that are told of it.
fn commits(clients: u32) -> Duration {
    let mut bench = Bench::new();
    for _ in 0..clients {
        bench.monitor();
    }
    bench.drain();
    let mut times: Vec<Duration> = (0..COMMITS)
        .map(|n| {
            let params = json!(["Net", insert(n)]);
            let start = Instant::now();
            bench.ask(bench.writer, "transact", params);
            assert_eq!(bench.drain(), clients as usize + 1);
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// Makes the first contents of a large database and says how long that took, and how much memory it left in use.
fn download() {
    let mut bench = Bench::new();
    for batch in 0..ROWS / 250 {
        let mut params = vec![json!("Net")];
        params.extend((0..250).map(|n| insert(batch * 250 + n)));
        bench.ask(bench.writer, "transact", params.into());
        bench.drain();
    }
    for round in 1..4 {
        let before = resident_kib();
        let start = Instant::now();
        bench.monitor();
        let sent = |output| if let Output::Send { frame, .. } = output { Some(frame) } else { None };
        let frame = std::iter::from_fn(|| bench.server.poll_output()).find_map(sent).unwrap();
        let pieces = frame.to_be_made().unwrap().pieces;
        let bytes: usize = (0..).map_while(|index| pieces.piece(index)).map(|piece| piece.len()).sum();
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let grown = resident_kib().saturating_sub(before);
        println!("download {round} of {ROWS} rows: {ms:.1} ms, {} KiB, {grown} KiB more in use", bytes >> 10);
        // The next one is of another state.
        bench.ask(bench.writer, "transact", json!(["Net", insert(ROWS + round)]));
        bench.drain();
    }
}

/// The memory that this process has in use.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
