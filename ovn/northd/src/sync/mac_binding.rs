//! `MAC_Binding`: what controllers have learned of routers' neighbours, which goes when its port or datapath goes.
//!
//! The database would refuse to delete a datapath that such a row still names.

use std::collections::{BTreeMap, BTreeSet};

use ovsdb::{Str, Uuid};
use schema::sb;
use schema::tables::Delta;

use crate::sync::plan::Plan;

/// The rows there are, by what they depend on.
#[derive(Default)]
pub struct MacBindings {
    rows: BTreeMap<Uuid, (Uuid, Str)>,
    by_datapath: BTreeMap<Uuid, BTreeSet<Uuid>>,
    by_port: BTreeMap<Str, BTreeSet<Uuid>>,
}

impl MacBindings {
    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::MacBinding>) {
        if let Some((datapath, port)) = self.rows.remove(&delta.uuid) {
            leave(&mut self.by_datapath, &datapath, delta.uuid);
            leave(&mut self.by_port, &port, delta.uuid);
        }
        if let Some(row) = &delta.new {
            self.by_datapath.entry(row.datapath).or_default().insert(delta.uuid);
            self.by_port.entry(row.logical_port.clone()).or_default().insert(delta.uuid);
            self.rows.insert(delta.uuid, (row.datapath, row.logical_port.clone()));
        }
    }

    /// Deletes what depends on datapaths and ports that the plan deletes.
    pub fn plan(&self, datapaths: &BTreeSet<Uuid>, ports: &BTreeSet<Str>, plan: &mut Plan) {
        let of_datapaths = datapaths.iter().filter_map(|datapath| self.by_datapath.get(datapath));
        let of_ports = ports.iter().filter_map(|port| self.by_port.get(port));
        let rows: BTreeSet<Uuid> = of_datapaths.chain(of_ports).flatten().copied().collect();
        for uuid in rows {
            plan.delete::<sb::MacBinding>(uuid);
        }
    }
}

fn leave<K: Ord>(index: &mut BTreeMap<K, BTreeSet<Uuid>>, key: &K, row: Uuid) {
    if let Some(rows) = index.get_mut(key) {
        rows.remove(&row);
        if rows.is_empty() {
            index.remove(key);
        }
    }
}
