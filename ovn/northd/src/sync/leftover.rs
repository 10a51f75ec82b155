//! Rows of tables that only northds write and to which no feature here writes yet.
//!
//! Another northd may have left some. They would be acted upon, and the database would refuse to delete a datapath
//! or port that they name. A feature that comes to write such a table takes it from the list.

use std::collections::{BTreeMap, BTreeSet};

use ovsdb::Uuid;
use schema::sb;
use schema::tables::Delta;

use crate::sync::plan::Plan;

/// The tables that should be empty.
pub const TABLES: &[sb::TableId] = &[
    sb::TableId::AdvertisedMacBinding,
    sb::TableId::AdvertisedRoute,
    sb::TableId::EcmpNexthop,
    sb::TableId::LoadBalancer,
];

/// The rows of those tables.
#[derive(Default)]
pub struct Leftovers {
    rows: BTreeMap<sb::TableId, BTreeSet<Uuid>>,
    is_dirty: bool,
}

impl Leftovers {
    /// A row of any table came, changed or went.
    pub fn found(&mut self, change: &sb::Change) {
        match change {
            sb::Change::AdvertisedMacBinding(delta) => self.row(change, delta),
            sb::Change::AdvertisedRoute(delta) => self.row(change, delta),
            sb::Change::EcmpNexthop(delta) => self.row(change, delta),
            sb::Change::LoadBalancer(delta) => self.row(change, delta),
            // The tables with a file of their own.
            _ => {}
        }
    }

    /// Deletes all of them.
    pub fn plan(&mut self, plan: &mut Plan) {
        self.is_dirty = false;
        for (table, rows) in &self.rows {
            for uuid in rows {
                plan.delete_from(table.name(), *uuid);
            }
        }
    }

    /// Whether there are any that no plan has seen.
    pub fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.is_dirty = !self.rows.is_empty();
    }

    fn row<T>(&mut self, change: &sb::Change, delta: &Delta<T>) {
        let rows = self.rows.entry(change.table()).or_default();
        if delta.new.is_some() {
            self.is_dirty |= rows.insert(delta.uuid);
        } else {
            rows.remove(&delta.uuid);
            if rows.is_empty() {
                self.rows.remove(&change.table());
            }
        }
    }
}
