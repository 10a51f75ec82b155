//! `flood-ping`: a ping that goes on while other steps are done, and may lose only so many.

use super::{Action, Step};
use crate::path;
use crate::scenario::check::Checker;
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::text::values::{Name, Span};
use crate::tools::ping::{Plan, Until};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::watch;

/// A ping goes on while other steps are done, and loses no more than it may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FloodPing {
    /// Who asks.
    pub from: Name,
    /// Who answers: a guest, a chassis, or an address.
    pub to: String,
    /// Time between requests.
    #[serde(default = "interval")]
    pub interval: Span,
    /// Octets in a request, after its headers.
    #[serde(default = "super::ping::size")]
    pub size: usize,
    /// An answer later than this is a loss.
    #[serde(default = "patience")]
    pub patience: Span,
    /// Requests that may be lost.
    #[serde(default)]
    pub max_lost: u64,
    /// What is done meanwhile.
    pub during: Vec<Step>,
}

fn interval() -> Span {
    Span::millis(2)
}

fn patience() -> Span {
    Span::millis(1000)
}

impl Action for FloodPing {
    fn title(&self) -> String {
        format!("flood ping {} -> {}, at most {} lost", self.from, self.to, self.max_lost)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        super::ping::check_source(checker, self.from.as_str());
        checker.node_or_address(path!["to"], &self.to);
        if self.interval.0 < Duration::from_millis(1) {
            checker.complain(path!["interval"], "too often", "expected at least 1ms");
        }
        checker.inner("during", &self.during);
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let plan = Plan {
            to: run.address(&self.to)?,
            interval: self.interval.0.max(Duration::from_millis(1)),
            size: self.size,
            patience: self.patience.0,
        };
        let (end, told) = watch::channel(false);
        let report = run.lab.start_ping(self.from.as_str(), plan, Until::Told(told)).await?;
        let result = run.inner("flood-ping", "during", &self.during).await;
        end.send_replace(true);
        let report = report.await?;
        result?;
        if report.sent == 0 {
            return Err(Failure::new("the steps to last for at least one ping", "nothing was sent"));
        }
        if report.lost > self.max_lost {
            let failure = Failure::new(format!("at most {} lost", self.max_lost), report.to_string());
            return Err(failure.with_nodes(run.concerned([self.from.as_str(), &self.to])));
        }
        Ok(report.to_string())
    }
}
