//! Changed rows of routers, their ports and routes, and of the chassis that gateways are on.

use std::collections::BTreeSet;
use std::sync::Arc;

use ovsdb::{Str, Uuid};
use schema::nb;
use schema::tables::Delta;

use super::{Inputs, difference};
use crate::model::{Router, RouterPort, StaticRoute};
use crate::network::{Candidate, Unit};
use crate::sync::content_uuid;

/// Who owns the tunnel key of the port that stands for a router port's gateway.
pub fn redirect_owner(router_port: Uuid) -> Uuid {
    content_uuid(&[b"chassisredirect", router_port.as_bytes()])
}

impl Inputs {
    pub(super) fn router(&mut self, delta: &Delta<nb::LogicalRouter>) {
        let parsed = delta.new.as_ref().map(|row| Arc::new(Router::parse(row)));
        let bound = parsed.as_ref().filter(|router| router.is_enabled);
        self.allocation.datapath(delta.uuid, bound.map(|router| (&router.name, router.requested_key)));
        self.engine.set_unit(Unit::Router(delta.uuid), parsed.is_some());
        self.network.routers.set(&mut self.touched, delta.uuid, parsed);
        let ports = |row: &Option<Arc<nb::LogicalRouter>>| row.as_ref().map(|row| row.ports.clone());
        for (port, present) in difference(&ports(&delta.old), &ports(&delta.new)) {
            let network = &mut self.network;
            network.routers_of_port.set(&mut self.touched, &port, &delta.uuid, present);
            network.ports_of_router.set(&mut self.touched, &delta.uuid, &port, present);
            let router = network.routers_of_port.peek(&port).next().copied();
            self.allocation.port_moved(port, router);
            self.allocation.port_moved(redirect_owner(port), router);
        }
        let routes = |row: &Option<Arc<nb::LogicalRouter>>| row.as_ref().map(|row| row.static_routes.clone());
        for (route, present) in difference(&routes(&delta.old), &routes(&delta.new)) {
            self.network.routers_of_route.set(&mut self.touched, &route, &delta.uuid, present);
        }
    }

    pub(super) fn router_port(&mut self, delta: &Delta<nb::LogicalRouterPort>) {
        let parsed = delta.new.as_ref().map(|row| Arc::new(RouterPort::parse(row)));
        let bound = parsed.as_ref().filter(|port| port.mac.is_some());
        self.allocation.port(delta.uuid, bound.map(|port| (port.name.clone(), port.requested_key)));
        let redirect = bound.filter(|port| port.has_gateway()).map(|port| (port.redirect_name(), None));
        self.allocation.port(redirect_owner(delta.uuid), redirect);
        let name = |row: &Option<Arc<nb::LogicalRouterPort>>| {
            row.as_ref().map(|row| BTreeSet::from([row.name.clone()]))
        };
        for (name, present) in difference(&name(&delta.old), &name(&delta.new)) {
            self.network.router_ports_by_name.set(&mut self.touched, &name, &delta.uuid, present);
        }
        for unit in [Unit::RouterPortFacts(delta.uuid), Unit::RouterPort(delta.uuid)] {
            self.engine.set_unit(unit, parsed.is_some());
        }
        self.network.router_ports.set(&mut self.touched, delta.uuid, parsed);
    }

    pub(super) fn static_route(&mut self, delta: &Delta<nb::LogicalRouterStaticRoute>) {
        self.engine.set_unit(Unit::StaticRoute(delta.uuid), delta.new.is_some());
        let parsed = delta.new.as_ref().map(|row| Arc::new(StaticRoute::parse(row)));
        self.network.static_routes.set(&mut self.touched, delta.uuid, parsed);
    }

    pub(super) fn static_mac(&mut self, delta: &Delta<nb::StaticMacBinding>) {
        self.engine.set_unit(Unit::StaticMac(delta.uuid), delta.new.is_some());
        self.network.static_macs.set(&mut self.touched, delta.uuid, delta.new.clone());
    }

    pub(super) fn gateway_chassis(&mut self, delta: &Delta<nb::GatewayChassis>) {
        let parsed = delta.new.as_ref().map(|row| candidate(row.priority, &row.chassis_name));
        self.network.gateway_chassis.set(&mut self.touched, delta.uuid, parsed);
    }

    pub(super) fn ha_chassis(&mut self, delta: &Delta<nb::HaChassis>) {
        let parsed = delta.new.as_ref().map(|row| candidate(row.priority, &row.chassis_name));
        self.network.ha_chassis.set(&mut self.touched, delta.uuid, parsed);
    }

    pub(super) fn ha_group(&mut self, delta: &Delta<nb::HaChassisGroup>) {
        self.network.ha_groups.set(&mut self.touched, delta.uuid, delta.new.clone());
    }
}

fn candidate(priority: i64, chassis: &Str) -> Candidate {
    Candidate { priority, chassis: chassis.clone() }
}
