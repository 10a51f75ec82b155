//! Groups: lists of actions that flows share and choose from.

use std::time::Instant;

use openflow::{Bucket, GroupKind, PortNo, SelectionMethod};
use packet::key::mix;

use crate::flow::Steps;

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub kind: GroupKind,
    pub buckets: Vec<Bucket>,
    /// The actions of each bucket, made ready.
    pub steps: Vec<Steps>,
    pub selection: Option<SelectionMethod>,
    pub created: Instant,
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

/// Whether a bucket may be used: the port it watches is up, or it watches none.
pub(crate) fn is_alive(bucket: &Bucket, port_is_up: impl Fn(PortNo) -> bool) -> bool {
    bucket.watch_port == PortNo::ANY || port_is_up(bucket.watch_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openflow::{BucketId, GroupId};

    fn group(weights: &[u16]) -> Group {
        let bucket = |(id, weight): (u32, &u16)| Bucket {
            id: BucketId(id),
            weight: *weight,
            watch_port: PortNo::ANY,
            watch_group: GroupId::ANY,
            actions: Vec::new(),
        };
        let buckets = (0..).zip(weights).map(bucket).collect();
        let created = crate::testing::start();
        Group { kind: GroupKind::Select, buckets, steps: Vec::new(), selection: None, created }
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
