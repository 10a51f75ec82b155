//! The stack of what is being executed.

use std::borrow::Cow;
use std::sync::Arc;

use openflow::{Action, PortNo, Subfield};
use packet::key::{FlowKey, slot};

use super::{Credit, Xlate};
use crate::bridge::{BridgeId, Fragments};
use crate::counters::Event;
use crate::field::place_of;
use crate::flow::{FlowTable, Rule, Steps};
use crate::limits::{CLONES_MAX, DEPTH_MAX, RESUBMITS_MAX, STACK_LEN_MAX};
use crate::program::Op;

/// One list of steps in execution, or what comes after a copy of the packet was treated.
#[derive(Clone, Debug)]
pub(crate) enum Level {
    Steps {
        steps: Steps,
        /// The next to execute.
        next: usize,
        table: u8,
        cookie: u64,
        /// How often the way here went to the same or an earlier table, a patch port or a group.
        depth: u16,
        /// The rule is the one for packets that no other rule matches.
        miss: bool,
        /// The rule, if these are its steps.
        rule: Option<Arc<Rule>>,
    },
    /// The state as it was before the copy.
    Restore(Box<Saved>),
}

/// The state of a packet that `clone` and patch ports restore.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    key: FlowKey,
    written: FlowKey,
    dirty: FlowKey,
    bridge: BridgeId,
    stack: Vec<(u128, u8)>,
    set: Vec<Action>,
    tracked: bool,
}

/// A packet that waits for a controller: what it will do when it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Paused {
    pub bridge: BridgeId,
    pub levels: Vec<Level>,
    pub stack: Vec<(u128, u8)>,
    pub set: Vec<Action>,
    pub mirrored: Vec<(BridgeId, u32)>,
}

impl Xlate<'_> {
    /// Executes until only `floor` levels are left.
    pub(super) fn run(&mut self, floor: usize) {
        while self.failure.is_none() && self.levels.len() > floor {
            let Some(Level::Steps { steps, next, table, .. }) = self.levels.last_mut() else {
                self.restore();
                continue;
            };
            let (at, table) = (*next, *table);
            if at >= steps.len() {
                self.levels.pop();
                continue;
            }
            *next += 1;
            let steps = Arc::clone(steps);
            let levels = self.levels.len();
            let writes = self.trace.as_mut().and_then(|trace| trace.step(levels, at));
            self.step(&steps[at], table);
            if let Some(dst) = writes {
                self.tell(dst);
            }
        }
    }

    /// Records what a field has become.
    fn tell(&mut self, dst: Subfield) {
        let place = self.current().and_then(|bridge| place_of(dst, &bridge.tlv));
        if let Some(place) = place {
            let value = place.get(&self.key);
            self.note(|| format!("{dst} is now {value:#x}"));
        }
    }

    /// Begins a list of steps.
    pub(super) fn push_steps(&mut self, steps: Steps, table: u8, cookie: u64, depth: u16, miss: bool) {
        if depth > DEPTH_MAX {
            self.fail(Event::DropRecursion);
        } else {
            let level = self.levels.len();
            self.levels.push(Level::Steps { steps, next: 0, table, cookie, depth, miss, rule: None });
            self.record(|trace, _| trace.enter(level));
        }
    }

    /// Table, cookie, depth and kind of the innermost list of steps.
    pub(super) fn position(&self) -> (u8, u64, u16, bool) {
        self.levels
            .iter()
            .rev()
            .find_map(|level| match level {
                Level::Steps { table, cookie, depth, miss, .. } => Some((*table, *cookie, *depth, *miss)),
                Level::Restore(_) => None,
            })
            .unwrap_or((0, 0, 0, false))
    }

    /// The rule whose steps are executed.
    pub(super) fn rule(&self) -> Option<Arc<Rule>> {
        self.levels.iter().rev().find_map(|level| match level {
            Level::Steps { rule, .. } => rule.clone(),
            Level::Restore(_) => None,
        })
    }

    /// Finds the rule for the packet, as if it came in by `in_port`, and begins its steps.
    pub(super) fn table_lookup(&mut self, in_port: Option<PortNo>, table: u8, depth: u16) {
        self.lookup_as(in_port, false, table, depth);
    }

    /// The same; with `with_ct` by the addresses and ports that the tracked connection began with.
    pub(super) fn lookup_as(&mut self, in_port: Option<PortNo>, with_ct: bool, table: u8, depth: u16) {
        self.resubmits += 1;
        if self.resubmits > RESUBMITS_MAX {
            return self.fail(Event::DropResubmits);
        }
        if self.stack.len() * size_of::<u128>() > STACK_LEN_MAX {
            return self.fail(Event::DropStack);
        }
        self.depend(Some(table));
        let key = self.lookup_key(in_port, with_ct);
        let (rule, mut looked) = match self.current().and_then(|bridge| bridge.table(table)) {
            Some(flows) => self.lookup(flows, &key),
            None => (None, FlowKey::ZERO),
        };
        // What was put in its place is no bit of the packet.
        if in_port.is_some() {
            looked.set(slot::IN_PORT, 0);
        }
        if with_ct {
            swap_ends(&mut looked);
        }
        self.look_all(&looked);
        if let Some(at) = self.pending_for(&key, table, rule.map(|rule| rule.priority)) {
            let pending = &self.pending[at];
            let (learned, steps) = (Arc::clone(&pending.learned), Arc::clone(&pending.steps));
            self.record(|trace, levels| {
                trace.table(
                    levels,
                    format!("{table:2}. {}", learned.change),
                    Some(&learned.change.instructions),
                );
            });
            self.out.credits.push(Credit::Rule(Arc::clone(&learned.counters)));
            return self.push_steps(steps, table, learned.change.cookie, depth, false);
        }
        match rule {
            None => self.record(|trace, levels| trace.table(levels, format!("{table:2}. No match."), None)),
            Some(rule) => {
                self.record(|trace, levels| trace.table(levels, rule.to_text(), Some(rule.instructions())));
                self.out.credits.push(Credit::Rule(Arc::clone(rule.counters())));
                let steps = self.current().map_or_else(|| [].into(), |bridge| rule.doing.steps(&bridge.tlv));
                self.push_steps(steps, table, rule.cookie, depth, rule.is_table_miss());
                if let Some(Level::Steps { rule: owner, .. }) = self.levels.last_mut() {
                    *owner = Some(Arc::clone(rule));
                }
            }
        }
    }

    /// The rule for the packet, and the bits of it that this depended on.
    fn lookup<'t>(&self, flows: &'t FlowTable, key: &FlowKey) -> (Option<&'t Arc<Rule>>, FlowKey) {
        let mut looked = FlowKey::ZERO;
        let fragments = self.current().map_or(Fragments::Normal, |bridge| bridge.fragments);
        let is_fragment = self.key.get(slot::NW_FRAG) & 1 != 0;
        if is_fragment && fragments == Fragments::Drop {
            looked.set(slot::NW_FRAG, 1);
            return (None, looked);
        }
        let hides_ports = is_fragment && fragments == Fragments::Normal;
        let mut key = Cow::Borrowed(key);
        if hides_ports {
            key.to_mut().set(slot::TP_SRC, 0);
            key.to_mut().set(slot::TP_DST, 0);
        }
        let rule = flows.lookup(&key, &mut looked);
        let saw_ports = looked.get(slot::TP_SRC) | looked.get(slot::TP_DST) != 0;
        if saw_ports || fragments == Fragments::Drop {
            looked.set_masked(slot::NW_FRAG, 1, 1);
        }
        if hides_ports {
            looked.set(slot::TP_SRC, 0);
            looked.set(slot::TP_DST, 0);
        }
        (rule, looked)
    }

    /// The key that a lookup is made with.
    fn lookup_key(&self, in_port: Option<PortNo>, with_ct: bool) -> FlowKey {
        let mut key = self.key.clone();
        if let Some(port) = in_port {
            key.set(slot::IN_PORT, u128::from(port.0));
        }
        if with_ct {
            swap_ends(&mut key);
        }
        key
    }

    /// Begins to treat a copy of the packet; when its levels are done, all is as now.
    pub(super) fn begin_copy(&mut self) {
        if self.programs.len() > CLONES_MAX {
            return self.fail(Event::DropRecursion);
        }
        // The frame has its changes before the copy, so that the copy need not make them.
        self.commit();
        self.programs.push(Vec::new());
        self.levels.push(Level::Restore(Box::new(Saved {
            key: self.key.clone(),
            written: self.written.clone(),
            dirty: self.dirty.clone(),
            bridge: self.bridge,
            stack: self.stack.clone(),
            set: std::mem::take(&mut self.set),
            tracked: self.tracked,
        })));
    }

    fn restore(&mut self) {
        // A bridge entered by a patch port executes its own action set before it is left.
        if self.begin_action_set() {
            return;
        }
        let Some(Level::Restore(saved)) = self.levels.pop() else { return };
        Saved {
            key: self.key,
            written: self.written,
            dirty: self.dirty,
            bridge: self.bridge,
            stack: self.stack,
            set: self.set,
            tracked: self.tracked,
        } = *saved;
        let Some(copy) = self.programs.pop() else { return };
        let Some(program) = self.programs.last_mut() else { return };
        if copy.iter().any(Op::changes_frame) {
            program.push(Op::Clone(copy.into()));
        } else {
            program.extend(copy);
        }
    }

    /// Where the levels of the innermost copy begin.
    pub(super) fn copy_floor(&self) -> usize {
        self.levels.iter().rposition(|level| matches!(level, Level::Restore(_))).map_or(0, |at| at + 1)
    }

    /// What is left to do of the innermost copy, taken off the stack.
    pub(super) fn take_rest(&mut self) -> Paused {
        let floor = self.copy_floor();
        Paused {
            bridge: self.bridge,
            levels: self.levels.split_off(floor),
            stack: std::mem::take(&mut self.stack),
            set: std::mem::take(&mut self.set),
            mirrored: self.mirrored.clone(),
        }
    }

    /// Executes what is left of the innermost copy twice, with a bit of the packet one and zero, and
    /// appends an operation that chooses between both by the frame's length.
    pub(super) fn fork(&mut self, length: u16, dst: &crate::field::Place) {
        /// Each fork may double the work.
        const FORKS_MAX: u32 = 8;
        self.forks += 1;
        if self.forks > FORKS_MAX {
            return self.fail(Event::DropRecursion);
        }
        self.commit();
        let floor = self.copy_floor();
        let rest = self.levels.split_off(floor);
        let saved = (self.key.clone(), self.written.clone(), self.stack.clone(), self.set.clone());
        let mark = self.trace.as_ref().map(|trace| trace.mark());
        let branch = |this: &mut Self, bit: u128| {
            (this.key, this.written, this.stack, this.set) = saved.clone();
            this.levels.extend(rest.iter().cloned());
            if let (Some(trace), Some(mark)) = (&mut this.trace, &mark) {
                trace.back_to(mark);
            }
            this.programs.push(Vec::new());
            this.write_place(dst, bit);
            this.run(floor);
            this.action_set();
            this.dirty = FlowKey::ZERO;
            this.programs.pop().unwrap_or_default().into_boxed_slice()
        };
        let larger = branch(self, 1);
        let smaller = branch(self, 0);
        self.emit(Op::CheckLarger { length, larger, smaller });
    }
}

/// Changes protocol, addresses and ports with those that the tracked connection began with.
fn swap_ends(key: &mut FlowKey) {
    for (packet, connection) in [
        (slot::NW_PROTO, slot::CT_NW_PROTO),
        (slot::NW_SRC, slot::CT_NW_SRC),
        (slot::NW_DST, slot::CT_NW_DST),
        (slot::TP_SRC, slot::CT_TP_SRC),
        (slot::TP_DST, slot::CT_TP_DST),
    ] {
        let (a, b) = (key.get(packet), key.get(connection));
        key.set(packet, b);
        key.set(connection, a);
    }
}
