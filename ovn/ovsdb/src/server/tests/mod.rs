//! A server and clients that are played by hand.

mod bounds;
mod databases;
mod laws;
mod locks;
mod methods;
mod monitors;
mod transactions;

use super::*;
use crate::DatabaseSchema;
use crate::db::Database;
use crate::json::Scan;
use crate::rpc::Message;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn schema() -> DatabaseSchema {
    let json = json!({"name": "T", "version": "1.0.0", "tables": {
        "A": {"isRoot": true, "indexes": [["name"]], "columns": {
            "name": {"type": "string"},
            "n": {"type": "integer"},
            "s": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
            "m": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}},
            "o": {"type": {"key": "integer", "min": 0, "max": 1}},
            "r": {"type": {"key": {"type": "uuid", "refTable": "B"}, "min": 0, "max": "unlimited"}}}},
        "B": {"columns": {"x": {"type": "integer"}, "e": {"type": "string", "ephemeral": true}}}}});
    DatabaseSchema::from_json(&json).unwrap()
}

/// The uuid that ends in this digit.
fn u(digit: u8) -> String {
    Uuid::from_u128(digit.into()).to_string()
}

struct Bench {
    server: Server,
    now: Instant,
    names: BTreeMap<SessionId, &'static str>,
    request_last: u64,
    /// Whether the shell is quick to write what it should.
    persists: bool,
    /// Uuids by the order in which they were seen.
    uuids: Vec<String>,
}

impl Bench {
    /// A server with database `T` and these clients.
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the first")]
    fn new(clients: &[&'static str]) -> Self {
        let mut server = Server::new(1);
        server.add_database(Database::new(Arc::new(schema()), 2), Storage::Log).unwrap();
        let now = Instant::now();
        let mut bench =
            Self { server, now, names: BTreeMap::new(), request_last: 0, persists: true, uuids: Vec::new() };
        for client in clients {
            bench.connect(client, &SessionOptions { probe_interval: None, ..SessionOptions::default() });
        }
        bench
    }

    fn connect(&mut self, client: &'static str, options: &SessionOptions) -> SessionId {
        let session = self.server.open_session(options, self.now).unwrap();
        self.names.insert(session, client);
        session
    }

    fn session(&self, client: &str) -> SessionId {
        *self.names.iter().find(|(_, name)| **name == client).unwrap().0
    }

    /// A client asks; what the server says to that, to all clients.
    fn ask(&mut self, client: &str, method: &str, params: Value) -> String {
        self.request_last += 1;
        let request = Message::request(self.request_last, method, params);
        let session = self.session(client);
        let (mut scan, text) = (Scan::default(), request.to_bytes());
        let text = scan.whole(&text);
        if !text.is_some_and(|text| self.server.handle_text(session, &text, self.now)) {
            self.server.handle_message(session, request, self.now);
        }
        self.said()
    }

    /// What the server has to say. Uuids that are not of [`u`] are shown by the order in which they were seen.
    fn said(&mut self) -> String {
        let mut lines = Vec::new();
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Send { session, frame } => {
                    let text = match frame.to_message() {
                        Message::Request { id, method, params } => format!("{method} {id}: {params}"),
                        Message::Notification { method, params } => format!("{method}: {params}"),
                        Message::Reply { id, result: Ok(result) } => format!("{id}: {result}"),
                        Message::Reply { id, result: Err(error) } => format!("{id}: ERROR {error}"),
                    };
                    lines.push(format!("{}< {text}", self.names[&session]));
                }
                Output::Close { session, reason } => {
                    lines.push(format!("{}: closed, {reason}", self.names[&session]))
                }
                Output::Forward { database, session, id, params } => {
                    lines.push(format!("{}: forward {id} to {database}: {params}", self.names[&session]));
                }
                Output::Persist { database, seq, .. } | Output::Rewrite { database, seq, .. } => {
                    if self.persists {
                        self.server.persisted(&database, seq);
                    } else {
                        lines.push(format!("persist {database} {seq}"));
                    }
                }
            }
        }
        self.with_short_uuids(&lines.join("\n"))
    }

    fn with_short_uuids(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            match rest.get(..36).filter(|text| text.parse::<Uuid>().is_ok()) {
                Some(uuid) if uuid.starts_with("00000000-") => {
                    out.push_str(uuid.trim_start_matches(['0', '-']));
                    rest = &rest[36..];
                }
                Some(uuid) => {
                    let at = self.uuids.iter().position(|seen| seen == uuid).unwrap_or_else(|| {
                        self.uuids.push(uuid.to_owned());
                        self.uuids.len() - 1
                    });
                    out.push_str(&format!("U{at}"));
                    rest = &rest[36..];
                }
                None => {
                    out.push_str(&rest[..1]);
                    rest = &rest[1..];
                }
            }
        }
        out + rest
    }

    /// Client `a` runs a transaction on `T`.
    fn transact(&mut self, operations: Value) -> String {
        let mut params = vec![json!("T")];
        params.extend(operations.as_array().unwrap().iter().cloned());
        self.ask("a", "transact", params.into())
    }

    fn after(&mut self, ms: u64) -> String {
        self.now += Duration::from_millis(ms);
        self.server.handle_timeout(self.now);
        self.said()
    }
}
