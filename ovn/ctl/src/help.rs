//! Help, version and the list of commands, printed from the tables of verbs.

use crate::Program;
use crate::cli::Argument;
use crate::identify::identifiers;
use crate::verb::{Parameter, Verb};
use std::fmt::Write;

/// Column at which the text of a verb begins.
const HELP_COLUMN: usize = 28;

/// The text of `--help`; `db` is the remote in use.
pub(crate) fn help(program: Program, db: &str) -> String {
    let mut out = String::new();
    let name = program.name();
    let about = match program {
        Program::Nbctl => "what the virtual network is to be: the OVN northbound database",
        Program::Sbctl => "what the chassis are told and tell: the OVN southbound database",
        Program::Vsctl => "one host's switch: the Open vSwitch database",
    };
    add(&mut out, &format!("{name}: {about}"));
    add(
        &mut out,
        &format!("usage: {name} [OPTIONS] COMMAND [ARGUMENT]... [-- [OPTIONS] COMMAND [ARGUMENT]...]..."),
    );
    for group in groups(program) {
        add(&mut out, &format!("\n{group}:"));
        for verb in in_help_order(program).filter(|verb| verb.group == group) {
            entry(&mut out, &verb.usage(), verb.help);
        }
    }
    add(&mut out, "\nA RECORD is named by its UUID, by four or more of its first digits, or in these ways:");
    for (table, ways) in records(program) {
        add(&mut out, &format!("  {table}: {ways}"));
    }
    add(&mut out, "\nOptions, before the first command:");
    for (option, text) in option_help(program, db) {
        entry(&mut out, option, &text);
    }
    add(&mut out, "\nRemotes are tcp:HOST:PORT, ssl:HOST:PORT or unix:FILE, several with commas between.");
    out
}

fn add(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// A usage and what it is for, beside it or below.
fn entry(out: &mut String, usage: &str, text: &str) {
    let usage = format!("  {usage}");
    if usage.len() < HELP_COLUMN {
        add(out, &format!("{usage:HELP_COLUMN$}{text}"));
    } else {
        add(out, &usage);
        add(out, &format!("{:HELP_COLUMN$}{text}", ""));
    }
}

/// Headings in the order in which the program's own verbs come before those for any table.
pub(crate) fn groups(program: Program) -> Vec<&'static str> {
    let mut groups = Vec::new();
    for verb in in_help_order(program) {
        if !groups.contains(&verb.group) {
            groups.push(verb.group);
        }
    }
    groups
}

/// The verbs in the order of help.
pub(crate) fn in_help_order(program: Program) -> impl Iterator<Item = &'static Verb> {
    let verbs = || program.verbs().iter().copied();
    let is_generic = |verb: &&Verb| verb.group == crate::generic::GROUP;
    let first = move |verb: &&Verb| ["init", "show"].contains(&verb.name);
    verbs()
        .filter(first)
        .chain(verbs().filter(move |verb| !first(verb) && !is_generic(verb)))
        .chain(verbs().filter(is_generic))
}

/// How rows of each table may be named, where there are other ways than by UUID.
pub(crate) fn records(program: Program) -> Vec<(&'static str, String)> {
    let mut records = Vec::new();
    for table in program.schema().tables.keys() {
        let ways: Vec<String> = identifiers(program, table).iter().map(|way| way.describe()).collect();
        if !ways.is_empty() {
            records.push((&**table, ways.join("; ")));
        }
    }
    records
}

/// The options of a program, each with what it does; `db` is the remote in use.
pub(crate) fn option_help(program: Program, db: &str) -> Vec<(&'static str, String)> {
    let mut options = vec![("--db=REMOTE", format!("the database (default: {db})"))];
    let mut option = |usage, text: &str| options.push((usage, text.to_owned()));
    match program {
        Program::Nbctl => {
            option("--wait=none|sb|hv", "wait for nothing, for northd, or for every chassis");
            option("--no-wait", "the same as --wait=none");
            option("--print-wait-time", "print how the time was spent");
        }
        Program::Sbctl => {}
        Program::Vsctl => {
            option("--no-wait", "do not wait until the switch has taken the change up");
            option("--retry", "keep trying to connect");
        }
    }
    option("--no-leader-only", "take any member of a cluster");
    option("--no-shuffle-remotes", "try several remotes in their order");
    option("-t, --timeout=SECONDS", "give up after this long");
    option("--dry-run", "do everything but change the database");
    option("--oneline", "print one line a command");
    option("-f, --format=FORMAT", "tables as list, table, csv, json or html");
    option("-d, --data=FORMAT", "values as string, bare or json");
    option("--no-headings", "tables without names of columns");
    option("--pretty", "indent JSON");
    option("--bare", "the same as --format=list --data=bare --no-headings");
    option("--max-column-width=N", "cut values in tables to N octets");
    if program != Program::Vsctl {
        option("--detach", "become a daemon that runs commands for others, and print its control socket");
        option("-u, --unixctl=SOCKET", "control socket of the daemon to use, or to become");
        option("--pidfile[=FILE]", "as a daemon, make a pidfile");
        option("--overwrite-pidfile", "even if one is there");
        option("--monitor", "as a daemon, start again after a crash");
        option("--no-chdir", "as a daemon, stay in the current folder");
    }
    option("-v, --verbose[=SPEC]", "log more");
    option("--log-file[=FILE]", "log to FILE");
    option("--syslog-method=METHOD", "how syslog is reached");
    option("--syslog-target=HOST:PORT", "log to a syslog server too");
    option("--no-syslog", "do not log commands to syslog");
    option("-p, --private-key=FILE", "our private key, for TLS");
    option("-c, --certificate=FILE", "our certificate");
    option("-C, --ca-cert=FILE", "the certificates that the server's must be signed by");
    option("--bootstrap-ca-cert=FILE", "the same, taken on trust from the first server if missing");
    option("--ssl-protocols=LIST", "TLS versions allowed");
    option("--ssl-ciphers=LIST", "ciphers allowed up to TLS 1.2");
    option("--ssl-ciphersuites=LIST", "cipher suites allowed for TLS 1.3");
    option("--commands", "print the commands, for completion");
    option("--options", "print the options, for completion");
    option("-h, --help", "print this");
    option("-V, --version", "print the versions");
    options
}

/// The text of `--version`.
pub(crate) fn version(program: Program) -> String {
    let schema = program.schema();
    format!("{} (ovn) {}\nDB Schema {}\n", program.name(), env!("CARGO_PKG_VERSION"), schema.version)
}

/// The text of `--commands`: options, name, arguments; what is required has `!` before it, what may be left out `?`,
/// what may be repeated `+` or `*`.
pub(crate) fn commands(program: Program) -> String {
    let mut out = String::new();
    for verb in program.verbs() {
        for (option, argument) in verb.options {
            let argument = match argument {
                Argument::None => "",
                Argument::Required => "=",
                Argument::Optional => "?",
            };
            write!(out, "[{option}{argument}] ").expect("a String takes any text");
        }
        let parameters: Vec<String> = verb
            .parameters
            .iter()
            .map(|parameter| match parameter {
                Parameter::One(name) => format!("!{name}"),
                Parameter::Maybe(name) => format!("?{name}"),
                Parameter::Any(name) => format!("*{name}"),
                Parameter::Many(name) => format!("+{name}"),
            })
            .collect();
        add(&mut out, &format!(",{},{}", verb.name, parameters.join(" ")));
    }
    out
}
