//! Conntrack zones: each local port has one of its own, by name.
//!
//! Zones outlive this program: they are kept in the bridge's `external_ids` (`ct-zone-NAME`), read back at the start
//! ([`Zones::restore`]), and compared with what the bridge should have ([`Zones::wanted`]). A zone that is given to
//! a name anew may hold connections of somebody else, so it is to be emptied first.

use ovsdb::Str;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the keys in the bridge's `external_ids` begin with.
pub const KEY_PREFIX: &str = "ct-zone-";

/// See the module's documentation.
#[derive(Debug)]
pub struct Zones {
    range: (u16, u16),
    by_name: BTreeMap<Str, u16>,
    /// The same as the bridge should have it.
    wanted: BTreeMap<Str, Str>,
    taken: BTreeSet<u16>,
    to_flush: VecDeque<u16>,
    /// What was wanted last, so that nothing is done while nothing changes.
    settled: BTreeSet<Str>,
}

impl Default for Zones {
    fn default() -> Self {
        Self {
            range: (1, u16::MAX),
            by_name: BTreeMap::new(),
            wanted: BTreeMap::new(),
            taken: BTreeSet::new(),
            to_flush: VecDeque::new(),
            settled: BTreeSet::new(),
        }
    }
}

impl Zones {
    /// Zones are given from this range on; those that were given stay.
    pub fn set_range(&mut self, range: (u16, u16)) {
        self.range = range;
    }

    /// Takes what the bridge remembers from before. Of two names with one zone the first has it.
    pub fn restore(&mut self, external_ids: &BTreeMap<Str, Str>) {
        for (key, value) in external_ids {
            let (Some(name), Ok(zone)) = (key.strip_prefix(KEY_PREFIX), value.parse::<u16>()) else {
                continue;
            };
            if zone != 0 && !self.by_name.contains_key(name) && self.taken.insert(zone) {
                self.by_name.insert(name.into(), zone);
            }
        }
        self.settle_wanted();
    }

    /// Gives each of `names` a zone, the one in `requested` if it is there, and, if `may_release`, takes those of others
    /// back. Says what changed. Who has a zone that another one requests gets a new one.
    ///
    /// When all zones are taken, further names have none.
    pub fn settle(
        &mut self,
        names: &BTreeSet<Str>,
        requested: &BTreeMap<Str, u16>,
        may_release: bool,
    ) -> Vec<(Str, Option<u16>)> {
        let stale = may_release && self.by_name.len() > names.len();
        let heeded = requested.iter().all(|(name, zone)| self.by_name.get(name) == Some(zone));
        if *names == self.settled && !stale && heeded {
            return Vec::new();
        }
        self.heed(requested);
        let mut changes = Vec::new();
        if may_release {
            let gone: Vec<Str> = self.by_name.keys().filter(|name| !names.contains(*name)).cloned().collect();
            for name in gone {
                if let Some(zone) = self.by_name.remove(&name) {
                    self.taken.remove(&zone);
                }
                changes.push((name, None));
            }
        }
        for name in names {
            if !self.by_name.contains_key(name)
                && let Some(zone) = self.free()
            {
                self.taken.insert(zone);
                self.by_name.insert(name.clone(), zone);
                self.to_flush.push_back(zone);
            }
            // Said even if it is the old one: it may be one that was restored.
            changes.push((name.clone(), self.by_name.get(name).copied()));
        }
        self.settled = names.clone();
        self.settle_wanted();
        changes
    }

    fn settle_wanted(&mut self) {
        let entry = |(name, zone): (&Str, &u16)| {
            (Str::from(format!("{KEY_PREFIX}{name}")), Str::from(zone.to_string()))
        };
        self.wanted = self.by_name.iter().map(entry).collect();
    }

    /// Gives names the zones that they request.
    fn heed(&mut self, requested: &BTreeMap<Str, u16>) {
        for (name, &zone) in requested {
            if zone == 0 || self.by_name.get(name) == Some(&zone) {
                continue;
            }
            if !self.taken.insert(zone) {
                self.by_name.retain(|_, other| *other != zone);
            }
            if let Some(old) = self.by_name.insert(name.clone(), zone) {
                self.taken.remove(&old);
            }
            self.to_flush.push_back(zone);
        }
    }

    fn free(&self) -> Option<u16> {
        let (low, high) = self.range;
        let mut next = low;
        for &taken in self.taken.range(low..=high) {
            if taken > next {
                break;
            }
            next = taken.checked_add(1)?;
        }
        (next <= high).then_some(next)
    }

    /// A zone that must be emptied before it is used. At most one for each name that has come.
    pub fn next_flush(&mut self) -> Option<u16> {
        self.to_flush.pop_front()
    }

    /// The zones by name.
    pub fn by_name(&self) -> &BTreeMap<Str, u16> {
        &self.by_name
    }

    /// What the bridge's `external_ids` should say about zones.
    pub fn wanted(&self) -> &BTreeMap<Str, Str> {
        &self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<Str> {
        names.iter().map(|name| Str::from(*name)).collect()
    }

    #[test]
    fn names_keep_their_zones_and_new_ones_get_the_lowest_free() {
        let mut zones = Zones::default();
        let remembered = BTreeMap::from([
            (Str::from("ct-zone-p2"), Str::from("1")),
            (Str::from("ct-zone-p9"), Str::from("3")),
            (Str::from("ct-zone-bad"), Str::from("x")),
            (Str::from("other"), Str::from("5")),
        ]);
        zones.restore(&remembered);
        // While rows are missing nothing is given back.
        zones.settle(&names(&["p1", "p2"]), &BTreeMap::new(), false);
        let text = |zones: &Zones| format!("{:?}", zones.by_name());
        assert_eq!(text(&zones), r#"{"p1": 2, "p2": 1, "p9": 3}"#);
        let changes = zones.settle(&names(&["p1", "p2"]), &BTreeMap::new(), true);
        assert!(changes.contains(&("p9".into(), None)));
        zones.settle(&names(&["p1", "p2", "p3", "p4"]), &BTreeMap::new(), true);
        assert_eq!(text(&zones), r#"{"p1": 2, "p2": 1, "p3": 3, "p4": 4}"#);
        assert_eq!(std::iter::from_fn(|| zones.next_flush()).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(zones.settle(&names(&["p1", "p2", "p3", "p4"]), &BTreeMap::new(), true).is_empty());
    }

    #[test]
    fn when_the_range_is_used_up_the_rest_has_none() {
        let mut zones = Zones::default();
        zones.set_range((65534, 65535));
        zones.settle(&names(&["a", "b", "c"]), &BTreeMap::new(), true);
        assert_eq!(format!("{:?}", zones.by_name()), r#"{"a": 65534, "b": 65535}"#);
    }

    #[test]
    fn a_zone_that_is_requested_is_given_whoever_had_it() {
        let mut zones = Zones::default();
        zones.settle(&names(&["a", "b"]), &BTreeMap::new(), true);
        let requested = BTreeMap::from([(Str::from("r"), 1)]);
        zones.settle(&names(&["a", "b", "r"]), &requested, true);
        assert_eq!(format!("{:?}", zones.by_name()), r#"{"a": 3, "b": 2, "r": 1}"#);
        assert_eq!(std::iter::from_fn(|| zones.next_flush()).collect::<Vec<_>>(), [1, 2, 1, 3]);
        assert!(zones.settle(&names(&["a", "b", "r"]), &requested, true).is_empty());
    }
}
