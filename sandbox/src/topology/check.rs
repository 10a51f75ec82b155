//! What the types of a topology cannot say: every name once, every address once, every reference to something.

use super::Topology;
use crate::db::rows;
use crate::path;
use crate::text::nearest::nearest;
use crate::text::{Diagnostic, Part, Path, Source};
use std::collections::BTreeMap;
use std::fmt::Display;

/// All complaints and advice, in the order in which the file is read.
pub fn check(topology: &Topology, source: &Source) -> Vec<Diagnostic> {
    let mut check = Check { source, found: Vec::new() };
    check.nodes(topology);
    check.underlay(topology);
    check.guests(topology);
    check.northbound(topology);
    check.found.sort_by_key(|d| d.primary.span.start);
    check.found
}

/// Whether a node may not have this name. Tunnel ports are called ovn-CHASSIS-0.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("ovn-")
}

struct Check<'a> {
    source: &'a Source,
    found: Vec<Diagnostic>,
}

/// The name of the node that every lab has.
pub const CENTRAL: &str = "central";

/// Names that mean something else: interfaces of a chassis, beside which those of its guests stand, and a directory
/// of the lab.
const RESERVED: [&str; 7] = [CENTRAL, "bin", "br-int", "br-phys", "lo", "ovs-netdev", "uplink"];

impl Check<'_> {
    fn nodes(&mut self, topology: &Topology) {
        let mut names = Seen::default();
        for name in topology.chassis.keys() {
            names.see(name.as_str(), path!["chassis", name.as_str()]);
        }
        for name in topology.guests.keys() {
            names.see(name.as_str(), path!["guests", name.as_str()]);
        }
        if topology.chassis.is_empty() {
            let span = self.source.value(&path!["chassis"]);
            self.found.push(Diagnostic::error("no chassis", span, "expected at least one, such as hv1"));
        }
        for (name, places) in names.0 {
            if is_reserved(name) {
                let span = self.source.key(&places[0]);
                let expected = "expected another name: this one is taken by a part of every lab";
                self.found.push(Diagnostic::error(format!("bad name {name}"), span, expected));
            }
            self.once(&format!("two nodes are called {name}"), &places, true, "expected a name of its own");
        }
    }

    fn underlay(&mut self, topology: &Topology) {
        let mut addresses = Seen::default();
        let central = topology.central.address.map(|a| (a, path![CENTRAL, "address"]));
        if central.is_none() && topology.central.southbound == super::Remote::Tcp {
            let span = self.source.value(&path!["central", "southbound"]);
            let expected = "expected central to have an address on the fabric: add address: 172.31.255.1/16";
            self.found.push(Diagnostic::error("southbound over tcp without an address", span, expected));
        }
        let chassis =
            topology.chassis.iter().map(|(n, c)| (c.address, path!["chassis", n.as_str(), "address"]));
        let mut first = None;
        for (cidr, place) in central.into_iter().chain(chassis) {
            addresses.see(cidr.addr, place.clone());
            let (network, network_place) = first.get_or_insert((cidr, place.clone()));
            if !network.contains(cidr.addr) || network.prefix_len != cidr.prefix_len {
                let title = format!("{cidr} is not in the network of {network}");
                let diagnostic = Diagnostic::error(
                    title,
                    self.source.value(&place),
                    "expected an address of the same network",
                )
                .also(self.source.value(network_place), "the fabric is one network");
                self.found.push(diagnostic);
            }
        }
        for (address, places) in addresses.0 {
            let title = format!("the address {address} is given to two chassis");
            self.once(&title, &places, false, "expected an address of its own");
        }
    }

    fn guests(&mut self, topology: &Topology) {
        let (mut ports, mut macs, mut ips) = (Seen::default(), Seen::default(), Seen::default());
        let switch_of = switches(topology);
        for (name, guest) in &topology.guests {
            let at = |key: &str| path!["guests", name.as_str(), key];
            if !topology.chassis.contains_key(&guest.chassis) {
                self.reference("chassis", guest.chassis.as_str(), &at("chassis"), topology.chassis.keys());
            }
            let port = guest.port_name(name);
            let port_place = if guest.port.is_some() { at("port") } else { path!["guests", name.as_str()] };
            ports.see(port, port_place.clone());
            if !topology.northbound.is_empty() && !switch_of.contains_key(port) {
                self.reference("logical switch port", port, &port_place, switch_of.keys());
            }
            // Addresses may repeat in different logical switches: those are different networks.
            let switch = switch_of.get(port).cloned().unwrap_or_default();
            macs.see((switch.clone(), guest.mac), at("mac"));
            for (i, cidr) in guest.ip.iter().enumerate() {
                let exact = path!["guests", name.as_str(), "ip", i];
                ips.see((switch.clone(), cidr.addr), exact);
            }
        }
        for (port, places) in ports.0 {
            self.once(
                &format!("two guests use the port {port}"),
                &places,
                false,
                "expected a port of its own",
            );
        }
        for ((_, mac), places) in macs.0 {
            self.once(
                &format!("two guests have the address {mac}"),
                &places,
                false,
                "expected an address of its own",
            );
        }
        for ((_, ip), places) in ips.0 {
            self.once(
                &format!("two guests have the address {ip}"),
                &places,
                false,
                "expected an address of its own",
            );
        }
    }

    fn northbound(&mut self, topology: &Topology) {
        let Err(bad) = rows::insert_all(schema::nb::schema(), &topology.northbound) else { return };
        for row in bad {
            let place: Path = std::iter::once(Part::from("northbound")).chain(row.path).collect();
            let mut diagnostic =
                Diagnostic::error(row.title, self.source.locate(&place, row.key), row.expected);
            diagnostic.help = row.help;
            self.found.push(diagnostic);
        }
    }

    /// Complains about the second and later of `places`, in the order of the file.
    fn once(&mut self, title: &str, places: &[Path], key: bool, expected: &str) {
        // To find a place is to read the file again.
        if places.len() < 2 {
            return;
        }
        let mut spans: Vec<_> = places.iter().map(|place| self.source.locate(place, key)).collect();
        spans.sort_by_key(|span| span.start);
        for span in spans.iter().skip(1) {
            let diagnostic = Diagnostic::error(title, span.clone(), expected);
            self.found.push(diagnostic.also(spans[0].clone(), "first used here"));
        }
    }

    /// Complains that there is no such thing, and offers the nearest.
    fn reference(
        &mut self,
        kind: &str,
        name: &str,
        place: &Path,
        known: impl Iterator<Item = impl Display> + Clone,
    ) {
        let known: Vec<String> = known.map(|n| n.to_string()).collect();
        let expected = match known.len() {
            0 => format!("expected a {kind}, but there is none"),
            1..=8 => format!("expected {}", known.join(" or ")),
            n => format!("expected one of the {n} that the file names"),
        };
        let title = format!("there is no {kind} called {name}");
        let mut diagnostic = Diagnostic::error(title, self.source.value(place), expected);
        if let Some(meant) = nearest(name, known.iter().map(String::as_str)) {
            diagnostic = diagnostic.with_help(format!("did you mean {meant}?"));
        }
        self.found.push(diagnostic);
    }
}

/// Where each thing is used.
struct Seen<T>(BTreeMap<T, Vec<Path>>);

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Seen<T> {
    fn see(&mut self, thing: T, place: Path) {
        self.0.entry(thing).or_default().push(place);
    }
}

/// The logical switch of each logical switch port, by the ports' names.
pub fn switches(topology: &Topology) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for switch in topology.northbound.get("Logical_Switch").into_iter().flatten() {
        let name = switch.get("name").and_then(|n| n.as_str()).unwrap_or_default();
        for port in switch.get("ports").and_then(|p| p.as_array()).into_iter().flatten() {
            let port_name = port.as_str().or_else(|| port.get("name").and_then(|n| n.as_str()));
            found.extend(port_name.map(|p| (p.to_owned(), name.to_owned())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "\
version: 1
name: lab
chassis:
  hv1: {address: 172.31.0.1/16}
  hv2: {address: 172.31.0.2/16}
northbound:
  Logical_Switch:
    - name: sw0
      ports: [{name: vm1}, {name: vm2}]
guests:
  vm1: {chassis: hv1, mac: '0a:00:00:00:00:01', ip: 10.0.0.1/24}
  vm2: {chassis: hv2, mac: '0a:00:00:00:00:02', ip: [10.0.0.2/24, 'fd00::2/64']}
";

    fn complaints(text: &str) -> String {
        match Topology::read(&Source::new("lab.yaml", text)) {
            Ok((_, advice)) => format!("fine, {} pieces of advice", advice.len()),
            Err(refused) => refused.to_string(),
        }
    }

    #[test]
    fn a_good_topology_is_read() {
        assert_eq!(complaints(BASE), "fine, 0 pieces of advice");
    }

    #[test]
    fn an_address_on_two_chassis_is_refused() {
        insta::assert_snapshot!(complaints(&BASE.replace("172.31.0.2/16", "172.31.0.1/16")), @r"
        error: the address 172.31.0.1 is given to two chassis
         --> lab.yaml:5:18
          |
        4 |   hv1: {address: 172.31.0.1/16}
          |                  ------------- first used here
        5 |   hv2: {address: 172.31.0.1/16}
          |                  ^^^^^^^^^^^^^ expected an address of its own
        ");
    }

    #[test]
    fn an_address_outside_of_the_fabric_is_refused() {
        insta::assert_snapshot!(complaints(&BASE.replace("172.31.0.2/16", "192.168.0.1/16")), @r"
        error: 192.168.0.1/16 is not in the network of 172.31.0.1/16
         --> lab.yaml:5:18
          |
        4 |   hv1: {address: 172.31.0.1/16}
          |                  ------------- the fabric is one network
        5 |   hv2: {address: 192.168.0.1/16}
          |                  ^^^^^^^^^^^^^^ expected an address of the same network
        ");
    }

    #[test]
    fn guests_do_not_share_addresses_ports_or_names() {
        let text = BASE
            .replace("0a:00:00:00:00:02", "0a:00:00:00:00:01")
            .replace("[10.0.0.2/24, ", "[10.0.0.1/24, ")
            .replace("vm2: {chassis: hv2,", "hv2: {chassis: hv2, port: vm1,");
        insta::assert_snapshot!(complaints(&text), @r"
        error: two nodes are called hv2
          --> lab.yaml:12:3
           |
         5 |   hv2: {address: 172.31.0.2/16}
           |   --- first used here
        ...
        12 |   hv2: {chassis: hv2, port: vm1, mac: '0a:00:00:00:00:01', ip: [10.0.0.1/24, 'fd00::2/64']}
           |   ^^^ expected a name of its own

        error: two guests use the port vm1
          --> lab.yaml:12:29
           |
        11 |   vm1: {chassis: hv1, mac: '0a:00:00:00:00:01', ip: 10.0.0.1/24}
           |        - first used here
        12 |   hv2: {chassis: hv2, port: vm1, mac: '0a:00:00:00:00:01', ip: [10.0.0.1/24, 'fd00::2/64']}
           |                             ^^^ expected a port of its own

        error: two guests have the address 0a:00:00:00:00:01
          --> lab.yaml:12:39
           |
        11 |   vm1: {chassis: hv1, mac: '0a:00:00:00:00:01', ip: 10.0.0.1/24}
           |                            ------------------- first used here
        12 |   hv2: {chassis: hv2, port: vm1, mac: '0a:00:00:00:00:01', ip: [10.0.0.1/24, 'fd00::2/64']}
           |                                       ^^^^^^^^^^^^^^^^^^^ expected an address of its own

        error: two guests have the address 10.0.0.1
          --> lab.yaml:12:65
           |
        11 |   vm1: {chassis: hv1, mac: '0a:00:00:00:00:01', ip: 10.0.0.1/24}
           |                                                     ----------- first used here
        12 |   hv2: {chassis: hv2, port: vm1, mac: '0a:00:00:00:00:01', ip: [10.0.0.1/24, 'fd00::2/64']}
           |                                                                 ^^^^^^^^^^^ expected an address of its own
        ");
    }

    #[test]
    fn references_must_lead_somewhere() {
        let text = BASE.replace("vm1: {chassis: hv1", "vm3: {chassis: vh1");
        insta::assert_snapshot!(complaints(&text), @r"
        error: there is no logical switch port called vm3
          --> lab.yaml:11:8
           |
        11 |   vm3: {chassis: vh1, mac: '0a:00:00:00:00:01', ip: 10.0.0.1/24}
           |        ^ expected vm1 or vm2
           |
           = help: did you mean vm1?

        error: there is no chassis called vh1
          --> lab.yaml:11:18
           |
        11 |   vm3: {chassis: vh1, mac: '0a:00:00:00:00:01', ip: 10.0.0.1/24}
           |                  ^^^ expected hv1 or hv2
           |
           = help: did you mean hv1?
        ");
    }

    #[test]
    fn typed_errors_have_positions_too() {
        insta::assert_snapshot!(complaints(&BASE.replace("0a:00:00:00:00:02", "0a:00:00:00:02")), @r#"
        error: guests.vm2.mac: bad MAC address "0a:00:00:00:02"
          --> lab.yaml:12:28
           |
        12 |   vm2: {chassis: hv2, mac: '0a:00:00:00:02', ip: [10.0.0.2/24, 'fd00::2/64']}
           |                            ^^^^^^^^^^^^^^^^ expected six pairs of hexadecimal digits, such as 0a:00:00:00:00:01
        "#);
        insta::assert_snapshot!(complaints(&BASE.replace("version: 1", "version: 2")), @r"
        error: version: bad version 2
         --> lab.yaml:1:10
          |
        1 | version: 2
          |          ^ expected 1, the only version of this format
        ");
        insta::assert_snapshot!(complaints(&BASE.replace("hv2: {", "hv1: {")), @r"
        error: chassis: duplicate key hv1
         --> lab.yaml:5:3
          |
        5 |   hv1: {address: 172.31.0.2/16}
          |   ^^^ expected each name once in its mapping
        ");
        insta::assert_snapshot!(complaints(&BASE.replace("chassis: hv1", "chasis: hv1")), @r"
        error: guests.vm1: unknown field `chasis`
          --> lab.yaml:11:9
           |
        11 |   vm1: {chasis: hv1, mac: '0a:00:00:00:00:01', ip: 10.0.0.1/24}
           |         ^^^^^^ expected one of chassis, port, mac, ip, gateway, mtu, attach
           |
           = help: did you mean chassis?
        ");
        insta::assert_snapshot!(complaints(&BASE.replace("guests:", "stack: {ovn-nortd: /x}\nguests:")), @r#"
        error: stack: bad role "ovn-nortd"
          --> lab.yaml:10:9
           |
        10 | stack: {ovn-nortd: /x}
           |         ^^^^^^^^^ expected ovsdb-server, ovn-northd, ovn-controller, ovs-vswitchd, or a client such as ovn-nbctl, ovn-sbctl, ovs-vsctl, ovn-trace, ovs-ofctl, ovs-appctl, ovn-appctl, ovsdb-client, ovsdb-tool
        "#);
        insta::assert_snapshot!(complaints(&BASE.replace("fd00::2/64", "fd00::2/164")), @r#"
        error: guests.vm2.ip[1]: bad address "fd00::2/164"
          --> lab.yaml:12:67
           |
        12 |   vm2: {chassis: hv2, mac: '0a:00:00:00:00:02', ip: [10.0.0.2/24, 'fd00::2/164']}
           |                                                                   ^^^^^^^^^^^^^ expected an address with its prefix length, such as 10.0.0.1/24
        "#);
    }

    #[test]
    fn no_chassis_and_the_reserved_name_are_refused() {
        insta::assert_snapshot!(complaints("version: 1\nname: x\nchassis: {}\n"), @r"
        error: no chassis
         --> lab.yaml:3:10
          |
        3 | chassis: {}
          |          ^ expected at least one, such as hv1
        ");
        insta::assert_snapshot!(complaints(&BASE.replace("vm2:", "central:").replace("name: vm2", "name: central")), @r"
        error: bad name central
          --> lab.yaml:12:3
           |
        12 |   central: {chassis: hv2, mac: '0a:00:00:00:00:02', ip: [10.0.0.2/24, 'fd00::2/64']}
           |   ^^^^^^^ expected another name: this one is taken by a part of every lab
        ");
    }

    #[test]
    fn northbound_rows_are_checked_against_the_schema() {
        let text = BASE.replace("[{name: vm1}", "[{name: vm1, adresses: x, tag: 9999}");
        insta::assert_snapshot!(complaints(&text), @r"
        error: no column of Logical_Switch_Port is called adresses
         --> lab.yaml:9:27
          |
        9 |       ports: [{name: vm1, adresses: x, tag: 9999}, {name: vm2}]
          |                           ^^^^^^^^ expected one of addresses, dhcpv4_options, dhcpv6_options, dynamic_addresses, enabled, external_ids, ha_chassis_group, health_checks, mirror_rules, name, options, parent_name, peer, port_security, tag, tag_request, type, up
          |
          = help: did you mean addresses?

        error: 9999 is not in the valid range 1 to 4095 (inclusive)
         --> lab.yaml:9:45
          |
        9 |       ports: [{name: vm1, adresses: x, tag: 9999}, {name: vm2}]
          |                                             ^^^^ expected set of up to 1 integers
        ");
    }

    #[test]
    fn addresses_of_ports_are_checked() {
        let text =
            BASE.replace("[{name: vm1}", "[{name: vm1, addresses: [unknown, '0a:00:00:00:00:zz 10.0.0.1']}");
        insta::assert_snapshot!(complaints(&text), @r#"
        error: bad value "0a:00:00:00:00:zz 10.0.0.1" in addresses of Logical_Switch_Port
         --> lab.yaml:9:48
          |
        9 |       ports: [{name: vm1, addresses: [unknown, '0a:00:00:00:00:zz 10.0.0.1']}, {name: vm2}]
          |                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected a MAC address and what IP addresses go with it, such as "0a:00:00:00:00:01 10.0.0.1", or unknown, router or dynamic
        "#);
    }

    #[test]
    fn southbound_over_tcp_needs_an_address() {
        insta::assert_snapshot!(complaints(&format!("{BASE}central: {{southbound: tcp}}\n")), @r"
        error: southbound over tcp without an address
          --> lab.yaml:13:23
           |
        13 | central: {southbound: tcp}
           |                       ^^^ expected central to have an address on the fabric: add address: 172.31.255.1/16
        ");
    }
}
