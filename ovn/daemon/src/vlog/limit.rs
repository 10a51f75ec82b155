//! A budget of warnings and errors for each place in the code, so that a peer that misbehaves cannot fill the disk.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;

/// How many messages one place may log at once.
pub const BURST: u32 = 60;
/// How long it takes until one more is allowed.
pub const REFILL: Duration = Duration::from_secs(1);

/// Whether a message is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is; so many of the same place were left out before it.
    Log {
        /// Messages left out since the last one that was logged.
        dropped: u32,
    },
    /// It is left out.
    Drop,
}

struct Bucket {
    tokens: u32,
    filled: Instant,
    dropped: u32,
}

/// The budgets. One entry a place in the code, so bounded by the size of the program.
#[derive(Default)]
pub struct Limits {
    buckets: HashMap<Identifier, Bucket>,
    unlimited: bool,
}

impl Limits {
    /// Turns limiting on or off (`vlog/enable-rate-limit`, `vlog/disable-rate-limit`).
    pub fn enable(&mut self, on: bool) {
        self.unlimited = !on;
    }

    /// Asks for one message of `place` at `now`.
    pub fn ask(&mut self, place: Identifier, now: Instant) -> Verdict {
        if self.unlimited {
            return Verdict::Log { dropped: 0 };
        }
        let bucket = self.buckets.entry(place).or_insert(Bucket { tokens: BURST, filled: now, dropped: 0 });
        let refills = now.saturating_duration_since(bucket.filled).as_nanos() / REFILL.as_nanos();
        if refills > 0 {
            bucket.tokens =
                bucket.tokens.saturating_add(u32::try_from(refills).unwrap_or(u32::MAX)).min(BURST);
            bucket.filled = now;
        }
        if bucket.tokens == 0 {
            bucket.dropped = bucket.dropped.saturating_add(1);
            return Verdict::Drop;
        }
        bucket.tokens -= 1;
        Verdict::Log { dropped: std::mem::take(&mut bucket.dropped) }
    }
}

#[cfg(test)]
mod tests {
    use tracing::callsite::Callsite;
    use tracing::subscriber::Interest;

    use super::*;

    struct Place;

    impl Callsite for Place {
        fn set_interest(&self, _: Interest) {}

        fn metadata(&self) -> &tracing::Metadata<'_> {
            unreachable!("only its address is used")
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // Any instant serves as the origin.
    fn a_flood_is_cut_and_counted() {
        static PLACE: Place = Place;
        let place = Identifier(&PLACE);
        let mut limits = Limits::default();
        let start = Instant::now();
        let logged =
            (0..100).filter(|_| limits.ask(place.clone(), start) == Verdict::Log { dropped: 0 }).count();
        assert_eq!(logged, 60);
        assert_eq!(limits.ask(place.clone(), start + REFILL), Verdict::Log { dropped: 40 });
        assert_eq!(limits.ask(place, start + REFILL), Verdict::Drop);
    }
}
