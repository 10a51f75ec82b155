//! Ports and queues.

use openflow::{
    Body, MultipartReply, MultipartRequest, PortConfig, PortDesc, PortMod, PortNo, Style, Version,
};

use crate::options::Options;
use crate::session::{Session, is_unknown};
use crate::{Failure, Result, World};

/// A port by its number or its name.
fn port(session: &mut Session, text: Option<&String>) -> Result<PortNo> {
    let Some(text) = text else { return Ok(PortNo::ANY) };
    if let Some(port) = PortNo::reserved(text).or_else(|| text.parse().ok().map(PortNo)) {
        return Ok(port);
    }
    let named = session.names()?.into_iter().find(|(_, name)| name == text).map(|(port, _)| port);
    named.ok_or_else(|| Failure::new(format!("couldn't find port `{text}'")))
}

fn print(
    options: &Options,
    session: &mut Session,
    request: MultipartRequest,
    world: &mut dyn World,
) -> Result<()> {
    let reply = session.stats(request)?;
    let names = if options.names { Some(session.names()?) } else { None };
    world.print(&session.text(&reply, Style { ports: names.as_ref(), ..Style::default() }));
    Ok(())
}

pub(crate) fn stats(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let port = port(&mut session, args.get(1))?;
    print(options, &mut session, MultipartRequest::PortStats(port), world)
}

pub(crate) fn descs(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    // Before OpenFlow 1.5 all ports are told, whichever is asked for.
    let wanted = port(&mut session, args.get(1))?;
    let wanted = if session.version == Version::Of15 { wanted } else { PortNo::ANY };
    print(options, &mut session, MultipartRequest::PortDesc(wanted), world)
}

pub(crate) fn queues(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let port = port(&mut session, args.get(1))?;
    let queue = match args.get(2).map(String::as_str) {
        None | Some("ALL" | "all") => u32::MAX,
        Some(text) => text.parse().map_err(|_| Failure::new(format!("{text}: not a queue")))?,
    };
    print(options, &mut session, MultipartRequest::Queue { port, queue }, world)
}

/// Which queues ports have. OpenFlow 1.0 asks port by port, and from 1.4 on it is a request for statistics.
pub(crate) fn queue_configs(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let asked = port(&mut session, args.get(1))?;
    if session.version >= Version::Of14 {
        let request = MultipartRequest::QueueDesc { port: asked, queue: u32::MAX };
        return print(options, &mut session, request, world);
    }
    let asked = if session.version == Version::Of10 && asked == PortNo::ANY {
        session.names()?.into_keys().filter(|port| !port.is_reserved()).collect()
    } else {
        vec![asked]
    };
    for port in asked {
        let reply = session.ask(Body::QueueGetConfigRequest(port))?;
        world.print(&session.text(&reply, Style::default()));
    }
    Ok(())
}

/// What `mod-port` can do: a bit, and whether it is set.
const ACTIONS: [(&str, u32, bool); 10] = [
    ("up", PortConfig::PORT_DOWN, false),
    ("down", PortConfig::PORT_DOWN, true),
    ("receive", PortConfig::NO_RECV, false),
    ("no-receive", PortConfig::NO_RECV, true),
    ("flood", PortConfig::NO_FLOOD, false),
    ("no-flood", PortConfig::NO_FLOOD, true),
    ("forward", PortConfig::NO_FWD, false),
    ("no-forward", PortConfig::NO_FWD, true),
    ("packet-in", PortConfig::NO_PACKET_IN, false),
    ("no-packet-in", PortConfig::NO_PACKET_IN, true),
];

pub(crate) fn modify(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let action = args[2].as_str();
    // "noflood" is as good as "no-flood".
    let plain = |name: &str| name.replace('-', "");
    let found = ACTIONS.iter().find(|(name, ..)| *name == action || plain(name) == action);
    let &(_, bit, on) = found.ok_or_else(|| Failure::new(format!("unknown mod-port command '{action}'")))?;
    let mut session = Session::open(options, &args[0], world)?;
    let wanted = port(&mut session, Some(&args[1]))?;
    let ports = all_ports(&mut session)?;
    let hw_addr = ports.iter().find(|port| port.port == wanted).map(|port| port.hw_addr);
    let hw_addr = hw_addr.ok_or_else(|| Failure::new(format!("couldn't find port `{}'", args[1])))?;
    let config = PortConfig(if on { bit } else { 0 });
    let change = PortMod { port: wanted, hw_addr, config, mask: PortConfig(bit), advertise: 0 };
    session.change(vec![Body::PortMod(change)])
}

/// The ports of a switch. One that does not know the request tells them with its features, in OpenFlow 1.0.
fn all_ports(session: &mut Session) -> Result<Vec<PortDesc>> {
    match session.stats(MultipartRequest::PortDesc(PortNo::ANY)) {
        Ok(message) => match message.body {
            Body::MultipartReply { reply: MultipartReply::PortDesc(ports), .. } => Ok(ports),
            _ => Err(Failure::new("the switch did not tell its ports")),
        },
        Err(failure) if session.version == Version::Of10 && is_unknown(&failure) => {
            match session.ask(Body::FeaturesRequest)?.body {
                Body::FeaturesReply(features) => Ok(features.ports),
                _ => Err(Failure::new("the switch did not tell its ports")),
            }
        }
        Err(failure) => Err(failure),
    }
}
