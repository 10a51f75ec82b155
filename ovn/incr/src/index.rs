//! An index: a sorted set of members a key.

use std::collections::BTreeMap;
use std::hash::Hash;

use crate::cell::{Cell, Family, Part, Reads, Touched};

/// Sets of members by key, tracked like a [`Table`](crate::Table).
///
/// Members are counted: what two units say is gone when neither says it any more. That makes an index the natural
/// home of facts ([`Program::absorb`](crate::Program::absorb)), in whichever order they come and go.
#[derive(Debug)]
pub struct Index<K, M> {
    family: Family,
    entries: BTreeMap<K, BTreeMap<M, u32>>,
}

impl<K: Ord + Hash + Clone, M: Ord + Hash + Clone> Index<K, M> {
    /// An empty index. `name` must be its own among the tables and indexes of a program.
    pub fn new(name: &str) -> Self {
        Self { family: Family::new(name), entries: BTreeMap::new() }
    }

    /// The members of `key` in order; the reader runs again when one comes or goes.
    pub fn get<'a>(&'a self, reads: &Reads, key: &K) -> impl Iterator<Item = &'a M> + use<'a, K, M> {
        reads.note(Cell::of(self.family, Part::Value, key));
        self.peek(key)
    }

    /// The first member of `key`, for entries that should have one member only.
    pub fn first<'a>(&'a self, reads: &Reads, key: &K) -> Option<&'a M> {
        self.get(reads, key).next()
    }

    /// Whether `key` has a member; the reader runs again only when the first comes or the last goes.
    pub fn any(&self, reads: &Reads, key: &K) -> bool {
        reads.note(Cell::of(self.family, Part::Any, key));
        self.entries.contains_key(key)
    }

    /// Whether `member` is one of `key`; the reader runs again only when that changes.
    pub fn has(&self, reads: &Reads, key: &K, member: &M) -> bool {
        reads.note(Cell::of(self.family, Part::Member, &(key, member)));
        self.entries.get(key).is_some_and(|members| members.contains_key(member))
    }

    /// The keys that have members, in order; the reader runs again when such a key appears or disappears.
    pub fn keys<'a>(&'a self, reads: &Reads) -> impl Iterator<Item = &'a K> + use<'a, K, M> {
        reads.note(Cell::of(self.family, Part::Keys, &()));
        self.entries.keys()
    }

    /// Adds `member` to `key` once (`present`) or takes back one adding of it.
    pub fn set(&mut self, touched: &mut Touched, key: &K, member: &M, present: bool) {
        if present {
            self.add(touched, key, member);
        } else {
            self.remove(touched, key, member);
        }
    }

    /// Adds `member` to `key`. What is added twice must be removed twice.
    pub fn add(&mut self, touched: &mut Touched, key: &K, member: &M) {
        let members = self.entries.entry(key.clone()).or_default();
        let first = members.is_empty();
        let count = members.entry(member.clone()).or_insert(0);
        *count += 1;
        if *count == 1 {
            self.touch(touched, key, member, first);
        }
    }

    /// Takes back one adding of `member` to `key`. Nothing happens if there was none.
    pub fn remove(&mut self, touched: &mut Touched, key: &K, member: &M) {
        let Some(members) = self.entries.get_mut(key) else { return };
        let Some(count) = members.get_mut(member) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        members.remove(member);
        let last = members.is_empty();
        if last {
            self.entries.remove(key);
        }
        self.touch(touched, key, member, last);
    }

    /// The members of `key` in order, for code that is not a unit.
    pub fn peek<'a>(&'a self, key: &K) -> impl Iterator<Item = &'a M> + use<'a, K, M> {
        self.entries.get(key).into_iter().flat_map(BTreeMap::keys)
    }

    /// The keys that have members, in order, for code that is not a unit.
    pub fn peek_keys(&self) -> impl Iterator<Item = &K> {
        self.entries.keys()
    }

    fn touch(&self, touched: &mut Touched, key: &K, member: &M, any_changed: bool) {
        touched.note(Cell::of(self.family, Part::Value, key));
        touched.note(Cell::of(self.family, Part::Member, &(key, member)));
        if any_changed {
            touched.note(Cell::of(self.family, Part::Any, key));
            touched.note(Cell::of(self.family, Part::Keys, &()));
        }
    }
}
