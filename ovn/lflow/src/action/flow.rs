//! `next;`: on to another table.

use super::Action;
use super::parse::{Context, Parser};
use crate::error::{Error, ErrorKind};
use crate::lexer::Punct;
use crate::pipeline::Pipeline;
use std::fmt;

/// Where the packet goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    pub pipeline: Pipeline,
    pub table: u8,
    /// Where the action stands.
    pub from: Context,
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pipeline != self.from.pipeline {
            write!(f, "next(pipeline={}, table={});", self.pipeline, self.table)
        } else if u16::from(self.table) != u16::from(self.from.table) + 1 {
            write!(f, "next({});", self.table)
        } else {
            f.write_str("next;")
        }
    }
}

/// After the word.
pub(super) fn parse_next(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let from = parser.context;
    let mut pipeline = from.pipeline;
    let mut table = u32::from(from.table) + 1;
    let start = parser.cursor.span().start;
    if parser.cursor.accept(Punct::LParen)? {
        match parser.cursor.accept_int()? {
            Some(n) => table = n,
            None => loop {
                if parser.cursor.accept_id("pipeline")? {
                    parser.cursor.expect(Punct::Equals)?;
                    pipeline = if parser.cursor.accept_id("ingress")? {
                        Pipeline::Ingress
                    } else if parser.cursor.accept_id("egress")? {
                        Pipeline::Egress
                    } else {
                        return Err(parser.cursor.expecting("\"ingress\" or \"egress\""));
                    };
                } else if parser.cursor.accept_id("table")? {
                    parser.cursor.expect(Punct::Equals)?;
                    table = parser.cursor.expect_int()?;
                } else {
                    return Err(parser.cursor.expecting("\"pipeline\" or \"table\""));
                }
                if !parser.cursor.accept(Punct::Comma)? {
                    break;
                }
            },
        }
        parser.cursor.expect(Punct::RParen)?;
    }
    match u8::try_from(table).ok().filter(|&table| table < pipeline.tables()) {
        Some(table) => Ok(Action::Next(Next { pipeline, table, from })),
        None => {
            let kind = ErrorKind::NextBeyond { last: pipeline.tables() - 1 };
            Err(Error::new(parser.cursor.since(start), kind))
        }
    }
}
