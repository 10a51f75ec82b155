//! `qos/*`: the queues of ports.

use std::fmt::Write as _;
use std::time::Instant;

use crate::port::PortKind;
use crate::qos::{Limit, Queue};
use crate::switch::Switch;

/// What a port's queues are given, and what went through them.
pub(super) fn show(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let name = args.first().copied().unwrap_or_default();
    let port = switch.port_named(name).and_then(|id| switch.port(id)).ok_or("no such interface")?;
    let Some(qos) = &port.qos else { return Ok(format!("QoS not configured on {name}\n")) };
    let mut out = format!("QoS: {name} {}\n", qos.config.kind);
    limits(&qos.config.limit, "", &mut out);
    for (number, queue) in &qos.queues {
        let title = if *number == 0 { "Default".to_owned() } else { format!("Queue {number}") };
        // Writing into a string cannot fail.
        let _ = writeln!(out, "\n{title}:");
        show_queue(queue, &mut out);
    }
    Ok(out)
}

fn show_queue(queue: &Queue, out: &mut String) {
    if let Some(rate) = queue.config.min_rate {
        let _ = writeln!(out, "  min-rate: {rate}");
    }
    limits(&queue.config.limit, "  ", out);
    let counts = &queue.counts;
    let _ = writeln!(
        out,
        "  tx_packets: {}\n  tx_bytes: {}\n  tx_errors: {}",
        counts.packets, counts.octets, counts.dropped
    );
}

fn limits(limit: &Limit, indent: &str, out: &mut String) {
    for (name, value) in [("burst", limit.burst), ("max-rate", limit.max_rate)] {
        if let Some(value) = value {
            let _ = writeln!(out, "{indent}{name}: {value}");
        }
    }
}

/// The kinds that limit what leaves.
pub(super) fn kinds(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let name = args.first().copied().unwrap_or_default();
    let port = switch.port_named(name).and_then(|id| switch.port(id)).ok_or("no such interface")?;
    if !matches!(port.kind, PortKind::Device(_)) {
        return Ok(format!("No QoS types supported for interface: {name}\n"));
    }
    Ok("QoS type: linux-htb\nQoS type: linux-hfsc\nQoS type: linux-noop\nQoS type: egress-policer\n"
        .to_owned())
}
