//! A database server of the three databases in memory, and runs of the programs against it.

#![allow(clippy::unwrap_used, dead_code)] // Of a test's world; not every test file uses all of it.

use ctl::cli::{Environment, Parsed, parse, split_words};
use ctl::run::{Output, Run};
use ctl::{Failure, Program};
use ovsdb::db::Database;
use ovsdb::rpc::Message;
use ovsdb::server::{Server, SessionId, SessionOptions, Storage};
use ovsdb::{DatabaseSchema, Uuid};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server, the runs on it, and the time that they are told.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) now: Instant,
    clients: Vec<Client>,
    /// Makes the UUIDs of each run.
    seed: u64,
}

/// A run with its connection.
struct Client {
    program: Program,
    run: Option<Run>,
    session: Option<SessionId>,
    /// Messages on their way to the server.
    sent: VecDeque<Message>,
    /// Keeps messages to the server on their way.
    is_held: bool,
    printed: Printed,
}

/// What a run printed and sent so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Printed {
    pub(crate) out: String,
    pub(crate) error: String,
    /// The exit code, once it has ended.
    pub(crate) code: Option<u8>,
    /// The operations of its transactions.
    pub(crate) operations: Vec<Value>,
}

impl World {
    /// Databases with our schemas, without what `later` lists.
    pub(crate) fn new(later: &str) -> Self {
        let mut server = Server::new(1);
        for (seed, program) in (2..).zip(Program::ALL) {
            let schema = Arc::new(without(program.schema(), later));
            server.add_database(Database::new(schema, seed), Storage::Memory).unwrap();
        }
        #[allow(clippy::disallowed_methods)] // There is no other way to come by an instant.
        let now = Instant::now();
        Self { server, now, clients: Vec::new(), seed: 100 }
    }

    /// Runs a command line to its end.
    pub(crate) fn run(&mut self, line: &str) -> Printed {
        let client = self.start(line);
        self.pump();
        let printed = self.printed(client).clone();
        assert!(printed.code.is_some(), "{line} waits for something");
        printed
    }

    /// Starts a run; its connection is there, but nothing has been sent or received.
    pub(crate) fn start(&mut self, line: &str) -> usize {
        let client = self.start_unconnected(line);
        let session = self.server.open_session(&SessionOptions::default(), self.now).unwrap();
        let now = self.now;
        if let Some(run) = &mut self.clients[client].run {
            run.connected(now);
        }
        self.clients[client].session = Some(session);
        client
    }

    /// Starts a run without a connection.
    pub(crate) fn start_unconnected(&mut self, line: &str) -> usize {
        let words = split_words(line).unwrap();
        let program = Program::ALL.into_iter().find(|program| program.name() == words[0]).unwrap();
        self.seed += 1000;
        let mut printed = Printed::default();
        let run = match parse(program, &words[1..], &Environment::default()) {
            Ok(Parsed::Run(invocation)) => Run::new(*invocation, self.seed, self.now, 1_000),
            Ok(Parsed::Print(text)) => {
                (printed.out, printed.code) = (text, Some(0));
                Err(Failure::silent(0))
            }
            Ok(other @ (Parsed::Call(_) | Parsed::Serve(_))) => panic!("{line} is about a daemon: {other:?}"),
            Err(failure) => Err(failure),
        };
        let run = match run {
            Ok(run) => Some(run),
            Err(Failure { message, code }) => {
                printed.code = Some(code);
                message
                    .into_iter()
                    .for_each(|text| writeln!(printed.error, "{}: {text}", program.name()).unwrap());
                None
            }
        };
        let client = Client { program, run, session: None, sent: VecDeque::new(), is_held: false, printed };
        self.clients.push(client);
        self.clients.len() - 1
    }

    pub(crate) fn printed(&self, client: usize) -> &Printed {
        &self.clients[client].printed
    }

    /// Keeps what a run sends on its way, or lets it go.
    pub(crate) fn hold(&mut self, client: usize, is_held: bool) {
        self.clients[client].is_held = is_held;
    }

    /// The connection of a run could not be made.
    pub(crate) fn refuse(&mut self, client: usize, reason: &str) {
        let now = self.now;
        self.clients[client].run.as_mut().unwrap().disconnected(reason, now);
        self.pump();
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        for client in &mut self.clients {
            if let Some(run) = &mut client.run {
                assert!(run.poll_timeout().is_none_or(|(_, why)| !why.is_empty()));
                run.handle_timeout(self.now);
            }
        }
        self.pump();
    }

    /// Moves messages until none is left but those held.
    pub(crate) fn pump(&mut self) {
        while self.step() {}
    }

    /// Moves the messages that are there, once to the server and once back; false if there are none.
    pub(crate) fn step(&mut self) -> bool {
        let mut is_quiet = true;
        for client in &mut self.clients {
            client.take_outputs(&mut self.server);
            if client.is_held {
                continue;
            }
            while let (Some(session), Some(message)) = (client.session, client.sent.pop_front()) {
                is_quiet = false;
                self.server.handle_message(session, message, self.now);
            }
        }
        while let Some(output) = self.server.poll_output() {
            let ovsdb::server::Output::Send { session, frame } = output else {
                panic!("unexpected {output:?}")
            };
            let to = self.clients.iter_mut().find(|client| client.session == Some(session));
            if let Some(run) = to.and_then(|client| client.run.as_mut()) {
                is_quiet = false;
                run.handle_message(frame.to_message(), self.now);
            }
        }
        for client in &mut self.clients {
            client.take_outputs(&mut self.server);
        }
        !is_quiet
    }

    /// Runs operations on a database as a client of its own.
    pub(crate) fn transact(&mut self, database: &str, operations: &Value) {
        let session = self.server.open_session(&SessionOptions::default(), self.now).unwrap();
        let params = std::iter::once(json!(database)).chain(operations.as_array().unwrap().iter().cloned());
        self.server.handle_message(session, Message::request(1, "transact", params.collect()), self.now);
        self.server.close_session(session);
        self.pump();
    }
}

impl Client {
    fn take_outputs(&mut self, server: &mut Server) {
        while let Some(output) = self.run.as_mut().and_then(Run::poll_output) {
            let printed = &mut self.printed;
            match output {
                Output::Send(message) => {
                    if let Message::Request { method, params, .. } = &message
                        && method == "transact"
                    {
                        printed.operations.extend(params.as_array().unwrap().iter().skip(1).cloned());
                    }
                    self.sent.push_back(message);
                }
                Output::Reconnect => panic!("a run gives its connection up"),
                Output::Warn { module, text } => {
                    writeln!(printed.error, "{}|{}|{text}", module.name(), module.level()).unwrap()
                }
                Output::Print(text) => printed.out.push_str(&text),
                Output::Error(text) => writeln!(printed.error, "{}: {text}", self.program.name()).unwrap(),
                Output::Exit(code) => {
                    printed.code = Some(code);
                    self.run = None;
                    self.session.into_iter().for_each(|session| server.close_session(session));
                }
            }
        }
    }
}

/// The schema without what came later.
fn without(schema: &DatabaseSchema, later: &str) -> DatabaseSchema {
    let mut schema = schema.clone();
    for line in later.lines().filter(|line| !line.starts_with('#')) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            [database, table] if *database == *schema.name => drop(schema.tables.remove(table)),
            [database, table, column] if *database == *schema.name => {
                schema.tables.get_mut(table).unwrap().columns.remove(column).unwrap();
            }
            [_, _] | [_, _, _] => {}
            _ => panic!("{line}"),
        }
    }
    schema
}

/// Writes `<uuid>` for UUIDs but those that the commands themselves name, and for the parts of them in output.
pub(crate) fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let is_known = ["12345678-", "aaaaaaaa-", "aaaa1111"].iter().any(|known| rest.starts_with(known));
        if rest.get(..36).is_some_and(|part| part.parse::<Uuid>().is_ok()) && !is_known {
            out.push_str("<uuid>");
            rest = &rest[36..];
        } else if rest.get(8..).is_some_and(|after| after.starts_with("</a>")) && out.ends_with("\">")
            || out.ends_with("uuid=0x")
        {
            out.push_str("<uuid>");
            rest = &rest[8..];
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}
