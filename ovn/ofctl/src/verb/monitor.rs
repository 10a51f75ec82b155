//! Messages as they come, and messages given in hexadecimal.

use openflow::{Body, HEADER_LEN, Message, PacketIn2, PacketInFormat, Style, SwitchConfig, Version};

use crate::options::Options;
use crate::packets::{hex, line, octets};
use crate::session::Session;
use crate::{Failure, Result, World};

/// Prints what the switch says until it hangs up; with `resume` lets paused packets go on.
pub(crate) fn monitor(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let (mut miss_send_len, mut resumes) = (None, false);
    for arg in &args[1..] {
        match arg.as_str() {
            "resume" => resumes = true,
            text => {
                let len = text.parse::<u16>();
                miss_send_len =
                    Some(len.map_err(|_| Failure::new(format!("{text}: unsupported \"monitor\" argument")))?);
            }
        }
    }
    let mut session = Session::open(options, &args[0], world)?;
    if let Some(miss_send_len) = miss_send_len {
        let Body::GetConfigReply(config) = session.ask(Body::GetConfigRequest)?.body else {
            return Err(Failure::new("the switch did not tell its configuration"));
        };
        session.send(Body::SetConfig(SwitchConfig { miss_send_len, ..config }))?;
    }
    session.send(Body::SetPacketInFormat(options.packet_in.unwrap_or(PacketInFormat::Nxt2)))?;
    while let Some(message) = session.receive()? {
        print_message(options, session.version, &message, world);
        if resumes
            && let Body::PacketIn2(packet) = message.body
            && packet.continuation.is_some()
        {
            let resumed = PacketIn2 { userdata: Vec::new(), full_len: None, ..packet };
            session.send(Body::Resume(resumed))?;
        }
    }
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
