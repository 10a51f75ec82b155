//! Gateway ports, and which of them this chassis hosts.
//!
//! A gateway router is on the chassis that its ports name. A distributed router's gateway port is on the first chassis
//! of its group that there is, by priority. Upstream: ha-chassis.c, binding.c consider_l3gw_lport, consider_cr_lport.

use incr::Touched;
use ovsdb::{Str, Uuid};
use schema::sb;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{LogicalPort, PortKind};
use crate::network::Network;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    /// Our row.
    chassis: Option<Uuid>,
    name: Str,
    groups: BTreeMap<Uuid, Arc<sb::HaChassisGroup>>,
    members: BTreeMap<Uuid, Arc<sb::HaChassis>>,
    ports: BTreeSet<Uuid>,
    is_settled: bool,
}

impl Gateways {
    /// Who we are.
    pub(crate) fn set_identity(&mut self, chassis: Option<Uuid>, name: &Str) {
        self.chassis = chassis;
        self.name = name.clone();
        self.is_settled = false;
    }

    /// A row of a group is this, or is gone.
    pub(crate) fn set_group(&mut self, uuid: Uuid, row: Option<Arc<sb::HaChassisGroup>>) {
        set(&mut self.groups, uuid, row);
        self.is_settled = false;
    }

    /// A row of a member of a group is this, or is gone.
    pub(crate) fn set_member(&mut self, uuid: Uuid, row: Option<Arc<sb::HaChassis>>) {
        set(&mut self.members, uuid, row);
        self.is_settled = false;
    }

    /// A port is that of a gateway, or is gone, or has changed.
    pub(crate) fn set_port(&mut self, uuid: Uuid, present: bool) {
        if present {
            self.ports.insert(uuid);
        } else {
            self.ports.remove(&uuid);
        }
        self.is_settled = false;
    }

    /// Whether our chassis is one of a group.
    pub(crate) fn is_member(&self, group: Option<Uuid>) -> bool {
        self.chassis.is_some() && self.members_of(group).any(|member| member.chassis == self.chassis)
    }

    /// Whether it is the one of a group that does the work. A chassis whose row is gone does none.
    fn is_first(&self, group: Option<Uuid>) -> bool {
        let there = self.members_of(group).filter(|member| member.chassis.is_some());
        let first = there.min_by_key(|member| (std::cmp::Reverse(member.priority), member.chassis));
        self.chassis.is_some() && first.is_some_and(|first| first.chassis == self.chassis)
    }

    fn members_of(&self, group: Option<Uuid>) -> impl Iterator<Item = &Arc<sb::HaChassis>> {
        let group = group.and_then(|group| self.groups.get(&group));
        group.into_iter().flat_map(|group| &group.ha_chassis).filter_map(|row| self.members.get(row))
    }

    /// Finds out anew which ports are hosted, if that may have changed. Gives the ports with the datapath that each makes
    /// local, if any.
    pub(crate) fn settle(&mut self, net: &mut Network, touched: &mut Touched) -> Vec<(Uuid, Option<Uuid>)> {
        if std::mem::replace(&mut self.is_settled, true) {
            return Vec::new();
        }
        let gone: Vec<Uuid> =
            net.hosted.peek_all().map(|(port, ())| *port).filter(|port| !self.ports.contains(port)).collect();
        for port in gone {
            net.hosted.set(touched, port, None);
        }
        let mut homes = Vec::new();
        for &row in &self.ports {
            let Some(port) = net.ports.peek(&row).cloned() else { continue };
            let (is_hosted, is_near) = self.role(&port);
            net.hosted.set(touched, row, is_hosted.then_some(()));
            homes.push((row, is_near.then_some(port.datapath)));
        }
        homes
    }

    /// Whether a port is hosted here, and whether its datapath concerns us.
    fn role(&self, port: &LogicalPort) -> (bool, bool) {
        match &port.kind {
            PortKind::L3Gateway { chassis, .. } => {
                let ours = *chassis == self.name && self.chassis.is_some();
                (ours, ours)
            }
            PortKind::ChassisRedirect { group, .. } => (self.is_first(*group), self.is_member(*group)),
            PortKind::Vif
            | PortKind::Container { .. }
            | PortKind::Localport
            | PortKind::Localnet { .. }
            | PortKind::Patch { .. }
            | PortKind::Other => (false, false),
        }
    }
}

fn set<T>(rows: &mut BTreeMap<Uuid, T>, uuid: Uuid, row: Option<T>) {
    match row {
        Some(row) => drop(rows.insert(uuid, row)),
        None => drop(rows.remove(&uuid)),
    }
}
