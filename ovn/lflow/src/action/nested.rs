//! Actions on another packet: `clone { ... };`, `arp { ... };` and their kin.

use super::Action;
use super::parse::{Parser, Scope};
use crate::error::Error;
use std::fmt;

/// Which packet replaces the one at hand, for the actions in the braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Replacement {
    /// An ARP request about `ip4.dst`.
    Arp,
    /// A neighbour advertisement in answer to a solicitation.
    NdNa,
    /// The same with the router flag.
    NdNaRouter,
}

impl Replacement {
    const ALL: &[Self] = &[Self::Arp, Self::NdNa, Self::NdNaRouter];

    /// The name of the action.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::NdNa => "nd_na",
            Self::NdNaRouter => "nd_na_router",
        }
    }

    /// The one with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// What the packet at hand must be.
    const fn prereqs(self) -> &'static str {
        match self {
            Self::Arp => "ip4",
            Self::NdNa | Self::NdNaRouter => "nd_ns",
        }
    }
}

impl fmt::Display for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// After the word. The copy is the same packet, so what the actions on it imply must be true of both.
pub(super) fn parse_clone(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let (actions, prereqs) = parser.braces(Scope::Packet)?;
    parser.imply_all(prereqs);
    Ok(Action::Clone(actions))
}

/// After the word. What the actions imply is about the new packet, which is what it is.
pub(super) fn parse_replace(parser: &mut Parser<'_>, kind: Replacement) -> Result<Action, Error> {
    let (actions, _) = parser.braces(Scope::Packet)?;
    parser.imply(kind.prereqs());
    Ok(Action::Replace(kind, actions))
}
