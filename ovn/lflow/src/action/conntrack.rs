//! Connection tracking: `ct_next;`, `ct_commit { ... };`, `ct_lb_mark;`.

use super::parse::{Parser, Scope};
use super::{Action, List};
use crate::error::{Error, ErrorKind};
use crate::lexer::Punct;
use std::fmt;

/// The zones of a router, named by what they are for. A switch port has one zone for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    Dnat,
    Snat,
}

impl Zone {
    const fn name(self) -> &'static str {
        match self {
            Self::Dnat => "dnat",
            Self::Snat => "snat",
        }
    }
}

/// Tracks the packet and goes on in the next table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtNext {
    /// The zone; `None` is the default one: of the port on a switch, for DNAT on a router.
    pub zone: Option<Zone>,
    /// The table where the packet goes on, in the same pipeline.
    pub table: u8,
}

impl fmt::Display for CtNext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.zone {
            None => f.write_str("ct_next;"),
            Some(zone) => write!(f, "ct_next({});", zone.name()),
        }
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

/// The table after the current one, for an action that goes on there by itself.
fn next_table(parser: &Parser<'_>, action: &'static str) -> Result<u8, Error> {
    let table = parser.context.table + 1;
    if table < parser.context.pipeline.tables() {
        Ok(table)
    } else {
        Err(parser.cursor.error(ErrorKind::NotInLastTable { action }))
    }
}

/// After the word.
pub(super) fn parse_next(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let table = next_table(parser, "ct_next")?;
    parser.imply("ip");
    let mut zone = None;
    if parser.cursor.accept(Punct::LParen)? {
        zone = if parser.cursor.accept_id("dnat")? {
            Some(Zone::Dnat)
        } else if parser.cursor.accept_id("snat")? {
            Some(Zone::Snat)
        } else {
            return Err(parser.cursor.expecting("parameter 'dnat' or 'snat'"));
        };
        parser.cursor.expect(Punct::RParen)?;
    }
    Ok(Action::CtNext(CtNext { zone, table }))
}

/// After the word.
pub(super) fn parse_commit(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let mut actions = Vec::new();
    if parser.cursor.is(Punct::LCurly) {
        let start = parser.cursor.clone();
        let (inner, prereqs) = parser.braces(Scope::Connection)?;
        if inner.iter().any(|action| matches!(action, Action::Exchange(_))) {
            return Err(start.error(ErrorKind::NotImplemented { action: "exchange in ct_commit".to_owned() }));
        }
        parser.imply_all(prereqs);
        actions = inner;
    }
    parser.imply("ip");
    Ok(Action::CtCommit(CtCommit { actions }))
}

/// After the word. With backends it is another action, which is not there yet.
pub(super) fn parse_lb_mark(parser: &mut Parser<'_>) -> Result<Action, Error> {
    next_table(parser, "ct_lb_mark")?;
    if parser.cursor.accept(Punct::LParen)? && !parser.cursor.accept(Punct::RParen)? {
        let action = "ct_lb_mark with backends".to_owned();
        return Err(parser.cursor.error(ErrorKind::NotImplemented { action }));
    }
    parser.imply("ip");
    Ok(Action::CtLbMark)
}
