//! Actions that hand the packet to the controller and are done with it.

use super::Action;
use super::parse::{Access, Operand, Parser};
use crate::error::Error;
use crate::lexer::Punct;

/// `handle_svc_check(port);`: a service answered a health check. After the word.
pub(super) fn parse_handle_svc_check(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let port = parser.operand(Operand::String, Access::Read)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::HandleSvcCheck(port))
}
