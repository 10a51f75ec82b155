//! `DNS`: a row a northbound row, known by it, with the datapaths of the switches that have its names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ovsdb::{Str, Uuid};
use schema::sb;
use schema::tables::Delta;

use crate::output::DnsRow;
use crate::sync::Members;
use crate::sync::datapath_binding::Datapaths;
use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};

/// Where a row says which northbound row it is from; controllers of 23.03 know rows by it.
const DNS_ID: &str = "dns_id";

/// The names.
#[derive(Default)]
pub struct Names {
    /// Each switch says what the row is to be; after a step they agree.
    mirror: Mirror<Uuid, Members<(Arc<DnsRow>, Uuid)>, sb::Dns>,
}

impl Names {
    /// A switch should have the names of a row, or should no longer have them.
    pub fn want(&mut self, row: Arc<DnsRow>, datapath: Uuid, present: bool) {
        let key = row.uuid;
        let members = self.mirror.want_mut(key);
        members.set((row, datapath), present);
        if members.is_empty() {
            self.mirror.want(key, None);
        }
    }

    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::Dns>) {
        self.mirror.found(delta, |row| {
            let id = row.external_ids.get(DNS_ID);
            id.and_then(|id| id.parse().ok()).unwrap_or(row.uuid)
        });
    }

    /// Compares what may differ.
    pub fn plan(&mut self, datapaths: &Datapaths, plan: &mut Plan) {
        for key in self.mirror.take_dirty() {
            let wanted = self.mirror.wanted(&key).and_then(|wanted| {
                let (content, _) = wanted.iter().next()?;
                let switches = wanted.iter().filter_map(|(_, switch)| datapaths.southbound(*switch));
                Some((content.clone(), switches.collect::<BTreeSet<Uuid>>()))
            });
            // The database wants at least one datapath.
            let wanted = wanted.filter(|(_, switches)| !switches.is_empty());
            for (uuid, _) in self.mirror.rows(&key).skip(usize::from(wanted.is_some())) {
                plan.delete::<sb::Dns>(uuid);
            }
            let Some((content, switches)) = wanted else { continue };
            let fill = |row: &sb::Dns| sb::Dns {
                records: content.records.clone(),
                datapaths: switches.clone(),
                options: BTreeMap::from([("ovn-owned".into(), Str::from(content.is_owned.to_string()))]),
                external_ids: BTreeMap::from([(DNS_ID.into(), Str::from(key.to_string()))]),
                ..row.clone()
            };
            match self.mirror.row(&key) {
                Some((uuid, row)) => plan.update(uuid, &**row, &fill(row)),
                None => {
                    let uuid = fresh_uuid(key, |uuid| self.mirror.is_taken(uuid));
                    plan.insert(uuid, &fill(&sb::Dns::default()));
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
