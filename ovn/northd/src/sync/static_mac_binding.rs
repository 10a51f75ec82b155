//! `Static_MAC_Binding`: a row a northbound row, known by port and address.

use std::sync::Arc;

use ovsdb::Str;
use schema::sb;
use schema::tables::Delta;

use crate::output::StaticMacRow;
use crate::sync::datapath_binding::Datapaths;
use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};

/// Name of the port and address.
type Key = (Str, Str);

/// The MAC addresses that are given.
#[derive(Default)]
pub struct StaticMacs {
    mirror: Mirror<Key, Arc<StaticMacRow>, sb::StaticMacBinding>,
}

impl StaticMacs {
    /// A row should be, or should no longer be.
    pub fn want(&mut self, row: &Arc<StaticMacRow>, present: bool) {
        let key = (row.port.clone(), row.ip.clone());
        if present {
            self.mirror.want(key, Some(row.clone()));
        } else if self.mirror.wanted(&key) == Some(row) {
            self.mirror.want(key, None);
        }
    }

    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::StaticMacBinding>) {
        self.mirror.found(delta, |row| (row.logical_port.clone(), row.ip.clone()));
    }

    /// Compares what may differ.
    pub fn plan(&mut self, datapaths: &Datapaths, plan: &mut Plan) {
        for key in self.mirror.take_dirty() {
            let wanted = self.mirror.wanted(&key).cloned();
            let wanted = wanted.and_then(|wanted| Some((datapaths.southbound(wanted.datapath)?, wanted)));
            for (uuid, _) in self.mirror.rows(&key).skip(usize::from(wanted.is_some())) {
                plan.delete::<sb::StaticMacBinding>(uuid);
            }
            let Some((datapath, wanted)) = wanted else { continue };
            let fill = |row: &sb::StaticMacBinding| sb::StaticMacBinding {
                logical_port: wanted.port.clone(),
                ip: wanted.ip.clone(),
                mac: wanted.mac.clone(),
                override_dynamic_mac: wanted.overrides,
                datapath,
                ..row.clone()
            };
            match self.mirror.row(&key) {
                Some((uuid, row)) => plan.update(uuid, &**row, &fill(row)),
                None => {
                    let uuid = fresh_uuid(wanted.uuid, |uuid| self.mirror.is_taken(uuid));
                    plan.insert(uuid, &fill(&sb::StaticMacBinding::default()));
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
