//! `dpctl/dump-flows`, `dpif/dump-flows`, `revalidator/purge`: what the caches hold; `bridge/dump-flows`: what the tables do.

use std::time::Instant;

use openflow::{FlowMod, FlowModCommand, Match};
use packet::key::{FlowKey, slot};

use super::conntrack::{failed, operands};

use crate::BridgeId;
use crate::field::key_of_match;
use crate::port::PortId;
use crate::recirc;
use crate::show::{show_key, show_ops};
use crate::switch::Switch;
use crate::tlv::TlvTable;

/// Which megaflows are told, and how.
struct Wanted {
    bridge: Option<BridgeId>,
    /// Bits of a key, and their mask: megaflows that no such packet can meet are left out.
    filter: Option<(FlowKey, FlowKey)>,
    names: bool,
    /// With a line about numbers behind them.
    summary: bool,
}

/// All megaflows: `[-m] [--names|--no-names] [DATAPATH] [filter=FLOW] [type=TYPE]`. There is one datapath, and hardware
/// that takes flows over there is none.
pub(super) fn dump(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let mut wanted = wanted(args);
    for operand in operands(args) {
        match operand.split_once('=') {
            Some(("filter", flow)) => wanted.filter = Some(filter(flow)?),
            Some(("type", kinds))
                if kinds.split(',').any(|kind| matches!(kind, "all" | "ovs" | "non-offloaded")) => {}
            Some(("type", _)) => return Ok(String::new()),
            _ => return Err(failed("datapath not found")),
        }
    }
    Ok(text(switch, &wanted, now))
}

fn wanted(args: &[&str]) -> Wanted {
    let is = |long: &str| args.contains(&long);
    Wanted {
        bridge: None,
        filter: None,
        names: is("--names") || is("-m") && !is("--no-names"),
        summary: is("-m") || is("--more"),
    }
}

fn filter(flow: &str) -> Result<(FlowKey, FlowKey), String> {
    let bad = |error: &dyn std::fmt::Display| failed(&format!("Failed to parse filter ({error})"));
    let matching: Match = flow.parse().map_err(|error| bad(&error))?;
    key_of_match(&matching, &TlvTable::default()).map_err(|code| bad(&code))
}

/// The megaflows of packets that came in by a port of one bridge.
pub(super) fn dump_bridge(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let name = operands(args).last().copied().unwrap_or_default();
    let bridge = Some(switch.bridge_named(name)?);
    Ok(text(switch, &Wanted { bridge, ..wanted(args) }, now))
}

/// Forgets all megaflows.
pub(super) fn purge(switch: &mut Switch, _args: &[&str], now: Instant) -> Result<String, String> {
    switch.push_counters(now);
    switch.cache.clear();
    Ok(String::new())
}

fn text(switch: &mut Switch, wanted: &Wanted, now: Instant) -> String {
    switch.push_counters(now);
    let name = |id: PortId| match switch.port(id) {
        Some(port) if wanted.names => port.name.clone(),
        Some(_) | None => id.0.to_string(),
    };
    let mut lines: Vec<String> = Vec::new();
    for flow in switch.cache.iter() {
        let (key, mask) = switch.cache.key_of(flow);
        let port = switch.port(PortId(key.get(slot::IN_PORT) as u32));
        let is_elsewhere = wanted.bridge.is_some_and(|only| port.is_none_or(|port| port.bridge != only));
        let differs = |(other, bits): &(FlowKey, FlowKey)| {
            let words = key.words().iter().zip(other.words()).zip(bits.words().iter().zip(mask.words()));
            words.into_iter().any(|((a, b), (bits, mask))| (a ^ b) & bits & mask != 0)
        };
        if is_elsewhere || wanted.filter.as_ref().is_some_and(differs) {
            continue;
        }
        let used = match flow.packets {
            0 => "never".to_owned(),
            _ => {
                let age = now.saturating_duration_since(flow.used);
                format!("{}.{:03}s", age.as_secs(), age.subsec_millis())
            }
        };
        lines.push(format!(
            "{}, packets:{}, bytes:{}, used:{used}, actions:{}\n",
            show_key(&key, &mask, recirc::number_of(&key), &name),
            flow.packets,
            flow.octets,
            show_ops(&flow.ops, &key, &name)
        ));
    }
    lines.sort();
    if wanted.summary {
        lines.push(format!("{} flows, {} masks\n", switch.cache.len(), switch.cache.n_masks()));
    }
    lines.concat()
}

/// Every flow of a bridge with what it counted, in one line each.
pub(super) fn dump_rules(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let offload = args.contains(&"--offload-stats");
    let name = args.iter().find(|arg| !arg.starts_with("--")).copied().unwrap_or_default();
    let id = switch.bridge_named(name).map_err(|_| "Unknown bridge".to_owned())?;
    switch.push_counters(now);
    let mut out = String::new();
    for rule in switch.bridges[&id].rules() {
        if rule.table != 0 {
            out += &format!("table_id={}, ", rule.table);
        }
        let age = now.saturating_duration_since(rule.created).as_secs();
        let (packets, octets) = (rule.counted().packets(), rule.counted().octets());
        out += &format!("duration={age}s, n_packets={packets}, n_bytes={octets}, ");
        // There is no hardware that takes flows over.
        out += if offload { "n_offload_packets=0, n_offload_bytes=0, " } else { "" };
        let flow = FlowMod {
            priority: rule.priority,
            matching: rule.matching(),
            instructions: rule.instructions().to_vec(),
            ..FlowMod::empty(FlowModCommand::Add)
        };
        out += &format!("{}\n", flow.to_string().replacen(" actions=", ",actions=", 1));
    }
    Ok(out)
}
