//! Processes of a lab: started inside a node's namespace, reaped by the supervisor, who is process 1 there.

use super::netns::Netns;
use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::rc::Rc;
use std::sync::Mutex;
use tokio::signal::unix::SignalKind;
use tokio::sync::watch;

/// Ends of processes that nobody has asked about yet; the oldest are forgotten beyond this.
const UNCLAIMED_MAX: usize = 1024;

/// Held while a process is started and while ends are collected: the standard library waits for a child whose
/// program could not be executed, and must find it.
static STARTING: Mutex<()> = Mutex::new(());

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// Variables in addition to the supervisor's own.
    pub env: Vec<(String, OsString)>,
    pub dir: Option<PathBuf>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Exited(i32),
    Killed(Signal),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with {code}"),
            Self::Killed(signal) => write!(f, "was killed by {signal}"),
        }
    }
}

/// A process that was started.
#[derive(Clone, Debug)]
pub struct Process {
    pub pid: Pid,
    ended: watch::Receiver<Option<Ended>>,
}

impl Process {
    /// How it ended, if it has.
    pub fn ended(&self) -> Option<Ended> {
        *self.ended.borrow()
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Ended {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await.ok().and_then(|end| *end);
        // Nobody reaps any more only when the whole lab ends, and everything is killed.
        end.unwrap_or(Ended::Killed(Signal::SIGKILL))
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        if self.ended().is_none() {
            let _ = kill(self.pid, signal);
        }
    }
}

/// All processes of the lab.
#[derive(Clone, Default)]
pub struct Processes {
    inner: Rc<RefCell<Inner>>,
}

#[derive(Default)]
struct Inner {
    running: BTreeMap<Pid, watch::Sender<Option<Ended>>>,
    /// Ends that came before their process was entered into `running`, and those of orphans.
    unclaimed: VecDeque<(Pid, Ended)>,
}

impl Processes {
    /// Collects ends for as long as the lab lives.
    pub async fn reap(&self) -> Result<()> {
        let mut signals =
            tokio::signal::unix::signal(SignalKind::child()).context("listening for SIGCHLD")?;
        loop {
            self.collect();
            signals.recv().await;
        }
    }

    fn collect(&self) {
        let Ok(_guard) = STARTING.lock() else { return };
        let mut inner = self.inner.borrow_mut();
        loop {
            let (pid, ended) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Ended::Exited(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Ended::Killed(signal)),
                Ok(WaitStatus::StillAlive) | Err(_) => return,
                Ok(_) => continue,
            };
            match inner.running.remove(&pid) {
                Some(sender) => drop(sender.send_replace(Some(ended))),
                None => {
                    inner.unclaimed.push_back((pid, ended));
                    if inner.unclaimed.len() > UNCLAIMED_MAX {
                        inner.unclaimed.pop_front();
                    }
                }
            }
        }
    }

    /// Starts a process in a namespace, its output going to `log`.
    ///
    /// # Errors
    /// When the program cannot be executed.
    pub async fn start(&self, netns: &Netns, launch: Launch, log: File) -> Result<Process> {
        let stdout = log.try_clone().context("sharing a log file")?;
        self.spawn(netns, launch, stdout.into(), log.into()).await
    }

    /// Starts a process in a namespace with these outputs.
    ///
    /// # Errors
    /// When the program cannot be executed.
    pub async fn spawn(
        &self,
        netns: &Netns,
        launch: Launch,
        stdout: OwnedFd,
        stderr: OwnedFd,
    ) -> Result<Process> {
        let program = launch.program.display().to_string();
        let child = netns.run(move |_| async move { execute(launch, stdout, stderr) }).await?;
        let pid = Pid::from_raw(child.with_context(|| format!("starting {program}"))? as i32);
        let (sender, ended) = watch::channel(None);
        let mut inner = self.inner.borrow_mut();
        match inner.unclaimed.iter().position(|(p, _)| *p == pid) {
            Some(at) => {
                let end = inner.unclaimed.remove(at).map(|(_, end)| end);
                sender.send_replace(end);
            }
            None => drop(inner.running.insert(pid, sender)),
        }
        Ok(Process { pid, ended })
    }
}

/// Starts a process in the calling thread's namespaces; its id.
fn execute(launch: Launch, stdout: OwnedFd, stderr: OwnedFd) -> std::io::Result<u32> {
    let _guard = STARTING.lock();
    let mut command = std::process::Command::new(launch.program);
    command.args(launch.args).envs(launch.env);
    command.stdin(Stdio::null()).stdout(Stdio::from(stdout)).stderr(Stdio::from(stderr));
    if let Some(dir) = launch.dir {
        command.current_dir(dir);
    }
    command.spawn().map(|child| child.id())
}
