//! Flow monitors, and what they are told.

use super::super::action::instructions_text;
use super::super::style::Style;
use super::super::value::hex_text;
use super::flows::reason_name;
use crate::{
    FlowEvent, FlowMonitor, FlowUpdate, FlowUpdateFull, GroupId, MonitorCommand, MonitorFlags, PortNo,
};

/// The flags by their bits.
const FLAGS: [(u16, &str); 6] = [
    (MonitorFlags::INITIAL, "initial"),
    (MonitorFlags::ADD, "add"),
    (MonitorFlags::DELETE, "delete"),
    (MonitorFlags::MODIFY, "modify"),
    (MonitorFlags::ACTIONS, "actions"),
    (MonitorFlags::OWN, "own"),
];

pub(super) fn requests(list: &[FlowMonitor], style: Style<'_>) -> String {
    list.iter().map(|m| request(m, style)).collect()
}

fn request(m: &FlowMonitor, style: Style<'_>) -> String {
    if m.command == MonitorCommand::Delete {
        return format!("\n id={} command=delete", m.id);
    }
    let flags: Vec<&str> = FLAGS.iter().filter(|(bit, _)| m.flags.has(*bit)).map(|(_, name)| *name).collect();
    let mut text = format!("\n id={} flags={}", m.id, flags.join(","));
    if m.out_port != PortNo::ANY {
        text += &format!(" out_port={}", style.port(m.out_port));
    }
    if m.out_group != GroupId::ANY {
        text += &format!(" out_group={}", m.out_group.0);
    }
    if let Some(table) = m.table {
        text += &format!(" table={table}");
    }
    let matching = super::super::matching::parts(&m.matching, style).join(",");
    if matching.is_empty() { text } else { format!("{text} {matching}") }
}

pub(super) fn updates(list: &[FlowUpdate], style: Style<'_>) -> String {
    list.iter().map(|m| update(m, style)).collect()
}

fn update(m: &FlowUpdate, style: Style<'_>) -> String {
    match m {
        FlowUpdate::Flow(flow) => full(flow, style),
        FlowUpdate::Abbreviated(xid) => format!("\n event=ABBREV xid={xid:#x}"),
        FlowUpdate::Paused => "\n event=PAUSED".to_owned(),
        FlowUpdate::Resumed => "\n event=RESUMED".to_owned(),
    }
}

fn full(flow: &FlowUpdateFull, style: Style<'_>) -> String {
    let mut text = match flow.event {
        FlowEvent::Initial => "\n event=INITIAL".to_owned(),
        FlowEvent::Added => "\n event=ADDED".to_owned(),
        FlowEvent::Removed(reason) => format!("\n event=DELETED reason={}", reason_name(reason)),
        FlowEvent::Modified => "\n event=MODIFIED".to_owned(),
    };
    text += &format!(" table={}", flow.table);
    for (name, seconds) in [("idle_timeout", flow.idle_timeout), ("hard_timeout", flow.hard_timeout)] {
        if seconds != 0 {
            text += &format!(" {name}={seconds}");
        }
    }
    // As upstream does, without the priority.
    let matching = super::super::matching::parts(&flow.matching, style).join(",");
    text += &format!(" cookie={} {matching}", hex_text(flow.cookie.into()));
    if flow.instructions.is_empty() {
        return text;
    }
    let gap = if matching.is_empty() { "" } else { " " };
    format!("{text}{gap}actions={}", instructions_text(&flow.instructions, style))
}
