//! Rows that this controller writes, one file a table.
//!
//! Each file has a function that compares the rows as they are with what they should be and adds what is missing to a
//! transaction. Whatever somebody else changes or deletes is so repaired. [`crate::writer`] sends the transactions.

pub(crate) mod bridge;
pub(crate) mod chassis;
pub(crate) mod chassis_private;
pub(crate) mod cleanup;
pub(crate) mod fdb;
pub(crate) mod interface;
pub(crate) mod mac_binding;
pub(crate) mod patch_port;
pub(crate) mod port_binding;
pub(crate) mod tunnel_port;

use ovsdb::{Str, Uuid, UuidGenerator};
use schema::{sb, vswitch};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::events::Now;
use crate::inputs::Inputs;
use crate::model::Config;
use crate::network::Local;

/// What transactions are made from.
pub(crate) struct Rows<'a> {
    pub(crate) config: &'a Config,
    pub(crate) sb: &'a sb::Tables,
    pub(crate) vswitch: &'a vswitch::Tables,
    pub(crate) inputs: &'a Inputs,
    /// Local ports whose flows the switch has.
    pub(crate) installed: &'a BTreeMap<Uuid, Local>,
    /// The last configuration whose flows the switch has, with the time when that was so.
    pub(crate) embodied: Option<Embodied>,
    pub(crate) now: Now,
}

/// A configuration that has come to the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Embodied {
    pub(crate) nb_cfg: i64,
    pub(crate) at_ms: i64,
}

impl Rows<'_> {
    /// Our row.
    pub(crate) fn chassis(&self) -> Option<&Arc<sb::Chassis>> {
        self.sb.chassis.values().find(|row| row.name == self.config.system_id)
    }

    /// The row about the switch.
    pub(crate) fn switch(&self) -> Option<&Arc<vswitch::OpenVSwitch>> {
        self.vswitch.open_vswitch.values().next()
    }

    /// The type of its datapath. `None` without the bridge.
    pub(crate) fn datapath_type(&self) -> Option<Str> {
        let wanted = self.config.bridge_datapath_type.as_ref();
        self.bridge().map(|bridge| crate::host::datapath_type(bridge, wanted))
    }

    /// The integration bridge.
    pub(crate) fn bridge(&self) -> Option<&Arc<vswitch::Bridge>> {
        crate::host::bridge(self.vswitch, &self.config.bridge)
    }
}

/// What a transaction is made with.
pub(crate) struct Draft<'a> {
    pub(crate) txn: ovsdb::Transaction,
    pub(crate) uuids: &'a mut UuidGenerator,
}

impl Draft<'_> {
    /// Makes `old` hold `new` under the keys of `new`, and nothing under other keys for which `ours` is true. Keys of
    /// others stay.
    pub(crate) fn merge_map(
        &mut self,
        (table, uuid, column): (&'static str, Uuid, &'static str),
        old: &BTreeMap<Str, Str>,
        new: &BTreeMap<Str, Str>,
        ours: impl Fn(&str) -> bool,
    ) {
        let stale: BTreeSet<Str> = old
            .iter()
            .filter(|(key, value)| match new.get(*key) {
                Some(wanted) => wanted != *value,
                None => ours(key),
            })
            .map(|(key, _)| key.clone())
            .collect();
        let missing: BTreeMap<Str, Str> = new
            .iter()
            .filter(|(key, value)| old.get(*key) != Some(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !stale.is_empty() {
            let keys = ovsdb::Datum::set(stale);
            self.txn.mutate(table, uuid, column, ovsdb::Mutator::Delete, keys);
        }
        if !missing.is_empty() {
            let pairs = ovsdb::Datum::map(missing);
            self.txn.mutate(table, uuid, column, ovsdb::Mutator::Insert, pairs);
        }
    }

    /// Adds rows to a set of references.
    pub(crate) fn refer(
        &mut self,
        (table, uuid, column): (&'static str, Uuid, &'static str),
        rows: impl IntoIterator<Item = Uuid>,
    ) {
        let rows = ovsdb::Datum::set(rows);
        self.txn.mutate(table, uuid, column, ovsdb::Mutator::Insert, rows);
    }

    /// Takes rows out of a set of references, which ends them if nobody else refers to them.
    pub(crate) fn unrefer(
        &mut self,
        (table, uuid, column): (&'static str, Uuid, &'static str),
        rows: impl IntoIterator<Item = Uuid>,
    ) {
        let rows = ovsdb::Datum::set(rows);
        self.txn.mutate(table, uuid, column, ovsdb::Mutator::Delete, rows);
    }
}
