//! Roles, and what connections are told unasked.

use crate::{AsyncKind, AsyncMask, Role, RoleStatus};

pub(super) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::NoChange => "nochange",
        Role::Equal => "equal",
        Role::Primary => "primary",
        Role::Secondary => "secondary",
    }
}

pub(super) fn role_status(m: &RoleStatus) -> String {
    let reason = match m.reason {
        0 => "primary_request",
        1 => "configuration_changed",
        2 => "experimenter_data_changed",
        _ => "(unknown)",
    };
    format!(" role={} generation_id={} reason={reason}", role_name(m.role), m.generation_id)
}

/// Both kinds of role, with the reasons for each kind of message.
pub(super) fn masks(masks: &[AsyncMask]) -> String {
    let mut text = String::from("\n");
    for secondary in [false, true] {
        text += if secondary { "\n secondary:\n" } else { " primary:\n" };
        for kind in AsyncKind::ALL {
            let mask = masks.iter().find(|m| m.kind == kind && m.secondary == secondary);
            let mask = mask.map_or(0, |m| m.mask);
            let wanted = reasons(kind).iter().enumerate().filter(|(bit, _)| mask >> bit & 1 != 0);
            let words: String = wanted.map(|(_, name)| format!(" {name}")).collect();
            let words = if words.is_empty() { " (off)" } else { &words };
            text += &format!("{:>16}:{words}\n", name(kind));
        }
    }
    text
}

const fn name(kind: AsyncKind) -> &'static str {
    match kind {
        AsyncKind::PacketIn => "PACKET_IN",
        AsyncKind::PortStatus => "PORT_STATUS",
        AsyncKind::FlowRemoved => "FLOW_REMOVED",
        AsyncKind::RoleStatus => "ROLE_STATUS",
        AsyncKind::TableStatus => "TABLE_STATUS",
        AsyncKind::RequestForward => "REQUESTFORWARD",
    }
}

/// The names of reasons, by their numbers.
const fn reasons(kind: AsyncKind) -> &'static [&'static str] {
    match kind {
        AsyncKind::PacketIn => &["no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"],
        AsyncKind::PortStatus => &["add", "delete", "modify"],
        AsyncKind::FlowRemoved => &["idle", "hard", "delete", "group_delete", "meter_delete", "eviction"],
        AsyncKind::RoleStatus => &["primary_request", "configuration_changed", "experimenter_data_changed"],
        AsyncKind::TableStatus => &["", "", "", "vacancy_down", "vacancy_up"],
        AsyncKind::RequestForward => &["group_mod_request", "meter_mod_request"],
    }
}
