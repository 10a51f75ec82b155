//! What the steps of a scenario need of a lab, whichever backend it is.

use crate::db::client::Database;
use crate::fabric::{End, Side};
use crate::lab::daemons::Daemon;
use crate::lab::guest::GUEST_INTERFACE;
use crate::lab::start::ports_up;
use crate::lab::upgrade::Upgraded;
use crate::lab::world::{Kind, Lab};
use crate::lab::{
    self,
    capture::{self, Begun, Place},
};
use crate::sim::lab::{Node as SimNode, Sim};
use crate::sim::{self, client};
use crate::text::values::Name;
use crate::tools::dns::{Answer, Question};
use crate::tools::echo::Report;
use crate::tools::ping::{self, Plan, Until};
use crate::tools::sniff;
use crate::tools::traffic;
use crate::topology::{Guest, LinkSettings, Topology};
use anyhow::{Context, Result, anyhow, bail};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use nix::sys::signal::Signal;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// After so long without an answer it is asked again.
pub const ASK_AGAIN: Duration = Duration::from_millis(250);

/// A lab in which a scenario runs.
#[derive(Clone)]
pub enum Backend {
    /// Real namespaces and processes.
    Netns(Rc<Lab>),
    /// One thread and virtual time.
    Sim(Rc<Sim>),
}

/// The names of the backends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub enum BackendKind {
    /// Network namespaces and processes of this machine.
    #[default]
    Netns,
    /// One thread and virtual time, the same each time for the same seed.
    Sim,
}

/// A report that comes when a ping has ended.
pub type Pinging = LocalBoxFuture<'static, Result<Report>>;

/// What sends frames from a guest.
pub enum Sender {
    Netns(sniff::Sender),
    Sim(Rc<Sim>, String),
}

impl Sender {
    /// Sends a frame, as it is.
    ///
    /// # Errors
    /// When the guest is gone, or its interface takes none.
    pub async fn send(&self, octets: Vec<u8>) -> Result<()> {
        match self {
            Self::Netns(sender) => sender.send(octets).await,
            Self::Sim(sim, from) => sim.send(from, octets),
        }
    }
}

/// What a daemon is replaced by.
#[derive(Clone, Copy, Debug)]
pub enum Successor<'a> {
    /// The same executable under another name.
    Same,
    /// One that ends at once.
    Broken,
    /// This executable. There are none in virtual time.
    Program(&'a Path),
}

/// A program that does nothing, and says that it failed.
const ENDS_AT_ONCE: &str = "/bin/false";

/// Traffic under way.
pub enum Traffic {
    Netns(lab::traffic::Traffic),
    Sim(sim::lab::Traffic),
}

impl Traffic {
    /// Sends no more, waits for what is on its way, and says how it went.
    ///
    /// # Errors
    /// When a guest is gone.
    pub async fn end(self) -> Result<traffic::Report> {
        match self {
            Self::Netns(traffic) => traffic.end().await,
            Self::Sim(traffic) => traffic.end().await,
        }
    }
}

impl Backend {
    /// What the lab was made of.
    pub fn topology(&self) -> &Topology {
        match self {
            Self::Netns(lab) => &lab.topology,
            Self::Sim(sim) => &sim.topology,
        }
    }

    /// What a node is.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn kind(&self, name: &str) -> Result<Kind> {
        Ok(match self {
            Self::Netns(lab) => lab.node(name)?.kind.clone(),
            Self::Sim(sim) => kind(sim.node(name)?),
        })
    }

    /// All nodes with what they are, by name.
    pub fn all_nodes(&self) -> Vec<(String, Kind)> {
        match self {
            Self::Netns(lab) => lab.all_nodes().iter().map(|n| (n.name.clone(), n.kind.clone())).collect(),
            Self::Sim(sim) => sim.all_nodes().into_iter().map(|(name, node)| (name, kind(node))).collect(),
        }
    }

    pub fn northbound(&self) -> Database {
        match self {
            Self::Netns(lab) => lab.northbound(),
            Self::Sim(sim) => sim.northbound(),
        }
    }

    pub fn southbound(&self) -> Database {
        match self {
            Self::Netns(lab) => lab.southbound(),
            Self::Sim(sim) => sim.southbound(),
        }
    }

    /// The switch database of a chassis.
    ///
    /// # Errors
    /// When there is no such chassis.
    pub fn switch(&self, chassis: &str) -> Result<Database> {
        match self {
            Self::Netns(lab) => Ok(lab.switch(chassis)),
            Self::Sim(sim) => sim.switch(chassis),
        }
    }

    /// Runs a command of databases on a node, or in namespaces any program, to its end.
    ///
    /// # Errors
    /// When it cannot be run or does not end in time.
    pub async fn run_program(&self, node: &str, words: &[String], within: Duration) -> Result<client::Ran> {
        match self {
            Self::Netns(lab) => crate::lab::command::run(lab, node, words, within).await,
            Self::Sim(sim) => client::run(sim, node, words, within).await,
        }
    }

    /// How `ovs-vsctl` is told where the switch database of a chassis is.
    pub fn switch_option(&self, chassis: &str) -> Option<String> {
        match self {
            Self::Netns(lab) => Some(format!("--db=unix:{}", lab.files.switch_socket(chassis).display())),
            Self::Sim(_) => None,
        }
    }

    /// Adds a guest; its port may come up later.
    ///
    /// # Errors
    /// When it could not be made.
    pub async fn add_guest(&self, name: &Name, guest: &Guest) -> Result<()> {
        match self {
            Self::Netns(lab) => lab.add_guest(name, guest).await,
            Self::Sim(sim) => sim.add_guest(name, guest).await,
        }
    }

    /// Waits until logical switch ports are up.
    ///
    /// # Errors
    /// Those that are not by the deadline.
    pub async fn wait_ports_up(&self, ports: &[String], deadline: Instant) -> Result<()> {
        match self {
            Self::Netns(lab) => lab.wait_ports_up(ports, deadline).await,
            Self::Sim(sim) => Ok(ports_up(&sim.northbound(), ports, deadline).await?),
        }
    }

    /// Begins a capture; the next frame is already seen.
    ///
    /// # Errors
    /// When there is no such place.
    pub async fn capture(&self, place: &Place) -> Result<Begun> {
        match self {
            Self::Netns(lab) => capture::begin(lab, place).await,
            Self::Sim(sim) => capture::begin_simulated(sim, place),
        }
    }

    /// What sends frames from a guest.
    ///
    /// # Errors
    /// When there is no such guest.
    pub async fn sender(&self, from: &str) -> Result<Sender> {
        Ok(match self {
            Self::Netns(lab) => Sender::Netns(sniff::sender(&lab.node(from)?.netns, GUEST_INTERFACE).await?),
            Self::Sim(sim) => Sender::Sim(sim.clone(), from.to_owned()),
        })
    }

    /// Pings from a node until the end that was asked for.
    ///
    /// # Errors
    /// When the node cannot ping. That nobody answers is no error.
    pub async fn ping(&self, from: &str, plan: Plan, until: Until) -> Result<Report> {
        match self {
            Self::Netns(lab) => ping::ping(&lab.node(from)?.netns, plan, until).await,
            Self::Sim(sim) => sim.ping(from, plan, until).await,
        }
    }

    /// Asks a server for a name from a guest until there is an answer, or until `end`; by then, none.
    ///
    /// # Errors
    /// When there is no such guest.
    pub async fn ask(
        &self,
        from: &str,
        server: SocketAddr,
        question: Question,
        end: Instant,
    ) -> Result<Option<Answer>> {
        match self {
            Self::Netns(lab) => lab::dns::ask(&lab.node(from)?.netns, server, question, ASK_AGAIN, end).await,
            Self::Sim(sim) => sim.ask(from, server, question, ASK_AGAIN, end).await,
        }
    }

    /// Starts a ping that runs beside other things.
    ///
    /// # Errors
    /// When there is no such node.
    pub async fn start_ping(&self, from: &str, plan: Plan, until: Until) -> Result<Pinging> {
        match self {
            Self::Netns(lab) => {
                let report = ping::start(&lab.node(from)?.netns, plan, until).await;
                Ok(async { report.await.context("the ping died")? }.boxed_local())
            }
            Self::Sim(sim) => {
                let (sim, from) = (sim.clone(), from.to_owned());
                let task = tokio::task::spawn_local(async move { sim.ping(&from, plan, until).await });
                Ok(async { task.await.context("the ping died")? }.boxed_local())
            }
        }
    }

    /// Starts traffic from a guest to another; the connection is there when this returns.
    ///
    /// # Errors
    /// When there are no such guests, or nobody takes the connection.
    pub async fn start_traffic(&self, from: &str, to: &str, plan: traffic::Plan) -> Result<Traffic> {
        Ok(match self {
            Self::Netns(lab) => {
                let (from, to) = (lab.node(from)?, lab.node(to)?);
                Traffic::Netns(lab::traffic::start(&from.netns, &to.netns, plan).await?)
            }
            Self::Sim(sim) => Traffic::Sim(sim.start_traffic(from, to, plan).await?),
        })
    }

    /// Changes what the fabric does to frames of a node.
    ///
    /// # Errors
    /// When it is not attached to the fabric.
    pub async fn set_link(&self, name: &str, side: Side, settings: LinkSettings) -> Result<()> {
        match self {
            Self::Netns(lab) => lab.fabric.set(end_of(lab, name)?, side, settings).await,
            Self::Sim(sim) => sim.set_link(name, side, settings)?,
        }
        Ok(())
    }

    /// Cuts a node from all others.
    ///
    /// # Errors
    /// When it is not attached to the fabric.
    pub async fn cut(&self, name: &str) -> Result<()> {
        match self {
            Self::Netns(lab) => {
                let end = end_of(lab, name)?;
                for other in lab.all_nodes().iter().filter_map(|node| node.end).filter(|other| *other != end)
                {
                    lab.fabric.cut(end, other, true).await;
                }
                Ok(())
            }
            Self::Sim(sim) => sim.cut(name),
        }
    }

    /// Undoes all cuts.
    pub async fn heal_all(&self) {
        match self {
            Self::Netns(lab) => lab.fabric.heal_all().await,
            Self::Sim(sim) => sim.heal_all(),
        }
    }

    /// Whether a daemon runs.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn runs(&self, node: &str, daemon: Daemon) -> Result<bool> {
        match self {
            Self::Netns(lab) => {
                let daemons = lab.node(node)?.daemons();
                Ok(daemons.iter().any(|(d, process)| *d == daemon && process.ended().is_none()))
            }
            Self::Sim(sim) => sim.runs(node, daemon),
        }
    }

    /// Ends a daemon; how it ended.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&self, node: &str, daemon: Daemon, signal: Signal) -> Result<String> {
        match self {
            Self::Netns(lab) => {
                let node = lab.node(node)?;
                Ok(lab.kill_daemon(&node, daemon, signal).await?.to_string())
            }
            Self::Sim(sim) => {
                sim.set_running(node, daemon, false)?;
                Ok("ended".to_owned())
            }
        }
    }

    /// Starts a daemon.
    ///
    /// # Errors
    /// When it runs already, or cannot be started.
    pub async fn launch(&self, node: &str, daemon: Daemon) -> Result<()> {
        match self {
            Self::Netns(lab) => lab.start_daemon(&lab.node(node)?, daemon).await,
            Self::Sim(sim) => sim.set_running(node, daemon, true),
        }
    }

    /// Has a daemon hand over to another that takes its place.
    ///
    /// # Errors
    /// When it does not run, or cannot.
    pub async fn succeed(&self, node: &str, daemon: Daemon) -> Result<String> {
        match self {
            Self::Netns(lab) => Ok(lab.succeed_daemon(&lab.node(node)?, daemon).await?.to_string()),
            Self::Sim(sim) => match sim.succeed(node, daemon, false).await? {
                Ok(()) => Ok("handed over".to_owned()),
                Err(why) => bail!("{daemon} on {node} did not hand over: {why}"),
            },
        }
    }

    /// Replaces a daemon's executable.
    ///
    /// # Errors
    /// When the daemon does not run, or could not be brought back.
    pub async fn upgrade(&self, node: &str, daemon: Daemon, to: Successor<'_>) -> Result<Upgraded> {
        match self {
            Self::Netns(lab) => {
                let program = match to {
                    Successor::Same => None,
                    Successor::Broken => Some(Path::new(ENDS_AT_ONCE)),
                    Successor::Program(path) => Some(path),
                };
                lab.upgrade_daemon(&lab.node(node)?, daemon, program).await
            }
            Self::Sim(sim) => sim.upgrade(node, daemon, matches!(to, Successor::Broken)).await,
        }
    }

    /// Returns when a daemon has ended without being told to, and says which.
    pub async fn wait_crash(&self) -> String {
        match self {
            Self::Netns(lab) => lab.wait_crash().await,
            Self::Sim(_) => std::future::pending().await,
        }
    }
}

fn kind(node: SimNode) -> Kind {
    match node {
        SimNode::Central => Kind::Central,
        SimNode::Chassis(_, chassis) => Kind::Chassis(chassis),
        SimNode::Guest(_, guest) => Kind::Guest(guest),
    }
}

fn end_of(lab: &Lab, name: &str) -> Result<End> {
    lab.node(name)?.end.ok_or_else(|| anyhow!("{name} is not attached to the fabric"))
}
