//! Neighbours: which MAC address an IP address has, asked of a table or told to the controller.
//!
//! ARP and neighbour discovery have the same actions, which differ in their names and in the width of the address.

use super::Action;
use super::parse::{Access, Operand, Parser};
use crate::error::{Error, ErrorKind};
use crate::lexer::Punct;
use crate::symbols::FieldRef;
use std::fmt;

/// The protocol that finds neighbours, and with it the width of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NeighborProtocol {
    /// IPv4.
    Arp,
    /// IPv6.
    Nd,
}

impl NeighborProtocol {
    const fn bits(self) -> u16 {
        match self {
            Self::Arp => 32,
            Self::Nd => 128,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::Nd => "nd",
        }
    }
}

/// Sets `eth.dst` to the address of `ip` behind `port`, to zero if that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetNeighbor {
    pub protocol: NeighborProtocol,
    pub port: FieldRef,
    pub ip: FieldRef,
}

impl fmt::Display for GetNeighbor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "get_{}({}, {});", self.protocol.name(), self.port, self.ip)
    }
}

/// Remembers that `ip` behind `port` is at `mac`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutNeighbor {
    pub protocol: NeighborProtocol,
    pub port: FieldRef,
    pub ip: FieldRef,
    pub mac: FieldRef,
}

impl fmt::Display for PutNeighbor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "put_{}({}, {}, {});", self.protocol.name(), self.port, self.ip, self.mac)
    }
}

/// Sets the bit `result` to whether it is known that `ip` behind `port` is at `mac`, or anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupNeighbor {
    pub result: FieldRef,
    pub protocol: NeighborProtocol,
    pub port: FieldRef,
    pub ip: FieldRef,
    /// `None` for any.
    pub mac: Option<FieldRef>,
}

impl fmt::Display for LookupNeighbor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (result, protocol, port, ip) = (self.result, self.protocol.name(), self.port, self.ip);
        match self.mac {
            Some(mac) => write!(f, "{result} = lookup_{protocol}({port}, {ip}, {mac});"),
            None => write!(f, "{result} = lookup_{protocol}_ip({port}, {ip});"),
        }
    }
}

/// Sets the bit `result` to whether an Ethernet VPN knows the neighbour `ip`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChkEvpnArp {
    pub result: FieldRef,
    /// 32 or 128 bits.
    pub ip: FieldRef,
}

impl fmt::Display for ChkEvpnArp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = chk_evpn_arp({});", self.result, self.ip)
    }
}

/// `port, ip`
fn port_and_ip(parser: &mut Parser<'_>, protocol: NeighborProtocol) -> Result<(FieldRef, FieldRef), Error> {
    let port = parser.operand(Operand::String, Access::Read)?;
    parser.cursor.expect(Punct::Comma)?;
    let ip = parser.operand(Operand::Bits(protocol.bits()), Access::Read)?;
    Ok((port, ip))
}

/// After the word.
pub(super) fn parse_get(parser: &mut Parser<'_>, protocol: NeighborProtocol) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let (port, ip) = port_and_ip(parser, protocol)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::GetNeighbor(GetNeighbor { protocol, port, ip }))
}

/// After the word.
pub(super) fn parse_put(parser: &mut Parser<'_>, protocol: NeighborProtocol) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let (port, ip) = port_and_ip(parser, protocol)?;
    parser.cursor.expect(Punct::Comma)?;
    let mac = parser.operand(Operand::Bits(48), Access::Read)?;
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::PutNeighbor(PutNeighbor { protocol, port, ip, mac }))
}

/// At the word, whose name says whether there is a MAC address.
pub(super) fn parse_lookup(
    parser: &mut Parser<'_>,
    protocol: NeighborProtocol,
    with_mac: bool,
    result: FieldRef,
) -> Result<Action, Error> {
    parser.begin_function(result, Operand::Bits(1))?;
    let (port, ip) = port_and_ip(parser, protocol)?;
    let mut mac = None;
    if with_mac {
        parser.cursor.expect(Punct::Comma)?;
        mac = Some(parser.operand(Operand::Bits(48), Access::Read)?);
    }
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::LookupNeighbor(LookupNeighbor { result, protocol, port, ip, mac }))
}

/// At the word.
pub(super) fn parse_chk_evpn_arp(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    parser.begin_function(result, Operand::Bits(1))?;
    let start = parser.cursor.span().start;
    let ip = parser.operand(Operand::Any, Access::Read)?;
    if !matches!(ip.bits, 32 | 128) || ip.symbol.is_string() {
        return Err(Error::new(parser.cursor.since(start), ErrorKind::AddressRequired));
    }
    parser.cursor.expect(Punct::RParen)?;
    Ok(Action::ChkEvpnArp(ChkEvpnArp { result, ip }))
}
