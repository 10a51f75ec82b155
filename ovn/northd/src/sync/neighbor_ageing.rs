//! The end of `MAC_Binding` rows that nobody uses: chassis write down when they saw a neighbour last, and what is older than
//! its router allows is deleted.
//!
//! Not more than a number that people choose (`mac_binding_removal_limit`) goes at once; the rest goes five seconds later.
//! Upstream: northd/aging.c.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ovsdb::Uuid;
use schema::sb;
use schema::tables::Delta;

use crate::model::ageing::Ages;
use crate::sync::datapath_binding::Datapaths;
use crate::sync::plan::Plan;

/// Times are milliseconds since 1970, as in the rows.
#[derive(Default)]
pub struct NeighborAgeing {
    /// By router.
    ages: BTreeMap<Uuid, Arc<Ages>>,
    rows: BTreeMap<Uuid, Row>,
    by_datapath: BTreeMap<Uuid, BTreeSet<Uuid>>,
    /// When each row ends that does.
    ends: BTreeSet<(i64, Uuid)>,
    /// When those may go that were too many at once.
    not_before_ms: i64,
    /// Rows whose end is to be found out.
    dirty: BTreeSet<Uuid>,
    /// Routers whose ages have changed.
    dirty_routers: BTreeSet<Uuid>,
}

struct Row {
    datapath: Uuid,
    ip: Option<IpAddr>,
    seen_ms: i64,
    ends_ms: Option<i64>,
}

impl NeighborAgeing {
    /// How long those wait that are too many at once.
    const PAUSE_MS: i64 = 5000;

    /// What a router has learned grows old, or no longer does.
    pub fn want(&mut self, router: Uuid, ages: &Arc<Ages>, present: bool) {
        if present {
            self.ages.insert(router, ages.clone());
        } else if self.ages.get(&router) == Some(ages) {
            self.ages.remove(&router);
        }
        self.dirty_routers.insert(router);
    }

    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::MacBinding>) {
        if let Some(old) = self.rows.remove(&delta.uuid) {
            self.ends.remove(&(old.ends_ms.unwrap_or_default(), delta.uuid));
            if let Some(rows) = self.by_datapath.get_mut(&old.datapath) {
                rows.remove(&delta.uuid);
                if rows.is_empty() {
                    self.by_datapath.remove(&old.datapath);
                }
            }
        }
        if let Some(row) = &delta.new {
            let row = Row {
                datapath: row.datapath,
                ip: row.ip.parse().ok(),
                seen_ms: row.timestamp,
                ends_ms: None,
            };
            self.by_datapath.entry(row.datapath).or_default().insert(delta.uuid);
            self.rows.insert(delta.uuid, row);
            self.dirty.insert(delta.uuid);
        }
    }

    /// When the next row ends, as far as is known: [`Self::settle`] finds that out.
    pub fn next_ms(&self) -> Option<i64> {
        self.ends.first().map(|(ends, _)| (*ends).max(self.not_before_ms))
    }

    /// Finds out when rows end of which something has changed.
    pub fn settle(&mut self, datapaths: &Datapaths) {
        for router in std::mem::take(&mut self.dirty_routers) {
            let datapath = datapaths.southbound(router);
            let rows = datapath.and_then(|datapath| self.by_datapath.get(&datapath));
            self.dirty.extend(rows.into_iter().flatten());
        }
        for uuid in std::mem::take(&mut self.dirty) {
            let Some(row) = self.rows.get_mut(&uuid) else { continue };
            let router = datapaths.northbound(row.datapath);
            let ages = router.and_then(|router| self.ages.get(&router));
            let age = ages.zip(row.ip).and_then(|(ages, ip)| ages.of(ip));
            let ends = age.map(|seconds| row.seen_ms.saturating_add(i64::from(seconds) * 1000));
            if let Some(old) = std::mem::replace(&mut row.ends_ms, ends) {
                self.ends.remove(&(old, uuid));
            }
            self.ends.extend(ends.map(|ends| (ends, uuid)));
        }
    }

    /// Deletes what is old: at most `limit` rows, if there is a limit.
    pub fn plan(&mut self, now_ms: i64, limit: Option<usize>, plan: &mut Plan) {
        if self.next_ms().is_none_or(|next| next > now_ms) {
            return;
        }
        let old = self.ends.range(..=(now_ms, Uuid::from_u128(u128::MAX))).map(|(_, uuid)| *uuid);
        let old: Vec<Uuid> = old.take(limit.unwrap_or(usize::MAX)).collect();
        tracing::debug!(count = old.len(), "neighbours that nobody used end");
        if Some(old.len()) == limit {
            self.not_before_ms = now_ms.saturating_add(Self::PAUSE_MS);
        }
        for uuid in old {
            plan.delete::<sb::MacBinding>(uuid);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::world::World;
    use std::time::Duration;

    const NETWORK: &str = "lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24";

    /// The addresses that are known after some seconds.
    fn known_after(world: &mut World, seconds: u64) -> String {
        world.wait(Duration::from_secs(seconds));
        let mut ips: Vec<String> =
            world.southbound().mac_binding.values().map(|row| row.ip.to_string()).collect();
        ips.sort();
        ips.join(" ")
    }

    #[test]
    fn neighbours_end_at_their_age_unless_they_are_seen() {
        let mut world = World::new();
        world.run(&format!("{NETWORK}; lr-set lr0 mac_binding_age_threshold=60"));
        world.neighbor("rp", "10.0.0.8");
        world.neighbor("rp", "10.0.0.9");
        assert_eq!(known_after(&mut world, 40), "10.0.0.8 10.0.0.9");
        world.neighbor("rp", "10.0.0.9");
        assert_eq!(known_after(&mut world, 40), "10.0.0.9");
        assert_eq!(known_after(&mut world, 15), "10.0.0.9");
        assert_eq!(known_after(&mut world, 10), "");
    }

    #[test]
    fn nothing_ends_without_an_age_and_what_is_too_old_already_ends_when_there_is_one() {
        let mut world = World::new();
        world.run(NETWORK);
        world.neighbor("rp", "10.0.0.8");
        assert_eq!(known_after(&mut world, 100_000), "10.0.0.8");
        world.run("lr-set lr0 \"mac_binding_age_threshold=10.0.0.8/32:0;60\"");
        assert_eq!(known_after(&mut world, 100), "10.0.0.8");
        world.run("lr-set lr0 mac_binding_age_threshold=60");
        assert_eq!(known_after(&mut world, 0), "");
    }

    #[test]
    fn not_more_end_at_once_than_is_said() {
        let mut world = World::new();
        world.run(&format!("{NETWORK}; lr-set lr0 mac_binding_age_threshold=60"));
        world.run("set NB_Global mac_binding_removal_limit=2");
        (2..7).for_each(|n| world.neighbor("rp", &format!("10.0.0.{n}")));
        let counts = [61, 3, 2, 5].map(|seconds| known_after(&mut world, seconds).split_whitespace().count());
        assert_eq!(counts, [3, 3, 1, 0]);
    }
}
