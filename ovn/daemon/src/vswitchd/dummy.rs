//! Commands about dummy devices: what tests do to them.

use std::time::Instant;

use datapath::vswitchd::Vswitchd;
use packet::Frame;

use super::devices::Devices;
use crate::base::unixctl::{Spec, spec};

/// Names and arguments.
pub(super) const COMMANDS: [Spec; 2] = [
    spec("netdev-dummy/receive", "name [--qid queue_id] packet", 2, 4),
    spec("netdev-dummy/set-admin-state", "[netdev] up|down", 1, 2),
];

/// Carries out a command about dummies; `None` if it is not one.
pub(super) fn command(
    name: &str,
    args: &[&str],
    devices: &mut Devices,
    core: &mut Vswitchd,
    now: Instant,
) -> Option<Result<String, String>> {
    match name {
        "netdev-dummy/receive" => Some(receive(args, devices, core, now)),
        "netdev-dummy/set-admin-state" => Some(set_admin_state(args, devices, core, now)),
        _ => None,
    }
}

/// Frames come in, given as hexadecimal digits.
fn receive(
    args: &[&str],
    devices: &mut Devices,
    core: &mut Vswitchd,
    now: Instant,
) -> Result<String, String> {
    let (name, mut rest) = args.split_first().ok_or("no dummy netdev given")?;
    let id = devices.dummies().named(name).ok_or("no such dummy netdev")?;
    if let ["--qid", number, packets @ ..] = rest {
        // One queue is all there is.
        number.parse::<u32>().map_err(|_| format!("{number}: not a queue"))?;
        rest = packets;
    }
    let frames: Vec<Vec<u8>> = rest
        .iter()
        .map(|digits| octets(digits).ok_or_else(|| format!("syntax error at {digits}")))
        .collect::<Result<_, _>>()?;
    for frame in frames {
        if devices.dummies().receive(id, &frame) {
            core.switch_mut().receive(id, [Frame::copy_from(&frame)], now);
        }
    }
    Ok(String::new())
}

/// One device, or all, is set up or down.
fn set_admin_state(
    args: &[&str],
    devices: &mut Devices,
    core: &mut Vswitchd,
    now: Instant,
) -> Result<String, String> {
    let up = match args.last() {
        Some(&"up") => true,
        Some(&"down") => false,
        Some(_) | None => return Err("Invalid Admin State".to_owned()),
    };
    let ids = match args {
        [name, _] => vec![devices.dummies().named(name).ok_or("Unknown Dummy Interface")?],
        _ => devices.dummies().ids(),
    };
    for id in ids {
        if let Some(info) = devices.dummies().change(id, |info| info.admin_up = up) {
            core.device_changed(id, info, now);
        }
    }
    Ok("OK".to_owned())
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
