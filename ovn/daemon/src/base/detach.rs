//! `--detach` and `--monitor`: the parent returns when the daemon is ready to serve, and a monitor restarts one that crashed.
//!
//! ```text
//! shell ── parent ──fork── [monitor ──fork──] daemon
//!            └── waits for one byte on a pipe ◄──┘ when ready
//! ```
//! Everything here happens before the first thread and before the runtime.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, pipe, setsid};

use crate::sys::{self, Forked};

/// What the operator asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detach {
    /// `--detach`: run in the background, in a session of its own.
    pub detach: bool,
    /// `--no-chdir`: stay in the current directory.
    pub no_chdir: bool,
    /// `--monitor`: restart the daemon when a signal that means a bug killed it.
    pub monitor: bool,
}

/// Held by the daemon until it is ready to serve.
#[derive(Debug, Default)]
pub struct Readiness {
    parent: Option<File>,
    go_background: bool,
    no_chdir: bool,
}

/// Forks as asked; the caller goes on as the daemon. The parent never returns from here.
///
/// # Errors
/// What fork, pipe or setsid returned.
pub fn detach(how: Detach) -> nix::Result<Readiness> {
    let mut readiness = Readiness { parent: None, go_background: how.detach, no_chdir: how.no_chdir };
    if how.detach {
        readiness.parent = Some(fork_and_wait_in_parent()?);
        setsid()?;
    }
    if how.monitor {
        monitor(&mut readiness)?;
    }
    Ok(readiness)
}

impl Readiness {
    /// Tells the waiting parent that the daemon serves, and lets go of terminal and directory.
    pub fn ready(self) {
        if self.go_background
            && let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null")
        {
            sys::null_stdio(&OwnedFd::from(null));
        }
        self.ready_with_output();
    }

    /// Tells the waiting parent, and lets go of the directory; what is printed goes where it went.
    pub fn ready_with_output(mut self) {
        if let Some(mut parent) = self.parent.take() {
            // A parent that was killed meanwhile does not want to know.
            let _ = parent.write_all(&[0]);
        }
        if self.go_background && !self.no_chdir {
            let _ = std::env::set_current_dir("/");
        }
    }
}

/// In the child: the end of the pipe to report readiness on. The parent waits, then exits with what became of the child.
fn fork_and_wait_in_parent() -> nix::Result<File> {
    let (reader, writer) = pipe()?;
    match sys::fork()? {
        Forked::Child => {
            drop(reader);
            Ok(File::from(writer))
        }
        Forked::Parent(child) => {
            drop(writer);
            let mut byte = [0];
            let code = match File::from(reader).read_exact(&mut byte) {
                Ok(()) => 0,
                Err(_) => exit_code(waitpid(child, None)),
            };
            std::process::exit(code)
        }
    }
}

/// Two crashes are at least this far apart, so that a daemon that cannot start does not use a whole processor.
const RESTART_INTERVAL: Duration = Duration::from_secs(10);

/// What a Rust process exits with after a panic in its main thread.
const PANIC_CODE: i32 = 101;

/// Stays as the parent of the daemon and starts another when one dies of a bug. Returns in each daemon.
fn monitor(readiness: &mut Readiness) -> nix::Result<()> {
    let mut last_crash: Option<Instant> = None;
    loop {
        let child = match sys::fork()? {
            Forked::Child => return Ok(()),
            Forked::Parent(child) => child,
        };
        // The first daemon reports readiness; those after it have nobody waiting.
        readiness.parent = None;
        let status = wait_for_end(child);
        if !is_crash(&status) {
            std::process::exit(exit_code(Ok(status)))
        }
        if let Some(last) = last_crash {
            std::thread::sleep(RESTART_INTERVAL.saturating_sub(last.elapsed()));
        }
        last_crash = Some(Instant::now());
    }
}

fn wait_for_end(child: Pid) -> WaitStatus {
    loop {
        match waitpid(child, None) {
            Ok(status) => return status,
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return WaitStatus::Exited(child, 1),
        }
    }
}

/// A panic, or one of the signals after which upstream's monitor starts the daemon again.
fn is_crash(status: &WaitStatus) -> bool {
    matches!(
        status,
        WaitStatus::Exited(_, PANIC_CODE)
            | WaitStatus::Signaled(
                _,
                Signal::SIGABRT
                    | Signal::SIGALRM
                    | Signal::SIGBUS
                    | Signal::SIGFPE
                    | Signal::SIGILL
                    | Signal::SIGPIPE
                    | Signal::SIGSEGV
                    | Signal::SIGXCPU
                    | Signal::SIGXFSZ,
                _
            )
    )
}

fn exit_code(status: nix::Result<WaitStatus>) -> i32 {
    match status {
        Ok(WaitStatus::Exited(_, code)) => code,
        Ok(_) | Err(_) => 1,
    }
}
