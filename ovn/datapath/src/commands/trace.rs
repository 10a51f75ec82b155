//! `ofproto/trace`: the way of one packet through the tables.

use std::time::Instant;

use openflow::PortNo;
use packet::key::{FlowKey, extract, slot};

use crate::port::PortId;
use crate::show::{show_key, show_ops};
use crate::switch::Switch;
use crate::xlate::Xlate;

/// Translates a packet, given as hexadecimal digits, without sending it.
pub(super) fn trace(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let bridge = switch.bridge_named(args[0])?;
    let port = args[1].strip_prefix("in_port=").and_then(|n| n.parse().ok());
    let port: u32 = port.ok_or_else(|| format!("{}: expected in_port=NUMBER", args[1]))?;
    let frame = octets(args[2]).ok_or_else(|| format!("{}: expected hexadecimal digits", args[2]))?;
    let port = if port == 65534 { PortNo::LOCAL } else { PortNo(port) };
    let mut key = FlowKey::ZERO;
    key.set(slot::IN_PORT, u128::from(port.0));
    extract(&frame, &mut key);
    let mut out = format!("Flow: {}\n\nbridge(\"{}\")\n", show_key(&key, &used_bits(&key)), args[0]);
    out += &format!("{}\n", "-".repeat(args[0].len() + 10));
    let (translation, lines) =
        Xlate::new(switch.view(), bridge, key.clone()).with_trace().start().finish_traced();
    for line in lines {
        out += &format!("{line}\n");
    }
    let name = |id: PortId| switch.port(id).map_or_else(|| id.0.to_string(), |port| port.name.clone());
    let mut looked = translation.looked;
    looked.set(slot::IN_PORT, u128::MAX);
    out += &format!("\nMegaflow: {}\n", show_key(&key, &looked));
    out += &format!("Datapath actions: {}\n", show_ops(&translation.ops, &name));
    Ok(out)
}

/// All bits of the words that are not zero.
fn used_bits(key: &FlowKey) -> FlowKey {
    let mut mask = FlowKey::ZERO;
    for (bits, word) in mask.words_mut().iter_mut().zip(key.words()) {
        *bits = if *word == 0 { 0 } else { u64::MAX };
    }
    mask
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
