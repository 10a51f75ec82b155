//! What controllers write about ports of routers, `MAC_Binding` and `Learned_Route`: it goes when the port or the datapath goes.
//!
//! The database would refuse to delete a datapath or port that such a row still names.

use std::collections::{BTreeMap, BTreeSet};

use ovsdb::{Str, Uuid};
use schema::sb;
use schema::tables::Delta;

use crate::sync::plan::Plan;

/// The rows there are, by what they depend on.
#[derive(Default)]
pub struct Dependents {
    rows: BTreeMap<Uuid, Dependent>,
    by_datapath: BTreeMap<Uuid, BTreeSet<Uuid>>,
    by_port: BTreeMap<Port, BTreeSet<Uuid>>,
}

struct Dependent {
    table: sb::TableId,
    datapath: Uuid,
    port: Port,
}

/// How a row names its port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Port {
    Name(Str),
    Row(Uuid),
}

impl Dependents {
    /// A row came, changed or went.
    pub fn found_mac_binding(&mut self, delta: &Delta<sb::MacBinding>) {
        let table = sb::TableId::MacBinding;
        self.found(delta, |row| Dependent {
            table,
            datapath: row.datapath,
            port: Port::Name(row.logical_port.clone()),
        });
    }

    /// A row came, changed or went.
    pub fn found_learned_route(&mut self, delta: &Delta<sb::LearnedRoute>) {
        let table = sb::TableId::LearnedRoute;
        self.found(delta, |row| Dependent {
            table,
            datapath: row.datapath,
            port: Port::Row(row.logical_port),
        });
    }

    /// Deletes what depends on rows that the plan deletes: datapaths, and ports by name and row.
    pub fn plan(&self, datapaths: &BTreeSet<Uuid>, ports: &BTreeSet<(Str, Uuid)>, plan: &mut Plan) {
        let mut rows = BTreeSet::new();
        rows.extend(datapaths.iter().filter_map(|datapath| self.by_datapath.get(datapath)).flatten());
        for (name, uuid) in ports {
            for port in [Port::Name(name.clone()), Port::Row(*uuid)] {
                rows.extend(self.by_port.get(&port).into_iter().flatten());
            }
        }
        for uuid in rows {
            plan.delete_from(self.rows[&uuid].table.name(), uuid);
        }
    }

    fn found<T>(&mut self, delta: &Delta<T>, dependent: impl FnOnce(&T) -> Dependent) {
        if let Some(Dependent { datapath, port, .. }) = self.rows.remove(&delta.uuid) {
            leave(&mut self.by_datapath, &datapath, delta.uuid);
            leave(&mut self.by_port, &port, delta.uuid);
        }
        if let Some(row) = &delta.new {
            let row = dependent(row);
            self.by_datapath.entry(row.datapath).or_default().insert(delta.uuid);
            self.by_port.entry(row.port.clone()).or_default().insert(delta.uuid);
            self.rows.insert(delta.uuid, row);
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
