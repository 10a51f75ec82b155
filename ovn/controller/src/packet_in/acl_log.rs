//! `log()`: a line about a packet that an ACL matched.

use openflow::PacketIn2;

use super::Reaction;
use crate::tables;

/// Verdict, severity, then the name of the ACL.
pub(super) fn react(packet: &PacketIn2, arguments: &[u8]) -> Reaction {
    let [verdict, severity, name @ ..] = arguments else { return Reaction::Nothing };
    let verdict = match verdict {
        0 => "allow",
        1 => "drop",
        2 => "reject",
        3 => "pass",
        _ => "unknown",
    };
    let severity = match severity {
        0 => "emergency",
        1 => "alert",
        2 => "critical",
        3 => "error",
        4 => "warning",
        5 => "notice",
        6 => "info",
        7 => "debug",
        _ => "unknown",
    };
    let direction = if packet.table < tables::LOG_EGRESS.number() { "from-lport" } else { "to-lport" };
    let name = if name.is_empty() { "<unnamed>".into() } else { String::from_utf8_lossy(name) };
    let headers = packet::Ethernet::parse(&packet.packet).map(|(ethernet, _)| ethernet.to_string());
    let headers = headers.unwrap_or_default();
    tracing::info!(
        target: "acl_log",
        "name=\"{name}\", verdict={verdict}, severity={severity}, direction={direction}: {headers}"
    );
    Reaction::Nothing
}
