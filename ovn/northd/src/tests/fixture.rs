//! A network for tests: a script in the manner of `ovn-nbctl` changes northbound rows, and what units say of it is text.
//!
//! ```text
//! ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1"
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ovsdb::{Str, Transaction, Uuid};
use schema::tables::Delta;
use schema::{TypedRow, nb};

use super::acls;
use crate::inputs::Inputs;
use crate::network::Unit;
use crate::output::Output;
use crate::sync::content_uuid;

/// Northbound rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) global: nb::NbGlobal,
    pub(crate) switches: BTreeMap<Uuid, nb::LogicalSwitch>,
    pub(crate) ports: BTreeMap<Uuid, nb::LogicalSwitchPort>,
    pub(crate) address_sets: BTreeMap<Uuid, nb::AddressSet>,
    pub(crate) port_groups: BTreeMap<Uuid, nb::PortGroup>,
    pub(crate) routers: BTreeMap<Uuid, nb::LogicalRouter>,
    pub(crate) router_ports: BTreeMap<Uuid, nb::LogicalRouterPort>,
    pub(crate) dhcp_options: BTreeMap<Uuid, nb::DhcpOptions>,
    pub(crate) dns: BTreeMap<Uuid, nb::Dns>,
    pub(crate) acls: BTreeMap<Uuid, nb::Acl>,
    pub(crate) routes: BTreeMap<Uuid, nb::LogicalRouterStaticRoute>,
    pub(crate) gateway_chassis: BTreeMap<Uuid, nb::GatewayChassis>,
    pub(crate) static_macs: BTreeMap<Uuid, nb::StaticMacBinding>,
    /// Rows made so far: a row that comes again under its old name is another row.
    made: u64,
}

impl Rows {
    /// Runs a script.
    pub(crate) fn run(&mut self, script: &str) {
        // Not inside of quotes, where settings may have such a sign.
        let mut is_quoted = false;
        let ends = |c: char| {
            is_quoted ^= c == '"';
            !is_quoted && matches!(c, ';' | '\n')
        };
        for command in script.split(ends) {
            let words = words(command);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if let [verb, args @ ..] = &words[..] {
                self.command(verb, args);
            }
        }
        acls::collect(self);
    }

    fn command(&mut self, verb: &str, args: &[&str]) {
        match (verb, args) {
            ("ls-add", [name]) => {
                let (uuid, name) = (self.uuid(name), (*name).into());
                self.switches.insert(uuid, nb::LogicalSwitch { uuid, name, ..Default::default() });
            }
            ("ls-del", [name]) => {
                let Some(uuid) = self.find_switch(name) else { return };
                for port in self.switches.remove(&uuid).into_iter().flat_map(|switch| switch.ports) {
                    self.forget_port(port);
                }
            }
            ("ls-set", [name, settings @ ..]) => {
                let Some(uuid) = self.find_switch(name) else { return };
                self.switches.get_mut(&uuid).expect("found").other_config = pairs(settings);
            }
            ("lsp-add", [switch, name]) => {
                if self.find_port(name).is_some() {
                    return;
                }
                let Some(switch) = self.find_switch(switch) else { return };
                let (uuid, name) = (self.uuid(name), (*name).into());
                self.ports.insert(uuid, nb::LogicalSwitchPort { uuid, name, ..Default::default() });
                self.switches.get_mut(&switch).expect("found").ports.insert(uuid);
            }
            ("lsp-del", [name]) => {
                if let Some(uuid) = self.find_port(name) {
                    self.forget_port(uuid);
                }
            }
            ("set", ["NB_Global", settings @ ..]) => self.global.options.extend(pairs(settings)),
            ("sync", []) => self.global.nb_cfg += 1,
            ("as-set", [name, addresses @ ..]) => {
                let known = self.address_sets.values().find(|row| &*row.name == *name).map(|row| row.uuid);
                let uuid = known.unwrap_or_else(|| self.uuid(name));
                let row = nb::AddressSet {
                    uuid,
                    name: (*name).into(),
                    addresses: set(addresses),
                    ..Default::default()
                };
                self.address_sets.insert(uuid, row);
            }
            ("as-del", [name]) => self.address_sets.retain(|_, row| &*row.name != *name),
            ("pg-set", [name, ports @ ..]) => {
                let known = self.port_groups.values().find(|row| &*row.name == *name).map(|row| row.uuid);
                let uuid = known.unwrap_or_else(|| self.uuid(name));
                let ports = ports.iter().filter_map(|port| self.find_port(port)).collect();
                let row = self.port_groups.entry(uuid).or_default();
                (row.uuid, row.name, row.ports) = (uuid, (*name).into(), ports);
            }
            ("dhcp-options-set", [cidr, settings @ ..]) => {
                let known = self.dhcp_options.values().find(|row| &*row.cidr == *cidr).map(|row| row.uuid);
                let uuid = known.unwrap_or_else(|| self.uuid(cidr));
                let (cidr, options) = ((*cidr).into(), pairs(settings));
                self.dhcp_options.insert(uuid, nb::DhcpOptions { uuid, cidr, options, ..Default::default() });
            }
            ("dns-set", [name, records @ ..]) => {
                let uuid = content_uuid(&[b"dns", name.as_bytes()]);
                let records = pairs(records);
                self.dns.insert(uuid, nb::Dns { uuid, records, ..Default::default() });
            }
            ("ls-set-dns", [name, rows @ ..]) => {
                let Some(uuid) = self.find_switch(name) else { return };
                let rows = rows.iter().map(|row| content_uuid(&[b"dns", row.as_bytes()])).collect();
                self.switches.get_mut(&uuid).expect("found").dns_records = rows;
            }
            (verb, [owner, args @ ..]) if verb.starts_with("acl-") => acls::command(self, verb, owner, args),
            ("pg-del", [name]) => self.port_groups.retain(|_, row| &*row.name != *name),
            (verb, [name, args @ ..]) if verb.starts_with("lr") || verb.starts_with("static-mac") => {
                self.router_command(verb, name, args);
            }
            (verb, [port, args @ ..]) => self.port_command(verb, port, args),
            (verb, []) => panic!("no command \"{verb}\" without arguments"),
        }
    }

    fn port_command(&mut self, verb: &str, name: &str, args: &[&str]) {
        let Some(uuid) = self.find_port(name) else { return };
        let is_taken = args.first().is_some_and(|name| self.find_port(name).is_some());
        let told = args.first().and_then(|cidr| self.dhcp_options.values().find(|row| &*row.cidr == *cidr));
        let told = told.map(|row| row.uuid);
        let port = self.ports.get_mut(&uuid).expect("found");
        match (verb, args) {
            ("lsp-set-dhcpv4-options", [_]) => port.dhcpv4_options = told,
            ("lsp-set-dhcpv6-options", [_]) => port.dhcpv6_options = told,
            ("lsp-set-addresses", addresses) => port.addresses = set(addresses),
            ("lsp-set-port-security", addresses) => port.port_security = set(addresses),
            ("lsp-set-type", [kind]) => port.r#type = (*kind).into(),
            ("lsp-set-options", settings) => port.options = pairs(settings),
            ("lsp-set-enabled", [state]) => port.enabled = Some(*state == "enabled"),
            ("lsp-set-up", [state]) => port.up = Some(*state == "up"),
            ("lsp-set-parent", [parent, tag]) => {
                port.parent_name = Some((*parent).into());
                port.tag_request = tag.parse().ok();
            }
            ("lsp-rename", [_]) if is_taken => {}
            ("lsp-rename", [name]) => port.name = (*name).into(),
            (verb, args) => panic!("no command \"{verb} {}\"", args.join(" ")),
        }
    }

    fn router_command(&mut self, verb: &str, name: &str, args: &[&str]) {
        if verb == "lr-add" {
            let (uuid, name) = (self.uuid(name), name.into());
            self.routers.insert(uuid, nb::LogicalRouter { uuid, name, ..Default::default() });
        } else if verb == "static-mac-add" {
            let [ip, mac] = args else { panic!("static-mac-add PORT IP MAC") };
            if self.static_macs.values().any(|row| *row.logical_port == *name && &*row.ip == *ip) {
                return;
            }
            let (uuid, logical_port) = (self.uuid(name), name.into());
            let row = nb::StaticMacBinding {
                uuid,
                logical_port,
                ip: (*ip).into(),
                mac: (*mac).into(),
                ..Default::default()
            };
            self.static_macs.insert(uuid, row);
        } else if verb.starts_with("lrp-") && verb != "lrp-add" {
            let uuid = self.router_ports.values().find(|row| &*row.name == name).map(|row| row.uuid);
            if let Some(uuid) = uuid {
                self.router_port_command(verb, uuid, args);
            }
        } else if let Some(uuid) = self.routers.values().find(|row| &*row.name == name).map(|row| row.uuid) {
            self.on_router(verb, uuid, args);
        }
    }

    fn on_router(&mut self, verb: &str, router: Uuid, args: &[&str]) {
        let made = self.uuid(args.first().unwrap_or(&""));
        let row = self.routers.get_mut(&router).expect("found");
        match (verb, args) {
            ("lr-set", settings) => row.options = pairs(settings),
            ("lr-set-enabled", [state]) => row.enabled = Some(*state == "enabled"),
            ("lr-del", []) => {
                let row = self.routers.remove(&router).expect("found");
                row.ports.iter().for_each(|port| self.forget_router_port(*port));
                self.routes.retain(|route, _| !row.static_routes.contains(route));
            }
            ("lrp-add", [name, mac, networks @ ..]) => {
                if self.router_ports.values().any(|row| &*row.name == *name) {
                    return;
                }
                row.ports.insert(made);
                let (name, mac, networks) = ((*name).into(), (*mac).into(), set(networks));
                self.router_ports.insert(
                    made,
                    nb::LogicalRouterPort { uuid: made, name, mac, networks, ..Default::default() },
                );
            }
            ("lr-route-add", [prefix, hop, port @ ..]) => {
                row.static_routes.insert(made);
                let (policy, prefix) = prefix
                    .strip_prefix("src-ip:")
                    .map_or((None, *prefix), |rest| (Some("src-ip".into()), rest));
                let route = nb::LogicalRouterStaticRoute {
                    uuid: made,
                    ip_prefix: prefix.into(),
                    policy,
                    nexthop: (*hop).into(),
                    output_port: port.first().map(|port| (*port).into()),
                    ..Default::default()
                };
                self.routes.insert(made, route);
            }
            ("lr-route-del", [prefix]) => {
                let gone: BTreeSet<Uuid> = self
                    .routes
                    .values()
                    .filter(|route| &*route.ip_prefix == *prefix)
                    .map(|route| route.uuid)
                    .collect();
                let gone: BTreeSet<Uuid> = gone.intersection(&row.static_routes).copied().collect();
                row.static_routes.retain(|route| !gone.contains(route));
                self.routes.retain(|route, _| !gone.contains(route));
            }
            (verb, args) => panic!("no command \"{verb} {}\"", args.join(" ")),
        }
    }

    fn router_port_command(&mut self, verb: &str, uuid: Uuid, args: &[&str]) {
        let made = self.uuid("gateway chassis");
        let port = self.router_ports.get_mut(&uuid).expect("found");
        match (verb, args) {
            ("lrp-del", []) => self.forget_router_port(uuid),
            ("lrp-set-enabled", [state]) => port.enabled = Some(*state == "enabled"),
            ("lrp-set-options", settings) => port.options = pairs(settings),
            ("lrp-set-networks", networks) => port.networks = set(networks),
            ("lrp-set-peer", [peer]) => port.peer = Some((*peer).into()),
            ("lrp-set-ra", settings) => port.ipv6_ra_configs = pairs(settings),
            ("lrp-set-gateway-chassis", [chassis, priority]) => {
                port.gateway_chassis.insert(made);
                let row = nb::GatewayChassis {
                    uuid: made,
                    name: format!("{}-{chassis}", port.name).into(),
                    chassis_name: (*chassis).into(),
                    priority: priority.parse().expect("a number"),
                    ..Default::default()
                };
                self.gateway_chassis.insert(made, row);
            }
            (verb, args) => panic!("no command \"{verb} {}\"", args.join(" ")),
        }
    }

    /// A router port goes with its references.
    fn forget_router_port(&mut self, uuid: Uuid) {
        let port = self.router_ports.remove(&uuid);
        for chassis in port.iter().flat_map(|port| &port.gateway_chassis) {
            self.gateway_chassis.remove(chassis);
        }
        self.routers.values_mut().for_each(|router| {
            router.ports.remove(&uuid);
        });
    }

    pub(crate) fn uuid(&mut self, name: &str) -> Uuid {
        self.made += 1;
        content_uuid(&[name.as_bytes(), &self.made.to_be_bytes()])
    }

    fn find_switch(&self, name: &str) -> Option<Uuid> {
        self.switches.values().find(|row| &*row.name == name).map(|row| row.uuid)
    }

    fn find_port(&self, name: &str) -> Option<Uuid> {
        self.ports.values().find(|row| &*row.name == name).map(|row| row.uuid)
    }

    /// A port goes with its references, strong and weak.
    fn forget_port(&mut self, uuid: Uuid) {
        self.ports.remove(&uuid);
        for switch in self.switches.values_mut() {
            switch.ports.remove(&uuid);
        }
        for group in self.port_groups.values_mut() {
            group.ports.remove(&uuid);
        }
    }

    /// What has to be told to somebody who knows `old`.
    pub(crate) fn changes_since(&self, old: &Self) -> Vec<nb::Change> {
        let mut changes = Vec::new();
        let global = |row: &Self| BTreeMap::from([(Uuid::from_u128(1), row.global.clone())]);
        // Not in the order in which things depend on each other, as in messages of a server.
        changes.extend(deltas(&old.ports, &self.ports).map(nb::Change::LogicalSwitchPort));
        changes.extend(deltas(&old.port_groups, &self.port_groups).map(nb::Change::PortGroup));
        changes.extend(deltas(&old.acls, &self.acls).map(nb::Change::Acl));
        changes.extend(deltas(&old.switches, &self.switches).map(nb::Change::LogicalSwitch));
        changes.extend(deltas(&old.routes, &self.routes).map(nb::Change::LogicalRouterStaticRoute));
        changes.extend(deltas(&old.routers, &self.routers).map(nb::Change::LogicalRouter));
        changes.extend(deltas(&old.router_ports, &self.router_ports).map(nb::Change::LogicalRouterPort));
        changes.extend(deltas(&old.gateway_chassis, &self.gateway_chassis).map(nb::Change::GatewayChassis));
        changes.extend(deltas(&old.static_macs, &self.static_macs).map(nb::Change::StaticMacBinding));
        changes.extend(deltas(&old.dns, &self.dns).map(nb::Change::Dns));
        changes.extend(deltas(&old.dhcp_options, &self.dhcp_options).map(nb::Change::DhcpOptions));
        changes.extend(deltas(&old.address_sets, &self.address_sets).map(nb::Change::AddressSet));
        changes.extend(deltas(&global(old), &global(self)).map(nb::Change::NbGlobal));
        changes
    }
}

impl Rows {
    /// The transaction that makes the rows of the database what they are here.
    pub(crate) fn transaction_since(&self, old: &Self) -> Transaction {
        let mut transaction = Transaction::new();
        write(&old.ports, &self.ports, &mut transaction);
        write(&old.port_groups, &self.port_groups, &mut transaction);
        write(&old.acls, &self.acls, &mut transaction);
        write(&old.switches, &self.switches, &mut transaction);
        write(&old.dns, &self.dns, &mut transaction);
        write(&old.dhcp_options, &self.dhcp_options, &mut transaction);
        write(&old.address_sets, &self.address_sets, &mut transaction);
        write(&old.routes, &self.routes, &mut transaction);
        write(&old.gateway_chassis, &self.gateway_chassis, &mut transaction);
        write(&old.router_ports, &self.router_ports, &mut transaction);
        write(&old.routers, &self.routers, &mut transaction);
        write(&old.static_macs, &self.static_macs, &mut transaction);
        // Of these options some are northd's own, which it writes again.
        transaction.update("NB_Global", Uuid::from_u128(1), old.global.diff(&self.global));
        transaction
    }
}

fn write<T: TypedRow>(old: &BTreeMap<Uuid, T>, new: &BTreeMap<Uuid, T>, transaction: &mut Transaction) {
    for (uuid, row) in new {
        match old.get(uuid) {
            None => transaction.insert(T::TABLE, *uuid, row.to_row()),
            Some(old) => transaction.update(T::TABLE, *uuid, old.diff(row)),
        };
    }
    for uuid in old.keys().filter(|uuid| !new.contains_key(uuid)) {
        transaction.delete(T::TABLE, *uuid);
    }
}

fn deltas<T: Clone + PartialEq>(
    old: &BTreeMap<Uuid, T>,
    new: &BTreeMap<Uuid, T>,
) -> impl Iterator<Item = Delta<T>> + use<T> {
    let row = |row: Option<&T>| row.cloned().map(Arc::new);
    let keys: BTreeSet<Uuid> = old.keys().chain(new.keys()).copied().collect();
    let deltas =
        keys.into_iter().map(|uuid| Delta { uuid, old: row(old.get(&uuid)), new: row(new.get(&uuid)) });
    deltas.filter(|delta| delta.old != delta.new).collect::<Vec<_>>().into_iter()
}

/// Rows, and the units that run for them.
#[derive(Default)]
pub(crate) struct Fixture {
    pub(crate) rows: Rows,
    told: Rows,
    pub(crate) inputs: Inputs,
}

impl Fixture {
    /// A network after a script.
    pub(crate) fn new(script: &str) -> Self {
        let mut fixture = Self::default();
        fixture.run(script);
        fixture
    }

    /// Runs a script and the units. Gives the outputs that came and went, as lines.
    pub(crate) fn run(&mut self, script: &str) -> Vec<String> {
        self.rows.run(script);
        for change in self.rows.changes_since(&self.told) {
            self.inputs.northbound(&change);
        }
        self.told = self.rows.clone();
        let step = self.inputs.step();
        assert_eq!(self.inputs.engine.check(&self.inputs.network), [], "every read is tracked");
        let mut lines = BTreeMap::new();
        for (outputs, sign) in [(&step.removed, '-'), (&step.added, '+')] {
            for (_, output) in outputs {
                let line = self.line(output);
                lines.insert((sort_key(output), line.clone(), sign == '+'), format!("{sign} {line}"));
            }
        }
        lines.into_values().collect()
    }

    /// Everything that units say, as lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let outputs = self.inputs.engine.units().flat_map(|(_, outputs)| outputs.to_vec());
        let lines: BTreeSet<_> = outputs.map(|output| (sort_key(&output), self.line(&output))).collect();
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// The units that ran last, with the names of their rows.
    pub(crate) fn reran(&self) -> Vec<String> {
        let name = |uuid: &Uuid| {
            let rows = &self.rows;
            let names = [
                rows.switches.get(uuid).map(|row| &row.name),
                rows.ports.get(uuid).map(|row| &row.name),
                rows.address_sets.get(uuid).map(|row| &row.name),
                rows.routers.get(uuid).map(|row| &row.name),
                rows.router_ports.get(uuid).map(|row| &row.name),
                rows.routes.get(uuid).map(|row| &row.ip_prefix),
                rows.static_macs.get(uuid).map(|row| &row.ip),
                rows.port_groups.get(uuid).map(|row| &row.name),
            ];
            names.into_iter().flatten().next().map_or("?".to_owned(), Str::to_string)
        };
        let mut units: Vec<String> = self
            .inputs
            .engine
            .last_run()
            .iter()
            .map(|unit| match unit {
                Unit::Global => "global".into(),
                Unit::PortFacts(uuid) => format!("port_facts {}", name(uuid)),
                Unit::Switch(uuid) => format!("switch {}", name(uuid)),
                Unit::SwitchPort(uuid) => format!("switch_port {}", name(uuid)),
                Unit::RouterPortFacts(uuid) => format!("router_port_facts {}", name(uuid)),
                Unit::StaticRoute(uuid) => format!("static_route {}", name(uuid)),
                Unit::Router(uuid) => format!("router {}", name(uuid)),
                Unit::RouterPort(uuid) => format!("router_port {}", name(uuid)),
                Unit::Routes(key) => format!("routes {} {}", name(&key.router), key.chosen.prefix),
                Unit::ChassisGroup(uuid) => format!("chassis_group {}", name(uuid)),
                Unit::StaticMac(uuid) => format!("static_mac {}", name(uuid)),
                Unit::AddressSet(uuid) => format!("address_set {}", name(uuid)),
                Unit::PortGroup(uuid) => format!("port_group {}", name(uuid)),
                Unit::AclFacts(uuid) => format!("acl_facts {}", acls::name(&self.rows, uuid)),
                Unit::Acl(unit) => {
                    format!("acl {} {}", acls::name(&self.rows, &unit.acl), name(&unit.switch))
                }
            })
            .collect();
        units.sort();
        units
    }

    fn line(&self, output: &Output) -> String {
        let switch = |uuid: &Uuid| {
            let router = self.rows.routers.get(uuid).map(|row| &row.name);
            let name = self.rows.switches.get(uuid).map(|row| &row.name).or(router);
            name.map_or("?", |name| name).to_owned()
        };
        match output {
            Output::Flow { flow, datapath } => format!("{}: {}", switch(datapath), flow.flow),
            Output::Datapath(row) => format!("datapath {} key {}", switch(&row.uuid), row.key),
            Output::Port(row) => {
                let group = row.chassis_group.iter().map(|group| format!(" group {group}"));
                let options = row.columns.options.iter().filter(|_| LINKS.contains(&&*row.kind));
                let more: String =
                    options.map(|(key, value)| format!(" {key}={value}")).chain(group).collect();
                format!(
                    "port {} {}key {} on {}{more}",
                    row.name,
                    kind(&row.kind),
                    row.key,
                    switch(&row.datapath)
                )
            }
            Output::ChassisGroup(row) => {
                let members: Vec<String> =
                    row.members.iter().map(|(name, (_, priority))| format!("{name} {priority}")).collect();
                format!("chassis group {}: {}", row.name, members.join(", "))
            }
            Output::Ageing { router, ages } => {
                format!("{} forgets after {:?} s", switch(router), ages.shortest())
            }
            Output::StaticMac(row) => {
                format!("static MAC {} {} {} on {}", row.ip, row.mac, row.port, switch(&row.datapath))
            }
            Output::GroupMember { datapath, group, port } => {
                format!("{}: {} has {port}", switch(datapath), group.name())
            }
            Output::Dns { row, datapath } => {
                format!("dns {} has {:?} owned {}", switch(datapath), row.records, row.is_owned)
            }
            Output::Address { set, address: None } => format!("address set {set}"),
            Output::Address { set, address: Some(address) } => format!("address set {set} has {address}"),
            Output::PortGroupMember { group, port } => format!("port group {group} has {port}"),
            Output::Complaint(complaint) => format!("complaint: {complaint}"),
        }
    }
}

/// Types of bindings that lead to others.
const LINKS: [&str; 3] = ["patch", "l3gateway", "chassisredirect"];

fn kind(kind: &str) -> String {
    if kind.is_empty() { String::new() } else { format!("({kind}) ") }
}

/// Flows in the order in which a packet meets them, after everything else.
fn sort_key(output: &Output) -> Option<(lflow::pipeline::Stage, std::cmp::Reverse<u16>)> {
    match output {
        Output::Flow { flow, .. } => Some((flow.flow.stage, std::cmp::Reverse(flow.flow.priority))),
        Output::Datapath(_)
        | Output::Port(_)
        | Output::ChassisGroup(_)
        | Output::Ageing { .. }
        | Output::StaticMac(_)
        | Output::Dns { .. }
        | Output::GroupMember { .. }
        | Output::Address { .. }
        | Output::PortGroupMember { .. }
        | Output::Complaint(_) => None,
    }
}

/// The lines after `script` with one of `patterns` in them, but for stages that only pass packets on.
pub(crate) fn check(script: &str, patterns: &[&str]) -> String {
    select(&Fixture::new(script).lines(), patterns)
}

/// The lines that `change` adds and removes after `script`.
pub(crate) fn check_change(script: &str, change: &str) -> String {
    Fixture::new(script).run(change).join("\n")
}

/// The lines with one of `patterns` in them.
pub(crate) fn select(lines: &[String], patterns: &[&str]) -> String {
    let wanted = |line: &&String| patterns.iter().any(|pattern| line.contains(pattern));
    lines.iter().filter(wanted).map(String::as_str).collect::<Vec<_>>().join("\n")
}

fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in command.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn pairs(settings: &[&str]) -> BTreeMap<Str, Str> {
    let pair = |text: &&str| text.split_once('=').map(|(key, value)| (Str::from(key), Str::from(value)));
    settings.iter().filter_map(pair).collect()
}

fn set(texts: &[&str]) -> BTreeSet<Str> {
    texts.iter().map(|text| Str::from(*text)).collect()
}
