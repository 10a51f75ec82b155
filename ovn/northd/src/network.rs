//! The network as units see it: what they read, and what each of them does.
//!
//! ```text
//!  rows ----> inputs ----> PortFacts ----facts----> indexes ----> Switch, SwitchPort, ... ----> outputs
//!             (tables)     phases 0, 1                            phase 2
//! ```
//!
//! [`Inputs`](crate::inputs) fill the tables from rows; facts of earlier phases fill the indexes below; features read both
//! through a [`View`].

use std::sync::Arc;

use incr::{Emit, Index, Program, Reads, Table, Touched};
use ovsdb::{Str, Uuid};

use crate::feature;
use crate::flows::{FlowSink, Interner};
use crate::keys::Assignment;
use crate::model::dhcp::DhcpOptions;
use crate::model::static_route::Chosen;
use crate::model::{Acl, Chassis, Complaint, Global, Router, RouterPort, StaticRoute, Switch, SwitchPort};
use crate::output::{DatapathKind, DatapathRow, Output};

mod acls;
mod routers;

pub use acls::{AclOnSwitch, AclOwner, AclPart};
pub use routers::{Candidate, OnSwitch, Peer};

/// Everything that units read.
pub struct Network {
    /// `Logical_Switch` without its ports.
    pub switches: Table<Uuid, Arc<Switch>>,
    /// `Logical_Switch_Port` without its state.
    pub ports: Table<Uuid, Arc<SwitchPort>>,
    /// `Logical_Switch_Port.up`.
    pub ports_up: Table<Uuid, bool>,
    /// Switches by port. A port should be on one.
    pub switches_of_port: Index<Uuid, Uuid>,
    /// Switch ports by the name of the router port that they are connected to.
    pub switch_ports_by_peer: Index<Str, Uuid>,
    /// `Logical_Router` without its ports and routes.
    pub routers: Table<Uuid, Arc<Router>>,
    /// `Logical_Router_Port`
    pub router_ports: Table<Uuid, Arc<RouterPort>>,
    /// Router ports by name.
    pub router_ports_by_name: Index<Str, Uuid>,
    /// Routers by port. A port should be on one.
    pub routers_of_port: Index<Uuid, Uuid>,
    /// The reverse: ports by router.
    pub ports_of_router: Index<Uuid, Uuid>,
    /// `Logical_Router_Static_Route`
    pub static_routes: Table<Uuid, Arc<StaticRoute>>,
    /// Routers by static route.
    pub routers_of_route: Index<Uuid, Uuid>,
    /// `Static_MAC_Binding`
    pub static_macs: Table<Uuid, Arc<schema::nb::StaticMacBinding>>,
    /// `Gateway_Chassis`
    pub gateway_chassis: Table<Uuid, Candidate>,
    /// `HA_Chassis`
    pub ha_chassis: Table<Uuid, Candidate>,
    /// `HA_Chassis_Group`
    pub ha_groups: Table<Uuid, Arc<schema::nb::HaChassisGroup>>,
    /// Names of port groups by port.
    pub groups_of_port: Index<Uuid, Str>,
    /// `ACL`
    pub acls: Table<Uuid, Arc<Acl>>,
    /// Who has an ACL: a switch or a port group.
    pub owners_of_acl: Index<Uuid, AclOwner>,
    /// Port groups with ACLs, by port.
    pub ruled_groups_of_port: Index<Uuid, Uuid>,
    /// Names of port groups by their row.
    pub port_groups: Table<Uuid, Str>,
    /// `DHCP_Options`
    pub dhcp_options: Table<Uuid, Arc<DhcpOptions>>,
    /// `DNS`
    pub dns: Table<Uuid, Arc<schema::nb::Dns>>,
    /// Addresses of sets, by their row.
    pub address_sets: Table<Uuid, Arc<schema::nb::AddressSet>>,
    /// Tunnel keys of datapaths.
    pub datapath_keys: Table<Uuid, Assignment>,
    /// Tunnel keys of ports.
    pub port_keys: Table<Uuid, Assignment>,
    /// `NB_Global`.
    pub global: Table<(), Arc<Global>>,
    /// Chassis by name and by host name.
    pub chassis_by_name: Index<Str, Uuid>,
    /// Chassis by row.
    pub chassis: Table<Uuid, Arc<Chassis>>,
    /// Fact: ports to physical networks, by switch.
    localnet_ports: Index<Uuid, Uuid>,
    /// Fact: enabled ports with unknown addresses, by switch.
    unknown_ports: Index<Uuid, Uuid>,
    /// Fact: connections to routers, by switch.
    routers_on_switch: Index<Uuid, OnSwitch>,
    /// Fact: ports with a gateway, by router.
    gateways: Index<Uuid, Uuid>,
    /// Fact: static routes of the same packets.
    routes: Index<RouteKey, Uuid>,
    /// Fact: switches with a port of a group that has ACLs, by group.
    switches_of_group: Index<Uuid, Uuid>,
    /// Fact: ACLs by what their switch needs for them.
    acl_parts: Index<(Uuid, AclPart), Uuid>,
    flows: Interner,
}

/// The units. Rows are named by their UUIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// What others need to know of a switch port.
    PortFacts(Uuid),
    /// What others need to know of a router port.
    RouterPortFacts(Uuid),
    /// Finds the other static routes of the same packets.
    StaticRoute(Uuid),
    /// Settings for the deployment.
    Global,
    /// A logical switch as a whole.
    Switch(Uuid),
    /// A switch port.
    SwitchPort(Uuid),
    /// A logical router as a whole.
    Router(Uuid),
    /// A router port.
    RouterPort(Uuid),
    /// All static routes of the same packets.
    Routes(RouteKey),
    /// A group of chassis that router ports name.
    ChassisGroup(Uuid),
    /// A neighbour's MAC address that is given.
    StaticMac(Uuid),
    /// An address set.
    AddressSet(Uuid),
    /// A port group, without its ports: those say themselves where they are.
    PortGroup(Uuid),
    /// What others need to know of an ACL.
    AclFacts(Uuid),
    /// An ACL on a switch that it is for.
    Acl(AclOnSwitch),
}

/// What static routes have in common whose next hops are chosen from for each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// The router.
    pub router: Uuid,
    /// The packets.
    pub chosen: Chosen,
}

/// What units of phases 0 and 1 tell the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// The switch has a port to a physical network.
    LocalnetPort {
        /// The switch.
        switch: Uuid,
        /// The port.
        port: Uuid,
    },
    /// The switch has a port with unknown addresses.
    UnknownPort {
        /// The switch.
        switch: Uuid,
        /// The port.
        port: Uuid,
    },
    /// The switch is connected to a router.
    Router {
        /// The switch.
        switch: Uuid,
        /// The connection.
        connection: OnSwitch,
    },
    /// The router has a gateway.
    Gateway {
        /// The router.
        router: Uuid,
        /// The port.
        port: Uuid,
    },
    /// A static route that can be used.
    Route {
        /// What it has in common with others.
        key: RouteKey,
        /// The route.
        route: Uuid,
    },
    /// The switch has a port of a group that has ACLs.
    GroupOnSwitch {
        /// The group.
        group: Uuid,
        /// The switch.
        switch: Uuid,
    },
    /// The switch needs something for an ACL.
    Acl {
        /// The switch.
        switch: Uuid,
        /// What it needs.
        part: AclPart,
        /// The ACL.
        acl: Uuid,
    },
}

impl Program for Network {
    type Unit = Unit;
    type Output = Output;
    type Fact = Fact;

    fn kind(unit: &Unit) -> &'static str {
        match unit {
            Unit::PortFacts(_) => "port_facts",
            Unit::RouterPortFacts(_) => "router_port_facts",
            Unit::StaticRoute(_) => "static_route",
            Unit::Router(_) => "router",
            Unit::RouterPort(_) => "router_port",
            Unit::Routes(_) => "routes",
            Unit::ChassisGroup(_) => "chassis_group",
            Unit::StaticMac(_) => "static_mac",
            Unit::Global => "global",
            Unit::Switch(_) => "switch",
            Unit::SwitchPort(_) => "switch_port",
            Unit::AddressSet(_) => "address_set",
            Unit::PortGroup(_) => "port_group",
            Unit::AclFacts(_) => "acl_facts",
            Unit::Acl(_) => "acl",
        }
    }

    fn phase(unit: &Unit) -> u8 {
        match unit {
            Unit::PortFacts(_) | Unit::RouterPortFacts(_) | Unit::StaticRoute(_) => 0,
            Unit::AclFacts(_) => 1,
            Unit::Global
            | Unit::Switch(_)
            | Unit::SwitchPort(_)
            | Unit::Router(_)
            | Unit::RouterPort(_)
            | Unit::Routes(_)
            | Unit::ChassisGroup(_)
            | Unit::StaticMac(_)
            | Unit::AddressSet(_)
            | Unit::PortGroup(_)
            | Unit::Acl(_) => 2,
        }
    }

    fn run(&self, unit: &Unit, reads: &Reads, emit: &mut Emit<Self>) {
        let view = View { network: self, reads };
        match *unit {
            Unit::PortFacts(port) => view.port_facts(port, emit),
            Unit::RouterPortFacts(port) => view.router_port_facts(port, emit),
            Unit::StaticRoute(route) => view.route_facts(route, emit),
            Unit::Router(router) => view.router_unit(router, emit),
            Unit::RouterPort(port) => view.router_port_unit(port, emit),
            Unit::Routes(key) => view.routes_unit(key, emit),
            Unit::ChassisGroup(group) => feature::router_binding::group_rows(group, &view, emit),
            Unit::StaticMac(row) => feature::static_mac::rows(row, &view, emit),
            Unit::Global => view.global_unit(emit),
            Unit::Switch(switch) => view.switch_unit(switch, emit),
            Unit::SwitchPort(port) => view.switch_port_unit(port, emit),
            Unit::AddressSet(set) => feature::address_set::rows(set, &view, emit),
            Unit::PortGroup(group) => feature::port_group::group_rows(group, &view, emit),
            Unit::AclFacts(acl) => view.acl_facts(acl, emit),
            Unit::Acl(unit) => view.acl_unit(unit, emit),
        }
    }

    fn absorb(&mut self, fact: &Fact, present: bool, touched: &mut Touched) {
        match fact {
            Fact::LocalnetPort { switch, port } => self.localnet_ports.set(touched, switch, port, present),
            Fact::UnknownPort { switch, port } => self.unknown_ports.set(touched, switch, port, present),
            Fact::Router { switch, connection } => {
                self.routers_on_switch.set(touched, switch, connection, present);
            }
            Fact::Gateway { router, port } => self.gateways.set(touched, router, port, present),
            Fact::Route { key, route } => self.routes.set(touched, key, route, present),
            Fact::GroupOnSwitch { group, switch } => {
                self.switches_of_group.set(touched, group, switch, present);
            }
            Fact::Acl { switch, part, acl } => self.acl_parts.set(touched, &(*switch, *part), acl, present),
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self {
            switches: Table::new("switches"),
            ports: Table::new("ports"),
            ports_up: Table::new("ports_up"),
            switches_of_port: Index::new("switches_of_port"),
            switch_ports_by_peer: Index::new("switch_ports_by_peer"),
            routers: Table::new("routers"),
            router_ports: Table::new("router_ports"),
            router_ports_by_name: Index::new("router_ports_by_name"),
            routers_of_port: Index::new("routers_of_port"),
            ports_of_router: Index::new("ports_of_router"),
            static_routes: Table::new("static_routes"),
            routers_of_route: Index::new("routers_of_route"),
            static_macs: Table::new("static_macs"),
            gateway_chassis: Table::new("gateway_chassis"),
            ha_chassis: Table::new("ha_chassis"),
            ha_groups: Table::new("ha_groups"),
            groups_of_port: Index::new("groups_of_port"),
            port_groups: Table::new("port_groups"),
            dhcp_options: Table::new("dhcp_options"),
            dns: Table::new("dns"),
            address_sets: Table::new("address_sets"),
            datapath_keys: Table::new("datapath_keys"),
            port_keys: Table::new("port_keys"),
            global: Table::new("global"),
            chassis_by_name: Index::new("chassis_by_name"),
            chassis: Table::new("chassis"),
            localnet_ports: Index::new("localnet_ports"),
            unknown_ports: Index::new("unknown_ports"),
            routers_on_switch: Index::new("routers_on_switch"),
            gateways: Index::new("gateways"),
            routes: Index::new("routes"),
            acls: Table::new("acls"),
            owners_of_acl: Index::new("owners_of_acl"),
            ruled_groups_of_port: Index::new("ruled_groups_of_port"),
            switches_of_group: Index::new("switches_of_group"),
            acl_parts: Index::new("acl_parts"),
            flows: Interner::default(),
        }
    }
}

/// The network as the unit at hand reads it: whatever is asked here is asked again when the answer changes.
#[derive(Clone, Copy)]
pub struct View<'a> {
    network: &'a Network,
    reads: &'a Reads,
}

impl<'a> View<'a> {
    /// A view of `network` that notes what is asked in `reads`.
    pub fn new(network: &'a Network, reads: &'a Reads) -> Self {
        Self { network, reads }
    }

    /// Settings for the deployment.
    pub fn global(&self) -> Arc<Global> {
        self.network.global.get(self.reads, &()).cloned().unwrap_or_default()
    }

    /// A switch.
    pub fn switch(&self, switch: Uuid) -> Option<&'a Arc<Switch>> {
        self.network.switches.get(self.reads, &switch)
    }

    /// A switch port.
    pub fn port(&self, port: Uuid) -> Option<&'a Arc<SwitchPort>> {
        self.network.ports.get(self.reads, &port)
    }

    /// The switch that a port is on.
    pub fn switch_of(&self, port: Uuid) -> Option<Uuid> {
        self.network.switches_of_port.first(self.reads, &port).copied()
    }

    /// Whether a port is up, as far as is known.
    pub fn is_up(&self, port: Uuid) -> bool {
        self.network.ports_up.get(self.reads, &port).copied().unwrap_or(false)
    }

    /// Whether a switch is connected to a physical network.
    pub fn has_localnet(&self, switch: Uuid) -> bool {
        self.network.localnet_ports.any(self.reads, &switch)
    }

    /// Whether a switch has enabled ports with unknown addresses.
    pub fn has_unknown(&self, switch: Uuid) -> bool {
        self.network.unknown_ports.any(self.reads, &switch)
    }

    /// The tunnel key of a datapath, if it has got one.
    pub fn datapath_key(&self, datapath: Uuid) -> Option<Assignment> {
        self.network.datapath_keys.get(self.reads, &datapath).copied()
    }

    /// The tunnel key of a port, if it has got one.
    pub fn port_key(&self, port: Uuid) -> Option<Assignment> {
        self.network.port_keys.get(self.reads, &port).copied()
    }

    /// The port groups that a port is in, by name.
    pub fn groups_of_port(&self, port: Uuid) -> impl Iterator<Item = &'a Str> + use<'a> {
        self.network.groups_of_port.get(self.reads, &port)
    }

    /// The name of a port group.
    pub fn port_group(&self, group: Uuid) -> Option<&'a Str> {
        self.network.port_groups.get(self.reads, &group)
    }

    /// What clients of DHCP are told.
    pub fn dhcp_options(&self, row: Uuid) -> Option<&'a Arc<DhcpOptions>> {
        self.network.dhcp_options.get(self.reads, &row)
    }

    /// Names that guests ask for.
    pub fn dns(&self, row: Uuid) -> Option<&'a Arc<schema::nb::Dns>> {
        self.network.dns.get(self.reads, &row)
    }

    /// An address set.
    pub fn address_set(&self, set: Uuid) -> Option<&'a Arc<schema::nb::AddressSet>> {
        self.network.address_sets.get(self.reads, &set)
    }

    /// The chassis with this name or, failing that, this host name.
    pub fn chassis(&self, name: &Str) -> Option<&'a Arc<Chassis>> {
        let rows = || self.network.chassis_by_name.get(self.reads, name);
        let chassis = |row: &Uuid| self.network.chassis.get(self.reads, row);
        rows().filter_map(chassis).min_by_key(|chassis| (chassis.name != *name, chassis.uuid))
    }

    fn port_facts(&self, port: Uuid, emit: &mut Emit<Network>) {
        let (Some(switch), Some(row)) = (self.switch_of(port), self.port(port)) else { return };
        self.port_group_facts(port, switch, emit);
        if row.kind == crate::model::PortKind::Localnet {
            emit.fact(Fact::LocalnetPort { switch, port });
        }
        if row.has_unknown && row.is_enabled && row.is_supported() {
            emit.fact(Fact::UnknownPort { switch, port });
        }
        if let Some(Peer::Router(router_port)) = self.peer_of_switch_port(row) {
            let connection = OnSwitch { switch_port: port, router_port: router_port.uuid };
            emit.fact(Fact::Router { switch, connection });
        }
    }

    fn global_unit(&self, emit: &mut Emit<Network>) {
        let global = self.global();
        complain(emit, "NB_Global", &global.complaints);
        feature::service_monitor::address_set(&global, emit);
    }

    fn switch_unit(&self, switch: Uuid, emit: &mut Emit<Network>) {
        let Some(row) = self.switch(switch) else { return };
        let subject = format!("switch {}", row.name);
        complain(emit, &subject, &row.complaints);
        let Some(key) = self.key(self.datapath_key(switch), row.requested_key, &subject, emit) else {
            return;
        };
        let (kind, external_ids) = (DatapathKind::Switch, row.external_ids.clone());
        emit.output(Output::Datapath(Arc::new(DatapathRow { uuid: switch, kind, key, external_ids })));
        feature::dns::rows(row, self, emit);
        for feature in feature::SWITCH {
            feature(row, self, &mut FlowSink::new(emit, &self.network.flows, switch));
        }
    }

    fn switch_port_unit(&self, port: Uuid, emit: &mut Emit<Network>) {
        // A row that no switch refers to is about to be collected by the database.
        let (Some(switch), Some(row)) = (self.switch_of(port), self.port(port)) else { return };
        let Some(switch) = self.switch(switch) else { return };
        let subject = format!("switch port {}", row.name);
        complain(emit, &subject, &row.complaints);
        if !row.is_supported() || !self.has_key(switch.uuid) {
            return;
        }
        let Some(key) = self.key(self.port_key(port), row.requested_key, &subject, emit) else { return };
        for told in [row.dhcp4, row.dhcp6].into_iter().flatten().filter_map(|told| self.dhcp_options(told)) {
            complain(emit, &format!("DHCP options of {}", row.name), &told.complaints);
        }
        feature::port_binding::rows(row, switch, key, self, emit);
        feature::flood::members(row, switch, emit);
        feature::port_group::member_rows(row, switch, self, emit);
        for feature in feature::SWITCH_PORT {
            feature(row, switch, self, &mut FlowSink::new(emit, &self.network.flows, switch.uuid));
        }
        self.beyond_switch(row, switch, emit);
    }

    /// The key of an assignment; complains if there is none, or not the one asked for.
    fn key(
        &self,
        assignment: Option<Assignment>,
        requested: Option<u32>,
        subject: &str,
        emit: &mut Emit<Network>,
    ) -> Option<u32> {
        let assignment = assignment?;
        if assignment.refused {
            let wanted = requested.unwrap_or_default();
            complain(
                emit,
                subject,
                &[format!("tunnel key {wanted} is taken or out of range; it gets another")],
            );
        }
        if assignment.key.is_none() {
            complain(emit, subject, &["all tunnel keys are taken; it is left out".into()]);
        }
        assignment.key
    }
}

/// Emits complaints about one subject.
pub(crate) fn complain(emit: &mut Emit<Network>, subject: &str, texts: &[String]) {
    for text in texts {
        emit.output(Output::Complaint(Complaint { subject: subject.into(), text: text.clone() }));
    }
}
