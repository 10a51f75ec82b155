//! `fdb/show`, `fdb/flush`: addresses that bridges learned.

use std::time::Instant;

use openflow::PortNo;

use crate::switch::Switch;

/// The addresses of one bridge, the longest unused first.
pub(super) fn show(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let id = switch.bridge_named(args[0])?;
    switch.push_counters(now);
    let mut out = String::from(" port  VLAN  MAC                Age\n");
    for entry in switch.bridges[&id].fdb.iter(now) {
        let port = if entry.port == PortNo::LOCAL { "LOCAL".to_owned() } else { entry.port.0.to_string() };
        out += &format!("{port:>5}  {:>4}  {}  {:>3}\n", entry.vlan, entry.mac, entry.age.as_secs());
    }
    Ok(out)
}

/// Forgets the addresses of one bridge, or of all.
pub(super) fn flush(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let only = args.first().map(|name| switch.bridge_named(name)).transpose()?;
    // Else packets of before are told of afterwards, and their senders learned again.
    switch.push_counters(now);
    for (id, bridge) in &mut switch.bridges {
        if only.is_none_or(|only| only == *id) {
            bridge.fdb.clear();
        }
    }
    switch.change_all();
    Ok("table successfully flushed\n".to_owned())
}
