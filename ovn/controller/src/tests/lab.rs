//! A chassis for tests: rows are described by words, flows come out as text.

use openflow::{FlowMod, PortNo};
use ovsdb::{Str, Uuid};
use schema::sb;
use schema::tables::Delta;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::flow_table::FlowTable;
use crate::host::{Host, TunnelPort};
use crate::inputs::Inputs;
use crate::model::{Config, EncapKind};
use crate::network::{Local, Outputs, Unit};
use crate::tables::OfTable;

/// Rows of the southbound database and the ports of the bridge, and what was computed from them.
pub(crate) struct Lab {
    pub(crate) inputs: Inputs,
    pub(crate) flows: FlowTable,
    pub(crate) rows: Rows,
    pub(crate) complaints: Vec<String>,
}

/// What there is, so that the same can be built from scratch.
#[derive(Clone, Default)]
pub(crate) struct Rows {
    pub(crate) chassis: BTreeMap<Uuid, sb::Chassis>,
    pub(crate) datapaths: BTreeMap<Uuid, sb::DatapathBinding>,
    pub(crate) datapath_groups: BTreeMap<Uuid, sb::LogicalDpGroup>,
    pub(crate) ports: BTreeMap<Uuid, sb::PortBinding>,
    pub(crate) groups: BTreeMap<Uuid, sb::MulticastGroup>,
    pub(crate) flows: BTreeMap<Uuid, sb::LogicalFlow>,
    pub(crate) sets: BTreeMap<Uuid, sb::AddressSet>,
    pub(crate) port_groups: BTreeMap<Uuid, sb::PortGroup>,
    pub(crate) learned: BTreeMap<Uuid, sb::Fdb>,
    pub(crate) variables: BTreeMap<Uuid, sb::ChassisTemplateVar>,
    pub(crate) meters: BTreeMap<Uuid, sb::Meter>,
    pub(crate) bands: BTreeMap<Uuid, sb::MeterBand>,
    pub(crate) gateway_groups: BTreeMap<Uuid, sb::HaChassisGroup>,
    pub(crate) members: BTreeMap<Uuid, sb::HaChassis>,
    pub(crate) balancers: BTreeMap<Uuid, sb::LoadBalancer>,
    pub(crate) neighbors: BTreeMap<Uuid, sb::MacBinding>,
    pub(crate) given_neighbors: BTreeMap<Uuid, sb::StaticMacBinding>,
    pub(crate) host: Host,
}

/// A row named after its table and itself, the same in every run.
pub(crate) fn uuid(table: &str, name: &str) -> Uuid {
    let mix = |n: u128, b: u8| (n ^ u128::from(b)).wrapping_mul(0x0100_0000_0000_0000_0000_013b) ^ (n >> 61);
    let hash = format!("{table}/{name}").bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, mix);
    Uuid::from_u128(hash.rotate_left(64) | 1)
}

fn text(words: &str) -> Str {
    words.into()
}

impl Lab {
    /// Chassis hv1, whose switch has tunnel metadata field 0 for Geneve's option. Chassis hv2 is tunnel port 102, hv3 is 103.
    pub(crate) fn new() -> Self {
        let mut lab = Self::from_rows(&Rows::default());
        for (name, n) in [("hv2", 2), ("hv3", 3)] {
            lab.chassis(name);
            let tunnel = TunnelPort {
                kind: EncapKind::Geneve,
                chassis: text(name),
                remote: IpAddr::from([10, 0, 0, n]),
            };
            lab.rows.host.tunnels.insert(PortNo(100 + u32::from(n)), tunnel);
        }
        lab.host();
        lab
    }

    /// A chassis to which these rows come all at once.
    pub(crate) fn from_rows(rows: &Rows) -> Self {
        let mut inputs = Inputs::default();
        let row = schema::vswitch::OpenVSwitch {
            external_ids: BTreeMap::from([(text("system-id"), text("hv1"))]),
            ..Default::default()
        };
        let config = Config::parse(&row, None, "hv1.example").0.expect("the chassis has a name");
        inputs.identity(&config, Some(uuid("Chassis", "hv1")));
        inputs.geneve_field(Some(0));
        let mut lab =
            Self { inputs, flows: FlowTable::default(), rows: rows.clone(), complaints: Vec::new() };
        macro_rules! all {
            ($($field:ident $change:ident;)*) => {
                $(for row in rows.$field.values() {
                    lab.inputs.southbound(&sb::Change::$change(Delta {
                        uuid: row.uuid,
                        old: None,
                        new: Some(Arc::new(row.clone())),
                    }));
                })*
            };
        }
        all! {
            groups MulticastGroup;
            flows LogicalFlow;
            ports PortBinding;
            datapath_groups LogicalDpGroup;
            datapaths DatapathBinding;
            chassis Chassis;
            sets AddressSet;
            port_groups PortGroup;
            learned Fdb;
            variables ChassisTemplateVar;
            meters Meter;
            bands MeterBand;
            gateway_groups HaChassisGroup;
            members HaChassis;
            balancers LoadBalancer;
            neighbors MacBinding;
            given_neighbors StaticMacBinding;
        }
        lab.host();
        lab.step();
        lab
    }

    fn host(&mut self) {
        self.inputs.host(self.rows.host.clone());
    }

    /// Computes, and gives the units that ran.
    pub(crate) fn step(&mut self) -> Vec<Unit> {
        let step = self.inputs.step(true);
        let (added, removed) = (Outputs::of(step.added), Outputs::of(step.removed));
        self.complaints.extend(added.complaints.iter().map(ToString::to_string));
        self.complaints.extend(self.inputs.take_complaints().iter().map(ToString::to_string));
        self.flows.apply(added.flows, removed.flows);
        let numbers = self.inputs.network.groups.get_mut();
        self.flows.groups.apply(added.groups, removed.groups, numbers);
        let numbers = self.inputs.network.numbers_of_meters.get_mut();
        self.flows.meters.apply(added.meters, removed.meters, numbers);
        let untracked = self.inputs.engine.check(&self.inputs.network);
        assert!(untracked.is_empty(), "units that read something untracked: {untracked:?}");
        self.inputs.engine.last_run().to_vec()
    }

    pub(crate) fn chassis(&mut self, name: &str) -> Uuid {
        let uuid = uuid("Chassis", name);
        self.put_chassis(sb::Chassis { uuid, name: text(name), ..Default::default() });
        uuid
    }

    pub(crate) fn switch(&mut self, name: &str, key: i64) -> Uuid {
        self.datapath(name, key, "logical-switch")
    }

    pub(crate) fn router(&mut self, name: &str, key: i64) -> Uuid {
        self.datapath(name, key, "logical-router")
    }

    fn datapath(&mut self, name: &str, key: i64, kind: &str) -> Uuid {
        let uuid = uuid("Datapath_Binding", name);
        let external_ids = BTreeMap::from([(text("name"), text(name)), (text(kind), text("00000000"))]);
        self.put_datapath(sb::DatapathBinding { uuid, tunnel_key: key, external_ids, ..Default::default() });
        uuid
    }

    /// A router gets an age for what it has learned.
    pub(crate) fn router_age(&mut self, name: &str, key: i64, age: &str) {
        let ids = [("name", name), ("logical-router", "00000000"), ("mac_binding_age_threshold", age)];
        self.put_datapath(sb::DatapathBinding {
            uuid: uuid("Datapath_Binding", name),
            tunnel_key: key,
            external_ids: ids.map(|(key, value)| (text(key), text(value))).into(),
            ..Default::default()
        });
    }

    /// A switch and a router are connected by ports `SWITCH-ROUTER` and `ROUTER-SWITCH`, both with this key.
    pub(crate) fn connect(&mut self, switch: &str, router: &str, key: i64) {
        let names = [format!("{switch}-{router}"), format!("{router}-{switch}")];
        for (datapath, i) in [(switch, 0), (router, 1)] {
            self.port(datapath, &names[i], key, |row| {
                row.r#type = text("patch");
                row.options.insert(text("peer"), text(&names[1 - i]));
            });
        }
    }

    /// The router's side of a connection has a gateway port `cr-ROUTER-SWITCH` on the first of some chassis.
    pub(crate) fn gateway(&mut self, router: &str, switch: &str, key: i64, chassis: &[&str]) {
        let (port, gateway) = (format!("{router}-{switch}"), format!("cr-{router}-{switch}"));
        let group = uuid("HA_Chassis_Group", &gateway);
        let members = chassis.iter().zip((1..=100).rev()).map(|(name, priority)| {
            let row = uuid("HA_Chassis", &format!("{gateway} {name}"));
            let chassis = Some(uuid("Chassis", name));
            self.put_member(sb::HaChassis { uuid: row, chassis, priority, ..Default::default() });
            row
        });
        let ha_chassis = members.collect();
        self.put_gateway_group(sb::HaChassisGroup { uuid: group, ha_chassis, ..Default::default() });
        self.port(router, &gateway, key, |row| {
            row.r#type = text("chassisredirect");
            row.options.insert(text("distributed-port"), text(&port));
            row.ha_chassis_group = Some(group);
        });
        let mut row = self.rows.ports[&uuid("Port_Binding", &port)].clone();
        row.options.insert(text("chassis-redirect-port"), text(&gateway));
        self.put_port(row);
    }

    /// A load balancer of some switches.
    pub(crate) fn balancer(&mut self, name: &str, switches: &[&str], vips: &[(&str, &str)], snat: &str) {
        let datapaths = switches.iter().map(|switch| uuid("Datapath_Binding", switch)).collect();
        let vips = vips.iter().map(|(vip, backends)| (text(vip), text(backends))).collect();
        let options = BTreeMap::from([(text("hairpin_snat_ip"), text(snat))]);
        let (uuid, name) = (uuid("Load_Balancer", name), text(name));
        self.put_balancer(sb::LoadBalancer { uuid, name, vips, datapaths, options, ..Default::default() });
    }

    /// A neighbour of a router's port that was learned.
    pub(crate) fn neighbor(&mut self, port: &str, ip: &str, mac: &str) {
        let (uuid, logical_port) = (uuid("MAC_Binding", ip), text(port));
        let (ip, mac) = (text(ip), text(mac));
        self.put_neighbor(sb::MacBinding { uuid, logical_port, ip, mac, ..Default::default() });
    }

    /// A port of an interface, with changes.
    pub(crate) fn port(
        &mut self,
        switch: &str,
        name: &str,
        key: i64,
        change: impl FnOnce(&mut sb::PortBinding),
    ) {
        let mut row = sb::PortBinding {
            uuid: uuid("Port_Binding", name),
            logical_port: text(name),
            datapath: uuid("Datapath_Binding", switch),
            tunnel_key: key,
            ..Default::default()
        };
        change(&mut row);
        self.put_port(row);
    }

    /// The port is on a chassis, or on none.
    pub(crate) fn bind(&mut self, name: &str, chassis: Option<&str>) {
        if let Some(mut row) = self.rows.ports.get(&uuid("Port_Binding", name)).cloned() {
            row.chassis = chassis.map(|chassis| uuid("Chassis", chassis));
            self.put_port(row);
        }
    }

    /// An interface for a port is plugged in, or out.
    pub(crate) fn interface(&mut self, name: &str, ofport: Option<u32>) {
        let local = ofport.map(|n| Local { ofport: PortNo(n), interface: uuid("Interface", name) });
        match local {
            Some(local) => drop(self.rows.host.vifs.insert(text(name), local)),
            None => drop(self.rows.host.vifs.remove(name)),
        }
        self.host();
    }

    /// The patch port of a localnet port is there.
    pub(crate) fn patch(&mut self, name: &str, ofport: u32) {
        let local = Local { ofport: PortNo(ofport), interface: uuid("Interface", name) };
        self.rows.host.localnets.insert(text(name), local);
        self.host();
    }

    pub(crate) fn group(&mut self, switch: &str, name: &str, key: i64, ports: &[&str]) {
        let row = sb::MulticastGroup {
            uuid: uuid("Multicast_Group", &format!("{switch} {name}")),
            datapath: uuid("Datapath_Binding", switch),
            name: text(name),
            tunnel_key: key,
            ports: ports.iter().map(|port| uuid("Port_Binding", port)).collect(),
        };
        self.put_group(row);
    }

    pub(crate) fn datapath_group(&mut self, name: &str, switches: &[&str]) {
        let datapaths: BTreeSet<Uuid> = switches.iter().map(|sw| uuid("Datapath_Binding", sw)).collect();
        self.put_datapath_group(sb::LogicalDpGroup { uuid: uuid("Logical_DP_Group", name), datapaths });
    }

    /// A logical flow of ingress table 5.
    pub(crate) fn flow(&mut self, name: &str, matching: &str, actions: &str, on: On<'_>) {
        let mut row = sb::LogicalFlow {
            uuid: uuid("Logical_Flow", name),
            pipeline: text("ingress"),
            table_id: 5,
            priority: 50,
            r#match: text(matching),
            actions: text(actions),
            ..Default::default()
        };
        match on {
            On::Switch(switch) => row.logical_datapath = Some(uuid("Datapath_Binding", switch)),
            On::Group(group) => row.logical_dp_group = Some(uuid("Logical_DP_Group", group)),
            On::SwitchWithPort(switch, port) => {
                row.logical_datapath = Some(uuid("Datapath_Binding", switch));
                row.tags = BTreeMap::from([(text("in_out_port"), text(port))]);
            }
        }
        self.put_flow(row);
    }

    pub(crate) fn address_set(&mut self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|a| text(a)).collect();
        let uuid = uuid("Address_Set", name);
        self.put_set(sb::AddressSet { uuid, name: text(name), addresses, ..Default::default() });
    }

    /// The ports of one datapath that are in a group, under the name that the row has.
    pub(crate) fn port_group(&mut self, name: &str, ports: &[&str]) {
        let ports = ports.iter().map(|port| text(port)).collect();
        self.put_port_group(sb::PortGroup { uuid: uuid("Port_Group", name), name: text(name), ports });
    }

    /// What `^name` is on a chassis.
    pub(crate) fn variables(&mut self, chassis: &str, variables: &[(&str, &str)]) {
        let variables = variables.iter().map(|(name, value)| (text(name), text(value))).collect();
        let uuid = uuid("Chassis_Template_Var", chassis);
        self.put_variables(sb::ChassisTemplateVar { uuid, chassis: text(chassis), variables });
    }

    pub(crate) fn learned(&mut self, name: &str, mac: &str, datapath: i64, port: i64) {
        let (uuid, mac) = (uuid("FDB", name), text(mac));
        self.put_learned(sb::Fdb { uuid, mac, dp_key: datapath, port_key: port, ..Default::default() });
    }

    /// A meter of so many packets a second.
    pub(crate) fn meter(&mut self, name: &str, rate: i64) {
        let (uuid, band) = (uuid("Meter", name), uuid("Meter_Band", name));
        let action = text("drop");
        self.put_band(sb::MeterBand { uuid: band, action, rate, ..Default::default() });
        let (name, unit, bands) = (text(name), text("pktps"), [band].into());
        self.put_meter(sb::Meter { uuid, name, unit, bands });
    }

    /// The wanted flows of some tables, without cookies.
    pub(crate) fn show(&mut self, tables: &[OfTable]) -> String {
        self.step();
        let mut lines = Vec::new();
        for (key, flow) in self.flows.wanted().filter(|(key, _)| tables.contains(&key.table())) {
            let actions = flow.actions.to_vec();
            let flow = FlowMod::add(key.table().number(), key.priority(), key.matching(), actions, 0);
            lines.push(flow.to_string());
        }
        lines.join("\n")
    }

    /// All wanted flows with their cookies.
    pub(crate) fn all(&self) -> Vec<String> {
        let line = |(key, flow): (&crate::flow::FlowKey, crate::flow_table::Installed)| {
            let actions = flow.actions.to_vec();
            let cookie = u64::from(flow.cookie);
            FlowMod::add(key.table().number(), key.priority(), key.matching(), actions, cookie).to_string()
        };
        self.flows.wanted().map(line).collect()
    }

    /// What a change makes of the flows of some tables, as lines that go and come.
    pub(crate) fn difference(&mut self, tables: &[OfTable], change: impl FnOnce(&mut Self)) -> String {
        let before = self.show(tables);
        change(self);
        let after = self.show(tables);
        let (before, after): (BTreeSet<&str>, BTreeSet<&str>) =
            (before.lines().collect(), after.lines().collect());
        let gone = before.difference(&after).map(|line| format!("- {line}"));
        let come = after.difference(&before).map(|line| format!("+ {line}"));
        gone.chain(come).collect::<Vec<_>>().join("\n")
    }
}

/// Where a logical flow is.
#[derive(Clone, Copy)]
pub(crate) enum On<'a> {
    Switch(&'a str),
    Group(&'a str),
    /// With the mark that it is about a port.
    SwitchWithPort(&'a str, &'a str),
}

macro_rules! rows {
    ($($put:ident $delete:ident $field:ident $row:ident $change:ident;)*) => {
        impl Lab {
            $(
                pub(crate) fn $put(&mut self, row: sb::$row) {
                    let (uuid, new) = (row.uuid, Arc::new(row.clone()));
                    let old = self.rows.$field.insert(uuid, row).map(Arc::new);
                    self.inputs.southbound(&sb::Change::$change(Delta { uuid, old, new: Some(new) }));
                }

                #[allow(dead_code, reason = "not every kind of row is deleted by a test")]
                pub(crate) fn $delete(&mut self, uuid: Uuid) {
                    if let Some(old) = self.rows.$field.remove(&uuid) {
                        let old = Some(Arc::new(old));
                        self.inputs.southbound(&sb::Change::$change(Delta { uuid, old, new: None }));
                    }
                }
            )*
        }
    };
}

rows! {
    put_chassis delete_chassis chassis Chassis Chassis;
    put_datapath delete_datapath datapaths DatapathBinding DatapathBinding;
    put_datapath_group delete_datapath_group datapath_groups LogicalDpGroup LogicalDpGroup;
    put_port delete_port ports PortBinding PortBinding;
    put_group delete_group groups MulticastGroup MulticastGroup;
    put_flow delete_flow flows LogicalFlow LogicalFlow;
    put_set delete_set sets AddressSet AddressSet;
    put_port_group delete_port_group port_groups PortGroup PortGroup;
    put_learned delete_learned learned Fdb Fdb;
    put_variables delete_variables variables ChassisTemplateVar ChassisTemplateVar;
    put_meter delete_meter meters Meter Meter;
    put_band delete_band bands MeterBand MeterBand;
    put_gateway_group delete_gateway_group gateway_groups HaChassisGroup HaChassisGroup;
    put_member delete_member members HaChassis HaChassis;
    put_balancer delete_balancer balancers LoadBalancer LoadBalancer;
    put_neighbor delete_neighbor neighbors MacBinding MacBinding;
    put_given_neighbor delete_given_neighbor given_neighbors StaticMacBinding StaticMacBinding;
}
