//! `bit = check_pkt_larger(n);`

use super::Action;
use super::parse::{Operand, Parser};
use crate::error::{Error, ErrorKind};
use crate::lexer::Punct;
use crate::symbols::FieldRef;
use std::fmt;

/// Sets the bit `result` to whether the packet is longer than `octets`, its Ethernet header included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckPktLarger {
    pub result: FieldRef,
    pub octets: u16,
}

impl fmt::Display for CheckPktLarger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = check_pkt_larger({});", self.result, self.octets)
    }
}

/// At the word.
pub(super) fn parse(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    parser.begin_function(result, Operand::Bits(1))?;
    let span = parser.cursor.span();
    let octets = parser.cursor.expect_int()?;
    let octets = u16::try_from(octets).map_err(|_| Error::new(span, ErrorKind::PacketSize { octets }))?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::CheckPktLarger(CheckPktLarger { result, octets }))
}
