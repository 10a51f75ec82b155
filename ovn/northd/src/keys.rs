//! Tunnel keys: small numbers that stand for a datapath, or for a port of a datapath, on the wire.
//!
//! A key that a row has been given is one that packets carry, so it must not change without need: keys are read
//! back from the southbound database, and only who has none gets one. In the order of their claims come
//!
//! 1. who asks for a key by `requested-tnl-key`; if several ask for one, who has it already, else the first by name,
//! 2. who has one in the southbound database,
//! 3. who was given one that is not yet written there,
//! 4. who has none: the next free one after the one given last, so that keys are not used again at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use ovsdb::{Str, Uuid};

/// What an owner has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The key, unless all are taken.
    pub key: Option<u32>,
    /// Whether the key asked for belongs to somebody else or is out of range.
    pub refused: bool,
}

/// Keys of one range and their owners.
#[derive(Clone, Debug)]
pub struct KeySpace {
    /// Keys that are given.
    range: RangeInclusive<u32>,
    /// The largest key that can be asked for.
    limit: u32,
    owners: BTreeMap<Uuid, Owner>,
    holders: BTreeMap<u32, Uuid>,
    /// Owners who asked for a key that another has who asked for it, by key.
    refused: BTreeMap<u32, BTreeSet<Uuid>>,
    /// Owners for whom there was no key.
    waiting: BTreeSet<Uuid>,
    /// Owners to be looked at, by name so that keys are given in an order that people expect.
    unsettled: BTreeSet<(Str, Uuid)>,
    last_given: u32,
}

#[derive(Clone, Debug)]
struct Owner {
    name: Str,
    requested: Option<u32>,
    persisted: Option<u32>,
    key: Option<u32>,
}

impl KeySpace {
    /// An empty space that gives the keys in `range`; keys up to `limit` can be asked for.
    pub fn new(range: RangeInclusive<u32>, limit: u32) -> Self {
        Self {
            last_given: range.start() - 1,
            range,
            limit,
            owners: BTreeMap::new(),
            holders: BTreeMap::new(),
            refused: BTreeMap::new(),
            waiting: BTreeSet::new(),
            unsettled: BTreeSet::new(),
        }
    }

    /// Somebody wants a key, maybe a certain one.
    pub fn want(&mut self, owner: Uuid, name: &Str, requested: Option<u32>) {
        let entry = self.owners.entry(owner).or_insert_with(|| Owner {
            name: name.clone(),
            requested: None,
            persisted: None,
            key: None,
        });
        let (old_name, old_requested) = (std::mem::replace(&mut entry.name, name.clone()), entry.requested);
        entry.requested = requested;
        if let Some(key) = old_requested
            && old_requested != requested
        {
            self.withdraw(owner, key);
        }
        self.unsettled.remove(&(old_name, owner));
        self.unsettled.insert((name.clone(), owner));
    }

    /// The southbound database says which key an owner has. Unknown owners are ignored.
    pub fn persisted(&mut self, owner: Uuid, key: Option<u32>) {
        let Some(entry) = self.owners.get_mut(&owner) else { return };
        if entry.persisted != key {
            entry.persisted = key;
            self.unsettled.insert((entry.name.clone(), owner));
        }
    }

    /// An owner is gone and its key free.
    pub fn forget(&mut self, owner: Uuid) {
        let Some(entry) = self.owners.remove(&owner) else { return };
        self.unsettled.remove(&(entry.name, owner));
        self.waiting.remove(&owner);
        if let Some(key) = entry.requested {
            self.withdraw(owner, key);
        }
        if let Some(key) = entry.key {
            self.release(key);
        }
    }

    /// Changes the range and says whether it is another one. Who has a key outside it gets another.
    pub fn set_range(&mut self, range: RangeInclusive<u32>, limit: u32) -> bool {
        if self.range == range && self.limit == limit {
            return false;
        }
        (self.range, self.limit) = (range, limit);
        self.last_given = self.range.start() - 1;
        self.unsettled.extend(self.owners.iter().map(|(owner, entry)| (entry.name.clone(), *owner)));
        true
    }

    /// What `owner` has; none before [`KeySpace::settle`].
    pub fn key(&self, owner: Uuid) -> Option<u32> {
        self.owners.get(&owner)?.key
    }

    /// Who has `key`.
    pub fn holder(&self, key: u32) -> Option<Uuid> {
        self.holders.get(&key).copied()
    }

    /// Whether nobody wants a key here.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Gives everybody a key and tells what those have whose case was looked at.
    pub fn settle(&mut self) -> BTreeMap<Uuid, Assignment> {
        let mut settled = BTreeMap::new();
        // First those who have a claim to a certain key, so that nobody is given it only to lose it again.
        let unsettled = std::mem::take(&mut self.unsettled);
        let (claimants, others): (Vec<_>, Vec<_>) = unsettled.into_iter().partition(|(_, owner)| {
            self.owners.get(owner).is_some_and(|entry| entry.requested.or(entry.persisted).is_some())
        });
        let mut queue = claimants;
        queue.sort_by_key(|(_, owner)| self.owners[owner].requested.is_none());
        queue.extend(others);
        queue.reverse();
        loop {
            let waiting = || self.waiting.first().copied().filter(|_| self.peek_free().is_some());
            let Some(owner) = queue.pop().map(|(_, owner)| owner).or_else(waiting) else { return settled };
            let assignment = self.place(owner);
            settled.insert(owner, assignment);
            // Whoever was driven out, or may now have what it was refused, is next.
            queue.extend(std::mem::take(&mut self.unsettled).into_iter().rev());
        }
    }

    fn place(&mut self, owner: Uuid) -> Assignment {
        let Owner { requested, persisted, key, .. } = self.owners[&owner].clone();
        let mut refused = false;
        if let Some(wanted) = requested {
            if self.can_be_had(wanted) && self.claim(owner, wanted, Self::outranks_request) {
                return self.assign(owner, Some(wanted), false);
            }
            refused = true;
            if self.can_be_had(wanted) {
                self.refused.entry(wanted).or_default().insert(owner);
            }
        }
        if let Some(wanted) = persisted.filter(|key| self.can_be_had(*key))
            && self.claim(owner, wanted, Self::outranks_persisted)
        {
            return self.assign(owner, Some(wanted), refused);
        }
        if let Some(kept) = key.filter(|key| self.can_be_had(*key) && self.holders.get(key) == Some(&owner)) {
            return self.assign(owner, Some(kept), refused);
        }
        let free = self.next_free();
        self.assign(owner, free, refused)
    }

    fn can_be_had(&self, key: u32) -> bool {
        (*self.range.start()..=self.limit).contains(&key)
    }

    /// Whether `owner` may have `key`: nobody has it, or somebody whom `owner` outranks, who is then driven out.
    fn claim(&mut self, owner: Uuid, key: u32, outranks: fn(&Self, Uuid, Uuid, u32) -> bool) -> bool {
        match self.holders.get(&key).copied() {
            None => true,
            Some(holder) if holder == owner => true,
            Some(holder) if outranks(self, owner, holder, key) => {
                self.holders.remove(&key);
                let entry = self.owners.get_mut(&holder).expect("holders are owners");
                entry.key = None;
                self.unsettled.insert((entry.name.clone(), holder));
                true
            }
            Some(_) => false,
        }
    }

    fn outranks_request(&self, owner: Uuid, holder: Uuid, key: u32) -> bool {
        let (a, b) = (&self.owners[&owner], &self.owners[&holder]);
        let rank = |id: Uuid, entry: &Owner| (entry.persisted != Some(key), entry.name.clone(), id);
        b.requested != Some(key) || rank(owner, a) < rank(holder, b)
    }

    fn outranks_persisted(&self, owner: Uuid, holder: Uuid, key: u32) -> bool {
        let (a, b) = (&self.owners[&owner], &self.owners[&holder]);
        b.requested != Some(key) && (b.persisted != Some(key) || (&a.name, owner) < (&b.name, holder))
    }

    fn assign(&mut self, owner: Uuid, key: Option<u32>, refused: bool) -> Assignment {
        let entry = self.owners.get_mut(&owner).expect("only owners are placed");
        let old = std::mem::replace(&mut entry.key, key);
        match key {
            Some(key) => {
                self.holders.insert(key, owner);
                self.waiting.remove(&owner);
            }
            None => {
                self.waiting.insert(owner);
            }
        }
        if let Some(old) = old.filter(|old| key != Some(*old) && self.holders.get(old) == Some(&owner)) {
            self.release(old);
        }
        Assignment { key, refused }
    }

    /// Makes a key free, first for those who asked for it in vain.
    fn release(&mut self, key: u32) {
        self.holders.remove(&key);
        for owner in self.refused.remove(&key).unwrap_or_default() {
            if let Some(entry) = self.owners.get(&owner) {
                self.unsettled.insert((entry.name.clone(), owner));
            }
        }
    }

    /// An owner no longer asks for `key`.
    fn withdraw(&mut self, owner: Uuid, key: u32) {
        if let Some(refused) = self.refused.get_mut(&key) {
            refused.remove(&owner);
        }
        // Who holds the key without asking for it gives way to who asks.
        if self.holders.get(&key) == Some(&owner)
            && let Some(refused) = self.refused.remove(&key)
        {
            let names = refused.into_iter().filter_map(|id| Some((self.owners.get(&id)?.name.clone(), id)));
            self.unsettled.extend(names.collect::<Vec<_>>());
        }
    }

    fn next_free(&mut self) -> Option<u32> {
        let free = self.peek_free()?;
        self.last_given = free;
        Some(free)
    }

    /// The first free key after the one given last, going round.
    fn peek_free(&self) -> Option<u32> {
        let (start, end) = (*self.range.start(), *self.range.end());
        let from = if (start..end).contains(&self.last_given) { self.last_given + 1 } else { start };
        self.gap(from, end).or_else(|| self.gap(start, end))
    }

    /// The first key from `from` to `end` that nobody has.
    fn gap(&self, from: u32, end: u32) -> Option<u32> {
        let mut free = from;
        for key in self.holders.range(from..=end).map(|(key, _)| *key) {
            if key != free {
                break;
            }
            free += 1;
        }
        (free <= end).then_some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn want(space: &mut KeySpace, owner: u128, requested: Option<u32>) {
        space.want(id(owner), &format!("p{owner}").into(), requested);
    }

    fn keys(space: &KeySpace) -> Vec<(u128, Option<u32>)> {
        space.owners.iter().map(|(owner, entry)| (owner.as_u128(), entry.key)).collect()
    }

    #[test]
    fn keys_are_given_by_name_and_not_used_again_at_once() {
        let mut space = KeySpace::new(1..=4, 4);
        for owner in [3, 1, 2] {
            want(&mut space, owner, None);
        }
        space.settle();
        assert_eq!(keys(&space), [(1, Some(1)), (2, Some(2)), (3, Some(3))]);
        space.forget(id(1));
        want(&mut space, 4, None);
        want(&mut space, 5, None);
        space.settle();
        assert_eq!(keys(&space), [(2, Some(2)), (3, Some(3)), (4, Some(4)), (5, Some(1))]);
    }

    #[test]
    fn who_finds_no_key_waits_for_one() {
        let mut space = KeySpace::new(1..=2, 2);
        (1..=3).for_each(|owner| want(&mut space, owner, None));
        let settled = space.settle();
        assert_eq!(settled[&id(3)], Assignment { key: None, refused: false });
        space.forget(id(1));
        assert_eq!(space.settle(), [(id(3), Assignment { key: Some(1), refused: false })].into());
    }

    #[test]
    fn a_requested_key_is_taken_from_who_did_not_ask_for_it() {
        let mut space = KeySpace::new(1..=10, 10);
        (1..=2).for_each(|owner| want(&mut space, owner, None));
        space.settle();
        space.persisted(id(1), Some(1));
        want(&mut space, 9, Some(1));
        want(&mut space, 8, Some(11));
        let settled = space.settle();
        assert_eq!(settled[&id(9)], Assignment { key: Some(1), refused: false });
        assert_eq!(settled[&id(8)], Assignment { key: Some(3), refused: true }, "out of range");
        assert_eq!(settled[&id(1)], Assignment { key: Some(4), refused: false });
    }

    #[test]
    fn of_two_who_ask_for_a_key_who_has_it_keeps_it() {
        let mut space = KeySpace::new(1..=10, 10);
        want(&mut space, 2, Some(5));
        space.settle();
        space.persisted(id(2), Some(5));
        want(&mut space, 1, Some(5));
        assert_eq!(space.settle()[&id(1)], Assignment { key: Some(1), refused: true });
        want(&mut space, 2, None);
        let settled = space.settle();
        assert_eq!(settled[&id(1)], Assignment { key: Some(5), refused: false });
        assert_eq!(settled[&id(2)].key, Some(2));
    }

    #[test]
    fn what_the_database_says_beats_what_is_not_yet_written() {
        let mut space = KeySpace::new(1..=10, 10);
        (1..=2).for_each(|owner| want(&mut space, owner, None));
        space.settle();
        space.persisted(id(2), Some(1));
        space.settle();
        assert_eq!(keys(&space), [(1, Some(3)), (2, Some(1))]);
    }

    #[derive(Clone, Debug)]
    enum Transition {
        Want(u128, Option<u32>),
        Forget(u128),
        /// The database now has what was given.
        Commit,
        /// The database says something else, as another writer would have it.
        Persisted(u128, Option<u32>),
        Range(u32),
        Settle,
    }

    fn transition() -> impl Strategy<Value = Transition> {
        let key = || proptest::option::of(1..9_u32);
        prop_oneof![
            4 => (0..8_u128, key()).prop_map(|(owner, key)| Transition::Want(owner, key)),
            2 => (0..8_u128).prop_map(Transition::Forget),
            1 => Just(Transition::Commit),
            1 => (0..8_u128, key()).prop_map(|(owner, key)| Transition::Persisted(owner, key)),
            1 => (4..8_u32).prop_map(Transition::Range),
            2 => Just(Transition::Settle),
        ]
    }

    proptest! {
        /// Whatever came before: keys are unique and in range, a requested key that only one asks for is given,
        /// nobody waits while a key is free, and once the database has the keys a start from there gives the same.
        #[test]
        fn keys_are_unique_and_a_fresh_start_finds_them_again(script in prop::collection::vec(transition(), 1..40)) {
            let mut space = KeySpace::new(1..=6, 7);
            for transition in script.into_iter().chain([Transition::Settle, Transition::Commit, Transition::Settle]) {
                match transition {
                    Transition::Want(owner, requested) => want(&mut space, owner, requested),
                    Transition::Forget(owner) => space.forget(id(owner)),
                    Transition::Persisted(owner, key) => space.persisted(id(owner), key),
                    Transition::Range(end) => {
                        space.set_range(1..=end, end + 1);
                    }
                    Transition::Settle => {
                        space.settle();
                    }
                    Transition::Commit => {
                        for (owner, key) in keys(&space) {
                            space.persisted(id(owner), key);
                        }
                    }
                }
            }
            let given: Vec<u32> = keys(&space).into_iter().filter_map(|(_, key)| key).collect();
            let distinct: BTreeSet<u32> = given.iter().copied().collect();
            prop_assert_eq!(given.len(), distinct.len());
            prop_assert!(given.iter().all(|key| (1..=space.limit).contains(key)));
            let all_taken = space.range.clone().all(|key| distinct.contains(&key));
            prop_assert!(given.len() == space.owners.len() || all_taken);
            for (owner, entry) in &space.owners {
                let rivals = space.owners.values().filter(|other| other.requested == entry.requested).count();
                if let Some(key) = entry.requested.filter(|key| rivals == 1 && *key <= space.limit) {
                    prop_assert_eq!(space.key(*owner), Some(key));
                }
            }
            let mut fresh = KeySpace::new(space.range.clone(), space.limit);
            for (owner, entry) in space.owners.iter().rev() {
                fresh.want(*owner, &entry.name, entry.requested);
                fresh.persisted(*owner, entry.key);
            }
            fresh.settle();
            prop_assert_eq!(keys(&fresh), keys(&space));
        }
    }
}
