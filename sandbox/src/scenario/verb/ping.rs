//! `ping` and `no-ping`: whether one node is answered by another.

use super::Action;
use crate::path;
use crate::scenario::backend::BackendKind;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::values::{Name, Span};
use crate::tools::ping::{Plan, Until};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A node must be answered by another, soon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ping {
    /// Who asks.
    pub from: Name,
    /// Who answers: a guest, a chassis, or an address.
    pub to: String,
    /// This many answers in a row.
    #[serde(default = "one")]
    pub count: u64,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
    /// Time between requests.
    #[serde(default = "interval")]
    pub interval: Span,
    /// Octets in a request, after its headers.
    #[serde(default = "size")]
    pub size: usize,
    /// No answer may come sooner than this after its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_min: Option<Span>,
    /// At least one answer must come within this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_max: Option<Span>,
}

/// A node must not be answered by another, for some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NoPing {
    /// Who asks.
    pub from: Name,
    /// Who does not answer: a guest, a chassis, or an address.
    pub to: String,
    /// For so long.
    #[serde(default = "half_a_second", rename = "for")]
    pub duration: Span,
}

fn one() -> u64 {
    1
}

fn within() -> Span {
    Span::millis(5000)
}

pub(super) fn interval() -> Span {
    Span::millis(10)
}

pub(super) fn size() -> usize {
    56
}

fn half_a_second() -> Span {
    Span::millis(500)
}

/// Who asks: in virtual time only guests have a network stack.
pub(super) fn check_source(checker: &mut Checker<'_>, from: &str) {
    let kinds: &[NodeKind] = match checker.backend {
        BackendKind::Netns => &[NodeKind::Guest, NodeKind::Chassis],
        BackendKind::Sim => &[NodeKind::Guest],
    };
    checker.node(path!["from"], from, kinds);
}

impl Action for Ping {
    fn title(&self) -> String {
        format!("ping {} -> {}", self.from, self.to)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        check_source(checker, self.from.as_str());
        checker.node_or_address(path!["to"], &self.to);
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let plan = Plan {
            to: run.address(&self.to)?,
            // A ticker cannot tick all the time.
            interval: self.interval.0.max(Duration::from_millis(1)),
            size: self.size,
            patience: self.within.0,
        };
        let report = run
            .lab
            .ping(self.from.as_str(), plan, Until::InARow(self.count, deadline(self.within.0)))
            .await?;
        let fastest = Duration::from_micros(report.rtt_min_us);
        let in_time = self.rtt_max.is_none_or(|max| fastest <= max.0);
        if report.in_a_row >= self.count && in_time && self.rtt_min.is_none_or(|min| fastest >= min.0) {
            return Ok(report.to_string());
        }
        Err(Failure::new(
            format!(
                "{} to answer {} ({} in a row within {}){}",
                self.to,
                self.from,
                self.count,
                self.within,
                self.rtt()
            ),
            report.to_string(),
        )
        .with_nodes(run.concerned([self.from.as_str(), &self.to])))
    }
}

impl Ping {
    /// The bounds of the round trip in words.
    fn rtt(&self) -> String {
        match (self.rtt_min, self.rtt_max) {
            (None, None) => String::new(),
            (min, max) => {
                let max = max.map_or(String::new(), |max| max.to_string());
                format!(", the fastest in {}..{max}", min.unwrap_or_default())
            }
        }
    }
}

impl Action for NoPing {
    fn title(&self) -> String {
        format!("no ping {} -> {}", self.from, self.to)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        check_source(checker, self.from.as_str());
        checker.node_or_address(path!["to"], &self.to);
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let plan = Plan {
            to: run.address(&self.to)?,
            interval: interval().0,
            size: size(),
            patience: Duration::from_millis(100),
        };
        let report = run.lab.ping(self.from.as_str(), plan, Until::Time(deadline(self.duration.0))).await?;
        if report.received == 0 {
            return Ok(format!("{} sent, none answered", report.sent));
        }
        let expected = format!("{} not to answer {} for {}", self.to, self.from, self.duration);
        Err(Failure::new(expected, report.to_string())
            .with_nodes(run.concerned([self.from.as_str(), &self.to])))
    }
}
