//! Address translation: `ct_dnat(...);`, `ct_snat(...);` and the same in a zone that both share.

use super::Action;
use super::parse::Parser;
use crate::error::Error;
use crate::lexer::{Format, Integer, Punct, Token};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which address is translated, and in which zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NatKind {
    /// The destination, in the zone for that.
    Dnat,
    /// The source, in the zone for that.
    Snat,
    /// The destination, in the common zone.
    DnatInCommonZone,
    /// The source, in the common zone.
    SnatInCommonZone,
}

impl NatKind {
    const ALL: &[Self] = &[Self::Dnat, Self::Snat, Self::DnatInCommonZone, Self::SnatInCommonZone];

    /// The name of the action.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dnat => "ct_dnat",
            Self::Snat => "ct_snat",
            Self::DnatInCommonZone => "ct_dnat_in_czone",
            Self::SnatInCommonZone => "ct_snat_in_czone",
        }
    }

    /// The one with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether it is the destination that is translated.
    pub const fn is_destination(self) -> bool {
        match self {
            Self::Dnat | Self::DnatInCommonZone => true,
            Self::Snat | Self::SnatInCommonZone => false,
        }
    }
}

/// What the address becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatTarget {
    pub address: IpAddr,
    /// First and last of the ports to choose from; without a last one, just the first.
    pub ports: Option<(u16, Option<u16>)>,
}

/// Translates and goes on in the next table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtNat {
    pub kind: NatKind,
    /// `None` for what the connection has already, without committing anything.
    pub target: Option<NatTarget>,
    /// The table where the packet goes on, in the same pipeline.
    pub table: u8,
}

impl fmt::Display for CtNat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let Some(NatTarget { address, ports }) = self.target {
            write!(f, "({address}")?;
            match ports {
                None => {}
                Some((first, None)) => write!(f, ",{first}")?,
                Some((first, Some(last))) => write!(f, ",{first}-{last}")?,
            }
            f.write_str(")")?;
        }
        f.write_str(";")
    }
}

/// The address that an integer constant spells, if it spells one.
pub(super) fn address(integer: &Integer) -> Option<IpAddr> {
    match integer {
        Integer { mask: Some(_), .. } => None,
        Integer { value, format: Format::Ipv4, .. } => Some(Ipv4Addr::from_bits(*value as u32).into()),
        Integer { value, format: Format::Ipv6, .. } => Some(Ipv6Addr::from_bits(*value).into()),
        Integer { format: Format::Decimal | Format::Hexadecimal | Format::Ethernet, .. } => None,
    }
}

/// After the word.
pub(super) fn parse(parser: &mut Parser<'_>, kind: NatKind) -> Result<Action, Error> {
    let table = parser.next_table(kind.name())?;
    parser.imply("ip");
    let mut target = None;
    if parser.cursor.accept(Punct::LParen)? {
        let address = match parser.cursor.token() {
            Token::Integer(integer) => address(integer),
            _ => None,
        };
        let Some(address) = address else { return Err(parser.cursor.expecting("IPv4 or IPv6 address")) };
        parser.cursor.advance()?;
        let ports = if parser.cursor.accept(Punct::Comma)? { Some(parse_ports(parser)?) } else { None };
        parser.cursor.expect(Punct::RParen)?;
        target = Some(NatTarget { address, ports });
    }
    Ok(Action::CtNat(CtNat { kind, target, table }))
}

/// `first` or `first-last`.
fn parse_ports(parser: &mut Parser<'_>) -> Result<(u16, Option<u16>), Error> {
    let start = parser.cursor.clone();
    let first = parse_port(parser)?;
    if first == 0 {
        return Err(start.syntax("range can't be 0"));
    }
    if !parser.cursor.accept(Punct::Minus)? {
        return Ok((first, None));
    }
    let start = parser.cursor.clone();
    let last = parse_port(parser)?;
    if last <= first {
        return Err(start.syntax("range high should be greater than range low"));
    }
    Ok((first, Some(last)))
}

fn parse_port(parser: &mut Parser<'_>) -> Result<u16, Error> {
    let start = parser.cursor.clone();
    let port = parser.cursor.accept_int()?.and_then(|port| u16::try_from(port).ok());
    port.ok_or_else(|| start.expecting("Integer for port range"))
}
