//! How many connections there may be, in all and in a zone.

use std::collections::BTreeMap;

use super::{CONNECTIONS_MAX, Tracker};
use crate::handover::kept;

/// The limits. A zone at its limit takes no new connection; the switch at its limit makes room as
/// the module says.
#[derive(Debug)]
pub(crate) struct Limits {
    pub total: u32,
    /// Of zones without a limit of their own; 0: none.
    pub default: u32,
    /// 0: none.
    pub zones: BTreeMap<u16, u32>,
}

kept!(Limits { total, default, zones });

impl Default for Limits {
    fn default() -> Self {
        Self { total: CONNECTIONS_MAX, default: 0, zones: BTreeMap::new() }
    }
}

impl Tracker {
    /// Whether a zone may have another connection; if need be, one that nobody answered goes.
    pub(super) fn has_room(&mut self, zone: u16) -> bool {
        let limit = self.limits.zones.get(&zone).copied().unwrap_or(self.limits.default);
        if limit != 0 && self.table.len_of(zone) >= limit {
            return false;
        }
        self.table.len() < self.limits.total as usize || self.table.evict()
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many connections a zone has.
    pub(crate) fn len_of(&self, zone: u16) -> u32 {
        self.table.len_of(zone)
    }
}
