//! Ports.

use super::super::style::Style;
use super::flag_names;
use super::switch::duration_or_unknown;
use crate::{
    PortConfig, PortDesc, PortMod, PortNo, PortStats, PortStatus, PortStatusReason, QueueDesc, QueueStats,
    Version,
};
use std::fmt::Write;

/// Feature bits of a link.
const LINK: [&str; 16] = [
    "10MB-HD",
    "10MB-FD",
    "100MB-HD",
    "100MB-FD",
    "1GB-HD",
    "1GB-FD",
    "10GB-FD",
    "40GB-FD",
    "100GB-FD",
    "1TB-FD",
    "OTHER",
    "COPPER",
    "FIBER",
    "AUTO_NEG",
    "AUTO_PAUSE",
    "AUTO_PAUSE_ASYM",
];

const CONFIG: [&str; 7] =
    ["PORT_DOWN", "NO_STP", "NO_RECV", "NO_RECV_STP", "NO_FLOOD", "NO_FWD", "NO_PACKET_IN"];

fn mac(octets: [u8; 6]) -> String {
    octets.map(|octet| format!("{octet:02x}")).join(":")
}

pub(super) fn desc(m: &PortDesc, version: Version, style: Style<'_>) -> String {
    let states: &[&str] =
        if version == Version::Of10 { &["LINK_DOWN"] } else { &["LINK_DOWN", "BLOCKED", "LIVE"] };
    // What only OpenFlow 1.0 has is not told later.
    let config = if version == Version::Of10 { m.config.0 } else { m.config.0 & PortConfig::LATER };
    let number = Style { ports: None, ..style }.port(m.port);
    let mut text = format!(" {number}({}): addr:{}\n", m.name, mac(m.hw_addr));
    text += &format!("     config:     {}\n", flag_names(config, &CONFIG));
    text += &format!("     state:      {}\n", flag_names(m.state.0, states));
    let links =
        [("current:", m.curr), ("advertised:", m.advertised), ("supported:", m.supported), ("peer:", m.peer)];
    for (name, bits) in links.into_iter().filter(|(_, bits)| *bits != 0) {
        text += &format!("     {name:<11} {}\n", flag_names(bits, &LINK));
    }
    text + &format!("     speed: {} Mbps now, {} Mbps max\n", m.curr_speed / 1000, m.max_speed / 1000)
}

/// Several ports, by their numbers.
pub(super) fn descs(list: &[PortDesc], version: Version, style: Style<'_>) -> String {
    let mut ports: Vec<&PortDesc> = list.iter().collect();
    ports.sort_by_key(|port| port.port);
    ports.into_iter().map(|port| desc(port, version, style)).collect()
}

pub(super) fn status(m: &PortStatus, version: Version, style: Style<'_>) -> String {
    let reason = match m.reason {
        PortStatusReason::Add => "ADD",
        PortStatusReason::Delete => "DEL",
        PortStatusReason::Modify => "MOD",
        PortStatusReason::Unknown(_) => "UNKNOWN",
    };
    format!(" {reason}:{}", desc(&m.desc, version, style))
}

pub(super) fn change(m: &PortMod, style: Style<'_>) -> String {
    let PortConfig(config) = m.config;
    let PortConfig(mask) = m.mask;
    format!(
        " port: {}: addr:{}\n     config: {}\n     mask:   {}\n     advertise: {}\n",
        style.port(m.port),
        mac(m.hw_addr),
        flag_names(config, &CONFIG),
        flag_names(mask, &CONFIG),
        if m.advertise == 0 { "UNCHANGED".to_owned() } else { flag_names(m.advertise, &LINK) },
    )
}

/// A counter; all ones says that nobody counts.
fn count(n: u64) -> String {
    if n == u64::MAX { "?".to_owned() } else { n.to_string() }
}

pub(super) fn stats(list: &[PortStats], version: Version, style: Style<'_>) -> String {
    let mut text = format!(" {} ports\n", list.len());
    for m in list {
        let pad = if m.port.0 < 10 { " " } else { "" };
        let fields = |fields: &[(&str, u64)]| {
            fields.iter().map(|(name, n)| format!("{name}={}", count(*n))).collect::<Vec<_>>().join(", ")
        };
        let rx = fields(&[
            ("pkts", m.rx_packets),
            ("bytes", m.rx_bytes),
            ("drop", m.rx_dropped),
            ("errs", m.rx_errors),
            ("frame", m.rx_frame_errors),
            ("over", m.rx_over_errors),
            ("crc", m.rx_crc_errors),
        ]);
        let tx = fields(&[
            ("pkts", m.tx_packets),
            ("bytes", m.tx_bytes),
            ("drop", m.tx_dropped),
            ("errs", m.tx_errors),
            ("coll", m.collisions),
        ]);
        text += &format!("  port {pad}{}: rx {rx}\n           tx {tx}\n", style.port(m.port));
        if version != Version::Of10 {
            let time = duration_or_unknown(m.duration_sec, m.duration_nsec);
            text += &format!("           duration={time}\n");
        }
    }
    text
}

pub(super) fn queues(list: &[QueueStats], style: Style<'_>) -> String {
    let mut text = format!(" {} queues\n", list.len());
    for m in list {
        let queue = if m.queue == u32::MAX { "ALL".to_owned() } else { m.queue.to_string() };
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "  port {} queue {queue}: bytes={}, pkts={}, errors={}, duration={}",
            style.port(m.port),
            count(m.tx_bytes),
            count(m.tx_packets),
            count(m.tx_errors),
            duration_or_unknown(m.duration_sec, m.duration_nsec),
        );
    }
    text
}

/// The queues of ports, each port once.
pub(super) fn queue_descs(list: &[QueueDesc], style: Style<'_>) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut list = list.to_vec();
    list.sort_by_key(|desc| (desc.port, desc.queue));
    let parts = list.chunk_by(|a, b| a.port == b.port).map(|of_port| {
        let port = of_port.first().map_or(PortNo::ANY, |desc| desc.port);
        format!("port={}\n{}", style.port(port), of_port.iter().map(queue).collect::<String>())
    });
    format!(" {}", parts.collect::<String>())
}

/// A queue and its rates, in percent.
pub(super) fn queue(m: &QueueDesc) -> String {
    let rate = |name: &str, rate: Option<u16>| match rate {
        None => String::new(),
        Some(rate @ 0..=1000) => format!(" {name}:{}.{}%", rate / 10, rate % 10),
        Some(_) => format!(" {name}:(disabled)"),
    };
    format!("queue {}:{}{}\n", m.queue, rate("min_rate", m.min_rate), rate("max_rate", m.max_rate))
}

pub(super) fn named(port: PortNo, style: Style<'_>) -> String {
    format!(" port={}", style.port(port))
}
