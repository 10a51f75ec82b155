//! `commit_ecmp_nh(...);`: replies go back by the next hop that a connection came by.

use super::Action;
use super::load_balance::{Transport, expect_keyword};
use super::parse::Parser;
use crate::error::Error;
use crate::lexer::Punct;
use std::fmt;

/// Remembers for a while by which next hop the packet's connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitEcmpNh {
    pub ipv6: bool,
    pub protocol: Transport,
}

impl fmt::Display for CommitEcmpNh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit_ecmp_nh(ipv6 = {}, proto = {});", self.ipv6, self.protocol.name())
    }
}

/// After the word.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    expect_keyword(parser, "ipv6")?;
    let ipv6 = parser.boolean()?;
    parser.cursor.expect(Punct::Comma)?;
    let protocol = Transport::parse(parser)?;
    parser.cursor.expect(Punct::RParen)?;
    // The switch refuses to learn from fields that a packet may not have.
    parser.imply(if ipv6 { "ip6" } else { "ip4" });
    parser.imply(protocol.name());
    Ok(Action::CommitEcmpNh(CommitEcmpNh { ipv6, protocol }))
}
