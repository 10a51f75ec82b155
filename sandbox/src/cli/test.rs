//! `test SCENARIO...`: runs scenarios, each in a lab of its own.

use super::client::Started;
use super::{BROKEN, FAIL, NOTHING_RAN, PASS, read_file};
use crate::lab::boot::{Boot, Event, Keep};
use crate::report::{json, junit, text};
use crate::scenario::Scenario;
use crate::scenario::backend::BackendKind;
use crate::scenario::report::{Outcome, Report, StepReport};
use crate::sim::play::{self, Play, Said};
use crate::text::Source;
use crate::text::values::LabName;
use crate::topology::{Role, Stack, Topology};
use anyhow::{Context, Result, bail};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Run scenarios, each in a lab of its own.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Scenario files, or directories with them.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// How many labs run at the same time.
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Write the results as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the results as JUnit XML to this file.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// What the lab is made of.
    #[arg(long, value_enum, default_value = "netns")]
    backend: BackendKind,
    /// With --backend sim: what all chance follows from; the topology says it otherwise.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// With --backend sim: write every event to this file, a line each.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Which labs outlive their scenario.
    #[arg(long, value_enum, default_value = "never")]
    keep: Keep,
    /// Use another executable for a role, such as --use ovsdb-server=/usr/sbin/ovsdb-server.
    #[arg(long = "use", value_name = "ROLE=PATH")]
    stack: Vec<Stack>,
    /// What this executable is able to be.
    #[arg(skip)]
    pub(super) own: BTreeSet<Role>,
}

/// A scenario that can be run.
struct Work {
    scenario: Scenario,
    source: Source,
    topology: Source,
    lab: LabName,
    seed: u64,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    if args.backend == BackendKind::Netns && (args.seed.is_some() || args.events.is_some()) {
        bail!("--seed and --events say how to simulate: expected --backend sim with them");
    }
    let work = collect(args)?;
    if args.events.is_some() && work.len() > 1 {
        bail!("the events of {} scenarios in one file: expected one scenario with --events", work.len());
    }
    if work.is_empty() {
        eprintln!("ovn sandbox: no scenario found");
        return Ok(NOTHING_RAN);
    }
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let try_all = || {
        while let Some(one) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = try_one(one, args);
            done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(report);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..usize::from(args.jobs).min(work.len()) {
            scope.spawn(try_all);
        }
        // The allocator is at its best in the first thread, which counts for large worlds.
        try_all();
    });
    let mut reports = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    reports.sort_by(|a, b| a.file.cmp(&b.file));
    if let Some(file) = &args.json {
        write(file, &serde_json::to_string_pretty(&json::document(&reports))?)?;
    }
    if let Some(file) = &args.junit {
        write(file, &junit::document(&reports)?)?;
    }
    if reports.len() > 1 {
        println!("{}", summary(&reports));
    }
    let any = |outcome| reports.iter().any(|r| r.outcome == outcome);
    Ok(match (any(Outcome::Failed), any(Outcome::Broken)) {
        (true, _) => FAIL,
        (false, true) => BROKEN,
        (false, false) => PASS,
    })
}

/// Reads all scenarios first: a bad file is found before anything runs.
fn collect(args: &Args) -> Result<Vec<Work>> {
    let mut files = Vec::new();
    for path in &args.scenarios {
        if path.is_dir() {
            let mut inside: Vec<PathBuf> = std::fs::read_dir(path)
                .with_context(|| format!("listing {}", path.display()))?
                .flatten()
                .map(|entry| entry.path())
                .filter(|file| file.extension().is_some_and(|e| e == "yaml"))
                .collect();
            inside.sort();
            files.extend(inside);
        } else {
            files.push(path.clone());
        }
    }
    let mut work = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let source = read_file(file)?;
        let (scenario, topology, _) = Scenario::read(&source, args.backend)?;
        let (described, _) = Topology::read(&topology)?;
        let stem: String = described.name.as_str().chars().take(24).collect();
        let lab = format!("{stem}-{}-{}", std::process::id(), i + 1).parse()?;
        let seed = args.seed.unwrap_or(described.seed);
        work.push(Work { scenario, source, topology, lab, seed });
    }
    Ok(work)
}

fn try_one(work: &Work, args: &Args) -> Report {
    let began = Instant::now();
    // One lab at a time is watched as it goes; of several, each is shown whole when it is done.
    let mut show = Show { live: args.jobs == 1, text: String::new() };
    let mut report = Report {
        scenario: work.scenario.name.clone(),
        file: work.source.name.clone(),
        lab: work.lab.to_string(),
        outcome: Outcome::Broken,
        up_ms: 0.0,
        total_ms: 0.0,
        steps: Vec::new(),
        error: None,
        logs: Vec::new(),
        kept: false,
        simulated: None,
    };
    show.say(&text::head(&report.scenario, &report.file, &report.lab));
    let followed = match args.backend {
        BackendKind::Netns => follow(work, args, &mut report, &mut show),
        BackendKind::Sim => simulate(work, args, &mut report, &mut show),
    };
    if let Err(e) = followed {
        report.error = Some(format!("{e:#}"));
    }
    report.total_ms = began.elapsed().as_secs_f64() * 1e3;
    show.say(&text::foot(&report, &rerun(work, args)));
    show.end();
    report
}

/// Starts the lab and follows what it says into the report.
fn follow(work: &Work, args: &Args, report: &mut Report, show: &mut Show) -> Result<()> {
    let boot = Boot {
        name: work.lab.clone(),
        topology: work.topology.clone(),
        scenario: Some(work.source.clone()),
        stack: Stack::collect(&args.stack),
        own: args.own.clone(),
        keep: args.keep,
    };
    let began = Instant::now();
    let mut lab = Started::start(&boot)?;
    report.error = Some("the lab ended before its scenario did".to_owned());
    while let Some(event) = lab.event() {
        match event {
            Event::Ready { .. } => {
                report.up_ms = began.elapsed().as_secs_f64() * 1e3;
                show.say(&text::up(report.up_ms));
            }
            Event::Step(step) => {
                show.say(&text::step(&step, &report.file));
                report.steps.push(*step);
            }
            Event::Broken { error, logs } => {
                (report.error, report.logs) = (Some(error), logs);
                break;
            }
            Event::Finished { passed, logs, kept } => {
                report.outcome = if passed { Outcome::Passed } else { Outcome::Failed };
                (report.error, report.logs, report.kept) = (None, logs, kept);
                break;
            }
        }
    }
    if report.kept {
        lab.detach()?;
    } else {
        lab.wait();
    }
    Ok(())
}

/// Plays the scenario in virtual time, in this thread.
fn simulate(work: &Work, args: &Args, report: &mut Report, show: &mut Show) -> Result<()> {
    let play = Play {
        scenario: &work.scenario,
        source: &work.source,
        topology: &work.topology,
        seed: work.seed,
        events: args.events.as_deref(),
    };
    let heard = Rc::new(RefCell::new(Heard { up_ms: 0.0, steps: Vec::new(), show: show.another() }));
    let (told, file) = (heard.clone(), work.source.name.clone());
    let played = play::play(&play, move |said| told.borrow_mut().hear(said, &file));
    let mut heard = heard.borrow_mut();
    (report.up_ms, report.steps) = (heard.up_ms, std::mem::take(&mut heard.steps));
    show.text += &heard.show.text;
    let played = played?;
    report.outcome = if played.result.is_ok() { Outcome::Passed } else { Outcome::Failed };
    report.simulated = Some(played.simulated);
    Ok(())
}

/// What a scenario in virtual time has said so far.
struct Heard {
    up_ms: f64,
    steps: Vec<StepReport>,
    show: Show,
}

impl Heard {
    fn hear(&mut self, said: Said, file: &str) {
        match said {
            Said::Up(after) => {
                self.up_ms = after.as_secs_f64() * 1e3;
                self.show.say(&text::up(self.up_ms));
            }
            Said::Step(step) => {
                self.show.say(&text::step(&step, file));
                self.steps.push(*step);
            }
        }
    }
}

/// The command that does it again.
fn rerun(work: &Work, args: &Args) -> String {
    let mut command = format!("ovn sandbox test {}", work.source.name);
    if args.backend == BackendKind::Sim {
        return format!("{command} --backend sim --seed {}", work.seed);
    }
    for (role, path) in Stack::collect(&args.stack).0 {
        command += &format!(" --use {role}={}", path.display());
    }
    command + " --keep failed"
}

fn summary(reports: &[Report]) -> String {
    let count = |outcome| reports.iter().filter(|r| r.outcome == outcome).count();
    format!(
        "{} scenarios: {} passed, {} failed, {} with a broken set-up",
        reports.len(),
        count(Outcome::Passed),
        count(Outcome::Failed),
        count(Outcome::Broken)
    )
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

/// Text as it comes, or all at once.
struct Show {
    live: bool,
    text: String,
}

impl Show {
    /// An empty one of the same kind.
    fn another(&self) -> Self {
        Self { live: self.live, text: String::new() }
    }

    fn say(&mut self, text: &str) {
        if self.live {
            print!("{text}");
            let _ = std::io::Write::flush(&mut std::io::stdout());
        } else {
            self.text += text;
        }
    }

    fn end(self) {
        print!("{}", self.text);
    }
}
