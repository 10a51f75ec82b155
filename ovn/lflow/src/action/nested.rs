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
    /// A neighbour solicitation about `ip6.dst`.
    NdNs,
    /// A neighbour advertisement in answer to a solicitation.
    NdNa,
    /// The same with the router flag.
    NdNaRouter,
    /// An ICMPv4 "destination unreachable" that goes where the packet was to go.
    Icmp4,
    /// The same with all of the packet that fits, so that its MTU and the addresses in the quoted packet can be set.
    Icmp4Error,
    /// An ICMPv6 "destination unreachable" that goes where the packet was to go.
    Icmp6,
    /// The same with all of the packet that fits, so that its MTU can be set.
    Icmp6Error,
    /// A TCP reset.
    TcpReset,
    /// An SCTP abort.
    SctpAbort,
    /// To the packet's sender, whichever of these suits its protocol.
    Reject,
}

impl Replacement {
    const ALL: &[Self] = &[
        Self::Arp,
        Self::NdNs,
        Self::NdNa,
        Self::NdNaRouter,
        Self::Icmp4,
        Self::Icmp4Error,
        Self::Icmp6,
        Self::Icmp6Error,
        Self::TcpReset,
        Self::SctpAbort,
        Self::Reject,
    ];

    /// The name of the action.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::NdNs => "nd_ns",
            Self::NdNa => "nd_na",
            Self::NdNaRouter => "nd_na_router",
            Self::Icmp4 => "icmp4",
            Self::Icmp4Error => "icmp4_error",
            Self::Icmp6 => "icmp6",
            Self::Icmp6Error => "icmp6_error",
            Self::TcpReset => "tcp_reset",
            Self::SctpAbort => "sctp_abort",
            Self::Reject => "reject",
        }
    }

    /// The one with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// What the packet at hand must be; `None` for what the actions on the new one imply.
    const fn prereqs(self) -> Option<&'static str> {
        match self {
            // A next hop need not be of the packet's own family.
            Self::Arp | Self::NdNs => Some("ip"),
            Self::NdNa | Self::NdNaRouter => Some("nd_ns"),
            Self::Icmp4 | Self::Icmp4Error => Some("ip4"),
            Self::Icmp6 | Self::Icmp6Error => Some("ip6"),
            Self::TcpReset => Some("tcp"),
            Self::SctpAbort => Some("sctp"),
            Self::Reject => None,
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
    let (actions, inner_prereqs) = parser.braces(Scope::Packet)?;
    match kind.prereqs() {
        Some(prereqs) => parser.imply(prereqs),
        None => parser.imply_all(inner_prereqs),
    }
    Ok(Action::Replace(kind, actions))
}
