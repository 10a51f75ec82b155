//! From changed rows to changed inputs of the engine, and the units that rows own.
//!
//! One function a table for the southbound database. The few rows about this host are looked at as a whole
//! ([`crate::host::Host`]), and what changed in that is passed on.

use incr::{Engine, Step, Touched};
use lflow::pipeline::DatapathKind;
use openflow::PortNo;
use ovsdb::{Str, Uuid};
use schema::sb;
use schema::tables::Delta;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::compile::Features;
use crate::gateways::Gateways;
use crate::host::Host;
use crate::meters::MeterName;
use crate::model::{Complaint, Config, Datapath, LoadBalancer, LogicalFlow, LogicalPort, PortKind};
use crate::network::{LearnedMac, Local, MulticastGroup, Neighbor, Network, Place, Tunnel, Unit};
use crate::reach::Reach;
use crate::sets::AddressSets;
use crate::variables::Variables;
use crate::zones::Zones;

/// The network, its units, and what of it is on this chassis.
pub struct Inputs {
    /// What units read.
    pub network: Network,
    /// The units.
    pub engine: Engine<Network>,
    touched: Touched,
    /// Conntrack zones of local ports.
    pub zones: Zones,
    host: Host,
    /// Who we are: name, host name, and the row that says so once there is one.
    identity: Identity,
    chassis_names: BTreeMap<Str, Uuid>,
    /// Addresses of encaps by row.
    encaps: BTreeMap<Uuid, IpAddr>,
    /// Ports by the chassis that has bound them.
    bound: BTreeMap<Uuid, BTreeSet<Uuid>>,
    /// Ports that are sent to by another address than the chassis's first.
    with_encap: BTreeMap<Uuid, (Uuid, Uuid)>,
    /// Names of ports that may have come to this chassis or left it.
    unsettled: BTreeSet<Str>,
    /// Goes on whenever something has changed of what is on this chassis: ports, datapaths, who it is.
    generation: u64,
    /// The generation whose zones are settled, and whether all rows were here then.
    zones_settled: Option<(u64, bool)>,
    /// Localnet ports by datapath, local or not.
    localnet_ports: BTreeMap<Uuid, BTreeSet<Uuid>>,
    reach: Reach,
    gateways: Gateways,
    /// Datapath of each local localnet port.
    localnets: BTreeMap<Uuid, Uuid>,
    /// Datapaths that have load balancers.
    balanced: BTreeSet<Uuid>,
    /// They are to be found out anew.
    balancers_changed: bool,
    /// Rows of meters, by name.
    named_meters: BTreeSet<(Str, Uuid)>,
    sets: AddressSets,
    variables: Variables,
    complaints: Vec<Complaint>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Identity {
    name: Str,
    hostname: Str,
    row: Option<Uuid>,
}

impl Default for Inputs {
    fn default() -> Self {
        let mut engine = Engine::default();
        engine.set_unit(Unit::Base, true);
        Self {
            network: Network::default(),
            engine,
            touched: Touched::default(),
            zones: Zones::default(),
            host: Host::default(),
            identity: Identity::default(),
            chassis_names: BTreeMap::new(),
            encaps: BTreeMap::new(),
            bound: BTreeMap::new(),
            with_encap: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            generation: 1,
            zones_settled: None,
            localnet_ports: BTreeMap::new(),
            reach: Reach::default(),
            gateways: Gateways::default(),
            localnets: BTreeMap::new(),
            balanced: BTreeSet::new(),
            balancers_changed: false,
            named_meters: BTreeSet::new(),
            sets: AddressSets::default(),
            variables: Variables::default(),
            complaints: Vec::new(),
        }
    }
}

impl Inputs {
    /// Takes a changed southbound row.
    pub fn southbound(&mut self, change: &sb::Change) {
        match change {
            sb::Change::Chassis(delta) => self.chassis(delta),
            sb::Change::Encap(delta) => self.encap(delta),
            sb::Change::DatapathBinding(delta) => self.datapath(delta),
            sb::Change::LogicalDpGroup(delta) => self.datapath_group(delta),
            sb::Change::PortBinding(delta) => self.port(delta),
            sb::Change::MulticastGroup(delta) => self.multicast_group(delta),
            sb::Change::LogicalFlow(delta) => self.logical_flow(delta),
            sb::Change::AddressSet(delta) => self.address_set(delta),
            sb::Change::PortGroup(delta) => self.port_group(delta),
            sb::Change::Fdb(delta) => self.learned_mac(delta),
            sb::Change::HaChassisGroup(delta) => {
                self.gateways.set_group(delta.uuid, delta.new.clone());
                self.reach.unsettle();
            }
            sb::Change::HaChassis(delta) => {
                self.gateways.set_member(delta.uuid, delta.new.clone());
                self.reach.unsettle();
            }
            sb::Change::MacBinding(delta) => {
                self.neighbor(delta.uuid, delta.new.as_deref().map(learned_neighbor))
            }
            sb::Change::StaticMacBinding(delta) => {
                self.neighbor(delta.uuid, delta.new.as_deref().map(given_neighbor));
            }
            sb::Change::LoadBalancer(delta) => self.load_balancer(delta),
            sb::Change::Meter(delta) => self.meter(delta),
            sb::Change::MeterBand(delta) => {
                self.network.meter_bands.set(&mut self.touched, delta.uuid, delta.new.clone());
            }
            sb::Change::ChassisTemplateVar(delta) => {
                let (net, touched) = (&mut self.network, &mut self.touched);
                self.variables.set_row(net, touched, delta.uuid, delta.new.clone());
            }
            // The tables of features to come are not monitored; others are compared with what is wanted, but
            // nothing is computed from them.
            _ => {}
        }
    }

    /// Takes who we are.
    pub fn identity(&mut self, config: &Config, row: Option<Uuid>) {
        let identity = Identity { name: config.system_id.clone(), hostname: config.hostname.clone(), row };
        if identity != self.identity {
            self.identity = identity;
            self.generation += 1;
            self.variables.set_chassis(&mut self.network, &mut self.touched, &self.identity.name);
            self.zones.set_range(config.zone_range);
            self.gateways.set_identity(row, &self.identity.name);
            self.reach.unsettle();
            self.unsettled.extend(self.host.vifs.keys().cloned());
        }
    }

    /// Takes the ports of the integration bridge.
    pub fn host(&mut self, host: Host) {
        let old = std::mem::replace(&mut self.host, host);
        let changed = |old: &BTreeMap<Str, Local>, new: &BTreeMap<Str, Local>| -> Vec<Str> {
            let names = old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name));
            names.cloned().collect()
        };
        self.generation += u64::from(old != self.host);
        self.unsettled.extend(changed(&old.vifs, &self.host.vifs));
        self.unsettled.extend(changed(&old.localnets, &self.host.localnets));
        if old.tunnels != self.host.tunnels {
            self.tunnels(&old.tunnels);
        }
    }

    /// Takes what the switch can do, and the sets of collectors that the bridge has.
    pub fn switch(&mut self, features: Features, collectors: &BTreeSet<u32>) {
        let (net, touched) = (&mut self.network, &mut self.touched);
        net.features.set(touched, (), Some(features));
        let gone: Vec<u32> =
            net.collectors.peek_all().map(|(set, ())| *set).filter(|set| !collectors.contains(set)).collect();
        for set in gone {
            net.collectors.set(touched, set, None);
        }
        for &set in collectors {
            net.collectors.set(touched, set, Some(()));
        }
    }

    /// Takes the number of the tunnel metadata field that the switch has for Geneve's option.
    pub fn geneve_field(&mut self, field: Option<u8>) {
        self.network.geneve_field.set(&mut self.touched, (), field);
    }

    /// Runs the units that have to. Zones are given back only if `complete`: while rows are missing, a port whose row
    /// is not there yet looks like one that is gone.
    pub fn step(&mut self, complete: bool) -> Step<Network> {
        self.settle_ports();
        self.settle_reach();
        self.settle_zones(complete);
        let step = self.engine.step(&mut self.network, &mut self.touched);
        self.network.parsed.borrow_mut().clear();
        step
    }

    /// Takes the zones that the bridge remembers.
    pub fn restore_zones(&mut self, external_ids: &BTreeMap<Str, Str>) {
        self.zones.restore(external_ids);
        self.generation += 1;
    }

    /// A number that is another one after a step if something has changed of what is on this chassis: its ports,
    /// datapaths and zones.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a change of a port's row is of one that is on this chassis, or bound to it.
    pub fn is_here(&self, delta: &Delta<sb::PortBinding>) -> bool {
        let ours = |row: &Arc<sb::PortBinding>| row.chassis.is_some() && row.chassis == self.identity.row;
        self.is_local(&delta.uuid) || delta.old.iter().chain(&delta.new).any(ours)
    }

    /// Whether a port is on this chassis, for itself or as a gateway that is hosted.
    fn is_local(&self, port: &Uuid) -> bool {
        self.network.locals.peek(port).is_some() || self.network.hosted.peek(port).is_some()
    }

    /// The localnet ports of datapaths that concern this chassis.
    pub fn localnet_ports(&self) -> impl Iterator<Item = &LogicalPort> {
        let ports = self.localnet_ports.iter().filter(|(datapath, _)| self.reach.local().contains(*datapath));
        let rows = ports.flat_map(|(_, ports)| ports);
        rows.filter_map(|row| self.network.ports.peek(row)).map(|port| &**port)
    }

    /// What could not be used since the last call.
    pub fn take_complaints(&mut self) -> Vec<Complaint> {
        std::mem::take(&mut self.complaints)
    }

    /// The name and row of each port that is on this chassis for itself, so that it is to be bound.
    pub fn claimed(&self) -> impl Iterator<Item = (&LogicalPort, &Local)> {
        self.reach
            .residents()
            .filter_map(|row| Some((&**self.network.ports.peek(row)?, self.network.locals.peek(row)?)))
    }

    /// The names that interfaces of this chassis have for their logical ports.
    pub fn interface_names(&self) -> impl Iterator<Item = &Str> {
        self.host.vifs.keys()
    }

    /// The variables of this chassis for logical flows, by name.
    pub fn variables(&self) -> &BTreeMap<Str, Str> {
        self.variables.values()
    }

    /// Gateway ports that this chassis hosts.
    pub fn hosted(&self) -> impl Iterator<Item = Uuid> {
        self.network.hosted.peek_all().map(|(port, ())| *port)
    }

    /// Datapaths that concern this chassis, with their keys.
    pub fn local_datapaths(&self) -> impl Iterator<Item = (Uuid, u32)> {
        let key = |datapath: &Uuid| Some((*datapath, self.network.datapaths.peek(datapath)?.key));
        self.reach.local().iter().filter_map(key)
    }

    /// The port of a router, or the one that leads to a router, that has these keys.
    pub fn port_by_keys(&self, datapath: u32, port: u32) -> Option<&LogicalPort> {
        let datapaths = self.network.local_keys.peek(&datapath);
        let doors = datapaths.flat_map(|datapath| self.reach.doors(*datapath));
        doors
            .filter_map(|row| self.network.ports.peek(row))
            .find(|found| found.key == port)
            .map(|found| &**found)
    }

    /// The keys of a port of that name and of its datapath, if that is here.
    pub fn keys_of_port(&self, port: &Str) -> Option<(u32, u32)> {
        let row = self.network.ports_by_name.peek(port).next()?;
        let port = self.network.ports.peek(row)?;
        let is_here = self.reach.local().contains(&port.datapath);
        let datapath = self.network.datapaths.peek(&port.datapath)?;
        is_here.then_some((datapath.key, port.key))
    }

    /// Our row.
    pub fn chassis_row(&self) -> Option<Uuid> {
        self.identity.row
    }

    /// The ports that a chassis has bound, by its row.
    pub fn bound_to(&self, chassis: Uuid) -> impl Iterator<Item = Uuid> {
        self.bound.get(&chassis).into_iter().flatten().copied()
    }

    fn chassis(&mut self, delta: &Delta<sb::Chassis>) {
        if let Some(old) = &delta.old
            && self.chassis_names.get(&old.name) == Some(&delta.uuid)
        {
            self.chassis_names.remove(&old.name);
            self.chassis_tunnels(&old.name.clone(), Some(delta.uuid));
        }
        if let Some(new) = &delta.new {
            self.chassis_names.insert(new.name.clone(), delta.uuid);
            self.chassis_tunnels(&new.name.clone(), None);
        }
    }

    fn encap(&mut self, delta: &Delta<sb::Encap>) {
        match delta.new.as_ref().and_then(|encap| encap.ip.parse().ok()) {
            Some(ip) => self.encaps.insert(delta.uuid, ip),
            None => self.encaps.remove(&delta.uuid),
        };
        let affected: Vec<(Uuid, Uuid)> = self
            .with_encap
            .iter()
            .filter(|(_, (_, encap))| *encap == delta.uuid)
            .map(|(port, (chassis, _))| (*port, *chassis))
            .collect();
        for (port, chassis) in affected {
            let encap = self.encaps.get(&delta.uuid).copied();
            self.network.places.set(&mut self.touched, port, Some(Place { chassis, encap }));
        }
    }

    fn datapath(&mut self, delta: &Delta<sb::DatapathBinding>) {
        let new = delta.new.as_ref().map(|row| Arc::new(Datapath::parse(row)));
        let is_local = self.network.local_datapaths.peek(&delta.uuid).is_some();
        if is_local {
            self.generation += 1;
            self.local_key(delta.uuid, false);
        }
        self.network.datapaths.set(&mut self.touched, delta.uuid, new);
        self.reach.unsettle();
        if is_local {
            self.local_key(delta.uuid, true);
        }
    }

    /// Notes the key of a datapath as that of a local one, or takes that back.
    fn local_key(&mut self, datapath: Uuid, present: bool) {
        if let Some(key) = self.network.datapaths.peek(&datapath).map(|datapath| datapath.key) {
            self.network.local_keys.set(&mut self.touched, &key, &datapath, present);
        }
    }

    fn datapath_group(&mut self, delta: &Delta<sb::LogicalDpGroup>) {
        let members = delta.new.as_ref().map(|row| Arc::new(row.datapaths.clone()));
        self.network.datapath_groups.set(&mut self.touched, delta.uuid, members);
        self.balancers_changed = true;
        self.engine.set_unit(Unit::DatapathGroup(delta.uuid), delta.new.is_some());
    }

    fn port(&mut self, delta: &Delta<sb::PortBinding>) {
        let old = self.network.ports.peek(&delta.uuid).cloned();
        let new = delta.new.as_ref().map(|row| {
            let (port, complaints) = LogicalPort::parse(row);
            self.complaints.extend(complaints);
            Arc::new(port)
        });
        if old != new {
            // Its name may be that of a zone.
            self.generation += u64::from(self.is_local(&delta.uuid));
            old.iter().for_each(|old| self.port_names(old, false));
            new.iter().for_each(|new| self.port_names(new, true));
            self.network.ports.set(&mut self.touched, delta.uuid, new.clone());
        }
        if new.is_none() {
            self.leave(delta.uuid);
        }
        self.place(delta);
        self.engine.set_unit(Unit::Port(delta.uuid), delta.new.is_some());
    }

    fn port_names(&mut self, port: &LogicalPort, present: bool) {
        let (net, touched) = (&mut self.network, &mut self.touched);
        net.ports_by_name.set(touched, &port.name, &port.uuid, present);
        net.keys.set(touched, &(port.datapath, port.name.clone()), &port.key, present);
        if let PortKind::Container { parent } = &port.kind {
            net.nested.set(touched, parent, &port.uuid, present);
        }
        if let PortKind::Localnet { .. } = &port.kind {
            let ports = self.localnet_ports.entry(port.datapath).or_default();
            if present {
                ports.insert(port.uuid)
            } else {
                ports.remove(&port.uuid)
            };
            if ports.is_empty() {
                self.localnet_ports.remove(&port.datapath);
            }
            self.generation += 1;
        }
        if port.kind.peer().is_some() {
            self.reach.set_door(port.uuid, port.datapath, present);
        }
        if port.kind.is_gateway() {
            self.gateways.set_port(port.uuid, present);
            self.reach.unsettle();
            self.generation += 1;
        }
        self.unsettled.insert(port.name.clone());
    }

    /// Where the port is bound.
    fn place(&mut self, delta: &Delta<sb::PortBinding>) {
        self.with_encap.remove(&delta.uuid);
        if let Some(old) = delta.old.as_ref().and_then(|row| row.chassis)
            && let Some(ports) = self.bound.get_mut(&old)
        {
            ports.remove(&delta.uuid);
            if ports.is_empty() {
                self.bound.remove(&old);
            }
        }
        if let Some(new) = delta.new.as_ref().and_then(|row| row.chassis) {
            self.bound.entry(new).or_default().insert(delta.uuid);
        }
        let place = delta.new.as_ref().and_then(|row| {
            let chassis = row.chassis?;
            if let Some(encap) = row.encap {
                self.with_encap.insert(delta.uuid, (chassis, encap));
            }
            Some(Place { chassis, encap: row.encap.and_then(|encap| self.encaps.get(&encap).copied()) })
        });
        self.network.places.set(&mut self.touched, delta.uuid, place);
    }

    fn multicast_group(&mut self, delta: &Delta<sb::MulticastGroup>) {
        let parse = |row: &sb::MulticastGroup| MulticastGroup {
            cookie: row.uuid.first_u32(),
            datapath: row.datapath,
            key: u32::try_from(row.tunnel_key).unwrap_or(0),
            ports: row.ports.clone(),
        };
        let (net, touched) = (&mut self.network, &mut self.touched);
        for (row, present) in [(&delta.old, false), (&delta.new, true)] {
            if let Some(row) = row {
                let key = u32::try_from(row.tunnel_key).unwrap_or(0);
                net.keys.set(touched, &(row.datapath, row.name.clone()), &key, present);
            }
        }
        net.multicast_groups.set(touched, delta.uuid, delta.new.as_deref().map(|row| Arc::new(parse(row))));
        self.engine.set_unit(Unit::MulticastGroup(delta.uuid), delta.new.is_some());
    }

    fn logical_flow(&mut self, delta: &Delta<sb::LogicalFlow>) {
        let flow = delta.new.as_ref().map(|row| LogicalFlow::parse(row).map(Arc::new)).transpose();
        let flow = flow.unwrap_or_else(|complaint| {
            self.complaints.push(complaint);
            None
        });
        self.engine.set_unit(Unit::LogicalFlow(delta.uuid), flow.is_some());
        self.network.logical_flows.set(&mut self.touched, delta.uuid, flow);
    }

    fn address_set(&mut self, delta: &Delta<sb::AddressSet>) {
        if let Some(old) = &delta.old
            && delta.new.as_ref().is_none_or(|new| new.name != old.name)
        {
            let gone = self.sets.remove(&mut self.network, &mut self.touched, &old.name);
            gone.into_iter().for_each(|chunk| self.engine.set_unit(Unit::SetChunk(chunk), false));
        }
        let Some(row) = &delta.new else { return };
        let changes = self.sets.replace(&mut self.network, &mut self.touched, row, &mut self.complaints);
        for (chunk, exists) in changes {
            self.engine.set_unit(Unit::SetChunk(chunk), exists);
        }
    }

    fn port_group(&mut self, delta: &Delta<sb::PortGroup>) {
        let Some(row) = delta.new.as_ref().or(delta.old.as_ref()) else { return };
        if let (Some(old), Some(new)) = (&delta.old, &delta.new)
            && old.name != new.name
        {
            self.network.port_groups.set(&mut self.touched, old.name.clone(), None);
        }
        let ports = delta.new.as_ref().map(|row| Arc::new(row.ports.iter().cloned().collect()));
        self.network.port_groups.set(&mut self.touched, row.name.clone(), ports);
    }

    fn learned_mac(&mut self, delta: &Delta<sb::Fdb>) {
        let learned = delta.new.as_ref().and_then(|row| {
            Some(LearnedMac {
                cookie: row.uuid.first_u32(),
                mac: row.mac.parse().ok()?,
                datapath: u32::try_from(row.dp_key).ok()?,
                port: u32::try_from(row.port_key).ok()?,
            })
        });
        self.engine.set_unit(Unit::LearnedMac(delta.uuid), learned.is_some());
        self.network.learned_macs.set(&mut self.touched, delta.uuid, learned);
    }

    fn load_balancer(&mut self, delta: &Delta<sb::LoadBalancer>) {
        let balancer = delta.new.as_ref().map(|row| {
            let (balancer, complaints) = LoadBalancer::parse(row);
            self.complaints.extend(complaints);
            Arc::new(balancer)
        });
        self.engine.set_unit(Unit::LoadBalancer(delta.uuid), balancer.is_some());
        self.network.load_balancers.set(&mut self.touched, delta.uuid, balancer);
        self.balancers_changed = true;
    }

    fn meter(&mut self, delta: &Delta<sb::Meter>) {
        // A row may come under the name of one that goes, in either order.
        let (net, touched) = (&mut self.network, &mut self.touched);
        let (old, new) = (net.meters.set(touched, delta.uuid, delta.new.clone()), &delta.new);
        let names: BTreeSet<&Str> = old.iter().chain(new).map(|row| &row.name).collect();
        for name in names {
            let had = |row: &Arc<sb::Meter>| row.name == *name;
            if old.as_ref().is_some_and(had) {
                self.named_meters.remove(&(name.clone(), delta.uuid));
            }
            if new.as_ref().is_some_and(had) {
                self.named_meters.insert((name.clone(), delta.uuid));
            }
            let any = (name.clone(), Uuid::default())..;
            let exists = self.named_meters.range(any).next().is_some_and(|(other, _)| other == name);
            let numbers = net.numbers_of_meters.get_mut();
            let meter = MeterName::Named(name.clone());
            let number = if exists { numbers.number(&meter) } else { None };
            if !exists {
                numbers.release(&meter);
            }
            net.meter_numbers.set(touched, name.clone(), number);
        }
        self.engine.set_unit(Unit::Meter(delta.uuid), delta.new.is_some());
    }

    fn tunnels(&mut self, old: &BTreeMap<PortNo, crate::host::TunnelPort>) {
        let ports: BTreeSet<PortNo> = old.keys().chain(self.host.tunnels.keys()).copied().collect();
        for port in ports {
            let kind = self.host.tunnels.get(&port).map(|tunnel| tunnel.kind);
            self.network.tunnels.set(&mut self.touched, port, kind);
            self.engine.set_unit(Unit::Tunnel(port), kind.is_some());
        }
        let chassis: BTreeSet<Str> =
            old.values().chain(self.host.tunnels.values()).map(|tunnel| tunnel.chassis.clone()).collect();
        for name in chassis {
            self.chassis_tunnels(&name, None);
        }
    }

    /// The tunnels to the chassis of that name, under its row; `gone` is a row that had the name.
    fn chassis_tunnels(&mut self, name: &Str, gone: Option<Uuid>) {
        if let Some(gone) = gone {
            self.network.chassis_tunnels.set(&mut self.touched, gone, None);
        }
        let Some(&row) = self.chassis_names.get(name) else { return };
        let to_it = self.host.tunnels.iter().filter(|(_, tunnel)| tunnel.chassis == *name);
        let mut tunnels: Vec<Tunnel> = to_it
            .map(|(&ofport, tunnel)| Tunnel { kind: tunnel.kind, remote: tunnel.remote, ofport })
            .collect();
        tunnels.sort();
        let tunnels = (!tunnels.is_empty()).then(|| tunnels.into());
        self.network.chassis_tunnels.set(&mut self.touched, row, tunnels);
    }

    /// Finds out which of the ports that changed are on this chassis.
    fn settle_ports(&mut self) {
        // What is nested in a port goes where the port goes.
        for name in self.unsettled.clone() {
            let nested = self.network.nested.peek(&name).filter_map(|row| self.network.ports.peek(row));
            self.unsettled.extend(nested.map(|port| port.name.clone()));
        }
        for name in std::mem::take(&mut self.unsettled) {
            let rows: Vec<Uuid> = self.network.ports_by_name.peek(&name).copied().collect();
            for row in rows {
                let Some(port) = self.network.ports.peek(&row).cloned() else { continue };
                match self.local(&port) {
                    Some(local) => self.arrive(&port, local),
                    None => self.leave(row),
                }
            }
        }
    }

    /// What is behind a port on this chassis, if it is here.
    fn local(&self, port: &LogicalPort) -> Option<Local> {
        let allowed = |port: &LogicalPort| {
            port.requested.allows(self.identity.row, &self.identity.name, &self.identity.hostname)
        };
        match &port.kind {
            PortKind::Vif | PortKind::Localport => {
                self.host.vifs.get(&port.name).filter(|_| allowed(port)).cloned()
            }
            PortKind::Container { parent } => {
                let parent = self.network.ports_by_name.peek(parent).next()?;
                let parent = self.network.ports.peek(parent).filter(|parent| parent.kind == PortKind::Vif)?;
                port.tag.and(self.local(parent)).filter(|_| allowed(port))
            }
            PortKind::Localnet { .. } => self.host.localnets.get(&port.name).cloned(),
            PortKind::Patch { .. }
            | PortKind::L3Gateway { .. }
            | PortKind::ChassisRedirect { .. }
            | PortKind::Other => None,
        }
    }

    fn arrive(&mut self, port: &LogicalPort, local: Local) {
        let (mut resident, mut localnet) = (None, None);
        match port.kind {
            PortKind::Vif | PortKind::Container { .. } => resident = Some(port.datapath),
            PortKind::Localnet { .. } => localnet = Some(port.datapath),
            PortKind::Localport
            | PortKind::Patch { .. }
            | PortKind::L3Gateway { .. }
            | PortKind::ChassisRedirect { .. }
            | PortKind::Other => {}
        }
        // It may have been something else, or of another datapath.
        self.forget_localnet(port.uuid, localnet);
        self.reach.set_home(port.uuid, resident);
        let old = self.network.locals.set(&mut self.touched, port.uuid, Some(local.clone()));
        self.generation += u64::from(old != Some(local));
        if let Some(datapath) = localnet
            && self.localnets.insert(port.uuid, datapath).is_none()
        {
            self.network.localnets.add(&mut self.touched, &datapath, &port.uuid);
        }
    }

    fn leave(&mut self, row: Uuid) {
        let old = self.network.locals.set(&mut self.touched, row, None);
        self.generation += u64::from(old.is_some());
        self.forget_localnet(row, None);
        // Gateways settle by themselves what they make local.
        if self.network.ports.peek(&row).is_none_or(|port| !port.kind.is_gateway()) {
            self.reach.set_home(row, None);
        }
    }

    /// A port no longer leads out of a datapath, unless that is `localnet`.
    fn forget_localnet(&mut self, row: Uuid, localnet: Option<Uuid>) {
        if let Some(&datapath) = self.localnets.get(&row)
            && Some(datapath) != localnet
        {
            self.localnets.remove(&row);
            self.network.localnets.remove(&mut self.touched, &datapath, &row);
        }
    }

    /// Finds out which gateways are hosted here and which datapaths concern us.
    fn settle_reach(&mut self) {
        for (port, home) in self.gateways.settle(&mut self.network, &mut self.touched) {
            self.generation += 1;
            self.reach.set_home(port, home);
        }
        for (datapath, is_local) in self.reach.settle(&mut self.network, &mut self.touched, &self.gateways) {
            self.generation += 1;
            self.local_key(datapath, is_local);
        }
    }

    fn neighbor(&mut self, row: Uuid, neighbor: Option<Option<Neighbor>>) {
        let neighbor = neighbor.flatten().map(Arc::new);
        self.engine.set_unit(Unit::Neighbor(row), neighbor.is_some());
        self.network.neighbors.set(&mut self.touched, row, neighbor);
    }

    /// The shortest age of what routers that concern this chassis have learned about neighbours.
    pub(crate) fn neighbor_age(&self) -> Option<Duration> {
        let ages = self.reach.local().iter().filter_map(|row| self.network.datapaths.peek(row)?.neighbor_age);
        ages.min()
    }

    /// Gives zones to local ports and hosted gateways, and to the datapaths that concern us and translate addresses.
    fn settle_zones(&mut self, complete: bool) {
        if std::mem::take(&mut self.balancers_changed) {
            self.generation += 1;
            let net = &self.network;
            let of_group = |group: &Uuid| net.datapath_groups.peek(group).cloned();
            self.balanced = net
                .load_balancers
                .peek_all()
                .flat_map(|(_, balancer)| {
                    let groups = balancer.groups.iter().filter_map(of_group);
                    let of_groups = groups.flat_map(|group| group.iter().copied().collect::<Vec<_>>());
                    balancer.datapaths.iter().copied().chain(of_groups)
                })
                .collect();
        }
        let now = Some((self.generation, complete));
        if std::mem::replace(&mut self.zones_settled, now) == now {
            return;
        }
        let net = &self.network;
        let here =
            net.locals.peek_all().map(|(row, _)| row).chain(net.hosted.peek_all().map(|(row, ())| row));
        let mut names: BTreeSet<Str> =
            here.filter_map(|row| net.ports.peek(row)).map(|port| port.name.clone()).collect();
        let mut requested = BTreeMap::new();
        // Of switches, those translate that have load balancers.
        let translates = |row: &&Uuid| {
            let datapath = net.datapaths.peek(row);
            datapath.is_some_and(|dp| dp.kind == DatapathKind::Router) || self.balanced.contains(row)
        };
        for datapath in self.reach.local().iter().filter(translates).filter_map(|row| net.datapaths.peek(row))
        {
            let Some([dnat, snat]) = datapath.nat_zones() else { continue };
            requested.extend(datapath.snat_zone.map(|zone| (snat.clone(), zone)));
            names.extend([dnat, snat]);
        }
        for (name, zone) in self.zones.settle(&names, &requested, complete) {
            self.network.zones.set(&mut self.touched, name, zone);
        }
    }
}

/// What was learned of a neighbour, if it makes sense.
fn learned_neighbor(row: &sb::MacBinding) -> Option<Neighbor> {
    let learned = neighbor(row.uuid, &row.logical_port, &row.ip, &row.mac, 100)?;
    Some(Neighbor { is_learned: true, ..learned })
}

/// What is given of a neighbour.
fn given_neighbor(row: &sb::StaticMacBinding) -> Option<Neighbor> {
    let priority = if row.override_dynamic_mac { 150 } else { 50 };
    neighbor(row.uuid, &row.logical_port, &row.ip, &row.mac, priority)
}

fn neighbor(row: Uuid, port: &Str, ip: &str, mac: &str, priority: u16) -> Option<Neighbor> {
    let (ip, mac) = (ip.parse().ok()?, mac.parse().ok()?);
    Some(Neighbor { cookie: row.first_u32(), port: port.clone(), ip, mac, priority, is_learned: false })
}
