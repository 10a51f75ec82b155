//! Connection methods as operators write them: `unix:FILE`, `tcp:IP:PORT`, `ssl:IP:PORT`, `punix:FILE`,
//! `ptcp:PORT[:IP]`, `pssl:PORT[:IP]`.
//!
//! Hosts are addresses, or `localhost`: a static executable cannot ask the system's name service.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::paths::below;

/// Port of an OVSDB manager when none is given (IANA).
pub const OVSDB_PORT: u16 = 6640;

/// Somewhere to connect to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Active {
    /// A Unix domain socket.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
    /// A TCP address where TLS is spoken.
    Tls(SocketAddr),
}

/// Somewhere to listen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Passive {
    /// A Unix domain socket; a stale one is replaced.
    Unix(PathBuf),
    /// A TCP address; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A TCP address where TLS is spoken; port 0 lets the system choose.
    Tls(SocketAddr),
}

/// Either kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// We connect.
    Active(Active),
    /// We listen.
    Passive(Passive),
}

/// A connection method that cannot be used; says which and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}: {why}")]
pub struct BadTarget {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl fmt::Display for Active {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            // An IPv6 address has its brackets.
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Tls(address) => write!(f, "ssl:{address}"),
        }
    }
}

impl fmt::Display for Passive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "punix:{}", path.display()),
            Self::Tcp(address) => write_passive(f, "ptcp", *address),
            Self::Tls(address) => write_passive(f, "pssl", *address),
        }
    }
}

fn write_passive(f: &mut fmt::Formatter<'_>, method: &str, address: SocketAddr) -> fmt::Result {
    match address {
        SocketAddr::V4(address) => write!(f, "{method}:{}:{}", address.port(), address.ip()),
        SocketAddr::V6(address) => write!(f, "{method}:{}:[{}]", address.port(), address.ip()),
    }
}

impl Target {
    /// Reads one method; a relative path is below `run_dir`.
    ///
    /// # Errors
    /// When the method or its parts make no sense.
    pub fn parse(text: &str, run_dir: &Path) -> Result<Self, BadTarget> {
        let bad = |why| BadTarget { text: text.to_owned(), why };
        let (method, rest) = text.split_once(':').ok_or_else(|| bad("expected METHOD:ADDRESS"))?;
        match method {
            "unix" => Ok(Self::Active(Active::Unix(below(run_dir, rest)))),
            "punix" => Ok(Self::Passive(Passive::Unix(below(run_dir, rest)))),
            "tcp" => host_port(rest).map(|address| Self::Active(Active::Tcp(address))).map_err(bad),
            "ptcp" => port_host(rest).map(|address| Self::Passive(Passive::Tcp(address))).map_err(bad),
            "ssl" => host_port(rest).map(|address| Self::Active(Active::Tls(address))).map_err(bad),
            "pssl" => port_host(rest).map(|address| Self::Passive(Passive::Tls(address))).map_err(bad),
            _ => Err(bad("unknown connection method (expected unix, tcp, ssl, punix, ptcp or pssl)")),
        }
    }
}

impl Active {
    /// Reads one method that connects.
    ///
    /// # Errors
    /// When it makes no sense or listens.
    pub fn parse(text: &str, run_dir: &Path) -> Result<Self, BadTarget> {
        match Target::parse(text, run_dir)? {
            Target::Active(active) => Ok(active),
            Target::Passive(_) => Err(BadTarget {
                text: text.to_owned(),
                why: "expected a method that connects (unix, tcp or ssl)",
            }),
        }
    }

    /// Reads a comma list of methods that connect, as `ovn-remote` holds for a cluster.
    ///
    /// # Errors
    /// The first that makes no sense.
    pub fn parse_list(text: &str, run_dir: &Path) -> Result<Vec<Self>, BadTarget> {
        text.split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(|one| Self::parse(one, run_dir))
            .collect()
    }
}

fn host_port(text: &str) -> Result<SocketAddr, &'static str> {
    if let Some(inside) = text.strip_prefix('[') {
        let (host, rest) = inside.split_once(']').ok_or("expected ']' after the IPv6 address")?;
        let host = host.parse::<Ipv6Addr>().map_err(|_| "expected an IPv6 address between brackets")?;
        let port = rest.strip_prefix(':').map_or(Ok(OVSDB_PORT), port)?;
        return Ok(SocketAddr::new(IpAddr::V6(host), port));
    }
    let (host_text, port_text) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    Ok(SocketAddr::new(host(host_text)?, port_text.map_or(Ok(OVSDB_PORT), port)?))
}

fn port_host(text: &str) -> Result<SocketAddr, &'static str> {
    let (port_text, host_text) = match text.split_once(':') {
        Some((port, host)) => (port, Some(host)),
        None => (text, None),
    };
    let address = match host_text {
        None | Some("") => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Some(text) => host(text.trim_start_matches('[').trim_end_matches(']'))?,
    };
    Ok(SocketAddr::new(address, if port_text.is_empty() { OVSDB_PORT } else { port(port_text)? }))
}

fn host(text: &str) -> Result<IpAddr, &'static str> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| "expected an IP address or localhost")
}

fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "expected a port from 0 to 65535")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match Target::parse(text, Path::new("/run")) {
            Ok(Target::Active(active)) => active.to_string(),
            Ok(Target::Passive(passive)) => passive.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn methods() {
        check("unix:a.sock", "unix:/run/a.sock");
        check("punix:/x/a.sock", "punix:/x/a.sock");
        check("tcp:127.0.0.1:6642", "tcp:127.0.0.1:6642");
        check("tcp:[::1]:6642", "tcp:[::1]:6642");
        check("tcp:localhost", "tcp:127.0.0.1:6640");
        check("ptcp:0:127.0.0.1", "ptcp:0:127.0.0.1");
        check("ptcp:6641", "ptcp:6641:0.0.0.0");
        check("ptcp:6641:[::]", "ptcp:6641:[::]");
        check("ssl:1.2.3.4:1", "ssl:1.2.3.4:1");
        check("ssl:[::1]", "ssl:[::1]:6640");
        check("pssl:0:127.0.0.1", "pssl:0:127.0.0.1");
        check("tcp:host:1", "tcp:host:1: expected an IP address or localhost");
        check("tcp:1.2.3.4:x", "tcp:1.2.3.4:x: expected a port from 0 to 65535");
        check("carrier-pigeon", "carrier-pigeon: expected METHOD:ADDRESS");
    }
}
