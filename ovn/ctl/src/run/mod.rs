//! A run of a program, from the first message of its connection to its exit code, without sockets and clock.
//!
//! ```text
//!  connected ──► syncing ──► (commands) ──► committing ──► waiting ──► finished
//!                   ▲            │  ▲            │
//!                   │  wait-until│  │rows change │ try again
//!                   │            ▼  │            │
//!                   │          watching ◄────────┤
//!                   └──── connection lost ───────┘
//! ```
//! The shell moves messages ([`Run::handle_message`], [`Run::poll_output`]), tells what becomes of the connection
//! ([`Run::connected`], [`Run::disconnected`]) and ends with [`Output::Exit`]. Output is bounded by what the rows and
//! the command line hold.

mod attempt;
mod effect;
mod job;
mod service;

pub use service::{JobId, Service, ServiceOutput};

use crate::cli::Invocation;
use crate::context::LogModule;
use crate::openflow::Switch;
use crate::{Failure, Program};
use job::Job;
use openflow::FlowStats;
use ovsdb::replica::{Replica, ReplicaEvent, ReplicaOptions};
use ovsdb::rpc::Message;
use std::time::Instant;

/// Exit code of a program that `SIGALRM` ends, as a shell sees it.
pub const ALARM: u8 = 142;

/// What the shell is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
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
    /// Write to standard output.
    Print(String),
    /// Write a line, after the program's name, to standard error.
    Error(String),
    /// End with this code; nothing comes after.
    Exit(u8),
}

/// A run of a program. See the module's documentation.
#[derive(Debug)]
pub struct Run {
    job: Job,
    replica: Replica,
}

impl Run {
    /// A run of these commands. `seed` makes the UUIDs of new rows; `now_ms` is the time in ms since 1970.
    ///
    /// # Errors
    /// What is wrong with the commands and can be seen without rows.
    pub fn new(invocation: Invocation, seed: u64, now: Instant, now_ms: i64) -> Result<Self, Failure> {
        let needs = job::needs(&invocation)?;
        let monitors = needs.monitors();
        let options = ReplicaOptions {
            leader_only: invocation.leader_only,
            probe_interval: None,
            ..Default::default()
        };
        let replica = Replica::new(invocation.program.schema().clone(), monitors.clone(), options);
        let warnings = invocation.warnings.clone();
        let mut job = Job::new(invocation, monitors.into(), needs.switches, seed, (now, now_ms));
        for (module, text) in warnings {
            job.push(Output::Warn { module, text });
        }
        Ok(Self { job, replica })
    }

    /// The remote to connect to, or several with commas between.
    pub fn remote(&self) -> &str {
        &self.job.invocation.db
    }

    /// Whether warnings and errors are nobody's business.
    pub fn is_quiet(&self) -> bool {
        self.job.invocation.quiet
    }

    /// The switches whose flows are to be told by [`Run::switch_flows`] before the connection is made.
    pub fn switches(&self) -> Vec<Switch> {
        self.job.switches.iter().cloned().collect()
    }

    /// The flows of a switch.
    pub fn switch_flows(&mut self, switch: Switch, flows: Vec<FlowStats>) {
        self.job.flows.insert(switch, flows);
    }

    /// The connection is there.
    pub fn connected(&mut self, now: Instant) {
        self.replica.connected(now);
        self.pump();
    }

    /// The connection could not be made or has ended, for this reason. Unless `--retry` was given, or ovs-vsctl only
    /// waits for the switch, that is the end.
    pub fn disconnected(&mut self, reason: &str, now: Instant) {
        self.replica.disconnected(now);
        let invocation = &self.job.invocation;
        if invocation.retry || (invocation.program == Program::Vsctl && self.job.is_waiting()) {
            return self.pump();
        }
        if !self.job.is_finished() {
            let remote = &invocation.db;
            let failure = Failure::new(format!("{remote}: database connection failed ({reason})"));
            self.job.fail(failure);
        }
    }

    /// A message from the server.
    pub fn handle_message(&mut self, message: Message, now: Instant) {
        self.replica.handle_message(message, now);
        self.pump();
    }

    /// Time has come, see [`Run::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.replica.handle_timeout(now);
        self.pump();
        if self.job.deadline().is_some_and(|deadline| deadline <= now) {
            let text = "terminating with signal 14 (Alarm clock)".to_owned();
            self.job.push(Output::Warn { module: LogModule::FatalSignal, text });
            self.job.finish(ALARM);
        }
    }

    /// When [`Run::handle_timeout`] is due, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        if self.job.is_finished() {
            return None;
        }
        let deadline = self.job.deadline().map(|deadline| (deadline, "timeout of the command line"));
        deadline.into_iter().chain(self.replica.poll_timeout()).min()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.job.poll_output()
    }

    /// Takes what the replica has to say.
    fn pump(&mut self) {
        let Self { job, replica } = self;
        while let Some(event) = replica.poll_event() {
            match event {
                ReplicaEvent::Synced => job.rows_changed(replica),
                ReplicaEvent::Changes(_) if replica.is_synced() => job.rows_changed(replica),
                ReplicaEvent::Changes(_) | ReplicaEvent::Lock(_) => {}
                ReplicaEvent::TxnDone { id, outcome } => job.transaction_done(id, outcome, replica),
                ReplicaEvent::Lost(_) => {
                    job.lost();
                    job.push(Output::Reconnect);
                }
            }
        }
        while let Some(message) = replica.poll_output() {
            job.push(Output::Send(message));
        }
    }
}
