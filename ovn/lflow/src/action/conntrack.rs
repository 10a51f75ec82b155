//! Connection tracking: `ct_next;`, `ct_commit { ... };`, `ct_commit_nat;` and what asks the tracker.

use super::parse::{Operand, Parser, Scope};
use super::{Action, List};
use crate::error::{Error, ErrorKind};
use crate::lexer::Punct;
use crate::symbols::FieldRef;
use std::fmt;

/// The zones of a router, named by what they are for. A switch port has one zone for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    Dnat,
    Snat,
}

impl Zone {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dnat => "dnat",
            Self::Snat => "snat",
        }
    }
}

/// Tracks the packet, perhaps commits its connection, and goes on in the next table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtNext {
    /// The zone; `None` is the default one: of the port on a switch, for DNAT on a router.
    pub zone: Option<Zone>,
    /// The table where the packet goes on, in the same pipeline.
    pub table: u8,
}

impl CtNext {
    fn write(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        match self.zone {
            None => write!(f, "{name};"),
            Some(zone) => write!(f, "{name}({});", zone.name()),
        }
    }
}

/// Which of the actions that track and go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tracking {
    /// `ct_next;`
    Track,
    /// `ct_commit_nat;`: commit, with the address translation that the connection has.
    CommitNat,
    /// `ct_commit_to_zone(zone);`: commit as it is.
    CommitToZone,
}

impl Tracking {
    /// The name of the action.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "ct_next",
            Self::CommitNat => "ct_commit_nat",
            Self::CommitToZone => "ct_commit_to_zone",
        }
    }

    pub(super) fn write(self, f: &mut fmt::Formatter<'_>, next: &CtNext) -> fmt::Result {
        next.write(f, self.name())
    }
}

/// Commits the connection; processing goes on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CtCommit {
    /// Assignments to `ct_mark` and `ct_label` and to parts of them: [`Action::Load`] and [`Action::Move`].
    pub actions: Vec<Action>,
}

impl fmt::Display for CtCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.actions[..] {
            [] => f.write_str("ct_commit;"),
            actions => write!(f, "ct_commit {{ {} }};", List(actions)),
        }
    }
}

/// What the tracker knows of the packet that began the packet's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CtOriginal {
    /// Its IPv4 destination.
    Ipv4Destination,
    /// Its IPv6 destination.
    Ipv6Destination,
    /// Its destination port.
    DestinationPort,
    /// Its IP protocol.
    Protocol,
}

impl CtOriginal {
    const ALL: &[Self] =
        &[Self::Ipv4Destination, Self::Ipv6Destination, Self::DestinationPort, Self::Protocol];

    /// The name of the action.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4Destination => "ct_nw_dst",
            Self::Ipv6Destination => "ct_ip6_dst",
            Self::DestinationPort => "ct_tp_dst",
            Self::Protocol => "ct_proto",
        }
    }

    /// The one with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|what| what.name() == name)
    }

    /// The width of the answer.
    pub const fn bits(self) -> u16 {
        match self {
            Self::Ipv4Destination => 32,
            Self::Ipv6Destination => 128,
            Self::DestinationPort => 16,
            Self::Protocol => 8,
        }
    }
}

/// After the word.
pub(super) fn parse_next(parser: &mut Parser<'_>, tracking: Tracking) -> Result<Action, Error> {
    let table = parser.next_table(tracking.name())?;
    parser.imply("ip");
    let mut zone = None;
    match tracking {
        Tracking::Track | Tracking::CommitNat => {
            if parser.cursor.accept(Punct::LParen)? {
                zone = Some(parse_zone(parser, tracking.name())?);
            }
        }
        Tracking::CommitToZone => {
            parser.cursor.expect(Punct::LParen)?;
            zone = Some(parse_zone(parser, tracking.name())?);
        }
    }
    Ok(Action::CtNext(tracking, CtNext { zone, table }))
}

/// After the `(`.
fn parse_zone(parser: &mut Parser<'_>, action: &'static str) -> Result<Zone, Error> {
    let zone = if parser.cursor.accept_id("dnat")? {
        Zone::Dnat
    } else if parser.cursor.accept_id("snat")? {
        Zone::Snat
    } else {
        return Err(parser.cursor.error(ErrorKind::ZoneExpected { action }));
    };
    parser.cursor.expect(Punct::RParen)?;
    Ok(zone)
}

/// After the word.
pub(super) fn parse_commit(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let mut actions = Vec::new();
    if parser.cursor.is(Punct::LCurly) {
        let start = parser.cursor.clone();
        let (inner, prereqs) = parser.braces(Scope::Connection)?;
        if inner.iter().any(|action| matches!(action, Action::Exchange(_))) {
            return Err(start.error(ErrorKind::ExchangeInCommit));
        }
        parser.imply_all(prereqs);
        actions = inner;
    }
    parser.imply("ip");
    Ok(Action::CtCommit(CtCommit { actions }))
}

/// At the word.
pub(super) fn parse_original(
    parser: &mut Parser<'_>,
    what: CtOriginal,
    result: FieldRef,
) -> Result<Action, Error> {
    parser.without_parameters(what.name(), result, Operand::Bits(what.bits()))?;
    Ok(Action::CtOriginal(what, result))
}

/// `result = ct_state_save();`, at the word.
pub(super) fn parse_state_save(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    parser.without_parameters("ct_state_save", result, Operand::Bits(8))?;
    Ok(Action::CtStateSave(result))
}
