//! Command lines of the clients, run against a database server in memory.

use std::sync::OnceLock;
use std::time::Instant;

use ctl::Program;
use ctl::cli::{Environment, Parsed, parse, split_words};
use ctl::run::{Output, Run};
use ovsdb::db::Database;
use ovsdb::server::{self, Server, SessionOptions, Storage};

use super::lines as lines_of;

/// Command lines, each beginning with a program's name: each ends with an exit code, or waits for another daemon.
pub(super) fn lines(octets: &[u8]) {
    let mut server = Server::new(1);
    for database in databases() {
        server.add_database(database.clone(), Storage::Memory).expect("each schema has its name");
    }
    for (seed, line) in (1000..).step_by(1000).zip(lines_of(octets).take(12)) {
        // What runs off at a full stop here would be read by a shell there: either way it is words.
        let Ok(words) = split_words(line) else { continue };
        let Some((first, arguments)) = words.split_first() else { continue };
        let Some(program) = Program::ALL.into_iter().find(|program| program.name() == first) else {
            continue;
        };
        if let Ok(Parsed::Run(invocation)) = parse(program, arguments, &Environment::default()) {
            let now = Instant::now();
            if let Ok(run) = Run::new(*invocation, seed, now, 1_000) {
                to_its_end(run, &mut server, now);
            }
        }
    }
}

/// Moves messages until there are no more.
fn to_its_end(mut run: Run, server: &mut Server, now: Instant) {
    let session = server.open_session(&SessionOptions::default(), now).expect("there is room");
    run.connected(now);
    'moving: loop {
        let mut is_quiet = true;
        while let Some(output) = run.poll_output() {
            match output {
                Output::Send(message) => {
                    is_quiet = false;
                    server.handle_message(session, message, now);
                }
                Output::Reconnect | Output::Exit(_) => break 'moving,
                Output::Warn { .. } | Output::Print(_) | Output::Error(_) => {}
            }
        }
        while let Some(output) = server.poll_output() {
            if let server::Output::Send { frame, .. } = output {
                is_quiet = false;
                run.handle_message(frame.to_message(), now);
            }
        }
        if is_quiet {
            break;
        }
    }
    server.close_session(session);
}

fn databases() -> &'static [Database] {
    static MADE: OnceLock<Vec<Database>> = OnceLock::new();
    MADE.get_or_init(|| {
        let schemas = Program::ALL.into_iter().map(|program| program.schema().clone());
        schemas.zip(2..).map(|(schema, seed)| Database::new(schema, seed)).collect()
    })
}
