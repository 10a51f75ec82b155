//! What came out of a scenario.

use crate::lab::boot::LogTail;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a step failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub expected: String,
    pub actual: String,
    /// More to look at, such as a program's output or the rows that were there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// Whose logs may tell why; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
}

impl Failure {
    pub fn new(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { expected: expected.into(), actual: actual.into(), details: Vec::new(), nodes: Vec::new() }
    }

    /// With those whose logs may tell why.
    pub fn with_nodes(mut self, nodes: Vec<String>) -> Self {
        self.nodes = nodes;
        self
    }

    /// With lines to look at.
    pub fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }
}

/// Something that a step needs went wrong.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new("to be able to do it", format!("{error:#}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}\n  actual {}", self.expected, self.actual)
    }
}

/// One step as it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// `3`, or `3.1` for a step inside another.
    pub number: String,
    pub title: String,
    /// Where it stands in the scenario's file.
    pub line: usize,
    pub ms: f64,
    /// What it had to say.
    pub note: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A scenario as it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub scenario: String,
    pub file: String,
    pub lab: String,
    pub outcome: Outcome,
    /// How long it took from nothing until the lab was up.
    pub up_ms: f64,
    /// Everything, from nothing until all was gone.
    pub total_ms: f64,
    pub steps: Vec<StepReport>,
    /// Why the lab could not be made or died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogTail>,
    /// The lab lives on.
    pub kept: bool,
    /// What it was in virtual time; the times of the steps are virtual then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
}

/// A scenario in virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Simulated {
    /// Virtual time that went by.
    pub ms: f64,
    /// Messages and frames that arrived somewhere.
    pub events: u64,
    /// What all chance followed from.
    pub seed: u64,
}

/// How a scenario ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Passed,
    Failed,
    /// The set-up is broken: it says nothing about what the scenario tests.
    Broken,
}
