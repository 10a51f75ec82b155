//! Daemons while the lab runs: started, killed, started again; one that ends by itself is noticed.

use super::daemons::Daemon;
use super::process::{Ended, Process};
use super::world::{Lab, Node};
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use std::cell::Cell;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;

/// A daemon that was started.
#[derive(Clone)]
pub struct Service {
    pub process: Process,
    /// Its end is wanted.
    pub(super) dismissed: Rc<Cell<bool>>,
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

    pub(super) async fn launch_daemon(self: &Rc<Self>, node: &Rc<Node>, daemon: Daemon) -> Result<()> {
        let upgraded = node.upgraded.borrow().get(&daemon).cloned();
        let process = self.start_program(node, daemon, upgraded.as_deref()).await?;
        self.watch_daemon(node, daemon, process);
        Ok(())
    }

    /// Starts the process of a daemon, of the lab's executable or another one.
    pub(super) async fn start_program(
        &self,
        node: &Node,
        daemon: Daemon,
        program: Option<&Path>,
    ) -> Result<Process> {
        let mut launch = self.files.launch(&self.topology, &node.name, daemon);
        if let Some(program) = program {
            launch.program = program.to_owned();
        }
        // What it says before it has opened its log, and what a crash makes it say.
        let output = self.files.logs(&node.name).join(format!("{daemon}.out"));
        let log = File::options().create(true).append(true).open(&output);
        let log = log.with_context(|| format!("opening {}", output.display()))?;
        self.processes.start(&node.netns, launch, log).await
    }

    /// Takes a process for a daemon of a node: from now on its end is a crash, unless it is wanted.
    pub(super) fn watch_daemon(self: &Rc<Self>, node: &Rc<Node>, daemon: Daemon, process: Process) {
        let service = Service { process: process.clone(), dismissed: Rc::default() };
        node.services.borrow_mut().insert(daemon, service.clone());
        let (lab, name) = (self.clone(), node.name.clone());
        tokio::task::spawn_local(async move {
            let end = process.wait().await;
            if !service.dismissed.get() {
                lab.crashed.send_replace(Some(format!("{daemon} on {name} {end}")));
            }
        });
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
        self.control(node, daemon, &["exit", "--hand-over"]).await?;
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

impl Node {
    /// The node's daemons, and how each is.
    pub fn daemons(&self) -> Vec<(Daemon, Process)> {
        self.services.borrow().iter().map(|(daemon, service)| (*daemon, service.process.clone())).collect()
    }
}
