//! Routers, their ports and routes as units see them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use incr::Emit;
use ovsdb::{Str, Uuid};
use schema::nb;

use super::{Fact, Network, RouteKey, Unit, View, complain};
use crate::feature;
use crate::flows::FlowSink;
use crate::model::{Addresses, PortKind, Router, RouterPort, StaticRoute, Switch, SwitchPort};
use crate::output::{DatapathKind, DatapathRow, Output};

/// A chassis that may have a gateway, as `Gateway_Chassis` and `HA_Chassis` name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Of those that are there, the one with the highest has it.
    pub priority: i64,
    /// The name of the chassis.
    pub chassis: Str,
}

/// A switch port and the router port that it is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OnSwitch {
    /// The switch port.
    pub switch_port: Uuid,
    /// The router port.
    pub router_port: Uuid,
}

/// What is at the other end of a port.
#[derive(Clone, Copy, Debug)]
pub enum Peer<'a> {
    /// A switch port.
    Switch(&'a SwitchPort),
    /// A router port.
    Router(&'a RouterPort),
}

impl<'a> View<'a> {
    /// A router that takes part.
    pub fn router(&self, router: Uuid) -> Option<&'a Arc<Router>> {
        self.network.routers.get(self.reads, &router).filter(|router| router.is_enabled)
    }

    /// A router port that takes part: one with a MAC address.
    pub fn router_port(&self, port: Uuid) -> Option<&'a Arc<RouterPort>> {
        self.network.router_ports.get(self.reads, &port).filter(|port| port.mac.is_some())
    }

    /// The router that a port is on.
    pub fn router_of(&self, port: Uuid) -> Option<&'a Arc<Router>> {
        self.router(*self.network.routers_of_port.first(self.reads, &port)?)
    }

    /// The ports of a router that take part.
    pub fn ports_of_router(&self, router: Uuid) -> impl Iterator<Item = &'a Arc<RouterPort>> {
        let ports = self.network.ports_of_router.get(self.reads, &router);
        ports.filter_map(|port| self.router_port(*port))
    }

    /// The router port with this name, if it takes part and is on a router that does.
    pub fn router_port_named(&self, name: &Str) -> Option<&'a Arc<RouterPort>> {
        let port = self.network.router_ports_by_name.first(self.reads, name)?;
        self.router_port(*port).filter(|port| self.router_of(port.uuid).is_some())
    }

    /// What a switch port is connected to: nothing, unless it is there for that.
    pub fn peer_of_switch_port(&self, port: &SwitchPort) -> Option<Peer<'a>> {
        let name = port.router_port.as_ref().filter(|_| port.kind == PortKind::Router)?;
        Some(Peer::Router(self.router_port_named(name)?))
    }

    /// What a router port is connected to.
    pub fn peer_of_router_port(&self, port: &RouterPort) -> Option<Peer<'a>> {
        if let Some(name) = &port.peer {
            let peer = self.router_port_named(name)?;
            return (peer.peer.as_ref() == Some(&port.name)).then_some(Peer::Router(peer));
        }
        let ports = self.network.switch_ports_by_peer.get(self.reads, &port.name);
        let on_switch = |port: &&SwitchPort| self.switch_of(port.uuid).is_some();
        ports.filter_map(|port| self.port(*port)).map(|port| &**port).find(on_switch).map(Peer::Switch)
    }

    /// The addresses of a switch port, with those of the router port that it is connected to.
    pub fn addresses_of<'p>(&self, port: &'p SwitchPort) -> Cow<'p, [Addresses]> {
        let peer = self.peer_of_switch_port(port).filter(|_| port.has_router_addresses);
        let Some(Peer::Router(RouterPort { mac: Some(mac), networks, .. })) = peer else {
            return Cow::Borrowed(&port.addresses);
        };
        let mut own = Addresses { mac: *mac, v4: Vec::new(), v6: Vec::new() };
        for network in networks {
            match network.ip {
                IpAddr::V4(ip) => own.v4.push(ip),
                IpAddr::V6(ip) => own.v6.push(ip),
            }
        }
        Cow::Owned(port.addresses.iter().cloned().chain([own]).collect())
    }

    /// The routers that a switch is connected to.
    pub fn routers_on(&self, switch: Uuid) -> impl Iterator<Item = OnSwitch> + use<'a> {
        self.network.routers_on_switch.get(self.reads, &switch).copied()
    }

    /// Whether packets through a router port leave by one of certain chassis only. A router that is on one chassis as a
    /// whole needs no such thing.
    pub fn is_gateway(&self, port: &RouterPort) -> bool {
        port.has_gateway() && self.router_of(port.uuid).is_some_and(|router| router.chassis.is_none())
    }

    /// Whether a router has any gateway.
    pub fn has_gateways(&self, router: Uuid) -> bool {
        self.network.gateways.any(self.reads, &router)
    }

    /// The chassis that may have a router port's gateway, as the port itself lists them.
    pub fn gateway_chassis(&self, port: &RouterPort) -> BTreeSet<Candidate> {
        let rows = port.gateway_chassis.iter();
        rows.filter_map(|row| self.network.gateway_chassis.get(self.reads, row).cloned()).collect()
    }

    /// A group of chassis and who is in it.
    pub fn chassis_group(&self, group: Uuid) -> Option<(&'a nb::HaChassisGroup, BTreeSet<Candidate>)> {
        let row = self.network.ha_groups.get(self.reads, &group)?;
        let members = row.ha_chassis.iter();
        Some((row, members.filter_map(|row| self.network.ha_chassis.get(self.reads, row).cloned()).collect()))
    }

    /// A MAC address that is given.
    pub fn static_mac(&self, row: Uuid) -> Option<&'a Arc<nb::StaticMacBinding>> {
        self.network.static_macs.get(self.reads, &row)
    }

    /// The static routes of the same packets.
    pub fn routes(&self, key: &RouteKey) -> impl Iterator<Item = &'a Arc<StaticRoute>> {
        let routes = self.network.routes.get(self.reads, key);
        routes.filter_map(|route| self.network.static_routes.get(self.reads, route))
    }

    /// Takes flows of a datapath other than that of the unit at hand.
    pub fn sink<'e>(&'e self, datapath: Uuid, emit: &'e mut Emit<Network>) -> FlowSink<'e> {
        FlowSink::new(emit, &self.network.flows, datapath)
    }

    pub(super) fn route_facts(&self, route: Uuid, emit: &mut Emit<Network>) {
        let Some(router) = self.network.routers_of_route.first(self.reads, &route).copied() else { return };
        let Some(row) = self.network.static_routes.get(self.reads, &route) else { return };
        let name = self.router(router).map_or_else(|| "?".into(), |router| router.name.clone());
        complain(emit, &format!("static route of router {name}"), &row.complaints);
        if let Some((chosen, _)) = row.way {
            let key = RouteKey { router, chosen };
            emit.fact(Fact::Route { key, route });
            emit.unit(Unit::Routes(key));
        }
    }

    pub(super) fn router_port_facts(&self, port: Uuid, emit: &mut Emit<Network>) {
        if let (Some(row), Some(router)) = (self.router_port(port), self.router_of(port))
            && self.is_gateway(row)
        {
            emit.fact(Fact::Gateway { router: router.uuid, port });
        }
    }

    pub(super) fn router_unit(&self, router: Uuid, emit: &mut Emit<Network>) {
        let Some(row) = self.router(router) else { return };
        let subject = format!("router {}", row.name);
        complain(emit, &subject, &row.complaints);
        let Some(key) = self.key(self.datapath_key(router), row.requested_key, &subject, emit) else {
            return;
        };
        let (kind, external_ids) = (DatapathKind::Router, row.external_ids.clone());
        emit.output(Output::Datapath(Arc::new(DatapathRow { uuid: router, kind, key, external_ids })));
        if row.ages.shortest().is_some() {
            emit.output(Output::Ageing { router, ages: row.ages.clone() });
        }
        for feature in feature::ROUTER {
            feature(row, self, &mut self.sink(router, emit));
        }
    }

    pub(super) fn router_port_unit(&self, port: Uuid, emit: &mut Emit<Network>) {
        let Some(row) = self.network.router_ports.get(self.reads, &port) else { return };
        let subject = format!("router port {}", row.name);
        complain(emit, &subject, &row.complaints);
        let (Some(row), Some(router)) = (self.router_port(port), self.router_of(port)) else { return };
        if !self.has_key(router.uuid) {
            return;
        }
        let Some(key) = self.key(self.port_key(port), row.requested_key, &subject, emit) else { return };
        feature::router_binding::rows(row, router, key, self, emit);
        for feature in feature::ROUTER_PORT {
            feature(row, router, self, &mut self.sink(router.uuid, emit));
        }
    }

    pub(super) fn routes_unit(&self, key: RouteKey, emit: &mut Emit<Network>) {
        let Some(router) = self.router(key.router).filter(|router| self.has_key(router.uuid)) else { return };
        feature::static_route::flows(&key, router, self, emit);
    }

    /// Features that write to the routers that a switch port's switch is connected to.
    pub(super) fn beyond_switch(&self, port: &SwitchPort, switch: &Switch, emit: &mut Emit<Network>) {
        feature::arp_resolve::switch_port_flows(port, switch, self, emit);
    }

    /// Whether a datapath has got a tunnel key, without which there is nothing of it.
    pub fn has_key(&self, datapath: Uuid) -> bool {
        self.datapath_key(datapath).is_some_and(|assignment| assignment.key.is_some())
    }
}
