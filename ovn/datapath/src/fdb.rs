//! The addresses a bridge has learned: behind which port each is (IEEE 802.1D section 7.8).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use openflow::PortNo;
use packet::MacAddr;

use crate::handover::{Kept, Out, kept};

/// Learned addresses of one bridge, by VLAN.
#[derive(Debug)]
pub(crate) struct Fdb {
    entries: HashMap<(u16, MacAddr), Entry>,
    /// The same by last use, oldest first: all, and those behind each port.
    by_use: BTreeSet<(Instant, u16, MacAddr)>,
    by_port: BTreeMap<PortNo, BTreeSet<(Instant, u16, MacAddr)>>,
    /// Ports by the number of addresses behind them.
    by_size: BTreeSet<(usize, PortNo)>,
    /// How long an address is kept without a packet from it.
    pub age_max: Duration,
    /// How many addresses are kept. When one more comes, the oldest goes of the port that has most, so that who sends
    /// from ever new addresses forgets its own alone.
    pub entries_max: usize,
    pub stats: FdbStats,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    port: PortNo,
    used: Instant,
    /// The number of the packet that it was last seen in.
    turn: u64,
    /// An operator gave it: it does not age, move or make room.
    is_static: bool,
}

/// What happened to addresses so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FdbStats {
    pub learned: u64,
    pub expired: u64,
    pub evicted: u64,
    pub moved: u64,
}

/// One learned address as shown to the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FdbEntry {
    pub port: PortNo,
    pub vlan: u16,
    pub mac: MacAddr,
    pub age: Duration,
    pub is_static: bool,
}

/// One learned address as another process had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptAddress {
    port: PortNo,
    vlan: u16,
    mac: MacAddr,
    used: Instant,
    is_static: bool,
}

kept!(KeptAddress { port, vlan, mac, used, is_static });

impl Fdb {
    pub(crate) fn new(entries_max: usize, age_max: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            by_use: BTreeSet::new(),
            by_port: BTreeMap::new(),
            by_size: BTreeSet::new(),
            age_max,
            entries_max,
            stats: FdbStats::default(),
        }
    }

    /// Behind which port an address is.
    pub(crate) fn lookup(&self, vlan: u16, mac: MacAddr) -> Option<PortNo> {
        self.entries.get(&(vlan, mac)).map(|entry| entry.port)
    }

    /// Notes that an address sent from behind `port`, when, and in which packet of the switch. True if
    /// that is news, which changes how packets are forwarded.
    pub(crate) fn learn(&mut self, vlan: u16, mac: MacAddr, port: PortNo, seen: (Instant, u64)) -> bool {
        let old = self.entries.get(&(vlan, mac)).copied();
        // Counted late, something newer is known; or nothing newer can be.
        if old.is_some_and(|old| old.is_static || (old.used, old.turn) > seen) {
            return false;
        }
        let (now, turn) = seen;
        self.entries.insert((vlan, mac), Entry { port, used: now, turn, is_static: false });
        if let Some(old) = old {
            self.stats.moved += u64::from(old.port != port);
            self.unlist(old, vlan, mac);
        } else {
            self.stats.learned += 1;
            if self.entries.len() > self.entries_max {
                self.evict();
            }
        }
        self.by_use.insert((now, vlan, mac));
        self.change_port(port, |addresses| addresses.insert((now, vlan, mac)));
        old.is_none_or(|old| old.port != port)
    }

    /// Forgets the oldest address of the port that has most.
    fn evict(&mut self) {
        /// Of so many ports that have equally many, the one whose oldest is the oldest.
        const EQUALS_MAX: usize = 16;
        let Some((most, _)) = self.by_size.last().copied() else { return };
        let equals = self.by_size.iter().rev().take_while(|(size, _)| *size == most).take(EQUALS_MAX);
        let oldest = equals.filter_map(|(_, port)| self.by_port.get(port)?.first()).min().copied();
        if let Some((_, vlan, mac)) = oldest {
            self.stats.evicted += 1;
            self.remove(vlan, mac);
        }
    }

    fn remove(&mut self, vlan: u16, mac: MacAddr) {
        if let Some(entry) = self.entries.remove(&(vlan, mac)) {
            self.unlist(entry, vlan, mac);
        }
    }

    /// Puts an address behind a port for good. Such addresses are no more than the operator gave.
    pub(crate) fn add_static(&mut self, vlan: u16, mac: MacAddr, port: PortNo, now: Instant) {
        self.remove(vlan, mac);
        self.entries.insert((vlan, mac), Entry { port, used: now, turn: 0, is_static: true });
    }

    /// Forgets such an address; whether there was one.
    pub(crate) fn remove_static(&mut self, vlan: u16, mac: MacAddr) -> bool {
        let is_there = self.entries.get(&(vlan, mac)).is_some_and(|entry| entry.is_static);
        if is_there {
            self.remove(vlan, mac);
        }
        is_there
    }

    fn unlist(&mut self, entry: Entry, vlan: u16, mac: MacAddr) {
        // Those that do not age are in no list.
        if entry.is_static {
            return;
        }
        self.by_use.remove(&(entry.used, vlan, mac));
        self.change_port(entry.port, |addresses| addresses.remove(&(entry.used, vlan, mac)));
    }

    fn change_port(
        &mut self,
        port: PortNo,
        change: impl FnOnce(&mut BTreeSet<(Instant, u16, MacAddr)>) -> bool,
    ) {
        let addresses = self.by_port.entry(port).or_default();
        self.by_size.remove(&(addresses.len(), port));
        change(addresses);
        match addresses.len() {
            0 => drop(self.by_port.remove(&port)),
            size => drop(self.by_size.insert((size, port))),
        }
    }

    /// Forgets what is too old; whether there was any.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some((used, vlan, mac)) = self.by_use.first().copied() {
            if used + self.age_max > now {
                break;
            }
            self.remove(vlan, mac);
            self.stats.expired += 1;
            any = true;
        }
        any
    }

    /// When the oldest address is too old.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.by_use.first().map(|(used, ..)| *used + self.age_max)
    }

    /// Forgets the addresses behind a port.
    pub(crate) fn forget_port(&mut self, port: PortNo) {
        self.entries.retain(|_, entry| !(entry.is_static && entry.port == port));
        for (_, vlan, mac) in self.by_port.get(&port).cloned().unwrap_or_default() {
            self.remove(vlan, mac);
        }
    }

    /// Forgets what was learned.
    pub(crate) fn flush(&mut self) {
        let kept: Vec<_> =
            self.entries.iter().filter(|(_, entry)| entry.is_static).map(|(k, e)| (*k, *e)).collect();
        self.clear();
        self.entries.extend(kept);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.by_use.clear();
        self.by_port.clear();
        self.by_size.clear();
    }

    /// Writes all addresses for another process, the longest unused first.
    pub(crate) fn put(&self, out: &mut Out) {
        let learned = self.by_use.iter().filter_map(|(used, vlan, mac)| {
            let (vlan, mac, used) = (*vlan, *mac, *used);
            Some(KeptAddress { port: self.lookup(vlan, mac)?, vlan, mac, used, is_static: false })
        });
        let mut kept: Vec<KeptAddress> = learned.collect();
        for (&(vlan, mac), entry) in &self.entries {
            if entry.is_static {
                kept.push(KeptAddress { port: entry.port, vlan, mac, used: entry.used, is_static: true });
            }
        }
        kept.put(out);
    }

    /// Has these addresses and no others; of those that were learned as many as are kept.
    pub(crate) fn take(&mut self, addresses: Vec<KeptAddress>) {
        self.clear();
        for KeptAddress { port, vlan, mac, used, is_static } in addresses {
            match is_static {
                true => self.add_static(vlan, mac, port, used),
                false => drop(self.learn(vlan, mac, port, (used, 0))),
            }
        }
    }

    /// All addresses, the longest unused first, and behind them those that do not age.
    pub(crate) fn iter(&self, now: Instant) -> impl Iterator<Item = FdbEntry> + '_ {
        let learned = self.by_use.iter().filter_map(move |(used, vlan, mac)| {
            let (port, age) = (self.lookup(*vlan, *mac)?, now.saturating_duration_since(*used));
            Some(FdbEntry { port, vlan: *vlan, mac: *mac, age, is_static: false })
        });
        let mut statics: Vec<FdbEntry> = Vec::new();
        for ((vlan, mac), entry) in &self.entries {
            if entry.is_static {
                let (port, age) = (entry.port, Duration::ZERO);
                statics.push(FdbEntry { port, vlan: *vlan, mac: *mac, age, is_static: true });
            }
        }
        statics.sort_by_key(|entry| (entry.vlan, entry.mac));
        learned.chain(statics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_move_age_and_make_room() {
        let start = crate::testing::start();
        let at = |s| start + Duration::from_secs(s);
        let mac = |n: u8| MacAddr([2, 0, 0, 0, 0, n]);
        let mut fdb = Fdb::new(2, Duration::from_secs(300));
        assert!(fdb.learn(0, mac(1), PortNo(1), (at(0), 0)));
        assert!(!fdb.learn(0, mac(1), PortNo(1), (at(10), 0)), "known already");
        assert!(fdb.learn(0, mac(1), PortNo(2), (at(20), 0)), "moved");
        assert!(fdb.learn(5, mac(1), PortNo(3), (at(30), 0)), "another VLAN is another address");
        assert_eq!(fdb.lookup(0, mac(1)), Some(PortNo(2)));
        fdb.learn(0, mac(2), PortNo(4), (at(40), 0));
        assert_eq!(fdb.lookup(0, mac(1)), None, "the oldest made room");
        assert!(!fdb.expire(at(329)));
        assert!(fdb.expire(at(330)));
        assert_eq!(fdb.iter(at(330)).count(), 1);
        fdb.forget_port(PortNo(4));
        assert_eq!(fdb.next_deadline(), None);
    }

    #[test]
    fn addresses_that_were_given_stay() {
        let start = crate::testing::start();
        let mac = |n: u8| MacAddr([2, 0, 0, 0, 0, n]);
        let mut fdb = Fdb::new(2, Duration::from_secs(300));
        fdb.add_static(0, mac(1), PortNo(1), start);
        assert!(!fdb.learn(0, mac(1), PortNo(2), (start, 1)), "it does not move");
        fdb.learn(0, mac(2), PortNo(2), (start, 2));
        fdb.learn(0, mac(3), PortNo(2), (start, 3));
        assert!(fdb.expire(start + Duration::from_secs(301)));
        let left: Vec<FdbEntry> = fdb.iter(start).collect();
        assert!(matches!(left.as_slice(), [FdbEntry { is_static: true, .. }]), "{left:?}");
        assert_eq!(fdb.stats, FdbStats { learned: 2, expired: 1, evicted: 1, moved: 0 });
        fdb.flush();
        assert_eq!(fdb.lookup(0, mac(1)), Some(PortNo(1)));
        assert!(!fdb.remove_static(0, mac(2)) && fdb.remove_static(0, mac(1)));
        assert_eq!(fdb.lookup(0, mac(1)), None);
    }

    #[test]
    fn a_port_with_ever_new_addresses_forgets_its_own() {
        let start = crate::testing::start();
        let at = |ms: u32| start + Duration::from_millis(ms.into());
        let mut fdb = Fdb::new(100, Duration::from_secs(300));
        for n in 0..20 {
            fdb.learn(0, MacAddr([2, 0, 0, 0, 1, n]), PortNo(1 + u32::from(n % 2)), (at(0), 0));
        }
        for n in 1..10_000u32 {
            let [_, _, high, low] = n.to_be_bytes();
            fdb.learn(0, MacAddr([2, 0, 0, 1, high, low]), PortNo(3), (at(n), 0));
        }
        assert_eq!(fdb.iter(at(10_000)).count(), 100);
        assert!((0..20).all(|n| fdb.lookup(0, MacAddr([2, 0, 0, 0, 1, n])).is_some()));
    }
}
