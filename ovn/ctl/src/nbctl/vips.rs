//! Addresses of load balancers: virtual ones and those behind them, plain or as templates.

use super::values::whole_number;
use crate::Failure;
use crate::context::{Context, LogModule};
use crate::failure::fail;
use std::net::{IpAddr, Ipv6Addr};

/// What the name of a template variable begins with.
const TEMPLATE: char = '^';

/// `IP` or `IP:PORT`, an IPv6 address before a port in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) address: IpAddr,
    /// Zero where none is written.
    pub(super) port: u16,
}

impl Endpoint {
    /// Reads one. What is wrong with it is logged as upstream's programs do.
    pub(super) fn parse(context: &mut Context<'_>, text: &str) -> Option<Self> {
        let (host, port) = split(text);
        let port = match port {
            None | Some("") => 0,
            Some(port) => {
                let number = whole_number(port).and_then(|number| u16::try_from(number).ok());
                if number.is_none() {
                    context.warn(LogModule::SocketUtil, format!("{text}: bad port number \"{port}\""));
                }
                number?
            }
        };
        if host.contains(':') {
            let address: Ipv6Addr = host.split('%').next()?.parse().ok()?;
            return Some(Self { address: address.into(), port });
        }
        let address: Option<std::net::Ipv4Addr> = host.parse().ok();
        if address.is_none() {
            context.warn(LogModule::SocketUtil, format!("{text}: bad IP address \"{host}\""));
        }
        Some(Self { address: address?.into(), port })
    }
}

/// The host and, where there is one, the port of a text; two colons outside of brackets make all of it a host.
fn split(text: &str) -> (&str, Option<&str>) {
    let (mut is_inside, mut colons, mut last) = (false, 0, 0);
    for (place, letter) in text.char_indices() {
        match letter {
            '[' => is_inside = true,
            ']' => is_inside = false,
            ':' if !is_inside => (colons, last) = (colons + 1, place),
            _ => {}
        }
    }
    match colons {
        0 => (unbracket(text), None),
        1 => (unbracket(&text[..last]), Some(unbracket(&text[last + 1..]))),
        _ => (text, None),
    }
}

fn unbracket(text: &str) -> &str {
    text.strip_prefix('[').map_or(text, |inner| inner.strip_suffix(']').unwrap_or(inner))
}

/// A virtual address with what is behind it, as the database has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vip {
    pub(super) vip: String,
    pub(super) backends: String,
    pub(super) has_port: bool,
}

/// Reads plain addresses.
pub(super) fn plain(context: &mut Context<'_>, vip: &str, backends: &str) -> Result<Vip, Failure> {
    let Some(endpoint) = Endpoint::parse(context, vip) else {
        fail!("{vip}: should be an IP address (or an IP address and a port number with : as a separator).");
    };
    let target = Target {
        is_v6: endpoint.address.is_ipv6(),
        vip: endpoint.address.to_string(),
        has_port: endpoint.port != 0,
        is_template: false,
    };
    let backends = target.backends(context, backends)?;
    let port = target.has_port.then(|| endpoint.port.to_string());
    Ok(Vip { vip: join(&target.vip, port.as_deref(), target.is_v6), backends, has_port: target.has_port })
}

/// Reads `^VARIABLE[:^VARIABLE|:PORT]` and what is behind it.
pub(super) fn template(
    context: &mut Context<'_>,
    vip: &str,
    backends: &str,
    is_v6: bool,
) -> Result<Vip, Failure> {
    let Some((variable, port)) = variable(vip) else {
        fail!("{vip}: should be a template of the form: '^vip_variable[:^port_variable|:port]'.");
    };
    let target = Target { is_v6, vip: variable.to_owned(), has_port: port.is_some(), is_template: true };
    let backends = target.backends(context, backends).map_err(|failure| {
        Failure::new(format!("invalid backend: template ({})", failure.message.unwrap_or_default()))
    })?;
    Ok(Vip { vip: join(variable, port, false), backends, has_port: target.has_port })
}

/// A variable, and the one or the number that stands for the port.
fn variable(text: &str) -> Option<(&str, Option<&str>)> {
    let mut words = text.split(':').filter(|word| !word.is_empty());
    let found = (words.next()?, words.next());
    words.next().is_none().then_some(found)
}

fn join(host: &str, port: Option<&str>, has_brackets: bool) -> String {
    match port {
        Some(port) if has_brackets => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// What addresses behind a virtual one have to agree with.
struct Target {
    is_v6: bool,
    vip: String,
    has_port: bool,
    is_template: bool,
}

impl Target {
    /// Reads addresses with commas between them.
    fn backends(&self, context: &mut Context<'_>, text: &str) -> Result<String, Failure> {
        let (mut read, mut wrong) = (Vec::new(), Vec::new());
        for word in text.split(',').filter(|word| !word.is_empty()) {
            let backend = if self.is_template && word.starts_with(TEMPLATE) {
                template_backend(word)
            } else {
                self.backend(context, word).map_err(|what| (word, what))
            };
            match backend {
                Ok(backend) => read.push(backend),
                Err((word, what)) => wrong.push(format!("{word}: {what}")),
            }
        }
        if wrong.is_empty() {
            return Ok(read.join(","));
        }
        fail!("{}.", wrong.join(", "))
    }

    /// Reads one address.
    fn backend(&self, context: &mut Context<'_>, text: &str) -> Result<String, String> {
        let wanted = if self.has_port {
            "should be an IP address and a port number with : as a separator"
        } else {
            "should be an IP address"
        };
        let Some(endpoint) = Endpoint::parse(context, text) else { return Err(wanted.to_owned()) };
        if endpoint.address.is_ipv6() != self.is_v6 {
            return Err(format!("IP address family is different from VIP {}", self.vip));
        }
        if self.has_port != (endpoint.port != 0) {
            return Err(wanted.to_owned());
        }
        let port = self.has_port.then(|| endpoint.port.to_string());
        let has_brackets = self.is_v6 && !endpoint.address.is_unspecified();
        Ok(join(&endpoint.address.to_string(), port.as_deref(), has_brackets))
    }
}

/// Reads one address that is a template; errors name only its first part.
fn template_backend(text: &str) -> Result<String, (&str, String)> {
    match variable(text) {
        Some((variable, port)) => Ok(join(variable, port, false)),
        None => Err((
            text.split(':').next().unwrap_or_default(),
            "should be a template of the form: '^backendip_variable1[:^port_variable1|:port]'".to_owned(),
        )),
    }
}
