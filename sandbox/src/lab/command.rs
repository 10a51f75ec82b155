//! Programs that are run on a node to their end.

use super::process::{Ended, Launch};
use super::world::Lab;
use crate::sim::client::Ran;
use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// Output that is kept of a program, in octets; more is read and let go.
const OUTPUT_MAX: usize = 1 << 20;

/// Runs a program on a node to its end, or to the deadline, when it is killed.
///
/// # Errors
/// When it cannot be started, or has not ended in time.
pub async fn run(lab: &Lab, node: &str, words: &[String], within: Duration) -> Result<Ran> {
    let node = lab.node(node)?;
    let environment = lab.files.environment(&node.name);
    let (reader, writer) = std::io::pipe().context("making a pipe")?;
    let launch = Launch {
        program: lookup(&lab.files.programs(&node.name), &words[0]),
        args: words[1..].iter().map(Into::into).collect(),
        env: environment,
        dir: None,
    };
    let errors = writer.try_clone().context("making a pipe")?;
    let process = lab.processes.spawn(&node.netns, launch, writer.into(), errors.into()).await?;
    let mut reader =
        tokio::net::unix::pipe::Receiver::from_owned_fd(reader.into()).context("reading a pipe")?;
    let mut output = Vec::new();
    let finish = async {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(n @ 1..) = reader.read(&mut buffer).await {
            let room = OUTPUT_MAX.saturating_sub(output.len());
            output.extend(&buffer[..n.min(room)]);
        }
        process.wait().await
    };
    let ended = tokio::time::timeout(within, finish).await;
    let output = String::from_utf8_lossy(&output).into_owned();
    match ended {
        Ok(Ended::Exited(exit)) => Ok(Ran { output, exit }),
        Ok(Ended::Killed(signal)) => Ok(Ran { output, exit: 128 + signal as i32 }),
        Err(_) => {
            process.signal(Signal::SIGKILL);
            anyhow::bail!("it did not end within {within:?}; it said: {}", output.trim())
        }
    }
}

/// The lab's own program of that name, or whatever the path has.
fn lookup(programs: &Path, word: &str) -> PathBuf {
    let own = programs.join(word);
    if !word.contains('/') && own.exists() { own } else { word.into() }
}
