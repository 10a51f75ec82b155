//! A command line for a daemon: most options and all commands go to it; where it is and how long to wait stay here.

use super::getopt::Found;
use super::options::Meaning;
use super::{Environment, Tag, print_only, seconds};
use crate::{Failure, Program};
use std::time::Duration;

/// What to ask of a daemon that runs already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its control socket: a path, or a name in the run directory.
    pub socket: String,
    /// Options and commands, as the arguments of `run`.
    pub words: Vec<String>,
    /// Give up after this long; `None` never.
    pub timeout: Option<Duration>,
    /// Options for logging, by long name, in their order.
    pub shell: Vec<(&'static str, Option<String>)>,
}

/// What becomes of a command line where there may be a daemon.
pub(super) enum Client {
    /// It is for the daemon.
    Call(Call),
    /// A text is all there is to print.
    Print(String),
    /// It is for the database itself, though there is a daemon.
    Direct {
        /// The warning that says so.
        warning: String,
    },
}

/// Makes a call of a command line, if the environment or an option names a daemon.
pub(super) fn client(
    program: Program,
    options: &[Found<Tag>],
    operands: &[String],
    environment: &Environment,
) -> Result<Option<Client>, Failure> {
    let given = |name: &str| {
        options.iter().rev().find(|(tag, _)| matches!(tag, Tag::Global(_, long) if *long == name))
    };
    let socket = given("unixctl").and_then(|(_, value)| value.clone());
    let socket = socket.or_else(|| environment.daemon.clone().filter(|name| !name.is_empty()));
    let Some(socket) = socket.filter(|_| given("detach").is_none()) else { return Ok(None) };
    let mut call = Call { socket, words: Vec::new(), timeout: None, shell: Vec::new() };
    for (tag, value) in options {
        let word = |name: &str| match value {
            Some(value) => format!("--{name}={value}"),
            None => format!("--{name}"),
        };
        let (meaning, long) = match tag {
            Tag::Local(name) => {
                call.words.push(word(name.trim_start_matches('-')));
                continue;
            }
            Tag::Global(meaning, long) => (*meaning, *long),
        };
        if let Some(text) = print_only(program, meaning, &environment.db) {
            return Ok(Some(Client::Print(text)));
        }
        match meaning {
            Meaning::Db => {
                let warning = format!("not using {} daemon because of {long} option", program.name());
                return Ok(Some(Client::Direct { warning }));
            }
            Meaning::Timeout => call.timeout = Some(seconds(value.as_deref().unwrap_or_default())?),
            Meaning::Shell => call.shell.push((long, value.clone())),
            // How it connects is the daemon's business.
            Meaning::Help
            | Meaning::Version
            | Meaning::Commands
            | Meaning::Options
            | Meaning::Retry
            | Meaning::LeaderOnly(_)
            | Meaning::ShuffleRemotes(_) => {}
            Meaning::Wait
            | Meaning::NoWait
            | Meaning::PrintWaitTime
            | Meaning::DryRun
            | Meaning::Oneline
            | Meaning::Format
            | Meaning::Data
            | Meaning::NoHeadings
            | Meaning::Pretty
            | Meaning::Bare
            | Meaning::MaxColumnWidth => call.words.push(word(long)),
        }
    }
    call.words.push("--".to_owned());
    call.words.extend_from_slice(operands);
    Ok(Some(Client::Call(call)))
}
