//! `FDB`: the MAC addresses that controllers have learned, which go when their port goes.

use std::collections::{BTreeMap, BTreeSet};

use ovsdb::Uuid;
use schema::sb;
use schema::tables::Delta;

use crate::sync::plan::Plan;

/// Tunnel key of a datapath, tunnel key of a port.
type Place = (i64, i64);

/// The learned addresses, and the ports that there are.
#[derive(Default)]
pub struct Fdb {
    rows: BTreeMap<Place, BTreeSet<Uuid>>,
    places: BTreeMap<Uuid, Place>,
    datapath_keys: BTreeMap<Uuid, i64>,
    /// Datapath row and key of each port row.
    ports: BTreeMap<Uuid, (Uuid, i64)>,
    taken: BTreeMap<(Uuid, i64), u32>,
    datapaths_by_key: BTreeMap<i64, Uuid>,
    dirty: BTreeSet<Place>,
}

impl Fdb {
    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::Fdb>) {
        if let Some(place) = self.places.remove(&delta.uuid)
            && let Some(rows) = self.rows.get_mut(&place)
        {
            rows.remove(&delta.uuid);
            if rows.is_empty() {
                self.rows.remove(&place);
            }
        }
        if let Some(row) = &delta.new {
            let place = (row.dp_key, row.port_key);
            self.rows.entry(place).or_default().insert(delta.uuid);
            self.places.insert(delta.uuid, place);
            self.dirty.insert(place);
        }
    }

    /// A datapath came, changed or went.
    pub fn datapath_changed(&mut self, delta: &Delta<sb::DatapathBinding>) {
        let old = self.datapath_keys.remove(&delta.uuid);
        if let Some(key) = old.filter(|key| self.datapaths_by_key.get(key) == Some(&delta.uuid)) {
            self.datapaths_by_key.remove(&key);
        }
        let new = delta.new.as_ref().map(|row| row.tunnel_key);
        if let Some(key) = new {
            self.datapath_keys.insert(delta.uuid, key);
            self.datapaths_by_key.insert(key, delta.uuid);
        }
        for key in BTreeSet::from([old, new]).into_iter().flatten() {
            self.dirty.extend(self.rows.range((key, i64::MIN)..=(key, i64::MAX)).map(|(place, _)| *place));
        }
    }

    /// A port came, changed or went.
    pub fn port_changed(&mut self, delta: &Delta<sb::PortBinding>) {
        let old = self.ports.remove(&delta.uuid);
        if let Some(port) = old
            && let Some(count) = self.taken.get_mut(&port)
        {
            *count -= 1;
            if *count == 0 {
                self.taken.remove(&port);
            }
        }
        if let Some(row) = &delta.new {
            let port = (row.datapath, row.tunnel_key);
            self.ports.insert(delta.uuid, port);
            *self.taken.entry(port).or_default() += 1;
        }
        if let Some((datapath, key)) = old
            && let Some(datapath) = self.datapath_keys.get(&datapath)
        {
            self.dirty.insert((*datapath, key));
        }
    }

    /// Deletes what was learned at ports that are not there.
    pub fn plan(&mut self, plan: &mut Plan) {
        for (datapath, port) in std::mem::take(&mut self.dirty) {
            let row = self.datapaths_by_key.get(&datapath);
            if row.is_some_and(|row| self.taken.contains_key(&(*row, port))) {
                continue;
            }
            for uuid in self.rows.get(&(datapath, port)).into_iter().flatten() {
                plan.delete::<sb::Fdb>(*uuid);
            }
        }
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.dirty.extend(self.rows.keys());
    }

    /// Whether something may differ.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }
}
