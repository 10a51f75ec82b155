//! `dpctl/dump-flows`, `dpif/dump-flows`, `revalidator/purge`: what the caches hold; `bridge/dump-flows`: what the tables do.

use std::time::Instant;

use openflow::{FlowMod, FlowModCommand};
use packet::key::slot;

use crate::BridgeId;
use crate::port::PortId;
use crate::recirc;
use crate::show::{show_key, show_ops};
use crate::switch::Switch;

/// All megaflows.
pub(super) fn dump(switch: &mut Switch, _args: &[&str], now: Instant) -> Result<String, String> {
    Ok(text(switch, None, now))
}

/// The megaflows of packets that came in by a port of one bridge.
pub(super) fn dump_bridge(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let bridge = switch.bridge_named(args[0])?;
    Ok(text(switch, Some(bridge), now))
}

/// Forgets all megaflows.
pub(super) fn purge(switch: &mut Switch, _args: &[&str], now: Instant) -> Result<String, String> {
    switch.push_counters(now);
    switch.cache.clear();
    Ok(String::new())
}

fn text(switch: &mut Switch, only: Option<BridgeId>, now: Instant) -> String {
    switch.push_counters(now);
    let mut lines: Vec<String> = Vec::new();
    for flow in switch.cache.iter() {
        let (key, mask) = switch.cache.key_of(flow);
        let port = switch.port(PortId(key.get(slot::IN_PORT) as u32));
        if only.is_some_and(|only| port.is_none_or(|port| port.bridge != only)) {
            continue;
        }
        let used = match flow.packets {
            0 => "never".to_owned(),
            _ => {
                let age = now.saturating_duration_since(flow.used);
                format!("{}.{:03}s", age.as_secs(), age.subsec_millis())
            }
        };
        let name = |id: PortId| switch.port(id).map_or_else(|| id.0.to_string(), |port| port.name.clone());
        let number = match recirc::number_of(&key) {
            0 => String::new(),
            number => format!("recirc_id={number:#x},"),
        };
        lines.push(format!(
            "{number}{}, packets:{}, bytes:{}, used:{used}, actions:{}\n",
            show_key(&key, &mask),
            flow.packets,
            flow.octets,
            show_ops(&flow.ops, &name)
        ));
    }
    lines.sort();
    lines.push(format!("{} flows, {} masks\n", switch.cache.len(), switch.cache.n_masks()));
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
        let (packets, octets) = (rule.counters.packets(), rule.counters.octets());
        out += &format!("duration={age}s, n_packets={packets}, n_bytes={octets}, ");
        // There is no hardware that takes flows over.
        out += if offload { "n_offload_packets=0, n_offload_bytes=0, " } else { "" };
        let flow = FlowMod {
            priority: rule.priority,
            matching: rule.matching.clone(),
            instructions: rule.instructions.clone(),
            ..FlowMod::empty(FlowModCommand::Add)
        };
        out += &format!("{}\n", flow.to_string().replacen(" actions=", ",actions=", 1));
    }
    Ok(out)
}
