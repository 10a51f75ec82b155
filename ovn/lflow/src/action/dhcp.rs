//! DHCP: `put_dhcp_opts(...)`, `put_dhcpv6_opts(...)` and what a relay asks.

use super::Action;
use super::options::{self, NamedValue, OptionList, dhcp4};
use super::parse::{Operand, Parser};
use crate::error::{Error, ErrorKind};
use crate::lexer::{Format, Integer, Punct, Token};
use crate::symbols::FieldRef;
use std::fmt;
use std::net::Ipv4Addr;

/// Makes an answer of the packet, and sets the bit `result` to whether it is one now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOptions {
    pub result: FieldRef,
    /// What the answer is to say.
    pub options: Vec<NamedValue>,
}

impl PutOptions {
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        write!(f, "{} = {name}({});", self.result, OptionList(&self.options))
    }
}

/// Which way a packet goes through a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelayDirection {
    /// From a client to the server.
    Request,
    /// From the server to a client.
    Response,
}

impl RelayDirection {
    const fn name(self) -> &'static str {
        match self {
            Self::Request => "dhcp_relay_req_chk",
            Self::Response => "dhcp_relay_resp_chk",
        }
    }
}

/// Sets the bit `result` to whether the packet is DHCP that can be relayed, and makes it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpRelay {
    pub result: FieldRef,
    pub direction: RelayDirection,
    pub relay: Ipv4Addr,
    pub server: Ipv4Addr,
}

impl fmt::Display for DhcpRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}({}, {});", self.result, self.direction.name(), self.relay, self.server)
    }
}

/// At the word.
pub(super) fn parse_put4(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    let start = parser.cursor.span().start;
    parser.begin_function(result, Operand::Bits(1))?;
    let options = options::parse(parser, &options::DHCP4, |_| Ok(()))?;
    if options::find(&options, dhcp4::OFFER_IP).is_none() {
        return Err(Error::new(parser.cursor.since(start), ErrorKind::OfferIpRequired));
    }
    Ok(Action::PutDhcpOpts(PutOptions { result, options }))
}

/// At the word.
pub(super) fn parse_put6(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    parser.begin_function(result, Operand::Bits(1))?;
    let options = options::parse(parser, &options::DHCP6, |_| Ok(()))?;
    Ok(Action::PutDhcpv6Opts(PutOptions { result, options }))
}

/// At the word.
pub(super) fn parse_relay(
    parser: &mut Parser<'_>,
    direction: RelayDirection,
    result: FieldRef,
) -> Result<Action, Error> {
    parser.begin_function(result, Operand::Bits(1))?;
    let relay = parse_address(parser, "IPv4 dhcp relay and server ips")?;
    parser.cursor.accept(Punct::Comma)?;
    let server = parse_address(parser, "IPv4 dhcp server ip")?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::DhcpRelay(DhcpRelay { result, direction, relay, server }))
}

fn parse_address(parser: &mut Parser<'_>, expected: &str) -> Result<Ipv4Addr, Error> {
    let &Token::Integer(Integer { value, mask: None, format: Format::Ipv4, .. }) = parser.cursor.token()
    else {
        return Err(parser.cursor.expecting(expected));
    };
    parser.cursor.advance()?;
    Ok(Ipv4Addr::from_bits(value as u32))
}
