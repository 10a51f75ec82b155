//! `exec NODE -- CMD` and `shell NODE`: runs a program in a node.
//!
//! The command enters the lab's namespaces itself and starts the program as its own child, so that the terminal, its
//! signals and job control work as everywhere; the program is still inside the lab, and dies with it.

use super::client::{self, Asked};
use crate::lab::control::{Namespace, Reply, Request};
use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns};
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Run a program in a node of a lab.
#[derive(clap::Args)]
pub(super) struct ExecArgs {
    /// The lab; not needed when there is only one.
    #[arg(long)]
    lab: Option<String>,
    /// The node: central, a chassis or a guest.
    node: String,
    /// The program and its arguments, after `--`.
    #[arg(required = true, last = true)]
    command: Vec<OsString>,
}

/// Open a shell in a node of a lab.
#[derive(clap::Args)]
pub(super) struct ShellArgs {
    /// The lab; not needed when there is only one.
    #[arg(long)]
    lab: Option<String>,
    /// The node: central, a chassis or a guest.
    node: String,
}

pub(super) fn exec(args: &ExecArgs) -> Result<u8> {
    let entry = enter(args.lab.as_deref(), &args.node)?;
    run(&entry, &args.command)
}

pub(super) fn shell(args: &ShellArgs) -> Result<u8> {
    let mut entry = enter(args.lab.as_deref(), &args.node)?;
    entry.environment.push(("PS1".to_owned(), format!("{}$ ", args.node).into()));
    let mut command = vec![std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into())];
    // The files that bash reads on starting would undo the prompt, which says where one is.
    if Path::new(&command[0]).file_name().is_some_and(|name| name == "bash") {
        command.extend(["--norc".into(), "--noprofile".into()]);
    }
    run(&entry, &command)
}

/// What [`enter`] has prepared.
pub(super) struct Entry {
    pub(super) environment: Vec<(String, OsString)>,
    /// The node's run directory.
    pub(super) dir: PathBuf,
}

/// Enters a node's namespaces; children are in its namespace of processes. Must be called before any thread is
/// started.
pub(super) fn enter(lab: Option<&str>, node: &str) -> Result<Entry> {
    let lab = client::find(lab)?;
    let (reply, descriptors) = Asked::connect(&lab)?.ask(&Request::Enter { node: node.to_owned() })?;
    let Reply::Entry { namespaces, environment, dir } = reply else {
        bail!("the lab answered something else")
    };
    if namespaces.len() != descriptors.len() {
        bail!("the lab gave {} of {} namespaces", descriptors.len(), namespaces.len());
    }
    for (kind, namespace) in namespaces.into_iter().zip(descriptors) {
        join(kind, namespace)?;
    }
    Ok(Entry { environment, dir })
}

fn join(kind: Namespace, namespace: OwnedFd) -> Result<()> {
    let flags = match kind {
        Namespace::User => {
            // Root's labs are in the namespace of users in which we are; joining one's own is refused.
            let mine = std::fs::metadata("/proc/self/ns/user").context("looking at /proc/self/ns/user")?;
            let theirs = File::from(namespace.try_clone()?).metadata()?;
            if (mine.dev(), mine.ino()) == (theirs.dev(), theirs.ino()) {
                return Ok(());
            }
            CloneFlags::CLONE_NEWUSER
        }
        Namespace::Mount => CloneFlags::CLONE_NEWNS,
        Namespace::Process => CloneFlags::CLONE_NEWPID,
        Namespace::Network => CloneFlags::CLONE_NEWNET,
    };
    setns(namespace, flags).with_context(|| format!("entering the lab's {kind:?} namespace"))
}

/// Runs a program as our child; its exit code, or 128 and its signal.
fn run(entry: &Entry, command: &[OsString]) -> Result<u8> {
    // Programs are looked up in the lab's own path.
    let path = entry.environment.iter().find(|(key, _)| key == "PATH").map(|(_, path)| path);
    let program = path.and_then(|path| lookup(&command[0], path)).unwrap_or_else(|| command[0].clone());
    let mut child = Command::new(program)
        .args(&command[1..])
        .envs(entry.environment.iter().map(|(key, value)| (key, value)))
        .spawn()
        .with_context(|| format!("running {}", command[0].display()))?;
    // Interrupts from the terminal are the program's to answer, who gets them too.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting tokio")?;
    let _entered = runtime.enter();
    let _interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
    let _quits = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::quit());
    let status = child.wait().context("waiting for the program")?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(code as u8)
}

/// The first executable of that name in a path; None for a name with a slash, which is no matter of paths.
fn lookup(name: &OsString, path: &OsString) -> Option<OsString> {
    if name.to_string_lossy().contains('/') {
        return None;
    }
    std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| file.is_file()).map(OsString::from)
}
