//! Load balancing: `ct_lb_mark(backends=...);` and its kin, `commit_lb_aff(...);`.

use super::Action;
use super::nat::address;
use super::parse::Parser;
use crate::error::Error;
use crate::lexer::{self, Punct, Token};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Which of the load-balancing actions: they differ in where the connection says that it was balanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LbKind {
    /// In its label; northd before 22.03 wrote it.
    Label,
    /// In its mark.
    Mark,
    /// In its mark, with those backends only whose port is on this chassis.
    MarkLocal,
}

impl LbKind {
    const ALL: &[Self] = &[Self::Label, Self::Mark, Self::MarkLocal];

    /// The name of the action.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Label => "ct_lb",
            Self::Mark => "ct_lb_mark",
            Self::MarkLocal => "ct_lb_mark_local",
        }
    }

    /// The one with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// Where a connection may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The logical port that it is behind; only with [`LbKind::MarkLocal`].
    pub logical_port: Option<Arc<str>>,
    pub address: IpAddr,
    /// Zero leaves the port as it is.
    pub port: u16,
}

/// What a router is to do about the source address of a balanced connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LbSnat {
    Skip,
    Force,
}

impl LbSnat {
    const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip_snat",
            Self::Force => "force_snat",
        }
    }
}

/// Sends a connection to one of some backends and goes on in the next table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CtLb {
    pub kind: LbKind,
    /// None: the connection keeps the backend that it has.
    pub backends: Vec<Backend>,
    /// The fields by which a backend is chosen, as OpenFlow names them with commas between.
    pub hash_fields: Option<Arc<str>>,
    pub snat: Option<LbSnat>,
    /// The table where the packet goes on, in the same pipeline.
    pub table: u8,
}

impl fmt::Display for CtLb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if self.backends.is_empty() {
            return f.write_str(";");
        }
        for (i, backend) in self.backends.iter().enumerate() {
            f.write_str(if i == 0 { "(backends=" } else { "," })?;
            if let Some(port) = &backend.logical_port {
                lexer::write_quoted(f, port)?;
                f.write_str(":")?;
            }
            match (backend.address, backend.port) {
                (address, 0) => write!(f, "{address}")?,
                (IpAddr::V4(address), port) => write!(f, "{address}:{port}")?,
                (IpAddr::V6(address), port) => write!(f, "[{address}]:{port}")?,
            }
        }
        if let Some(fields) = &self.hash_fields {
            f.write_str("; hash_fields=")?;
            lexer::write_quoted(f, fields)?;
        }
        if let Some(snat) = self.snat {
            write!(f, "; {}", snat.name())?;
        }
        f.write_str(");")
    }
}

/// After the word.
pub(super) fn parse(parser: &mut Parser<'_>, kind: LbKind) -> Result<Action, Error> {
    let table = parser.next_table(kind.name())?;
    parser.imply("ip");
    let mut lb = CtLb { kind, backends: Vec::new(), hash_fields: None, snat: None, table };
    if parser.cursor.accept(Punct::LParen)? && !parser.cursor.accept(Punct::RParen)? {
        parse_arguments(parser, &mut lb)?;
    }
    // Where nothing is chosen the rest has no meaning.
    if lb.backends.is_empty() {
        (lb.hash_fields, lb.snat) = (None, None);
    }
    Ok(Action::CtLb(lb))
}

/// After the `(`, to after the `)`.
fn parse_arguments(parser: &mut Parser<'_>, lb: &mut CtLb) -> Result<(), Error> {
    let start = parser.cursor.clone();
    if !parser.cursor.accept_id("backends")? || !parser.cursor.accept(Punct::Equals)? {
        return Err(start.expecting("backends"));
    }
    loop {
        if parser.cursor.accept(Punct::RParen)? {
            return Ok(());
        }
        if parser.cursor.accept(Punct::Semicolon)? {
            break;
        }
        lb.backends.push(parse_backend(parser, lb.kind)?);
        parser.cursor.accept(Punct::Comma)?;
    }
    if parser.cursor.accept_id("hash_fields")? {
        let there = parser.cursor.accept(Punct::Equals)?;
        let Token::String(_) = parser.cursor.token() else {
            return Err(parser.cursor.syntax("invalid hash_fields"));
        };
        if !there {
            return Err(parser.cursor.syntax("invalid hash_fields"));
        }
        lb.hash_fields = Some(parser.cursor.expect_string()?.into());
        if !parser.cursor.accept(Punct::Semicolon)? {
            return parser.cursor.expect(Punct::RParen);
        }
    }
    for snat in [LbSnat::Skip, LbSnat::Force] {
        if parser.cursor.accept_id(snat.name())? {
            lb.snat = Some(snat);
            break;
        }
    }
    parser.cursor.expect(Punct::RParen)
}

/// `address`, `address:port`, `[address]:port`, each after a logical port if there has to be one.
fn parse_backend(parser: &mut Parser<'_>, kind: LbKind) -> Result<Backend, Error> {
    let mut logical_port = None;
    if kind == LbKind::MarkLocal {
        let Token::String(_) = parser.cursor.token() else {
            return Err(parser.cursor.expecting("logical port name for distributed load balancer"));
        };
        logical_port = Some(parser.cursor.expect_string()?.into());
        parser.cursor.expect(Punct::Colon)?;
    }
    let brackets = parser.cursor.accept(Punct::LSquare)?;
    let found = match parser.cursor.token() {
        Token::Integer(integer) => address(integer),
        _ => None,
    };
    let address = match found {
        Some(address) if address.is_ipv6() || !brackets => address,
        _ if brackets => return Err(parser.cursor.expecting("IPv6 address")),
        _ => return Err(parser.cursor.expecting("IP address")),
    };
    parser.cursor.advance()?;
    if brackets && !parser.cursor.accept(Punct::RSquare)? {
        return Err(parser.cursor.syntax("no closing square bracket"));
    }
    let mut port = 0;
    if parser.cursor.accept(Punct::Colon)? {
        if address.is_ipv6() && !brackets {
            return Err(parser.cursor.syntax("IPv6 address needs square brackets if port is included"));
        }
        port = parser.u16_parameter("port number")?;
    }
    Ok(Backend { logical_port, address, port })
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Tcp,
    Udp,
    Sctp,
}

impl Transport {
    const ALL: &[Self] = &[Self::Tcp, Self::Udp, Self::Sctp];

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// The one with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|protocol| protocol.name() == name)
    }

    /// The number in the IP header.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }

    /// `proto = tcp`, from the word `proto` on.
    pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Self, Error> {
        expect_keyword(parser, "proto")?;
        let found = match parser.cursor.token() {
            Token::Id(name) => Self::from_name(name),
            _ => None,
        };
        let Some(protocol) = found else { return Err(parser.cursor.syntax("invalid protocol")) };
        parser.cursor.advance()?;
        Ok(protocol)
    }
}

/// `word =`
pub(super) fn expect_keyword(parser: &mut Parser<'_>, word: &str) -> Result<(), Error> {
    if parser.cursor.accept_id(word)? && parser.cursor.is(Punct::Equals) {
        return parser.cursor.advance();
    }
    Err(parser.cursor.syntax("invalid parameter"))
}

/// Remembers for a while that a sender's connections go to one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitLbAff {
    pub vip: IpAddr,
    /// The port of the service and its protocol; `None` for all.
    pub service: Option<(u16, Transport)>,
    /// Of the same family as `vip`.
    pub backend: IpAddr,
    /// Zero leaves the port as it is.
    pub backend_port: u16,
    pub timeout_seconds: u16,
}

impl fmt::Display for CommitLbAff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = |address: IpAddr, port: u16| {
            let port = if port == 0 { String::new() } else { format!(":{port}") };
            match address {
                IpAddr::V4(address) => format!("{address}{port}"),
                IpAddr::V6(address) => format!("[{address}]{port}"),
            }
        };
        let vip = endpoint(self.vip, self.service.map_or(0, |(port, _)| port));
        let backend = endpoint(self.backend, self.backend_port);
        write!(f, "commit_lb_aff(vip = \"{vip}\", backend = \"{backend}\", ")?;
        if let Some((_, protocol)) = self.service {
            write!(f, "proto = {}, ", protocol.name())?;
        }
        write!(f, "timeout = {});", self.timeout_seconds)
    }
}

/// After the word.
pub(super) fn parse_commit_affinity(parser: &mut Parser<'_>) -> Result<Action, Error> {
    parser.cursor.expect(Punct::LParen)?;
    let (vip, vip_port) = parse_endpoint(parser, "vip")?;
    parser.cursor.expect(Punct::Comma)?;
    let start = parser.cursor.clone();
    let (backend, backend_port) = parse_endpoint(parser, "backend")?;
    if vip.is_ipv4() != backend.is_ipv4() {
        return Err(start.syntax("invalid protocol family"));
    }
    parser.cursor.expect(Punct::Comma)?;
    let mut service = None;
    if vip_port != 0 {
        service = Some((vip_port, Transport::parse(parser)?));
        parser.cursor.expect(Punct::Comma)?;
    }
    expect_keyword(parser, "timeout")?;
    let timeout_seconds = parser.u16_parameter("affinity timeout")?;
    parser.cursor.expect(Punct::RParen)?;
    // The switch refuses to learn from fields that a packet may not have.
    parser.imply(if vip.is_ipv6() { "ip6" } else { "ip4" });
    if let Some((_, protocol)) = service {
        parser.imply(protocol.name());
    }
    Ok(Action::CommitLbAff(CommitLbAff { vip, service, backend, backend_port, timeout_seconds }))
}

/// `word = "address:port"`, the port zero if it is not there.
fn parse_endpoint(parser: &mut Parser<'_>, word: &str) -> Result<(IpAddr, u16), Error> {
    expect_keyword(parser, word)?;
    let endpoint = match parser.cursor.token() {
        Token::String(text) => endpoint(text),
        _ => None,
    };
    let Some(endpoint) = endpoint else { return Err(parser.cursor.syntax("invalid parameter")) };
    parser.cursor.advance()?;
    Ok(endpoint)
}

/// `1.2.3.4`, `1.2.3.4:80`, `fd00::1`, `[fd00::1]`, `[fd00::1]:80`.
pub(super) fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address, 0));
    }
    if let Ok(endpoint) = text.parse::<std::net::SocketAddr>() {
        return Some((endpoint.ip(), endpoint.port()));
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    Some((IpAddr::V6(inner.parse().ok()?), 0))
}
