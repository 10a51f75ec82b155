//! Choosing: groups and bundles.

use std::sync::Arc;

use openflow::{
    Bucket, BundleAlgorithm, Field, GroupId, GroupKind, HashFields, Multipath, MultipathAlgorithm, PortNo,
};
use packet::key::{FlowKey, slot};

use super::{Credit, Xlate};
use crate::counters::Event;
use crate::field::{Place, slot_of};
use crate::flow::Bundle;
use crate::group::{Group, is_alive};
use crate::limits::DEPTH_MAX;

impl Xlate<'_> {
    /// Whether packets to this port can be expected to get through.
    fn port_is_up(&self, number: PortNo) -> bool {
        self.port(number).is_some_and(|(_, port)| port.is_live())
    }

    /// The `bundle` action.
    pub(super) fn bundle(&mut self, bundle: &Bundle) {
        self.depend(None);
        let up = |this: &Self, port: PortNo| this.port_is_up(port);
        let chosen = match bundle.algorithm {
            BundleAlgorithm::ActiveBackup => bundle.members.iter().copied().find(|port| up(self, *port)),
            BundleAlgorithm::Hrw => {
                let hash = self.hash_of(bundle.fields) ^ u64::from(bundle.basis);
                let usable = bundle.members.iter().copied().filter(|port| up(self, *port));
                usable.max_by_key(|port| packet::key::mix(hash, port.0.into()))
            }
        };
        match bundle.dst {
            Some(dst) => self.write_place(&dst, u128::from(chosen.unwrap_or(PortNo::NONE).0)),
            None => {
                if let Some(port) = chosen {
                    self.output(port);
                }
            }
        }
    }

    /// The `multipath` action (ovs-actions(7)). The hashes are this switch's own: the same packets may go
    /// other ways than in Open vSwitch, with the same shares.
    pub(super) fn multipath(&mut self, multipath: &Multipath, dst: &Place) {
        let n_links = u64::from(multipath.max_link) + 1;
        let fields = self.hash_of(multipath.fields);
        let basis = u64::from(multipath.basis);
        let hash = |n: u64| packet::key::mix(packet::key::mix(fields ^ basis, n), 1) >> 32;
        let link = match multipath.algorithm {
            MultipathAlgorithm::ModuloN => hash(0) % n_links,
            MultipathAlgorithm::HashThreshold => (hash(0) * n_links) >> 32,
            MultipathAlgorithm::Hrw => (0..n_links).max_by_key(|link| hash(*link + 1)).unwrap_or(0),
            MultipathAlgorithm::IterHash => {
                // Of as many links as the argument says those within the bound count; after some tries any.
                let modulo = n_links.max(u64::from(multipath.arg).min(0x1_0000)).next_power_of_two();
                let tries = (0..32).map(|n| hash(n) % modulo);
                tries.into_iter().find(|link| *link < n_links).unwrap_or(hash(32) % n_links)
            }
        };
        self.write_place(dst, u128::from(link));
    }

    /// The `group` action.
    pub(super) fn group(&mut self, id: GroupId) {
        self.depend(None);
        let found = self.current().and_then(|bridge| bridge.groups.get(&id));
        let Some(group) = found else { return self.warn(|| format!("output to nonexistent group {}", id.0)) };
        let (table, cookie, depth, miss) = self.position();
        if depth >= DEPTH_MAX {
            return self.fail(Event::DropRecursion);
        }
        let groups = self.current().map(|bridge| &bridge.groups);
        let alive = |this: &Self, bucket: &Bucket| {
            groups.is_some_and(|groups| is_alive(groups, bucket, &|port| this.port_is_up(port)))
        };
        let chosen: Vec<usize> = match group.kind {
            GroupKind::All | GroupKind::Indirect => (0..group.buckets.len()).collect(),
            GroupKind::FastFailover => {
                (0..group.buckets.len()).find(|at| alive(self, &group.buckets[*at])).into_iter().collect()
            }
            GroupKind::Select => {
                let hash = self.group_hash(group);
                group.select(hash, |bucket| alive(self, bucket)).into_iter().collect()
            }
        };
        let counters = || Arc::clone(&group.counters);
        match (group.kind, chosen.first()) {
            (GroupKind::All, _) => self.out.credits.push(Credit::Group(counters())),
            (GroupKind::Select | GroupKind::Indirect | GroupKind::FastFailover, Some(at)) => {
                self.out.credits.push(Credit::Bucket(counters(), *at as u32));
            }
            (GroupKind::Select | GroupKind::Indirect | GroupKind::FastFailover, None) => {}
        }
        for at in chosen {
            let bucket = &group.buckets[at];
            self.begin_copy();
            if self.failure.is_some() {
                return;
            }
            let floor = self.levels.len();
            // Its lines hang on where the group was, not on the copy.
            self.record(|trace, levels| trace.bucket(levels, bucket.id.0, &bucket.actions));
            self.push_steps(group.steps[at].clone(), table, cookie, depth + 1, miss);
            // One bucket is done before the next begins.
            self.run(floor - 1);
        }
    }

    /// What a select group chooses by: the fields it names, or addresses, protocol and ports.
    fn group_hash(&mut self, group: &Group) -> u64 {
        let named = group.selection.as_ref().filter(|selection| selection.method == "hash");
        let Some(selection) = named else { return self.hash_of(HashFields::SymmetricL4) };
        let Some(bridge) = self.current() else { return 0 };
        let mut mask = FlowKey::ZERO;
        for (field, bits) in &selection.fields {
            if let Some(slot) = slot_of(*field, &bridge.tlv) {
                mask.set_masked(slot, *bits, *bits);
            }
        }
        self.look_all(&mask);
        (&self.key & &mask).hash(selection.param)
    }

    fn hash_of(&mut self, fields: HashFields) -> u64 {
        let one = |this: &mut Self, slot| this.see(slot) as u64;
        let two = |this: &mut Self, slot| {
            let bits = this.see(slot);
            (bits >> 64) as u64 ^ bits as u64
        };
        match fields {
            HashFields::EthSrc => packet::key::mix(0, one(self, slot::ETH_SRC)),
            HashFields::Ipv4Src => packet::key::mix(0, two(self, slot::NW_SRC)),
            HashFields::Ipv4Dst => packet::key::mix(0, two(self, slot::NW_DST)),
            HashFields::SymmetricL4
            | HashFields::SymmetricL3L4
            | HashFields::SymmetricL3L4Udp
            | HashFields::SymmetricL3 => {
                // The same for both directions: what differs between them is added, not mixed.
                let macs = one(self, slot::ETH_SRC) ^ one(self, slot::ETH_DST);
                let addresses = two(self, slot::NW_SRC) ^ two(self, slot::NW_DST);
                let ports = match fields {
                    HashFields::SymmetricL3 => 0,
                    _ => one(self, slot::TP_SRC) ^ one(self, slot::TP_DST),
                };
                let l2 = if fields == HashFields::SymmetricL4 { macs } else { 0 };
                let proto = one(self, slot::NW_PROTO);
                [l2, addresses, proto, ports].into_iter().fold(1, packet::key::mix)
            }
        }
    }

    /// What is left to do of the innermost copy, left on the stack.
    pub(super) fn peek_rest(&self) -> super::Paused {
        super::Paused {
            bridge: self.bridge,
            levels: self.levels[self.copy_floor()..].to_vec(),
            stack: self.stack.clone(),
            set: self.set.clone(),
            mirrored: self.mirrored.clone(),
        }
    }
}

/// Fields that a group may hash; others are refused when the group is added.
pub(crate) fn can_hash(field: Field, tlv: &crate::tlv::TlvTable) -> bool {
    slot_of(field, tlv).is_some()
}
