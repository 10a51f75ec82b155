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

/// Sets `port` to where `mac` is, to no port if that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetFdb {
    pub port: FieldRef,
    pub mac: FieldRef,
}

impl fmt::Display for GetFdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = get_fdb({});", self.port, self.mac)
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

/// `(port, mac)`.
fn port_and_mac(parser: &mut Parser<'_>) -> Result<(FieldRef, FieldRef), Error> {
    parser.cursor.expect(Punct::LParen)?;
    let port = parser.operand(Operand::String, Access::Read)?;
    parser.cursor.expect(Punct::Comma)?;
    let mac = parser.operand(Operand::Bits(48), Access::Read)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok((port, mac))
}

/// After the word.
pub(super) fn parse_put(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let (port, mac) = port_and_mac(parser)?;
    Ok(Action::PutFdb(PutFdb { port, mac }))
}

/// At the word.
pub(super) fn parse_get(parser: &mut Parser<'_>, port: FieldRef) -> Result<Action, Error> {
    let start = parser.cursor.span().start;
    parser.cursor.advance()?;
    parser.cursor.expect(Punct::LParen)?;
    let mac = parser.operand(Operand::Bits(48), Access::Read)?;
    parser.cursor.expect(Punct::RParen)?;
    parser
        .check(port, Operand::String, Access::Write)
        .map_err(|kind| Error::new(parser.cursor.since(start), kind))?;
    Ok(Action::GetFdb(GetFdb { port, mac }))
}

/// At the word.
pub(super) fn parse_lookup(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    let start = parser.cursor.span().start;
    parser.cursor.advance()?;
    let (port, mac) = port_and_mac(parser)?;
    parser
        .check(result, Operand::Bits(1), Access::Write)
        .map_err(|kind| Error::new(parser.cursor.since(start), kind))?;
    parser.imply_field(&result);
    Ok(Action::LookupFdb(LookupFdb { result, port, mac }))
}
