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

use crate::cli::{Invocation, Wait};
use crate::context::LogModule;
use crate::needs::Needs;
use crate::{Failure, Program};
use attempt::{Attempt, Failed, Prepared, Printed};
use ovsdb::Transaction;
use ovsdb::replica::{MonitorTable, Replica, ReplicaEvent, ReplicaOptions, TxnId, TxnOutcome};
use ovsdb::rpc::Message;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Exit code of a program that `SIGALRM` ends, as a shell sees it.
const ALARM: u8 = 142;

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
    invocation: Invocation,
    monitors: Vec<MonitorTable>,
    replica: Replica,
    state: State,
    /// Makes the UUIDs of new rows.
    seed: u64,
    deadline: Option<Instant>,
    /// When the run began, ms since 1970.
    started_ms: i64,
    /// Rows have changed since the last attempt began.
    is_changed: bool,
    output: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    /// Rows are on their way.
    Syncing,
    /// Rows are there and do not allow the commands yet.
    Watching,
    /// The transaction is on its way.
    Committing {
        id: TxnId,
        transaction: Transaction,
        printed: Printed,
    },
    /// Waits until others have taken the configuration up.
    Waiting {
        next_cfg: i64,
        printed: Printed,
    },
    Finished,
}

impl Run {
    /// A run of these commands. `seed` makes the UUIDs of new rows; `now_ms` is the time in ms since 1970.
    ///
    /// # Errors
    /// What is wrong with the commands and can be seen without rows.
    pub fn new(invocation: Invocation, seed: u64, now: Instant, now_ms: i64) -> Result<Self, Failure> {
        let program = invocation.program;
        let mut needs = Needs::new(program);
        for command in &invocation.commands {
            (command.verb.prepare)(command, &mut needs)?;
        }
        effect::prepare(&invocation, &mut needs);
        let monitors = needs.monitors();
        let options = ReplicaOptions {
            leader_only: invocation.leader_only,
            probe_interval: None,
            ..Default::default()
        };
        let replica = Replica::new(program.schema().clone(), monitors.clone(), options);
        let deadline = invocation.timeout.map(|timeout| now + timeout);
        let (state, output) = (State::Syncing, VecDeque::new());
        Ok(Self {
            invocation,
            monitors,
            replica,
            state,
            seed,
            deadline,
            started_ms: now_ms,
            is_changed: false,
            output,
        })
    }

    /// The remote to connect to, or several with commas between.
    pub fn remote(&self) -> &str {
        &self.invocation.db
    }

    /// The connection is there.
    pub fn connected(&mut self, now: Instant) {
        self.replica.connected(now);
        self.pump(now);
    }

    /// The connection could not be made or has ended, for this reason. Unless `--retry` was given that is the end.
    pub fn disconnected(&mut self, reason: &str, now: Instant) {
        self.replica.disconnected(now);
        if self.invocation.retry {
            return self.pump(now);
        }
        if !matches!(self.state, State::Finished) {
            let remote = &self.invocation.db;
            self.fail(Failure::new(format!("{remote}: database connection failed ({reason})")));
        }
    }

    /// A message from the server.
    pub fn handle_message(&mut self, message: Message, now: Instant) {
        self.replica.handle_message(message, now);
        self.pump(now);
    }

    /// Time has come, see [`Run::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.replica.handle_timeout(now);
        self.pump(now);
        if self.deadline.is_some_and(|deadline| deadline <= now) && !matches!(self.state, State::Finished) {
            let text = "terminating with signal 14 (Alarm clock)".to_owned();
            self.output.push_back(Output::Warn { module: LogModule::FatalSignal, text });
            self.finish(ALARM);
        }
    }

    /// When [`Run::handle_timeout`] is due, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        if matches!(self.state, State::Finished) {
            return None;
        }
        let deadline = self.deadline.map(|deadline| (deadline, "timeout of the command line"));
        deadline.into_iter().chain(self.replica.poll_timeout()).min()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// How long the run may last, from its beginning.
    pub fn timeout(&self) -> Option<Duration> {
        self.invocation.timeout
    }

    /// Takes what the replica has to say.
    fn pump(&mut self, _now: Instant) {
        while let Some(event) = self.replica.poll_event() {
            match event {
                ReplicaEvent::Synced => self.rows_changed(),
                ReplicaEvent::Changes(_) if self.replica.is_synced() => self.rows_changed(),
                ReplicaEvent::Changes(_) | ReplicaEvent::Lock(_) => {}
                ReplicaEvent::TxnDone { id, outcome } => self.transaction_done(id, outcome),
                ReplicaEvent::Lost(_) => {
                    if !matches!(self.state, State::Waiting { .. } | State::Finished) {
                        self.state = State::Syncing;
                    }
                    self.push(Output::Reconnect);
                }
            }
        }
        while let Some(message) = self.replica.poll_output() {
            self.push(Output::Send(message));
        }
    }

    fn rows_changed(&mut self) {
        self.is_changed = true;
        match self.state {
            State::Syncing | State::Watching => self.attempt(),
            State::Waiting { .. } => self.look(),
            State::Committing { .. } | State::Finished => {}
        }
    }

    /// Runs all commands on the rows as they are.
    fn attempt(&mut self) {
        self.is_changed = false;
        self.seed = self.seed.wrapping_add(1);
        let attempt = Attempt::new(&self.invocation, &self.monitors, &self.replica, self.seed);
        match attempt.run() {
            Err(Failed { warnings, failure }) => {
                self.warn(warnings);
                self.fail(failure);
            }
            Ok(None) => self.state = State::Watching,
            Ok(Some(Prepared { warnings, transaction, printed })) => {
                self.warn(warnings);
                if transaction.is_empty() || self.invocation.dry_run {
                    self.push(Output::Print(printed.text));
                    return self.finish(0);
                }
                let id = self.replica.transact(transaction.clone());
                self.state = State::Committing { id, transaction, printed };
            }
        }
    }

    fn transaction_done(&mut self, id: TxnId, outcome: TxnOutcome) {
        let state = std::mem::replace(&mut self.state, State::Watching);
        let (transaction, printed) = match state {
            State::Committing { id: own, transaction, printed } if own == id => (transaction, printed),
            other => {
                self.state = other;
                return;
            }
        };
        match outcome {
            TxnOutcome::Committed(results) => {
                let next_cfg = transaction.incremented(&results);
                self.push(Output::Print(printed.text.clone()));
                match next_cfg {
                    Some(next_cfg) if self.invocation.wait != Wait::None => {
                        self.state = State::Waiting { next_cfg, printed };
                        self.look();
                    }
                    Some(_) | None => self.finish(0),
                }
            }
            TxnOutcome::TryAgain => {
                // The change that was in the way comes before the reply, or with the next connection.
                self.state = if self.replica.is_synced() { State::Watching } else { State::Syncing };
                if self.is_changed && self.replica.is_synced() {
                    self.attempt();
                }
            }
            TxnOutcome::NotLocked | TxnOutcome::Aborted => self.fail(Failure::new("transaction aborted")),
            TxnOutcome::Error(error) => {
                let text = format!("transaction error: {}", error.to_json());
                self.push(Output::Warn { module: LogModule::OvsdbIdl, text: text.clone() });
                self.fail(Failure::new(text));
            }
        }
    }

    /// Whether the configuration has been taken up.
    fn look(&mut self) {
        let State::Waiting { next_cfg, printed } = &self.state else { return };
        if !effect::is_reached(&self.invocation, &self.monitors, &self.replica, *next_cfg) {
            return;
        }
        let (next_cfg, printed) = (*next_cfg, printed.clone());
        if self.invocation.print_wait_time {
            let text =
                effect::wait_time(&self.invocation, &self.monitors, &self.replica, next_cfg, self.started_ms);
            self.push(Output::Print(text));
        }
        if self.invocation.program == Program::Vsctl {
            for error in effect::interface_errors(
                &self.invocation,
                &self.monitors,
                &self.replica,
                &printed.interfaces_added,
            ) {
                self.push(Output::Error(error));
            }
        }
        self.finish(0);
    }

    fn warn(&mut self, warnings: Vec<(LogModule, String)>) {
        for (module, text) in warnings {
            self.push(Output::Warn { module, text });
        }
    }

    fn fail(&mut self, failure: Failure) {
        if let Some(message) = failure.message {
            self.push(Output::Error(message));
        }
        self.finish(failure.code);
    }

    fn finish(&mut self, code: u8) {
        self.state = State::Finished;
        self.push(Output::Exit(code));
    }

    fn push(&mut self, output: Output) {
        let is_over = self.output.iter().any(|output| matches!(output, Output::Exit(_)));
        let is_empty = matches!(&output, Output::Print(text) if text.is_empty());
        if !is_over && !is_empty {
            self.output.push_back(output);
        }
    }
}
