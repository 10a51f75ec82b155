//! `log()`: a line about a packet that an ACL matched.

use openflow::PacketIn2;

use super::{Reaction, flow_text};
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
    let (name, headers) = (quoted(&name), flow_text::describe(&packet.packet));
    tracing::info!(
        target: "acl_log",
        "name={name}, verdict={verdict}, severity={severity}, direction={direction}: {headers}"
    );
    Reaction::Nothing
}

/// A string of JSON, so that no name can look like the rest of the line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("a \"b\"\n\u{1}\\"), r#""a \"b\"\n\u0001\\""#);
    }
}
