//! The forwarding database: which port a MAC address was seen at, on ports with unknown addresses.

use super::Action;
use super::parse::{Access, Operand, Parser};
use crate::error::Error;
use crate::lexer::Punct;
use crate::symbols::FieldRef;
use std::fmt;

/// Remembers that `mac` is at `port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutFdb {
    pub port: FieldRef,
    pub mac: FieldRef,
}

impl fmt::Display for PutFdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "put_fdb({}, {});", self.port, self.mac)
    }
}

/// Whose addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FdbScope {
    /// Those of the switch's own ports.
    Local,
    /// Those of the Ethernet VPN that the switch is part of.
    Remote,
}

impl FdbScope {
    const fn action(self) -> &'static str {
        match self {
            Self::Local => "get_fdb",
            Self::Remote => "get_remote_fdb",
        }
    }
}

/// Sets `port` to where `mac` is, to no port if that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetFdb {
    pub scope: FdbScope,
    /// A port, or 32 bits for its key.
    pub port: FieldRef,
    pub mac: FieldRef,
}

impl fmt::Display for GetFdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}({});", self.port, self.scope.action(), self.mac)
    }
}

/// Sets the bit `result` to whether it is known that `mac` is at `port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupFdb {
    pub result: FieldRef,
    pub port: FieldRef,
    pub mac: FieldRef,
}

impl fmt::Display for LookupFdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = lookup_fdb({}, {});", self.result, self.port, self.mac)
    }
}

/// `port, mac)`.
fn port_and_mac(parser: &mut Parser<'_>) -> Result<(FieldRef, FieldRef), Error> {
    let port = parser.operand(Operand::String, Access::Read)?;
    parser.cursor.expect(Punct::Comma)?;
    let mac = parser.operand(Operand::Bits(48), Access::Read)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok((port, mac))
}

/// After the word.
pub(super) fn parse_put(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let (port, mac) = port_and_mac(parser)?;
    Ok(Action::PutFdb(PutFdb { port, mac }))
}

/// At the word.
pub(super) fn parse_get(parser: &mut Parser<'_>, scope: FdbScope, port: FieldRef) -> Result<Action, Error> {
    parser.begin_function(port, if port.symbol.is_string() { Operand::String } else { Operand::Bits(32) })?;
    let mac = parser.operand(Operand::Bits(48), Access::Read)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::GetFdb(GetFdb { scope, port, mac }))
}

/// At the word.
pub(super) fn parse_lookup(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    parser.begin_function(result, Operand::Bits(1))?;
    let (port, mac) = port_and_mac(parser)?;
    Ok(Action::LookupFdb(LookupFdb { result, port, mac }))
}
