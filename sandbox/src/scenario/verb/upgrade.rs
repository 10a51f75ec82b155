//! `upgrade`: a daemon's executable is replaced while the lab works.

use super::Action;
use super::kill::{check_daemon, in_memory};
use crate::lab::daemons::Daemon;
use crate::lab::upgrade::Upgraded;
use crate::path;
use crate::scenario::backend::{BackendKind, Successor};
use crate::scenario::check::Checker;
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Replace a daemon's executable, and the daemon by one of it. The switch hands over what it has, the controller leaves
/// its flows, northd just ends. When the new one does not work, the old executable does it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Upgrade {
    /// The node.
    pub on: String,
    pub daemon: Daemon,
    /// The new executable; the present one under another name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<PathBuf>,
    /// The new one is one that ends at once: the old one must be there again.
    #[serde(default)]
    pub broken: bool,
    /// The new one must not work, and the old one must be there again.
    #[serde(default)]
    pub rolled_back: bool,
}

impl Upgrade {
    fn successor(&self) -> Successor<'_> {
        match &self.to {
            _ if self.broken => Successor::Broken,
            Some(program) => Successor::Program(program),
            None => Successor::Same,
        }
    }
}

impl Action for Upgrade {
    fn title(&self) -> String {
        let to = match self.successor() {
            Successor::Same => String::new(),
            Successor::Broken => " to one that ends at once".to_owned(),
            Successor::Program(program) => format!(" to {}", program.display()),
        };
        format!("upgrade {} on {}{to}", self.daemon, self.on)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        check_daemon(checker, &self.on, self.daemon);
        if checker.backend == BackendKind::Sim && self.to.is_some() {
            checker.complain(path!["to"], "there are no executables in sim", "expected `broken`, or no `to`");
        }
        if self.broken && self.to.is_some() {
            checker.complain(path!["broken"], "two executables", "expected either `to` or `broken`");
        }
    }

    fn not_simulated(&self) -> Option<&'static str> {
        in_memory(self.daemon)
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let rolls_back = self.rolled_back || self.broken;
        match run.lab.upgrade(&self.on, self.daemon, self.successor()).await? {
            Upgraded::Done(ended) if !rolls_back => Ok(format!("the old one {ended}")),
            Upgraded::RolledBack(why) if rolls_back => Ok(format!("rolled back: {why}")),
            Upgraded::Done(ended) => {
                Err(Failure::new("the new one not to work", format!("it does, and the old one {ended}")))
            }
            Upgraded::RolledBack(why) => {
                Err(Failure::new("the new one to work", format!("rolled back: {why}"))
                    .with_nodes(vec![self.on.clone()]))
            }
        }
    }
}
