//! Flows that packets teach, and that packets make end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use openflow::{Action, FlowRemovedReason};

use super::{Changes, Switch};
use crate::bridge::BridgeId;
use crate::counters::Event;
use crate::flow::{Rule, walk};
use crate::switch::all_actions;
use crate::xlate::Learned;

impl Switch {
    /// Adds a flow, or lets it live on.
    pub(super) fn learn(&mut self, learned: &Learned, now: Instant) {
        let Some(bridge) = self.bridges.get(&learned.bridge) else { return };
        let change = &learned.change;
        let table = change.table.and_then(|number| bridge.table(number));
        let old = table.and_then(|table| table.get(&change.matching, change.priority, &bridge.tlv));
        if let Some(old) = old.filter(|old| old.is_as_learned(change)) {
            return old.counters().refresh(now);
        }
        let is_full = |table: &crate::flow::FlowTable| {
            old.is_none() && learned.limit != 0 && table.learned_with(change.cookie) >= learned.limit
        };
        if table.is_some_and(is_full) {
            return;
        }
        let old = old.map(|old| (old.created, Arc::clone(old.counters())));
        let counters = old.as_ref().map_or(&learned.counters, |(_, counters)| counters);
        let made = self.rule(learned.bridge, change.table.unwrap_or(0), change, Some(counters.clone()), now);
        // What is refused was refused to the packets too: they met no such flow.
        let Ok(rule) = made else { return };
        let created = old.map_or(now, |(created, _)| created);
        let mut changes = Changes::default();
        let rule = Rule { created, learned: true, ..rule };
        if self.flow_insert(learned.bridge, rule, &mut changes).is_ok() {
            self.counters.count(Event::Learned);
        }
        self.commit(learned.bridge, changes, now);
    }

    /// The flow that was learned lives on, if it is there.
    pub(super) fn refresh_learned(&mut self, learned: &Learned, now: Instant) {
        let Some(bridge) = self.bridges.get(&learned.bridge) else { return };
        let change = &learned.change;
        let table = change.table.and_then(|number| bridge.table(number));
        let old = table.and_then(|table| table.get(&change.matching, change.priority, &bridge.tlv));
        if let Some(old) = old.filter(|old| old.is_as_learned(change)) {
            old.counters().refresh(now);
        }
    }

    /// A connection of a flow ends: it lives only so many seconds more.
    pub(super) fn shorten(&mut self, id: BridgeId, rule: &Rule, idle: u16, hard: u16) {
        rule.counters().shorten((rule.idle_timeout, rule.hard_timeout), (idle, hard));
        let table = self.bridges.get_mut(&id).and_then(|bridge| bridge.table_mut(rule.table));
        if let Some(table) = table {
            table.refile(rule.id);
        }
    }

    /// Flows that went may have been the last to teach some cookie in some table, and have said that
    /// what they taught is to go with them.
    pub(super) fn forget_learned(
        &mut self,
        id: BridgeId,
        teachers: BTreeSet<(u8, u64)>,
        changes: &mut Changes,
    ) {
        for (table, cookie) in teachers {
            let Some(bridge) = self.bridges.get(&id) else { return };
            if bridge.rules().any(|rule| rule.doing.teaches && taught_by(rule).contains(&(table, cookie))) {
                continue;
            }
            let taught = bridge.table(table).into_iter().flat_map(|table| table.rules());
            let gone: Vec<Arc<Rule>> = taught.filter(|rule| rule.cookie == cookie).cloned().collect();
            for rule in gone {
                self.flow_remove(id, rule, FlowRemovedReason::Delete, changes);
            }
        }
    }
}

/// Table and cookie of what a flow teaches and takes along when it goes.
pub(super) fn taught_by(rule: &Rule) -> BTreeSet<(u8, u64)> {
    let mut found = BTreeSet::new();
    if rule.doing.teaches {
        walk(&all_actions(rule.instructions()), &mut |action| {
            if let Action::Learn(learn) = action
                && learn.delete_learned
            {
                found.insert((learn.table, learn.cookie));
            }
        });
    }
    found
}
