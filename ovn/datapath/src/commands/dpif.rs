//! `dpif/*`, `dpctl/show`, `ofproto/list`: the datapath, bridges and their ports.

use std::time::Instant;

use openflow::PortNo;

use super::conntrack::operands;
use crate::counters::Event;
use crate::limits::MEGAFLOWS_MAX;
use crate::port::{Port, PortKind};
use crate::switch::Switch;

/// Every bridge with its ports: name, number in OpenFlow, number in the switch, kind.
pub(super) fn show(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    let counters = switch.counters();
    let hit = counters.get(Event::ExactHit) + counters.get(Event::MegaflowHit);
    let mut out = format!("netdev@ovs-netdev: hit:{hit} missed:{}\n", counters.get(Event::Upcall));
    let mut bridges: Vec<_> = switch.bridges.iter().map(|(id, bridge)| (&bridge.name, *id)).collect();
    bridges.sort();
    for (name, id) in bridges {
        out += &format!("  {name}:\n");
        let mut ports: Vec<_> = switch.ports_of(id).collect();
        ports.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        for (id, port) in ports {
            out += &format!("    {} {}/{}: ({})\n", port.name, number(port.number), id.0, kind(port));
        }
    }
    Ok(out)
}

/// Names of the bridges.
pub(super) fn list(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    let mut names: Vec<_> = switch.bridges.values().map(|bridge| format!("{}\n", bridge.name)).collect();
    names.sort();
    Ok(names.concat())
}

fn number(port: PortNo) -> u32 {
    if port == PortNo::LOCAL { 65534 } else { port.0 }
}

fn kind(port: &Port) -> String {
    match &port.kind {
        PortKind::Device(_) if port.number == PortNo::LOCAL => "internal".to_owned(),
        PortKind::Device(_) => "system".to_owned(),
        PortKind::Patch { peer } => format!("patch: peer={peer}"),
        PortKind::Tunnel(tunnel) => tunnel.kind.name().to_owned(),
        PortKind::Null => "null".to_owned(),
    }
}

/// The one datapath.
const DATAPATH: &str = "netdev@ovs-netdev";

/// Names of datapaths.
pub(super) fn datapaths(_switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    Ok(format!("{DATAPATH}\n"))
}

/// Bridges with the type of their datapath.
pub(super) fn bridges(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    let mut names: Vec<_> =
        switch.bridges.values().map(|bridge| format!("netdev@{}\n", bridge.name)).collect();
    names.sort();
    Ok(names.concat())
}

/// The datapath with its ports, and with `-s` what went through them.
pub(super) fn show_datapath(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    if let Some(name) = operands(args).first() {
        return Err(format!("ovs-vswitchd: opening datapath {name} failed (No such device)"));
    }
    switch.push_counters(now);
    let counters = switch.counters();
    let hit = counters.get(Event::ExactHit) + counters.get(Event::MegaflowHit);
    let mut out = format!(
        "{DATAPATH}:\n  lookups: hit:{hit} missed:{} lost:0\n  flows: {}\n",
        counters.get(Event::Upcall),
        switch.cache.len()
    );
    for (at, port) in switch.ports.iter().enumerate() {
        let Some(port) = port else { continue };
        out += &format!("  port {at}: {} ({})\n", port.name, kind(port));
        if args.contains(&"-s") {
            let counters = &port.counters;
            out += &format!(
                "    RX packets:{} errors:? dropped:{} overruns:? frame:?\n    TX packets:{} errors:? dropped:{} \
                 aborted:? carrier:?\n    collisions:?\n    RX bytes:{}  TX bytes:{}\n",
                counters.rx_packets,
                counters.rx_dropped,
                counters.tx_packets,
                counters.tx_dropped,
                counters.rx_bytes,
                counters.tx_bytes
            );
        }
    }
    Ok(out)
}

/// How many megaflows there are, and may be.
pub(super) fn upcalls(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    let (now, most) = (switch.cache.len(), MEGAFLOWS_MAX);
    Ok(format!("{DATAPATH}:\n  flows         : (current {now}) (limit {most})\n"))
}
