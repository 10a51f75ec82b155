//! `Multicast_Group`: a row a group of ports of a datapath, as long as it has ports.

use std::collections::BTreeSet;

use ovsdb::{Atom, Str, Uuid};
use schema::sb;
use schema::tables::Delta;

use crate::output::Group;
use crate::sync::Members;
use crate::sync::content_uuid;
use crate::sync::datapath_binding::Datapaths;
use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};
use crate::sync::port_binding::Ports;

/// Northbound UUID of the datapath (none if it has none) and name.
type Key = (Option<Uuid>, Str);

/// The groups.
#[derive(Default)]
pub struct Groups {
    mirror: Mirror<Key, Members<Str>, sb::MulticastGroup>,
}

impl Groups {
    /// A port should be in a group, or should no longer be.
    pub fn want(&mut self, datapath: Uuid, group: Group, port: Str, present: bool) {
        let key = (Some(datapath), Str::from(group.name()));
        let members = self.mirror.want_mut(key.clone());
        members.set(port, present);
        if members.is_empty() {
            self.mirror.want(key, None);
        }
    }

    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::MulticastGroup>, datapaths: &Datapaths) {
        self.mirror.found(delta, |row| (datapaths.northbound(row.datapath), row.name.clone()));
    }

    /// Ports have got new rows: whatever groups they are in must name those.
    pub fn mark_ports(&mut self, ports: &BTreeSet<(Uuid, Str)>) {
        for datapath in ports.iter().map(|(datapath, _)| *datapath).collect::<BTreeSet<Uuid>>() {
            for group in Group::ALL {
                self.mirror.mark((Some(datapath), group.name().into()));
            }
        }
    }

    /// Compares what may differ.
    pub fn plan(&mut self, datapaths: &Datapaths, ports: &Ports, plan: &mut Plan) {
        for key in self.mirror.take_dirty() {
            let wanted = self.mirror.wanted(&key).and_then(|members| {
                let datapath = datapaths.southbound(key.0?)?;
                let group = Group::ALL.into_iter().find(|group| group.name() == &*key.1)?;
                let ports: BTreeSet<Uuid> =
                    members.iter().filter_map(|name| ports.southbound(name)).collect();
                Some(sb::MulticastGroup {
                    datapath,
                    name: key.1.clone(),
                    tunnel_key: group.key().into(),
                    ports,
                    ..Default::default()
                })
            });
            for (uuid, _) in self.mirror.rows(&key).skip(usize::from(wanted.is_some())) {
                plan.delete::<sb::MulticastGroup>(uuid);
            }
            let Some(mut wanted) = wanted else { continue };
            match self.mirror.row(&key) {
                Some((uuid, row)) => {
                    wanted.uuid = uuid;
                    let added = wanted.ports.difference(&row.ports).map(|port| Atom::Uuid(*port)).collect();
                    let removed = row.ports.difference(&wanted.ports).map(|port| Atom::Uuid(*port)).collect();
                    plan.members::<sb::MulticastGroup>(uuid, "ports", added, removed);
                    wanted.ports.clone_from(&row.ports);
                    plan.update(uuid, &**row, &wanted);
                }
                None => {
                    let preferred = content_uuid(&[wanted.datapath.as_bytes(), wanted.name.as_bytes()]);
                    plan.insert(fresh_uuid(preferred, |uuid| self.mirror.is_taken(uuid)), &wanted);
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
