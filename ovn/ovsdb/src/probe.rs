//! Signs of life: a connection that is quiet is asked, one that stays quiet is given up.

use std::time::{Duration, Instant};

/// The state of the probe of one connection.
#[derive(Debug)]
pub(crate) struct Probe {
    interval: Option<Duration>,
    state: State,
}

#[derive(Debug)]
enum State {
    Stopped,
    Idle { since: Instant },
    Asked { since: Instant },
}

/// What to do when time has passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Quiet,
    /// Send an `echo` request.
    Ask,
    /// Give the connection up.
    Dead,
}

impl Probe {
    /// A stopped probe; without an interval it never asks.
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        Self { interval, state: State::Stopped }
    }

    pub(crate) fn start(&mut self, now: Instant) {
        self.state = State::Idle { since: now };
    }

    pub(crate) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// The peer has shown that it lives.
    pub(crate) fn alive(&mut self, now: Instant) {
        match self.state {
            State::Stopped => {}
            State::Idle { .. } | State::Asked { .. } => self.start(now),
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Stopped => None,
            State::Idle { since } | State::Asked { since } => Some(since + self.interval?),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Verdict {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return Verdict::Quiet;
        }
        match self.state {
            State::Stopped => Verdict::Quiet,
            State::Idle { .. } => {
                self.state = State::Asked { since: now };
                Verdict::Ask
            }
            State::Asked { .. } => {
                self.stop();
                Verdict::Dead
            }
        }
    }
}
