//! What the types of a scenario cannot say: nodes that exist, captures that were begun.

use super::Scenario;
use super::backend::BackendKind;
use super::verb::Step;
#[cfg(test)]
use super::verb::Verb;
use crate::path;
use crate::text::nearest::nearest;
use crate::text::{Diagnostic, Part, Path, Source};
use crate::topology::Topology;
use crate::topology::check::CENTRAL;
use std::collections::{BTreeMap, BTreeSet};

/// Steps inside steps inside steps: deeper ones are refused.
const DEPTH_MAX: usize = 4;

/// All complaints about a scenario.
pub fn check(
    scenario: &Scenario,
    topology: &Topology,
    source: &Source,
    backend: BackendKind,
) -> Vec<Diagnostic> {
    let mut nodes: BTreeMap<String, NodeKind> = BTreeMap::new();
    nodes.insert(CENTRAL.to_owned(), NodeKind::Central);
    nodes.extend(topology.chassis.keys().map(|n| (n.to_string(), NodeKind::Chassis)));
    nodes.extend(topology.guests.keys().map(|n| (n.to_string(), NodeKind::Guest)));
    let mut checker = Checker {
        source,
        nodes,
        backend,
        captures: BTreeSet::new(),
        place: path!["steps"],
        depth: 0,
        found: Vec::new(),
    };
    if scenario.steps.is_empty() {
        let span = source.key(&path!["steps"]);
        checker.found.push(Diagnostic::error("no steps", span, "expected at least one"));
    }
    checker.values(scenario);
    checker.steps(&scenario.steps);
    checker.found
}

/// What a node is, for who refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    Central,
    Chassis,
    Guest,
}

/// Walks through the steps, knowing what there is at each.
pub struct Checker<'a> {
    source: &'a Source,
    pub nodes: BTreeMap<String, NodeKind>,
    /// In which kind of lab the steps are to run.
    pub backend: BackendKind,
    pub captures: BTreeSet<String>,
    /// The arguments of the verb being checked.
    place: Path,
    depth: usize,
    found: Vec<Diagnostic>,
}

impl Checker<'_> {
    /// Both backends have a value of each name.
    fn values(&mut self, scenario: &Scenario) {
        for (backend, name) in scenario.values.missing() {
            let span = self.source.value(&path!["values", backend]);
            let title = format!("no value of {name} for {backend}");
            self.found.push(Diagnostic::error(title, span, "expected one for each backend"));
        }
    }

    fn steps(&mut self, steps: &[Step]) {
        for (i, step) in steps.iter().enumerate() {
            let place = self.place.clone();
            self.place.extend([Part::Index(i), Part::from(step.verb.key())]);
            step.verb.check(self);
            if let (BackendKind::Sim, Some(why)) = (self.backend, step.verb.not_simulated()) {
                let title = format!("{} is not simulated: {why}", step.verb.key());
                self.complain_key(Path::new(), title, "expected another step, or --backend netns");
            }
            self.place = place;
        }
    }

    /// Checks the steps that a step has inside.
    pub fn inner(&mut self, key: &'static str, steps: &[Step]) {
        if self.depth == DEPTH_MAX {
            return self.complain(
                path![key],
                "steps nested too deep",
                format!("expected at most {DEPTH_MAX} levels"),
            );
        }
        let place = self.place.clone();
        self.place.push(Part::from(key));
        self.depth += 1;
        self.steps(steps);
        self.depth -= 1;
        self.place = place;
    }

    /// A complaint about an argument.
    pub fn complain(&mut self, at: Path, title: impl Into<String>, expected: impl Into<String>) {
        let full: Path = self.place.iter().cloned().chain(at).collect();
        self.found.push(Diagnostic::error(title, self.source.value(&full), expected));
    }

    /// A complaint about the key of an argument.
    pub fn complain_key(&mut self, at: Path, title: impl Into<String>, expected: impl Into<String>) {
        let full: Path = self.place.iter().cloned().chain(at).collect();
        self.found.push(Diagnostic::error(title, self.source.key(&full), expected));
    }

    /// An argument must name a node of one of these kinds.
    pub fn node(&mut self, at: Path, name: &str, kinds: &[NodeKind]) {
        if self.nodes.get(name).is_some_and(|kind| kinds.contains(kind)) {
            return;
        }
        let known: Vec<&str> = self
            .nodes
            .iter()
            .filter(|(_, kind)| kinds.contains(kind))
            .map(|(name, _)| name.as_str())
            .collect();
        let full: Path = self.place.iter().cloned().chain(at).collect();
        let title = format!("there is no such node here: {name}");
        let expected = format!("expected {}", known.join(" or "));
        let mut diagnostic = Diagnostic::error(title, self.source.value(&full), expected);
        if let Some(meant) = nearest(name, known) {
            diagnostic = diagnostic.with_help(format!("did you mean {meant}?"));
        }
        self.found.push(diagnostic);
    }

    /// An argument must name a node, or be an address.
    pub fn node_or_address(&mut self, at: Path, name: &str) {
        if name.parse::<std::net::IpAddr>().is_err() {
            self.node(at, name, &[NodeKind::Guest, NodeKind::Chassis]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPOLOGY: &str = "\
version: 1
name: lab
chassis:
  hv1: {address: 172.31.0.1/16}
guests:
  vm1: {chassis: hv1, mac: 0a:00:00:00:00:01, ip: 10.0.0.1/24}
  vm2: {chassis: hv1, mac: 0a:00:00:00:00:02, ip: 10.0.0.2/24}
";

    /// What is said about some steps, a line each.
    fn complaints(steps: &str) -> String {
        let (topology, _) = Topology::read(&Source::new("lab.yaml", TOPOLOGY)).unwrap();
        let source = Source::new("s.yaml", format!("version: 1\nname: s\ntopology: lab\nsteps:\n{steps}"));
        let found = match source.read::<Scenario>() {
            Ok(scenario) => check(&scenario, &topology, &source, BackendKind::Netns),
            Err(refused) => refused.diagnostics,
        };
        let help = |d: &Diagnostic| d.help.as_ref().map_or(String::new(), |h| format!(" ({h})"));
        found.iter().map(|d| format!("{}{}\n", d.one_line(&source), help(d))).collect()
    }

    #[test]
    fn every_verb_is_read() {
        let steps = "
  - {name: hello, ping: {from: vm1, to: 10.0.0.2, count: 3, within: 1s, interval: 5ms, size: 1000}}
  - no-ping: {from: vm1, to: vm2, for: 1s}
  - flood-ping: {from: vm1, to: vm2, max-lost: 1, during: [{wait: {for: 1s}}]}
  - broadcast: {from: vm1, reaches: vm2}
  - send: {from: vm1, src: 0a:00:00:00:00:09, dst: ff:ff:ff:ff:ff:ff, kind: probe, misses: [vm2]}
  - nbctl: ls-add sw0
  - nbctl: [ls-add, sw1]
  - sbctl: {run: show, contains: hv1, lacks: [hv2], exit: 0}
  - vsctl: {on: hv1, do: show}
  - exec: {on: vm1, do: {run: ip addr, contains: 10.0.0.1}}
  - trace: {from: vm1, to: vm2, format: summary, contains: output}
  - trace: {datapath: sw0, flow: 'inport == \"vm1\"'}
  - expect-row: {db: sb, table: Port_Binding, where: {logical_port: vm1}, has: {up: true, chassis: hv1}}
  - expect-row: {db: switch, on: hv1, table: Interface, where: {external_ids: {iface-id: vm1}}, count: 1}
  - capture: {name: a, at: underlay}
  - capture: {name: b, at: 'vm1:eth0', file: b.pcapng}
  - expect-capture: {capture: a, where: {inner.ip.src: 10.0.0.1}, geneve: {switch: sw0, from: vm1}, at-most: 0}
  - link: {at: hv1, dir: tx, set: {delay: 20ms, loss: 1%}}
  - link: {cut: [hv1]}
  - link: {heal: true}
  - kill: {on: central, daemon: ovn-northd}
  - restart: {on: hv1, daemon: ovn-controller, signal: term}
  - add-guest: {vm3: {chassis: hv1, mac: 0a:00:00:00:00:03}}
  - ping: {from: vm3, to: vm1}
  - wait: {ports-up: [vm1, vm2], within: 2s}
  - clock: {advance: 300s}
  - arp-entry: {port: lr0-sw0, ip: 10.0.0.2, mac: 0a:00:00:00:00:02, for: 10s}
  - traffic: {from: vm1, to: vm2, rate: 1000, max-lost: 0, during: [{clock: {advance: 1s}}]}
  - upgrade: {on: hv1, daemon: ovs-vswitchd, to: /bin/false, rolled-back: true}
  - dhcp: {from: vm1, gets: {address: 10.0.0.1, router: [], routes: 10.1.0.0/16 via 10.0.0.254}, renew: true}
  - dhcp: {from: vm1, mac: 0a:00:00:00:00:09, wants: 10.0.0.9, refused: true}
  - dhcp6: {from: vm2, information: true, gets: {dns: 'fd00::53', domains: [ovn.org]}}
  - ra: {from: vm1, unasked: true, gets: {prefixes: 'fd00::/64', routes: 'low fd02::/48'}, within: 5s}
  - ra: {from: vm2, silent-for: 1s}
  - dns: {from: vm1, server: 10.0.0.2, ask: vm1.ovn.org, type: AAAA, gets: ['fd00::1']}
  - dns: {from: vm1, server: vm2, ask: 10.0.0.4, fails: nxdomain}
  - malformed: {from: vm1, to: vm2, kind: dhcp6, count: 10, rate: 100, seed: 7, during: [{ping: {from: vm2, to: vm1}}]}
  - convert: {db: nb, to: newer}
  - crowd: {at: vm1, hosts: 10, ip: 10.1.0.1, mac: 0e:00:00:00:00:01, gateway: 10.1.0.1, port: lr0-sw0, talking: 3, to: vm2, every: 1s, during: [{clock: {advance: 9s}}]}
";
        assert_eq!(complaints(steps), "");
        let used = Verb::KEYS.iter().filter(|key| steps.contains(&format!("{key}: ")));
        assert_eq!(used.count(), Verb::KEYS.len(), "the test names every verb");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let steps = "
  - pong: {from: vm1, to: vm2}
";
        insta::assert_snapshot!(complaints(steps), @"s.yaml:6:5: error: steps[0]: unknown field `pong`: expected one of ping, no-ping, flood-ping, broadcast, send, nbctl, sbctl, vsctl, exec, trace, expect-row, capture, expect-capture, link, kill, restart, add-guest, wait, clock, arp-entry, traffic, upgrade, dhcp, dhcp6, dns, ra, malformed, crowd, convert (did you mean ping?)");
        insta::assert_snapshot!(complaints("  - {ping: {from: vm1, to: vm2}, wait: {for: 1s}}\n"), @"s.yaml:5:5: error: steps[0]: a step with two verbs, ping and wait: expected two steps");
        insta::assert_snapshot!(complaints("  - name: nothing\n"), @"s.yaml:5:5: error: steps[0]: a step without a verb: expected one of ping, no-ping, flood-ping, broadcast, send, nbctl, sbctl, vsctl, exec, trace, expect-row, capture, expect-capture, link, kill, restart, add-guest, wait, clock, arp-entry, traffic, upgrade, dhcp, dhcp6, dns, ra, malformed, crowd, convert");
        insta::assert_snapshot!(complaints("  - ping: {form: vm1, to: vm2}\n"), @"s.yaml:5:12: error: steps[0].ping: unknown field `form`: expected one of from, to, count, within, interval, size, rtt-min, rtt-max (did you mean from?)");
        insta::assert_snapshot!(complaints("  - nbctl: 'lsp-add \"sw0'\n"), @r#"s.yaml:5:12: error: steps[0].nbctl: a quote is not closed: expected another ""#);
        insta::assert_snapshot!(complaints("  - nbctl: {ran: show}\n"), @"s.yaml:5:13: error: steps[0].nbctl: unknown field `ran`: expected one of run, contains, lacks, equals, exit, within (did you mean run?)");
        insta::assert_snapshot!(complaints("  - send: {from: vm1, src: 0a:00:00, misses: vm2}\n"), @r#"s.yaml:5:28: error: steps[0].send.src: bad MAC address "0a:00:00": expected six pairs of hexadecimal digits, such as 0a:00:00:00:00:01"#);
        let steps = "
  - ping: {from: vm3, to: vm2}
  - no-ping: {from: central, to: 10.0.0.300}
  - kill: {on: hv1, daemon: ovn-northd}
  - flood-ping: {from: vm1, to: vm2, during: [{ping: {from: vm9, to: vm1}}]}
  - expect-capture: {capture: wire, where: {ip.sorce: 10.0.0.1}}
  - capture: {name: a, at: 'vm1:eth0'}
  - capture: {name: a, at: 'vm7:eth0'}
  - expect-row: {db: sb, table: Port_Bindings}
  - expect-row: {db: sb, table: Port_Binding, where: {logical_prot: vm1}, has: {tunnel_key: many}}
  - expect-row: {db: switch, table: Interface}
  - link: {set: {loss: 1%}}
  - wait: {}
  - add-guest: {vm1: {chassis: hv9, mac: 0a:00:00:00:00:03}}
  - clock: {advance: 0s}
  - arp-entry: {port: lr0-sw0, ip: 10.0.0.2, mac: 0a:00:00:00:00:02, absent: true}
  - traffic: {from: vm1, to: hv1, rate: 0, size: 9000, during: []}
  - dhcp: {from: hv1, refused: true, silent-for: 1s}
  - ra: {from: vm3, gets: {}, silent-for: 1s}
  - dns: {from: vm1, server: vm3, ask: vm1..ovn, passes-to: hv1}
  - malformed: {from: vm1, kind: dns, count: 0, during: [{ping: {from: vm7, to: vm1}}]}
  - crowd: {at: hv1, hosts: 0, ip: 10.1.0.1, mac: 0e:00:00:00:00:01, gateway: 10.1.0.1, port: lr0-sw0, talking: 3, to: vm2, every: 1ms, during: []}
";
        insta::assert_snapshot!(complaints(steps), @r"
        s.yaml:6:18: error: there is no such node here: vm3: expected hv1 or vm1 or vm2 (did you mean vm1?)
        s.yaml:7:21: error: there is no such node here: central: expected hv1 or vm1 or vm2
        s.yaml:7:34: error: there is no such node here: 10.0.0.300: expected hv1 or vm1 or vm2
        s.yaml:8:16: error: there is no such node here: hv1: expected central
        s.yaml:9:61: error: there is no such node here: vm9: expected hv1 or vm1 or vm2 (did you mean vm1?)
        s.yaml:10:31: error: there is no capture called wire here: expected a `capture` step before this one
        s.yaml:10:45: error: no field is called ip.sorce: expected one of eth.src, eth.dst, eth.type, vlan.id, arp.op, arp.spa, arp.tpa, arp.sha, arp.tha, ip.src, ip.dst, ip.proto, ip.ttl, udp.src, udp.dst, tcp.src, tcp.dst, icmp.type, icmp.code, geneve.vni, geneve.ingress, geneve.egress; did you mean ip.src?
        s.yaml:12:28: error: there is no such node here: vm7: expected central or hv1 or vm1 or vm2 (did you mean vm1?)
        s.yaml:12:21: error: two captures are called a: expected another name
        s.yaml:13:33: error: OVN_Southbound has no table Port_Bindings: expected one of ACL_ID, Address_Set, Advertised_MAC_Binding, Advertised_Route, BFD, Chassis, Chassis_Private, Chassis_Template_Var, Connection, Controller_Event, DHCP_Options, DHCPv6_Options, DNS, Datapath_Binding, ECMP_Nexthop, Encap, FDB, Gateway_Chassis, HA_Chassis, HA_Chassis_Group, IGMP_Group, IP_Multicast, Learned_Route, Load_Balancer, Logical_DP_Group, Logical_Flow, MAC_Binding, Meter, Meter_Band, Mirror, Multicast_Group, Port_Binding, Port_Group, RBAC_Permission, RBAC_Role, SB_Global, SSL, Service_Monitor, Static_MAC_Binding; did you mean Port_Binding?
        s.yaml:14:55: error: Port_Binding has no column logical_prot: expected one of additional_chassis, additional_encap, chassis, datapath, encap, external_ids, gateway_chassis, ha_chassis_group, logical_port, mac, mirror_port, mirror_rules, nat_addresses, options, parent_port, port_security, requested_additional_chassis, requested_chassis, tag, tunnel_key, type, up, virtual_parent
        s.yaml:14:93: error: a text is not for this column: expected a whole number
        s.yaml:15:17: error: a switch database of no chassis: expected `on`, the chassis
        s.yaml:16:11: error: a link without its other half: expected both `at` and `set`
        s.yaml:17:11: error: not one thing to wait for: expected either `ports-up` or `for`
        s.yaml:18:32: error: there is no such node here: hv9: expected hv1 (did you mean hv1?)
        s.yaml:18:22: error: two nodes are called vm1: expected a name of its own
        s.yaml:19:22: error: no time: expected some, such as 300s
        s.yaml:20:51: error: the address of nobody: expected `mac` only without `absent`
        s.yaml:21:30: error: there is no such node here: hv1: expected vm1 or vm2
        s.yaml:21:41: error: a rate that cannot be: expected 1 to 10000
        s.yaml:21:50: error: too long for one packet: expected at most 1400
        s.yaml:22:18: error: there is no such node here: hv1: expected vm1 or vm2
        s.yaml:22:38: error: refused and silent-for cannot both be: expected one of them
        s.yaml:23:16: error: there is no such node here: vm3: expected vm1 or vm2 (did you mean vm1?)
        s.yaml:23:31: error: gets and silent-for cannot both be: expected one of them
        s.yaml:24:30: error: there is no such node here: vm3: expected hv1 or vm1 or vm2 (did you mean vm1?)
        s.yaml:24:61: error: there is no such node here: hv1: expected vm1 or vm2
        s.yaml:24:40: error: this can be no name: expected labels of 1 to 63 octets with dots between, or an address
        s.yaml:25:34: error: a question for nobody: expected `to`, the server that is asked
        s.yaml:25:46: error: a count that cannot be: expected 1 to 1000000
        s.yaml:25:72: error: there is no such node here: vm7: expected hv1 or vm1 or vm2 (did you mean vm1?)
        s.yaml:26:17: error: there is no such node here: hv1: expected vm1 or vm2
        s.yaml:26:29: error: a number of hosts that cannot be: expected 1 to 10000
        s.yaml:26:113: error: more than there are: expected at most `hosts`
        s.yaml:26:132: error: too often: expected at least 10ms
        ");
        insta::assert_snapshot!(complaints("  - dhcp: {from: vm1, gets: {routes: 10.1.0.0/16}}\n"), @r#"s.yaml:5:38: error: steps[0].dhcp.gets.routes: bad route "10.1.0.0/16": expected NETWORK/BITS via ADDRESS, such as 10.1.0.0/16 via 10.0.0.253"#);
        insta::assert_snapshot!(complaints("  - ra: {from: vm1, gets: {routes: 'best fd00::/64'}}\n"), @r#"s.yaml:5:36: error: steps[0].ra.gets.routes: bad route "best fd00::/64": expected high, medium or low, and NETWORK/BITS, such as low fd02::/48"#);
        insta::assert_snapshot!(complaints("  []\n"), @"s.yaml:4:1: error: no steps: expected at least one");
    }
}
