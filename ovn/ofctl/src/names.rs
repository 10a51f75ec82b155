//! Names of ports in texts of flows and groups.

use openflow::PortNames;

/// What ends a word.
const ENDS: &[char] = &['=', ',', ':', '(', ')', '>', '[', ']', ' ', '\t', '|'];

/// Words after which a port stands.
const BEFORE_PORTS: [&str; 12] = [
    "in_port=",
    "out_port=",
    "port=",
    "sampling_port=",
    "watch_port=",
    "watch_port:",
    "output:",
    "enqueue:",
    "enqueue(",
    "resubmit:",
    "resubmit(",
    "in_port:",
];

/// The text with numbers in the place of names, where a port can stand.
pub(crate) fn numbered(text: &str, names: &PortNames) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some((word, after)) => (word, after),
            None => rest.split_at(rest.find(ENDS).unwrap_or(rest.len())),
        };
        let number = names.iter().find(|(_, name)| !word.is_empty() && *name == word).map(|(port, _)| port);
        match number.filter(|_| takes_port(&out, after)) {
            Some(port) => out += &port.to_string(),
            None => out += &rest[..rest.len() - after.len()],
        }
        let mut ends = after.chars();
        out.extend(ends.next());
        rest = ends.as_str();
    }
    out
}

/// Whether a port can stand between these two: after a word that wants one, or as an action of its own.
fn takes_port(before: &str, after: &str) -> bool {
    if BEFORE_PORTS.iter().any(|word| before.ends_with(word)) {
        return true;
    }
    let alone = after.is_empty() || after.starts_with([',', ')']);
    let in_actions = before.contains("actions=") || before.contains("action=") || before.contains("bucket=");
    alone && in_actions && before.ends_with(['=', ',', '('])
}

#[cfg(test)]
mod tests {
    use super::*;
    use openflow::PortNo;

    #[test]
    fn names_become_numbers_where_ports_can_stand() {
        let names = PortNames::from([
            (PortNo(1), "p1".to_owned()),
            (PortNo(2), "a port".to_owned()),
            (PortNo::LOCAL, "br0".to_owned()),
        ]);
        for (text, wanted) in [
            ("in_port=p1,actions=output:p1,p1", "in_port=1,actions=output:1,1"),
            ("in_port=\"a port\",actions=br0,resubmit(p1,3)", "in_port=2,actions=LOCAL,resubmit(1,3)"),
            ("p1,actions=set_field:p1->reg0", "p1,actions=set_field:p1->reg0"),
            (
                "group_id=1,type=ff,bucket=watch_port:p1,output:p1",
                "group_id=1,type=ff,bucket=watch_port:1,output:1",
            ),
        ] {
            assert_eq!(numbered(text, &names), wanted);
        }
    }
}
