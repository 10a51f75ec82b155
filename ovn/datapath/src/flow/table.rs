//! One flow table: its rules by match and by age.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Instant;

use openflow::{ErrorCode, Match};
use packet::key::FlowKey;

use super::Rule;
use crate::classifier::Classifier;
use crate::field::key_of_match;
use crate::limits::FLOWS_PER_TABLE_MAX;
use crate::tlv::TlvTable;

/// A flow table.
#[derive(Debug, Default)]
pub(crate) struct FlowTable {
    classifier: Classifier,
    /// By id, that is, by age.
    rules: BTreeMap<u64, Arc<Rule>>,
    /// Rules with a timeout by when it may be over.
    deadlines: BTreeSet<(Instant, u64)>,
    /// Under which time each of them is filed.
    filed: HashMap<u64, Instant>,
    /// How many rules were learned with each cookie.
    learned: HashMap<u64, u32>,
    /// The switch's version when this table last changed.
    pub version: u64,
}

impl FlowTable {
    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    /// All rules, oldest first.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.values()
    }

    /// Those that are younger than the one with this id, oldest first.
    pub(crate) fn rules_after(&self, id: u64) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.range((Bound::Excluded(id), Bound::Unbounded)).map(|(_, rule)| rule)
    }

    /// The rule with this id.
    pub(crate) fn by_id(&self, id: u64) -> Option<&Arc<Rule>> {
        self.rules.get(&id)
    }

    /// The rule that a packet matches; see [`Classifier::lookup`].
    pub(crate) fn lookup(&self, key: &FlowKey, looked: &mut FlowKey) -> Option<&Arc<Rule>> {
        self.classifier.lookup(key, looked)
    }

    /// The rule with this match and priority. `None` also if the match is none of this switch.
    pub(crate) fn get(&self, matching: &Match, priority: u16, tlv: &TlvTable) -> Option<&Arc<Rule>> {
        let (value, mask) = key_of_match(matching, tlv).ok()?;
        self.classifier.get(&value, &mask, priority)
    }

    /// The rule with this value, mask and priority.
    pub(crate) fn at(&self, (value, mask): &(FlowKey, FlowKey), priority: u16) -> Option<&Arc<Rule>> {
        self.classifier.get(value, mask, priority)
    }

    /// Puts a rule in, in the place of one with the same match and priority, which is returned.
    ///
    /// # Errors
    /// A match that this switch cannot make, or no room.
    pub(crate) fn insert(&mut self, rule: Arc<Rule>, tlv: &TlvTable) -> Result<Option<Arc<Rule>>, ErrorCode> {
        let place = key_of_match(&rule.matching(), tlv)?;
        self.insert_at(rule, &place)
    }

    /// The same where value and mask of the rule are known.
    ///
    /// # Errors
    /// No room.
    pub(crate) fn insert_at(
        &mut self,
        rule: Arc<Rule>,
        place @ (value, mask): &(FlowKey, FlowKey),
    ) -> Result<Option<Arc<Rule>>, ErrorCode> {
        let is_full = self.rules.len() >= FLOWS_PER_TABLE_MAX as usize;
        if is_full && self.at(place, rule.priority).is_none() {
            return Err(ErrorCode::FLOW_TABLE_FULL);
        }
        let old = self.classifier.insert(value, mask, Arc::clone(&rule));
        if let Some(old) = &old {
            self.forget(old);
        }
        if let Some(deadline) = rule.deadline() {
            self.file(deadline, rule.id);
        }
        if rule.learned {
            *self.learned.entry(rule.cookie).or_default() += 1;
        }
        self.rules.insert(rule.id, rule);
        Ok(old)
    }

    /// Takes a rule out.
    pub(crate) fn remove(&mut self, rule: &Rule, tlv: &TlvTable) -> Option<Arc<Rule>> {
        // The options that a rule names stay mapped as long as it is there, so this cannot fail for a
        // rule that could be put in.
        let (value, mask) = key_of_match(&rule.matching(), tlv).ok()?;
        let old = self.classifier.remove(&value, &mask, rule.priority)?;
        self.forget(&old);
        Some(old)
    }

    fn forget(&mut self, rule: &Rule) {
        self.rules.remove(&rule.id);
        if rule.learned
            && let Some(count) = self.learned.get_mut(&rule.cookie)
        {
            *count -= 1;
            if *count == 0 {
                self.learned.remove(&rule.cookie);
            }
        }
        if let Some(at) = self.filed.remove(&rule.id) {
            self.deadlines.remove(&(at, rule.id));
        }
    }

    /// How many rules were learned with this cookie.
    pub(crate) fn learned_with(&self, cookie: u64) -> u32 {
        self.learned.get(&cookie).copied().unwrap_or(0)
    }

    /// The timeouts of a rule became shorter.
    pub(crate) fn refile(&mut self, id: u64) {
        let Some(deadline) = self.rules.get(&id).and_then(|rule| rule.deadline()) else { return };
        if let Some(at) = self.filed.remove(&id) {
            self.deadlines.remove(&(at, id));
        }
        self.file(deadline, id);
    }

    fn file(&mut self, at: Instant, id: u64) {
        self.deadlines.insert((at, id));
        self.filed.insert(id, at);
    }

    /// When the first timeout may be over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The rules whose time is over. Those that were used in the meantime are filed again.
    pub(crate) fn expired(&mut self, now: Instant) -> Vec<Arc<Rule>> {
        let mut gone = Vec::new();
        while let Some((at, id)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&(at, id));
            self.filed.remove(&id);
            let Some(rule) = self.rules.get(&id) else { continue };
            match rule.deadline() {
                Some(later) if later > now => self.file(later, id),
                Some(_) | None => gone.push(Arc::clone(rule)),
            }
        }
        gone
    }

    /// Whether a rule of this priority could match a packet that `matching` matches too.
    pub(crate) fn overlaps(&self, matching: &Match, priority: u16) -> bool {
        self.rules.values().filter(|rule| rule.priority == priority).any(|rule| {
            rule.matching().iter().all(|test| {
                let other = matching.get(test.field);
                other.is_none_or(|other| (other.value ^ test.value) & other.mask & test.mask == 0)
            })
        })
    }
}
