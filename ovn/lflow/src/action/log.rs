//! `log(name="...", verdict=..., severity=..., meter="...");`: a line in the controller's log.

use super::Action;
use super::parse::Parser;
use crate::error::Error;
use crate::lexer::{self, Punct, Token};
use std::fmt;
use std::sync::Arc;

/// What is done to the packet, to be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Allow,
    Drop,
    Reject,
    /// Neither allowed nor dropped: later rules decide.
    Pass,
}

impl Verdict {
    const ALL: &[Self] = &[Self::Allow, Self::Drop, Self::Reject, Self::Pass];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Drop => "drop",
            Self::Reject => "reject",
            Self::Pass => "pass",
        }
    }
}

/// How important it is, as in syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Alert,
    Warning,
    Notice,
    Info,
    Debug,
}

impl Severity {
    const ALL: &[Self] = &[Self::Alert, Self::Warning, Self::Notice, Self::Info, Self::Debug];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// A name may have this many octets, less one.
const NAME_MAX: usize = 64;

/// What is logged of the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The name of the ACL.
    pub name: Option<Arc<str>>,
    pub verdict: Verdict,
    pub severity: Severity,
    /// The name of the meter that limits the rate.
    pub meter: Option<Arc<str>>,
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("log(")?;
        if let Some(name) = &self.name {
            f.write_str("name=")?;
            lexer::write_quoted(f, name)?;
            f.write_str(", ")?;
        }
        write!(f, "verdict={}, severity={}", self.verdict.name(), self.severity.name())?;
        if let Some(meter) = &self.meter {
            f.write_str(", meter=")?;
            lexer::write_quoted(f, meter)?;
        }
        f.write_str(");")
    }
}

/// After the word.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let cursor = &mut parser.cursor;
    let (mut name, mut verdict, mut severity, mut meter) = (None, None, Severity::Info, None);
    if cursor.accept(Punct::LParen)? {
        while !cursor.accept(Punct::RParen)? {
            if cursor.accept_id("verdict")? {
                cursor.expect(Punct::Equals)?;
                verdict = match word(cursor.token(), Verdict::ALL, Verdict::name) {
                    Some(found) => Some(found),
                    None => return Err(cursor.syntax("unknown verdict")),
                };
                cursor.advance()?;
            } else if cursor.accept_id("name")? {
                cursor.expect(Punct::Equals)?;
                let start = cursor.clone();
                let text = cursor.expect_string()?;
                if text.len() >= NAME_MAX {
                    return Err(start.syntax(format!("name must be shorter than {NAME_MAX} characters")));
                }
                name = Some(text.into());
            } else if cursor.accept_id("severity")? {
                cursor.expect(Punct::Equals)?;
                severity = match (word(cursor.token(), Severity::ALL, Severity::name), cursor.token()) {
                    (Some(found), _) => found,
                    (None, Token::Id(_)) => return Err(cursor.syntax("unknown severity")),
                    (None, _) => return Err(cursor.expecting("severity")),
                };
                cursor.advance()?;
            } else if cursor.accept_id("meter")? {
                cursor.expect(Punct::Equals)?;
                meter = Some(cursor.expect_string()?.into());
            } else {
                return Err(cursor.unexpected());
            }
            cursor.accept(Punct::Comma)?;
        }
    }
    match verdict {
        Some(verdict) => Ok(Action::Log(Log { name, verdict, severity, meter })),
        None => Err(cursor.expecting("verdict")),
    }
}

fn word<T: Copy>(token: &Token<'_>, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    let &Token::Id(id) = token else { return None };
    all.iter().copied().find(|&item| name(item) == id)
}
