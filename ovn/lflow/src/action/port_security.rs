//! `bit = check_in_port_sec();` and `bit = check_out_port_sec();`
//!
//! The addresses that are allowed are those of the port's `Port_Binding.port_security`.

use super::Action;
use super::parse::{Access, Operand, Parser};
use crate::error::{Error, ErrorKind};
use crate::lexer::Punct;
use crate::symbols::FieldRef;

/// At the word.
pub(super) fn parse(
    parser: &mut Parser<'_>,
    name: &str,
    result: FieldRef,
    action: fn(FieldRef) -> Action,
) -> Result<Action, Error> {
    let start = parser.cursor.span().start;
    parser.cursor.advance()?;
    parser.cursor.expect(Punct::LParen)?;
    if !parser.cursor.accept(Punct::RParen)? {
        return Err(parser.cursor.error(ErrorKind::NoParameters { action: name.to_owned() }));
    }
    parser
        .check(result, Operand::Bits(1), Access::Write)
        .map_err(|kind| Error::new(parser.cursor.since(start), kind))?;
    parser.imply_field(&result);
    Ok(action(result))
}
