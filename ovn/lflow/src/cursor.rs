//! A place in a text, with the token there: what both parsers stand on.

use crate::error::{Error, ErrorKind, Found};
use crate::lexer::{Format, Integer, Lexer, Punct, Token};
use crate::symbols::{self, FieldRef, Level};
use std::ops::Range;

/// The current token of a text.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    span: Range<usize>,
    /// Where the token before the current one ended.
    end_of_last: usize,
}

impl<'a> Cursor<'a> {
    /// At the first token of `source`.
    pub(crate) fn new(source: &'a str) -> Result<Self, Error> {
        let mut lexer = Lexer::new(source);
        let (token, span) = lexer.next()?;
        Ok(Self { lexer, token, span, end_of_last: 0 })
    }

    pub(crate) fn token(&self) -> &Token<'a> {
        &self.token
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// From `start`, the beginning of an earlier token, to the end of the token before the current one.
    pub(crate) fn since(&self, start: usize) -> Range<usize> {
        start..self.end_of_last.max(start)
    }

    /// To the next token. What is no token is told here; the cursor then stays.
    pub(crate) fn advance(&mut self) -> Result<(), Error> {
        self.end_of_last = self.span.end;
        (self.token, self.span) = self.lexer.next()?;
        Ok(())
    }

    /// The punctuation after the current token; `None` if something else follows.
    pub(crate) fn peek(&self) -> Option<Punct> {
        self.lexer.peek()
    }

    pub(crate) fn is(&self, punct: Punct) -> bool {
        matches!(self.token, Token::Punct(found) if found == punct)
    }

    pub(crate) fn is_id(&self, id: &str) -> bool {
        matches!(self.token, Token::Id(name) if name == id)
    }

    /// Goes past a token if it is there.
    pub(crate) fn accept(&mut self, punct: Punct) -> Result<bool, Error> {
        let there = self.is(punct);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    pub(crate) fn accept_id(&mut self, id: &str) -> Result<bool, Error> {
        let there = self.is_id(id);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    /// Goes past a token that must be there.
    pub(crate) fn expect(&mut self, punct: Punct) -> Result<(), Error> {
        if self.accept(punct)? { Ok(()) } else { Err(self.expecting(format!("`{punct}'"))) }
    }

    pub(crate) fn expect_end(&self) -> Result<(), Error> {
        if self.token == Token::End { Ok(()) } else { Err(self.expecting("end of input")) }
    }

    fn found(&self) -> Found {
        match self.token {
            Token::End => Found::End,
            _ => Found::Token(self.lexer.source()[self.span.clone()].to_owned()),
        }
    }

    /// The error that something else should stand where an earlier token was.
    pub(crate) fn expecting_at(&self, span: Range<usize>, expected: impl Into<String>) -> Error {
        let found = Found::Token(self.lexer.source()[span.clone()].to_owned());
        Error::new(span, ErrorKind::Expecting { found, expected: expected.into() })
    }

    /// The error that something else should stand here.
    pub(crate) fn expecting(&self, expected: impl Into<String>) -> Error {
        self.error(ErrorKind::Expecting { found: self.found(), expected: expected.into() })
    }

    /// The error that nothing can be made of the current token.
    pub(crate) fn unexpected(&self) -> Error {
        self.error(ErrorKind::Unexpected { found: self.found() })
    }

    /// The error that something is wrong here, in words of its own.
    pub(crate) fn syntax(&self, what: impl Into<String>) -> Error {
        self.error(ErrorKind::Syntax { found: self.found(), what: what.into() })
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(self.span(), kind)
    }

    /// The current token if it is a plain number that an `i32` holds, going past it.
    pub(crate) fn accept_int(&mut self) -> Result<Option<u32>, Error> {
        let Some(n) = self.small_integer() else { return Ok(None) };
        self.advance()?;
        Ok(Some(n))
    }

    fn small_integer(&self) -> Option<u32> {
        match self.token {
            Token::Integer(Integer { value, mask: None, format: Format::Decimal, .. }) => {
                u32::try_from(value).ok().filter(|&n| i32::try_from(n).is_ok())
            }
            _ => None,
        }
    }

    /// A plain number that must be there.
    pub(crate) fn expect_int(&mut self) -> Result<u32, Error> {
        self.accept_int()?.ok_or_else(|| self.expecting("small integer"))
    }

    /// A string that must be there.
    pub(crate) fn expect_string(&mut self) -> Result<String, Error> {
        let Token::String(text) = &self.token else { return Err(self.expecting("string")) };
        let text = text.clone().into_owned();
        self.advance()?;
        Ok(text)
    }

    /// A symbol, or some bits of one: `name`, `name[n]`, `name[lo..hi]`.
    pub(crate) fn expect_field(&mut self) -> Result<FieldRef, Error> {
        let start = self.span.start;
        let symbol = match &self.token {
            Token::Id(name) => symbols::table().get(name),
            _ => None,
        };
        let Some(symbol) = symbol else { return Err(self.expecting("field name")) };
        self.advance()?;
        if !self.accept(Punct::LSquare)? {
            return Ok(FieldRef::whole(symbol));
        }
        let low = self.expect_int()?;
        let high = if self.accept(Punct::Ellipsis)? { self.expect_int()? } else { low };
        self.expect(Punct::RSquare)?;

        let error = |kind| Err(Error::new(self.since(start), kind));
        let field = || symbol.name.to_owned();
        if low > high {
            error(ErrorKind::BitRange { low, high })
        } else if symbol.is_string() {
            error(ErrorKind::SubfieldOfString { field: field() })
        } else if high >= u32::from(symbol.bits()) {
            error(ErrorKind::BitsOutside { low, high, bits: symbol.bits(), field: field() })
        } else if symbol.level() == Level::Nominal && high - low + 1 != u32::from(symbol.bits()) {
            error(ErrorKind::SubfieldOfNominal { field: field() })
        } else {
            // Both are less than the symbol's width, so they fit.
            Ok(FieldRef { symbol, low: low as u16, bits: (high - low + 1) as u16 })
        }
    }
}
