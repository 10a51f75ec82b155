//! `ovsdb-client`: asks a database server one thing, as scripts and people do; one file a family of subcommands.
//!
//! ```text
//!  command line ──► options ──► subcommand ──► Rpc ◄──JSON-RPC──► server
//!                                    └──► standard output
//! ```
//! Output and errors are upstream's, octet for octet, with one exception: where upstream prints tables, columns and rows
//! in the order of its hash tables, ours are in the order of their names.

mod backup;
mod convert;
mod dump;
mod fatal;
mod help;
mod list_columns;
mod list_dbs;
mod list_tables;
mod lock;
mod monitor;
mod monitored;
mod options;
mod restore;
mod rpc;
mod schema;
mod server;
mod transact;
mod wait;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use ctl::output::json_text;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::base::detach::{self, Readiness};
use crate::base::options::Program;
use crate::base::paths::Family;
use crate::base::pidfile::Pidfile;
use crate::base::shell;
use crate::base::tls::{Tls, TlsConfig};
use crate::vlog::{self, Vlog};
use fatal::Fatal;
use options::{Asked, Options};
use rpc::Rpc;

/// The program.
pub const PROGRAM: Program = Program { name: "ovsdb-client", family: Family::Ovs };

/// What a subcommand works on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A server.
    Server,
    /// A server and one of its databases.
    Database,
}

/// One subcommand. The arguments that it is given come behind server and database.
struct Subcommand {
    name: &'static str,
    min: usize,
    max: usize,
    run: Run,
    /// Whether `--detach` means something to it.
    detaches: bool,
}

enum Run {
    Alone(fn(&mut Client, &[String]) -> Result<(), Fatal>),
    OnServer(fn(&mut Client, Rpc, &[String]) -> Result<(), Fatal>),
    OnDatabase(fn(&mut Client, Rpc, &str, &[String]) -> Result<(), Fatal>),
}

const MANY: usize = usize::MAX;

/// Every subcommand, sorted by name.
const SUBCOMMANDS: &[Subcommand] = &[
    entry("backup", 0, 0, Run::OnDatabase(backup::run)),
    entry("convert", 1, 2, Run::Alone(convert::convert)),
    entry("dump", 0, MANY, Run::OnDatabase(dump::run)),
    entry("get-schema", 0, 0, Run::OnDatabase(schema::get_schema)),
    entry("get-schema-cksum", 0, 0, Run::OnDatabase(schema::get_schema_cksum)),
    entry("get-schema-version", 0, 0, Run::OnDatabase(schema::get_schema_version)),
    entry("help", 0, MANY, Run::Alone(help::run)),
    entry("list-columns", 0, 1, Run::OnDatabase(list_columns::run)),
    entry("list-dbs", 0, 0, Run::OnServer(list_dbs::run)),
    entry("list-tables", 0, 0, Run::OnDatabase(list_tables::run)),
    detaching("lock", 1, 1, Run::OnServer(lock::lock)),
    detaching("monitor", 1, MANY, Run::OnDatabase(monitor::monitor)),
    detaching("monitor-cond", 2, 3, Run::OnDatabase(monitor::monitor_cond)),
    detaching("monitor-cond-since", 2, 4, Run::OnDatabase(monitor::monitor_cond_since)),
    entry("needs-conversion", 1, 2, Run::Alone(convert::needs_conversion)),
    detaching("query", 1, 2, Run::Alone(transact::query)),
    entry("restore", 0, 0, Run::OnDatabase(restore::run)),
    detaching("steal", 1, 1, Run::OnServer(lock::steal)),
    detaching("transact", 1, 2, Run::Alone(transact::transact)),
    detaching("unlock", 1, 1, Run::OnServer(lock::unlock)),
    entry("wait", 2, 3, Run::Alone(wait::run)),
];

const fn entry(name: &'static str, min: usize, max: usize, run: Run) -> Subcommand {
    Subcommand { name, min, max, run, detaches: false }
}

const fn detaching(name: &'static str, min: usize, max: usize, run: Run) -> Subcommand {
    Subcommand { name, min, max, run, detaches: true }
}

/// What every subcommand works with.
struct Client {
    options: Options,
    runtime: Runtime,
    tls: Tls,
    vlog: Vlog,
    readiness: Option<Readiness>,
    _pidfile: Option<Pidfile>,
}

/// Runs the client.
pub fn run(args: &[String]) -> ExitCode {
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fatal) => {
            eprintln!("{}: {fatal}", PROGRAM.name);
            ExitCode::FAILURE
        }
    }
}

fn start(args: &[String]) -> Result<(), Fatal> {
    let (options, operands) = match Options::parse(args)? {
        Asked::Print(text) => return print(&text),
        Asked::Run(options, operands) => (*options, operands),
    };
    let Some((name, rest)) = operands.split_first() else {
        return Err(Fatal::new("missing command name; use --help for help"));
    };
    let found = SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name);
    let subcommand =
        found.ok_or_else(|| Fatal::new(format!("unknown command '{name}'; use --help for help")))?;
    // Forking comes before the first thread; nothing but the waiting parent knows of it until readiness is told.
    let readiness = match subcommand.detaches {
        true => Some(detach::detach(options.common.detach).map_err(|error| Fatal::new(error.to_string()))?),
        false => None,
    };
    let vlog = vlog::init(PROGRAM.name);
    shell::configure(&vlog, &options.common).map_err(|error| Fatal::new(format!("{error:#}")))?;
    let pidfile = match &options.common.pidfile {
        Some(path) if subcommand.detaches => {
            let made = Pidfile::create(path, options.common.overwrite_pidfile);
            Some(made.map_err(|error| Fatal::new(error.to_string()))?)
        }
        Some(_) | None => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fatal::system("cannot start", &error))?;
    let _alarm = options.timeout.map(alarm);
    let tls = Tls::new(TlsConfig::from_options(&options.own));
    let mut client = Client { options, runtime, tls, vlog, readiness, _pidfile: pidfile };
    client.dispatch(subcommand, rest)
}

impl Client {
    fn dispatch(&mut self, subcommand: &Subcommand, args: &[String]) -> Result<(), Fatal> {
        let check = |rest: &[String]| {
            if rest.len() < subcommand.min || rest.len() > subcommand.max {
                let name = subcommand.name;
                return Err(Fatal::new(format!("invalid syntax for '{name}' (use --help for help)")));
            }
            Ok(())
        };
        match subcommand.run {
            Run::Alone(run) => {
                check(args)?;
                run(self, args)
            }
            Run::OnServer(run) => {
                let found = self.open(subcommand.min, Need::Server, args, None)?;
                check(&args[found.used..])?;
                run(self, found.rpc, &args[found.used..])
            }
            Run::OnDatabase(run) => {
                let found = self.open(subcommand.min, Need::Database, args, None)?;
                check(&args[found.used..])?;
                run(self, found.rpc, &found.database, &args[found.used..])
            }
        }
    }

    /// Asks the server and waits for its answer.
    fn call(&self, rpc: &mut Rpc, method: &str, params: Value) -> Result<Value, Fatal> {
        let reply = self.runtime.block_on(rpc.call(method, params));
        match reply.map_err(|error| Fatal::system("transaction failed", &error))? {
            Ok(result) => Ok(result),
            Err(error) => {
                let text = json_text(&error, self.options.style.pretty);
                Err(Fatal::new(format!("transaction returned error: {text}")))
            }
        }
    }

    /// Tells the server that this client knows what to do when databases come and go.
    fn say_change_aware(&self, rpc: &mut Rpc) -> Result<(), Fatal> {
        if self.options.change_aware == Some(false) {
            return Ok(());
        }
        let reply = self.runtime.block_on(rpc.call("set_db_change_aware", Value::from(vec![true])));
        let words = || format!("{}: error setting db_change_aware", rpc.name());
        match reply.map_err(|error| Fatal::system(words(), &error))? {
            Err(error) if self.options.change_aware == Some(true) => {
                let name = rpc.name();
                Err(Fatal::new(format!("{name}: set_db_change_aware failed ({error})")))
            }
            Err(_) | Ok(_) => Ok(()),
        }
    }

    /// Goes into the background, if that was asked for; what is printed goes where it went before.
    fn ready(&mut self) {
        if let Some(readiness) = self.readiness.take() {
            readiness.ready_with_output();
        }
    }

    fn print_json(&self, value: &Value) -> Result<(), Fatal> {
        let mut text = json_text(&rpc::plain_numbers(value.clone()), self.options.style.pretty);
        text.push('\n');
        print(&text)
    }
}

/// Writes to standard output at once.
fn print(text: &str) -> Result<(), Fatal> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|_| Fatal::new("write to stdout failed"))
}

/// Exit code of a program that `SIGALRM` ends, as a shell sees it.
const ALARM_CODE: i32 = 142;

/// Ends the process after `timeout`, unless what is returned is dropped before.
fn alarm(timeout: Duration) -> mpsc::Sender<()> {
    let (sender, receiver) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if receiver.recv_timeout(timeout) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(target: "fatal_signal", "terminating with signal 14 (Alarm clock)");
            std::process::exit(ALARM_CODE);
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use super::SUBCOMMANDS;

    #[test]
    fn the_table_is_sorted_and_every_subcommand_has_help() {
        assert!(SUBCOMMANDS.is_sorted_by(|a, b| a.name < b.name));
        for subcommand in SUBCOMMANDS {
            assert!(super::help::TEXT.contains(subcommand.name), "{}", subcommand.name);
        }
    }
}
