//! `--run`: a command for the shell that is started once clients are served, and with which the server ends.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};

/// The command under way.
#[derive(Debug)]
pub(super) struct Subprocess {
    command: String,
    child: Child,
}

impl Subprocess {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no shell, or no room for a process.
    pub(super) fn start(command: &str) -> anyhow::Result<Self> {
        let child = Command::new("/bin/sh").arg("-c").arg(command).spawn();
        Ok(Self { command: command.to_owned(), child: child.with_context(|| command.to_owned())? })
    }

    /// Waits until it has ended; for ever if there is none. Safe to cancel.
    ///
    /// # Errors
    /// When it did not succeed.
    pub(super) async fn ended(subprocess: &mut Option<Self>) -> anyhow::Result<()> {
        let Some(Self { command, child }) = subprocess else { return std::future::pending().await };
        match child.wait().await? {
            status if status.success() => Ok(()),
            status => bail!("{command}: child exited, {}", in_words(status)),
        }
    }
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => match Signal::try_from(signal) {
            Ok(signal) => format!("killed ({signal})"),
            Err(_) => format!("killed (signal {signal})"),
        },
        (None, None) => status.to_string(),
    }
}
