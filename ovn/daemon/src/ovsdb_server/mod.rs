//! `ovsdb-server`: databases in files, served to clients over sockets.
//!
//! ```text
//!  clients ──JSON-RPC──► Net ──► framer ──► ovsdb::server ──Persist──► file
//!     ▲                                        │    ▲                   │
//!     └──────────────── Send ──────────────────┘    └──── persisted ────┘
//! ```

mod commands;
mod compaction;
mod compactions;
pub mod file;
mod remotes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use ovsdb::db::Snapshot;
use ovsdb::log;
use ovsdb::rpc::{Frame, Framer, MESSAGE_BYTES_MAX};
use ovsdb::server::{Output, Server, SessionId, SessionOptions, Storage};
use ovsdb::{Str, Uuid, UuidGenerator};

use crate::base::getopt::{Opt, Takes, opt};
use crate::base::net::{ConnId, Event};
use crate::base::options::{Own, Program, TLS};
use crate::base::paths::{Family, below};
use crate::base::shell::{self, About, Happening, Shell};
use compactions::Compactions;
use file::{DbFile, FileError};
use remotes::Remotes;

/// The program.
pub const PROGRAM: Program = Program { name: "ovsdb-server", family: Family::Ovs };

const OWN: &[Opt] = &[
    opt("remote", Takes::Value),
    opt("disable-monitor-cond", Takes::Nothing),
    opt("disable-file-column-diff", Takes::Nothing),
    TLS[0],
    TLS[1],
    TLS[2],
    TLS[3],
    TLS[4],
    TLS[5],
    TLS[6],
    TLS[7],
    TLS[8],
];

/// Runs the server.
pub fn run(args: &[String]) -> ExitCode {
    let about = About { program: PROGRAM, options: OWN, help: HELP, commands: commands::COMMANDS };
    shell::run(&about, args, |shell, own| async move {
        let mut daemon = Daemon::open(shell, &own)?;
        daemon.serve().await
    })
}

struct Daemon {
    shell: Shell,
    server: Server,
    files: BTreeMap<Str, DbFile>,
    remotes: Remotes,
    compactions: Compactions,
    run_dir: PathBuf,
    conns: BTreeMap<ConnId, (SessionId, Framer)>,
    sessions: BTreeMap<SessionId, ConnId>,
}

impl Daemon {
    fn open(shell: Shell, own: &Own) -> anyhow::Result<Self> {
        let run_dir = PROGRAM.family.run_dir();
        let mut daemon = Self {
            shell,
            server: Server::new(crate::base::random_seed()),
            files: BTreeMap::new(),
            remotes: Remotes::default(),
            compactions: Compactions::default(),
            run_dir,
            conns: BTreeMap::new(),
            sessions: BTreeMap::new(),
        };
        daemon.server.set_monitor_cond(!own.has("disable-monitor-cond"));
        for remote in own.all("remote") {
            daemon.remotes.add(remote, &daemon.run_dir)?;
        }
        let db_dir = PROGRAM.family.db_dir();
        if own.operands.is_empty() {
            daemon.add_database(&db_dir.join("conf.db"))?;
        }
        for path in &own.operands {
            // A relative path is that of the caller, as a shell completes it, unless only the database directory has it.
            let here = PathBuf::from(path);
            daemon.add_database(&if here.exists() { here } else { below(&db_dir, path) })?;
        }
        tracing::info!(target: "ovsdb_server", "{}", shell::version(PROGRAM.name));
        Ok(daemon)
    }

    fn add_database(&mut self, path: &Path) -> anyhow::Result<()> {
        let path = std::path::absolute(path).context("the current directory")?;
        let (file, database, past) = DbFile::open(&path, crate::base::random_seed())?;
        let name = database.schema().name.clone();
        self.server.add_database_with_past(database, Storage::Log, past)?;
        self.files.insert(name, file);
        Ok(())
    }

    async fn serve(&mut self) -> anyhow::Result<()> {
        self.remotes.update(&self.server, &mut self.shell.net, &self.run_dir).await;
        self.shell.ready();
        loop {
            self.drain()?;
            let deadline = self.server.poll_timeout().map(|(at, _)| at);
            let happening = tokio::select! {
                happening = self.shell.next(deadline) => happening,
                compacted = self.compactions.next() => {
                    self.compacted(compacted);
                    continue;
                }
            };
            match happening {
                Happening::Net(event) => self.on_net(event),
                Happening::Deadline => self.server.handle_timeout(Instant::now()),
                Happening::Command(command) => {
                    if self.on_command(command).await {
                        return Ok(());
                    }
                }
                Happening::Terminate => return Ok(()),
            }
            // Whatever else has arrived is part of the same round: one write to the file serves it all.
            while let Some(event) = self.shell.net.try_next() {
                self.on_net(event);
            }
            if self.remotes.follow_databases() {
                self.drain()?;
                self.remotes.update(&self.server, &mut self.shell.net, &self.run_dir).await;
            }
        }
    }

    fn on_net(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Accepted(_, conn) | Event::Connected(_, conn) => {
                let mut options = SessionOptions::default();
                if self.shell.net.is_local(conn) {
                    // The kernel tells when a process of this host ends, however busy it was before.
                    options.probe_interval = None;
                }
                match self.server.open_session(&options, now) {
                    Ok(session) => {
                        self.conns.insert(conn, (session, Framer::new(MESSAGE_BYTES_MAX)));
                        self.sessions.insert(session, conn);
                    }
                    Err(error) => {
                        tracing::warn!(target: "ovsdb_jsonrpc_server", "{error}");
                        self.shell.net.close(conn);
                    }
                }
            }
            Event::Received(conn, bytes) => self.on_bytes(conn, &bytes, now),
            Event::Drained(conn) => {
                if let Some((session, _)) = self.conns.get(&conn) {
                    self.server.set_writable(*session, true, now);
                }
            }
            Event::Closed(conn) => self.forget(conn),
        }
    }

    fn on_bytes(&mut self, conn: ConnId, bytes: &[u8], now: Instant) {
        let Some((session, framer)) = self.conns.get_mut(&conn) else { return };
        let session = *session;
        self.server.handle_activity(session, now);
        let pushed = framer.push(bytes);
        while let Some(message) = framer.pop() {
            self.server.handle_message(session, message, now);
        }
        if let Err(error) = pushed {
            tracing::warn!(target: "ovsdb_jsonrpc_server", "dropping a client that sent no JSON-RPC: {error}");
            self.forget(conn);
            self.shell.net.close(conn);
        }
    }

    fn forget(&mut self, conn: ConnId) {
        if let Some((session, _)) = self.conns.remove(&conn) {
            self.sessions.remove(&session);
            self.server.close_session(session);
        }
    }

    /// Carries out what the core asks for, until it asks for nothing more. Records of one round are written together.
    fn drain(&mut self) -> anyhow::Result<()> {
        loop {
            let mut batch = Batch::default();
            while let Some(output) = self.server.poll_output() {
                match output {
                    Output::Send { session, frame } => self.send(session, frame),
                    Output::Close { session, reason } => {
                        tracing::info!(target: "ovsdb_jsonrpc_server", "closing a session: {reason}");
                        if let Some(conn) = self.sessions.remove(&session) {
                            self.conns.remove(&conn);
                            self.shell.net.close(conn);
                        }
                    }
                    Output::Persist { database, seq, layout, commit } => {
                        if let Some(record) = log::transaction_record(&layout, &commit, wall_ms())
                            && let Some(file) = self.files.get_mut(&database)
                        {
                            self.server.recorded(&database, seq, file.add(&record));
                        }
                        batch.add(database, seq, commit.durable);
                    }
                    Output::Rewrite { database, seq, snapshot } => {
                        self.write(std::mem::take(&mut batch))?;
                        // Another schema is another database: who knew the old one starts anew.
                        let id = UuidGenerator::new(crate::base::random_seed()).generate();
                        self.rewrite(&database, &snapshot, id)?;
                        self.server.recorded(&database, seq, id);
                        self.server.persisted(&database, seq);
                    }
                }
            }
            if batch.is_empty() {
                return Ok(());
            }
            self.write(batch)?;
        }
    }

    fn send(&mut self, session: SessionId, frame: Frame) {
        let Some(conn) = self.sessions.get(&session) else { return };
        self.shell.net.send(*conn, frame);
        if self.shell.net.is_full(*conn) {
            self.server.set_writable(session, false, Instant::now());
        }
    }

    fn write(&mut self, batch: Batch) -> anyhow::Result<()> {
        for (database, records) in batch.databases {
            let Some(file) = self.files.get_mut(&database) else { continue };
            let mut written = file.append();
            if records.durable {
                written = written.and_then(|()| file.sync());
            }
            if let Err(error) = written {
                // The clients hear of it; then this process ends, since only a fresh reading of the file tells what it holds.
                self.server.persist_failed(&database, &error.to_string());
                while let Some(output) = self.server.poll_output() {
                    if let Output::Send { session, frame } = output {
                        self.send(session, frame);
                    }
                }
                self.shell.net.flush();
                return Err(error.into());
            }
            self.server.persisted(&database, records.seq);
            if self.files.get(&database).is_some_and(DbFile::is_overgrown) {
                self.compact(&database);
            }
        }
        Ok(())
    }

    fn rewrite(&mut self, database: &str, snapshot: &Snapshot, id: Uuid) -> Result<(), FileError> {
        match self.files.get_mut(database) {
            Some(file) => file.rewrite(snapshot, id, wall_ms()),
            None => Ok(()),
        }
    }
}

/// The databases that have records to write in one round.
#[derive(Default)]
struct Batch {
    databases: BTreeMap<Str, Records>,
}

#[derive(Default)]
struct Records {
    seq: u64,
    durable: bool,
}

impl Batch {
    fn add(&mut self, database: Str, seq: u64, durable: bool) {
        let records = self.databases.entry(database).or_default();
        records.seq = seq;
        records.durable |= durable;
    }

    fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }
}

fn wall_ms() -> i64 {
    crate::base::wall_ms()
}

const HELP: &str = "\
ovsdb-server: serves databases to clients by the protocol of RFC 7047
usage: ovsdb-server [OPTION...] [DATABASE...]
A DATABASE is a file in the standalone format of Open vSwitch; without any,
conf.db in the database directory is served.
Where clients reach it (any number of times):
  --remote=punix:FILE          listen on a Unix domain socket
  --remote=ptcp:PORT[:IP]      listen on a TCP port
  --remote=unix:FILE           connect to a Unix domain socket
  --remote=tcp:IP:PORT         connect to a TCP port
  --remote=db:DB,TABLE,COLUMN  whatever this column names, followed live
Other options:
  --disable-monitor-cond       offer plain monitors only
  --pidfile[=FILE]             make a pidfile
  --detach                     run in the background once it serves
  --monitor                    start it again when it crashes
  --no-chdir                   stay in the current directory
  --unixctl=SOCKET             control socket, or \"none\"
  --log-file[=FILE]            log to a file
  -v, --verbose=[SPEC]         set log levels
  -h, --help                   this help
  -V, --version                version information
";
