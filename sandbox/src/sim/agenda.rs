//! Who wants to be called when: deadlines by who has them, and in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Deadlines, at most one each. Bounded by how many there are to have one.
#[derive(Debug)]
pub(super) struct Agenda<P> {
    of: BTreeMap<P, Instant>,
    order: BTreeSet<(Instant, P)>,
}

impl<P> Default for Agenda<P> {
    fn default() -> Self {
        Self { of: BTreeMap::new(), order: BTreeSet::new() }
    }
}

impl<P: Copy + Ord> Agenda<P> {
    /// From now on this is when `who` wants to be called.
    pub(super) fn set(&mut self, who: P, at: Option<Instant>) {
        if let Some(before) = self.of.remove(&who) {
            self.order.remove(&(before, who));
        }
        if let Some(at) = at {
            self.of.insert(who, at);
            self.order.insert((at, who));
        }
    }

    /// When the first one wants to be called, and who that is.
    pub(super) fn first(&self) -> Option<(Instant, P)> {
        self.order.first().copied()
    }
}
