//! Messages as they come, and messages given in hexadecimal.

use openflow::{
    Body, FlowMonitor, HEADER_LEN, Message, MultipartRequest, PacketIn2, PacketInFormat, Style, SwitchConfig,
    Version,
};

use crate::names::numbered;
use crate::options::Options;
use crate::packets::{hex, line, octets};
use crate::session::Session;
use crate::{Failure, Result, World};

/// The bit of a switch's configuration that hands over packets whose time to live is over.
const INVALID_TTL: u16 = 4;

/// What a connection is to be told.
#[derive(Default)]
struct Wanted {
    miss_send_len: Option<u16>,
    invalid_ttl: bool,
    resumes: bool,
    /// The texts of flow monitors.
    watches: Vec<String>,
}

fn wanted(args: &[String]) -> Result<Wanted> {
    let mut wanted = Wanted::default();
    for arg in args {
        match arg.as_str() {
            "resume" => wanted.resumes = true,
            "invalid_ttl" => wanted.invalid_ttl = true,
            text if text.starts_with("watch:") => wanted.watches.push(text["watch:".len()..].to_owned()),
            text => {
                let len = text
                    .parse()
                    .map_err(|_| Failure::new(format!("{text}: unsupported \"monitor\" argument")))?;
                wanted.miss_send_len = Some(len);
            }
        }
    }
    Ok(wanted)
}

/// Prints what the switch says until it hangs up: packets, ports, with `watch:` changes of flows; with `resume` lets
/// paused packets go on.
pub(crate) fn monitor(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let wanted = wanted(&args[1..])?;
    let mut session = Session::open(options, &args[0], world)?;
    if wanted.miss_send_len.is_some() || wanted.invalid_ttl {
        let Body::GetConfigReply(config) = session.ask(Body::GetConfigRequest)?.body else {
            return Err(Failure::new("the switch did not tell its configuration"));
        };
        let flags = config.flags | if wanted.invalid_ttl { INVALID_TTL } else { 0 };
        let miss_send_len = wanted.miss_send_len.unwrap_or(config.miss_send_len);
        session.send(Body::SetConfig(SwitchConfig { flags, miss_send_len }))?;
    }
    for (id, text) in (0..).zip(&wanted.watches) {
        watch(options, &mut session, id, text, world)?;
    }
    session.send(Body::SetPacketInFormat(options.packet_in.unwrap_or(PacketInFormat::Nxt2)))?;
    while let Some(message) = session.receive()? {
        print_message(options, session.version, &message, world);
        if wanted.resumes
            && let Body::PacketIn2(packet) = message.body
            && packet.continuation.is_some()
        {
            let resumed = PacketIn2 { userdata: Vec::new(), full_len: None, ..packet };
            session.send(Body::Resume(resumed))?;
        }
    }
    Ok(())
}

/// Asks for a flow monitor, and prints what it begins with.
fn watch(options: &Options, session: &mut Session, id: u32, text: &str, world: &mut dyn World) -> Result<()> {
    let monitor = FlowMonitor::parse(id, &numbered(text, &session.names()?))?;
    let request = MultipartRequest::FlowMonitor(vec![monitor]);
    if options.more > 0 {
        let asked = Body::MultipartRequest(request.clone()).with_xid(session.next_xid());
        world.print(&asked.text(session.version, Style::default()));
    }
    let reply = session.stats(request)?;
    world.print(&session.text(&reply, Style::default()));
    Ok(())
}

/// Prints what the controllers of a switch hear and say.
pub(crate) fn snoop(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open_as(options.versions, &args[0], true, world)?;
    while let Some(message) = session.receive()? {
        print_message(options, session.version, &message, world);
    }
    Ok(())
}

fn print_message(options: &Options, version: Version, message: &Message, world: &mut dyn World) {
    let mut text = message.text(version, Style::default());
    let packet = match &message.body {
        Body::PacketIn(packet) | Body::NxPacketIn(packet) => Some(&packet.packet),
        Body::PacketIn2(packet) | Body::Resume(packet) => Some(&packet.packet),
        Body::PacketOut(packet) => Some(&packet.packet),
        _ => None,
    };
    if let Some(packet) = packet {
        text += &line(packet);
        if options.more > 0 {
            text += &hex(packet);
        }
    }
    world.print(&text);
}

/// Prints a message that is given in hexadecimal digits, or messages that a file has as octets in such digits.
pub(crate) fn print(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let text = if world.is_file(&args[0]) { world.read_file(&args[0])? } else { args[0].clone() };
    let bad = || Failure::new(format!("{}: expected a message in hexadecimal digits", args[0]));
    let all = octets(&text).ok_or_else(bad)?;
    let mut rest = all.as_slice();
    while !rest.is_empty() {
        let [version, _, high, low, ..] = *rest else {
            return Err(Failure::new(format!("OpenFlow packet too short (only {} bytes)", rest.len())));
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len < HEADER_LEN || len > rest.len() {
            return Err(Failure::new(format!("truncated to {} bytes from {len}", rest.len())));
        }
        let (message, after) = rest.split_at(len);
        let version = Version::from_wire(version)
            .ok_or_else(|| Failure::new(format!("OpenFlow version {version:#04x} is not spoken here")))?;
        let message = Message::decode(version, message).map_err(|error| Failure::new(error.to_string()))?;
        print_message(options, version, &message, world);
        rest = after;
    }
    Ok(())
}
