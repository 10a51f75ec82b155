//! The options that every daemon and client has: where it logs, its pidfile and control socket, whether it detaches.

use std::path::PathBuf;

use super::detach::Detach;
use super::getopt::{self, Opt, Parsed, Takes, UsageError, opt, short};
use super::paths::{Family, below};

/// What a program is, apart from its options.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name: of pidfile, log and control socket.
    pub name: &'static str,
    /// Whose directories it uses.
    pub family: Family,
}

/// Options of every program.
pub const COMMON: &[Opt] = &[
    short('h', "help", Takes::Nothing),
    short('V', "version", Takes::Nothing),
    short('v', "verbose", Takes::Maybe),
    opt("log-file", Takes::Maybe),
    opt("syslog-target", Takes::Value),
    opt("syslog-method", Takes::Value),
];

/// Options of every daemon.
pub const DAEMON: &[Opt] = &[
    opt("pidfile", Takes::Maybe),
    opt("overwrite-pidfile", Takes::Nothing),
    opt("detach", Takes::Nothing),
    opt("no-chdir", Takes::Nothing),
    opt("monitor", Takes::Nothing),
    opt("no-self-confinement", Takes::Nothing),
    opt("user", Takes::Value),
    opt("unixctl", Takes::Value),
];

/// Options that name keys and certificates.
pub const TLS: &[Opt] = &[
    short('p', "private-key", Takes::Value),
    short('c', "certificate", Takes::Value),
    short('C', "ca-cert", Takes::Value),
    opt("bootstrap-ca-cert", Takes::Value),
    opt("peer-ca-cert", Takes::Value),
    opt("ssl-protocols", Takes::Value),
    opt("ssl-ciphers", Takes::Value),
    opt("ssl-server-name", Takes::Value),
    opt("ssl-ciphersuites", Takes::Value),
];

/// The control socket of a daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unixctl {
    /// `RUNDIR/NAME.PID.ctl`.
    #[default]
    Default,
    /// `--unixctl=none`.
    Off,
    /// `--unixctl=PATH`.
    At(PathBuf),
}

/// The common options, read.
#[derive(Clone, Debug, Default)]
pub struct Common {
    /// Every `-v` in order; the empty one means "everything at debug level".
    pub verbose: Vec<String>,
    /// `--log-file`: where, with the default filled in.
    pub log_file: Option<PathBuf>,
    /// `--pidfile`: where, with the default filled in.
    pub pidfile: Option<PathBuf>,
    /// `--overwrite-pidfile`.
    pub overwrite_pidfile: bool,
    /// `--detach`, `--no-chdir`, `--monitor`.
    pub detach: Detach,
    /// `--unixctl`.
    pub unixctl: Unixctl,
}

/// What is left when the common options are taken out.
#[derive(Debug, Default)]
pub struct Own {
    /// The program's own options in order.
    pub options: Vec<(&'static str, Option<String>)>,
    /// Operands.
    pub operands: Vec<String>,
}

/// What a command line asks for.
#[derive(Debug)]
pub enum Request {
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// Everything else.
    Run(Common, Own),
}

/// Reads a command line against the common options and `own`.
///
/// # Errors
/// The first option nobody knows, or one that lacks its value.
pub fn parse(program: Program, own: &[Opt], args: &[String]) -> Result<Request, UsageError> {
    let mut known = Vec::with_capacity(own.len() + COMMON.len() + DAEMON.len());
    known.extend_from_slice(own);
    known.extend_from_slice(COMMON);
    known.extend_from_slice(DAEMON);
    let Parsed { options, operands } = getopt::parse(&known, args)?;
    let mut common = Common::default();
    let mut rest = Own { options: Vec::new(), operands };
    for (name, value) in options {
        match name {
            "help" => return Ok(Request::Help),
            "version" => return Ok(Request::Version),
            name if own.iter().any(|option| option.long == name) => rest.options.push((name, value)),
            name => take(&mut common, program, name, value),
        }
    }
    Ok(Request::Run(common, rest))
}

fn take(common: &mut Common, program: Program, name: &str, value: Option<String>) {
    let Program { name: program, family } = program;
    match (name, value) {
        ("verbose", value) => common.verbose.push(value.unwrap_or_default()),
        ("log-file", value) => {
            let file = value.unwrap_or_else(|| format!("{program}.log"));
            common.log_file = Some(below(&family.log_dir(), &file));
        }
        ("pidfile", value) => {
            let file = value.unwrap_or_else(|| format!("{program}.pid"));
            common.pidfile = Some(below(&family.run_dir(), &file));
        }
        ("overwrite-pidfile", _) => common.overwrite_pidfile = true,
        ("detach", _) => common.detach.detach = true,
        ("no-chdir", _) => common.detach.no_chdir = true,
        ("monitor", _) => common.detach.monitor = true,
        ("unixctl", Some(path)) if path == "none" => common.unixctl = Unixctl::Off,
        ("unixctl", Some(path)) => common.unixctl = Unixctl::At(below(&family.run_dir(), &path)),
        // syslog targets and confinement belong to upstream's ways of logging and packaging; ours ignores them.
        _ => {}
    }
}

impl Unixctl {
    /// The path of the control socket of process `pid` of `program`, if it has one.
    pub fn path(&self, program: Program, pid: u32) -> Option<PathBuf> {
        match self {
            Self::Default => Some(program.family.run_dir().join(format!("{}.{pid}.ctl", program.name))),
            Self::Off => None,
            Self::At(path) => Some(path.clone()),
        }
    }
}

impl Own {
    /// The last value given for `name`, or none; a bare flag gives the empty text.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .rev()
            .find(|(given, _)| *given == name)
            .map(|(_, value)| value.as_deref().unwrap_or(""))
    }

    /// Whether `name` was given.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| *given == name)
    }

    /// Every value given for `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options
            .iter()
            .filter(move |(given, _)| *given == name)
            .map(|(_, value)| value.as_deref().unwrap_or(""))
    }
}
