//! `Port_Binding`: a row a logical port, known by the port's name.
//!
//! Controllers write to these rows too: `chassis`, `encap`, `up` and some `options`. Those columns are left alone, but that
//! a new row starts with `up` false, which tells the controllers that they shall say when it is up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ovsdb::{Str, Uuid};
use schema::sb;
use schema::tables::Delta;

use crate::output::PortRow;
use crate::sync::chassis_group::ChassisGroups;
use crate::sync::datapath_binding::Datapaths;
use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};

/// Ports whose row is another one after a plan.
#[derive(Debug, Default)]
pub struct PortsChanged {
    /// Rows that are deleted, by the name of the port.
    pub deleted: BTreeSet<(Str, Uuid)>,
    /// Ports that get a new row, with their switch.
    pub inserted: BTreeSet<(Uuid, Str)>,
}

/// The ports.
#[derive(Default)]
pub struct Ports {
    mirror: Mirror<Str, Arc<PortRow>, sb::PortBinding>,
    /// UUIDs of rows that the plan at hand inserts, by name of the port.
    planned: BTreeMap<Str, Uuid>,
}

impl Ports {
    /// A row should be, or should no longer be.
    pub fn want(&mut self, row: &Arc<PortRow>, present: bool) {
        if present {
            self.mirror.want(row.name.clone(), Some(row.clone()));
        } else if self.mirror.wanted(&row.name) == Some(row) {
            self.mirror.want(row.name.clone(), None);
        }
    }

    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::PortBinding>) {
        self.mirror.found(delta, |row| row.logical_port.clone());
    }

    /// The southbound row of a port, present or planned.
    pub fn southbound(&self, name: &Str) -> Option<Uuid> {
        let planned = self.planned.get(name).copied();
        planned.or_else(|| self.mirror.row(name).map(|(uuid, _)| uuid))
    }

    /// The row of a port as it is.
    pub fn row(&self, name: &Str) -> Option<&Arc<sb::PortBinding>> {
        self.mirror.row(name).map(|(_, row)| row)
    }

    /// The row of a port as it should be.
    pub fn wanted(&self, name: &Str) -> Option<&Arc<PortRow>> {
        self.mirror.wanted(name)
    }

    /// Compares what may differ. Tells which rows are no longer those they were.
    pub fn plan(&mut self, datapaths: &Datapaths, groups: &ChassisGroups, plan: &mut Plan) -> PortsChanged {
        let mut changed = PortsChanged::default();
        self.planned.clear();
        for name in self.mirror.take_dirty() {
            let wanted = self.mirror.wanted(&name).cloned();
            let wanted = wanted.and_then(|wanted| Some((datapaths.southbound(wanted.datapath)?, wanted)));
            let mut rows = self.mirror.rows(&name);
            // Controllers expect that a port that becomes something else, or goes elsewhere, is another port.
            let kept = wanted.as_ref().and_then(|(datapath, wanted)| {
                self.mirror.row(&name).filter(|(_, row)| is_same_port(row, wanted, *datapath))
            });
            if kept.is_some() {
                rows.next();
            }
            for (uuid, _) in rows {
                plan.delete::<sb::PortBinding>(uuid);
                changed.deleted.insert((name.clone(), uuid));
            }
            let Some((datapath, wanted)) = wanted else { continue };
            let fill = |row| {
                let group = wanted.chassis_group.as_ref().and_then(|group| groups.southbound(group));
                sb::PortBinding { ha_chassis_group: group, ..fill(row, &wanted, datapath) }
            };
            match kept {
                Some((uuid, row)) => plan.update(uuid, &**row, &fill(row)),
                None => {
                    let uuid = fresh_uuid(wanted.uuid, |uuid| self.mirror.is_taken(uuid));
                    plan.insert(uuid, &fill(&sb::PortBinding::default()));
                    changed.inserted.insert((wanted.datapath, name.clone()));
                    self.planned.insert(name, uuid);
                }
            }
        }
        changed
    }

    /// Groups of chassis have got new rows: whatever ports name them must name those.
    pub fn mark_chassis_groups(&mut self, groups: &BTreeSet<Str>) {
        if groups.is_empty() {
            return;
        }
        let is_in = |row: &PortRow| row.chassis_group.as_ref().is_some_and(|group| groups.contains(group));
        let names: Vec<Str> =
            self.mirror.all_wanted().filter(|(_, row)| is_in(row)).map(|(name, _)| name.clone()).collect();
        names.into_iter().for_each(|name| self.mirror.mark(name));
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.mirror.mark_all();
    }

    /// Whether something may differ.
    pub fn is_dirty(&self) -> bool {
        self.mirror.is_dirty()
    }
}

fn is_same_port(row: &sb::PortBinding, wanted: &PortRow, datapath: Uuid) -> bool {
    row.datapath == datapath
        && row.r#type == wanted.kind
        && row.parent_port.is_some() == wanted.columns.parent.is_some()
}

fn fill(row: &sb::PortBinding, wanted: &PortRow, datapath: Uuid) -> sb::PortBinding {
    let columns = wanted.columns.clone();
    let mut options = columns.options;
    if let Some(ids) = row.options.get("additional-chassis-activated") {
        // Written by the controllers of a port that moves between chassis.
        options.insert("additional-chassis-activated".into(), ids.clone());
    }
    let mut chassis = wanted.requested_chassis.iter().copied();
    sb::PortBinding {
        logical_port: wanted.name.clone(),
        r#type: wanted.kind.clone(),
        datapath,
        tunnel_key: wanted.key.into(),
        options,
        external_ids: columns.external_ids,
        parent_port: columns.parent,
        tag: columns.tag,
        mac: columns.addresses,
        port_security: columns.port_security,
        nat_addresses: wanted.nat_addresses.clone(),
        requested_chassis: chassis.next(),
        requested_additional_chassis: chassis.collect(),
        up: Some(row.up.unwrap_or(false)),
        ..row.clone()
    }
}
