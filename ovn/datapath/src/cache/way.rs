//! The ways of packets known exactly: into which megaflow such a packet falls each time that a `ct` action sends it
//! through the tables again.
//!
//! Packets of one key have one key again as long as they fall into the same megaflows, whose programs set header fields
//! to constants, and as long as the tracker finds the same of them and, where it translates them, does so by the same
//! connection. So what the tracker found and did tells the next megaflow: no key is extracted, hashed and compared. What
//! is not so steady ([`crate::program::Op::is_steady`], fragments, packets whose text a helper changed) is looked up
//! as if there were no ways.

use super::MegaflowId;
use crate::conntrack::{ConnKey, Rewriter, Tracked};
use crate::limits::WAY_LEN_MAX;

/// What tells one pass through the tables from another of a packet that came there by the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Of the state that the packet brings along; see [`crate::recirc`].
    number: u64,
    state: u8,
    zone: u16,
    mark: u32,
    label: u128,
    original: Option<ConnKey>,
    /// Whose addresses and ports it got since the pass before.
    rewriter: Option<Rewriter>,
}

impl Turn {
    pub(crate) fn new(number: u64, tracked: &Tracked, rewriter: Option<Rewriter>) -> Self {
        let Tracked { state, zone, mark, label, original, .. } = *tracked;
        Self { number, state, zone, mark, label, original, rewriter }
    }
}

/// The passes of one packet after its first, in their order.
#[derive(Debug, Default)]
pub(super) struct Way(Vec<(Turn, MegaflowId)>);

impl Way {
    pub(super) fn get(&self, at: usize, turn: &Turn) -> Option<MegaflowId> {
        self.0.get(at).filter(|(known, _)| known == turn).map(|(_, megaflow)| *megaflow)
    }

    /// Notes what came of a pass; what is known of later ones came of another way. False beyond the bound.
    pub(super) fn note(&mut self, at: usize, turn: Turn, megaflow: MegaflowId) -> bool {
        self.0.truncate(at);
        let fits = at < WAY_LEN_MAX && self.0.len() == at;
        if fits {
            self.0.push((turn, megaflow));
        }
        fits
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
