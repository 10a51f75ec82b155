//! The commands of one line on their way: from the first rows to the exit code, on a replica that may outlive them.

use super::attempt::{Attempt, Failed, Prepared, Printed};
use super::{Output, effect};
use crate::cli::{Invocation, Wait};
use crate::context::LogModule;
use crate::needs::Needs;
use crate::openflow::{Switch, SwitchFlows};
use crate::{Failure, Program};
use ovsdb::Transaction;
use ovsdb::replica::{MonitorTable, Replica, TxnId, TxnOutcome};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// One command line. What it wants done comes out of [`Job::poll_output`].
#[derive(Debug)]
pub(super) struct Job {
    pub(super) invocation: Invocation,
    /// What the replica copies.
    monitors: Arc<[MonitorTable]>,
    /// Switches whose flows are to be read before the rows.
    pub(super) switches: BTreeSet<Switch>,
    /// The flows read.
    pub(super) flows: SwitchFlows,
    state: State,
    /// Makes the UUIDs of new rows.
    seed: u64,
    deadline: Option<Instant>,
    /// When the job began, ms since 1970.
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

/// What the commands of an invocation read.
///
/// # Errors
/// What is wrong with the commands and can be seen without rows.
pub(super) fn needs(invocation: &Invocation) -> Result<Needs, Failure> {
    let mut needs = Needs::new(invocation.program);
    for command in &invocation.commands {
        (command.verb.prepare)(command, &mut needs)?;
    }
    effect::prepare(invocation, &mut needs);
    Ok(needs)
}

impl Job {
    /// A job on a replica that copies what `monitors` lists. `seed` makes the UUIDs of new rows; `now_ms` is the time
    /// in ms since 1970.
    pub(super) fn new(
        invocation: Invocation,
        monitors: Arc<[MonitorTable]>,
        switches: BTreeSet<Switch>,
        seed: u64,
        (now, now_ms): (Instant, i64),
    ) -> Self {
        let deadline = invocation.timeout.map(|timeout| now + timeout);
        Self {
            invocation,
            monitors,
            switches,
            flows: SwitchFlows::default(),
            state: State::Syncing,
            seed,
            deadline,
            started_ms: now_ms,
            is_changed: false,
            output: VecDeque::new(),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// Whether the transaction has happened and only its effect is waited for.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// When the job gives up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.is_finished() { None } else { self.deadline }
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// The replica is of no use until its next connection.
    pub(super) fn lost(&mut self) {
        if !matches!(self.state, State::Waiting { .. } | State::Finished) {
            self.state = State::Syncing;
        }
    }

    /// The replica is complete, or has changed since.
    pub(super) fn rows_changed(&mut self, replica: &mut Replica) {
        self.is_changed = true;
        match self.state {
            State::Syncing | State::Watching => self.attempt(replica),
            State::Waiting { .. } => self.look(replica),
            State::Committing { .. } | State::Finished => {}
        }
    }

    /// Runs all commands on the rows as they are.
    fn attempt(&mut self, replica: &mut Replica) {
        self.is_changed = false;
        self.seed = self.seed.wrapping_add(1);
        let attempt = Attempt::new(&self.invocation, &self.monitors, &self.flows, replica, self.seed);
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
                let id = replica.transact(transaction.clone());
                self.state = State::Committing { id, transaction, printed };
            }
        }
    }

    /// A transaction has had its outcome, of this job or another.
    pub(super) fn transaction_done(&mut self, id: TxnId, outcome: TxnOutcome, replica: &mut Replica) {
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
                        self.look(replica);
                    }
                    Some(_) | None => self.finish(0),
                }
            }
            TxnOutcome::TryAgain => {
                // The change that was in the way comes before the reply, or with the next connection.
                self.state = if replica.is_synced() { State::Watching } else { State::Syncing };
                if self.is_changed && replica.is_synced() {
                    self.attempt(replica);
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
    fn look(&mut self, replica: &Replica) {
        let State::Waiting { next_cfg, printed } = &self.state else { return };
        if !effect::is_reached(&self.invocation, &self.monitors, replica, *next_cfg) {
            return;
        }
        let (next_cfg, printed) = (*next_cfg, printed.clone());
        if self.invocation.print_wait_time {
            let text =
                effect::wait_time(&self.invocation, &self.monitors, replica, next_cfg, self.started_ms);
            self.push(Output::Print(text));
        }
        if self.invocation.program == Program::Vsctl {
            for error in
                effect::interface_errors(&self.invocation, &self.monitors, replica, &printed.interfaces_added)
            {
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

    pub(super) fn fail(&mut self, failure: Failure) {
        if let Some(message) = failure.message {
            self.push(Output::Error(message));
        }
        self.finish(failure.code);
    }

    pub(super) fn finish(&mut self, code: u8) {
        self.state = State::Finished;
        self.push(Output::Exit(code));
    }

    pub(super) fn push(&mut self, output: Output) {
        let is_over = self.output.iter().any(|output| matches!(output, Output::Exit(_)));
        let is_empty = matches!(&output, Output::Print(text) if text.is_empty());
        if !is_over && !is_empty {
            self.output.push_back(output);
        }
    }
}
