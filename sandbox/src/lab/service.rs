//! Daemons while the lab runs: started, killed, started again; one that ends by itself is noticed.

use super::daemons::Daemon;
use super::process::{Ended, Launch, Process};
use super::world::{Lab, Node};
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A daemon that was started.
#[derive(Clone)]
pub struct Service {
    pub process: Process,
    /// Its end is wanted.
    dismissed: Rc<Cell<bool>>,
}

impl Lab {
    /// Starts a daemon on a node.
    ///
    /// # Errors
    /// When it runs already, or its program cannot be executed.
    pub async fn start_daemon(self: &Rc<Self>, node: &Rc<Node>, daemon: Daemon) -> Result<()> {
        if let Some(service) = node.services.borrow().get(&daemon)
            && service.process.ended().is_none()
        {
            bail!("{daemon} runs on {} already", node.name);
        }
        self.launch_daemon(node, daemon).await
    }

    async fn launch_daemon(self: &Rc<Self>, node: &Rc<Node>, daemon: Daemon) -> Result<()> {
        let launch = self.files.launch(&self.topology, &node.name, daemon);
        // What it says before it has opened its log, and what a crash makes it say.
        let output = self.files.logs(&node.name).join(format!("{daemon}.out"));
        let log = File::options().create(true).append(true).open(&output);
        let log = log.with_context(|| format!("opening {}", output.display()))?;
        let process = self.processes.start(&node.netns, launch, log).await?;
        let service = Service { process: process.clone(), dismissed: Rc::default() };
        node.services.borrow_mut().insert(daemon, service.clone());
        let (lab, name) = (self.clone(), node.name.clone());
        tokio::task::spawn_local(async move {
            let end = process.wait().await;
            if !service.dismissed.get() {
                lab.crashed.send_replace(Some(format!("{daemon} on {name} {end}")));
            }
        });
        Ok(())
    }

    /// Has a daemon hand over to another that is started in its place, and waits for its end.
    ///
    /// # Errors
    /// When it does not run, cannot hand over, or the other cannot take over.
    pub async fn succeed_daemon(self: &Rc<Self>, node: &Rc<Node>, daemon: Daemon) -> Result<Ended> {
        let service = node.services.borrow().get(&daemon).cloned();
        let Some(service) = service.filter(|s| s.process.ended().is_none()) else {
            bail!("{daemon} does not run on {}", node.name);
        };
        let pidfile = self.files.pidfile(&node.name, daemon);
        let log =
            File::options().create(true).append(true).open(self.files.logs(&node.name).join("appctl.out"));
        let launch = Launch {
            program: self.files.programs(&node.name).join("ovn"),
            args: ["ovs-appctl", "-t"]
                .map(Into::into)
                .into_iter()
                .chain([
                    control_socket(&pidfile, &daemon.to_string())?.into_os_string(),
                    "exit".into(),
                    "--hand-over".into(),
                ])
                .collect(),
            env: Vec::new(),
            dir: None,
        };
        let asked = self.processes.start(&node.netns, launch, log.context("opening a log")?).await?;
        match asked.wait().await {
            Ended::Exited(0) => {}
            ended => bail!("{daemon} on {} does not hand over: ovs-appctl {ended}", node.name),
        }
        service.dismissed.set(true);
        self.launch_daemon(node, daemon).await?;
        tokio::select! {
            ended = service.process.wait() => Ok(ended),
            crash = self.wait_crash() => bail!("{crash}"),
        }
    }

    /// Sends a daemon a signal that ends it, and waits for its end.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill_daemon(&self, node: &Node, daemon: Daemon, signal: Signal) -> Result<Ended> {
        let service = node.services.borrow().get(&daemon).cloned();
        let Some(service) = service.filter(|s| s.process.ended().is_none()) else {
            bail!("{daemon} does not run on {}", node.name);
        };
        service.dismissed.set(true);
        service.process.signal(signal);
        Ok(service.process.wait().await)
    }

    /// What has ended without being told to, if anything.
    pub fn crash(&self) -> Option<String> {
        self.crashed.borrow().clone()
    }

    /// Returns when a daemon has ended without being told to, and says which.
    pub async fn wait_crash(&self) -> String {
        let mut crashed = self.crashed.subscribe();
        match crashed.wait_for(Option::is_some).await {
            Ok(what) => what.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }
}

/// Where a daemon with this pidfile takes commands.
fn control_socket(pidfile: &Path, daemon: &str) -> Result<PathBuf> {
    let pid = std::fs::read_to_string(pidfile).with_context(|| format!("reading {}", pidfile.display()))?;
    Ok(pidfile.with_file_name(format!("{daemon}.{}.ctl", pid.trim())))
}

impl Node {
    /// The node's daemons, and how each is.
    pub fn daemons(&self) -> Vec<(Daemon, Process)> {
        self.services.borrow().iter().map(|(daemon, service)| (*daemon, service.process.clone())).collect()
    }
}
