//! Changes of flow tables, each undoable until all changes of a bundle are made.

use std::sync::Arc;
use std::time::Instant;

use openflow::{
    Action, BandKind, ErrorCode, Field, FlowMod, FlowModCommand, FlowModFlags, FlowRemoved,
    FlowRemovedReason, GroupId, Instruction, Match, MeterConfig, MeterId, MeterMod, MeterModCommand, PortNo,
};

use super::{Notice, Switch};
use crate::bridge::{Bridge, BridgeId, Meter, TABLES};
use crate::counters::Event;
use crate::flow::{Rule, RuleCounters, compile_instructions, groups_of, meters_of, walk};
use crate::group::Group;

/// Why a change cannot be made.
pub(crate) type ChangeError = ErrorCode;

/// Changes made so far, and how to take them back.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    undo: Vec<Undo>,
    removed: Vec<(Arc<Rule>, FlowRemovedReason)>,
}

#[derive(Debug)]
pub(super) enum Undo {
    /// A rule came, in the place of another or not.
    Flow {
        new: Arc<Rule>,
        old: Option<Arc<Rule>>,
    },
    /// A rule went.
    Removed(Arc<Rule>),
    /// A group was this.
    Group(GroupId, Option<Group>),
    Meter(MeterId, Option<Meter>),
}

impl Changes {
    pub(super) fn note(&mut self, undo: Undo) {
        self.undo.push(undo);
    }
}

impl Switch {
    /// Takes back all changes, the last first: the tables are as before.
    pub(crate) fn roll_back(&mut self, id: BridgeId, changes: Changes) {
        let version = self.next_version();
        let Some(bridge) = self.bridges.get_mut(&id) else { return };
        for undo in changes.undo.into_iter().rev() {
            match undo {
                Undo::Flow { new, old } => {
                    remove(bridge, &new, version);
                    if let Some(old) = old {
                        put_back(bridge, old, version);
                    }
                }
                Undo::Removed(rule) => put_back(bridge, rule, version),
                Undo::Group(group, Some(old)) => {
                    bridge.groups.insert(group, old);
                    bridge.version = version;
                }
                Undo::Group(group, None) => {
                    bridge.groups.remove(&group);
                    bridge.version = version;
                }
                Undo::Meter(meter, Some(old)) => {
                    bridge.meters.insert(meter, old);
                }
                Undo::Meter(meter, None) => {
                    bridge.meters.remove(&meter);
                }
            }
        }
    }

    /// Lets the changes stand, and tells controllers of flows that went.
    pub(crate) fn commit(&mut self, id: BridgeId, changes: Changes, now: Instant) {
        if changes.removed.iter().any(|(rule, _)| rule.flags.has(FlowModFlags::SEND_FLOW_REM)) {
            self.push_counters(now);
        }
        for (rule, reason) in changes.removed {
            if rule.flags.has(FlowModFlags::SEND_FLOW_REM) {
                self.notice_removed(id, &rule, reason, now);
            }
        }
        self.send_notices();
    }

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
            matching: rule.matching.clone(),
            cookie: rule.cookie,
            reason,
            duration_sec: age.as_secs() as u32,
            duration_nsec: age.subsec_nanos(),
            idle_timeout: rule.idle_timeout,
            hard_timeout: rule.hard_timeout,
            packets: rule.counters.packets(),
            bytes: rule.counters.octets(),
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
                    self.flow_remove(id, rule, changes);
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
        let old = table.and_then(|table| table.get(&change.matching, change.priority, &bridge.tlv)).cloned();
        let overlaps = table.is_some_and(|table| table.overlaps(&change.matching, change.priority));
        if change.flags.has(FlowModFlags::CHECK_OVERLAP) && overlaps {
            return Err(ErrorCode::OVERLAP);
        }
        let resets = change.flags.has(FlowModFlags::RESET_COUNTS);
        let counters = old.as_ref().filter(|_| !resets).map(|old| Arc::clone(&old.counters));
        let rule = self.rule(id, number, change, counters, now)?;
        self.flow_insert(id, rule, changes)
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
            let counters = (!resets).then(|| Arc::clone(&old.counters));
            let like_old = FlowMod {
                matching: old.matching.clone(),
                priority: old.priority,
                cookie: old.cookie,
                idle_timeout: old.idle_timeout,
                hard_timeout: old.hard_timeout,
                flags: old.flags,
                importance: old.importance,
                ..change.clone()
            };
            let rule = self.rule(id, old.table, &like_old, counters, now)?;
            self.flow_insert(id, Rule { created: old.created, ..rule }, changes)?;
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
    fn rule(
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
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        let steps = compile_instructions(&change.instructions, table, &bridge.tlv)?;
        let actions = all_actions(&change.instructions);
        check_references(bridge, &actions)?;
        let conjunctions: Box<[_]> = actions
            .iter()
            .filter_map(|action| if let Action::Conjunction(part) = action { Some(*part) } else { None })
            .collect();
        let other = |action: &Action| !matches!(action, Action::Conjunction(_) | Action::Note(_));
        if !conjunctions.is_empty() && actions.iter().any(other) {
            return Err(ErrorCode::BAD_ARGUMENT);
        }
        self.next_rule += 1;
        Ok(Rule {
            id: self.next_rule,
            table,
            priority: change.priority,
            matching: change.matching.clone(),
            cookie: change.cookie,
            idle_timeout: change.idle_timeout,
            hard_timeout: change.hard_timeout,
            flags: change.flags,
            importance: change.importance,
            instructions: change.instructions.clone(),
            steps,
            conjunctions,
            options: options_of(&change.matching, &actions),
            created: now,
            modified: now,
            counters: counters.unwrap_or_else(|| Arc::new(RuleCounters::new(now))),
        })
    }

    fn flow_insert(&mut self, id: BridgeId, rule: Rule, changes: &mut Changes) -> Result<(), ChangeError> {
        let version = self.next_version();
        let bridge = self.bridges.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        let new = Arc::new(rule);
        let tlv = bridge.tlv.clone();
        let table = bridge.table_mut(new.table).ok_or(ErrorCode::FLOW_BAD_TABLE_ID)?;
        let old = table.insert(Arc::clone(&new), &tlv)?;
        table.version = version;
        changes.note(Undo::Flow { new, old });
        Ok(())
    }

    fn flow_remove(&mut self, id: BridgeId, rule: Arc<Rule>, changes: &mut Changes) {
        let version = self.next_version();
        let Some(bridge) = self.bridges.get_mut(&id) else { return };
        remove(bridge, &rule, version);
        changes.removed.push((Arc::clone(&rule), FlowRemovedReason::Delete));
        changes.note(Undo::Removed(rule));
    }

    /// Removes the flows that use a group that goes.
    pub(super) fn remove_users_of(&mut self, id: BridgeId, group: GroupId, changes: &mut Changes) {
        let Some(bridge) = self.bridges.get(&id) else { return };
        let uses = |rule: &&Arc<Rule>| groups_of(&all_actions(&rule.instructions)).contains(&group);
        let users: Vec<Arc<Rule>> = bridge.rules().filter(uses).cloned().collect();
        for rule in users {
            self.flow_remove(id, rule, changes);
        }
    }

    /// Executes one meter mod: meters are kept and shown, packets are not measured yet.
    ///
    /// # Errors
    /// The code to answer with.
    pub(crate) fn meter_mod(
        &mut self,
        id: BridgeId,
        change: &MeterMod,
        changes: &mut Changes,
        now: Instant,
    ) -> Result<(), ChangeError> {
        let bridge = self.bridges.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        let exists = bridge.meters.contains_key(&change.meter);
        match change.command {
            MeterModCommand::Delete if change.meter == MeterId::ALL => {
                for (meter, old) in std::mem::take(&mut bridge.meters) {
                    changes.note(Undo::Meter(meter, Some(old)));
                }
                return Ok(());
            }
            MeterModCommand::Delete => {
                if let Some(old) = bridge.meters.remove(&change.meter) {
                    changes.note(Undo::Meter(change.meter, Some(old)));
                }
                return Ok(());
            }
            MeterModCommand::Add if exists => return Err(ErrorCode::METER_EXISTS),
            MeterModCommand::Modify if !exists => return Err(ErrorCode::UNKNOWN_METER),
            MeterModCommand::Add | MeterModCommand::Modify => {}
        }
        if change.meter.0 == 0 || change.meter > MeterId::MAX {
            return Err(ErrorCode::INVALID_METER);
        }
        if change.bands.iter().any(|band| band.kind != BandKind::Drop) {
            return Err(ErrorCode::METER_BAD_BAND);
        }
        let config = MeterConfig { meter: change.meter, flags: change.flags, bands: change.bands.clone() };
        let old = bridge.meters.insert(change.meter, Meter { config, created: now });
        changes.note(Undo::Meter(change.meter, old));
        Ok(())
    }
}

/// Which flows a loose command or a request for statistics is about.
#[derive(Clone, Copy)]
pub(crate) struct FlowFilter<'a> {
    pub matching: &'a Match,
    pub cookie: u64,
    pub cookie_mask: u64,
    pub out_port: PortNo,
    pub out_group: GroupId,
}

impl FlowFilter<'_> {
    pub(crate) fn admits(&self, rule: &Rule) -> bool {
        (rule.cookie ^ self.cookie) & self.cookie_mask == 0
            && rule.matching.is_within(self.matching)
            && (self.out_port == PortNo::ANY || outputs_to(rule, self.out_port))
            && (self.out_group == GroupId::ANY
                || groups_of(&all_actions(&rule.instructions)).contains(&self.out_group))
    }
}

fn outputs_to(rule: &Rule, port: PortNo) -> bool {
    let mut found = false;
    walk(&all_actions(&rule.instructions), &mut |action| match action {
        Action::Output { port: out, .. } | Action::Enqueue { port: out, .. } => found |= *out == port,
        Action::Bundle(bundle) => found |= bundle.members.contains(&port),
        Action::Controller(_) => found |= port == PortNo::CONTROLLER,
        _ => {}
    });
    found
}

/// The actions of all instructions.
pub(crate) fn all_actions(instructions: &[Instruction]) -> Vec<Action> {
    instructions
        .iter()
        .flat_map(|instruction| match instruction {
            Instruction::Apply(actions) | Instruction::Write(actions) => actions.as_slice(),
            Instruction::Meter(_)
            | Instruction::ClearActions
            | Instruction::WriteMetadata { .. }
            | Instruction::GotoTable(_) => &[],
        })
        .cloned()
        .collect()
}

/// Groups and meters that actions name must be there.
pub(super) fn check_references(bridge: &Bridge, actions: &[Action]) -> Result<(), ChangeError> {
    if groups_of(actions).iter().any(|group| !bridge.groups.contains_key(group)) {
        return Err(ErrorCode::BAD_OUT_GROUP);
    }
    if meters_of(actions).iter().any(|meter| !bridge.meters.contains_key(meter)) {
        return Err(ErrorCode::INVALID_METER);
    }
    Ok(())
}

/// Bits of the `tun_metadata` fields that a flow names, so that their options cannot be unmapped.
fn options_of(matching: &Match, actions: &[Action]) -> u64 {
    let mut used = 0;
    let mut add = |field: Field| {
        if let Field::TunMetadata(n) = field {
            used |= 1 << n;
        }
    };
    matching.iter().for_each(|test| add(test.field));
    walk(actions, &mut |action| match action {
        Action::SetField(set) => add(set.field),
        Action::CopyField { src, dst } => {
            add(src.field);
            add(dst.field);
        }
        Action::Push(sub) | Action::Pop(sub) | Action::OutputReg { src: sub, .. } => add(sub.field),
        Action::CheckPktLarger { dst, .. } => add(dst.field),
        _ => {}
    });
    used
}

fn remove(bridge: &mut Bridge, rule: &Rule, version: u64) {
    let tlv = bridge.tlv.clone();
    if let Some(table) = bridge.table_mut(rule.table) {
        table.remove(rule, &tlv);
        table.version = version;
    }
}

fn put_back(bridge: &mut Bridge, rule: Arc<Rule>, version: u64) {
    let tlv = bridge.tlv.clone();
    if let Some(table) = bridge.table_mut(rule.table) {
        // It was there before, so match and room are right.
        let back = table.insert(rule, &tlv);
        debug_assert!(back.is_ok(), "what was there can be there again");
        table.version = version;
    }
}
