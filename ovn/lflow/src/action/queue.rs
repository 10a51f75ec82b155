//! `set_queue(n);`: the queue that the packet leaves its chassis by, 0 for none.

use super::Action;
use super::parse::Parser;
use crate::error::{Error, ErrorKind};
use crate::lexer::Punct;

/// The highest queue number.
pub const QUEUE_MAX: u32 = 61440;

/// After the word.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let span = parser.cursor.span();
    let id = parser.cursor.expect_int()?;
    parser.cursor.expect(Punct::RParen)?;
    if id > QUEUE_MAX {
        return Err(Error::new(span, ErrorKind::QueueOutOfRange { id, max: QUEUE_MAX }));
    }
    Ok(Action::SetQueue(id))
}
