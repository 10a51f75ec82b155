//! `controller(...)`.

use super::super::error::{Error, Result};
use super::super::split::{at_commas, key_value};
use super::basic::octets;
use super::{meter, number};
use crate::{Action, Controller, PacketInReason};
use std::fmt;

const REASONS: [(&str, PacketInReason); 8] = [
    ("no_match", PacketInReason::NoMatch),
    ("action", PacketInReason::Action),
    ("invalid_ttl", PacketInReason::InvalidTtl),
    ("action_set", PacketInReason::ActionSet),
    ("group", PacketInReason::Group),
    ("packet_out", PacketInReason::PacketOut),
    ("explicit_miss", PacketInReason::ExplicitMiss),
    ("implicit_miss", PacketInReason::ImplicitMiss),
];

pub(super) fn write(f: &mut fmt::Formatter<'_>, c: &Controller) -> fmt::Result {
    let default = Controller::default();
    let mut parts: Vec<String> = Vec::new();
    if c.reason != default.reason {
        let name = REASONS.iter().find(|(_, reason)| *reason == c.reason).map(|(name, _)| (*name).to_owned());
        parts.push(format!("reason={}", name.unwrap_or_else(|| u8::from(c.reason).to_string())));
    }
    if c.max_len != default.max_len {
        parts.push(format!("max_len={}", c.max_len));
    }
    if c.controller_id != default.controller_id {
        parts.push(format!("id={}", c.controller_id));
    }
    if !c.userdata.is_empty() {
        let octets: Vec<String> = c.userdata.iter().map(|b| format!("{b:02x}")).collect();
        parts.push(format!("userdata={}", octets.join(".")));
    }
    if c.pause {
        parts.push("pause".to_owned());
    }
    if let Some(meter) = c.meter {
        parts.push(format!("meter_id={}", meter.0));
    }
    write!(f, "controller({})", parts.join(","))
}

pub(super) fn parse(arguments: &str) -> Result<Action> {
    let mut c = Controller::default();
    for part in at_commas(arguments) {
        let bad = || Error::new(part, "an argument of controller");
        match key_value(part) {
            ("max_len", Some(n)) => c.max_len = number(n, "octets")?,
            ("id", Some(n)) => c.controller_id = number(n, "controller")?,
            ("reason", Some(name)) => {
                let named = REASONS.iter().find(|(n, _)| *n == name).map(|(_, reason)| *reason);
                c.reason = named.map_or_else(|| number::<u8>(name, "reason").map(Into::into), Ok)?;
            }
            ("userdata", Some(data)) => c.userdata = octets(data).ok_or_else(bad)?,
            ("pause", None) => c.pause = true,
            ("meter_id", Some(n)) => c.meter = Some(meter(n)?),
            _ => return Err(bad()),
        }
    }
    Ok(Action::Controller(c))
}
