//! Finding the rule of greatest priority that a packet matches.
//!
//! Tuple space search: rules that test the same bits are in one [`Subtable`], a hash table by the
//! value of these bits. Subtables are tried from the greatest priority down, and the search ends
//! where no better rule can come.
//!
//! A lookup also says which bits of the packet it looked at: whatever packet has the same bits there
//! gets the same answer. That set is what makes a megaflow, so it is kept small: a subtable is
//! searched stage by stage (pipeline, L2, L3, L4) and left at the first stage that no rule has, and of an address or a
//! port that no rule has only the first bits are looked at ([`near`]).

mod mask;
mod near;
mod subtable;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use packet::key::{FlowKey, slot};

pub(crate) use mask::{SparseMask, WordHash};
use subtable::Subtable;

use crate::flow::Rule;

/// The rules of one flow table.
#[derive(Debug, Default)]
pub(crate) struct Classifier {
    subtables: HashMap<SparseMask, u32, WordHash>,
    slab: BTreeMap<u32, Subtable>,
    /// Subtables by greatest priority, greatest first; ties in the order of their making.
    order: Vec<(u16, u32)>,
    next: u32,
}

impl Classifier {
    /// The rule that `key` matches, the one of greatest priority. Adds what was looked at to `looked`.
    pub(crate) fn lookup(&self, key: &FlowKey, looked: &mut FlowKey) -> Option<&Arc<Rule>> {
        let mut soft = Vec::new();
        let hard = self.search(key, looked, Some(&mut soft));
        if soft.is_empty() { hard } else { self.conjunctive(key, looked, hard, soft) }
    }

    /// The rule that this value and priority identify.
    pub(crate) fn get(&self, value: &FlowKey, mask: &FlowKey, priority: u16) -> Option<&Arc<Rule>> {
        let id = self.subtables.get(&SparseMask::new(mask))?;
        self.slab.get(id)?.get(value, priority)
    }

    /// Puts a rule in, in the place of one with the same match and priority, which is returned.
    pub(crate) fn insert(&mut self, value: &FlowKey, mask: &FlowKey, rule: Arc<Rule>) -> Option<Arc<Rule>> {
        let mask = SparseMask::new(mask);
        let id = *self.subtables.entry(mask).or_insert_with_key(|mask| {
            let id = self.next;
            self.next += 1;
            self.slab.insert(id, Subtable::new(mask.clone()));
            self.order.push((0, id));
            id
        });
        let subtable = self.slab.get_mut(&id).expect("every numbered subtable is in the slab");
        let before = subtable.priority_max();
        let old = subtable.insert(value, rule);
        let priority = subtable.priority_max();
        if priority != before {
            self.reorder(id, priority);
        }
        old
    }

    /// Takes a rule out.
    pub(crate) fn remove(&mut self, value: &FlowKey, mask: &FlowKey, priority: u16) -> Option<Arc<Rule>> {
        let id = *self.subtables.get(&SparseMask::new(mask))?;
        let subtable = self.slab.get_mut(&id)?;
        let rule = subtable.remove(value, priority)?;
        if subtable.is_empty() {
            self.subtables.remove(subtable.mask());
            self.slab.remove(&id);
            self.order.retain(|(_, other)| *other != id);
        } else {
            let priority = subtable.priority_max();
            self.reorder(id, priority);
        }
        Some(rule)
    }

    fn reorder(&mut self, id: u32, priority: u16) {
        if let Some(at) = self.order.iter().position(|(old, other)| *other == id && *old != priority) {
            self.order[at].0 = priority;
            self.order.sort_by_key(|(priority, id)| (std::cmp::Reverse(*priority), *id));
        }
    }

    /// The best rule that is no part of a conjunction. Those that are parts, and better than it, go
    /// to `soft` if that is asked for.
    fn search<'a>(
        &'a self,
        key: &FlowKey,
        looked: &mut FlowKey,
        mut soft: Option<&mut Vec<&'a Arc<Rule>>>,
    ) -> Option<&'a Arc<Rule>> {
        let mut hard: Option<&Arc<Rule>> = None;
        for (priority_max, id) in &self.order {
            if hard.is_some_and(|hard| hard.priority >= *priority_max) {
                break;
            }
            let Some(chain) = self.slab.get(id).and_then(|subtable| subtable.find(key, looked)) else {
                continue;
            };
            for rule in chain {
                if hard.is_some_and(|hard| hard.priority >= rule.priority) {
                    break;
                }
                if rule.conjunctions().is_empty() {
                    hard = Some(rule);
                    break;
                }
                if let Some(soft) = &mut soft {
                    soft.push(rule);
                }
            }
        }
        hard
    }

    /// Among the parts of conjunctions that matched, from the greatest priority down, the first
    /// conjunction all of whose clauses matched: the rule for its id is what the packet matches.
    /// (ovs-fields(7), "Conjunctive Match Fields".)
    fn conjunctive<'a>(
        &'a self,
        key: &FlowKey,
        looked: &mut FlowKey,
        hard: Option<&'a Arc<Rule>>,
        mut soft: Vec<&'a Arc<Rule>>,
    ) -> Option<&'a Arc<Rule>> {
        let floor = hard.map_or(-1, |rule| i32::from(rule.priority));
        soft.retain(|rule| i32::from(rule.priority) > floor);
        soft.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
        for level in soft.chunk_by(|a, b| a.priority == b.priority) {
            for id in complete(level) {
                let mut key = key.clone();
                key.set(slot::CONJ_ID, u128::from(id));
                let found = self.search(&key, looked, None);
                if found.is_some_and(|rule| rule.priority >= level[0].priority) {
                    return found;
                }
            }
        }
        hard
    }
}

/// The ids of conjunctions all of whose clauses are among these rules, smallest first.
fn complete(rules: &[&Arc<Rule>]) -> Vec<u32> {
    let mut clauses: BTreeMap<u32, (u64, u8)> = BTreeMap::new();
    for conjunction in rules.iter().flat_map(|rule| rule.conjunctions()) {
        let (matched, n_clauses) = clauses.entry(conjunction.id).or_default();
        *matched |= 1u64.checked_shl(conjunction.clause.into()).unwrap_or(0);
        *n_clauses = conjunction.n_clauses;
    }
    let all = |n: u8| 1u64.checked_shl(n.into()).unwrap_or(0).wrapping_sub(1);
    clauses.into_iter().filter(|(_, (matched, n))| *n > 0 && *matched == all(*n)).map(|(id, _)| id).collect()
}
