//! Daemons whose executable is replaced while the lab runs, and put back when the new one does not work.

use super::daemons::Daemon;
use super::process::{Ended, Process};
use super::world::{Lab, Node};
use crate::topology::Role;
use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// How long a new daemon may take to say that it works, by its file with its process id.
const BEGIN_MAX: Duration = Duration::from_secs(10);
/// Pause between looks at that file.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// How an upgrade went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upgraded {
    /// The new daemon works, and the old one has ended so.
    Done(Ended),
    /// The new daemon did not, for this reason, and the old executable does its work.
    RolledBack(String),
}

impl Lab {
    /// Replaces the executable of a daemon by `program`, or by the present one under another name, and the daemon by
    /// one of it. The switch hands over; the others end in peace first, and come back as they were when the new one
    /// does not work.
    ///
    /// # Errors
    /// When it does not run, or not even the old executable works any more.
    pub async fn upgrade_daemon(
        self: &Rc<Self>,
        node: &Rc<Node>,
        daemon: Daemon,
        program: Option<&Path>,
    ) -> Result<Upgraded> {
        let service = node.services.borrow().get(&daemon).cloned();
        let Some(old) = service.filter(|s| s.process.ended().is_none()) else {
            bail!("{daemon} does not run on {}", node.name);
        };
        let new = self.new_program(node, daemon.role(), program)?;
        let pidfile = self.files.pidfile(&node.name, daemon);
        let before = fs::read_to_string(&pidfile).unwrap_or_default();
        // Its end is wanted from here on; that of a switch, once another has what it has.
        old.dismissed.set(true);
        match daemon {
            Daemon::Vswitchd => self.control(node, daemon, &["exit", "--hand-over"]).await?,
            Daemon::Controller => self.control(node, daemon, &["exit", "--restart"]).await?,
            Daemon::Northd | Daemon::NorthboundServer | Daemon::SouthboundServer | Daemon::SwitchServer => {
                old.process.signal(Signal::SIGTERM)
            }
        }
        if daemon != Daemon::Vswitchd {
            old.process.wait().await;
        }
        let process = self.start_program(node, daemon, Some(&new)).await;
        let works = match &process {
            Ok(process) => self.works(daemon, process, &old.process, (&pidfile, &before)).await,
            Err(e) => Err(format!("{e:#}")),
        };
        match (works, process) {
            (Ok(()), Ok(process)) => {
                self.watch_daemon(node, daemon, process);
                node.upgraded.borrow_mut().insert(daemon, new);
                Ok(Upgraded::Done(old.process.wait().await))
            }
            (Err(why), _) if daemon == Daemon::Vswitchd => {
                old.dismissed.set(false);
                match old.process.ended() {
                    None => Ok(Upgraded::RolledBack(why)),
                    Some(ended) => bail!("{why}, and the old one {ended}"),
                }
            }
            (Err(why), _) => {
                self.launch_daemon(node, daemon).await?;
                Ok(Upgraded::RolledBack(why))
            }
            (Ok(()), Err(e)) => Err(e),
        }
    }

    /// Waits until a new daemon works; why it does not.
    async fn works(
        &self,
        daemon: Daemon,
        new: &Process,
        old: &Process,
        (pidfile, before): (&Path, &str),
    ) -> Result<(), String> {
        let begun = async {
            if daemon == Daemon::Vswitchd {
                // It has everything then.
                old.wait().await;
                return;
            }
            while fs::read_to_string(pidfile).map_or(true, |pid| pid.is_empty() || pid == before) {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let why = tokio::select! {
            biased;
            ended = new.wait() => format!("the new one {ended}"),
            begun = tokio::time::timeout(BEGIN_MAX, begun) => match begun {
                Ok(()) => return Ok(()),
                Err(_) => {
                    new.signal(Signal::SIGKILL);
                    new.wait().await;
                    format!("the new one did not begin within {BEGIN_MAX:?}")
                }
            },
        };
        Err(why)
    }

    /// A daemon's executable under another name, in a place that is this upgrade's own.
    fn new_program(&self, node: &Node, role: Role, program: Option<&Path>) -> Result<PathBuf> {
        let target = match program {
            Some(program) => program.to_owned(),
            None => {
                let present = self.files.programs(&node.name).join(role.program());
                fs::canonicalize(&present).with_context(|| format!("looking for {}", present.display()))?
            }
        };
        let root = self.files.node(&node.name).join("upgrades");
        let number = fs::read_dir(&root).map_or(0, Iterator::count);
        let dir = root.join(number.to_string());
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        let path = dir.join(role.program());
        symlink(target, &path).context("linking a program")?;
        Ok(path)
    }

    /// Gives a daemon a command by its control socket.
    pub(super) async fn control(&self, node: &Node, daemon: Daemon, command: &[&str]) -> Result<()> {
        let pidfile = self.files.pidfile(&node.name, daemon);
        let path = self.files.logs(&node.name).join("appctl.out");
        let log = File::options().create(true).append(true).open(path).context("opening a log")?;
        let socket = control_socket(&pidfile, &daemon.to_string())?;
        let words = ["ovs-appctl".into(), "-t".into(), socket.into_os_string()];
        let launch = super::process::Launch {
            program: self.files.programs(&node.name).join("ovn"),
            args: words.into_iter().chain(command.iter().map(Into::into)).collect(),
            env: Vec::new(),
            dir: None,
        };
        match self.processes.start(&node.netns, launch, log).await?.wait().await {
            Ended::Exited(0) => Ok(()),
            ended => {
                Err(anyhow!("{daemon} on {} refuses {}: ovs-appctl {ended}", node.name, command.join(" ")))
            }
        }
    }
}

/// Where a daemon with this pidfile takes commands.
fn control_socket(pidfile: &Path, daemon: &str) -> Result<PathBuf> {
    let pid = fs::read_to_string(pidfile).with_context(|| format!("reading {}", pidfile.display()))?;
    Ok(pidfile.with_file_name(format!("{daemon}.{}.ctl", pid.trim())))
}
