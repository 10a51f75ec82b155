//! The stream of messages, the server that hears them and the replica that is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use ovsdb::replica::{MonitorTable, Replica, ReplicaEvent, ReplicaOptions, RowChange};
use ovsdb::rpc::{FrameError, Framer, Message, Receiver, Tape};
use ovsdb::server::{Output, Server, SessionId, SessionOptions, Storage};
use ovsdb::{Condition, Row, Str, Uuid};

use super::database::{small_database, small_schema};
use super::lines;

/// Longest message in fuzzing.
const MESSAGE_BYTES_MAX: usize = 1 << 16;

/// A stream of messages after an octet that says where it is cut: whole or in pieces, it is the same messages and the
/// same error, and each is written and read back as the same.
pub(super) fn stream(octets: &[u8]) {
    let Some((first, stream)) = octets.split_first() else { return };
    let read = |piece_len: usize| -> (Vec<Message>, Result<(), FrameError>) {
        let mut framer = Framer::new(MESSAGE_BYTES_MAX);
        let outcome = stream.chunks(piece_len).try_for_each(|piece| framer.push(piece));
        (std::iter::from_fn(|| framer.pop()).collect(), outcome)
    };
    let whole = read(stream.len().max(1));
    assert_eq!(read(1 + usize::from(*first) % 16), whole);
    for message in whole.0 {
        let mut framer = Framer::new(usize::MAX);
        framer.push(&message.to_bytes()).expect("what was written is read");
        assert_eq!(framer.pop(), Some(message));
    }
}

/// Messages of three clients, a line each: `0` and `1` have every right, `2` has a role. Nobody ends the server, and
/// all that it says is messages.
pub(super) fn sessions(octets: &[u8]) {
    let mut server = Server::new(1);
    server.add_database(small_database(), Storage::Memory).expect("the only database");
    let now = Instant::now();
    let mut sessions = Vec::new();
    for role in ["", "", "nobody"] {
        let options = SessionOptions { role: role.into(), probe_interval: None, ..SessionOptions::default() };
        sessions.push(server.open_session(&options, now).expect("there is room"));
    }
    for line in lines(octets) {
        let client = line.bytes().next().map_or(0, |first| usize::from(first.wrapping_sub(b'0')) % 4);
        if client == 3 {
            // As if the first had hung up.
            server.close_session(sessions[0]);
            sessions[0] = server.open_session(&SessionOptions::default(), now).expect("there is room");
            continue;
        }
        let Some(text) = line.get(1..) else {
            continue;
        };
        let mut receiving = Receiving { server: &mut server, session: sessions[client], now };
        if Framer::new(MESSAGE_BYTES_MAX).push_to(text.as_bytes(), &mut receiving).is_err() {
            continue;
        }
        said(&mut server);
        server.handle_timeout(now);
        said(&mut server);
    }
}

/// The server as the receiver of what a client sends.
struct Receiving<'a> {
    server: &'a mut Server,
    session: SessionId,
    now: Instant,
}

impl Receiver for Receiving<'_> {
    const READS_TEXT: bool = true;

    fn text(&mut self, text: &Tape<'_>) -> bool {
        self.server.handle_text(self.session, text, self.now)
    }

    fn message(&mut self, message: Message) {
        self.server.handle_message(self.session, message, self.now);
    }
}

fn message(line: &str) -> Option<Message> {
    Message::from_value(serde_json::from_str(line).ok()?).ok()
}

fn said(server: &mut Server) -> Vec<(SessionId, Message)> {
    let mut said = Vec::new();
    while let Some(output) = server.poll_output() {
        match output {
            Output::Send { session, frame } => said.push((session, frame.to_message())),
            Output::Close { .. } => {}
            Output::Persist { .. } | Output::Rewrite { .. } | Output::Forward { .. } => {
                panic!("a database in memory has neither file nor source: {output:?}")
            }
        }
    }
    said
}

/// Messages to a replica that has the rows, a line each: what it tells of changes adds up to the rows that it has.
pub(super) fn replica(octets: &[u8]) {
    let now = Instant::now();
    let mut replica = synced(now);
    let mut shadow: BTreeMap<(Str, Uuid), Arc<Row>> = BTreeMap::new();
    for table in ["A", "B"] {
        shadow.extend(replica.rows(table).map(|(uuid, row)| ((table.into(), uuid), row.clone())));
    }
    for message in lines(octets).filter_map(message) {
        replica.handle_message(message, now);
        while replica.poll_output().is_some() {}
        while let Some(event) = replica.poll_event() {
            let ReplicaEvent::Changes(changes) = event else { continue };
            for RowChange { table, uuid, old, new } in changes {
                assert_ne!(old, new, "a change changes something");
                let key = (table, uuid);
                let before = match new {
                    Some(new) => shadow.insert(key, new),
                    None => shadow.remove(&key),
                };
                assert_eq!(before, old, "the old row is the one that was told before");
            }
        }
    }
    for table in ["A", "B"] {
        let rows: BTreeMap<Uuid, &Arc<Row>> = replica.rows(table).collect();
        let told = shadow.iter().filter(|((of, _), _)| **of == *table);
        assert!(told.map(|((_, uuid), row)| (*uuid, row)).eq(rows), "table {table}");
    }
}

/// A replica that a server has told everything.
fn synced(now: Instant) -> Replica {
    let schema = small_schema();
    let tables = schema.tables.iter().map(|(table, of)| MonitorTable {
        table: table.clone(),
        columns: of.columns.keys().cloned().collect(),
        condition: Condition::default(),
    });
    let options = ReplicaOptions { probe_interval: None, ..ReplicaOptions::default() };
    let mut replica = Replica::new(schema.clone(), tables.collect(), options);
    let mut server = Server::new(1);
    server.add_database(small_database(), Storage::Memory).expect("the only database");
    let options = SessionOptions { probe_interval: None, ..SessionOptions::default() };
    let session = server.open_session(&options, now).expect("there is room");
    replica.connected(now);
    while let Some(message) = replica.poll_output() {
        server.handle_message(session, message, now);
        for (_, message) in said(&mut server) {
            replica.handle_message(message, now);
        }
    }
    assert!(replica.is_synced());
    while replica.poll_event().is_some() {}
    replica
}
