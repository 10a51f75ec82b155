//! The options that stand before the first command: one row an option, and what it sets.

use crate::Program;

/// Whether an option takes an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Never: `--oneline`.
    None,
    /// Always: `--db=REMOTE` or `--db REMOTE`.
    Required,
    /// Only after `=`: `--log-file` or `--log-file=FILE`.
    Optional,
}

/// What an option sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Help,
    Version,
    Commands,
    Options,
    Db,
    Timeout,
    Wait,
    NoWait,
    PrintWaitTime,
    DryRun,
    Oneline,
    Retry,
    LeaderOnly(bool),
    ShuffleRemotes(bool),
    Format,
    Data,
    NoHeadings,
    Pretty,
    Bare,
    MaxColumnWidth,
    /// Logging, TLS and the like: the daemon that moves the bytes reads it.
    Shell,
}

/// One option.
pub(super) struct GlobalOption {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) argument: Argument,
    pub(super) meaning: Meaning,
    programs: Programs,
}

#[derive(Clone, Copy)]
enum Programs {
    All,
    /// ovn-nbctl and ovn-sbctl.
    Ovn,
    Vsctl,
}

const fn option(
    long: &'static str,
    short: Option<char>,
    argument: Argument,
    meaning: Meaning,
    programs: Programs,
) -> GlobalOption {
    GlobalOption { long, short, argument, meaning, programs }
}

const OPTIONS: &[GlobalOption] = {
    use Argument::{None as No, Optional, Required};
    use Programs::{All, Ovn, Vsctl};
    &[
        option("db", None, Required, Meaning::Db, All),
        option("no-syslog", None, No, Meaning::Shell, All),
        option("no-wait", None, No, Meaning::NoWait, All),
        option("wait", None, Required, Meaning::Wait, Ovn),
        option("print-wait-time", None, No, Meaning::PrintWaitTime, Ovn),
        option("dry-run", None, No, Meaning::DryRun, All),
        option("oneline", None, No, Meaning::Oneline, All),
        option("timeout", Some('t'), Required, Meaning::Timeout, All),
        option("retry", None, No, Meaning::Retry, Vsctl),
        option("help", Some('h'), No, Meaning::Help, All),
        option("commands", None, No, Meaning::Commands, All),
        option("options", None, No, Meaning::Options, All),
        option("leader-only", None, No, Meaning::LeaderOnly(true), All),
        option("no-leader-only", None, No, Meaning::LeaderOnly(false), All),
        option("shuffle-remotes", None, No, Meaning::ShuffleRemotes(true), All),
        option("no-shuffle-remotes", None, No, Meaning::ShuffleRemotes(false), All),
        option("version", Some('V'), No, Meaning::Version, All),
        option("unixctl", Some('u'), Required, Meaning::Shell, Ovn),
        option("detach", None, No, Meaning::Shell, Ovn),
        option("no-self-confinement", None, No, Meaning::Shell, Ovn),
        option("no-chdir", None, No, Meaning::Shell, Ovn),
        option("pidfile", None, Optional, Meaning::Shell, Ovn),
        option("overwrite-pidfile", None, No, Meaning::Shell, Ovn),
        option("monitor", None, No, Meaning::Shell, Ovn),
        option("user", None, Required, Meaning::Shell, Ovn),
        option("verbose", Some('v'), Optional, Meaning::Shell, All),
        option("log-file", None, Optional, Meaning::Shell, All),
        option("syslog-method", None, Required, Meaning::Shell, All),
        option("syslog-target", None, Required, Meaning::Shell, All),
        option("format", Some('f'), Required, Meaning::Format, All),
        option("data", Some('d'), Required, Meaning::Data, All),
        option("no-headings", None, No, Meaning::NoHeadings, All),
        option("pretty", None, No, Meaning::Pretty, All),
        option("bare", None, No, Meaning::Bare, All),
        option("max-column-width", None, Required, Meaning::MaxColumnWidth, All),
        option("private-key", Some('p'), Required, Meaning::Shell, All),
        option("certificate", Some('c'), Required, Meaning::Shell, All),
        option("ca-cert", Some('C'), Required, Meaning::Shell, All),
        option("ssl-protocols", None, Required, Meaning::Shell, All),
        option("ssl-ciphers", None, Required, Meaning::Shell, All),
        option("ssl-ciphersuites", None, Required, Meaning::Shell, All),
        option("bootstrap-ca-cert", None, Required, Meaning::Shell, All),
        option("peer-ca-cert", None, Required, Meaning::Shell, Vsctl),
    ]
};

/// The options of one program, in the order in which help and error texts list them.
pub(super) fn options(program: Program) -> impl Iterator<Item = &'static GlobalOption> + Clone {
    OPTIONS.iter().filter(move |option| match (option.programs, program) {
        (Programs::All, _) => true,
        (Programs::Ovn, Program::Nbctl | Program::Sbctl) | (Programs::Vsctl, Program::Vsctl) => true,
        (Programs::Ovn, Program::Vsctl) | (Programs::Vsctl, Program::Nbctl | Program::Sbctl) => false,
    })
}

/// Whether an option is about one job of a daemon, not about the daemon.
pub(super) fn is_of_job(meaning: Meaning, long: &str) -> bool {
    match meaning {
        Meaning::Timeout
        | Meaning::Wait
        | Meaning::NoWait
        | Meaning::PrintWaitTime
        | Meaning::DryRun
        | Meaning::Oneline
        | Meaning::Format
        | Meaning::Data
        | Meaning::NoHeadings
        | Meaning::Pretty
        | Meaning::Bare
        | Meaning::MaxColumnWidth => true,
        Meaning::Shell => matches!(long, "verbose" | "log-file" | "syslog-method" | "syslog-target"),
        Meaning::Help
        | Meaning::Version
        | Meaning::Commands
        | Meaning::Options
        | Meaning::Db
        | Meaning::Retry
        | Meaning::LeaderOnly(_)
        | Meaning::ShuffleRemotes(_) => false,
    }
}
