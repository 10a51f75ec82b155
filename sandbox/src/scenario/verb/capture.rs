//! `capture`: begins to record frames, for `expect-capture` and for a file.

use super::Action;
use crate::lab::capture::Place;
use crate::path;
use crate::scenario::backend::BackendKind;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Record frames from now on, until the scenario ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capture {
    /// By which `expect-capture` finds it.
    pub name: String,
    /// Where: `NODE:INTERFACE` such as hv1:uplink or vm1:eth0, or `underlay` for every attachment of the fabric.
    pub at: Place,
    /// Write them to this file too, as pcapng.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

impl Action for Capture {
    fn title(&self) -> String {
        format!("capture {} as {}", self.at, self.name)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        if let Place::Interface { node, .. } = &self.at {
            let all: Vec<_> = checker.nodes.values().copied().collect();
            checker.node(path!["at"], node, &all);
            let at_a_guest = checker.nodes.get(node) == Some(&NodeKind::Guest);
            if checker.backend == BackendKind::Sim && !at_a_guest {
                checker.complain(
                    path!["at"],
                    format!("nothing is seen at {} in sim", self.at),
                    "expected underlay, or eth0 of a guest",
                );
            }
        }
        if !checker.captures.insert(self.name.clone()) {
            checker.complain(
                path!["name"],
                format!("two captures are called {}", self.name),
                "expected another name",
            );
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let begun = run.lab.capture(&self.at).await?;
        if let Some(file) = &self.file {
            begun.write_to(file)?;
        }
        run.captures.insert(self.name.clone(), begun);
        Ok(String::new())
    }
}
