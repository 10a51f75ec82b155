//! From changed rows to changed inputs: tables, indexes, tunnel keys and the units that rows own.
//!
//! One function a table. What is written here happens per changed row and must not depend on other rows, but for
//! the indexes that say which row refers to which.

use std::collections::BTreeSet;
use std::sync::Arc;

use incr::{Engine, Step, Touched};
use schema::tables::Delta;
use schema::{nb, sb};

use crate::allocation::Allocation;
use crate::model::dhcp::DhcpOptions;
use crate::model::{Chassis, Global, Switch, SwitchPort};
use crate::network::{Network, Unit};

mod acls;
pub mod routers;

/// The network, its units, and the keys of its datapaths and ports.
pub struct Inputs {
    /// What units read.
    pub network: Network,
    /// The units.
    pub engine: Engine<Network>,
    allocation: Allocation,
    touched: Touched,
}

impl Default for Inputs {
    fn default() -> Self {
        let mut inputs = Self {
            network: Network::default(),
            engine: Engine::default(),
            allocation: Allocation::default(),
            touched: Touched::default(),
        };
        inputs.engine.set_unit(Unit::Global, true);
        inputs.network.global.set(&mut inputs.touched, (), Some(Arc::default()));
        inputs
    }
}

impl Inputs {
    /// Takes a changed northbound row.
    pub fn northbound(&mut self, change: &nb::Change) {
        match change {
            nb::Change::LogicalSwitch(delta) => self.switch(delta),
            nb::Change::LogicalSwitchPort(delta) => self.switch_port(delta),
            nb::Change::NbGlobal(delta) => self.global(delta),
            nb::Change::AddressSet(delta) => self.address_set(delta),
            nb::Change::PortGroup(delta) => self.port_group(delta),
            nb::Change::Acl(delta) => self.acl(delta),
            nb::Change::DhcpOptions(delta) => self.dhcp_options(delta),
            nb::Change::Dns(delta) => {
                self.network.dns.set(&mut self.touched, delta.uuid, delta.new.clone());
            }
            nb::Change::LogicalRouter(delta) => self.router(delta),
            nb::Change::LogicalRouterPort(delta) => self.router_port(delta),
            nb::Change::LogicalRouterStaticRoute(delta) => self.static_route(delta),
            nb::Change::StaticMacBinding(delta) => self.static_mac(delta),
            nb::Change::GatewayChassis(delta) => self.gateway_chassis(delta),
            nb::Change::HaChassis(delta) => self.ha_chassis(delta),
            nb::Change::HaChassisGroup(delta) => self.ha_group(delta),
            // The tables of features to come are not monitored.
            _ => {}
        }
    }

    /// Takes a changed southbound row. Of several changes at once, those of datapaths must come first.
    pub fn southbound(&mut self, change: &sb::Change) {
        match change {
            sb::Change::DatapathBinding(delta) => self.allocation.datapath_binding(delta),
            sb::Change::PortBinding(delta) => self.allocation.port_binding(delta),
            sb::Change::Chassis(delta) => self.chassis(delta),
            sb::Change::Encap(delta) => self.allocation.encap(delta),
            // Other tables are compared with what is wanted, but nothing is computed from them.
            _ => {}
        }
    }

    /// Allocates keys and runs the units that have to.
    pub fn step(&mut self) -> Step<Network> {
        self.allocation.settle(&mut self.network, &mut self.touched);
        self.engine.step(&mut self.network, &mut self.touched)
    }

    /// The largest tunnel key that a datapath is given now.
    pub fn datapath_key_max(&self) -> u32 {
        self.allocation.datapath_key_max()
    }

    fn switch(&mut self, delta: &Delta<nb::LogicalSwitch>) {
        let parsed = delta.new.as_ref().map(|row| Arc::new(Switch::parse(row)));
        self.allocation
            .datapath(delta.uuid, parsed.as_ref().map(|switch| (&switch.name, switch.requested_key)));
        self.engine.set_unit(Unit::Switch(delta.uuid), parsed.is_some());
        self.network.switches.set(&mut self.touched, delta.uuid, parsed);
        self.acls_of_switch(delta);
        let ports = |row: &Option<Arc<nb::LogicalSwitch>>| row.as_ref().map(|row| row.ports.clone());
        for (port, present) in difference(&ports(&delta.old), &ports(&delta.new)) {
            self.network.switches_of_port.set(&mut self.touched, &port, &delta.uuid, present);
            self.allocation.port_moved(port, self.network.switches_of_port.peek(&port).next().copied());
        }
    }

    fn switch_port(&mut self, delta: &Delta<nb::LogicalSwitchPort>) {
        let parsed = delta.new.as_ref().map(|row| Arc::new(SwitchPort::parse(row)));
        let bound = parsed.as_ref().filter(|port| port.is_supported());
        self.allocation.port(delta.uuid, bound.map(|port| (port.name.clone(), port.requested_key)));
        let peer = |port: Option<&SwitchPort>| {
            port.and_then(|port| Some(BTreeSet::from([port.router_port.clone()?])))
        };
        let old_peer = peer(self.network.ports.peek(&delta.uuid).map(|port| &**port));
        for (name, present) in difference(&old_peer, &peer(parsed.as_deref())) {
            self.network.switch_ports_by_peer.set(&mut self.touched, &name, &delta.uuid, present);
        }
        for unit in [Unit::PortFacts(delta.uuid), Unit::SwitchPort(delta.uuid)] {
            self.engine.set_unit(unit, parsed.is_some());
        }
        self.network.ports.set(&mut self.touched, delta.uuid, parsed);
        let up = delta.new.as_ref().and_then(|row| row.up);
        self.network.ports_up.set(&mut self.touched, delta.uuid, up);
    }

    fn global(&mut self, delta: &Delta<nb::NbGlobal>) {
        let parsed = delta.new.as_ref().map_or_else(Global::default, |row| Global::parse(row));
        self.allocation.vxlan_counts(parsed.vxlan_counts);
        self.network.global.set(&mut self.touched, (), Some(Arc::new(parsed)));
    }

    fn address_set(&mut self, delta: &Delta<nb::AddressSet>) {
        self.engine.set_unit(Unit::AddressSet(delta.uuid), delta.new.is_some());
        self.network.address_sets.set(&mut self.touched, delta.uuid, delta.new.clone());
    }

    fn port_group(&mut self, delta: &Delta<nb::PortGroup>) {
        self.engine.set_unit(Unit::PortGroup(delta.uuid), delta.new.is_some());
        let name = delta.new.as_ref().map(|row| row.name.clone());
        self.network.port_groups.set(&mut self.touched, delta.uuid, name);
        self.acls_of_group(delta);
        let members = |row: &Option<Arc<nb::PortGroup>>| {
            row.as_ref().map(|row| row.ports.iter().map(|port| (*port, row.name.clone())).collect())
        };
        for ((port, name), present) in difference(&members(&delta.old), &members(&delta.new)) {
            self.network.groups_of_port.set(&mut self.touched, &port, &name, present);
        }
    }

    fn dhcp_options(&mut self, delta: &Delta<nb::DhcpOptions>) {
        let parsed = delta.new.as_ref().map(|row| Arc::new(DhcpOptions::parse(row)));
        self.network.dhcp_options.set(&mut self.touched, delta.uuid, parsed);
    }

    fn chassis(&mut self, delta: &Delta<sb::Chassis>) {
        let names = |row: &Option<Arc<sb::Chassis>>| {
            row.as_ref().map(|row| BTreeSet::from([row.name.clone(), row.hostname.clone()]))
        };
        for (name, present) in difference(&names(&delta.old), &names(&delta.new)) {
            self.network.chassis_by_name.set(&mut self.touched, &name, &delta.uuid, present);
        }
        let parsed = delta.new.as_ref().map(|row| Arc::new(Chassis::parse(row)));
        self.network.chassis.set(&mut self.touched, delta.uuid, parsed);
    }
}

/// What came (`true`) and went, additions first so that what is in both is never away.
fn difference<T: Ord + Clone>(old: &Option<BTreeSet<T>>, new: &Option<BTreeSet<T>>) -> Vec<(T, bool)> {
    let none = BTreeSet::new();
    let (old, new) = (old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none));
    let added = new.difference(old).map(|item| (item.clone(), true));
    added.chain(old.difference(new).map(|item| (item.clone(), false))).collect()
}
