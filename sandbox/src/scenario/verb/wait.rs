//! `wait`: for ports to be up, for the databases to have settled, or simply for some time.

use super::Action;
use crate::path;
use crate::scenario::check::Checker;
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::values::{List, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Wait for something, or for some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Wait {
    /// Until these logical switch ports are up.
    #[serde(default)]
    pub ports_up: List<String>,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
    /// For so long, whatever happens.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
}

fn within() -> Span {
    Span::millis(10_000)
}

impl Action for Wait {
    fn title(&self) -> String {
        match self.duration {
            Some(duration) => format!("wait {duration}"),
            None => format!("wait for {} to be up", self.ports_up.join(", ")),
        }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        if self.duration.is_some() != self.ports_up.is_empty() {
            checker.complain(path![], "not one thing to wait for", "expected either `ports-up` or `for`");
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        match self.duration {
            Some(duration) => tokio::time::sleep(duration.0).await,
            None => run.lab.wait_ports_up(&self.ports_up, deadline(self.within.0)).await?,
        }
        Ok(String::new())
    }
}
