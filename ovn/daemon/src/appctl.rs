//! `ovs-appctl` and `ovn-appctl`: one control command to a running daemon.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::base::getopt::{self, Opt, Takes, short};
use crate::base::options::Program;
use crate::base::paths::Family;
use crate::base::{options, pidfile, shell, unixctl};

const OWN: &[Opt] = &[short('t', "target", Takes::Value), short('T', "timeout", Takes::Value)];

/// Runs the program named `program`, whose default target is `default_target`.
pub fn run(program: Program, default_target: &'static str, args: &[String]) -> ExitCode {
    let name = program.name;
    match request(program, default_target, args) {
        Ok(Request::Text(text)) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Ok(Request::Call { target, command, args, timeout }) => match call(&target, &command, &args, timeout)
        {
            Ok(text) => {
                print(&text);
                ExitCode::SUCCESS
            }
            Err(unixctl::CallError::Refused(text)) => {
                eprintln!("{}\n{name}: {}: server returned an error", text.trim_end(), target.display());
                ExitCode::from(2)
            }
            Err(error) => {
                eprintln!("{name}: {error}");
                ExitCode::FAILURE
            }
        },
        Err(text) => {
            eprintln!("{name}: {text}");
            ExitCode::FAILURE
        }
    }
}

enum Request {
    Text(String),
    Call { target: PathBuf, command: String, args: Vec<String>, timeout: Option<Duration> },
}

fn request(program: Program, default_target: &str, args: &[String]) -> Result<Request, String> {
    let known: Vec<Opt> = OWN.iter().chain(options::COMMON).copied().collect();
    let parsed = getopt::parse_leading(&known, args).map_err(|error| error.to_string())?;
    let (mut target, mut timeout) = (default_target.to_owned(), None);
    for (option, value) in parsed.options {
        match (option, value) {
            ("help", _) => return Ok(Request::Text(help(program.name, default_target))),
            ("version", _) => return Ok(Request::Text(format!("{}\n", shell::version(program.name)))),
            ("target", Some(value)) => target = value,
            ("timeout", Some(value)) => {
                let seconds =
                    value.parse().map_err(|_| format!("value {value} on -T or --timeout is invalid"))?;
                timeout = Some(Duration::from_secs(seconds));
            }
            _ => {}
        }
    }
    let mut operands = parsed.operands.into_iter();
    let command =
        operands.next().ok_or("at least one non-option argument is required (use --help for help)")?;
    Ok(Request::Call { target: socket(program.family, &target)?, command, args: operands.collect(), timeout })
}

/// The control socket of `target`: a path, or the name of a daemon with a pidfile in the run directory.
///
/// # Errors
/// When there is no readable pidfile of that name; in upstream's words.
pub fn socket(family: Family, target: &str) -> Result<PathBuf, String> {
    if target.starts_with('/') {
        return Ok(PathBuf::from(target));
    }
    let run_dir = family.run_dir();
    let file = run_dir.join(format!("{target}.pid"));
    let pid = pidfile::read(&file).map_err(|error| {
        format!("cannot read pidfile \"{}\" ({})", file.display(), crate::base::os_error(&error))
    })?;
    Ok(run_dir.join(format!("{target}.{pid}.ctl")))
}

fn call(
    target: &Path,
    command: &str,
    args: &[String],
    timeout: Option<Duration>,
) -> Result<String, unixctl::CallError> {
    let broken =
        |what: &str| unixctl::CallError::Transaction { path: target.to_owned(), what: what.to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| broken(&error.to_string()))?;
    runtime.block_on(async {
        let answer = unixctl::call(target, command, args);
        match timeout {
            None => answer.await,
            Some(limit) => {
                tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(broken("timed out")))
            }
        }
    })
}

fn print(text: &str) {
    use std::io::Write as _;
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn help(name: &str, default_target: &str) -> String {
    format!(
        "{name}: sends one command to a running daemon and prints its answer
usage: {name} [TARGET] COMMAND [ARG...]
Targets:
  -t, --target=TARGET  name of a daemon with a pidfile, or path of its control
                       socket (default: {default_target})
Commands that every daemon has:
  list-commands        what else the daemon understands
  version              its version
  vlog/list            its modules and their log levels
  vlog/set [SPEC]      changes log levels
  vlog/reopen          opens the log file anew
Other options:
  -T, --timeout=SECS   give up after so many seconds
  -h, --help           this help
  -V, --version        version information
"
    )
}
