//! Actions that hand the packet to the controller and are done with it.

use super::Action;
use super::load_balance::endpoint;
use super::options::{self, NamedValue, OptionList, empty_lb};
use super::parse::{Access, Operand, Parser};
use crate::error::{Error, ErrorKind};
use crate::lexer::{Punct, Token};
use crate::symbols::FieldRef;
use std::fmt;
use std::sync::Arc;

/// A virtual address was seen behind a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindVport {
    /// The virtual port.
    pub vport: Arc<str>,
    /// The port that it is behind now.
    pub parent: FieldRef,
}

impl fmt::Display for BindVport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bind_vport(")?;
        crate::lexer::write_quoted(f, &self.vport)?;
        write!(f, ", {});", self.parent)
    }
}

/// Something that a cloud management system wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A connection to a load balancer that has no backends.
    EmptyLbBackends,
}

impl Event {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmptyLbBackends => "empty_lb_backends",
        }
    }
}

/// Writes an event down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerEvent {
    pub event: Event,
    pub options: Vec<NamedValue>,
}

impl fmt::Display for TriggerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trigger_event(event = \"{}\"", self.event.name())?;
        if !self.options.is_empty() {
            write!(f, ", {}", OptionList(&self.options))?;
        }
        f.write_str(");")
    }
}

/// `handle_svc_check(port);`: a service answered a health check. After the word.
pub(super) fn parse_handle_svc_check(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let port = parser.operand(Operand::String, Access::Read)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::HandleSvcCheck(port))
}

/// `handle_bfd_msg();`: after the word.
pub(super) fn parse_handle_bfd_msg(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::HandleBfdMsg)
}

/// `bind_vport("port", field);`: after the word.
pub(super) fn parse_bind_vport(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let vport = parser.port_name()?;
    parser.cursor.expect(Punct::Comma)?;
    let parent = parser.operand(Operand::String, Access::Read)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::BindVport(BindVport { vport, parent }))
}

/// `bit = dns_lookup();`: at the word. Answers a query by what the database knows of names.
pub(super) fn parse_dns_lookup(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    parser.without_parameters("dns_lookup", result, Operand::Bits(1))?;
    parser.imply("udp");
    Ok(Action::DnsLookup(result))
}

/// `trigger_event(event = "...", ...);`: after the word.
pub(super) fn parse_trigger_event(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    if !parser.cursor.accept_id("event")? {
        return Err(parser.cursor.syntax("Expecting 'event' option"));
    }
    parser.cursor.expect(Punct::Equals)?;
    let event = match parser.cursor.token() {
        Token::String(name) if name == Event::EmptyLbBackends.name() => Event::EmptyLbBackends,
        Token::String(_) => return Err(parser.cursor.syntax("Unknown event '-1'")),
        _ => return Err(parser.cursor.syntax("Expecting string")),
    };
    parser.cursor.advance()?;
    parser.cursor.accept(Punct::Comma)?;
    let options = match event {
        Event::EmptyLbBackends => options::parse(parser, &options::EMPTY_LB_BACKENDS, check_empty_lb)?,
    };
    Ok(Action::TriggerEvent(TriggerEvent { event, options }))
}

fn check_empty_lb(option: &NamedValue) -> Result<(), ErrorKind> {
    let Some(text) = option.text() else {
        return Err(ErrorKind::OptionValue { option: option.option.name });
    };
    let value = || text.to_owned();
    match option.option.code {
        empty_lb::VIP if endpoint(text).is_none() => Err(ErrorKind::LbVip { value: value() }),
        empty_lb::PROTOCOL if !matches!(text, "tcp" | "udp" | "sctp") => {
            Err(ErrorKind::LbProtocol { value: value() })
        }
        empty_lb::LOAD_BALANCER if !is_uuid(text) => Err(ErrorKind::LbUuid { value: value() }),
        _ => Ok(()),
    }
}

fn is_uuid(text: &str) -> bool {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == GROUPS.len()
        && groups
            .iter()
            .zip(GROUPS)
            .all(|(group, length)| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit()))
}
