//! Columns of `Logical_Switch_Port` that northd writes: `up`, from the port binding, and `tag`, as asked for.
//!
//! Upstream: handle_port_binding_changes, tag_allocate_create_new_tag.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ovsdb::{Str, Uuid};
use schema::tables::Delta;
use schema::{nb, sb};

use crate::model::Chassis;
use crate::sync::plan::Plan;
use crate::sync::port_binding::Ports;

/// The northbound ports, and those whose state may have changed.
#[derive(Default)]
pub struct PortStates {
    ports: BTreeMap<Uuid, Arc<nb::LogicalSwitchPort>>,
    by_name: BTreeMap<Str, Uuid>,
    remote_chassis: BTreeSet<Uuid>,
    dirty: BTreeSet<Str>,
}

impl PortStates {
    /// A northbound port came, changed or went.
    pub fn found_port(&mut self, delta: &Delta<nb::LogicalSwitchPort>) {
        if let Some(old) = self.ports.remove(&delta.uuid)
            && self.by_name.get(&old.name) == Some(&delta.uuid)
        {
            self.by_name.remove(&old.name);
        }
        if let Some(row) = &delta.new {
            self.by_name.insert(row.name.clone(), delta.uuid);
            self.ports.insert(delta.uuid, row.clone());
            self.dirty.insert(row.name.clone());
        }
    }

    /// A port binding came, changed or went.
    pub fn found_binding(&mut self, delta: &Delta<sb::PortBinding>) {
        if let Some(row) = &delta.new {
            self.dirty.insert(row.logical_port.clone());
        }
    }

    /// A chassis came, changed or went.
    pub fn found_chassis(&mut self, delta: &Delta<sb::Chassis>) {
        let is_remote = delta.new.as_ref().is_some_and(|row| Chassis::parse(row).is_remote);
        let was_remote = match is_remote {
            true => !self.remote_chassis.insert(delta.uuid),
            false => self.remote_chassis.remove(&delta.uuid),
        };
        if is_remote != was_remote {
            self.mark_all();
        }
    }

    /// Compares what may differ.
    pub fn plan(&mut self, bindings: &Ports, plan: &mut Plan) {
        for name in std::mem::take(&mut self.dirty) {
            let Some(row) = self.by_name.get(&name).and_then(|uuid| self.ports.get(uuid)) else { continue };
            let mut new = (**row).clone();
            if let Some(binding) = bindings.row(&name) {
                // A router is nowhere in particular, so there is nothing that could be down.
                new.up = Some(&*row.r#type == "router" || self.is_up(binding));
            }
            if let Some(tag) = row.tag_request.filter(|tag| *tag != 0) {
                new.tag = Some(tag);
            }
            plan.update(row.uuid, &**row, &new);
        }
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.dirty.extend(self.by_name.keys().cloned());
    }

    /// Whether something may differ.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// A port is up when its chassis says so; one on a chassis of another deployment, when it is there.
    fn is_up(&self, binding: &sb::PortBinding) -> bool {
        binding
            .chassis
            .is_some_and(|chassis| self.remote_chassis.contains(&chassis) || binding.up == Some(true))
    }
}
