//! `upgrade`: a daemon's executable is replaced while the lab works.

use super::Action;
use super::kill::{check_daemon, in_memory};
use crate::lab::daemons::Daemon;
use crate::lab::upgrade::Upgraded;
use crate::path;
use crate::scenario::backend::BackendKind;
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
    /// The new one must not work, and the old one must be there again.
    #[serde(default)]
    pub rolled_back: bool,
}

impl Action for Upgrade {
    fn title(&self) -> String {
        let to = self.to.as_ref().map_or(String::new(), |to| format!(" to {}", to.display()));
        format!("upgrade {} on {}{to}", self.daemon, self.on)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        check_daemon(checker, &self.on, self.daemon);
        if checker.backend == BackendKind::Sim && self.to.is_some() {
            checker.complain(path!["to"], "there are no executables in sim", "expected no `to`");
        }
    }

    fn not_simulated(&self) -> Option<&'static str> {
        let hands_over = self.daemon == Daemon::Vswitchd;
        in_memory(self.daemon).or(hands_over.then_some("switches do not hand over there"))
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        match run.lab.upgrade(&self.on, self.daemon, self.to.as_deref()).await? {
            Upgraded::Done(ended) if !self.rolled_back => Ok(format!("the old one {ended}")),
            Upgraded::RolledBack(why) if self.rolled_back => Ok(format!("rolled back: {why}")),
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
