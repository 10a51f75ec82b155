//! Tokens of the logical language.
//!
//! Expressions and actions share these tokens. An integer constant keeps the format it was written in
//! (decimal, hexadecimal, IPv4, IPv6 or Ethernet), because the format says how a mask after a `/` is
//! to be read, and how the constant is printed again.

use crate::constant::{parse_constant, plain_constant};
use crate::error::{Error, ErrorKind};
use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::str::FromStr;

/// How an integer constant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    Decimal,
    Hexadecimal,
    Ipv4,
    Ipv6,
    Ethernet,
}

/// An integer constant, perhaps with a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Integer {
    /// Zero outside the mask if there is one.
    pub value: u128,
    pub mask: Option<u128>,
    pub format: Format,
    /// The width of the narrowest field that the constant fits, as far as its spelling says: an Ethernet
    /// address is 48 bits wide even if it is a small number. More than 128 for a number that does not
    /// fit any field; `value` then has only its low bits.
    pub bits: u16,
}

impl Integer {
    /// A plain constant.
    pub fn new(value: u128, format: Format) -> Self {
        Self { value, mask: None, format, bits: width(value, format) }
    }

    /// A constant of which only the bits in `mask` count.
    pub fn masked(value: u128, mask: u128, format: Format) -> Self {
        let bits = width(value & mask, format).max(width(mask, format));
        Self { value: value & mask, mask: Some(mask), format, bits }
    }
}

/// A constant by itself, as in the addresses of an address set.
impl FromStr for Integer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut lexer = Lexer::new(text);
        let (token, span) = lexer.next()?;
        match (token, lexer.next()?.0) {
            (Token::Integer(integer), Token::End) => Ok(integer),
            (_, _) => Err(Error::new(span, ErrorKind::Token("Integer constant expected.".to_owned()))),
        }
    }
}

/// The narrowest field that such a constant fits.
fn width(value: u128, format: Format) -> u16 {
    let least = match format {
        Format::Decimal | Format::Hexadecimal => 1,
        Format::Ipv4 => 32,
        Format::Ethernet => 48,
        Format::Ipv6 => 128,
    };
    least.max(128 - value.leading_zeros() as u16)
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_one(f, self.value)?;
        let Some(mask) = self.mask else { return Ok(()) };
        let prefix = match self.format {
            Format::Ipv4 => prefix_length(mask << 96).filter(|_| mask >> 32 == 0),
            Format::Ipv6 => prefix_length(mask),
            Format::Decimal | Format::Hexadecimal | Format::Ethernet => None,
        };
        f.write_str("/")?;
        match prefix {
            Some(length) => write!(f, "{length}"),
            None => self.write_one(f, mask),
        }
    }
}

impl Integer {
    fn write_one(&self, f: &mut fmt::Formatter<'_>, n: u128) -> fmt::Result {
        match self.format {
            Format::Decimal => write!(f, "{n}"),
            Format::Hexadecimal => write!(f, "{n:#x}"),
            Format::Ipv4 => write!(f, "{}", Ipv4Addr::from_bits(n as u32)),
            Format::Ipv6 => write!(f, "{}", Ipv6Addr::from_bits(n)),
            Format::Ethernet => {
                let b = n.to_be_bytes();
                write!(
                    f,
                    "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
                    b[10], b[11], b[12], b[13], b[14], b[15]
                )
            }
        }
    }
}

/// The number of one-bits if they are all at the top.
fn prefix_length(mask: u128) -> Option<u32> {
    let length = mask.leading_ones();
    (mask.count_ones() == length).then_some(length)
}

/// One token of a text, whose names are the text's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    End,
    Id(&'a str),
    /// The text between quotes, escapes resolved.
    String(Cow<'a, str>),
    Integer(Integer),
    /// `$name`.
    AddressSet(&'a str),
    /// `@name`.
    PortGroup(&'a str),
    /// `^name`.
    Template(&'a str),
    Punct(Punct),
}

macro_rules! puncts {
    ($($name:ident $text:literal)*) => {
        /// A token without further content.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Punct { $(#[doc = $text] $name,)* }

        impl Punct {
            /// How it is written.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// All of them.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

impl Punct {
    /// The longest one that a text begins with.
    fn at(text: &[u8]) -> Option<Self> {
        let next = text.get(1).copied().unwrap_or(0);
        Some(match *text.first()? {
            b'<' if text.starts_with(b"<->") => Self::Exchange,
            b'<' if next == b'=' => Self::Le,
            b'<' => Self::Lt,
            b'>' if next == b'=' => Self::Ge,
            b'>' => Self::Gt,
            b'=' if next == b'=' => Self::Eq,
            b'=' => Self::Equals,
            b'!' if next == b'=' => Self::Ne,
            b'!' => Self::Not,
            b'&' if next == b'&' => Self::And,
            b'|' if next == b'|' => Self::Or,
            b'.' if next == b'.' => Self::Ellipsis,
            b'-' if next == b'-' => Self::Decrement,
            b'-' => Self::Minus,
            b'(' => Self::LParen,
            b')' => Self::RParen,
            b'[' => Self::LSquare,
            b']' => Self::RSquare,
            b'{' => Self::LCurly,
            b'}' => Self::RCurly,
            b',' => Self::Comma,
            b';' => Self::Semicolon,
            b':' => Self::Colon,
            _ => return None,
        })
    }
}

puncts! {
    Exchange "<->"
    Eq "==" Ne "!=" Le "<=" Ge ">=" And "&&" Or "||" Ellipsis ".." Decrement "--"
    LParen "(" RParen ")" LSquare "[" RSquare "]" LCurly "{" RCurly "}"
    Lt "<" Gt ">" Not "!" Comma "," Semicolon ";" Equals "=" Colon ":" Minus "-"
}

impl fmt::Display for Punct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => Ok(()),
            Self::Id(id) => f.write_str(id),
            Self::String(text) => write_quoted(f, text),
            Self::Integer(integer) => integer.fmt(f),
            Self::AddressSet(name) => write!(f, "${name}"),
            Self::PortGroup(name) => write!(f, "@{name}"),
            Self::Template(name) => write!(f, "^{name}"),
            Self::Punct(punct) => punct.fmt(f),
        }
    }
}

/// Writes a string constant: in quotes, with the escapes of JSON.
pub fn write_quoted(f: &mut (impl fmt::Write + ?Sized), text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if u32::from(c) < 0x20 => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// Takes tokens from a text, one after the other.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(source: &'a str) -> Self {
        Self { source, at: 0 }
    }

    /// The text that the tokens come from.
    pub fn source(&self) -> &'a str {
        self.source
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn error<T>(&self, length: usize, message: impl Into<String>) -> Result<T, Error> {
        Err(Error::new(self.at..self.at + length, ErrorKind::Token(message.into())))
    }

    /// The next token and where it is. At the end of the text, [`Token::End`] again and again.
    ///
    /// # Errors
    /// If the text does not go on with a token. The lexer does not move then.
    #[expect(clippy::should_implement_trait, reason = "an iterator has no error apart from its items")]
    pub fn next(&mut self) -> Result<(Token<'a>, Range<usize>), Error> {
        self.skip_space_and_comments()?;
        let rest = self.rest();
        let Some(&first) = rest.as_bytes().first() else {
            return Ok((Token::End, self.at..self.at));
        };
        let (token, length) = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let length = span(rest, ID);
                match &rest[..length] {
                    // No name goes on with a colon, but hexadecimal digits do.
                    digits if rest.as_bytes().get(length) == Some(&b':') && span(digits, HEX) == length => {
                        self.number()?
                    }
                    name => (Token::Id(name), length),
                }
            }
            b'0'..=b'9' => self.number()?,
            b'"' => self.string()?,
            b':' if rest.starts_with("::") => self.number()?,
            b'$' => self.reference(Token::AddressSet)?,
            b'@' => self.reference(Token::PortGroup)?,
            b'^' => self.reference(Token::Template)?,
            _ => match Punct::at(rest.as_bytes()) {
                Some(punct) => (Token::Punct(punct), punct.text().len()),
                None => self.no_token()?,
            },
        };
        let start = self.at;
        self.at += length;
        Ok((token, start..self.at))
    }

    #[inline]
    fn skip_space_and_comments(&mut self) -> Result<(), Error> {
        let octets = self.source.as_bytes();
        while octets.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        // Nearly always a token is next.
        match octets.get(self.at) {
            Some(&octet) if octet > b' ' && octet != b'/' => Ok(()),
            Some(_) | None => self.skip_other_space_and_comments(),
        }
    }

    fn skip_other_space_and_comments(&mut self) -> Result<(), Error> {
        loop {
            let rest = self.rest();
            match rest.as_bytes().first() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | 0xb | 0xc) => {
                    self.at += 1;
                    continue;
                }
                Some(b'/') => {}
                Some(_) | None => return Ok(()),
            }
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                match comment.find("*/") {
                    Some(length) => self.at += length + 4,
                    None => return self.error(2, "`/*' without matching `*/'."),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn no_token(&self) -> Result<(Token<'a>, usize), Error> {
        let first = self.rest().chars().next().unwrap_or('\0');
        let message = match first {
            '/' => "`/' is only valid as part of `//' or `/*'.".to_owned(),
            '&' => "`&' is only valid as part of `&&'.".to_owned(),
            '|' => "`|' is only valid as part of `||'.".to_owned(),
            '.' => "`.' is only valid as part of `..' or a number.".to_owned(),
            '!'..='~' => format!("Invalid character `{first}' in input."),
            _ => format!("Invalid byte 0x{:02x} in input.", self.rest().as_bytes()[0]),
        };
        self.error(first.len_utf8(), message)
    }

    /// `$name`, `@name`, `^name`.
    fn reference(&self, token: fn(&'a str) -> Token<'a>) -> Result<(Token<'a>, usize), Error> {
        let (sigil, name) = self.rest().split_at(1);
        if !name.bytes().next().is_some_and(|b| is_class(b, ID) && !b.is_ascii_digit() && b != b'.') {
            return self.error(1, format!("`{sigil}' must be followed by a valid identifier."));
        }
        let length = span(name, ID);
        Ok((token(&name[..length]), 1 + length))
    }

    fn number(&self) -> Result<(Token<'a>, usize), Error> {
        let rest = self.rest();
        let (value, length) = self.constant(0)?;
        if !rest[length..].starts_with('/')
            || rest[length..].starts_with("//")
            || rest[length..].starts_with("/*")
        {
            return Ok((Token::Integer(value), length));
        }
        let (mask, mask_length) = self.constant(length + 1)?;
        let total = length + 1 + mask_length;
        let bits_of_format = match value.format {
            Format::Ipv4 => Some(32),
            Format::Ipv6 => Some(128),
            Format::Decimal | Format::Hexadecimal | Format::Ethernet => None,
        };
        let mask = if mask.format == value.format {
            mask.value
        } else if let Some(bits) =
            bits_of_format.filter(|&bits| mask.format == Format::Decimal && mask.value <= bits)
        {
            low_ones(bits as u32) ^ low_ones((bits - mask.value) as u32)
        } else {
            return self.error(total, "Value and mask have incompatible formats.");
        };
        Ok((Token::Integer(Integer::masked(value.value, mask, value.format)), total))
    }

    /// One number, `skip` octets on from here.
    fn constant(&self, skip: usize) -> Result<(Integer, usize), Error> {
        let rest = &self.rest()[skip..];
        let octets = rest.as_bytes();
        let is_part = |at: usize| match octets.get(at) {
            Some(b'.') => octets.get(at + 1) != Some(&b'.'),
            Some(&octet) => is_class(octet, CONSTANT),
            None => false,
        };
        if let Some((value, format, length)) = plain_constant(octets)
            && !is_part(length)
        {
            return Ok((Integer::new(value.into(), format), length));
        }
        let (mut length, mut has_dots) = (0, false);
        while is_part(length) {
            // In `1.2.3.4:80` the colon and the port are tokens of their own.
            if octets[length] == b':' && has_dots && rest[..length].parse::<Ipv4Addr>().is_ok() {
                break;
            }
            has_dots |= octets[length] == b'.';
            length += 1;
        }
        let text = &rest[..length];
        let number = parse_constant(text).or_else(|message| self.error(skip + length, message))?;
        Ok((number, length))
    }

    /// The punctuation that comes next, `None` if it is something else.
    pub(crate) fn peek(&self) -> Option<Punct> {
        let mut ahead = self.clone();
        ahead.skip_space_and_comments().ok()?;
        Punct::at(ahead.rest().as_bytes())
    }

    fn string(&self) -> Result<(Token<'a>, usize), Error> {
        let body = &self.rest()[1..];
        let (mut escaped, mut escapes) = (false, false);
        // The octets looked for are no part of longer characters.
        for (i, octet) in body.bytes().enumerate() {
            if escaped {
                escaped = false;
            } else if octet == b'\\' {
                (escaped, escapes) = (true, true);
            } else if octet == 0 {
                // Refused with the escapes.
                escapes = true;
            } else if octet == b'"' {
                let text = match escapes {
                    true => Cow::Owned(unescape(&body[..i]).or_else(|message| self.error(i + 2, message))?),
                    false => Cow::Borrowed(&body[..i]),
                };
                return Ok((Token::String(text), i + 2));
            }
        }
        self.error(self.rest().len(), "Input ends inside quoted string.")
    }
}

/// Of names.
const ID: u8 = 1;
/// Hexadecimal digits.
const HEX: u8 = 2;
/// Of constants, but for single dots.
const CONSTANT: u8 = 4;

/// The classes of each octet.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut octet = 0;
    while octet < 128 {
        let b = octet as u8;
        if b.is_ascii_alphanumeric() || b == b'_' || b == b'.' {
            classes[octet] |= ID;
        }
        if b.is_ascii_hexdigit() {
            classes[octet] |= HEX;
        }
        if b.is_ascii_alphanumeric() || b == b':' {
            classes[octet] |= CONSTANT;
        }
        octet += 1;
    }
    classes
};

fn is_class(octet: u8, class: u8) -> bool {
    CLASSES[usize::from(octet)] & class != 0
}

/// How many octets at the start of `text` are of a class, of which only ASCII characters are.
fn span(text: &str, class: u8) -> usize {
    text.bytes().position(|octet| !is_class(octet, class)).unwrap_or(text.len())
}

fn low_ones(n: u32) -> u128 {
    u128::MAX.checked_shr(128 - n).unwrap_or(0)
}

/// There is no such character in a string, escaped or not.
const NUL: &str = "null bytes not supported in quoted strings";

/// Resolves the escapes of JSON in the text between two quotes.
fn unescape(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err(NUL.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(backslash) = rest.find('\\') {
        out.push_str(&rest[..backslash]);
        rest = &rest[backslash + 1..];
        let Some(kind) = rest.chars().next() else {
            return Err("quoted string may not end with backslash".to_owned());
        };
        rest = &rest[kind.len_utf8()..];
        match kind {
            '"' | '\\' | '/' => out.push(kind),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => out.push(unescape_unicode(&mut rest)?),
            other => return Err(format!("bad escape \\{other}")),
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The character of a `\uXXXX`, or of two that are a surrogate pair; `rest` begins after the `u`.
fn unescape_unicode(rest: &mut &str) -> Result<char, String> {
    let first = unescape_unit(rest)?;
    let code = if (0xd800..0xdc00).contains(&first) {
        let second = match rest.strip_prefix("\\u") {
            Some(after) => {
                *rest = after;
                unescape_unit(rest)?
            }
            None => 0,
        };
        if !(0xdc00..0xe000).contains(&second) {
            return Err(format!("malformed escaped surrogate pair: U+{first:04x} without second half"));
        }
        0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
    } else {
        first
    };
    match char::from_u32(code) {
        Some('\0') => Err(NUL.to_owned()),
        Some(c) => Ok(c),
        None => Err(format!("\\u escape U+{code:04x} is not a character")),
    }
}

fn unescape_unit(rest: &mut &str) -> Result<u32, String> {
    let Some(digits) = rest.get(..4) else {
        return Err("quoted string ends within \\u escape".to_owned());
    };
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err("malformed \\u escape".to_owned());
    }
    *rest = &rest[4..];
    u32::from_str_radix(digits, 16).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The tokens of a text, separated by spaces, and the error that ends it, if one does.
    fn lex(text: &str) -> String {
        let mut lexer = Lexer::new(text);
        let mut out = Vec::new();
        loop {
            match lexer.next() {
                Ok((Token::End, _)) => break,
                Ok((token, span)) => {
                    assert!(!span.is_empty() && span.end <= text.len());
                    out.push(token.to_string());
                }
                Err(error) => {
                    out.push(format!("error({error})"));
                    break;
                }
            }
        }
        out.join(" ")
    }

    #[test]
    fn tokens_and_their_canonical_form() {
        let table = [
            ("", ""),
            (
                "foo bar quuxquuxquux _abcd_ a.b.c.d a123_.456",
                "foo bar quuxquuxquux _abcd_ a.b.c.d a123_.456",
            ),
            ("\"abc\\u0020def\" \" \" \"\"", "\"abc def\" \" \" \"\""),
            ("\"tab\\t\\\"\"", "\"tab\\t\\\"\""),
            ("a/*b*/c", "a c"),
            ("a//b c", "a"),
            ("a//b\nc", "a c"),
            ("0 1 12345 18446744073709551615", "0 1 12345 18446744073709551615"),
            ("0x0 0X0 0xabcDEF 0x00000000000000000001", "0x0 0x0 0xabcdef 0x1"),
            ("192.168.128.1 1.2.3.4", "192.168.128.1 1.2.3.4"),
            (":: ::1 ff00::1234 fe80::1.2.3.4", ":: ::1 ff00::1234 fe80::102:304"),
            ("01:02:03:04:ab:CD", "01:02:03:04:ab:cd"),
            (
                "192.168.0.0/16 10.1.2.3/24 1.2.3.4/32 0.0.0.0/0",
                "192.168.0.0/16 10.1.2.0/24 1.2.3.4/32 0.0.0.0/0",
            ),
            ("192.168.0.0/255.255.0.0 192.168.0.0/255.0.255.0", "192.168.0.0/16 192.0.0.0/255.0.255.0"),
            ("fe80::1/64 ::1/::1 fe80::/ffff::", "fe80::/64 ::1/::1 fe80::/16"),
            ("01:00:00:00:00:00/01:00:00:00:00:00", "01:00:00:00:00:00/01:00:00:00:00:00"),
            ("0xff/0xf0 10/3", "0xf0/0xf0 2/3"),
            ("()[]{}===!=<<=>>=!&&||..,;<->--:-", "( ) [ ] { } == = != < <= > >= ! && || .. , ; <-> -- : -"),
            ("&&||", "&& ||"),
            ("reg0[0..15]", "reg0 [ 0 .. 15 ]"),
            ("a=b a<->b", "a = b a <-> b"),
            ("$name $_x1 @pg ^tmpl", "$name $_x1 @pg ^tmpl"),
            ("1/*c*/2", "1 2"),
            ("backends=1.2.3.4:80,[fd0f::2]:8080", "backends = 1.2.3.4 : 80 , [ fd0f::2 ] : 8080"),
        ];
        for (input, output) in table {
            assert_eq!(lex(input), output, "{input}");
        }
    }

    #[test]
    fn every_punctuation_is_found_by_its_text() {
        for punct in Punct::ALL {
            assert_eq!(Punct::at(punct.text().as_bytes()), Some(*punct), "{punct}");
        }
    }

    #[test]
    fn what_is_no_token_is_named() {
        let table = [
            ("a & b", "a error(`&' is only valid as part of `&&'.)"),
            ("a | b", "a error(`|' is only valid as part of `||'.)"),
            ("a / b", "a error(`/' is only valid as part of `//' or `/*'.)"),
            ("a /* b", "a error(`/*' without matching `*/'.)"),
            (".", "error(`.' is only valid as part of `..' or a number.)"),
            ("#", "error(Invalid character `#' in input.)"),
            ("\u{e9}", "error(Invalid byte 0xc3 in input.)"),
            ("$ a", "error(`$' must be followed by a valid identifier.)"),
            ("$1", "error(`$' must be followed by a valid identifier.)"),
            ("@1_pg1", "error(`@' must be followed by a valid identifier.)"),
            ("^", "error(`^' must be followed by a valid identifier.)"),
            ("01", "error(Decimal constants must not have leading zeros.)"),
            ("18446744073709551616", "error(Decimal constants must be less than 2**64.)"),
            ("0x", "error(Hex digits expected following 0x.)"),
            ("0xg", "error(Invalid syntax in hexadecimal constant.)"),
            ("1.2.3", "error(Invalid numeric constant.)"),
            ("a:b:c:d:e:f", "error(Invalid numeric constant.)"),
            ("1/", "error(Integer constant expected.)"),
            ("1/0xf", "error(Value and mask have incompatible formats.)"),
            ("1.2.3.4/33", "error(Value and mask have incompatible formats.)"),
            ("fe80::1/129", "error(Value and mask have incompatible formats.)"),
            ("00:00:00:00:00:01/24", "error(Value and mask have incompatible formats.)"),
            ("\"abc", "error(Input ends inside quoted string.)"),
            ("\"abc\\", "error(Input ends inside quoted string.)"),
            ("\"a\\x\"", "error(bad escape \\x)"),
            ("\"\\u12\"", "error(quoted string ends within \\u escape)"),
            ("\"\\u12zz\"", "error(malformed \\u escape)"),
            ("\"\\u0000\"", "error(null bytes not supported in quoted strings)"),
            ("\"a\0b\"", "error(null bytes not supported in quoted strings)"),
        ];
        for (input, output) in table {
            assert_eq!(lex(input), output, "{input}");
        }
        let long = format!("0x1{}", "0".repeat(256));
        assert_eq!(lex(&long), "error(Hexadecimal constant requires more than 1024 bits.)");
    }

    #[test]
    fn a_constant_knows_the_width_of_the_field_it_needs() {
        let bits = |text: &str| match Lexer::new(text).next() {
            Ok((Token::Integer(integer), _)) => integer.bits,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(bits("0"), 1);
        assert_eq!(bits("65536"), 17);
        assert_eq!(bits("0x00ff"), 8);
        assert_eq!(bits("0x1234567890123456789012345678901234567890"), 157);
        assert_eq!(bits("1.2.3.4"), 32);
        assert_eq!(bits("::1"), 128);
        assert_eq!(bits("00:00:00:00:00:01"), 48);
        assert_eq!(bits("0x1/0xfffff"), 20);
    }

    #[test]
    fn a_constant_by_itself_is_read() {
        let read = |text: &str| text.parse::<Integer>().map_err(|error| error.to_string());
        assert_eq!(read(" 10.0.0.0/8 "), Ok(Integer::masked(10 << 24, 0xff00_0000, Format::Ipv4)));
        assert_eq!(read("1 2"), Err("Integer constant expected.".to_owned()));
        assert_eq!(read("nonsense"), Err("Integer constant expected.".to_owned()));
        assert_eq!(read(""), Err("Integer constant expected.".to_owned()));
    }

    proptest! {
        #[test]
        fn any_text_is_tokens_or_an_error_that_lies_in_it(text in "\\PC{0,40}") {
            let mut lexer = Lexer::new(&text);
            loop {
                match lexer.next() {
                    Ok((Token::End, _)) => break,
                    Ok((_, span)) => prop_assert!(text.get(span).is_some()),
                    Err(error) => {
                        prop_assert!(error.span.end <= text.len());
                        error.render(&text);
                        break;
                    }
                }
            }
        }

        #[test]
        fn what_is_printed_lexes_to_the_same(text in "([a-f0-9.:/x]{1,12}|\"[a-z\\\\\"]{0,5}\"|[$@^a-z]{1,4}| ){0,6}") {
            let once = lex(&text);
            if !once.contains("error(") {
                prop_assert_eq!(lex(&once), once);
            }
        }
    }
}
