//! What is to be tried in a lab: steps, each a verb with its arguments.
//!
//! One verb, one file in `verb/`: what it reads like, what is wrong with it, how it is called in reports, and what it
//! does. `verb/mod.rs` is the list of all. `run.rs` runs the steps of a scenario in a lab, `report.rs` is what comes
//! out.

pub mod backend;
pub mod check;
pub mod report;
pub mod run;
pub mod values;
pub mod verb;
pub mod words;

use crate::text::diagnostic::Refused;
use crate::text::{Diagnostic, Severity, Source};
use crate::topology::{Topology, Version};
use anyhow::{Context, Result};
use backend::BackendKind;
pub use report::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use values::Values;
pub use verb::{Step, Verb};

/// A scenario: steps that are tried one after the other in a lab made for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// Version of this format.
    pub version: Version,
    /// What it is called in reports.
    pub name: String,
    /// What it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The lab: a file beside this one, or the name of a file in `topologies`.
    pub topology: String,
    /// Names for values, each backend its own: `$age` in the steps is what it has for `age`.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub values: Values,
    pub steps: Vec<Step>,
}

impl Scenario {
    /// A scenario without its topology, as it is for a backend; only what its types can say is complained of.
    ///
    /// # Errors
    /// The first complaint.
    pub fn alone(source: &Source, backend: BackendKind) -> Result<Self, Box<Refused>> {
        values::put(source, backend).read()
    }

    /// A scenario and the topology it names, with the advice about it, for a backend.
    ///
    /// # Errors
    /// Every complaint about either file, or that the topology is not there.
    pub fn read(source: &Source, backend: BackendKind) -> Result<(Self, Source, Vec<Diagnostic>)> {
        let scenario = Self::alone(source, backend)?;
        let source = &values::put(source, backend);
        let topology_source = find_topology(source, &scenario)?;
        let (topology, _) = Topology::read(&topology_source)?;
        let found = check::check(&scenario, &topology, source, backend);
        if found.iter().any(|d| d.severity == Severity::Error) {
            return Err(source.refuse(found).into());
        }
        Ok((scenario, topology_source, found))
    }

    /// Whether a text is a scenario rather than a topology.
    pub fn is_one(text: &str) -> bool {
        text.lines().any(|line| line.starts_with("steps:"))
    }
}

/// The topology that a scenario names: a file from where the scenario is, then `topologies/NAME.yaml` beside and
/// above it, then from the current directory.
fn find_topology(source: &Source, scenario: &Scenario) -> Result<Source> {
    let here = Path::new(&source.name).parent().unwrap_or(Path::new(""));
    let file = format!("{}.yaml", scenario.topology);
    let tried: Vec<PathBuf> = vec![
        here.join(&scenario.topology),
        here.join(&file),
        here.join("topologies").join(&file),
        here.join("../topologies").join(&file),
        Path::new("topologies").join(&file),
    ];
    let Some(path) = tried.iter().find(|path| path.is_file()) else {
        let places: Vec<String> = tried.iter().map(|p| p.display().to_string()).collect();
        let span = source.value(&crate::path!["topology"]);
        let title = format!("there is no topology {}", scenario.topology);
        let refused = source.refuse(vec![Diagnostic::error(
            title,
            span,
            format!("expected one of {}", places.join(", ")),
        )]);
        return Err(refused.into());
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Source::new(path.display().to_string(), text))
}
