//! `set_meter(rate);`: what is too much is dropped.

use super::Action;
use super::parse::Parser;
use crate::error::{Error, ErrorKind};
use crate::lexer::{Format, Integer, Punct, Token};
use std::fmt;

/// Drops the packet if its flow has more than its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetMeter {
    /// Kilobits per second, not zero.
    pub rate: u64,
    /// Kilobits that may come at once; zero for the switch to choose.
    pub burst: u64,
}

impl fmt::Display for SetMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.burst {
            0 => write!(f, "set_meter({});", self.rate),
            burst => write!(f, "set_meter({}, {burst});", self.rate),
        }
    }
}

/// After the word.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let span = parser.cursor.span();
    let rate = parse_number(parser)?;
    let burst = if parser.cursor.accept(Punct::Comma)? { parse_number(parser)? } else { 0 };
    parser.cursor.expect(Punct::RParen)?;
    if rate == 0 {
        return Err(Error::new(span, ErrorKind::MeterRate { rate }));
    }
    Ok(Action::SetMeter(SetMeter { rate, burst }))
}

fn parse_number(parser: &mut Parser<'_>) -> Result<u64, Error> {
    let &Token::Integer(Integer { value, mask: None, format: Format::Decimal, .. }) = parser.cursor.token()
    else {
        return Err(parser.cursor.expecting("integer"));
    };
    let number = u64::try_from(value).map_err(|_| parser.cursor.expecting("integer"))?;
    parser.cursor.advance()?;
    Ok(number)
}
