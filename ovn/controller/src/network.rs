//! What flows are computed from, and the units that compute them.
//!
//! [`Network`] holds rows that were parsed once ([`crate::model`]) and what this chassis is to them: which ports are
//! here and under which number, which datapaths have a port here, which tunnel leads where. [`crate::inputs`] fills it.
//! A unit is a pure function of what it reads here; see [`incr`].

use incr::{Emit, Index, Program, Reads, Table, Touched};
use lflow::lexer::Integer;
use openflow::{GroupId, MeterId, PortNo};
use ovsdb::{Str, Uuid};
use packet::MacAddr;
use schema::sb;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::compile::{Features, Group};
use crate::flow::Flow;
use crate::groups::{GroupNumbers, Numbered};
use crate::logical::{self, Cache, OpenFlow};
use crate::meters::{self, Limit, MeterNumbers};
use crate::model::{Complaint, Datapath, EncapKind, LoadBalancer, LogicalFlow, LogicalPort};
use crate::physical;

/// See the module's documentation.
#[derive(Debug)]
pub struct Network {
    pub datapaths: Table<Uuid, Arc<Datapath>>,
    /// Datapaths that concern this chassis: with a port here, or behind a router from there.
    pub local_datapaths: Table<Uuid, ()>,
    /// The same by key.
    pub local_keys: Index<u32, Uuid>,
    /// Members of groups of datapaths.
    pub datapath_groups: Table<Uuid, Arc<BTreeSet<Uuid>>>,
    /// Those of them that are local.
    pub local_members: Index<Uuid, Uuid>,
    pub logical_flows: Table<Uuid, Arc<LogicalFlow>>,
    pub ports: Table<Uuid, Arc<LogicalPort>>,
    pub ports_by_name: Index<Str, Uuid>,
    /// Where ports are bound.
    pub places: Table<Uuid, Place>,
    /// Ports that are on this chassis.
    pub locals: Table<Uuid, Local>,
    /// Ports nested in a port, by its name.
    pub nested: Index<Str, Uuid>,
    /// Localnet ports of a datapath that are connected here.
    pub localnets: Index<Uuid, Uuid>,
    pub multicast_groups: Table<Uuid, Arc<MulticastGroup>>,
    /// Keys of ports and multicast groups, by datapath and name.
    pub keys: Index<(Uuid, Str), u32>,
    /// Conntrack zones by name.
    pub zones: Table<Str, u16>,
    /// Tunnels by row of the chassis they lead to.
    pub chassis_tunnels: Table<Uuid, Arc<[Tunnel]>>,
    /// Tunnels by number of the bridge's port.
    pub tunnels: Table<PortNo, EncapKind>,
    /// The number of the tunnel metadata field that carries port keys; nothing where the switch cannot do it.
    pub geneve_field: Table<(), u8>,
    pub address_sets: Table<Str, Arc<Vec<Integer>>>,
    /// Sets with so many members that flows are made for each by itself.
    pub large_sets: Table<Str, ()>,
    /// Members of such sets.
    pub set_chunks: Table<ChunkId, Arc<SetChunk>>,
    /// Logical flows that leave large sets open, by row and datapath: one each, but while it changes.
    pub open_flows: Index<(Uuid, Uuid), Arc<OpenFlow>>,
    /// Which of them leave a set open.
    pub set_users: Index<Str, (Uuid, Uuid)>,
    pub port_groups: Table<Str, Arc<Vec<Arc<str>>>>,
    /// Values of `^name` on this chassis.
    pub variables: Table<Str, Str>,
    pub learned_macs: Table<Uuid, LearnedMac>,
    /// Gateway ports that this chassis hosts.
    pub hosted: Table<Uuid, ()>,
    /// Neighbours of routers' ports.
    pub neighbors: Table<Uuid, Arc<Neighbor>>,
    pub load_balancers: Table<Uuid, Arc<LoadBalancer>>,
    pub meters: Table<Uuid, Arc<sb::Meter>>,
    pub meter_bands: Table<Uuid, Arc<sb::MeterBand>>,
    /// Numbers of meters by name.
    pub meter_numbers: Table<Str, MeterId>,
    /// Logical flows that name a meter, with the datapath that they are on.
    pub meter_users: Index<Str, (Uuid, Uuid)>,
    /// What the switch can do.
    pub features: Table<(), Features>,
    /// Sets of collectors of samples that the bridge has.
    pub collectors: Table<u32, ()>,
    /// Logical flows that were parsed in the present step.
    pub(crate) parsed: RefCell<Cache>,
    /// Groups of the switch have numbers while somebody wants them.
    pub(crate) groups: RefCell<GroupNumbers>,
    /// So have meters.
    pub(crate) numbers_of_meters: RefCell<MeterNumbers>,
}

/// Where a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row of the chassis.
    pub chassis: Uuid,
    /// The address there to send to; `None` is any.
    pub encap: Option<IpAddr>,
}

/// A port of this chassis.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Local {
    /// The number of the bridge's port behind it, for a nested one that of its parent.
    pub ofport: PortNo,
    /// Row of the interface.
    pub interface: Uuid,
}

/// A multicast group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MulticastGroup {
    pub cookie: u32,
    pub datapath: Uuid,
    pub key: u32,
    pub ports: BTreeSet<Uuid>,
}

/// A tunnel to another chassis.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tunnel {
    pub kind: EncapKind,
    pub remote: IpAddr,
    pub ofport: PortNo,
}

/// A MAC address that was learned at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnedMac {
    pub cookie: u32,
    pub mac: MacAddr,
    pub datapath: u32,
    pub port: u32,
}

/// A neighbour of a router's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbor {
    pub cookie: u32,
    /// The name of the port.
    pub port: Str,
    pub ip: IpAddr,
    pub mac: MacAddr,
    /// Of the flows about it.
    pub priority: u16,
    /// It was learned, and may be forgotten.
    pub is_learned: bool,
}

/// Conntrack zones; zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZoneIds {
    pub port: u16,
    /// Of the router.
    pub dnat: u16,
    pub snat: u16,
}

/// A few members of a large address set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub u32);

/// See [`ChunkId`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetChunk {
    pub set: Str,
    pub members: Vec<Integer>,
}

/// What is computed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Flows that are always there.
    Base,
    /// Which members of a group of datapaths are local.
    DatapathGroup(Uuid),
    /// Packets from a tunnel.
    Tunnel(PortNo),
    /// A port: how packets come from it and how they get there.
    Port(Uuid),
    /// The addresses that a port may use.
    PortSecurity(Uuid),
    /// Copies for the members of a multicast group.
    MulticastGroup(Uuid),
    /// A MAC address that was learned.
    LearnedMac(Uuid),
    /// A neighbour of a router's port.
    Neighbor(Uuid),
    /// A load balancer: packets that it sends back.
    LoadBalancer(Uuid),
    /// A meter of the southbound database.
    Meter(Uuid),
    /// A logical flow.
    LogicalFlow(Uuid),
    /// A logical flow of a group of datapaths, on one of them.
    LogicalFlowOn(Uuid, Uuid),
    /// A few members of a large address set: asks for the next one with each logical flow that uses the set.
    SetChunk(ChunkId),
    /// What such members add to a logical flow on a datapath.
    SetChunkOn(ChunkId, Uuid, Uuid),
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    Flow(Arc<Flow>),
    /// A group that flows name by its number.
    Group(GroupId, Arc<Group>),
    /// A meter that flows name by its number.
    Meter(MeterId, Arc<Limit>),
    /// Something that could not be made into flows.
    Complaint(Complaint),
}

/// Outputs by their kind.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) flows: Vec<Arc<Flow>>,
    pub(crate) groups: Vec<Numbered>,
    pub(crate) meters: Vec<meters::Numbered>,
    pub(crate) complaints: Vec<Complaint>,
}

impl Outputs {
    /// Sorts what units put out.
    pub(crate) fn of(outputs: Vec<(Unit, Output)>) -> Self {
        let mut sorted = Self::default();
        for (_, output) in outputs {
            match output {
                Output::Flow(flow) => sorted.flows.push(flow),
                Output::Group(number, group) => sorted.groups.push((number, group)),
                Output::Meter(number, limit) => sorted.meters.push((number, limit)),
                Output::Complaint(complaint) => sorted.complaints.push(complaint),
            }
        }
        sorted
    }
}

/// What units tell each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A group of datapaths has a local member.
    LocalMember { group: Uuid, datapath: Uuid },
    /// A logical flow on a datapath leaves large sets open.
    OpenFlow { flow: Uuid, datapath: Uuid, form: Arc<OpenFlow> },
    /// A logical flow on a datapath names a meter.
    MeterUser { meter: Str, flow: Uuid, datapath: Uuid },
}

impl Default for Network {
    fn default() -> Self {
        Self {
            datapaths: Table::new("datapaths"),
            local_datapaths: Table::new("local_datapaths"),
            local_keys: Index::new("local_keys"),
            datapath_groups: Table::new("datapath_groups"),
            local_members: Index::new("local_members"),
            logical_flows: Table::new("logical_flows"),
            ports: Table::new("ports"),
            ports_by_name: Index::new("ports_by_name"),
            places: Table::new("places"),
            locals: Table::new("locals"),
            nested: Index::new("nested"),
            localnets: Index::new("localnets"),
            multicast_groups: Table::new("multicast_groups"),
            keys: Index::new("keys"),
            zones: Table::new("zones"),
            chassis_tunnels: Table::new("chassis_tunnels"),
            tunnels: Table::new("tunnels"),
            geneve_field: Table::new("geneve_field"),
            address_sets: Table::new("address_sets"),
            large_sets: Table::new("large_sets"),
            set_chunks: Table::new("set_chunks"),
            open_flows: Index::new("open_flows"),
            set_users: Index::new("set_users"),
            port_groups: Table::new("port_groups"),
            variables: Table::new("variables"),
            learned_macs: Table::new("learned_macs"),
            hosted: Table::new("hosted"),
            neighbors: Table::new("neighbors"),
            load_balancers: Table::new("load_balancers"),
            meters: Table::new("meters"),
            meter_bands: Table::new("meter_bands"),
            meter_numbers: Table::new("meter_numbers"),
            meter_users: Index::new("meter_users"),
            features: Table::new("features"),
            collectors: Table::new("collectors"),
            parsed: RefCell::default(),
            groups: RefCell::default(),
            numbers_of_meters: RefCell::default(),
        }
    }
}

impl Network {
    /// A datapath, if it has a port on this chassis.
    pub(crate) fn local_datapath(&self, reads: &Reads, datapath: Uuid) -> Option<&Datapath> {
        self.local_datapaths.get(reads, &datapath)?;
        self.datapaths.get(reads, &datapath).map(|datapath| &**datapath)
    }

    /// The zone of a port; zero is none.
    pub(crate) fn zone(&self, reads: &Reads, port: &Str) -> u16 {
        self.zones.get(reads, port).copied().unwrap_or(0)
    }

    /// The zones for packets of a port: its own, and those of its datapath if that translates addresses.
    pub(crate) fn zones_of(&self, reads: &Reads, port: &LogicalPort, datapath: &Datapath) -> ZoneIds {
        let own = self.zone(reads, &port.name);
        let [dnat, snat] = match datapath.nat_zones() {
            Some(names) => names.map(|name| self.zone(reads, &name)),
            None => [0, 0],
        };
        ZoneIds { port: own, dnat, snat }
    }

    /// The port of that name, of which there is one but for moments.
    pub(crate) fn port_named(&self, reads: &Reads, name: &Str) -> Option<&Arc<LogicalPort>> {
        self.ports.get(reads, self.ports_by_name.first(reads, name)?)
    }
}

impl Program for Network {
    type Unit = Unit;
    type Output = Output;
    type Fact = Fact;

    fn kind(unit: &Unit) -> &'static str {
        match unit {
            Unit::Base => "base",
            Unit::DatapathGroup(_) => "datapath_group",
            Unit::Tunnel(_) => "tunnel",
            Unit::Port(_) => "port",
            Unit::PortSecurity(_) => "port_security",
            Unit::MulticastGroup(_) => "multicast_group",
            Unit::LearnedMac(_) => "learned_mac",
            Unit::Neighbor(_) => "neighbor",
            Unit::LoadBalancer(_) => "load_balancer",
            Unit::Meter(_) => "meter",
            Unit::LogicalFlow(_) => "logical_flow",
            Unit::LogicalFlowOn(..) => "logical_flow_on",
            Unit::SetChunk(_) => "set_chunk",
            Unit::SetChunkOn(..) => "set_chunk_on",
        }
    }

    fn phase(unit: &Unit) -> u8 {
        match unit {
            Unit::DatapathGroup(_) => 0,
            Unit::Base
            | Unit::Tunnel(_)
            | Unit::Port(_)
            | Unit::MulticastGroup(_)
            | Unit::LearnedMac(_)
            | Unit::Neighbor(_)
            | Unit::LoadBalancer(_)
            | Unit::LogicalFlow(_) => 1,
            // Asked for by units of phase 1.
            Unit::PortSecurity(_) | Unit::LogicalFlowOn(..) => 2,
            // Read what logical flows say of the sets and meters that they use.
            Unit::SetChunk(_) | Unit::Meter(_) => 3,
            Unit::SetChunkOn(..) => 4,
        }
    }

    fn run(&self, unit: &Unit, reads: &Reads, emit: &mut Emit<Self>) {
        match *unit {
            Unit::Base => physical::base::flows(emit),
            Unit::DatapathGroup(group) => {
                for &datapath in self.datapath_groups.get(reads, &group).into_iter().flat_map(|g| g.iter()) {
                    if self.local_datapaths.get(reads, &datapath).is_some() {
                        emit.fact(Fact::LocalMember { group, datapath });
                    }
                }
            }
            Unit::Tunnel(port) => physical::tunnel::flows(self, reads, port, emit),
            Unit::Port(port) => physical::port(self, reads, port, emit),
            Unit::PortSecurity(port) => physical::port_security(self, reads, port, emit),
            Unit::MulticastGroup(group) => physical::multicast_group::flows(self, reads, group, emit),
            Unit::LearnedMac(row) => physical::fdb::flows(self, reads, row, emit),
            Unit::Neighbor(row) => physical::neighbor::flows(self, reads, row, emit),
            Unit::LoadBalancer(row) => physical::hairpin::flows(self, reads, row, emit),
            Unit::Meter(meter) => meters::row(self, reads, meter, emit),
            Unit::LogicalFlow(flow) => logical::flows(self, reads, flow, emit),
            Unit::LogicalFlowOn(flow, datapath) => logical::flows_on(self, reads, flow, datapath, emit),
            Unit::SetChunk(chunk) => {
                let Some(found) = self.set_chunks.get(reads, &chunk) else { return };
                for &(flow, datapath) in self.set_users.get(reads, &found.set) {
                    emit.unit(Unit::SetChunkOn(chunk, flow, datapath));
                }
            }
            Unit::SetChunkOn(chunk, flow, datapath) => {
                logical::chunk_flows(self, reads, chunk, flow, datapath, emit);
            }
        }
    }

    fn absorb(&mut self, fact: &Fact, present: bool, touched: &mut Touched) {
        match fact {
            Fact::LocalMember { group, datapath } => {
                self.local_members.set(touched, group, datapath, present);
            }
            Fact::OpenFlow { flow, datapath, form } => {
                let user = (*flow, *datapath);
                self.open_flows.set(touched, &user, form, present);
                for set in form.sets() {
                    self.set_users.set(touched, &set, &user, present);
                }
            }
            Fact::MeterUser { meter, flow, datapath } => {
                self.meter_users.set(touched, meter, &(*flow, *datapath), present);
            }
        }
    }
}
