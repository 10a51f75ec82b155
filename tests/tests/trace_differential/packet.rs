//! Random packets: mostly ones that the network knows what to do with.

use crate::network::{Network, Port};
use crate::seed::Seed;

/// A packet to trace.
pub(crate) struct Microflow {
    /// Where it enters.
    pub(crate) datapath: String,
    /// The packet itself, as an expression.
    pub(crate) text: String,
}

/// A packet from one of the network's ports.
pub(crate) fn random(network: &Network, seed: &mut Seed) -> Microflow {
    let from = seed.pick(&network.ports);
    let to = seed.pick(&network.ports);
    let mut terms = vec![
        format!("inport == \"{}\"", from.name),
        format!("eth.src == {}", own(&from.macs, &network.macs, seed)),
        format!("eth.dst == {}", destination(network, from, to, seed)),
    ];
    match seed.below(20) {
        0..9 => v4(network, from, to, seed, &mut terms),
        9..15 => v6(network, from, to, seed, &mut terms),
        15..18 => arp(network, from, to, seed, &mut terms),
        18 => terms.push(format!("eth.type == {:#x}", seed.pick(&[0x88cc, 0x8100, 0x0800, 0x8035]))),
        _ => {}
    }
    if seed.chance(10) {
        terms.push(format!("vlan.vid == {}", seed.below(4096)));
    }
    Microflow { datapath: from.switch.clone(), text: terms.join(" && ") }
}

/// What a trace is to assume, as options; nothing, more often than not.
pub(crate) fn assumptions(network: &Network, seed: &mut Seed) -> Vec<String> {
    const STATES: &[&str] = &[
        "new",
        "new",
        "est",
        "est,rpl",
        "new,rel",
        "inv",
        "est,dnat",
        "est,snat",
        "rel,rpl",
        "trk",
        "est,rpl,dnat",
    ];
    if seed.chance(60) {
        return Vec::new();
    }
    let mut options: Vec<String> =
        (0..1 + seed.below(4)).map(|_| format!("--ct={}", seed.pick(STATES))).collect();
    if seed.chance(25) {
        options.push(format!("--lb-dst={}:8080", seed.pick(&network.v4)));
        options.push(format!("--select-id={}", 1 + seed.below(3)));
    }
    options
}

/// An address of one's own, nearly always.
fn own(own: &[String], all: &[String], seed: &mut Seed) -> String {
    let from = if own.is_empty() || seed.chance(15) { all } else { own };
    seed.pick(from).clone()
}

fn destination(network: &Network, from: &Port, to: &Port, seed: &mut Seed) -> String {
    let routers: Vec<&String> = network.macs.iter().filter(|mac| mac.contains(":ff:")).collect();
    match seed.below(10) {
        0 => "ff:ff:ff:ff:ff:ff".to_owned(),
        1 => format!("33:33:00:00:00:0{}", 1 + seed.below(2)),
        2 => seed.text(&["01:00:5e:00:00:01", "33:33:ff:00:00:11", "01:80:c2:00:00:0e"]),
        3 => own(&network.macs, &network.macs, seed),
        4 | 5 if from.switch == to.switch => own(&to.macs, &network.macs, seed),
        _ if routers.is_empty() => own(&to.macs, &network.macs, seed),
        _ => (*seed.pick(&routers)).clone(),
    }
}

fn v4(network: &Network, from: &Port, to: &Port, seed: &mut Seed, terms: &mut Vec<String>) {
    let special =
        ["255.255.255.255", "224.0.0.1", "239.1.2.3", "0.0.0.0", "100.64.0.1", "100.65.0.1", "8.8.8.8"];
    let all: Vec<String> = network.v4.iter().cloned().chain(special.map(str::to_owned)).collect();
    let other = if seed.chance(50) { &to.v4 } else { &all };
    terms.push(format!("ip4.src == {}", own(&from.v4, &all, seed)));
    terms.push(format!("ip4.dst == {}", own(other, &all, seed)));
    match seed.below(10) {
        0 => terms.push("igmp".to_owned()),
        1 | 2 => {
            terms.push(format!("icmp4.type == {}", seed.pick(&[0, 3, 8, 11])));
            terms.push(format!("icmp4.code == {}", seed.below(2)));
        }
        3 => terms.push("udp.src == 68 && udp.dst == 67".to_owned()),
        _ => transport(seed, terms),
    }
    hops(seed, terms);
}

fn v6(network: &Network, from: &Port, to: &Port, seed: &mut Seed, terms: &mut Vec<String>) {
    let special =
        ["ff02::1", "ff02::2", "ff02::1:ff00:11", "::", "fe80::1", "ff0e::5", "2001:db8::1", "ff02::16"];
    let all: Vec<String> = network.v6.iter().cloned().chain(special.map(str::to_owned)).collect();
    let other = if seed.chance(50) { &to.v6 } else { &all };
    terms.push(format!("ip6.src == {}", own(&from.v6, &all, seed)));
    terms.push(format!("ip6.dst == {}", own(other, &all, seed)));
    match seed.below(10) {
        0..3 => {
            let (kind, link) = *seed.pick(&[(135, "nd.sll"), (136, "nd.tll")]);
            terms.push(format!("icmp6.type == {kind} && icmp6.code == 0 && ip.ttl == 255"));
            terms.push(format!("nd.target == {}", own(other, &all, seed)));
            terms.push(format!("{link} == {}", own(&from.macs, &network.macs, seed)));
            return;
        }
        3 => {
            let kind = seed.pick(&[133, 134, 130, 131, 143, 128, 1, 2]);
            terms.push(format!("icmp6.type == {kind} && icmp6.code == 0"));
        }
        4 => terms.push("udp.src == 546 && udp.dst == 547".to_owned()),
        _ => transport(seed, terms),
    }
    hops(seed, terms);
}

fn transport(seed: &mut Seed, terms: &mut Vec<String>) {
    const PORTS: &[u16] = &[22, 53, 80, 443, 8080, 1500, 9, 3784, 179];
    let protocol = seed.text(&["tcp", "udp", "sctp"]);
    terms.push(format!("{protocol}.src == {}", seed.pick(PORTS)));
    terms.push(format!("{protocol}.dst == {}", seed.pick(PORTS)));
    if protocol == "tcp" && seed.chance(50) {
        terms.push(format!("tcp.flags == {}", seed.pick(&[2, 4, 16, 18, 1])));
    }
}

fn hops(seed: &mut Seed, terms: &mut Vec<String>) {
    terms.push(format!("ip.ttl == {}", seed.pick(&[64, 64, 64, 255, 2, 1, 0])));
    if seed.chance(10) {
        terms.push(format!("ip.frag == {}", seed.pick(&[0, 1, 3])));
    }
    if seed.chance(10) {
        terms.push(format!("ip.dscp == {}", seed.below(64)));
    }
}

fn arp(network: &Network, from: &Port, to: &Port, seed: &mut Seed, terms: &mut Vec<String>) {
    let all: Vec<String> = network.v4.iter().cloned().chain(["10.0.0.99".to_owned()]).collect();
    let other = if seed.chance(50) { &to.v4 } else { &all };
    terms.push(format!("arp.op == {}", seed.pick(&[1, 1, 2])));
    terms.push(format!("arp.spa == {}", own(&from.v4, &all, seed)));
    terms.push(format!("arp.tpa == {}", own(other, &all, seed)));
    terms.push(format!("arp.sha == {}", own(&from.macs, &network.macs, seed)));
    if seed.chance(50) {
        terms.push(format!("arp.tha == {}", own(&to.macs, &network.macs, seed)));
    }
}

/// The description of a packet without its DSCP.
pub(crate) fn without_dscp(text: &str) -> String {
    let others = text.split(" && ").filter(|term| !term.starts_with("ip.dscp == "));
    others.collect::<Vec<_>>().join(" && ")
}
