//! `sample(...);`: some packets are reported to collectors (IPFIX).

use super::Action;
use super::parse::{Access, Operand, Parser};
use crate::error::{Error, ErrorKind};
use crate::lexer::{Format, Integer, Punct, Token};
use crate::symbols::FieldRef;
use std::fmt;

/// Reports one in 65535/`probability` packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Not zero.
    pub probability: u16,
    pub collector_set: u32,
    pub domain: u8,
    pub point: ObservationPoint,
}

/// What the report says of where the packet was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservationPoint {
    Number(u32),
    /// The cookie of the flow.
    Cookie,
    /// What 32 bits of the packet say.
    Field(FieldRef),
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { probability, collector_set, domain, point } = self;
        write!(f, "sample(probability={probability},collector_set={collector_set},obs_domain={domain},")?;
        match point {
            ObservationPoint::Number(number) => write!(f, "obs_point={number});"),
            ObservationPoint::Cookie => f.write_str("obs_point=$cookie);"),
            ObservationPoint::Field(field) => write!(f, "obs_point={field});"),
        }
    }
}

/// After the word.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Action, Error> {
    let mut sample =
        Sample { probability: 0, collector_set: 0, domain: 0, point: ObservationPoint::Number(0) };
    let start = parser.cursor.span().start;
    if parser.cursor.accept(Punct::LParen)? {
        while !parser.cursor.accept(Punct::RParen)? {
            parse_argument(parser, &mut sample)?;
            parser.cursor.accept(Punct::Comma)?;
        }
    }
    if sample.probability == 0 {
        return Err(Error::new(parser.cursor.since(start), ErrorKind::SampleProbability));
    }
    Ok(Action::Sample(sample))
}

fn parse_argument(parser: &mut Parser<'_>, sample: &mut Sample) -> Result<(), Error> {
    if parser.cursor.accept_id("probability")? {
        parser.cursor.expect(Punct::Equals)?;
        sample.probability = parser.u16_parameter("probability")?;
    } else if parser.cursor.accept_id("obs_point")? {
        parser.cursor.expect(Punct::Equals)?;
        sample.point = parse_point(parser)?;
    } else if parser.cursor.accept_id("obs_domain")? {
        parser.cursor.expect(Punct::Equals)?;
        let start = parser.cursor.clone();
        sample.domain =
            u8::try_from(parse_u32(parser)?).map_err(|_| start.syntax("obs_domain must be 8-bit long"))?;
    } else if parser.cursor.accept_id("collector_set")? {
        parser.cursor.expect(Punct::Equals)?;
        sample.collector_set = parse_u32(parser)?;
    } else {
        return Err(parser.cursor.syntax("unknown argument"));
    }
    Ok(())
}

fn parse_point(parser: &mut Parser<'_>) -> Result<ObservationPoint, Error> {
    match parser.cursor.token() {
        Token::AddressSet("cookie") => {
            parser.cursor.advance()?;
            Ok(ObservationPoint::Cookie)
        }
        Token::Integer(_) => Ok(ObservationPoint::Number(parse_u32(parser)?)),
        _ => Ok(ObservationPoint::Field(parser.operand(Operand::Bits(32), Access::Read)?)),
    }
}

fn parse_u32(parser: &mut Parser<'_>) -> Result<u32, Error> {
    let number = match parser.cursor.token() {
        &Token::Integer(Integer { value, mask: None, format: Format::Decimal, .. }) => {
            u32::try_from(value).ok()
        }
        _ => None,
    };
    let number = number.ok_or_else(|| parser.cursor.expecting("32-bit integer"))?;
    parser.cursor.advance()?;
    Ok(number)
}
