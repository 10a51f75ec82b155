//! Packets to and from controllers; the packets themselves are left to the caller.

use super::super::style::Style;
use crate::{Match, PacketIn, PacketIn2, PacketInReason, PacketOut, PortNo, Version};

fn reason(reason: PacketInReason) -> String {
    match reason {
        PacketInReason::NoMatch => "no_match",
        PacketInReason::Action => "action",
        PacketInReason::InvalidTtl => "invalid_ttl",
        PacketInReason::ActionSet => "action_set",
        PacketInReason::Group => "group",
        PacketInReason::PacketOut => "packet_out",
        PacketInReason::ExplicitMiss => "explicit_miss",
        PacketInReason::ImplicitMiss => "implicit_miss",
        PacketInReason::Unknown(n) => return n.to_string(),
    }
    .to_owned()
}

/// Table and cookie as far as they are worth a word.
fn origin(table: u8, cookie: Option<u64>) -> String {
    let table = (table != 0).then(|| format!(" table_id={table}"));
    let cookie = cookie.map(|cookie| format!(" cookie={cookie:#x}"));
    table.unwrap_or_default() + &cookie.unwrap_or_default()
}

fn metadata(m: &Match, style: Style<'_>) -> String {
    super::super::matching::parts(m, style).join(",")
}

fn tail(full: usize, m: &Match, why: PacketInReason, len: usize, style: Style<'_>) -> String {
    let all = metadata(m, style);
    format!(" total_len={full} {all} (via {}) data_len={len} (unbuffered)\n", reason(why))
}

pub(super) fn standard_in(m: &PacketIn, version: Version, style: Style<'_>) -> String {
    let cookie = (version != Version::Of10).then_some(m.cookie);
    origin(m.table, cookie) + &tail(m.total_len.into(), &m.metadata, m.reason, m.packet.len(), style)
}

pub(super) fn nx_in(m: &PacketIn, style: Style<'_>) -> String {
    origin(m.table, Some(m.cookie)) + &tail(m.total_len.into(), &m.metadata, m.reason, m.packet.len(), style)
}

pub(super) fn in2(m: &PacketIn2, style: Style<'_>) -> String {
    let len = m.packet.len();
    let full = m.full_len.map_or(len, |len| len as usize);
    let mut text = origin(m.table, Some(m.cookie)) + &tail(full, &m.metadata, m.reason, len, style);
    if !m.userdata.is_empty() {
        let octets: Vec<String> = m.userdata.iter().map(|octet| format!("{octet:02x}")).collect();
        text += &format!(" userdata={}\n", octets.join("."));
    }
    if m.continuation.is_some() {
        text += " continuation\n";
    }
    text
}

pub(super) fn out(m: &PacketOut, style: Style<'_>) -> String {
    let port = m.metadata.in_port().unwrap_or(PortNo::NONE);
    let mut rest = m.metadata.clone();
    rest.clear(crate::Field::InPort);
    let rest = if rest.is_any() { String::new() } else { format!(" {}", metadata(&rest, style)) };
    let actions = style.of(m.actions.as_slice());
    format!(" in_port={}{rest} actions={actions} data_len={}\n", style.port(port), m.packet.len())
}
