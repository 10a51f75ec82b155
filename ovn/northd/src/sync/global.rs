//! `NB_Global` and `SB_Global`: settings, and the sequence numbers by which somebody learns that a change has arrived.
//!
//! `nb_cfg` goes from north to south in the transaction with everything that belongs to it. When that is done, `sb_cfg` goes
//! back; when all chassis say that they have it, `hv_cfg` does. Upstream: update_sequence_numbers, en_global_config_run.

use std::collections::BTreeMap;
use std::sync::Arc;

use ovsdb::{Str, Uuid};
use packet::MacAddr;
use schema::tables::Delta;
use schema::{nb, sb};

use crate::sync::content_uuid;
use crate::sync::plan::Plan;

/// The version that controllers compare with theirs if they are told to.
pub fn internal_version() -> String {
    let schema = sb::schema().version.to_string();
    format!("{}-{schema}", env!("CARGO_PKG_VERSION"))
}

/// The two rows, and what goes into them.
pub struct Globals {
    north: Option<Arc<nb::NbGlobal>>,
    south: Option<Arc<sb::SbGlobal>>,
    chassis_private: BTreeMap<Uuid, Arc<sb::ChassisPrivate>>,
    chassis_remote: BTreeMap<Uuid, bool>,
    /// What options get if they have no good value.
    mac_prefix: Str,
    monitor_macs: [Str; 2],
    /// The largest tunnel key of a datapath.
    key_max: u32,
    /// The last `nb_cfg` of which the southbound database has everything.
    done: Option<i64>,
    /// The last `nb_cfg` of which the northbound row says when it was seen.
    stamped: Option<i64>,
    is_south_dirty: bool,
    is_north_dirty: bool,
}

impl Globals {
    /// Nothing known yet; `seed` decides about the MAC addresses that are made up.
    pub fn new(seed: u64) -> Self {
        let mac = |n: u64| {
            let bits = content_uuid(&[b"mac", &seed.to_be_bytes(), &n.to_be_bytes()]).as_u128() as u64;
            // Locally administered, of one interface.
            MacAddr::from_u64(bits & 0xfcff_ffff_ffff | 0x0200_0000_0000)
        };
        Self {
            north: None,
            south: None,
            chassis_private: BTreeMap::new(),
            chassis_remote: BTreeMap::new(),
            mac_prefix: mac(0).to_string()[..8].into(),
            monitor_macs: [1, 2].map(|n| mac(n).to_string().into()),
            key_max: 0,
            done: None,
            stamped: None,
            is_south_dirty: true,
            is_north_dirty: true,
        }
    }

    /// The northbound row came, changed or went.
    pub fn found_north(&mut self, delta: &Delta<nb::NbGlobal>) {
        self.north = delta.new.clone();
        self.mark();
    }

    /// The southbound row came, changed or went.
    pub fn found_south(&mut self, delta: &Delta<sb::SbGlobal>) {
        self.south = delta.new.clone();
        self.mark();
    }

    /// A chassis said what it has, came or went.
    pub fn found_chassis_private(&mut self, delta: &Delta<sb::ChassisPrivate>) {
        match &delta.new {
            Some(row) => self.chassis_private.insert(delta.uuid, row.clone()),
            None => self.chassis_private.remove(&delta.uuid),
        };
        self.is_north_dirty = true;
    }

    /// A chassis came, changed or went.
    pub fn found_chassis(&mut self, delta: &Delta<sb::Chassis>) {
        match &delta.new {
            Some(row) => self.chassis_remote.insert(delta.uuid, crate::model::Chassis::parse(row).is_remote),
            None => self.chassis_remote.remove(&delta.uuid),
        };
        self.is_north_dirty = true;
    }

    /// The largest tunnel key of a datapath is another one.
    pub fn set_key_max(&mut self, key_max: u32) {
        if self.key_max != key_max {
            self.key_max = key_max;
            self.mark();
        }
    }

    /// Everything that belongs to `nb_cfg` is in the southbound database.
    pub fn set_done(&mut self, nb_cfg: i64) {
        self.is_north_dirty |= self.done != Some(nb_cfg);
        self.done = Some(nb_cfg);
    }

    /// The sequence number that somebody wants to see arrive.
    pub fn nb_cfg(&self) -> i64 {
        self.north.as_ref().map_or(0, |row| row.nb_cfg)
    }

    /// Whether the southbound row may differ.
    pub fn is_south_dirty(&self) -> bool {
        self.is_south_dirty
    }

    /// Whether the northbound row may differ.
    pub fn is_north_dirty(&self) -> bool {
        self.is_north_dirty
    }

    /// Compares both rows at the next plan.
    pub fn mark(&mut self) {
        (self.is_south_dirty, self.is_north_dirty) = (true, true);
    }

    /// Compares the southbound row.
    pub fn plan_south(&mut self, wall_ms: i64, plan: &mut Plan) {
        self.is_south_dirty = false;
        let Some(north) = &self.north else { return };
        let old = self.south.clone().unwrap_or_default();
        let mut new = sb::SbGlobal { options: north.options.clone(), ipsec: north.ipsec, ..(*old).clone() };
        new.options.extend(self.missing_options(north));
        // Set by people on this side.
        let interval = "sbctl_probe_interval";
        if let Some(value) = old.options.get(interval) {
            new.options.insert(interval.into(), value.clone());
        }
        if old.nb_cfg != north.nb_cfg {
            (new.nb_cfg, new.nb_cfg_timestamp) = (north.nb_cfg, wall_ms);
        }
        match &self.south {
            Some(row) => plan.update(row.uuid, &*old, &new),
            None => plan.insert(content_uuid(&[b"SB_Global"]), &new),
        }
    }

    /// Compares the northbound row.
    pub fn plan_north(&mut self, wall_ms: i64, plan: &mut Plan) {
        self.is_north_dirty = false;
        let Some(row) = self.north.clone() else {
            let options = self.missing_options(&nb::NbGlobal::default());
            plan.insert(content_uuid(&[b"NB_Global"]), &nb::NbGlobal { options, ..Default::default() });
            return;
        };
        plan.entries::<nb::NbGlobal>(row.uuid, "options", self.missing_options(&row));
        let mut new = (*row).clone();
        if self.stamped.is_some_and(|stamped| stamped != row.nb_cfg) {
            new.nb_cfg_timestamp = wall_ms;
        }
        self.stamped = Some(row.nb_cfg);
        if let Some(done) = self.done.filter(|done| *done != row.sb_cfg) {
            (new.sb_cfg, new.sb_cfg_timestamp) = (done, wall_ms);
        }
        let (hv_cfg, timestamp) = self.hv_cfg(row.nb_cfg);
        if hv_cfg != row.hv_cfg {
            (new.hv_cfg, new.hv_cfg_timestamp) = (hv_cfg, timestamp);
        }
        plan.update(row.uuid, &*row, &new);
    }

    /// What all chassis of this deployment have, and when the last of them had it.
    fn hv_cfg(&self, nb_cfg: i64) -> (i64, i64) {
        let ours = self.chassis_private.values().filter(|row| {
            // A chassis without its other row is about to go, or to come.
            row.chassis.is_none_or(|chassis| !self.chassis_remote.get(&chassis).copied().unwrap_or(false))
        });
        ours.fold((nb_cfg, 0), |(lowest, timestamp), row| match row.nb_cfg.cmp(&lowest) {
            std::cmp::Ordering::Less => (row.nb_cfg, row.nb_cfg_timestamp),
            std::cmp::Ordering::Equal => (lowest, timestamp.max(row.nb_cfg_timestamp)),
            std::cmp::Ordering::Greater => (lowest, timestamp),
        })
    }

    /// The options that northd gives a value.
    fn missing_options(&self, row: &nb::NbGlobal) -> BTreeMap<Str, Str> {
        let mut missing = BTreeMap::new();
        let mut put = |key: &str, value: &str| {
            if row.options.get(key).is_none_or(|old| **old != *value) {
                missing.insert(Str::from(key), Str::from(value));
            }
        };
        if row
            .options
            .get("mac_prefix")
            .is_none_or(|prefix| format!("{prefix}:00:00:00").parse::<MacAddr>().is_err())
        {
            put("mac_prefix", &self.mac_prefix);
        }
        for (key, mac) in ["svc_monitor_mac", "svc_monitor_mac_dst"].into_iter().zip(&self.monitor_macs) {
            if row.options.get(key).is_none_or(|mac| mac.parse::<MacAddr>().is_err()) {
                put(key, mac);
            }
        }
        put("max_tunid", &self.key_max.to_string());
        put("northd_internal_version", &internal_version());
        missing
    }
}
