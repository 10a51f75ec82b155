//! `ovsdb-tool`: database files without a server.
//!
//! One file a family of commands. What a command knows of formats is in `ovsdb::log`; here are arguments, files and
//! exit codes.

mod cluster;
mod create;
mod database;
mod query;
mod recover;
mod rewrite;
mod schema;
mod show_log;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use ovsdb::log::{self, Format, LogError, Replayed};

use crate::base::getopt::{self, Opt, Takes, opt, short};
use crate::base::options::{self, Common, Program};
use crate::base::paths::{Family, below};
use crate::base::shell;
use crate::ovsdb_server::file::{self, FileError};
use crate::vlog;

const PROGRAM: Program = Program { name: "ovsdb-tool", family: Family::Ovs };

const OWN: &[Opt] = &[
    short('m', "more", Takes::Nothing),
    opt("rbac-role", Takes::Value),
    opt("election-timer", Takes::Value),
    opt("cid", Takes::Value),
];

/// What a command has to say and the exit code of the process.
struct Done {
    text: String,
    code: u8,
}

impl From<String> for Done {
    fn from(text: String) -> Self {
        Self { text, code: 0 }
    }
}

/// What a command is given.
struct Args<'a> {
    operands: &'a [String],
    /// How often `-m` was given.
    more: usize,
    rbac_role: Option<&'a str>,
}

impl Args<'_> {
    fn get(&self, at: usize) -> Option<&str> {
        self.operands.get(at).map(String::as_str)
    }

    /// The database named at a place, or the default one.
    fn db(&self, at: usize) -> PathBuf {
        self.get(at).map_or_else(|| PROGRAM.family.db_dir().join("conf.db"), PathBuf::from)
    }
}

struct Command {
    name: &'static str,
    usage: &'static str,
    args_min: usize,
    args_max: usize,
    run: fn(&Args<'_>) -> anyhow::Result<Done>,
}

const fn command(
    name: &'static str,
    usage: &'static str,
    args_min: usize,
    args_max: usize,
    run: fn(&Args<'_>) -> anyhow::Result<Done>,
) -> Command {
    Command { name, usage, args_min, args_max, run }
}

/// The commands, in the order of upstream's list, then ours.
const COMMANDS: &[Command] = &[
    command("create", "[db [schema]]", 0, 2, create::create),
    command("create-cluster", "db contents local", 3, 3, cluster::not_yet),
    command("join-cluster", "db name local remote...", 4, usize::MAX, cluster::not_yet),
    command("compact", "[db [dst]]", 0, 2, rewrite::compact),
    command("convert", "[db [schema [dst]]]", 0, 3, rewrite::convert),
    command("needs-conversion", "[db [schema]]", 0, 2, rewrite::needs_conversion),
    command("db-name", "[db]", 0, 1, database::name),
    command("db-version", "[db]", 0, 1, database::version),
    command("db-cksum", "[db]", 0, 1, database::cksum),
    command("db-cid", "db", 1, 1, cluster::cid),
    command("db-sid", "db", 1, 1, cluster::sid),
    command("db-local-address", "db", 1, 1, cluster::local_address),
    command("db-is-clustered", "db", 1, 1, cluster::is_clustered),
    command("db-is-standalone", "db", 1, 1, cluster::is_standalone),
    command("schema-name", "[schema]", 0, 1, schema::name),
    command("schema-version", "[schema]", 0, 1, schema::version),
    command("schema-cksum", "[schema]", 0, 1, schema::cksum),
    command("query", "[db] trns", 1, 2, query::query),
    command("transact", "[db] trns", 1, 2, query::transact),
    command("show-log", "[db]", 0, 1, show_log::show_log),
    command("check-cluster", "db...", 1, usize::MAX, cluster::check),
    command("compare-versions", "a op b", 3, 3, schema::compare_versions),
    command("help", "", 0, usize::MAX, help),
    command("list-commands", "", 0, usize::MAX, list_commands),
    command("cluster-to-standalone", "db clusterdb", 2, 2, cluster::to_standalone),
    command("recover", "[db]", 0, 1, recover::recover),
];

/// Runs the tool.
pub fn run(args: &[String]) -> ExitCode {
    match request(args) {
        Ok(done) => {
            print(&done.text);
            ExitCode::from(done.code)
        }
        Err(error) => {
            eprintln!("ovsdb-tool: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output; a closed pipe is the reader's choice.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn request(args: &[String]) -> anyhow::Result<Done> {
    let known: Vec<Opt> = options::COMMON.iter().chain(OWN).copied().collect();
    let parsed = getopt::parse(&known, args)?;
    let mut common = Common::default();
    let (mut more, mut rbac_role) = (0, None);
    for (option, value) in &parsed.options {
        match *option {
            "help" => return Ok(HELP.to_owned().into()),
            "version" => return Ok(format!("{}\n", shell::version(PROGRAM.name)).into()),
            "verbose" => common.verbose.push(value.clone().unwrap_or_default()),
            "log-file" => {
                let file = value.as_deref().unwrap_or("ovsdb-tool.log");
                common.log_file = Some(below(&PROGRAM.family.log_dir(), file));
            }
            "more" => more += 1,
            "rbac-role" => rbac_role = value.as_deref(),
            // The others belong to commands that are still to come, and to upstream's ways of logging.
            _ => {}
        }
    }
    shell::configure(&vlog::init(PROGRAM.name), &common)?;
    let Some((name, operands)) = parsed.operands.split_first() else {
        bail!("missing command name; use --help for help");
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        bail!("unknown command '{name}'; use --help for help");
    };
    if operands.len() < command.args_min {
        bail!("'{name}' command requires at least {} arguments", command.args_min);
    }
    if operands.len() > command.args_max {
        bail!("'{name}' command takes at most {} arguments", command.args_max);
    }
    (command.run)(&Args { operands, more, rbac_role })
}

fn help(_: &Args<'_>) -> anyhow::Result<Done> {
    Ok(HELP.to_owned().into())
}

fn list_commands(_: &Args<'_>) -> anyhow::Result<Done> {
    let lines = COMMANDS.iter().map(|command| format!("  {:<23} {}\n", command.name, command.usage));
    Ok(format!("The available commands are:\n{}", lines.collect::<String>()).into())
}

/// The octets of a database file, and its format.
fn read(path: &Path) -> anyhow::Result<(Vec<u8>, Format)> {
    let octets = file::read(path)?;
    match Format::of(&octets) {
        Some(format) => Ok((octets, format)),
        None if octets.is_empty() => bail!("ovsdb error: {}: cannot identify file type", path.display()),
        None => bail!("ovsdb error: {}: unexpected file format", path.display()),
    }
}

/// The octets of a file that must be standalone.
fn read_standalone(path: &Path) -> anyhow::Result<Vec<u8>> {
    match read(path)? {
        (octets, Format::Standalone) => Ok(octets),
        (_, Format::Clustered) => {
            bail!("ovsdb error: {}: cannot apply this operation to clustered database file", path.display())
        }
    }
}

/// The database in a file. The server goes on behind a record that was not written whole; here it is an error, since
/// nobody would read a warning.
fn load(path: &Path) -> anyhow::Result<Replayed> {
    let replayed = log::replay(&read_standalone(path)?, crate::base::random_seed());
    let replayed = replayed.and_then(|replayed| match &replayed.tail {
        None => Ok(replayed),
        Some(tail) => {
            Err(LogError::Damaged { offset: tail.offset, what: tail.what.clone(), next_valid: None })
        }
    });
    replayed.map_err(|source| damaged(path, source))
}

fn damaged(path: &Path, source: LogError) -> anyhow::Error {
    anyhow!("{}", FileError::Log { path: path.to_owned(), cause: source })
}

const HELP: &str = "\
ovsdb-tool: works on database files without a server
usage: ovsdb-tool [OPTION...] COMMAND [ARG...]
  create [DB [SCHEMA]]          makes an empty database
  compact [DB [DST]]            drops what is outdated, in DB or into DST
  convert [DB [SCHEMA [DST]]]   moves the rows to another schema
  needs-conversion [DB [SCHEMA]]  says \"yes\" if DB has another schema
  db-name [DB], db-version [DB], db-cksum [DB]
                                what DB's schema says
  db-is-standalone DB, db-is-clustered DB
                                exit code 0 if so, 2 if not
  db-cid DB, db-sid DB, db-local-address DB
                                what a clustered DB says of its server
  schema-name [SCHEMA], schema-version [SCHEMA], schema-cksum [SCHEMA]
                                what a schema says
  compare-versions A OP B       exit code 0 if so, 2 if not
  query [DB] TRANSACTION        runs a transaction that only reads
  transact [DB] TRANSACTION     runs a transaction
  [-m]... show-log [DB]         the transactions of DB, in words
  recover [DB]                  cuts a damaged DB where the damage begins,
                                after saving what follows beside it
  cluster-to-standalone DB CLUSTERDB
                                makes DB from one server's file of a cluster
  check-cluster DB...           compares the files of one cluster
  help, list-commands           this help, and the commands in short
The default DB is conf.db in the database directory, the default SCHEMA that
of Open_vSwitch. vswitch.ovsschema, ovn-nb.ovsschema and ovn-sb.ovsschema are
built in.
Options:
  -m, --more                    show rows, given twice columns too
  --rbac-role=ROLE              run a transaction in this role
  --log-file[=FILE]             log to a file
  -v, --verbose=[SPEC]          set log levels
  -h, --help                    this help
  -V, --version                 version information
";
