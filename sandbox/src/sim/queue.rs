//! Virtual time: a clock that only moves to the next thing that is due, and the things themselves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Milliseconds since 1970 at which every world begins: 2026-01-01.
const WALL_START_MS: i64 = 1_767_225_600_000;

/// Deliveries in the order in which they are due; those of one instant in the order in which they were sent. Nothing
/// bounds it but what the cores of the world have to say to each other.
#[derive(Debug)]
pub(super) struct Queue<T> {
    start: Instant,
    now: Instant,
    sent: u64,
    waiting: BTreeMap<(Instant, u64), T>,
}

impl<T> Queue<T> {
    /// Nothing is due yet, and this is the beginning: only differences to it are seen.
    pub(super) fn new(start: Instant) -> Self {
        Self { start, now: start, sent: 0, waiting: BTreeMap::new() }
    }

    /// The present.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Since the beginning of the world.
    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// The present for people, in milliseconds since 1970.
    pub(super) fn wall_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.elapsed().as_millis()).expect("no world lasts for ages");
        WALL_START_MS + elapsed
    }

    /// Makes something due after a while.
    pub(super) fn push(&mut self, after: Duration, delivery: T) {
        self.sent += 1;
        self.waiting.insert((self.now + after, self.sent), delivery);
    }

    /// When the next thing is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|(at, _)| *at)
    }

    /// Moves the clock. It never goes back.
    pub(super) fn advance(&mut self, to: Instant) {
        self.now = self.now.max(to);
    }

    /// The next thing that is due by now.
    pub(super) fn pop(&mut self) -> Option<T> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= self.now).then(|| first.remove())
    }
}
