//! What the command that makes a lab and the lab's supervisor say to each other, a line of JSON each.

use crate::scenario::report::StepReport;
use crate::text::Source;
use crate::text::values::LabName;
use crate::topology::{Role, Stack};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the lab is to be; the first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Boot {
    pub name: LabName,
    pub topology: Source,
    /// Run this in it, and end.
    pub scenario: Option<Source>,
    /// Executables that the command line gave.
    pub stack: Stack,
    /// What this executable is able to be.
    pub own: BTreeSet<Role>,
    pub keep: Keep,
}

/// Whether a lab outlives its scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// It ends with the scenario.
    #[default]
    Never,
    /// It stays when the scenario failed.
    Failed,
    /// It stays.
    Always,
}

/// What the command says after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Live on without the command. Until then the end of the connection is the end of the lab.
    Detach,
}

/// What the supervisor says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The lab is up: databases, daemons, guests, every port bound.
    Ready { after_ms: f64 },
    /// The lab could not be made.
    Broken { error: String, logs: Vec<LogTail> },
    /// A step of the scenario is done.
    Step(Box<StepReport>),
    /// The scenario is done; with the logs of those concerned when it failed. Kept says whether the lab lives on.
    Finished { passed: bool, logs: Vec<LogTail>, kept: bool },
}

/// The end of a log file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTail {
    pub node: String,
    pub file: String,
    pub lines: Vec<String>,
}
