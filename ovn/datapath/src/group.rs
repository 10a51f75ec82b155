//! Groups: lists of actions that flows share and choose from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use openflow::{Bucket, GroupId, GroupKind, PortNo, SelectionMethod};
use packet::key::mix;

use crate::flow::Steps;
use crate::limits::LIVENESS_DEPTH_MAX;

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub kind: GroupKind,
    pub buckets: Vec<Bucket>,
    /// The actions of each bucket, made ready.
    pub steps: Vec<Steps>,
    pub selection: Option<SelectionMethod>,
    pub created: Instant,
    pub counters: Arc<GroupCounters>,
}

/// What a group counted. Atomic only so that a switch can move between threads.
#[derive(Debug)]
pub(crate) struct GroupCounters {
    all: Tally,
    buckets: Box<[Tally]>,
}

/// Packets and octets.
#[derive(Debug, Default)]
struct Tally {
    packets: AtomicU64,
    octets: AtomicU64,
}

impl Tally {
    fn add(&self, packets: u64, octets: u64) {
        self.packets.fetch_add(packets, Ordering::Relaxed);
        self.octets.fetch_add(octets, Ordering::Relaxed);
    }

    fn of((packets, octets): (u64, u64)) -> Self {
        Self { packets: packets.into(), octets: octets.into() }
    }

    fn get(&self) -> (u64, u64) {
        (self.packets.load(Ordering::Relaxed), self.octets.load(Ordering::Relaxed))
    }
}

impl GroupCounters {
    /// Nothing counted, for so many buckets.
    pub(crate) fn new(n_buckets: usize) -> Arc<Self> {
        Arc::new(Self { all: Tally::default(), buckets: (0..n_buckets).map(|_| Tally::default()).collect() })
    }

    /// Packets went through one bucket, or (`None`) through each.
    pub(crate) fn add(&self, bucket: Option<u32>, packets: u64, octets: u64) {
        self.all.add(packets, octets);
        let through = |at: &u32| bucket.is_none_or(|bucket| bucket == *at);
        for (_, tally) in (0..).zip(&self.buckets).filter(|(at, _)| through(at)) {
            tally.add(packets, octets);
        }
    }

    /// Packets and octets of the group.
    pub(crate) fn all(&self) -> (u64, u64) {
        self.all.get()
    }

    /// Both, as [`GroupCounters::of`] takes it.
    pub(crate) fn counted(&self) -> ((u64, u64), Vec<(u64, u64)>) {
        (self.all(), self.buckets())
    }

    /// What was counted by another process.
    pub(crate) fn of((all, buckets): ((u64, u64), Vec<(u64, u64)>)) -> Arc<Self> {
        Arc::new(Self { all: Tally::of(all), buckets: buckets.into_iter().map(Tally::of).collect() })
    }

    /// The same of each bucket.
    pub(crate) fn buckets(&self) -> Vec<(u64, u64)> {
        self.buckets.iter().map(Tally::get).collect()
    }
}

impl Group {
    /// The bucket for a packet with this hash, of those that `alive` says can be used. Each bucket
    /// draws a number from the hash and its id, the greater its weight the greater by chance, and the
    /// greatest wins: when a bucket goes, only its own packets move.
    pub(crate) fn select(&self, hash: u64, alive: impl Fn(&Bucket) -> bool) -> Option<usize> {
        let usable = self.buckets.iter().enumerate().filter(|(_, bucket)| bucket.weight > 0 && alive(bucket));
        let draw = |bucket: &Bucket| {
            // Twice, so that ids next to each other give draws that have nothing in common.
            let random = mix(mix(hash, u64::from(bucket.id.0)), 1) >> 12;
            // In (0, 1]; the weighted draw of rendezvous hashing is -weight / ln(draw).
            let unit = (random as f64 + 1.0) / (1u64 << 52) as f64;
            -f64::from(bucket.weight) / unit.ln().min(-f64::MIN_POSITIVE)
        };
        usable.max_by(|(_, a), (_, b)| draw(a).total_cmp(&draw(b))).map(|(i, _)| i)
    }
}

/// Whether a bucket may be used: the port or the group that it watches is alive, or it watches none.
pub(crate) fn is_alive(
    groups: &BTreeMap<GroupId, Group>,
    bucket: &Bucket,
    port_is_up: &dyn Fn(PortNo) -> bool,
) -> bool {
    lives(groups, bucket, port_is_up, 0)
}

/// A group is alive while one of its buckets is. One that is watched through too many others, or by
/// itself, is not.
fn lives(
    groups: &BTreeMap<GroupId, Group>,
    bucket: &Bucket,
    port_is_up: &dyn Fn(PortNo) -> bool,
    depth: u8,
) -> bool {
    let (port, group) = (bucket.watch_port, bucket.watch_group);
    if port == PortNo::ANY && group == GroupId::ANY {
        return true;
    }
    let group_lives = || {
        let watched = groups.get(&group).filter(|_| depth < LIVENESS_DEPTH_MAX);
        watched.is_some_and(|group| {
            group.buckets.iter().any(|bucket| lives(groups, bucket, port_is_up, depth + 1))
        })
    };
    port != PortNo::ANY && port_is_up(port) || group != GroupId::ANY && group_lives()
}

#[cfg(test)]
mod tests {
    use super::*;
    use openflow::BucketId;

    fn group_bucket() -> Bucket {
        Bucket {
            id: BucketId(0),
            weight: 1,
            watch_port: PortNo::ANY,
            watch_group: GroupId::ANY,
            actions: Vec::new(),
        }
    }

    fn group(weights: &[u16]) -> Group {
        let bucket =
            |(id, weight): (u32, &u16)| Bucket { id: BucketId(id), weight: *weight, ..group_bucket() };
        let buckets = (0..).zip(weights).map(bucket).collect();
        let created = crate::testing::start();
        let buckets: Vec<Bucket> = buckets;
        let counters = GroupCounters::new(buckets.len());
        Group { kind: GroupKind::Select, buckets, steps: Vec::new(), selection: None, created, counters }
    }

    fn shares(group: &Group, alive: impl Fn(&Bucket) -> bool + Copy) -> Vec<usize> {
        let mut shares = vec![0; group.buckets.len()];
        for n in 0..10_000u64 {
            shares[group.select(mix(1, n), alive).unwrap()] += 1;
        }
        shares
    }

    #[test]
    fn shares_follow_weights() {
        let shares = shares(&group(&[100, 300, 0]), |_| true);
        assert!((2300..2700).contains(&shares[0]), "{shares:?}");
        assert_eq!(shares[2], 0);
    }

    #[test]
    fn a_group_lives_while_a_bucket_does_and_not_by_watching_itself() {
        let watching =
            |port: PortNo, group: GroupId| Bucket { watch_port: port, watch_group: group, ..group_bucket() };
        let by_port = |n| watching(PortNo(n), GroupId::ANY);
        let by_group = |n| watching(PortNo::ANY, GroupId(n));
        let with = |buckets: Vec<Bucket>| Group { buckets, ..group(&[]) };
        let groups = BTreeMap::from([
            (GroupId(1), with(vec![by_port(1), by_port(2)])),
            (GroupId(2), with(vec![by_group(1)])),
            (GroupId(3), with(vec![by_group(3), by_group(3)])),
            (GroupId(4), with(vec![])),
        ]);
        let alive = |bucket: &Bucket, up: &[u32]| is_alive(&groups, bucket, &|port| up.contains(&port.0));
        assert!(alive(&by_group(2), &[2]) && !alive(&by_group(2), &[3]));
        assert!(!alive(&by_group(3), &[1]) && !alive(&by_group(4), &[1]) && !alive(&by_group(9), &[1]));
        assert!(alive(&watching(PortNo(7), GroupId(2)), &[7]), "one of both is enough");
    }

    #[test]
    fn only_the_packets_of_a_dead_bucket_move() {
        let group = group(&[1, 1, 1]);
        for n in 0..1000u64 {
            let hash = mix(1, n);
            let before = group.select(hash, |_| true).unwrap();
            let after = group.select(hash, |bucket| bucket.id.0 != 0).unwrap();
            assert!(before == 0 || before == after);
        }
        assert_eq!(group.select(1, |_| false), None);
    }
}
