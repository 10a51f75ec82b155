//! Port numbers of bridges (vswitchd.conf.db(5), Interface `ofport`).
//!
//! A number that was asked for is given if it is free. Else the number from before, so that flows of
//! controllers stay right when the switch starts again; else the next after the last one given.
//! Numbers that were used in the last hour come last, as controllers may still mean the old port.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ovsdb::Str;

/// Numbers from here on are given only when asked for.
const AUTOMATIC_END: u32 = 32768;
/// How long a number rests.
const REST: Duration = Duration::from_secs(3600);

/// The numbers of all bridges.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    bridges: BTreeMap<Str, Bridge>,
}

#[derive(Debug, Default)]
struct Bridge {
    taken: BTreeSet<u32>,
    resting: BTreeMap<u32, Instant>,
    last: u32,
}

impl Numbers {
    /// A number for a port: the one asked for, the one from before, or a free one. `None` if there is none.
    pub(super) fn take(
        &mut self,
        bridge: &Str,
        request: Option<u32>,
        before: Option<u32>,
        now: Instant,
    ) -> Option<u32> {
        let bridge = self.bridges.entry(bridge.clone()).or_default();
        bridge.resting.retain(|_, until| *until > now);
        let wanted = [request, before].into_iter().flatten().find(|number| !bridge.taken.contains(number));
        let number = wanted.or_else(|| bridge.next_free())?;
        if wanted.is_none() {
            bridge.last = number;
        }
        bridge.taken.insert(number);
        bridge.resting.remove(&number);
        Some(number)
    }

    /// A port is gone; its number rests if it was `used`.
    pub(super) fn give_back(&mut self, bridge: &Str, number: u32, used: bool, now: Instant) {
        let Some(bridge) = self.bridges.get_mut(bridge) else { return };
        if !bridge.taken.remove(&number) {
            return;
        }
        if used {
            bridge.resting.insert(number, now + REST);
        } else if bridge.last == number {
            // The port never was: the next one gets its number.
            bridge.last -= 1;
        }
    }

    /// A bridge is gone.
    pub(super) fn forget(&mut self, bridge: &Str) {
        self.bridges.remove(bridge);
    }
}

impl Bridge {
    fn next_free(&self) -> Option<u32> {
        let round = || (self.last + 1..AUTOMATIC_END).chain(1..=self.last.min(AUTOMATIC_END - 1));
        let free = |number: &u32| !self.taken.contains(number);
        let rested = round().find(|number| free(number) && !self.resting.contains_key(number));
        rested.or_else(|| {
            let free = round().filter(free);
            free.min_by_key(|number| self.resting.get(number))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_each_other_and_rest_after_use() {
        let now = crate::testing::start();
        let br = Str::from("br");
        let mut numbers = Numbers::default();
        let mut take = |request, before| numbers.take(&br, request, before, now);
        assert_eq!((take(None, None), take(None, None)), (Some(1), Some(2)));
        assert_eq!(take(Some(10), Some(7)), Some(10), "what is asked for goes before what was");
        assert_eq!(take(Some(10), Some(7)), Some(7), "taken");
        assert_eq!(take(None, None), Some(3), "asking for one does not move the next");
        numbers.give_back(&br, 2, true, now);
        assert_eq!(numbers.take(&br, None, None, now), Some(4));
        assert_eq!(numbers.take(&br, None, Some(2), now), Some(2), "unless it is its own");
    }

    #[test]
    fn a_number_that_rests_is_given_when_there_is_no_other() {
        let now = crate::testing::start();
        let br = Str::from("br");
        let mut numbers = Numbers::default();
        for expected in 1..AUTOMATIC_END {
            assert_eq!(numbers.take(&br, None, None, now), Some(expected));
        }
        assert_eq!(numbers.take(&br, None, None, now), None);
        numbers.give_back(&br, 9, true, now);
        assert_eq!(numbers.take(&br, None, None, now), Some(9));
        numbers.give_back(&br, 8, false, now);
        numbers.forget(&br);
        assert_eq!(numbers.take(&br, None, None, now), Some(1));
    }
}
