//! `ofproto/trace`: the way of one packet through the tables.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use openflow::{Match, PortNo};
use packet::key::{FlowKey, extract_tags, slot};

use crate::BridgeId;
use crate::conntrack::{Tracked, state};
use crate::field::key_of_match;
use crate::port::PortId;
use crate::program::{Ct, Op};
use crate::show::{show_key, show_ops};
use crate::switch::Switch;
use crate::xlate::{Translation, Xlate};

/// Ways through the tables that are shown of one packet.
const PASSES_MAX: usize = 32;

/// Translates a packet without sending it. The packet is given by its fields, as in flows, and may be
/// given as hexadecimal digits; then only the fields of the pipeline are taken from the first. Where
/// a `ct` action sends it through the tables again, it does so with the states of `--ct-next`, one
/// after the other, and as a new connection when there are none left. Nothing is tracked.
pub(super) fn trace(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let (operands, mut next) = options(args)?;
    let [name, flow, packet @ ..] = operands.as_slice() else {
        return Err("a bridge and a flow are needed".to_owned());
    };
    let id = switch.bridge_named(name)?;
    let matching: Match = flow.parse().map_err(|error| format!("{error}"))?;
    let bridge = switch.bridges.get(&id).ok_or("no such bridge")?;
    let (mut key, _) = key_of_match(&matching, &bridge.tlv).map_err(|code| format!("{flow}: {code}"))?;
    if matching.in_port().is_none() {
        key.set(slot::IN_PORT, u128::from(PortNo::NONE.0));
    }
    if let Some(digits) = packet.first() {
        let frame = octets(digits).ok_or_else(|| format!("{digits}: expected hexadecimal digits"))?;
        extract_tags(&frame, &mut key, switch.tags_max);
    }
    let mut out = head(switch, id, &key);
    let xlate = Xlate::new(switch.view(), id, key.clone()).with_trace().start();
    let mut waiting = VecDeque::from(show(switch, xlate.finish_traced(), &key, &mut out));
    for _ in 1..PASSES_MAX {
        let Some(ct) = waiting.pop_front() else { break };
        let Some(recirc) = &ct.recirc else { continue };
        let (bits, why) = match next.pop_front() {
            Some(bits) => (bits, ""),
            None => (state::NEW | state::TRK, " default"),
        };
        let bar = "=".repeat(79);
        let hint = if why.is_empty() { "" } else { " (use --ct-next to customize)" };
        let number = recirc.number();
        let words = state_words(bits);
        out += &format!(
            "\n{bar}\nrecirc({number:#x}) - resume conntrack with{why} ct_state={words}{hint}\n{bar}\n\n"
        );
        let mut lookup = key.clone();
        recirc.mark(&mut lookup);
        Tracked::found(bits, &ct.request).write(&mut lookup);
        let (key, _) = recirc.frozen.thaw(&lookup);
        out += &head(switch, recirc.frozen.bridge, &key);
        let xlate = Xlate::new(switch.view(), recirc.frozen.bridge, lookup).with_trace();
        let found = show(switch, xlate.start_again(&recirc.frozen).finish_traced(), &key, &mut out);
        waiting.extend(found);
    }
    Ok(out)
}

/// What is no option, and the states to go on with.
fn options<'a>(args: &[&'a str]) -> Result<(Vec<&'a str>, VecDeque<u8>), String> {
    let (mut operands, mut next) = (Vec::new(), VecDeque::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let text = match arg.strip_prefix("--ct-next") {
            None => {
                operands.push(*arg);
                continue;
            }
            Some("") => args.next().copied().unwrap_or_default(),
            Some(text) => text.trim_start_matches('='),
        };
        let bits = text.split([',', '|']).map(|word| {
            let known = WORDS.iter().find(|(name, _)| *name == word.trim().trim_start_matches('+'));
            known.map(|(_, bit)| *bit).ok_or_else(|| format!("unknown ct_state flag {word}"))
        });
        let bits = bits.collect::<Result<Vec<u8>, String>>()?;
        next.push_back(bits.into_iter().fold(state::TRK, |all, bit| all | bit));
    }
    Ok((operands, next))
}

const WORDS: [(&str, u8); 8] = [
    ("new", state::NEW),
    ("est", state::EST),
    ("rel", state::REL),
    ("rpl", state::RPL),
    ("inv", state::INV),
    ("trk", state::TRK),
    ("snat", state::SNAT),
    ("dnat", state::DNAT),
];

fn state_words(bits: u8) -> String {
    let set: Vec<&str> = WORDS.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name).collect();
    set.join("|")
}

/// What a way through the tables begins with.
fn head(switch: &Switch, bridge: BridgeId, key: &FlowKey) -> String {
    let name = switch.bridges.get(&bridge).map_or("", |bridge| bridge.name.as_str());
    let line = "-".repeat(name.len() + 10);
    format!("Flow: {}\n\nbridge(\"{name}\")\n{line}\n", show_key(key, &used_bits(key)))
}

/// Writes what a way through the tables came to; the actions of the tracker in it.
fn show(
    switch: &Switch,
    (translation, lines): (Translation, Vec<String>),
    key: &FlowKey,
    out: &mut String,
) -> Vec<Arc<Ct>> {
    for line in lines {
        *out += &format!("{line}\n");
    }
    let name = |id: PortId| switch.port(id).map_or_else(|| id.0.to_string(), |port| port.name.clone());
    let mut looked = translation.looked;
    looked.set(slot::IN_PORT, u128::MAX);
    *out += &format!("\nMegaflow: {}\n", show_key(key, &looked));
    *out += &format!("Datapath actions: {}\n", show_ops(&translation.ops, &name));
    let mut found = Vec::new();
    collect(&translation.ops, &mut found);
    found
}

/// The actions of the tracker, nested ones too.
fn collect(ops: &[Op], found: &mut Vec<Arc<Ct>>) {
    for op in ops {
        match op {
            Op::Ct(ct) => found.push(Arc::clone(ct)),
            Op::Clone(nested) => collect(nested, found),
            Op::CheckLarger { larger, smaller, .. } => {
                collect(larger, found);
                collect(smaller, found);
            }
            Op::Output(_)
            | Op::Tunnel(_)
            | Op::Punt(_)
            | Op::Set(_)
            | Op::PushVlan { .. }
            | Op::PopVlan
            | Op::Truncate(_)
            | Op::Meter(_)
            | Op::CtClear => {}
        }
    }
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
