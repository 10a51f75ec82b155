//! `kill` and `restart`: daemons that end, and start again.

use super::Action;
use crate::lab::daemons::Daemon;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::topology::check::CENTRAL;
use nix::sys::signal::Signal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// End a daemon, by default as if it crashed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Kill {
    /// The node.
    pub on: String,
    pub daemon: Daemon,
    #[serde(default)]
    pub signal: How,
}

/// Start a daemon again; if it runs, it is ended first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Restart {
    /// The node.
    pub on: String,
    pub daemon: Daemon,
    /// How it is ended.
    #[serde(default)]
    pub signal: How,
    /// It is not ended: it hands over to the one that is started, and ends then. Our ovs-vswitchd can.
    #[serde(default)]
    pub hand_over: bool,
}

/// A way to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// At once, with no time to tidy up.
    #[default]
    Kill,
    /// As asked, with time to tidy up.
    Term,
}

impl From<How> for Signal {
    fn from(how: How) -> Self {
        match how {
            How::Kill => Self::SIGKILL,
            How::Term => Self::SIGTERM,
        }
    }
}

/// Why a daemon is not ended in virtual time, if it is not.
pub(super) fn in_memory(daemon: Daemon) -> Option<&'static str> {
    match daemon {
        Daemon::NorthboundServer | Daemon::SouthboundServer | Daemon::SwitchServer => {
            Some("its databases live in memory")
        }
        Daemon::Northd | Daemon::Vswitchd | Daemon::Controller => None,
    }
}

pub(super) fn check_daemon(checker: &mut Checker<'_>, on: &str, daemon: Daemon) {
    let kind = if daemon.is_central() { NodeKind::Central } else { NodeKind::Chassis };
    checker.node(path!["on"], on, &[kind]);
}

impl Action for Kill {
    fn title(&self) -> String {
        format!("kill {} on {}", self.daemon, self.on)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        check_daemon(checker, &self.on, self.daemon);
    }

    fn not_simulated(&self) -> Option<&'static str> {
        in_memory(self.daemon)
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        Ok(run.lab.kill(&self.on, self.daemon, self.signal.into()).await?)
    }
}

impl Action for Restart {
    fn title(&self) -> String {
        format!("restart {} on {}", self.daemon, self.on)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        check_daemon(checker, &self.on, self.daemon);
    }

    fn not_simulated(&self) -> Option<&'static str> {
        in_memory(self.daemon)
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let runs = run.lab.runs(&self.on, self.daemon)?;
        if runs && self.hand_over {
            return Ok(run.lab.succeed(&self.on, self.daemon).await?);
        }
        if runs {
            run.lab.kill(&self.on, self.daemon, self.signal.into()).await?;
        }
        run.lab.launch(&self.on, self.daemon).await?;
        debug_assert!(!self.daemon.is_central() || self.on == CENTRAL);
        Ok(String::new())
    }
}
