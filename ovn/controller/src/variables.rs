//! Variables that logical flows name as `^name`: each chassis has its own values.

use incr::Touched;
use ovsdb::{Str, Uuid};
use schema::sb;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::network::Network;

/// The rows of all chassis, as far as they are asked for, and what they say of ours.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    chassis: Str,
    rows: BTreeMap<Uuid, Arc<sb::ChassisTemplateVar>>,
    values: BTreeMap<Str, Str>,
}

impl Variables {
    /// Our chassis has this name.
    pub(crate) fn set_chassis(&mut self, net: &mut Network, touched: &mut Touched, name: &Str) {
        self.chassis = name.clone();
        self.settle(net, touched);
    }

    /// A row is this, or is gone.
    pub(crate) fn set_row(
        &mut self,
        net: &mut Network,
        touched: &mut Touched,
        uuid: Uuid,
        row: Option<Arc<sb::ChassisTemplateVar>>,
    ) {
        match row {
            Some(row) => self.rows.insert(uuid, row),
            None => self.rows.remove(&uuid),
        };
        self.settle(net, touched);
    }

    /// Ours, by name.
    pub(crate) fn values(&self) -> &BTreeMap<Str, Str> {
        &self.values
    }

    fn settle(&mut self, net: &mut Network, touched: &mut Touched) {
        let ours = self.rows.values().filter(|row| row.chassis == self.chassis);
        let values: BTreeMap<Str, Str> =
            ours.flat_map(|row| &row.variables).map(|(name, value)| (name.clone(), value.clone())).collect();
        let old = std::mem::replace(&mut self.values, values);
        for name in old.keys().filter(|name| !self.values.contains_key(*name)) {
            net.variables.set(touched, name.clone(), None);
        }
        for (name, value) in self.values.iter().filter(|(name, value)| old.get(*name) != Some(value)) {
            net.variables.set(touched, name.clone(), Some(value.clone()));
        }
    }
}
