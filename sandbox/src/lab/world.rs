//! The lab as it is: its nodes, its fabric, its databases.

use super::boot::{Boot, LogTail};
use super::daemons::{Daemon, Files};
use super::netns::Netns;
use super::process::Processes;
use super::service::Service;
use super::supervisor::LAB_DIR;
use crate::db::client::{Database, Server};
use crate::fabric::End;
use crate::fabric::run::Running;
use crate::text::values::LabName;
use crate::topology::check::CENTRAL;
use crate::topology::{Chassis, Guest, Role, Stack, Topology};
use anyhow::{Result, anyhow};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tokio::sync::watch;
use tokio::time::Instant;

/// Lines of each log that are shown when something fails.
pub const LOG_LINES: usize = 20;

/// A lab.
pub struct Lab {
    pub name: LabName,
    pub topology: Topology,
    /// The topology's executables with those of the command line in their place.
    pub stack: Stack,
    /// What this executable is able to be.
    pub own: BTreeSet<Role>,
    pub files: Files,
    pub processes: Processes,
    pub fabric: Running,
    /// Whether tap devices can be made here.
    pub taps: bool,
    /// Where the fabric's ends of cables are, if there are any.
    pub(super) cables: tokio::sync::OnceCell<Netns>,
    pub(super) nodes: RefCell<BTreeMap<String, Rc<Node>>>,
    born: Instant,
    /// Whether the Southbound database is there, with the row that it always has.
    pub(super) southbound_ready: watch::Sender<bool>,
    /// What has ended without being told to, if anything.
    pub(super) crashed: watch::Sender<Option<String>>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Central,
    Chassis(Chassis),
    Guest(Guest),
}

/// A node: a network namespace, and what runs in it.
pub struct Node {
    pub name: String,
    pub kind: Kind,
    pub netns: Netns,
    /// Where it is attached to the fabric.
    pub end: Option<End>,
    /// Whether its interface is there; always, but for guests whose interface the switch makes.
    pub(super) present: watch::Sender<bool>,
    pub(super) services: RefCell<BTreeMap<Daemon, Service>>,
    /// Executables that have taken the place of those that the lab began with.
    pub(super) upgraded: RefCell<BTreeMap<Daemon, PathBuf>>,
}

impl Lab {
    /// A lab without nodes.
    ///
    /// # Errors
    /// When the topology is bad, or the system has no thread left.
    pub fn new(boot: &Boot, processes: Processes) -> Result<Self> {
        let (topology, _) = Topology::read(&boot.topology).map_err(|refused| anyhow!("{refused}"))?;
        let own = topology.chassis.iter().filter(|(_, c)| !c.stack.is_empty());
        let files =
            Files { root: LAB_DIR.into(), own_programs: own.map(|(name, _)| name.to_string()).collect() };
        Ok(Self {
            name: boot.name.clone(),
            stack: topology.stack.overridden_by(&boot.stack),
            own: boot.own.clone(),
            fabric: Running::start(topology.seed)?,
            topology,
            files,
            processes,
            taps: fs::File::options().read(true).write(true).open("/dev/net/tun").is_ok(),
            cables: tokio::sync::OnceCell::new(),
            nodes: RefCell::default(),
            born: Instant::now(),
            southbound_ready: watch::Sender::new(false),
            crashed: watch::Sender::new(None),
        })
    }

    /// Milliseconds since the lab began.
    pub fn age_ms(&self) -> f64 {
        self.born.elapsed().as_secs_f64() * 1e3
    }

    /// A node by name.
    ///
    /// # Errors
    /// When there is none; names the ones there are.
    pub fn node(&self, name: &str) -> Result<Rc<Node>> {
        let nodes = self.nodes.borrow();
        let known = || nodes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        nodes
            .get(name)
            .cloned()
            .ok_or_else(|| anyhow!("there is no node called {name}: expected one of {}", known()))
    }

    /// All nodes, by name.
    pub fn all_nodes(&self) -> Vec<Rc<Node>> {
        self.nodes.borrow().values().cloned().collect()
    }

    /// The executables of a node.
    pub fn stack_of(&self, node: &str) -> Stack {
        match self.topology.chassis.get(node) {
            // What the command line says holds everywhere.
            Some(chassis) => self.stack.overridden_by(&chassis.stack),
            None => self.stack.clone(),
        }
    }

    /// Whether a chassis' switch terminates tunnels inside its datapath, so that its uplink and address must belong to
    /// a bridge. Ours uses the kernel's sockets instead.
    pub fn needs_underlay_bridge(&self, chassis: &str) -> bool {
        self.stack_of(chassis).get(Role::Vswitchd).is_some()
    }

    pub fn northbound(&self) -> Database {
        Database { schema: schema::nb::schema(), server: Server::Socket(self.files.northbound_socket()) }
    }

    pub fn southbound(&self) -> Database {
        Database { schema: schema::sb::schema(), server: Server::Socket(self.files.southbound_socket()) }
    }

    /// The switch database of a chassis.
    pub fn switch(&self, chassis: &str) -> Database {
        Database {
            schema: schema::vswitch::schema(),
            server: Server::Socket(self.files.switch_socket(chassis)),
        }
    }

    /// The last lines of the logs of some nodes; of all when none is named.
    pub fn log_tails(&self, only: &[String]) -> Vec<LogTail> {
        let mut tails = Vec::new();
        for node in std::iter::once(CENTRAL).chain(self.topology.chassis.keys().map(|c| c.as_str())) {
            if !only.is_empty() && !only.iter().any(|name| name == node) {
                continue;
            }
            tails.extend(tails_of(node, &self.files.logs(node)));
        }
        tails
    }
}

fn tails_of(node: &str, dir: &Path) -> Vec<LogTail> {
    let mut files: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
    files.sort();
    files
        .into_iter()
        .filter_map(|path| {
            let text = fs::read(&path).ok()?;
            let text = String::from_utf8_lossy(&text);
            let all: Vec<&str> = text.lines().collect();
            let lines = all[all.len().saturating_sub(LOG_LINES)..].iter().map(|l| (*l).to_owned()).collect();
            let file = path.file_name()?.to_string_lossy().into_owned();
            (!all.is_empty()).then_some(LogTail { node: node.to_owned(), file, lines })
        })
        .collect()
}
