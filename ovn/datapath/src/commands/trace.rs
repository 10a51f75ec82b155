//! `ofproto/trace`: the way of one packet through the tables.

use std::time::Instant;

use openflow::{Match, PortNo};
use packet::key::{FlowKey, extract, slot};

use crate::field::key_of_match;
use crate::port::PortId;
use crate::show::{show_key, show_ops};
use crate::switch::Switch;
use crate::xlate::Xlate;

/// Translates a packet without sending it. The packet is given by its fields, as in flows, and may be
/// given as hexadecimal digits; then only the fields of the pipeline are taken from the first.
pub(super) fn trace(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let id = switch.bridge_named(args[0])?;
    let matching: Match = args[1].parse().map_err(|error| format!("{error}"))?;
    let bridge = switch.bridges.get(&id).ok_or("no such bridge")?;
    let (mut key, _) = key_of_match(&matching, &bridge.tlv).map_err(|code| format!("{}: {code}", args[1]))?;
    if matching.in_port().is_none() {
        key.set(slot::IN_PORT, u128::from(PortNo::NONE.0));
    }
    if let Some(digits) = args.get(2) {
        let frame = octets(digits).ok_or_else(|| format!("{digits}: expected hexadecimal digits"))?;
        extract(&frame, &mut key);
    }
    let mut out = format!("Flow: {}\n\nbridge(\"{}\")\n", show_key(&key, &used_bits(&key)), args[0]);
    out += &format!("{}\n", "-".repeat(args[0].len() + 10));
    let (translation, lines) =
        Xlate::new(switch.view(), id, key.clone()).with_trace().start().finish_traced();
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
