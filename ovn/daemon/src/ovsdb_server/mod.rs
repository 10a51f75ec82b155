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
mod config;
mod copies;
mod coverage;
pub mod file;
mod remotes;
mod status;
mod subprocess;
mod traced;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use ovsdb::db::Snapshot;
use ovsdb::log;
use ovsdb::rpc::{Frame, Framer, MESSAGE_BYTES_MAX, Message, Receiver, Tape};
use ovsdb::server::{Output, Server, SessionId, Storage};
use ovsdb::{Str, UuidGenerator};

use crate::base::getopt::{Opt, Takes, opt};
use crate::base::net::{CONNECTIONS_MAX, ConnId, Event};
use crate::base::options::{Own, Program, TLS};
use crate::base::paths::{Family, below};
use crate::base::shell::{self, About, Happening, Shell};
use crate::base::target::Target;
use compactions::Compactions;
use config::{Config, Model};
use copies::Copies;
use coverage::{Coverage, Event as Counted};
use file::{DbFile, FileError};
use remotes::Remotes;
use subprocess::Subprocess;
use traced::Traced;

/// The program.
pub const PROGRAM: Program = Program { name: "ovsdb-server", family: Family::Ovs };

const OWN: &[Opt] = &[
    opt("remote", Takes::Value),
    opt("config-file", Takes::Value),
    opt("no-dbs", Takes::Nothing),
    opt("run", Takes::Value),
    opt("sync-from", Takes::Value),
    opt("sync-exclude-tables", Takes::Value),
    opt("active", Takes::Nothing),
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
    let about =
        About { program: PROGRAM, options: OWN, help: HELP, commands: commands::COMMANDS, succeeds: false };
    shell::run(&about, args, |shell, own| async move {
        let mut daemon = Daemon::open(shell, &own)?;
        daemon.serve(own.last("run")).await
    })
}

/// Most descriptors that are asked for: one a connection, and as many for those that do not read.
const DESCRIPTORS_MAX: u64 = 2 * CONNECTIONS_MAX as u64 + 1024;

struct Daemon {
    shell: Shell,
    server: Server,
    files: BTreeMap<Str, DbFile>,
    remotes: Remotes,
    copies: Copies,
    compactions: Compactions,
    traced: Traced,
    coverage: Coverage,
    config_file: Option<PathBuf>,
    /// When the rows of remotes are next to be brought up to date.
    status_due: Instant,
    run_dir: PathBuf,
    conns: BTreeMap<ConnId, (SessionId, Framer)>,
    sessions: BTreeMap<SessionId, ConnId>,
}

impl Daemon {
    fn open(shell: Shell, own: &Own) -> anyhow::Result<Self> {
        let run_dir = PROGRAM.family.run_dir();
        allow_descriptors();
        let mut daemon = Self {
            shell,
            server: Server::new(crate::base::random_seed()),
            files: BTreeMap::new(),
            remotes: Remotes::default(),
            compactions: Compactions::default(),
            copies: Copies::default(),
            traced: Traced::default(),
            coverage: Coverage::new(Instant::now()),
            config_file: own.last("config-file").map(|path| below(&PROGRAM.family.db_dir(), path)),
            status_due: Instant::now(),
            run_dir,
            conns: BTreeMap::new(),
            sessions: BTreeMap::new(),
        };
        daemon.server.set_monitor_cond(!own.has("disable-monitor-cond"));
        daemon.remotes.set_tls(own);
        if daemon.config_file.is_some() {
            if own.has("remote") || !own.operands.is_empty() {
                bail!("--config-file is mutually exclusive with --remote and databases on the command line");
            }
            daemon.reload()?;
        } else {
            daemon.open_all(own)?;
        }
        daemon.copies.set_exclude(own.last("sync-exclude-tables").unwrap_or_default());
        if let Some(active) = own.last("sync-from") {
            daemon.copies.active = Some(active.to_owned());
            if !own.has("active") {
                daemon.become_backup().map_err(anyhow::Error::msg)?;
            }
        }
        tracing::info!(target: "ovsdb_server", "{}", shell::version(PROGRAM.name));
        Ok(daemon)
    }

    /// Opens what the command line names.
    fn open_all(&mut self, own: &Own) -> anyhow::Result<()> {
        let db_dir = PROGRAM.family.db_dir();
        if own.operands.is_empty() && !own.has("no-dbs") {
            self.add_database(&db_dir.join("conf.db"))?;
        }
        for path in &own.operands {
            // A relative path is that of the caller, as a shell completes it, unless only the database directory has it.
            if path.starts_with("relay:") {
                self.add_relay(path)?;
                continue;
            }
            let here = PathBuf::from(path);
            self.add_database(&if here.exists() { here } else { below(&db_dir, path) })?;
        }
        for remote in own.all("remote") {
            if !remote.starts_with("db:") {
                Target::parse(remote, &self.run_dir)?;
            }
            self.remotes.add(remote, &self.server).map_err(anyhow::Error::msg)?;
        }
        Ok(())
    }

    fn add_database(&mut self, path: &Path) -> anyhow::Result<()> {
        let path = std::path::absolute(path).context("the current directory")?;
        let (file, database, past) = DbFile::open(&path, crate::base::random_seed())?;
        let name = database.schema().name.clone();
        self.server.add_database_with_past(database, Storage::Log, past)?;
        self.files.insert(name, file);
        Ok(())
    }

    /// Serves a database no more; whether it was served.
    fn remove_named_database(&mut self, name: &str) -> bool {
        if self.files.remove(name).is_none() {
            return self.remove_relay(name);
        }
        self.server.remove_database(name);
        true
    }

    /// Brings remotes and databases to what the configuration file says.
    fn reload(&mut self) -> anyhow::Result<()> {
        let Some(path) = &self.config_file else { bail!("--config-file was not given") };
        let config = Config::read(path)?;
        let db_dir = PROGRAM.family.db_dir();
        let wanted: Vec<PathBuf> = config.databases.keys().map(|name| below(&db_dir, name)).collect();
        let is_wanted = |file: &DbFile| wanted.iter().any(|path| path == file.path());
        let stale: Vec<Str> =
            self.files.iter().filter(|(_, file)| !is_wanted(file)).map(|(name, _)| name.clone()).collect();
        let relays = self.relays().into_iter().filter(|name| !config.databases.contains_key(&**name));
        for name in stale.into_iter().chain(relays) {
            self.remove_named_database(&name);
        }
        for (name, model) in &config.databases {
            let path = below(&db_dir, name);
            match model {
                Model::File if self.files.values().any(|file| file.path() == path) => {}
                Model::File => self.add_database(&path)?,
                Model::Relay(_) if self.is_served(name) => {}
                Model::Relay(source) => self.add_relay(&format!("relay:{name}:{source}"))?,
                Model::ActiveBackup { .. } => {
                    bail!("database {name}: a backup is asked for by --sync-from in this version")
                }
            }
        }
        self.remotes.configured = config.remotes;
        self.remotes.look_again();
        Ok(())
    }

    /// Serves until somebody says that it is enough, or the command `run` has ended.
    async fn serve(&mut self, run: Option<&str>) -> anyhow::Result<()> {
        self.follow().await;
        let mut subprocess = run.map(Subprocess::start).transpose()?;
        self.shell.ready();
        loop {
            self.run_copies(Instant::now());
            self.report_status(Instant::now());
            self.drain();
            self.follow().await;
            let wake =
                self.server.poll_timeout().map(|(at, _)| at).into_iter().chain(self.copies.poll_timeout());
            let deadline = wake.chain(self.remotes.follow_databases().then_some(self.status_due)).min();
            let happening = tokio::select! {
                happening = self.shell.next(deadline) => happening,
                compacted = self.compactions.next() => {
                    self.compacted(compacted);
                    continue;
                }
                ended = Subprocess::ended(&mut subprocess) => return ended,
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
        }
    }

    fn on_net(&mut self, event: Event) {
        let now = Instant::now();
        self.coverage.tick(now);
        match event {
            Event::Connected(link, conn) if self.copies.connected(link, conn, now) => {}
            Event::Accepted(link, conn) | Event::Connected(link, conn) => {
                let options = self.remotes.session_options(link, conn, &self.shell.net);
                match self.server.open_session(&options, now) {
                    Ok(session) => {
                        self.coverage.count(Counted::SessionOpened);
                        self.conns.insert(conn, (session, Framer::new(MESSAGE_BYTES_MAX)));
                        self.sessions.insert(session, conn);
                    }
                    Err(error) => {
                        tracing::warn!(target: "ovsdb_jsonrpc_server", "{error}");
                        self.shell.net.close(conn);
                    }
                }
            }
            Event::Received(conn, bytes) => {
                self.coverage.count(Counted::BytesReceived);
                self.on_bytes(conn, &bytes, now);
            }
            Event::Drained(conn) => {
                if let Some((session, _)) = self.conns.get(&conn) {
                    self.server.set_writable(*session, true, now);
                }
            }
            Event::Closed(conn) => {
                if !self.lost_copy(conn) {
                    self.forget(conn);
                }
            }
        }
    }

    fn on_bytes(&mut self, conn: ConnId, bytes: &[u8], now: Instant) {
        if self.copies.received(conn, bytes, &mut self.shell.net, now) {
            return;
        }
        let Some((session, framer)) = self.conns.get_mut(&conn) else { return };
        let session = *session;
        self.server.handle_activity(session, now);
        if let Err(error) = framer.push_to(bytes, &mut Receiving { server: &mut self.server, session, now }) {
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
    fn drain(&mut self) {
        loop {
            let mut batch = Batch::default();
            while let Some(output) = self.server.poll_output() {
                match output {
                    Output::Send { session, frame } => self.send(session, frame),
                    Output::Close { session, reason } => {
                        tracing::info!(target: "ovsdb_jsonrpc_server", "closing a session: {reason}");
                        self.coverage.count(Counted::SessionDropped);
                        if let Some(conn) = self.sessions.remove(&session) {
                            self.conns.remove(&conn);
                            self.shell.net.close(conn);
                        }
                    }
                    Output::Forward { database, session, id, params } => {
                        self.coverage.count(Counted::Forwarded);
                        self.forward(&database, session, id, params);
                    }
                    Output::Persist { database, seq, layout, commit } => {
                        self.traced.log(&database, &layout, &commit);
                        if let Some(record) = log::transaction_record(&layout, &commit, wall_ms())
                            && let Some(file) = self.files.get_mut(&database)
                        {
                            self.server.recorded(&database, seq, file.add(&record));
                            self.coverage.count(Counted::TransactionApplied);
                        }
                        batch.add(database, seq, commit.durable);
                    }
                    Output::Rewrite { database, seq, snapshot } => {
                        self.write(std::mem::take(&mut batch));
                        // What it builds on may just have failed.
                        if self.server.newest(&database).is_some_and(|(newest, _)| newest >= seq) {
                            self.rewrite(&database, seq, &snapshot);
                        }
                    }
                }
            }
            if batch.is_empty() {
                return;
            }
            self.write(batch);
        }
    }

    fn send(&mut self, session: SessionId, frame: Frame) {
        let Some(conn) = self.sessions.get(&session) else { return };
        self.coverage.count(Counted::MessageSent);
        if self.shell.net.send(*conn, frame) && self.shell.net.is_full(*conn) {
            self.server.set_writable(session, false, Instant::now());
        }
    }

    /// Writes the records of a round. Those of a database whose file does not take them are undone, and their clients
    /// hear why; the next ones are tried again.
    fn write(&mut self, batch: Batch) {
        for (database, records) in batch.databases {
            let Some(file) = self.files.get_mut(&database) else { continue };
            let server = &self.server;
            let written = || server.published(&database).expect("the server has what has a file");
            match file.append(records.durable, written, wall_ms()) {
                Ok(()) => {
                    let is_overgrown = file.is_overgrown();
                    self.coverage.count(Counted::FileWritten);
                    if records.durable {
                        self.coverage.count(Counted::FileSynced);
                    }
                    self.server.persisted(&database, records.seq);
                    if is_overgrown {
                        self.compact(&database);
                    }
                }
                Err(error) => self.not_written(&database, &error),
            }
        }
    }

    /// Replaces the file of a database that has got another schema.
    fn rewrite(&mut self, database: &str, seq: u64, snapshot: &Snapshot) {
        let Some(file) = self.files.get_mut(database) else { return };
        // Another schema is another database: who knew the old one starts anew.
        let id = UuidGenerator::new(crate::base::random_seed()).generate();
        match file.rewrite(snapshot, id, wall_ms()) {
            Ok(()) => {
                self.server.recorded(database, seq, id);
                self.server.persisted(database, seq);
            }
            Err(error) => self.not_written(database, &error),
        }
    }

    fn not_written(&mut self, database: &str, error: &FileError) {
        self.coverage.count(Counted::FileFailed);
        self.server.persist_failed(database, &error.to_ovsdb());
        self.copies.not_written(database, &error.to_string());
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

/// Lets this process have as many descriptors as it may: each client needs one, and a shell allows 1024 by default.
fn allow_descriptors() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most.min(DESCRIPTORS_MAX), most));
    if let Err(error) = raised {
        tracing::warn!(target: "ovsdb_server", "the limit of open files stays as it is ({error})");
    }
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
  --remote=pssl:PORT[:IP]      listen for TLS on a TCP port
  --remote=ssl:IP:PORT         connect with TLS
  --remote=db:DB,TABLE,COLUMN  whatever this column names, followed live
  --config-file=FILE           instead: remotes and databases as this says
Keys, as files or as db:DB,TABLE,COLUMN:
  -p, --private-key=FILE  -c, --certificate=FILE  -C, --ca-cert=FILE
  --bootstrap-ca-cert=FILE  --peer-ca-cert=FILE
  --ssl-protocols=LIST  --ssl-ciphers=LIST  --ssl-ciphersuites=LIST
Copies:
  relay:DB:TARGET[,TARGET]     as a DATABASE: read here, written at TARGET
  --sync-from=TARGET           be a backup of that server
  --sync-exclude-tables=LIST   without these tables (DB:TABLE,...)
  --active                     be ready to become one, but be active
Other options:
  --no-dbs                     no database unless one is named here or later
  --run=COMMAND                run this by the shell, and end when it ends
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
