//! What the engine has done, by kind of unit.

use std::collections::BTreeMap;
use std::fmt;

/// Counters of one kind of unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Units there are now.
    pub units: u64,
    /// Outputs that they have now.
    pub outputs: u64,
    /// Runs since the engine was made.
    pub runs: u64,
    /// Runs of the last step.
    pub last_runs: u64,
    /// Outputs and facts added since the engine was made.
    pub added: u64,
    /// Outputs and facts removed since the engine was made.
    pub removed: u64,
}

/// Counters by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Steps since the engine was made.
    pub steps: u64,
    /// Cells that somebody reads now.
    pub cells: u64,
    /// One line a kind, in the order of their names.
    pub kinds: BTreeMap<&'static str, Counters>,
}

impl Stats {
    /// What the control command `inc-engine/show-stats [KIND] [COUNTER]` prints, in upstream's words: units are never
    /// recomputed as a whole, and each of their runs is a `compute`.
    ///
    /// # Errors
    /// When a counter is asked of a kind that there is not.
    pub fn show(&self, args: &[&str]) -> Result<String, String> {
        let [kind, counter] = [args.first(), args.get(1)];
        if let Some(counter) = counter {
            let runs = kind.and_then(|kind| self.kinds.get(kind)).map(|counters| counters.runs);
            return match (runs, *counter) {
                (None, _) => Err(format!("no kind of unit is called \"{}\"", kind.unwrap_or(&""))),
                (Some(runs), "compute") => Ok(format!("{runs}\n")),
                (Some(_), "recompute" | "abort") => Ok("0\n".into()),
                (Some(_), other) => Ok(format!("Invalid stat type : {other}\n")),
            };
        }
        let shown = self.kinds.iter().filter(|(name, _)| kind.is_none_or(|kind| kind == *name));
        let lines = shown.map(|(name, counters)| {
            let counts = [("recompute:", 0), ("compute:", counters.runs), ("abort:", 0)];
            let counts = counts.map(|(word, count)| format!("- {word:<11}{count:>12}\n"));
            format!("Node: {name}\n{}", counts.concat())
        });
        Ok(lines.collect())
    }

    /// The sum over all kinds.
    pub fn total(&self) -> Counters {
        let mut total = Counters::default();
        for kind in self.kinds.values() {
            total.units += kind.units;
            total.outputs += kind.outputs;
            total.runs += kind.runs;
            total.last_runs += kind.last_runs;
            total.added += kind.added;
            total.removed += kind.removed;
        }
        total
    }
}

/// A table for people.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "steps: {}, cells read: {}", self.steps, self.cells)?;
        writeln!(
            f,
            "{:<20} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "kind", "units", "outputs", "runs", "last runs", "added", "removed"
        )?;
        for (name, c) in &self.kinds {
            writeln!(
                f,
                "{name:<20} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
                c.units, c.outputs, c.runs, c.last_runs, c.added, c.removed
            )?;
        }
        Ok(())
    }
}
