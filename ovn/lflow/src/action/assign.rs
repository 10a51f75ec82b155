//! Assignment: `field = constant;`, `field = field;`, `field <-> field;`, and what else begins with `field =`.

use super::Action;
use super::parse::{Access, Operand, Parser};
use crate::error::{Error, ErrorKind, ValueKind};
use crate::lexer::{self, Integer, Punct, Token};
use crate::symbols::{Body, FieldRef, OvnField};
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A value in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constant {
    /// Bits that the field does not have are of no account.
    Integer(Integer),
    /// The name of a port or multicast group; empty for none.
    String(Arc<str>),
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::String(name) => lexer::write_quoted(f, name),
        }
    }
}

/// Sets a field, or the bits of it in the constant's mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    pub field: FieldRef,
    pub value: Constant,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {};", self.field, self.value)
    }
}

/// Sets a field that no field of OpenFlow carries, in a packet that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadOvnField {
    pub field: OvnField,
    /// As many bits as the field has.
    pub value: u32,
}

impl fmt::Display for LoadOvnField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.field.name())?;
        match self.field {
            OvnField::Icmp4FragMtu | OvnField::Icmp6FragMtu => write!(f, "{};", self.value),
            OvnField::Icmp4InnerIp4Src => write!(f, "{};", Ipv4Addr::from_bits(self.value)),
        }
    }
}

/// Copies a field to another one of the same kind and width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub to: FieldRef,
    pub from: FieldRef,
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {};", self.to, self.from)
    }
}

/// Exchanges two fields of the same kind and width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub left: FieldRef,
    pub right: FieldRef,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <-> {};", self.left, self.right)
    }
}

/// Parses an action that begins with a field.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let start = parser.cursor.span().start;
    let field = parser.cursor.expect_field()?;
    if parser.cursor.accept(Punct::Exchange)? {
        return parse_exchange(parser, field, start);
    }
    if !parser.cursor.accept(Punct::Equals)? {
        return Err(parser.cursor.expecting("`=' or `<->'"));
    }
    if let Token::Id(_) = parser.cursor.token() {
        if parser.cursor.peek() == Some(Punct::LParen)
            && let Some(action) = parser.function(field)?
        {
            return Ok(action);
        }
        return parse_move(parser, field, start);
    }
    parse_load(parser, field, start)
}

fn parse_load(parser: &mut Parser<'_>, field: FieldRef, start: usize) -> Result<Action, Error> {
    let value = match parser.cursor.token() {
        Token::Integer(integer) => Constant::Integer(*integer),
        Token::String(name) => Constant::String((&**name).into()),
        Token::AddressSet(_) => return Err(parser.cursor.expecting("address set name")),
        Token::PortGroup(_) => return Err(parser.cursor.expecting("port group name")),
        Token::End | Token::Id(_) | Token::Template(_) | Token::Punct(_) => {
            return Err(parser.cursor.expecting("constant"));
        }
    };
    parser.cursor.advance()?;
    let error = |kind| Error::new(parser.cursor.since(start), kind);
    parser.check(field, Operand::Constant, Access::Write).map_err(error)?;
    let kind = kind_of(&field);
    let (constant, bits) = match &value {
        Constant::Integer(integer) => (ValueKind::Integer, integer.bits),
        Constant::String(_) => (ValueKind::String, 0),
    };
    let name = || field.symbol.name.to_owned();
    if constant != kind {
        return Err(error(ErrorKind::KindMismatch { kind, field: name(), constant }));
    }
    let field_bits = field.symbol.bits();
    if bits > field_bits {
        return Err(error(ErrorKind::ConstantTooWide { constant_bits: bits, field_bits, field: name() }));
    }
    parser.imply_field(&field);
    Ok(match (&field.symbol.body, &value) {
        (&Body::Ovn(field), Constant::Integer(integer)) => {
            Action::LoadOvnField(LoadOvnField { field, value: integer.value as u32 })
        }
        _ => Action::Load(Load { field, value }),
    })
}

fn parse_move(parser: &mut Parser<'_>, to: FieldRef, start: usize) -> Result<Action, Error> {
    let from = parser.cursor.expect_field()?;
    let error = |kind| Error::new(parser.cursor.since(start), kind);
    parser.check(to, Operand::Any, Access::Write).map_err(error)?;
    parser.check(from, Operand::Any, Access::Read).map_err(error)?;
    check_kinds("assign", from, "to", to).map_err(error)?;
    if from.bits != to.bits {
        return Err(error(ErrorKind::AssignWidths { from_bits: from.bits, to_bits: to.bits }));
    }
    parser.imply_field(&to);
    parser.imply_field(&from);
    Ok(Action::Move(Move { to, from }))
}

fn parse_exchange(parser: &mut Parser<'_>, left: FieldRef, start: usize) -> Result<Action, Error> {
    let right = parser.cursor.expect_field()?;
    let error = |kind| Error::new(parser.cursor.since(start), kind);
    check_kinds("exchange", left, "with", right).map_err(error)?;
    if left.bits != right.bits {
        return Err(error(ErrorKind::ExchangeWidths { from_bits: left.bits, to_bits: right.bits }));
    }
    parser.check(left, Operand::Any, Access::Write).map_err(error)?;
    parser.check(right, Operand::Any, Access::Write).map_err(error)?;
    parser.imply_field(&left);
    parser.imply_field(&right);
    Ok(Action::Exchange(Exchange { left, right }))
}

fn check_kinds(
    verb: &'static str,
    from: FieldRef,
    with: &'static str,
    to: FieldRef,
) -> Result<(), ErrorKind> {
    let (from_kind, to_kind) = (kind_of(&from), kind_of(&to));
    if from_kind == to_kind {
        return Ok(());
    }
    let (from, to) = (from.symbol.name.to_owned(), to.symbol.name.to_owned());
    Err(ErrorKind::AssignKinds { verb, from_kind, from, with, to_kind, to })
}

fn kind_of(field: &FieldRef) -> ValueKind {
    if field.symbol.is_string() { ValueKind::String } else { ValueKind::Integer }
}
