//! Which neighbours of routers are in use: what they send passes `mac_cache_use`, and the switch counts it.
//!
//! The switch is asked for the flows of that table so often that a neighbour's row is written anew well before it would be
//! too old, and not oftener than that: three sixteenths of the age go by between two questions, and as much at least between
//! two writes of a row. Upstream: statctrl.c, mac-cache.c.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// What part of the age goes by between questions.
pub(crate) fn period(age: Duration) -> Duration {
    age * 3 / 16
}

/// See the module's documentation. Flows are known by their cookies, which are parts of their rows' UUIDs. It keeps a number
/// for each neighbour that the switch has flows of.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// The shortest one of a router here; none if nothing ages.
    age: Option<Duration>,
    ask_at: Option<Instant>,
    packets: BTreeMap<u32, u64>,
    /// Parts of the answer that is coming in.
    answer: BTreeMap<u32, u64>,
}

impl Uses {
    /// The shortest age has changed, or has not.
    pub(crate) fn set_age(&mut self, age: Option<Duration>) {
        if self.age != age {
            *self = Self { age, ..Self::default() };
        }
    }

    /// When the switch is to be asked; [`Self::is_due`] is to be called then.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.ask_at
    }

    /// Whether the switch is to be asked now. It counts as asked.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let Some(age) = self.age else { return false };
        let is_due = self.ask_at.is_none_or(|at| at <= now);
        if is_due {
            self.ask_at = Some(now + period(age));
            self.answer.clear();
        }
        is_due
    }

    /// A part of the answer: cookies and packets of flows. With the last one, the cookies of those that were used since the
    /// answer before.
    pub(crate) fn heard(&mut self, flows: &[(u64, u64)], is_last: bool) -> BTreeSet<u32> {
        for (cookie, packets) in flows {
            if let Ok(cookie) = u32::try_from(*cookie) {
                let sum = self.answer.entry(cookie).or_default();
                *sum = sum.saturating_add(*packets);
            }
        }
        if !is_last {
            return BTreeSet::new();
        }
        let answer = std::mem::take(&mut self.answer);
        let before = std::mem::replace(&mut self.packets, answer);
        let used = |(cookie, packets): (&u32, &u64)| {
            // Fewer than before are those of another flow.
            let old = before.get(cookie).copied().filter(|old| old <= packets).unwrap_or(0);
            (*packets > old).then_some(*cookie)
        };
        self.packets.iter().filter_map(used).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the clock of the test has to begin somewhere")]
    fn the_switch_is_asked_several_times_in_an_age() {
        let start = Instant::now();
        let mut uses = Uses::default();
        assert_eq!((uses.is_due(start), uses.poll_timeout()), (false, None));
        uses.set_age(Some(Duration::from_secs(16)));
        assert!(uses.is_due(start) && !uses.is_due(start));
        assert_eq!(uses.poll_timeout(), Some(start + Duration::from_secs(3)));
        assert!(uses.is_due(start + Duration::from_secs(3)));
        uses.set_age(None);
        assert_eq!(uses.poll_timeout(), None);
    }

    #[test]
    fn what_has_counted_more_packets_was_used() {
        let mut uses = Uses::default();
        assert_eq!(uses.heard(&[(1, 0), (2, 5)], false), [].into());
        assert_eq!(uses.heard(&[(1, 1)], true), [1, 2].into(), "flows of one row count together");
        assert_eq!(uses.heard(&[(1, 1), (2, 5), (3, 0)], true), [].into());
        assert_eq!(uses.heard(&[(1, 2), (2, 4)], true), [1, 2].into(), "the second is another flow");
    }
}
