//! Packets to the switch, signs of life, and tracked connections.

use openflow::{Body, CtFlush, Field, Match, PacketOut, PortNo, parse_actions};

use crate::names::numbered;
use crate::options::Options;
use crate::packets::octets;
use crate::session::Session;
use crate::{Failure, Result, World};

/// `SWITCH in_port=1,packet=HEX,actions=...`, or the older `SWITCH PORT ACTIONS PACKET...`.
pub(crate) fn packet_out(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let names = session.names()?;
    let outs = match &args[1..] {
        [text] => vec![described(&numbered(text, &names))?],
        [port, actions, packets @ ..] if !packets.is_empty() => {
            let port = numbered(&format!("in_port={port}"), &names);
            let port = parse_port(port.trim_start_matches("in_port="))?;
            let actions =
                parse_actions(&numbered(&format!("actions={actions}"), &names)["actions=".len()..])?;
            let each = packets.iter().map(|packet| Ok(PacketOut::new(port, actions.clone(), frame(packet)?)));
            each.collect::<Result<_>>()?
        }
        _ => return Err(Failure::new("must specify packet")),
    };
    session.change(outs.into_iter().map(Body::PacketOut).collect())
}

fn frame(text: &str) -> Result<Vec<u8>> {
    octets(text).ok_or_else(|| Failure::new(format!("{text}: expected a packet in hexadecimal digits")))
}

fn parse_port(text: &str) -> Result<PortNo> {
    let port = PortNo::reserved(text).or_else(|| text.parse().ok().map(PortNo));
    port.ok_or_else(|| Failure::new(format!("{text}: expected a port")))
}

/// A packet-out in one text.
pub(super) fn described(text: &str) -> Result<PacketOut> {
    let (head, actions) = text
        .split_once("actions=")
        .or_else(|| text.split_once("action="))
        .ok_or_else(|| Failure::new("must specify an action"))?;
    let mut packet = None;
    let mut metadata = Match::any();
    for part in head.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("packet", digits)) => packet = Some(frame(digits)?),
            Some(("in_port", port)) => metadata.set(Field::InPort, parse_port(port)?.0),
            _ => {
                let more: Match = part.parse()?;
                more.iter().for_each(|test| metadata.set_masked(test.field, test.value, test.mask));
            }
        }
    }
    // The packet may also stand behind the actions.
    let (actions, packet) = match actions.split_once(",packet=") {
        Some((actions, digits)) => (actions, Some(frame(digits)?)),
        None => (actions, packet),
    };
    let packet = packet.ok_or_else(|| Failure::new("must specify packet"))?;
    if metadata.in_port().is_none() {
        metadata.set(Field::InPort, PortNo::CONTROLLER.0);
    }
    Ok(PacketOut { buffer_id: u32::MAX, metadata, actions: parse_actions(actions)?, packet })
}

pub(crate) fn probe(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    session.ask(Body::EchoRequest(Vec::new()))?;
    Ok(())
}

/// Ten echo requests, one after the other, with so many octets.
pub(crate) fn ping(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    const DEFAULT_LEN: usize = 64 - openflow::HEADER_LEN;
    const LEN_MAX: usize = u16::MAX as usize - openflow::HEADER_LEN;
    let len = match args.get(1) {
        None => DEFAULT_LEN,
        Some(text) => text
            .parse()
            .ok()
            .filter(|len| *len <= LEN_MAX)
            .ok_or_else(|| Failure::new(format!("payload must be between 0 and {LEN_MAX} bytes")))?,
    };
    let mut session = Session::open(options, &args[0], world)?;
    for n in 0..10u8 {
        let data: Vec<u8> = (0..len).map(|at| (at as u8).wrapping_add(n)).collect();
        let before = world.micros();
        let reply = session.ask(Body::EchoRequest(data.clone()))?;
        let tenths = world.micros().saturating_sub(before) / 100;
        let Body::EchoReply(back) = reply.body else {
            return Err(Failure::new("the switch answered something else than it was asked"));
        };
        if back != data {
            world.print("Reply does not match request\n");
        }
        let (len, xid) = (back.len(), reply.xid);
        let (millis, tenth) = (tenths / 10, tenths % 10);
        world.print(&format!("{len} bytes from {}: xid={xid:08x} time={millis}.{tenth} ms\n", args[0]));
    }
    Ok(())
}

/// Forgets the tracked connections of a zone.
pub(crate) fn flush_zone(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let zone = args[1].parse().map_err(|_| Failure::new(format!("{}: not a zone", args[1])))?;
    let mut session = Session::open(options, &args[0], world)?;
    session.change(vec![Body::CtFlushZone(zone)])
}

/// Forgets tracked connections: of a zone, with these ends, or all.
pub(crate) fn flush(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let args_of_it: Vec<&str> = args[1..].iter().map(String::as_str).collect();
    let wanted = CtFlush::parse(&args_of_it).map_err(|error| {
        let of_tuple = !error.contains("zone");
        Failure::new(if of_tuple {
            format!("Failed to parse ct-tuple: {error}")
        } else {
            "Failed to parse zone".into()
        })
    })?;
    let mut session = Session::open(options, &args[0], world)?;
    session.change(vec![Body::CtFlush(wanted)])
}
