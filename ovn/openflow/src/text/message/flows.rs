//! Flow mods, and flows that have gone.

use super::super::action::instructions_text;
use super::super::flow::{FLAGS, duration_text, head};
use super::super::style::Style;
use crate::{
    FlowMod, FlowModCommand, FlowModFlags, FlowRemoved, FlowRemovedReason, GroupId, PortNo, Version,
};

pub(super) fn change(m: &FlowMod, version: Version, style: Style<'_>) -> String {
    let command = match m.command {
        FlowModCommand::Add => "ADD",
        FlowModCommand::Modify => "MOD",
        FlowModCommand::ModifyStrict => "MOD_STRICT",
        FlowModCommand::Delete => "DEL",
        FlowModCommand::DeleteStrict => "DEL_STRICT",
    };
    let mut parts = vec![format!(" {command}")];
    match m.table {
        Some(0) => {}
        Some(table) => parts.push(format!("table:{table}")),
        None => parts.push("table:255".to_owned()),
    }
    let head = head(m.priority, &m.matching, style);
    parts.extend((!head.is_empty()).then_some(head));
    let number = |name: &str, n: u64| (n != 0).then(|| format!("{name}:{n}"));
    parts.extend((m.cookie != 0 || m.cookie_mask != 0).then(|| match m.cookie_mask {
        0 => format!("cookie:{:#x}", m.cookie),
        mask => format!("cookie:{:#x}/{mask:#x}", m.cookie),
    }));
    parts.extend(number("idle", m.idle_timeout.into()));
    parts.extend(number("hard", m.hard_timeout.into()));
    parts.extend(number("importance", m.importance.into()));
    parts.extend((m.out_port != PortNo::ANY).then(|| format!("out_port:{}", style.port(m.out_port))));
    parts.extend((m.out_group != GroupId::ANY).then(|| format!("out_group:{}", m.out_group.0)));
    // In OpenFlow 1.0 every addition resets the counts.
    let implied = if version == Version::Of10 { FlowModFlags::RESET_COUNTS } else { 0 };
    let flags = FLAGS.iter().filter(|(_, bit)| m.flags.has(*bit) && bit & implied == 0);
    parts.extend(flags.map(|(name, _)| (*name).to_owned()));
    parts.push(format!("actions={}", instructions_text(&m.instructions, style)));
    parts.join(" ")
}

pub(super) fn removed(m: &FlowRemoved, version: Version, style: Style<'_>) -> String {
    let reason = reason_name(m.reason);
    let mut parts = vec![format!(" {}", head(m.priority, &m.matching, style)), format!("reason={reason}")];
    if version != Version::Of10 {
        parts.push(format!("table_id={}", m.table));
    }
    parts.extend((m.cookie != 0).then(|| format!("cookie:{:#x}", m.cookie)));
    let time = duration_text(m.duration_sec, m.duration_nsec);
    parts.push(format!("duration{time} idle{}", m.idle_timeout));
    parts.extend((m.hard_timeout != 0).then(|| format!("hard{}", m.hard_timeout)));
    parts.push(format!("pkts{} bytes{}", m.packets, m.bytes));
    parts.join(" ")
}

/// Why a flow went.
pub(super) fn reason_name(reason: FlowRemovedReason) -> String {
    match reason {
        FlowRemovedReason::IdleTimeout => "idle".to_owned(),
        FlowRemovedReason::HardTimeout => "hard".to_owned(),
        FlowRemovedReason::Delete => "delete".to_owned(),
        FlowRemovedReason::GroupDelete => "group_delete".to_owned(),
        FlowRemovedReason::MeterDelete => "meter_delete".to_owned(),
        FlowRemovedReason::Eviction => "eviction".to_owned(),
        FlowRemovedReason::Unknown(n) => n.to_string(),
    }
}
