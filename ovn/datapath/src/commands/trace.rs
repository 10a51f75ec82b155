//! `ofproto/trace`: the way of one packet through the tables.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use openflow::{Match, PortNo};
use packet::key::{FlowKey, extract_tags, slot};

use super::flow_text::{self, STATES};
use crate::BridgeId;
use crate::conntrack::{Tracked, state};
use crate::field::key_of_match;
use crate::port::PortId;
use crate::program::{Ct, Op};
use crate::show::show_ops;
use crate::switch::Switch;
use crate::xlate::{Translation, Xlate};

/// Ways through the tables that are shown of one packet.
const PASSES_MAX: usize = 32;

/// How a trace is to be made.
#[derive(Default)]
struct Options<'a> {
    /// Bridge, flow and perhaps packet.
    operands: Vec<&'a str>,
    /// States to go on with behind the tracker.
    next: VecDeque<u8>,
    /// Ports by their names.
    names: bool,
}

/// Translates a packet without sending it. The packet is given by its fields, as in flows, and may be
/// given as hexadecimal digits; then only the fields of the pipeline are taken from the first. Where
/// a `ct` action sends it through the tables again, it does so with the states of `--ct-next`, one
/// after the other, and as a new connection when there are none left. Nothing is tracked, learned or counted.
pub(super) fn trace(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let Options { operands, mut next, names } = options(args)?;
    let [name, flow, packet @ ..] = operands.as_slice() else {
        let first = operands.first().copied().unwrap_or_default();
        return Err(format!("syntax error at {first} (or the bridge name was omitted)"));
    };
    let id = switch.bridge_named(name).map_err(|_| format!("{name}: unknown bridge"))?;
    let key = packet_of(switch, id, flow, packet.first().copied())?;
    let mut out = String::new();
    let xlate = Xlate::new(switch.view(), id, key.clone()).with_trace().start();
    let first = Way { bridge: id, key: key.clone(), recirc: 0, names };
    let mut waiting = VecDeque::from(show(switch, xlate.finish_traced(), &first, &mut out));
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
            "\n\n{bar}\nrecirc({number:#x}) - resume conntrack with{why} ct_state={words}{hint}\n{bar}\n\n"
        );
        let mut lookup = key.clone();
        recirc.mark(&mut lookup);
        Tracked::found(bits, &ct.request).write(&mut lookup);
        let bridge = recirc.frozen.bridge;
        let (key, _) = recirc.frozen.thaw(&lookup);
        let xlate = Xlate::new(switch.view(), bridge, lookup).with_trace();
        let way = Way { bridge, key, recirc: number, names };
        waiting.extend(show(switch, xlate.start_again(&recirc.frozen).finish_traced(), &way, &mut out));
    }
    out.push('\n');
    Ok(out)
}

/// The packet that a flow, and perhaps hexadecimal digits, describe.
fn packet_of(switch: &Switch, id: BridgeId, flow: &str, digits: Option<&str>) -> Result<FlowKey, String> {
    let bridge = switch.bridges.get(&id).ok_or("no such bridge")?;
    let bad = |error: &dyn std::fmt::Display| format!("Bad openflow flow syntax: {flow}: {error}");
    let matching: Match = with_port_number(switch, id, flow).parse().map_err(|error| bad(&error))?;
    let (mut key, _) = key_of_match(&matching, &bridge.tlv).map_err(|code| bad(&code))?;
    if matching.in_port().is_none() {
        key.set(slot::IN_PORT, u128::from(PortNo::NONE.0));
    }
    if let Some(digits) = digits {
        let frame = octets(digits).ok_or_else(|| "Trailing garbage in packet data".to_owned())?;
        extract_tags(&frame, &mut key, switch.tags_max);
    }
    Ok(key)
}

/// The flow with the number of its port, which may be given by its name.
fn with_port_number(switch: &Switch, id: BridgeId, flow: &str) -> String {
    let number = |part: &str| {
        let name = part.strip_prefix("in_port=")?;
        let mut ports = switch.ports_of(id);
        ports.find(|(_, port)| port.name == name).map(|(_, port)| format!("in_port={}", port.number))
    };
    let parts = flow.split(',').map(|part| number(part.trim()).unwrap_or_else(|| part.to_owned()));
    parts.collect::<Vec<_>>().join(",")
}

fn options<'a>(args: &[&'a str]) -> Result<Options<'a>, String> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let text = match *arg {
            // A packet is not made up, and what would only happen with one does not happen here.
            "-generate" | "--generate" | "-consistent" | "--consistent" | "--no-names" => continue,
            "--names" => {
                options.names = true;
                continue;
            }
            "--ct-next" => args.next().copied().unwrap_or_default(),
            arg => match arg.strip_prefix("--ct-next=") {
                Some(text) => text,
                None => {
                    options.operands.push(arg);
                    continue;
                }
            },
        };
        let bits = text.split([',', '|']).map(|word| {
            let known = STATES.iter().find(|(name, _)| *name == word.trim().trim_start_matches('+'));
            known.map(|(_, bit)| *bit).ok_or_else(|| format!("unknown ct_state flag {word}"))
        });
        let bits = bits.collect::<Result<Vec<u8>, String>>()?;
        options.next.push_back(bits.into_iter().fold(state::TRK, |all, bit| all | bit));
    }
    Ok(options)
}

/// In the order in which upstream writes them here.
fn state_words(bits: u8) -> String {
    let is_new = bits & state::NEW != 0;
    let mut set: Vec<&str> =
        STATES.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name).collect();
    if is_new && set == ["new", "trk"] {
        set.reverse();
    }
    set.join("|")
}

/// One way through the tables.
struct Way {
    bridge: BridgeId,
    key: FlowKey,
    /// The number that it went on with; zero for the first.
    recirc: u64,
    names: bool,
}

/// Writes how a way through the tables went and what it came to; the actions of the tracker in it.
fn show(
    switch: &Switch,
    (translation, tree, last): (Translation, String, FlowKey),
    way: &Way,
    out: &mut String,
) -> Vec<Arc<Ct>> {
    let Some(bridge) = switch.bridges.get(&way.bridge) else { return Vec::new() };
    let name = |id: PortId| match switch.port(id) {
        Some(port) if way.names => port.name.clone(),
        Some(_) | None => id.0.to_string(),
    };
    let first = flow_text::flow(&way.key, way.recirc, &bridge.tlv);
    let last = flow_text::flow(&last, way.recirc, &bridge.tlv);
    let last = if last == first { "unchanged" } else { &last };
    let mut looked = translation.looked;
    for slot in [slot::IN_PORT, slot::ETH_TYPE] {
        looked.set(slot, u128::MAX);
    }
    *out += &format!(
        "Flow: {first}\n{tree}\nFinal flow: {last}\nMegaflow: {}\nDatapath actions: {}",
        flow_text::megaflow(&way.key, &looked, way.recirc, &bridge.tlv),
        show_ops(&translation.ops, &way.key, &name)
    );
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
            | Op::Enqueue(..)
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

fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
