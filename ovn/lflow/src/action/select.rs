//! `field = select(...);` and `fwd_group(...);`: one of several, by a hash of the packet.

use super::Action;
use super::parse::{Access, Operand, Parser};
use crate::error::{Error, ErrorKind};
use crate::lexer::{self, Punct, Token};
use crate::symbols::FieldRef;
use std::fmt;
use std::sync::Arc;

/// The weight of a value that has none of its own.
pub const DEFAULT_WEIGHT: u16 = 100;

/// The narrowest field that can hold what is chosen.
const RESULT_BITS_MIN: u16 = 16;

/// Sets `result` to one of some values and goes on in the next table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    pub result: FieldRef,
    /// Two or more, each with its weight, which is not zero.
    pub values: Vec<(u16, u16)>,
    /// The fields by which the choice is made, as OpenFlow names them with commas between.
    pub hash_fields: Option<Arc<str>>,
    /// The table where the packet goes on, in the same pipeline.
    pub table: u8,
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = select(", self.result)?;
        if self.hash_fields.is_some() {
            f.write_str("values=(")?;
        }
        for (i, (value, weight)) in self.values.iter().enumerate() {
            write!(f, "{}{value}={weight}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str(")")?;
        if let Some(fields) = &self.hash_fields {
            f.write_str("; hash_fields=")?;
            lexer::write_quoted(f, fields)?;
            f.write_str(")")?;
        }
        f.write_str(";")
    }
}

/// Sends the packet out of one of some ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardGroup {
    /// Whether ports on chassis that cannot be reached are left out.
    pub liveness: bool,
    pub child_ports: Vec<Arc<str>>,
}

impl fmt::Display for ForwardGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fwd_group(")?;
        if self.liveness {
            f.write_str("liveness=\"true\", ")?;
        }
        for (i, port) in self.child_ports.iter().enumerate() {
            f.write_str(if i == 0 { "childports=" } else { ", " })?;
            lexer::write_quoted(f, port)?;
        }
        f.write_str(");")
    }
}

/// At the word.
pub(super) fn parse_select(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    let span = parser.cursor.span();
    parser.check(result, Operand::Any, Access::Write).map_err(|kind| Error::new(span.clone(), kind))?;
    if result.bits < RESULT_BITS_MIN {
        let kind = ErrorKind::SelectTooNarrow {
            bits: result.bits,
            field: result.symbol.name.to_owned(),
            low: result.low,
            high: (result.low + result.bits).saturating_sub(1),
        };
        return Err(Error::new(span, kind));
    }
    let table = parser.next_table("select")?;
    parser.begin_function(result, Operand::Any)?;
    let with_fields = parser.cursor.accept_id("values")?;
    if with_fields {
        parser.cursor.expect(Punct::Equals)?;
        parser.cursor.expect(Punct::LParen)?;
    }
    let mut values = Vec::new();
    while !parser.cursor.accept(Punct::RParen)? {
        values.push(parse_value(parser)?);
        parser.cursor.accept(Punct::Comma)?;
    }
    if values.len() < 2 {
        return Err(parser.cursor.expecting("at least 2 group members"));
    }
    let hash_fields = if with_fields { Some(parse_hash_fields(parser)?) } else { None };
    Ok(Action::Select(Select { result, values, hash_fields, table }))
}

/// `value` or `value=weight`.
fn parse_value(parser: &mut Parser<'_>) -> Result<(u16, u16), Error> {
    let value = parser.u16_parameter("id")?;
    let mut weight = DEFAULT_WEIGHT;
    if parser.cursor.accept(Punct::Equals)? {
        let start = parser.cursor.clone();
        weight = parser.u16_parameter("weight")?;
        if weight == 0 {
            return Err(start.syntax("weight can't be 0"));
        }
    }
    Ok((value, weight))
}

/// `; hash_fields="...")`
fn parse_hash_fields(parser: &mut Parser<'_>) -> Result<Arc<str>, Error> {
    parser.cursor.expect(Punct::Semicolon)?;
    if !parser.cursor.accept_id("hash_fields")? {
        return Err(parser.cursor.expecting("hash_fields"));
    }
    if !parser.cursor.accept(Punct::Equals)? || !matches!(parser.cursor.token(), Token::String(_)) {
        return Err(parser.cursor.syntax("invalid hash_fields"));
    }
    let fields = parser.cursor.expect_string()?.into();
    parser.cursor.expect(Punct::RParen)?;
    Ok(fields)
}

/// `fwd_group(...)`, after the word.
pub(super) fn parse_forward_group(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let mut group = ForwardGroup { liveness: false, child_ports: Vec::new() };
    if !parser.cursor.accept(Punct::LParen)? {
        return Ok(Action::ForwardGroup(group));
    }
    if parser.cursor.accept_id("liveness")? {
        parser.cursor.expect(Punct::Equals)?;
        group.liveness = parser.boolean()?;
        parser.cursor.expect(Punct::Comma)?;
    }
    if parser.cursor.accept_id("childports")? {
        parser.cursor.expect(Punct::Equals)?;
        while !parser.cursor.is(Punct::RParen) {
            let Token::String(_) = parser.cursor.token() else {
                return Err(parser.cursor.expecting("logical switch port"));
            };
            group.child_ports.push(parser.cursor.expect_string()?.into());
            parser.cursor.accept(Punct::Comma)?;
        }
    }
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::ForwardGroup(group))
}
