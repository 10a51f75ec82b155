//! `HA_Chassis_Group` with its `HA_Chassis`: a row a group, known by its name, and a row a member.
//!
//! Controllers write `ref_chassis` of the groups, which is left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ovsdb::{Str, Uuid};
use schema::sb;
use schema::tables::Delta;

use crate::output::ChassisGroupRow;
use crate::sync::content_uuid;
use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};

/// The key under which a member's `external_ids` name its chassis, which may not be there.
const CHASSIS_NAME: &str = "chassis-name";

/// The groups.
#[derive(Default)]
pub struct ChassisGroups {
    mirror: Mirror<Str, Arc<ChassisGroupRow>, sb::HaChassisGroup>,
    members: BTreeMap<Uuid, Arc<sb::HaChassis>>,
    /// Groups by the member in them.
    groups: BTreeMap<Uuid, BTreeSet<Str>>,
    /// UUIDs of rows that the plan at hand inserts.
    planned: BTreeMap<Str, Uuid>,
}

impl ChassisGroups {
    /// A row should be, or should no longer be.
    pub fn want(&mut self, row: &Arc<ChassisGroupRow>, present: bool) {
        if present {
            self.mirror.want(row.name.clone(), Some(row.clone()));
        } else if self.mirror.wanted(&row.name) == Some(row) {
            self.mirror.want(row.name.clone(), None);
        }
    }

    /// A group came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::HaChassisGroup>) {
        for (row, present) in [(&delta.old, false), (&delta.new, true)] {
            for (row, member) in
                row.iter().flat_map(|row| row.ha_chassis.iter().map(move |member| (row, member)))
            {
                let groups = self.groups.entry(*member).or_default();
                if present {
                    groups.insert(row.name.clone());
                } else {
                    groups.remove(&row.name);
                }
                if groups.is_empty() {
                    self.groups.remove(member);
                }
            }
        }
        self.mirror.found(delta, |row| row.name.clone());
    }

    /// A member came, changed or went.
    pub fn found_member(&mut self, delta: &Delta<sb::HaChassis>) {
        for name in self.groups.get(&delta.uuid).into_iter().flatten() {
            self.mirror.mark(name.clone());
        }
        match &delta.new {
            Some(row) => self.members.insert(delta.uuid, row.clone()),
            None => self.members.remove(&delta.uuid),
        };
    }

    /// The row of a group, present or planned.
    pub fn southbound(&self, name: &Str) -> Option<Uuid> {
        let planned = self.planned.get(name).copied();
        planned.or_else(|| self.mirror.row(name).map(|(uuid, _)| uuid))
    }

    /// Compares what may differ. Gives the names of the groups that get a new row, or lose theirs.
    pub fn plan(&mut self, plan: &mut Plan) -> BTreeSet<Str> {
        let mut moved = BTreeSet::new();
        self.planned.clear();
        for name in self.mirror.take_dirty() {
            let wanted = self.mirror.wanted(&name).cloned();
            for (uuid, _) in self.mirror.rows(&name).skip(usize::from(wanted.is_some())) {
                plan.delete::<sb::HaChassisGroup>(uuid);
                moved.insert(name.clone());
            }
            let Some(wanted) = wanted else { continue };
            let old = self.mirror.row(&name);
            let members = old.map(|(_, row)| row.ha_chassis.clone()).unwrap_or_default();
            let ha_chassis = self.plan_members(&wanted, &members, plan);
            let fill = |row: &sb::HaChassisGroup| sb::HaChassisGroup {
                name: name.clone(),
                ha_chassis: ha_chassis.clone(),
                external_ids: wanted.external_ids.clone(),
                ..row.clone()
            };
            match old {
                Some((uuid, row)) => plan.update(uuid, &**row, &fill(row)),
                None => {
                    let preferred = content_uuid(&[b"HA_Chassis_Group", name.as_bytes()]);
                    let uuid = fresh_uuid(preferred, |uuid| self.mirror.is_taken(uuid));
                    plan.insert(uuid, &fill(&sb::HaChassisGroup::default()));
                    self.planned.insert(name.clone(), uuid);
                    moved.insert(name);
                }
            }
        }
        moved
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.mirror.mark_all();
    }

    /// Whether something may differ.
    pub fn is_dirty(&self) -> bool {
        self.mirror.is_dirty()
    }

    /// The rows of the members of a group, of which those that are there are kept. Others end with nobody naming them.
    fn plan_members(
        &self,
        wanted: &ChassisGroupRow,
        old: &BTreeSet<Uuid>,
        plan: &mut Plan,
    ) -> BTreeSet<Uuid> {
        let mut known: BTreeMap<&Str, (Uuid, &sb::HaChassis)> = BTreeMap::new();
        for uuid in old {
            if let Some(row) = self.members.get(uuid)
                && let Some(name) = row.external_ids.get(CHASSIS_NAME)
            {
                known.entry(name).or_insert((*uuid, row));
            }
        }
        let mut rows = BTreeSet::new();
        for (chassis, (row, priority)) in &wanted.members {
            let fill = |old: &sb::HaChassis| sb::HaChassis {
                chassis: *row,
                priority: *priority,
                external_ids: BTreeMap::from([(CHASSIS_NAME.into(), chassis.clone())]),
                ..old.clone()
            };
            rows.insert(match known.get(chassis) {
                Some((uuid, old)) => {
                    plan.update(*uuid, *old, &fill(old));
                    *uuid
                }
                None => {
                    let preferred =
                        content_uuid(&[b"HA_Chassis", wanted.name.as_bytes(), chassis.as_bytes()]);
                    let uuid = fresh_uuid(preferred, |uuid| self.members.contains_key(&uuid));
                    plan.insert(uuid, &fill(&sb::HaChassis::default()));
                    uuid
                }
            });
        }
        rows
    }
}
