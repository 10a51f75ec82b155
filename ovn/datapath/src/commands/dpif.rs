//! `dpif/show`, `ofproto/list`: bridges and their ports.

use std::time::Instant;

use openflow::PortNo;

use crate::counters::Event;
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
        PortKind::Tunnel(tunnel) => match tunnel.kind {
            crate::TunnelKind::Geneve => "geneve".to_owned(),
            crate::TunnelKind::Vxlan => "vxlan".to_owned(),
        },
        PortKind::Null => "null".to_owned(),
    }
}
