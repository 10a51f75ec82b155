//! `ip.ttl--;`: one hop less.

use super::Action;
use super::parse::Parser;
use crate::error::Error;
use crate::lexer::Punct;

/// After `ip.ttl`.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::Decrement)?;
    parser.imply("ip");
    Ok(Action::DecrementTtl)
}
