//! `Port_Group`: a row for the ports of one datapath that are in a northbound group, known by its name.

use std::collections::BTreeSet;

use ovsdb::{Atom, Str};
use schema::sb;
use schema::tables::Delta;

use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};
use crate::sync::{Members, content_uuid};

/// The groups.
#[derive(Default)]
pub struct PortGroups {
    mirror: Mirror<Str, Members<Str>, sb::PortGroup>,
}

impl PortGroups {
    /// A port should be in a group, or should no longer be.
    pub fn want(&mut self, group: Str, port: Str, present: bool) {
        let members = self.mirror.want_mut(group.clone());
        members.set(port, present);
        if members.is_empty() {
            self.mirror.want(group, None);
        }
    }

    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::PortGroup>) {
        self.mirror.found(delta, |row| row.name.clone());
    }

    /// Compares what may differ.
    pub fn plan(&mut self, plan: &mut Plan) {
        for name in self.mirror.take_dirty() {
            let wanted = self.mirror.wanted(&name);
            for (uuid, _) in self.mirror.rows(&name).skip(usize::from(wanted.is_some())) {
                plan.delete::<sb::PortGroup>(uuid);
            }
            let Some(wanted) = wanted else { continue };
            let ports: BTreeSet<Str> = wanted.iter().cloned().collect();
            match self.mirror.row(&name) {
                Some((uuid, row)) => {
                    let added = ports.difference(&row.ports).map(|text| Atom::String(text.clone()));
                    let removed = row.ports.difference(&ports).map(|text| Atom::String(text.clone()));
                    plan.members::<sb::PortGroup>(uuid, "ports", added.collect(), removed.collect());
                }
                None => {
                    let uuid =
                        fresh_uuid(content_uuid(&[name.as_bytes()]), |uuid| self.mirror.is_taken(uuid));
                    plan.insert(uuid, &sb::PortGroup { name, ports, ..Default::default() });
                }
            }
        }
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
