//! The command line: text in, an [`Invocation`] (what to do, how to print it) or something to print out.

mod call;
mod commands;
mod getopt;
mod options;
mod words;

pub use call::Call;
pub use commands::Command;
pub use options::Argument;
pub use words::split as split_words;
pub(crate) use words::{quote as quote_word, split_anyway};

use crate::context::LogModule;
use crate::output::{CellStyle, Style, TableFormat};
use crate::{Failure, Program};
use crate::{complete, help};
use call::Client;
use getopt::{Found, Known};
use options::Meaning;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a person waits for completion.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(1);

/// Where the switch's logs are by default.
const LOG_DIRECTORY: &str = "/var/log/openvswitch";

/// What of the environment a program heeds. The shell reads it; the core only sees this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Remote to use without `--db`: `OVN_NB_DB`, `OVN_SB_DB`, or the socket in the run directory.
    pub db: String,
    /// `OVS_CTL_TIMEOUT`, seconds.
    pub timeout: Option<String>,
    /// `OVN_NBCTL_OPTIONS` or `OVN_SBCTL_OPTIONS`: options to put before those of the command line.
    pub options: Option<String>,
    /// `OVN_NB_DAEMON` or `OVN_SB_DAEMON`: control socket of the daemon to use.
    pub daemon: Option<String>,
    /// `OVS_LOGDIR`: where the switch's logs are, for a hint.
    pub logdir: Option<String>,
}

impl Environment {
    /// Reads the variables of `program`; `rundir` is the directory of the sockets of its database.
    pub fn read(program: Program, rundir: &str, variable: impl Fn(&str) -> Option<String>) -> Self {
        let (socket, variables) = match program {
            Program::Nbctl => ("ovnnb_db.sock", Some(["OVN_NB_DB", "OVN_NBCTL_OPTIONS", "OVN_NB_DAEMON"])),
            Program::Sbctl => ("ovnsb_db.sock", Some(["OVN_SB_DB", "OVN_SBCTL_OPTIONS", "OVN_SB_DAEMON"])),
            Program::Vsctl => ("db.sock", None),
        };
        let [db, options, daemon] = variables.map_or([None, None, None], |names| names.map(Some));
        Self {
            db: db.and_then(&variable).unwrap_or_else(|| format!("unix:{rundir}/{socket}")),
            timeout: variable("OVS_CTL_TIMEOUT"),
            options: options.and_then(&variable),
            daemon: daemon.and_then(&variable),
            logdir: variable("OVS_LOGDIR"),
        }
    }

    /// What there is to warn of before anything else.
    pub fn warning(&self) -> Option<(LogModule, String)> {
        let options = self.options.as_deref()?;
        let (_, unclosed) = words::split_anyway(options);
        unclosed.map(|_| (LogModule::Svec, format!("{options}: word ends inside quoted string")))
    }
}

/// How long a program waits after its transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    #[default]
    None,
    /// Until the next daemon has taken the change up: northd (`--wait=sb`), or the switch for ovs-vsctl.
    Next,
    /// Until every chassis has (`--wait=hv`).
    Chassis,
}

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The program.
    pub program: Program,
    /// Its arguments, as the transaction's comment has them.
    pub line: String,
    /// Remote, or several with commas between.
    pub db: String,
    /// How long to wait for the effect.
    pub wait: Wait,
    /// Print how the time was spent (`--print-wait-time`).
    pub print_wait_time: bool,
    /// Give up after this long; `None` never.
    pub timeout: Option<Duration>,
    /// Do everything but commit.
    pub dry_run: bool,
    /// One line of output a command.
    pub oneline: bool,
    /// Keep trying to connect (`--retry`) instead of failing at the first refusal.
    pub retry: bool,
    /// Only a cluster's leader will do.
    pub leader_only: bool,
    /// Try several remotes in random order.
    pub shuffle_remotes: bool,
    /// Nothing but output: no warnings, no errors.
    pub quiet: bool,
    /// How tables look.
    pub style: Style,
    /// Where the switch's logs are.
    pub logdir: String,
    /// Warnings about the command line, to be logged first.
    pub warnings: Vec<(LogModule, String)>,
    /// The commands, at least one except for a daemon.
    pub commands: Vec<Command>,
    /// Options for logging, TLS and running as a daemon, by long name, in their order.
    pub shell: Vec<(&'static str, Option<String>)>,
}

/// What a command line comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// Commands to run.
    Run(Box<Invocation>),
    /// Commands for a daemon that runs already.
    Call(Call),
    /// Become a daemon; there are no commands.
    Serve(Box<Invocation>),
    /// A text, such as help, to print before success.
    Print(String),
}

/// Reads a command line; `arguments` begin after the program's name.
///
/// # Errors
/// What is wrong with it, in upstream's words.
pub fn parse(program: Program, arguments: &[String], environment: &Environment) -> Result<Parsed, Failure> {
    if let [word, line] = arguments
        && word == complete::WORD
    {
        return Ok(completion(program, line, environment));
    }
    let mut warnings = Vec::new();
    let options = environment.options.as_deref().unwrap_or_default();
    let (mut all, _) = words::split_anyway(options);
    all.extend_from_slice(arguments);
    let known = known_options(program);
    let split = getopt::split(program, &known, &all);
    if let (Program::Nbctl | Program::Sbctl, Err(error)) = (program, &split.operands) {
        return Err(Failure::new(error.clone()));
    }
    let operands = split.operands.as_deref().unwrap_or_default();
    warnings.extend(match call::client(program, &split.options, operands, environment)? {
        Some(Client::Call(call)) => return Ok(Parsed::Call(call)),
        Some(Client::Print(text)) => return Ok(Parsed::Print(text)),
        Some(Client::Direct { warning }) => Some((LogModule::OvnDbctl, warning)),
        None => None,
    });
    let mut invocation = Invocation::new(program, words::join(program, &all), environment);
    invocation.warnings = warnings;
    let local = match invocation.apply_all(split.options)? {
        Applied::Print(text) => return Ok(Parsed::Print(text)),
        Applied::Local(local) => local,
    };
    if invocation.shell.iter().any(|(name, _)| *name == "detach") {
        if !operands.is_empty() {
            let text = "non-option arguments not supported with --detach (use --help for help)";
            return Err(Failure::new(text));
        }
        return Ok(Parsed::Serve(Box::new(invocation)));
    }
    invocation.commands = commands::parse(program, split.operands.map_err(Failure::new)?, local)?;
    Ok(Parsed::Run(Box::new(invocation)))
}

/// What completes a line: candidates, or the run that finds them.
fn completion(program: Program, line: &str, environment: &Environment) -> Parsed {
    let long = |option: &Known<Tag>| complete::option_word(&format!("--{}", option.long), option.argument);
    let global = known_options(program).iter().map(long).collect();
    if let Some(text) = complete::without_rows(program, line, global) {
        return Parsed::Print(text);
    }
    let mut invocation = Invocation::new(program, String::new(), environment);
    invocation.db = complete::remote(line).unwrap_or(invocation.db);
    invocation.timeout = Some(COMPLETION_TIMEOUT);
    invocation.leader_only = false;
    (invocation.dry_run, invocation.quiet) = (true, true);
    let arguments = vec![line.to_owned()];
    invocation.commands = vec![Command { verb: &complete::COMPLETE, options: BTreeMap::new(), arguments }];
    Parsed::Run(Box::new(invocation))
}

/// Whether an option before the first command has its argument in the next word.
pub(crate) fn takes_next_word(program: Program, option: &str) -> bool {
    let requires = |known: &Known<Tag>| match option.strip_prefix("--") {
        Some(long) => known.argument == Argument::Required && known.long == long,
        None => {
            let mut letters = option.trim_start_matches('-').chars();
            known.argument == Argument::Required && letters.next() == known.short && letters.next().is_none()
        }
    };
    known_options(program).iter().any(requires)
}

/// Reads options and commands that were sent to a daemon.
///
/// # Errors
/// What is wrong with them, in upstream's words; options about the daemon itself are unknown.
pub fn parse_job(
    program: Program,
    words: &[String],
    environment: &Environment,
) -> Result<Invocation, Failure> {
    let mut known = known_options(program);
    known.retain(|option| match option.tag {
        Tag::Local(_) => true,
        Tag::Global(meaning, long) => options::is_of_job(meaning, long),
    });
    let split = getopt::split(program, &known, words);
    let operands = split.operands.map_err(Failure::new)?;
    let mut invocation = Invocation::new(program, words::join(program, words), environment);
    invocation.timeout = None;
    let local = match invocation.apply_all(split.options)? {
        Applied::Print(_) => Vec::new(),
        Applied::Local(local) => local,
    };
    invocation.commands = commands::parse(program, operands, local)?;
    Ok(invocation)
}

/// What options come to.
enum Applied {
    /// A text, such as help, that is all there is to print.
    Print(String),
    /// Those of the first command.
    Local(Vec<(String, Option<String>)>),
}

/// An option before the first command: a global one, or one of that command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Global(Meaning, &'static str),
    Local(&'static str),
}

fn known_options(program: Program) -> Vec<Known<Tag>> {
    let global = options::options(program).map(|option| Known {
        long: option.long,
        short: option.short,
        argument: option.argument,
        tag: Tag::Global(option.meaning, option.long),
    });
    let mut known: Vec<_> = global.collect();
    for (name, argument) in program.verbs().iter().flat_map(|verb| verb.options) {
        let long = name.trim_start_matches('-');
        if !known.iter().any(|option| option.long == long) {
            known.push(Known { long, short: None, argument: *argument, tag: Tag::Local(name) });
        }
    }
    known
}

impl Invocation {
    fn new(program: Program, line: String, environment: &Environment) -> Self {
        Self {
            program,
            line,
            db: environment.db.clone(),
            wait: if program == Program::Vsctl { Wait::Next } else { Wait::None },
            print_wait_time: false,
            timeout: environment.timeout.as_deref().and_then(|text| seconds(text).ok()),
            dry_run: false,
            oneline: false,
            retry: false,
            leader_only: true,
            shuffle_remotes: true,
            quiet: false,
            style: Style::default(),
            logdir: environment.logdir.clone().unwrap_or_else(|| LOG_DIRECTORY.to_owned()),
            warnings: Vec::new(),
            commands: Vec::new(),
            shell: Vec::new(),
        }
    }

    /// Applies all options before the first command.
    fn apply_all(&mut self, options: Vec<Found<Tag>>) -> Result<Applied, Failure> {
        let mut local = Vec::new();
        for found in options {
            if let Some(text) = self.apply(found, &mut local)? {
                return Ok(Applied::Print(text));
            }
        }
        if self.program == Program::Vsctl {
            // Of an option given several times before the first command the last one counts.
            let mut seen = std::collections::BTreeSet::new();
            local.reverse();
            local.retain(|(name, _)| seen.insert(name.clone()));
        }
        Ok(Applied::Local(local))
    }

    /// Applies one option; returns a text where printing it is all there is to do.
    fn apply(
        &mut self,
        (tag, value): Found<Tag>,
        local: &mut Vec<(String, Option<String>)>,
    ) -> Result<Option<String>, Failure> {
        let (meaning, long) = match tag {
            Tag::Local(name) => {
                local.push((name.to_owned(), value));
                return Ok(None);
            }
            Tag::Global(meaning, long) => (meaning, long),
        };
        if let Some(text) = print_only(self.program, meaning, &self.db) {
            return Ok(Some(text));
        }
        let given = value.as_deref().unwrap_or_default();
        match meaning {
            Meaning::Help | Meaning::Version | Meaning::Commands | Meaning::Options => {}
            Meaning::Db => self.db = given.to_owned(),
            Meaning::Timeout => self.timeout = Some(seconds(given)?),
            Meaning::Wait | Meaning::NoWait | Meaning::PrintWaitTime if self.program == Program::Sbctl => {
                return Err(Failure::new(format!("--{long} not supported")));
            }
            Meaning::Wait => {
                self.wait = match given {
                    "none" => Wait::None,
                    "sb" => Wait::Next,
                    "hv" => Wait::Chassis,
                    _ => return Err(Failure::new(r#"argument to --wait must be "none", "sb", or "hv""#)),
                }
            }
            Meaning::NoWait => self.wait = Wait::None,
            Meaning::PrintWaitTime => self.print_wait_time = true,
            Meaning::DryRun => self.dry_run = true,
            Meaning::Oneline => self.oneline = true,
            Meaning::Retry => self.retry = true,
            Meaning::LeaderOnly(only) => self.leader_only = only,
            Meaning::ShuffleRemotes(shuffle) => self.shuffle_remotes = shuffle,
            Meaning::Format => {
                let unknown = || Failure::new(format!("unknown output format \"{given}\""));
                self.style.format = TableFormat::from_name(given).ok_or_else(unknown)?;
            }
            Meaning::Data => {
                let unknown = || Failure::new(format!("unknown data format \"{given}\""));
                self.style.cells = CellStyle::from_name(given).ok_or_else(unknown)?;
            }
            Meaning::NoHeadings => self.style.headings = false,
            Meaning::Pretty => self.style.pretty = true,
            Meaning::Bare => {
                self.style.format = TableFormat::List;
                self.style.cells = CellStyle::Bare;
                self.style.headings = false;
            }
            Meaning::MaxColumnWidth => self.style.max_column_width = given.parse().unwrap_or(0),
            Meaning::Shell => self.shell.push((long, value)),
        }
        Ok(None)
    }
}

/// A timeout: a whole number of seconds above zero.
fn seconds(text: &str) -> Result<Duration, Failure> {
    match text.parse::<u32>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        Ok(_) | Err(_) => Err(Failure::new(format!("value {text} on -t or --timeout is invalid"))),
    }
}

/// The text of an option that prints one; `db` is the remote in use.
fn print_only(program: Program, meaning: Meaning, db: &str) -> Option<String> {
    match meaning {
        Meaning::Help => Some(help::help(program, db)),
        Meaning::Version => Some(help::version(program)),
        Meaning::Commands => Some(help::commands(program)),
        Meaning::Options => Some(option_list(program)),
        Meaning::Db
        | Meaning::Timeout
        | Meaning::Wait
        | Meaning::NoWait
        | Meaning::PrintWaitTime
        | Meaning::DryRun
        | Meaning::Oneline
        | Meaning::Retry
        | Meaning::LeaderOnly(_)
        | Meaning::ShuffleRemotes(_)
        | Meaning::Format
        | Meaning::Data
        | Meaning::NoHeadings
        | Meaning::Pretty
        | Meaning::Bare
        | Meaning::MaxColumnWidth
        | Meaning::Shell => None,
    }
}

/// All options one a line, for completion.
fn option_list(program: Program) -> String {
    let mut text = String::new();
    for option in known_options(program) {
        let argument = if option.argument == Argument::None { "" } else { "ARG" };
        let separator = if argument.is_empty() { "" } else { "=" };
        text.push_str(&format!("--{}{separator}{argument}\n", option.long));
        if let Some(short) = option.short {
            let separator = if argument.is_empty() { "" } else { " " };
            text.push_str(&format!("-{short}{separator}{argument}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Environment, Parsed, Wait, parse};
    use crate::Program;
    use std::time::Duration;

    fn run(program: Program, line: &str, environment: &Environment) -> super::Invocation {
        let words = super::split_words(line).unwrap();
        match parse(program, &words, environment) {
            Ok(Parsed::Run(invocation)) => *invocation,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn options_before_the_first_command_are_the_programs_or_its() {
        let line = "-t5 --wait=hv --may-exist --db tcp:h:1 -vdbg --log-file=x --oneline ls-add a -- --if-exists ls-del b";
        let found = run(Program::Nbctl, line, &Environment::default());
        assert_eq!(
            (found.timeout, found.wait, found.db.as_str()),
            (Some(Duration::from_secs(5)), Wait::Chassis, "tcp:h:1")
        );
        assert_eq!(found.shell, [("verbose", Some("dbg".to_owned())), ("log-file", Some("x".to_owned()))]);
        let commands: Vec<_> =
            found.commands.iter().map(|command| (command.verb.name, command.options.len())).collect();
        assert_eq!(commands, [("ls-add", 1), ("ls-del", 1)]);
        assert!(
            found.oneline && found.commands[0].has("--may-exist") && found.commands[1].has("--if-exists")
        );
        assert!(found.line.starts_with("ovn-nbctl -t5 --wait=hv"));
    }

    #[test]
    fn the_environment_says_what_options_do_not() {
        let variable = |name: &str| match name {
            "OVN_SB_DB" => Some("tcp:sb:1".to_owned()),
            "OVS_CTL_TIMEOUT" => Some("7".to_owned()),
            "OVN_NBCTL_OPTIONS" => Some("--oneline --db='tcp:a b:1'".to_owned()),
            "OVS_LOGDIR" => Some("/log".to_owned()),
            _ => None,
        };
        let sb = run(Program::Sbctl, "show", &Environment::read(Program::Sbctl, "/run/ovn", variable));
        assert_eq!(
            (sb.db.as_str(), sb.timeout, sb.oneline),
            ("tcp:sb:1", Some(Duration::from_secs(7)), false)
        );
        let nb = run(Program::Nbctl, "-t 3 show", &Environment::read(Program::Nbctl, "/run/ovn", variable));
        assert_eq!(
            (nb.db.as_str(), nb.timeout, nb.oneline),
            ("tcp:a b:1", Some(Duration::from_secs(3)), true)
        );
        let environment = Environment::read(Program::Vsctl, "/run/openvswitch", variable);
        let vs = run(Program::Vsctl, "show", &environment);
        assert_eq!(
            (vs.db.as_str(), vs.logdir.as_str(), vs.wait),
            ("unix:/run/openvswitch/db.sock", "/log", Wait::Next)
        );
    }
}
