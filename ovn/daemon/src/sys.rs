//! The one file of this crate that may say `unsafe`: process control that Rust's standard library has no safe form of.
#![allow(unsafe_code)]

use std::os::fd::OwnedFd;

use nix::unistd::{ForkResult, Pid};

/// What [`fork`] returned in which process.
pub(crate) enum Forked {
    /// In the parent: the child's process id.
    Parent(Pid),
    /// In the child.
    Child,
}

/// Forks. Must be called while the process has one thread: before any runtime is started.
///
/// # Errors
/// What fork(2) returns, for example EAGAIN at the limit of processes.
pub(crate) fn fork() -> nix::Result<Forked> {
    // SAFETY: callers run before any thread is spawned (`detach` is the first thing a daemon does), so no lock
    // of another thread can be held forever in the child.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Forked::Parent(child)),
        ForkResult::Child => Ok(Forked::Child),
    }
}

/// Points standard input, output and error at `/dev/null`, as a detached daemon has them.
pub(crate) fn null_stdio(null: &OwnedFd) {
    // A failure leaves the descriptor as it was, which harms nobody.
    let _ = nix::unistd::dup2_stdin(null);
    let _ = nix::unistd::dup2_stdout(null);
    let _ = nix::unistd::dup2_stderr(null);
}
