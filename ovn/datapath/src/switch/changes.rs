//! Changes of tables that can be taken back until all of a bundle are made.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use openflow::{ErrorCode, FlowModFlags, FlowRemovedReason, GroupId, MeterId};

use super::Switch;
use super::learn::taught_by;
use crate::bridge::{Bridge, BridgeId};
use crate::connection::ConnId;
use crate::flow::Rule;
use crate::group::Group;
use crate::meter::Meter;

/// Why a change cannot be made.
pub(crate) type ChangeError = ErrorCode;

/// Changes made so far, and how to take them back.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    undo: Vec<Undo>,
    /// Whose message asked for them, and its number.
    pub(crate) by: Option<(ConnId, u32)>,
    /// Table and cookie of flows that are to go if nobody teaches them any more.
    teachers: BTreeSet<(u8, u64)>,
}

#[derive(Debug)]
pub(super) enum Undo {
    /// A rule came, in the place of another or not.
    Flow {
        new: Arc<Rule>,
        old: Option<Arc<Rule>>,
    },
    /// A rule went.
    Removed(Arc<Rule>, FlowRemovedReason),
    /// A group was this.
    Group(GroupId, Option<Group>),
    Meter(MeterId, Option<Meter>),
}

/// A change of one flow.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FlowChange<'a> {
    /// Perhaps in the place of another.
    Added {
        new: &'a Arc<Rule>,
        old: Option<&'a Arc<Rule>>,
    },
    Modified {
        new: &'a Arc<Rule>,
        old: Option<&'a Arc<Rule>>,
    },
    Removed(&'a Arc<Rule>, FlowRemovedReason),
}

impl Changes {
    /// Changes that a message asks for.
    pub(crate) fn asked_for(by: ConnId, xid: u32) -> Self {
        Self { by: Some((by, xid)), ..Self::default() }
    }

    pub(super) fn note(&mut self, undo: Undo) {
        if let Undo::Flow { old: Some(old), .. } = &undo {
            self.note_teacher(old);
        }
        self.undo.push(undo);
    }

    /// A rule went, which controllers may want to know.
    pub(super) fn note_removed(&mut self, rule: Arc<Rule>, reason: FlowRemovedReason) {
        self.note_teacher(&rule);
        self.undo.push(Undo::Removed(rule, reason));
    }

    /// The changes of flows, in their order.
    pub(crate) fn flows(&self) -> impl Iterator<Item = FlowChange<'_>> {
        self.undo.iter().filter_map(|undo| match undo {
            Undo::Flow { new, old } if new.added == new.id => {
                Some(FlowChange::Added { new, old: old.as_ref() })
            }
            Undo::Flow { new, old } => Some(FlowChange::Modified { new, old: old.as_ref() }),
            Undo::Removed(rule, reason) => Some(FlowChange::Removed(rule, *reason)),
            Undo::Group(..) | Undo::Meter(..) => None,
        })
    }

    fn removed(&self) -> impl Iterator<Item = (&Arc<Rule>, FlowRemovedReason)> {
        self.undo.iter().filter_map(|undo| match undo {
            Undo::Removed(rule, reason) => Some((rule, *reason)),
            Undo::Flow { .. } | Undo::Group(..) | Undo::Meter(..) => None,
        })
    }

    /// A rule went, and perhaps what it taught goes too.
    pub(super) fn note_teacher(&mut self, rule: &Rule) {
        self.teachers.extend(taught_by(rule));
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
                Undo::Removed(rule, _) => put_back(bridge, rule, version),
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
                    bridge.version = version;
                }
                Undo::Meter(meter, None) => {
                    bridge.meters.remove(&meter);
                    bridge.version = version;
                }
            }
        }
    }

    /// Lets the changes stand, and tells controllers of flows that went.
    pub(crate) fn commit(&mut self, id: BridgeId, mut changes: Changes, now: Instant) {
        while !changes.teachers.is_empty() {
            let teachers = std::mem::take(&mut changes.teachers);
            self.forget_learned(id, teachers, &mut changes);
        }
        let wants_notice = |(rule, _): &(&Arc<Rule>, _)| rule.flags.has(FlowModFlags::SEND_FLOW_REM);
        if changes.removed().any(|removed| wants_notice(&removed)) {
            self.push_counters(now);
        }
        for (rule, reason) in changes.removed().filter(wants_notice) {
            self.notice_removed(id, rule, reason, now);
        }
        self.tell_monitors(id, &changes);
        self.send_notices();
    }
}

pub(super) fn remove(bridge: &mut Bridge, rule: &Rule, version: u64) {
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
