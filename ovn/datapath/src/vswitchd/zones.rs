//! What the database says of conntrack zones: timeouts and limits.

use std::collections::BTreeMap;

use schema::vswitch::Tables;

use super::Vswitchd;
use crate::conntrack::TimeoutPolicy;

/// Settings of zones.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Zones {
    timeouts: BTreeMap<u16, TimeoutPolicy>,
    limits: BTreeMap<u16, u32>,
    limit_default: Option<u32>,
}

/// Reads the rows of all datapaths: both types are this switch. A timeout that this switch does not
/// know is the kernel's only, and passed over.
pub(super) fn read(tables: &Tables) -> Zones {
    let mut zones = Zones::default();
    let datapaths = tables.open_vswitch.values().flat_map(|row| row.datapaths.values());
    for datapath in datapaths.filter_map(|uuid| tables.datapath.get(uuid)) {
        let number = |limit: Option<i64>| limit.and_then(|limit| u32::try_from(limit).ok());
        zones.limit_default = number(datapath.ct_zone_default_limit).or(zones.limit_default);
        for (zone, row) in &datapath.ct_zones {
            let (Ok(zone), Some(row)) = (u16::try_from(*zone), tables.ct_zone.get(row)) else { continue };
            zones.limits.extend(number(row.limit).map(|limit| (zone, limit)));
            let Some(timeouts) = row.timeout_policy.and_then(|uuid| tables.ct_timeout_policy.get(&uuid))
            else {
                continue;
            };
            let policy = zones.timeouts.entry(zone).or_default();
            for (name, seconds) in &timeouts.timeouts {
                policy.set(name, u32::try_from(*seconds).unwrap_or(u32::MAX));
            }
        }
    }
    zones
}

impl Vswitchd {
    /// Puts new settings into effect. Limits that an operator set by command stay.
    pub(super) fn apply_zones(&mut self, old: &Zones) {
        let Zones { timeouts, limits, limit_default } = &self.config.zones;
        let tracker = &mut self.switch.tracker;
        tracker.policies.clone_from(timeouts);
        tracker.limits.zones.retain(|zone, _| !old.limits.contains_key(zone));
        tracker.limits.zones.extend(limits);
        if *limit_default != old.limit_default {
            tracker.limits.default = limit_default.unwrap_or(0);
        }
    }
}
