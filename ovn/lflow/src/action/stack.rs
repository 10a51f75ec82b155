//! `push(field);` and `pop(field);`: a stack that lives as long as the packet is in its pipeline.

use super::Action;
use super::parse::{Access, Operand, Parser};
use crate::error::Error;
use crate::lexer::Punct;
use crate::symbols::FieldRef;

/// After the word.
pub(super) fn parse(
    parser: &mut Parser<'_>,
    action: fn(FieldRef) -> Action,
    access: Access,
) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let field = parser.operand(Operand::Any, access)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(action(field))
}
