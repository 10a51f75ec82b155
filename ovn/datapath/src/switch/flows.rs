//! Flow mods: adding, modifying and deleting flows.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use openflow::{
    ErrorCode, FlowMod, FlowModCommand, FlowModFlags, FlowRemoved, FlowRemovedReason, GroupId, MeterId,
    PortNo,
};
use packet::key::FlowKey;

use super::changes::{Undo, remove};
use super::filter::{FlowFilter, check_groups, check_meters, options_of};
use super::{ChangeError, Changes, Notice, Switch};
use crate::bridge::{BridgeId, TABLES};
use crate::counters::Event;
use crate::field::key_of_match;
use crate::flow::{PackedMatch, Rule, RuleCounters};

impl Switch {
    pub(super) fn notice_removed(
        &mut self,
        id: BridgeId,
        rule: &Rule,
        reason: FlowRemovedReason,
        now: Instant,
    ) {
        let age = now.saturating_duration_since(rule.created);
        let removed = Box::new(FlowRemoved {
            table: rule.table,
            priority: rule.priority,
            matching: rule.matching(),
            cookie: rule.cookie,
            reason,
            duration_sec: age.as_secs() as u32,
            duration_nsec: age.subsec_nanos(),
            idle_timeout: rule.idle_timeout,
            hard_timeout: rule.hard_timeout,
            packets: rule.counted().packets(),
            bytes: rule.counted().octets(),
        });
        self.notices.push_back(Notice::FlowRemoved { bridge: id, removed });
    }

    /// Executes one flow mod. With `adds` (OpenFlow 1.0) a modification that finds no flow adds one.
    ///
    /// # Errors
    /// The code to answer with. What of a loose command was done up to there is in `changes`.
    pub(crate) fn flow_mod(
        &mut self,
        id: BridgeId,
        change: &FlowMod,
        adds: bool,
        changes: &mut Changes,
        now: Instant,
    ) -> Result<(), ChangeError> {
        self.counters.count(Event::FlowMod);
        match change.command {
            FlowModCommand::Add => self.flow_add(id, change, changes, now),
            FlowModCommand::Modify | FlowModCommand::ModifyStrict => {
                self.flow_modify(id, change, adds, changes, now)
            }
            FlowModCommand::Delete | FlowModCommand::DeleteStrict => {
                for rule in self.selected(id, change)? {
                    self.flow_remove(id, rule, FlowRemovedReason::Delete, changes);
                }
                Ok(())
            }
        }
    }

    fn flow_add(
        &mut self,
        id: BridgeId,
        change: &FlowMod,
        changes: &mut Changes,
        now: Instant,
    ) -> Result<(), ChangeError> {
        let number = change.table.unwrap_or(0);
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        let table = bridge.table(number);
        let place = key_of_match(&change.matching, &bridge.tlv)?;
        let old = table.and_then(|table| table.at(&place, change.priority)).cloned();
        // Only when asked: this looks at every flow of the table.
        let overlaps = || table.is_some_and(|table| table.overlaps(&change.matching, change.priority));
        if change.flags.has(FlowModFlags::CHECK_OVERLAP) && overlaps() {
            return Err(ErrorCode::OVERLAP);
        }
        let resets = change.flags.has(FlowModFlags::RESET_COUNTS);
        let counters = old.as_ref().filter(|_| !resets).map(|old| Arc::clone(old.counters()));
        let rule = self.rule(id, number, change, counters, now)?;
        self.flow_insert_at(id, rule, &place, changes)
    }

    /// Changes the actions of flows; with `adds` a flow is added if there is none.
    fn flow_modify(
        &mut self,
        id: BridgeId,
        change: &FlowMod,
        adds: bool,
        changes: &mut Changes,
        now: Instant,
    ) -> Result<(), ChangeError> {
        let selected = self.selected(id, change)?;
        if selected.is_empty() && adds {
            return self.flow_add(id, change, changes, now);
        }
        for old in selected {
            let resets = change.flags.has(FlowModFlags::RESET_COUNTS);
            let counters = (!resets).then(|| Arc::clone(old.counters()));
            let like_old = FlowMod {
                matching: old.matching(),
                priority: old.priority,
                cookie: old.cookie,
                idle_timeout: old.idle_timeout,
                hard_timeout: old.hard_timeout,
                flags: old.flags,
                importance: old.importance,
                ..change.clone()
            };
            let rule = self.rule(id, old.table, &like_old, counters, now)?;
            self.flow_insert(id, Rule { created: old.created, added: old.added, ..rule }, changes)?;
        }
        Ok(())
    }

    /// The flows that a modification or deletion is about, oldest first.
    fn selected(&self, id: BridgeId, change: &FlowMod) -> Result<Vec<Arc<Rule>>, ChangeError> {
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        let tables: Vec<u8> = match change.table {
            Some(TABLES..) => return Err(ErrorCode::FLOW_BAD_TABLE_ID),
            Some(table) => vec![table],
            None => (0..TABLES).collect(),
        };
        let strict = matches!(change.command, FlowModCommand::ModifyStrict | FlowModCommand::DeleteStrict);
        let deletes = matches!(change.command, FlowModCommand::Delete | FlowModCommand::DeleteStrict);
        let filter = FlowFilter {
            matching: &change.matching,
            cookie: change.cookie,
            cookie_mask: change.cookie_mask,
            out_port: if deletes { change.out_port } else { PortNo::ANY },
            out_group: if deletes { change.out_group } else { GroupId::ANY },
        };
        let mut found = Vec::new();
        for table in tables.into_iter().filter_map(|number| bridge.table(number)) {
            if strict {
                let rule = table.get(&change.matching, change.priority, &bridge.tlv);
                found.extend(rule.filter(|rule| filter.admits(rule)).cloned());
            } else {
                found.extend(table.rules().filter(|rule| filter.admits(rule)).cloned());
            }
        }
        Ok(found)
    }

    /// A rule that a flow mod describes.
    pub(super) fn rule(
        &mut self,
        id: BridgeId,
        table: u8,
        change: &FlowMod,
        counters: Option<Arc<RuleCounters>>,
        now: Instant,
    ) -> Result<Rule, ChangeError> {
        if table == TABLES {
            return Err(ErrorCode::FLOW_BAD_TABLE_ID);
        }
        let rule = self.rule_unchecked(id, table, change, counters, now)?;
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        check_groups(bridge, &rule.doing.groups)?;
        check_meters(bridge, &rule.doing.meters)?;
        Ok(rule)
    }

    /// The same, whether the groups and meters that it names are there or not.
    pub(super) fn rule_unchecked(
        &mut self,
        id: BridgeId,
        table: u8,
        change: &FlowMod,
        counters: Option<Arc<RuleCounters>>,
        now: Instant,
    ) -> Result<Rule, ChangeError> {
        let bridge = self.bridges.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        let doing = bridge.doings.of(table, &change.instructions, &bridge.tlv)?;
        self.next_rule += 1;
        Ok(Rule {
            id: self.next_rule,
            added: self.next_rule,
            table,
            priority: change.priority,
            matching: PackedMatch::new(&change.matching),
            cookie: change.cookie,
            idle_timeout: change.idle_timeout,
            hard_timeout: change.hard_timeout,
            flags: FlowModFlags(change.flags.0 & FlowModFlags::KEPT),
            importance: change.importance,
            options: options_of(&change.matching) | doing.options,
            doing,
            learned: false,
            created: now,
            modified: now,
            counters: counters.map_or_else(OnceLock::new, OnceLock::from),
        })
    }

    pub(super) fn flow_insert(
        &mut self,
        id: BridgeId,
        rule: Rule,
        changes: &mut Changes,
    ) -> Result<(), ChangeError> {
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        let place = key_of_match(&rule.matching(), &bridge.tlv)?;
        self.flow_insert_at(id, rule, &place, changes)
    }

    /// The same where value and mask of the rule are known.
    fn flow_insert_at(
        &mut self,
        id: BridgeId,
        rule: Rule,
        place: &(FlowKey, FlowKey),
        changes: &mut Changes,
    ) -> Result<(), ChangeError> {
        let version = self.next_version();
        let bridge = self.bridges.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        let new = Arc::new(rule);
        let table = bridge.table_mut(new.table).ok_or(ErrorCode::FLOW_BAD_TABLE_ID)?;
        let old = table.insert_at(Arc::clone(&new), place)?;
        table.version = version;
        // Megaflows that teach the old one must teach it again; they did not look into this table.
        if old.as_ref().is_some_and(|old| old.learned) {
            bridge.version = version;
        }
        changes.note(Undo::Flow { new, old });
        Ok(())
    }

    pub(super) fn flow_remove(
        &mut self,
        id: BridgeId,
        rule: Arc<Rule>,
        reason: FlowRemovedReason,
        changes: &mut Changes,
    ) {
        let version = self.next_version();
        let Some(bridge) = self.bridges.get_mut(&id) else { return };
        remove(bridge, &rule, version);
        if rule.learned {
            bridge.version = version;
        }
        changes.note_removed(rule, reason);
    }

    /// Removes the flows that use a group that goes.
    pub(super) fn remove_users_of(&mut self, id: BridgeId, group: GroupId, changes: &mut Changes) {
        let uses = |rule: &Rule| rule.doing.groups.contains(&group);
        self.remove_where(id, uses, FlowRemovedReason::GroupDelete, changes);
    }

    /// Removes the flows whose packets pass a meter that goes.
    pub(super) fn remove_measured_by(&mut self, id: BridgeId, meter: MeterId, changes: &mut Changes) {
        let uses = |rule: &Rule| rule.doing.meters.contains(&meter);
        self.remove_where(id, uses, FlowRemovedReason::MeterDelete, changes);
    }

    fn remove_where(
        &mut self,
        id: BridgeId,
        goes: impl Fn(&Rule) -> bool,
        reason: FlowRemovedReason,
        changes: &mut Changes,
    ) {
        let Some(bridge) = self.bridges.get(&id) else { return };
        let rules: Vec<Arc<Rule>> = bridge.rules().filter(|rule| goes(rule)).cloned().collect();
        for rule in rules {
            self.flow_remove(id, rule, reason, changes);
        }
    }
}
