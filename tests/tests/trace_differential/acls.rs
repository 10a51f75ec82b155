//! Rules of switches: of the same northbound rows, our northd and upstream's make flows with the same verdicts.
//!
//! The flows are not the same: upstream's 23.03 has one stage where later releases have two. So what is compared is what a
//! packet comes to: where it goes, what is answered, what is logged and how its connection is marked.

use super::network::Network;
use super::our_trace;
use super::upstream::{Southbound, Upstream};

const NETWORK: &str = r#"
ls-add sw0
lsp-add sw0 a
lsp-set-addresses a "00:00:00:00:00:0a 10.0.0.10 fd00::10"
lsp-add sw0 b
lsp-set-addresses b "00:00:00:00:00:0b 10.0.0.11 fd00::11"
lsp-add sw0 c
lsp-set-addresses c "00:00:00:00:00:0c 10.0.0.12 fd00::12"
ls-add sw1
lsp-add sw1 d
lsp-set-addresses d "00:00:00:00:00:0d 10.0.1.10"
lsp-add sw1 e
lsp-set-addresses e "00:00:00:00:00:0e 10.0.1.11"
ls-add sw2
lsp-add sw2 f
lsp-set-addresses f "00:00:00:00:00:0f 10.0.2.10"
lsp-add sw2 g
lsp-set-addresses g "00:00:00:00:00:10 10.0.2.11"
pg-add guarded b e
acl-add sw0 from-lport 1000 "inport == \"a\" && ip4" allow-related
--log --name=nine --severity=alert acl-add sw0 from-lport 1001 "tcp.dst == 9" drop
--label=77 acl-add sw0 from-lport 1002 "udp.dst == 5000" allow-related
acl-add sw0 from-lport 1003 "udp.dst == 5001" reject
acl-add sw0 from-lport 1003 "udp.dst == 5002" allow-stateless
--apply-after-lb acl-add sw0 from-lport 1000 "udp.dst == 5003" drop
--apply-after-lb acl-add sw0 from-lport 1001 "udp.dst == 5004" allow
acl-add sw0 to-lport 900 "outport == \"c\" && ip6" reject
acl-add guarded to-lport 1000 "outport == @guarded && ip4" drop
acl-add guarded to-lport 1001 "outport == @guarded && ip4.src == $guarded_ip4" allow
acl-add guarded to-lport 1002 "outport == @guarded && tcp.dst == 80" allow-related
--log --name=late --meter=m0 acl-add guarded to-lport 1003 "outport == @guarded && tcp.dst == 81" reject
acl-add sw2 from-lport 1 "tcp.dst == 80" allow
acl-add sw2 from-lport 0 "tcp" drop
"#;

const PORTS: &[(&str, &str, &str, &str)] = &[
    ("sw0", "a", "0a", "10"),
    ("sw0", "b", "0b", "11"),
    ("sw0", "c", "0c", "12"),
    ("sw1", "d", "0d", "10"),
    ("sw1", "e", "0e", "11"),
    ("sw2", "f", "0f", "10"),
    ("sw2", "g", "10", "11"),
];

const PACKETS: &[&str] = &[
    "tcp.dst == 9",
    "tcp.dst == 80",
    "tcp.dst == 81",
    "tcp.dst == 82",
    "udp.dst == 5000",
    "udp.dst == 5001",
    "udp.dst == 5002",
    "udp.dst == 5003",
    "udp.dst == 5004",
    "udp.src == 53",
    "udp.src == 67 && udp.dst == 68",
    "icmp4.type == 8",
    "icmp6.type == 128",
    "nd_ns",
    "arp.op == 1",
];

/// What conntrack says, first of the sender's connections and then of the receiver's.
const STATES: &[(&str, &str)] = &[
    ("new", "new"),
    ("est", "est"),
    ("est,rpl", "est,rpl"),
    ("rel", "rel"),
    ("rel,rpl", "est"),
    ("inv", "inv"),
    ("est", "new"),
    ("new", "inv"),
];

/// The traces of every packet from every port to every other one of its switch, in every state.
fn requests() -> Vec<Vec<String>> {
    let mut requests = Vec::new();
    for from in PORTS {
        for to in PORTS.iter().filter(|to| to.0 == from.0 && to.1 != from.1) {
            for packet in PACKETS {
                let network = &from.0[2..];
                let addresses = if packet.starts_with("arp") || packet.starts_with("nd_ns") {
                    String::new()
                } else if packet.contains("icmp6") {
                    format!(" && ip6.src == fd00::{} && ip6.dst == fd00::{} && ip.ttl == 64", from.3, to.3)
                } else {
                    format!(
                        " && ip4.src == 10.0.{network}.{} && ip4.dst == 10.0.{network}.{} && ip.ttl == 64",
                        from.3, to.3
                    )
                };
                let flow = format!(
                    "inport == \"{}\" && eth.src == 00:00:00:00:00:{} && eth.dst == 00:00:00:00:00:{} && {packet}{addresses}",
                    from.1, from.2, to.2
                );
                for (first, second) in STATES {
                    let words = [&format!("--ct={first}"), &format!("--ct={second}"), from.0, &flow];
                    requests.push(words.map(str::to_owned).into());
                }
            }
        }
    }
    requests
}

/// What a packet comes to, as far as its sender, its receiver, a log and the next packet of its connection can tell.
fn verdict(southbound: &Southbound, request: &[String]) -> Vec<String> {
    let trace = our_trace(&southbound.tables, request);
    let tells = |line: &&str| {
        ["/* output to", "log(", "reject {", "icmp4 {", "icmp6 {", "tcp_reset {", "ct_commit"]
            .iter()
            .any(|word| line.contains(word))
    };
    // Tables have other numbers, and a log or a mark may come before the verdict or after it.
    let outline = |line: &str| line.split_once("reject {").map_or(line, |_| "reject").to_owned();
    let mut lines: Vec<String> = trace.lines().map(str::trim).filter(tells).map(outline).collect();
    // Upstream's 23.03 remembers what belongs to no connection, later releases and ours only what begins one.
    if request.iter().any(|word| word.ends_with("=inv")) {
        lines.retain(|line| !line.starts_with("ct_commit { ct_mark.blocked = 0;"));
    }
    lines.sort();
    lines
}

#[test]
fn our_northds_rules_have_the_verdicts_of_upstreams() {
    for option in ["", "default_acl_drop=true", "use_ct_inv_match=false"] {
        let mut network = Network::read(NETWORK);
        if !option.is_empty() {
            network.commands.push(format!("set nb_global . options:{option}"));
        }
        let (Some(theirs), Some(ours)) =
            (Upstream::start(&network), Upstream::start_with_our_northd(&network))
        else {
            return;
        };
        let (theirs, ours) = (theirs.southbound(), ours.southbound());
        let requests = requests();
        let differ: Vec<String> = requests
            .iter()
            .map(|request| (request, verdict(&theirs, request), verdict(&ours, request)))
            .filter(|(_, theirs, ours)| theirs != ours)
            .map(|(request, theirs, ours)| format!("{request:?}\n  theirs: {theirs:?}\n  ours:   {ours:?}"))
            .collect();
        let shown = &differ[..differ.len().min(super::SHOWN_MAX)];
        assert!(
            differ.is_empty(),
            "{option}: {} of {} differ:\n{}",
            differ.len(),
            requests.len(),
            shown.join("\n")
        );
    }
}
