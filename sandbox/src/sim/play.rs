//! A scenario in virtual time, from nothing to its report.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::LocalSet;

use super::lab::Sim;
use super::world::Tell;
use crate::scenario::backend::Backend;
use crate::scenario::report::{Simulated, StepReport};
use crate::scenario::run::Run;
use crate::scenario::{Failure, Scenario};
use crate::text::Source;
use crate::topology::Topology;

/// What is to be played.
pub struct Play<'a> {
    pub scenario: &'a Scenario,
    pub source: &'a Source,
    pub topology: &'a Source,
    /// All that depends on chance follows from it.
    pub seed: u64,
    /// Where every event is written, a line each.
    pub events: Option<&'a Path>,
}

/// What is said while it is played.
pub enum Said {
    /// The lab is up, after so much virtual time.
    Up(Duration),
    /// A step is done.
    Step(Box<StepReport>),
}

/// How it went.
pub struct Played {
    /// The first failure of a step.
    pub result: Result<(), Failure>,
    pub simulated: Simulated,
}

/// Plays a scenario.
///
/// # Errors
/// When its lab cannot be made.
pub fn play(play: &Play<'_>, say: impl Fn(Said) + 'static) -> Result<Played> {
    let (topology, _) = Topology::read(play.topology)?;
    let tell = play.events.map(write_events).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    LocalSet::new().block_on(&runtime, async {
        let sim = Sim::new(topology, play.seed, tell)?;
        let driver = tokio::task::spawn_local({
            let sim = sim.clone();
            async move { sim.drive().await }
        });
        let result = perform(&sim, play, say).await;
        driver.abort();
        let simulated =
            Simulated { ms: sim.age().as_secs_f64() * 1e3, events: sim.events(), seed: play.seed };
        Ok(Played { result: result?, simulated })
    })
}

async fn perform(
    sim: &Rc<Sim>,
    play: &Play<'_>,
    say: impl Fn(Said) + 'static,
) -> Result<Result<(), Failure>> {
    sim.start().await?;
    say(Said::Up(sim.age()));
    let tell = Rc::new(move |report: &StepReport| say(Said::Step(Box::new(report.clone()))));
    let mut run = Run::new(Backend::Sim(sim.clone()), play.source.clone(), tell);
    Ok(run.steps(&play.scenario.steps).await)
}

/// Writes events as seconds since the beginning, and what happened.
fn write_events(path: &Path) -> Result<Tell> {
    let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
    let mut file = BufWriter::new(file);
    Ok(Box::new(move |at, line| {
        // A full disk ends the file, not the scenario.
        let _ = writeln!(file, "{}.{:06} {line}", at.as_secs(), at.subsec_micros());
    }))
}
