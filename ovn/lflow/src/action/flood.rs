//! Copies to elsewhere: `mirror("port");` and `flood_remote;`.

use super::Action;
use super::parse::Parser;
use crate::error::Error;
use crate::lexer::Punct;
use std::sync::Arc;

/// `mirror("port")`, after the word: a copy goes to that port.
pub(super) fn parse_mirror(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let port: Arc<str> = parser.port_name()?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::Mirror(port))
}
