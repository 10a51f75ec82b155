//! `fdb/*`: addresses that bridges learned, and those that an operator gave them.

use std::time::Instant;

use openflow::PortNo;
use packet::MacAddr;

use crate::fdb::FdbStats;
use crate::switch::Switch;

/// The addresses of one bridge, the longest unused first.
pub(super) fn show(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let id = switch.bridge_named(args[0])?;
    switch.push_counters(now);
    let mut out = String::from(" port  VLAN  MAC                Age\n");
    for entry in switch.bridges[&id].fdb.iter(now) {
        let port = if entry.port == PortNo::LOCAL { "LOCAL".to_owned() } else { entry.port.0.to_string() };
        let age = if entry.is_static { "static".to_owned() } else { format!("{:>3}", entry.age.as_secs()) };
        out += &format!("{port:>5}  {:>4}  {}  {age}\n", entry.vlan, entry.mac);
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
            bridge.fdb.flush();
        }
    }
    switch.change_all();
    Ok("table successfully flushed\n".to_owned())
}

/// Puts an address behind a port for good.
pub(super) fn add(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let id = switch.bridge_named(args[0])?;
    let port = switch.ports_of(id).find(|(_, port)| port.name == args[1]).map(|(_, port)| port.number);
    let port = port.ok_or_else(|| "software error, odp port is present but no ofp port".to_owned())?;
    let (vlan, mac) = address(args[2], args[3])?;
    if let Some(bridge) = switch.bridges.get_mut(&id) {
        bridge.fdb.add_static(vlan, mac, port, now);
    }
    switch.change_all();
    Ok(String::new())
}

/// Forgets an address that an operator gave.
pub(super) fn delete(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let id = switch.bridge_named(args[0])?;
    let (vlan, mac) = address(args[1], args[2])?;
    if !switch.bridges.get_mut(&id).is_some_and(|bridge| bridge.fdb.remove_static(vlan, mac)) {
        return Err("could not find static mac entry".to_owned());
    }
    switch.change_all();
    Ok(String::new())
}

fn address(vlan: &str, mac: &str) -> Result<(u16, MacAddr), String> {
    let vlan = vlan.parse().map_err(|_| "bad VLAN".to_owned())?;
    Ok((vlan, mac.parse().map_err(|_| "bad MAC address".to_owned())?))
}

/// How many addresses came, went and moved.
pub(super) fn stats(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let id = switch.bridge_named(args[0])?;
    switch.push_counters(now);
    let fdb = &switch.bridges[&id].fdb;
    let statics = fdb.iter(now).filter(|entry| entry.is_static).count();
    let FdbStats { learned, expired, evicted, moved } = fdb.stats;
    Ok(format!(
        "Statistics for bridge \"{}\":\n  Current/maximum MAC entries in the table: {}/{}\n  \
         Current static MAC entries in the table : {statics}\n  Total number of learned MAC entries     : {learned}\n  \
         Total number of expired MAC entries     : {expired}\n  Total number of evicted MAC entries     : {evicted}\n  \
         Total number of port moved MAC entries  : {moved}\n",
        args[0],
        fdb.iter(now).count(),
        fdb.entries_max
    ))
}

/// Counts from zero again, for one bridge or for all.
pub(super) fn clear_stats(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let only = args.first().map(|name| switch.bridge_named(name)).transpose()?;
    switch.push_counters(now);
    for (id, bridge) in &mut switch.bridges {
        if only.is_none_or(|only| only == *id) {
            bridge.fdb.stats = FdbStats::default();
        }
    }
    Ok("statistics successfully cleared\n".to_owned())
}
