//! A timer wheel: what is due is found without looking at the rest.
//!
//! Four rings of 64 lists; a list of the first ring is a second, of the next 64 seconds, and so on.
//! A connection lies in the list of its expiry as it was when it was filed. Packets that prolong it do
//! not move it: when its list is due it is filed again. So a packet costs the wheel nothing, and a
//! connection is filed again as often as its shortest timeouts pass.

use super::lists::{Link, List};

const BITS: u32 = 6;
const LISTS: usize = 1 << BITS;
const RINGS: usize = 4;
/// The list of those whose second has passed and that were not looked at yet.
const DUE: u16 = (RINGS * LISTS) as u16;

/// When one connection expires, and where it is filed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timer {
    /// In milliseconds since some beginning.
    pub expires: u64,
    list: u16,
}

impl Timer {
    fn second(self) -> u64 {
        self.expires.div_ceil(1000)
    }
}

/// The wheel. Times are seconds since the same beginning.
#[derive(Debug)]
pub(super) struct Wheel {
    lists: Vec<List>,
    /// Which lists of a ring are not empty.
    filled: [u64; RINGS],
    now: u64,
}

impl Default for Wheel {
    fn default() -> Self {
        Self { lists: vec![List::default(); RINGS * LISTS + 1], filled: [0; RINGS], now: 0 }
    }
}

impl Wheel {
    /// Files one by its expiry.
    pub(super) fn file(&mut self, links: &mut [Link], timers: &mut [Timer], place: u32) {
        let timer = &mut timers[place as usize];
        timer.list = self.number(timer.second());
        let number = usize::from(timer.list);
        self.lists[number].push(links, place);
        if timer.list < DUE {
            self.filled[number / LISTS] |= 1 << (number % LISTS);
        }
    }

    /// Takes out one that is filed.
    pub(super) fn remove(&mut self, links: &mut [Link], timers: &[Timer], place: u32) {
        let number = timers[place as usize].list;
        let list = &mut self.lists[usize::from(number)];
        list.remove(links, place);
        if list.len == 0 && number < DUE {
            self.filled[usize::from(number) / LISTS] &= !(1 << (usize::from(number) % LISTS));
        }
    }

    /// Whether one would be looked at too late for its expiry: it was brought forward.
    pub(super) fn is_late(&self, timer: Timer) -> bool {
        let number = usize::from(timer.list);
        let (ring, at) = (number / LISTS, number % LISTS);
        let shift = BITS * ring as u32;
        let position = self.now >> shift;
        let ahead = (at as u64).wrapping_sub(position) % LISTS as u64;
        timer.list < DUE && (position + ahead) << shift > timer.second()
    }

    /// Makes `second` the present.
    pub(super) fn advance(&mut self, links: &mut [Link], timers: &mut [Timer], second: u64) {
        while self.now < second {
            // Seconds in which nothing is due are passed over, but not the turn of a ring.
            let next_turn = (self.now | (LISTS as u64 - 1)) + 1;
            self.now = self.next_in_first_ring().unwrap_or(next_turn).min(next_turn).min(second);
            for ring in 1..RINGS {
                let shift = BITS * ring as u32;
                if self.now & ((1 << shift) - 1) != 0 {
                    break;
                }
                // A list of an outer ring comes near: what is in it goes into the inner ones.
                self.empty(links, timers, ring * LISTS + (self.now >> shift) as usize % LISTS);
            }
            self.empty(links, timers, self.now as usize % LISTS);
        }
    }

    /// One whose second has passed.
    pub(super) fn due(&self) -> Option<u32> {
        self.lists[usize::from(DUE)].first()
    }

    /// The second to look again; `None` if nothing is filed.
    pub(super) fn next(&self) -> Option<u64> {
        if self.due().is_some() {
            return Some(self.now);
        }
        if let Some(second) = self.next_in_first_ring() {
            return Some(second);
        }
        (1..RINGS as u32).find_map(|ring| {
            let shift = BITS * ring;
            let position = self.now >> shift;
            let filled = self.filled[ring as usize].rotate_right((position as u32 + 1) % LISTS as u32);
            (filled != 0).then(|| (position + 1 + u64::from(filled.trailing_zeros())) << shift)
        })
    }

    fn next_in_first_ring(&self) -> Option<u64> {
        let filled = self.filled[0].rotate_right((self.now as u32 + 1) % LISTS as u32);
        (filled != 0).then(|| self.now + 1 + u64::from(filled.trailing_zeros()))
    }

    /// Files everything in a list again, in inner rings or among what is due.
    fn empty(&mut self, links: &mut [Link], timers: &mut [Timer], list: usize) {
        // Only what lies there now, and it never comes back to the same list.
        for _ in 0..self.lists[list].len {
            let Some(place) = self.lists[list].first() else { break };
            self.remove(links, timers, place);
            self.file(links, timers, place);
        }
    }

    fn number(&self, second: u64) -> u16 {
        if second <= self.now {
            return DUE;
        }
        let far = (self.now ^ second).checked_ilog2().unwrap_or(0) / BITS;
        let ring = far.min(RINGS as u32 - 1);
        // What is beyond the last ring lies in the list that comes last, and is filed again there.
        let farthest = self.now + (1 << (BITS * RINGS as u32)) - (1 << (BITS * (RINGS as u32 - 1)));
        let at = (second.min(farthest) >> (BITS * ring)) as usize % LISTS;
        (ring as usize * LISTS + at) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the expiries and steps: due is exactly what is expired, to the second.
        #[test]
        fn what_is_due_is_what_expired(
            seconds in proptest::collection::vec(prop_oneof![0u64..200, 0u64..20_000, 0u64..40_000_000], 1..30),
            steps in proptest::collection::vec(prop_oneof![1u64..3, 1u64..100, 1u64..300_000], 1..40),
            sooner in 0usize..30,
        ) {
            let mut wheel = Wheel::default();
            let mut links = vec![Link::default(); seconds.len()];
            let mut timers: Vec<Timer> =
                seconds.iter().map(|second| Timer { expires: second * 1000, list: 0 }).collect();
            for place in 0..timers.len() {
                wheel.file(&mut links, &mut timers, place as u32);
            }
            let mut now = 0;
            let mut left: Vec<u32> = (0..timers.len() as u32).collect();
            for (at, step) in steps.iter().enumerate() {
                now += step;
                prop_assert!(wheel.next().is_none_or(|next| left.iter().all(|p| timers[*p as usize].second() >= next)));
                wheel.advance(&mut links, &mut timers, now);
                while let Some(place) = wheel.due() {
                    wheel.remove(&mut links, &timers, place);
                    prop_assert!(timers[place as usize].second() <= now);
                    left.retain(|other| *other != place);
                }
                prop_assert!(left.iter().all(|place| timers[*place as usize].second() > now));
                // One is brought forward and must be filed anew exactly if it would be late.
                if let Some(place) = left.get(sooner % left.len().max(1)).copied().filter(|_| at % 3 == 0) {
                    timers[place as usize].expires = (now + 5) * 1000;
                    if wheel.is_late(timers[place as usize]) {
                        wheel.remove(&mut links, &timers, place);
                        wheel.file(&mut links, &mut timers, place);
                    }
                }
            }
        }
    }
}
