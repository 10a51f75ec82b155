//! What units emit becomes rows of the southbound database: one file a table.
//!
//! Each table knows the rows that should be and those that are, by what identifies a row (a name, a northbound UUID),
//! and for which of these either has changed. [`Southbound::plan`] compares those and nothing else. So it does not
//! matter why the two differ: a unit's output changed, somebody else changed a row, another northd wrote them
//! before, or a transaction was refused.

use ovsdb::Uuid;
use schema::sb;

use crate::model::Complaint;
use crate::network::{Network, Unit};
use crate::output::Output;

pub mod address_set;
pub mod chassis_group;
pub mod datapath_binding;
pub mod dependents;
pub mod dhcp_options;
pub mod dns;
pub mod fdb;
pub mod global;
pub mod leftover;
pub mod logical_flow;
pub mod mirror;
pub mod multicast_group;
pub mod neighbor_ageing;
pub mod plan;
pub mod port_binding;
pub mod port_group;
pub mod port_state;
pub mod rbac;
pub mod static_mac_binding;

pub use plan::Plan;

/// The southbound tables that are made from units' outputs.
#[derive(Default)]
pub struct Southbound {
    datapaths: datapath_binding::Datapaths,
    chassis_groups: chassis_group::ChassisGroups,
    ports: port_binding::Ports,
    groups: multicast_group::Groups,
    flows: logical_flow::Flows,
    address_sets: address_set::AddressSets,
    port_groups: port_group::PortGroups,
    static_macs: static_mac_binding::StaticMacs,
    dhcp_options: dhcp_options::DhcpOptions,
    dns: dns::Names,
    rbac: rbac::Rbac,
    dependents: dependents::Dependents,
    neighbor_ageing: neighbor_ageing::NeighborAgeing,
    leftovers: leftover::Leftovers,
    fdb: fdb::Fdb,
    complaints: incr::Gather<Complaint, Unit>,
}

impl Southbound {
    /// Takes what a step of the units gave: what came before what went.
    pub fn want(&mut self, step: incr::Step<Network>) {
        for (unit, output) in step.added {
            self.want_one(unit, output, true);
        }
        for (unit, output) in step.removed {
            self.want_one(unit, output, false);
        }
    }

    /// Takes a changed southbound row. Of several changes at once, those of datapaths must come first.
    pub fn found(&mut self, change: &sb::Change) {
        match change {
            sb::Change::DatapathBinding(delta) => {
                self.datapaths.found(delta);
                self.fdb.datapath_changed(delta);
            }
            sb::Change::PortBinding(delta) => {
                self.ports.found(delta);
                self.fdb.port_changed(delta);
            }
            sb::Change::HaChassisGroup(delta) => self.chassis_groups.found(delta),
            sb::Change::HaChassis(delta) => self.chassis_groups.found_member(delta),
            sb::Change::StaticMacBinding(delta) => self.static_macs.found(delta),
            sb::Change::DhcpOptions(delta) => self.dhcp_options.found4(delta),
            sb::Change::Dhcpv6Options(delta) => self.dhcp_options.found6(delta),
            sb::Change::Dns(delta) => self.dns.found(delta),
            sb::Change::MulticastGroup(delta) => self.groups.found(delta, &self.datapaths),
            sb::Change::LogicalFlow(delta) => self.flows.found(delta),
            sb::Change::LogicalDpGroup(delta) => self.flows.found_group(delta),
            sb::Change::AddressSet(delta) => self.address_sets.found(delta),
            sb::Change::PortGroup(delta) => self.port_groups.found(delta),
            sb::Change::RbacRole(delta) => self.rbac.found_role(delta),
            sb::Change::RbacPermission(delta) => self.rbac.found_permission(delta),
            sb::Change::MacBinding(delta) => {
                self.dependents.found_mac_binding(delta);
                self.neighbor_ageing.found(delta);
            }
            sb::Change::LearnedRoute(delta) => self.dependents.found_learned_route(delta),
            sb::Change::Fdb(delta) => self.fdb.found(delta),
            // Chassis and what belongs to them are written by controllers; SB_Global is in `global`.
            change => self.leftovers.found(change),
        }
    }

    /// Writes down what has to change. Everything that was looked at counts as done.
    pub fn plan(&mut self, plan: &mut Plan) {
        let datapaths_deleted = self.datapaths.plan(plan);
        let groups_moved = self.chassis_groups.plan(plan);
        self.ports.mark_chassis_groups(&groups_moved);
        let ports_changed = self.ports.plan(&self.datapaths, &self.chassis_groups, plan);
        self.dependents.plan(&datapaths_deleted, &ports_changed.deleted, plan);
        self.leftovers.plan(plan);
        self.groups.mark_ports(&ports_changed.inserted);
        self.groups.plan(&self.datapaths, &self.ports, plan);
        self.flows.plan(&self.datapaths, plan);
        self.address_sets.plan(plan);
        self.port_groups.plan(plan);
        self.static_macs.plan(&self.datapaths, plan);
        self.dhcp_options.plan(plan);
        self.dns.plan(&self.datapaths, plan);
        self.rbac.plan(plan);
        self.fdb.plan(plan);
    }

    /// What happens because time has gone by: when the next of it is due, in milliseconds since 1970.
    pub fn next_ms(&mut self) -> Option<i64> {
        self.neighbor_ageing.settle(&self.datapaths);
        self.neighbor_ageing.next_ms()
    }

    /// Writes down what has to change because time has gone by; of each kind at most `limit` rows, if there is a limit.
    pub fn plan_ageing(&mut self, now_ms: i64, limit: Option<usize>, plan: &mut Plan) {
        self.neighbor_ageing.plan(now_ms, limit, plan);
    }

    /// Compares everything anew at the next plan, because a transaction did not happen.
    pub fn mark_all(&mut self) {
        self.datapaths.mark_all();
        self.ports.mark_all();
        self.groups.mark_all();
        self.flows.mark_all();
        self.address_sets.mark_all();
        self.port_groups.mark_all();
        self.chassis_groups.mark_all();
        self.static_macs.mark_all();
        self.dhcp_options.mark_all();
        self.dns.mark_all();
        self.rbac.mark_all();
        self.fdb.mark_all();
        self.leftovers.mark_all();
    }

    /// Whether something may have to change.
    pub fn is_dirty(&self) -> bool {
        self.datapaths.is_dirty()
            || self.ports.is_dirty()
            || self.groups.is_dirty()
            || self.flows.is_dirty()
            || self.address_sets.is_dirty()
            || self.port_groups.is_dirty()
            || self.chassis_groups.is_dirty()
            || self.static_macs.is_dirty()
            || self.dhcp_options.is_dirty()
            || self.dns.is_dirty()
            || self.rbac.is_dirty()
            || self.fdb.is_dirty()
            || self.leftovers.is_dirty()
    }

    /// All complaints there are, in order.
    pub fn complaints(&self) -> impl Iterator<Item = &Complaint> {
        self.complaints.iter().map(|(complaint, _)| complaint)
    }

    /// The complaints that came since the last call.
    pub fn take_new_complaints(&mut self) -> Vec<Complaint> {
        let changed = self.complaints.take_changed();
        changed.into_iter().filter(|complaint| self.complaints.get(complaint).next().is_some()).collect()
    }

    /// The port bindings.
    pub fn ports(&self) -> &port_binding::Ports {
        &self.ports
    }

    fn want_one(&mut self, unit: Unit, output: Output, present: bool) {
        match output {
            Output::Datapath(row) => self.datapaths.want(&row, present),
            Output::Port(row) => self.ports.want(&row, present),
            Output::GroupMember { datapath, group, port } => {
                self.groups.want(datapath, group, port, present);
            }
            Output::Flow { flow, datapath } => self.flows.want(flow, datapath, present),
            Output::ChassisGroup(row) => self.chassis_groups.want(&row, present),
            Output::Ageing { router, ages } => self.neighbor_ageing.want(router, &ages, present),
            Output::StaticMac(row) => self.static_macs.want(&row, present),
            Output::Dns { row, datapath } => self.dns.want(row, datapath, present),
            Output::Address { set, address } => self.address_sets.want(set, address, present),
            Output::PortGroupMember { group, port } => self.port_groups.want(group, port, present),
            Output::Complaint(complaint) if present => self.complaints.add(complaint, unit),
            Output::Complaint(complaint) => self.complaints.remove(&complaint, &unit),
        }
    }
}

/// A set of counted members, for rows to which several units contribute.
#[derive(Clone, Debug)]
pub(crate) struct Members<T>(std::collections::BTreeMap<T, u32>);

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(std::collections::BTreeMap::new())
    }
}

impl<T: Ord> Members<T> {
    /// Adds a member once more or once less; nothing is left when the last has gone as often as it came.
    pub(crate) fn set(&mut self, member: T, present: bool) {
        if present {
            *self.0.entry(member).or_insert(0) += 1;
        } else if let Some(count) = self.0.get_mut(&member) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&member);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.keys()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The UUID of a row by what is in it: 128 bits of SHA-1, marked as such (RFC 4122, 4.3, version 5).
pub(crate) fn content_uuid(parts: &[&[u8]]) -> Uuid {
    use sha1::{Digest, Sha1};
    let mut hash = Sha1::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut octets = [0; 16];
    octets.copy_from_slice(&digest[..16]);
    octets[6] = octets[6] & 0x0f | 0x50;
    octets[8] = octets[8] & 0x3f | 0x80;
    Uuid::from_bytes(octets)
}
