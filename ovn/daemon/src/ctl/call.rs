//! A command line for a daemon that runs already: one `run` over its control socket.

use std::process::ExitCode;

use ctl::Program;
use ctl::cli::Call;

use super::{alarm, print, with_newline};
use crate::base::paths::{Family, below};
use crate::base::unixctl::{self, CallError};

/// Has the daemon run the commands, and prints what they print.
pub(super) fn run(program: Program, call: &Call) -> std::io::Result<ExitCode> {
    let path = below(&Family::Ovn.run_dir(), &call.socket);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let answer = unixctl::call(&path, "run", &call.words);
        match call.timeout {
            Some(timeout) => tokio::time::timeout(timeout, answer).await.ok(),
            None => Some(answer.await),
        }
    });
    let text = match outcome {
        Some(Ok(text)) => {
            print(&with_newline(text));
            return Ok(ExitCode::SUCCESS);
        }
        Some(Err(CallError::Refused(text))) => {
            eprint!("{}: {}", program.name(), with_newline(text));
            return Ok(ExitCode::FAILURE);
        }
        Some(Err(CallError::Connect { source, .. })) => {
            let variable = if program == Program::Nbctl { "OVN_NB_DAEMON" } else { "OVN_SB_DAEMON" };
            let (name, reason) = (program.name(), crate::base::os_error(&source));
            let socket = &call.socket;
            tracing::warn!(target: "unixctl", "failed to connect to {socket}");
            format!(
                "{socket}: could not connect to {name} daemon ({reason}); unset {variable} to avoid using daemon"
            )
        }
        Some(Err(CallError::Transaction { what, .. })) => {
            format!("{}: transaction error ({what})", call.socket)
        }
        None => {
            tracing::warn!(target: "fatal_signal", "terminating with signal 14 (Alarm clock)");
            return Ok(alarm());
        }
    };
    tracing::error!(target: "ovn_dbctl", "{text}");
    eprintln!("{}: {text}", program.name());
    Ok(ExitCode::FAILURE)
}
