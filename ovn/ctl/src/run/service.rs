//! Daemon mode: one replica of the whole database, and the jobs that others send to run on it.
//!
//! ```text
//!  database ◄──JSON-RPC──► Replica ──► Job, Job ... ◄── `run` of clients
//! ```
//! Jobs do not wait for one another: one that waits for its effect or for rows to change lets others pass. How many
//! there are is bounded by the shell, which takes so many requests at a time.

use super::job::{self, Job};
use super::{ALARM, Output};
use crate::cli::{self, Environment, Invocation};
use crate::context::LogModule;
use crate::needs::Needs;
use crate::openflow::Switch;
use crate::{Failure, Program};
use openflow::FlowStats;
use ovsdb::replica::{MonitorTable, Replica, ReplicaEvent, ReplicaOptions};
use ovsdb::rpc::Message;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A job, for as long as it is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(u64);

/// What the shell is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceOutput {
    /// Send this to the server.
    Send(Message),
    /// Close the connection and try the next remote.
    Reconnect,
    /// Log a warning as this module.
    Warn {
        /// The module.
        module: LogModule,
        /// The text.
        text: String,
    },
    /// Tell the flows of the switches by [`Service::start`]; the job waits for that.
    Gather(JobId, Vec<Switch>),
    /// A job has come to an end: what it printed, or why it failed.
    Answer(JobId, Result<String, String>),
}

/// A client in daemon mode.
#[derive(Debug)]
pub struct Service {
    program: Program,
    monitors: Arc<[MonitorTable]>,
    replica: Replica,
    jobs: BTreeMap<JobId, Entry>,
    job_last: u64,
    seed: u64,
    output: VecDeque<ServiceOutput>,
}

#[derive(Debug)]
struct Entry {
    job: Job,
    /// Whether it has all that it needs beside rows.
    is_started: bool,
    printed: String,
    errors: Vec<String>,
}

/// Seeds of jobs are so far apart: each attempt of a job uses another.
const SEEDS_PER_JOB: u64 = 1 << 20;

impl Service {
    /// A service for the database that the options of `invocation` say.
    pub fn new(invocation: &Invocation, probe_interval: Option<Duration>, seed: u64) -> Self {
        let program = invocation.program;
        let mut needs = Needs::new(program);
        for (table, schema) in &program.schema().tables {
            let columns: Vec<&str> = schema.columns.keys().map(|column| &**column).collect();
            needs.columns(table, &columns);
        }
        let monitors = needs.monitors();
        let options =
            ReplicaOptions { leader_only: invocation.leader_only, probe_interval, ..Default::default() };
        Self {
            program,
            replica: Replica::new(program.schema().clone(), monitors.clone(), options),
            monitors: monitors.into(),
            jobs: BTreeMap::new(),
            job_last: 0,
            seed,
            output: VecDeque::new(),
        }
    }

    /// Whether the rows have come, so that jobs can run.
    pub fn is_synced(&self) -> bool {
        self.replica.is_synced()
    }

    /// Begins a job; `words` are options and commands as on a command line.
    ///
    /// # Errors
    /// What is wrong with them and can be seen without rows.
    pub fn run(&mut self, words: &[String], (now, now_ms): (Instant, i64)) -> Result<JobId, String> {
        let message = |failure: Failure| failure.message.unwrap_or_default();
        let invocation = cli::parse_job(self.program, words, &Environment::default()).map_err(message)?;
        let needs = job::needs(&invocation).map_err(message)?;
        self.job_last += 1;
        let id = JobId(self.job_last);
        let seed = self.seed.wrapping_add(self.job_last.wrapping_mul(SEEDS_PER_JOB));
        let switches: Vec<Switch> = needs.switches.iter().cloned().collect();
        let job = Job::new(invocation, self.monitors.clone(), needs.switches, seed, (now, now_ms));
        self.jobs.insert(id, Entry { job, is_started: false, printed: String::new(), errors: Vec::new() });
        if switches.is_empty() {
            self.start(id, Vec::new());
        } else {
            self.output.push_back(ServiceOutput::Gather(id, switches));
        }
        Ok(id)
    }

    /// Tells the flows of the switches that [`ServiceOutput::Gather`] asked for.
    pub fn start(&mut self, id: JobId, flows: Vec<(Switch, Vec<FlowStats>)>) {
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        entry.is_started = true;
        for (switch, flows) in flows {
            entry.job.flows.insert(switch, flows);
        }
        if self.replica.is_synced() {
            entry.job.rows_changed(&mut self.replica);
        }
        self.pump();
    }

    /// The connection is there.
    pub fn connected(&mut self, now: Instant) {
        self.replica.connected(now);
        self.pump();
    }

    /// The connection has ended; jobs wait for the next.
    pub fn disconnected(&mut self, now: Instant) {
        self.replica.disconnected(now);
        self.jobs.values_mut().for_each(|entry| entry.job.lost());
        self.pump();
    }

    /// A message from the server.
    pub fn handle_message(&mut self, message: Message, now: Instant) {
        self.replica.handle_message(message, now);
        self.pump();
    }

    /// Time has come, see [`Service::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.replica.handle_timeout(now);
        for entry in self.jobs.values_mut() {
            if entry.job.deadline().is_some_and(|deadline| deadline <= now) {
                entry.errors.push("timeout expired".to_owned());
                entry.job.finish(ALARM);
            }
        }
        self.pump();
    }

    /// When [`Service::handle_timeout`] is due, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let deadlines = self.jobs.values().filter_map(|entry| entry.job.deadline());
        let deadlines = deadlines.map(|deadline| (deadline, "timeout of a job"));
        deadlines.chain(self.replica.poll_timeout()).min()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<ServiceOutput> {
        self.output.pop_front()
    }

    /// Takes what the replica and the jobs have to say.
    fn pump(&mut self) {
        while let Some(event) = self.replica.poll_event() {
            let replica = &mut self.replica;
            let jobs = self.jobs.values_mut().filter(|entry| entry.is_started).map(|entry| &mut entry.job);
            match event {
                ReplicaEvent::Synced => jobs.for_each(|job| job.rows_changed(replica)),
                ReplicaEvent::Changes(_) if replica.is_synced() => {
                    jobs.for_each(|job| job.rows_changed(replica));
                }
                ReplicaEvent::Changes(_) | ReplicaEvent::Lock(_) => {}
                ReplicaEvent::TxnDone { id, outcome } => {
                    jobs.for_each(|job| job.transaction_done(id, outcome.clone(), replica));
                }
                ReplicaEvent::Lost(_) => {
                    jobs.for_each(Job::lost);
                    self.output.push_back(ServiceOutput::Reconnect);
                }
            }
        }
        while let Some(message) = self.replica.poll_output() {
            self.output.push_back(ServiceOutput::Send(message));
        }
        self.answer();
    }

    fn answer(&mut self) {
        let Self { jobs, output, .. } = self;
        jobs.retain(|id, entry| {
            while let Some(done) = entry.job.poll_output() {
                match done {
                    Output::Send(_) | Output::Reconnect => {}
                    Output::Warn { module, text } => output.push_back(ServiceOutput::Warn { module, text }),
                    Output::Print(text) => entry.printed.push_str(&text),
                    Output::Error(text) => entry.errors.push(text),
                    Output::Exit(code) => {
                        let printed = std::mem::take(&mut entry.printed);
                        let answer = if code == 0 { Ok(printed) } else { Err(entry.errors.join("\n")) };
                        output.push_back(ServiceOutput::Answer(*id, answer));
                    }
                }
            }
            !entry.job.is_finished()
        });
    }
}
