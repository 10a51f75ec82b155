//! One direction of one attachment: what happens to a frame between entering and leaving it.

use super::random::Random;
use crate::topology::LinkSettings;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many frames wait in a line unless its settings say otherwise.
pub const LIMIT_DEFAULT: u32 = 1000;
/// How long a reordered frame is held back unless the settings say otherwise.
pub const REORDER_GAP_DEFAULT: Duration = Duration::from_millis(5);

/// A frame as it crosses the fabric; copies share the octets.
pub type Frame = Arc<[u8]>;

/// What has become of the frames that entered a line. `entered + duplicated` is the sum of the others, once
/// every frame has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LineCounters {
    pub entered: u64,
    pub left: u64,
    pub lost: u64,
    pub overflowed: u64,
    pub refused_while_down: u64,
    pub duplicated: u64,
    pub corrupted: u64,
    pub reordered: u64,
}

/// One direction of one attachment. It holds no frames: it says when each leaves, and keeps count.
#[derive(Clone, Debug)]
pub struct Line {
    pub settings: LinkSettings,
    pub counters: LineCounters,
    random: Random,
    /// Frames that have entered and not left.
    waiting: u32,
    /// When the last bit of the last frame goes out, for `rate`.
    busy_until: Option<Instant>,
    /// No frame in order leaves before the one ahead of it.
    last_leaves: Option<Instant>,
}

impl Line {
    pub fn new(settings: LinkSettings, random: Random) -> Self {
        Self {
            settings,
            counters: LineCounters::default(),
            random,
            waiting: 0,
            busy_until: None,
            last_leaves: None,
        }
    }

    /// When the frame leaves: never, once, or twice. Calls `leave(time, frame)` for each.
    pub fn enter(&mut self, frame: &Frame, now: Instant, mut leave: impl FnMut(Instant, Frame)) {
        self.counters.entered += 1;
        if self.settings.down {
            self.counters.refused_while_down += 1;
            return;
        }
        if self.random.chance(self.settings.loss.0) {
            self.counters.lost += 1;
            return;
        }
        let copies = if self.random.chance(self.settings.duplicate.0) { 2 } else { 1 };
        self.counters.duplicated += copies - 1;
        for _ in 0..copies {
            if self.waiting >= self.settings.limit.unwrap_or(LIMIT_DEFAULT) {
                self.counters.overflowed += 1;
                continue;
            }
            let octets = self.perhaps_corrupted(frame);
            let time = self.departure(frame.len(), now);
            self.waiting += 1;
            leave(time, octets);
        }
    }

    /// A frame of this line has left it.
    pub fn has_left(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        self.counters.left += 1;
    }

    /// Frames that have entered and not left.
    pub fn waiting(&self) -> u32 {
        self.waiting
    }

    fn departure(&mut self, octets: usize, now: Instant) -> Instant {
        let mut time = now;
        if let Some(rate) = self.settings.rate {
            let bits = octets as u64 * 8;
            let busy = Duration::from_nanos((u128::from(bits) * 1_000_000_000 / u128::from(rate.0)) as u64);
            time = self.busy_until.map_or(now, |busy_until| busy_until.max(now)) + busy;
            self.busy_until = Some(time);
        }
        time += self.delay();
        if self.random.chance(self.settings.reorder.0) {
            self.counters.reordered += 1;
            return time + self.settings.reorder_gap.map_or(REORDER_GAP_DEFAULT, |gap| gap.0);
        }
        let time = self.last_leaves.map_or(time, |last| last.max(time));
        self.last_leaves = Some(time);
        time
    }

    fn delay(&mut self) -> Duration {
        let jitter = self.settings.jitter.0.as_nanos() as u64;
        if jitter == 0 {
            return self.settings.delay.0;
        }
        let shift = self.random.below(2 * jitter + 1);
        (self.settings.delay.0 + Duration::from_nanos(shift)).saturating_sub(Duration::from_nanos(jitter))
    }

    fn perhaps_corrupted(&mut self, frame: &Frame) -> Frame {
        if frame.is_empty() || !self.random.chance(self.settings.corrupt.0) {
            return frame.clone();
        }
        self.counters.corrupted += 1;
        let bit = self.random.below(frame.len() as u64 * 8) as usize;
        let mut octets = frame.to_vec();
        octets[bit / 8] ^= 1 << (bit % 8);
        octets.into()
    }
}
