//! From a flow key and the flow tables to a program: what the slow path does once a megaflow.
//!
//! Execution is a stack of [`Level`]s, not recursion: a level is a list of steps and a place in it.
//! `resubmit` pushes the steps of the rule it finds; `clone`, patch ports and group buckets push a
//! level that restores the state. So depth costs heap that is bounded and never the machine's stack,
//! and a packet can stop in the middle (`pause`) and go on later: the levels are kept.
//!
//! While it runs, a translation notes three sets of bits, all in the shape of a flow key:
//! - `looked`: bits of the packet as it came in that any decision depended on. They become the mask
//!   of the megaflow. A bit that was overwritten before it was looked at is not among them.
//! - `written`: bits that no longer are as they came in.
//! - `dirty`: bits of header fields that the frame does not have yet. They are put into it by one
//!   operation when the frame leaves, and never before.

mod ct;
mod learn;
mod level;
mod mirror;
mod normal;
mod output;
mod punt;
mod select;
mod set;
mod state;
mod steps;
mod trace;
mod vlan;

use std::sync::Arc;

use openflow::{Action, PortNo};
use packet::MacAddr;
use packet::key::{FlowKey, slot};

pub(crate) use learn::Learned;
pub(crate) use level::{Level, Paused};
pub(crate) use select::can_hash;
pub(crate) use state::View;

use crate::bridge::BridgeId;
use crate::counters::Event;
use crate::flow::{Rule, RuleCounters, Steps};
use crate::group::GroupCounters;
use crate::port::PortId;
use crate::program::Op;
use crate::recirc::Frozen;
use trace::Trace;

/// What a translation comes to.
#[derive(Debug, Default)]
pub(crate) struct Translation {
    pub ops: Box<[Op]>,
    /// Bits of the packet that it depended on.
    pub looked: FlowKey,
    pub credits: Vec<Credit>,
    pub effects: Vec<Effect>,
    pub depends: Vec<Depends>,
    /// What to count for every packet: why nothing goes out, what was passed over.
    pub events: Vec<Event>,
}

/// Who counts the packets of a megaflow.
#[derive(Clone, Debug)]
pub(crate) enum Credit {
    Rule(Arc<RuleCounters>),
    /// Each bucket of a group.
    Group(Arc<GroupCounters>),
    /// One bucket of a group, by its place.
    Bucket(Arc<GroupCounters>, u32),
    /// Sent out of a port that is not a device: a patch port.
    Sent(PortId),
    /// Came in by a patch port.
    Received(PortId),
}

/// What a packet makes the switch do besides forwarding it.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// An address was seen behind a port.
    Learn { bridge: BridgeId, vlan: u16, mac: MacAddr, port: PortNo },
    /// A flow is added, or lives on.
    Flow(Arc<Learned>),
    /// A flow lives only so many seconds more.
    Shorten { bridge: BridgeId, rule: Arc<Rule>, idle: u16, hard: u16 },
}

/// What of a bridge a translation depended on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Depends {
    pub bridge: BridgeId,
    /// The tables that were looked up in, bit by number.
    pub tables: [u64; 4],
    /// The addresses that were learned or looked up, by VLAN, and the ports that they are behind.
    pub addresses: Vec<((u16, MacAddr), Option<PortNo>)>,
}

/// A translation on its way.
pub(crate) struct Xlate<'a> {
    view: View<'a>,
    key: FlowKey,
    looked: FlowKey,
    written: FlowKey,
    dirty: FlowKey,
    bridge: BridgeId,
    levels: Vec<Level>,
    stack: Vec<(u128, u8)>,
    /// Actions to execute when no table is left (OpenFlow's action set).
    set: Vec<Action>,
    /// Programs being made: the whole one, then those of the clones that are open.
    programs: Vec<Vec<Op>>,
    n_ops: usize,
    resubmits: u32,
    forks: u32,
    out: Translation,
    /// Flows that were learned on the way.
    pending: Vec<learn::Pending>,
    failure: Option<Event>,
    /// The mirrors that have their copy, by their places in their bridges.
    mirrored: Vec<(BridgeId, u32)>,
    /// The tracker knows the packet.
    tracked: bool,
    /// The record for `ofproto/trace`, if one is asked for.
    trace: Option<Box<Trace>>,
}

impl<'a> Xlate<'a> {
    /// Begins with a packet in `bridge`, whose key has the OpenFlow number of its port.
    pub(crate) fn new(view: View<'a>, bridge: BridgeId, key: FlowKey) -> Self {
        Self {
            view,
            key,
            looked: FlowKey::ZERO,
            written: FlowKey::ZERO,
            dirty: FlowKey::ZERO,
            bridge,
            levels: Vec::new(),
            stack: Vec::new(),
            set: Vec::new(),
            programs: vec![Vec::new()],
            n_ops: 0,
            resubmits: 0,
            forks: 0,
            out: Translation::default(),
            pending: Vec::new(),
            failure: None,
            mirrored: Vec::new(),
            tracked: false,
            trace: None,
        }
    }

    /// Keeps a record of what happens; see [`Self::finish_traced`].
    pub(crate) fn with_trace(mut self) -> Self {
        let name = self.current().map_or("", |bridge| bridge.name.as_str());
        self.trace = Some(Box::new(Trace::new(name)));
        self
    }

    /// Looks the packet up in table 0, as for a packet that came in by a port.
    pub(crate) fn start(mut self) -> Self {
        if self.take_congestion() {
            self.mirror_ingress();
            self.table_lookup(None, 0, 0);
        }
        self
    }

    /// Goes on in the table of a state, with a packet whose lookup key bears its number.
    pub(crate) fn start_again(mut self, frozen: &Frozen) -> Self {
        (self.key, self.written) = frozen.thaw(&self.key);
        self.tracked = true;
        self.stack = frozen.stack.clone();
        self.set = frozen.set.clone();
        self.mirrored = frozen.mirrored.clone();
        self.record(|trace, _| trace.thaw(frozen.table));
        self.table_lookup(None, frozen.table, 0);
        self
    }

    /// Executes these steps, as for a packet from a controller.
    pub(crate) fn start_with(mut self, steps: Steps) -> Self {
        self.tracked = self.key.get(slot::CT_STATE) != 0;
        self.push_steps(steps, 0, 0, 0, false);
        self
    }

    /// Goes on where a packet paused.
    pub(crate) fn start_paused(mut self, paused: &Paused) -> Self {
        self.tracked = self.key.get(slot::CT_STATE) != 0;
        self.levels = paused.levels.clone();
        self.stack = paused.stack.clone();
        self.set = paused.set.clone();
        self.mirrored = paused.mirrored.clone();
        self
    }

    /// Runs to the end.
    pub(crate) fn finish(self) -> Translation {
        self.finish_traced().0
    }

    /// Runs to the end; with the record, if one was asked for, and the packet as the last table left it.
    pub(crate) fn finish_traced(mut self) -> (Translation, String, FlowKey) {
        self.run(0);
        self.action_set();
        let ops = std::mem::take(&mut self.programs[0]);
        match self.failure {
            Some(event) => self.out.events.push(event),
            None => self.out.ops = crate::program::finish(ops),
        }
        if self.failure.is_none() && self.out.ops.is_empty() {
            self.out.events.push(Event::DropNoOutput);
        }
        self.out.looked = self.looked;
        (self.out, self.trace.map_or_else(String::new, |trace| trace.into_text()), self.key)
    }

    /// Records something, if a record is asked for; the number is that of the levels on the stack.
    fn record(&mut self, what: impl FnOnce(&mut Trace, usize)) {
        if let Some(trace) = &mut self.trace {
            what(trace, self.levels.len());
        }
    }

    /// Notes how an action went.
    fn note(&mut self, line: impl FnOnce() -> String) {
        self.record(|trace, levels| trace.detail(levels, line()));
    }

    /// Notes that an action did not do what it says.
    fn warn(&mut self, line: impl FnOnce() -> String) {
        self.record(|trace, levels| trace.warning(levels, line()));
    }

    /// Gives the packet up.
    fn fail(&mut self, event: Event) {
        self.failure.get_or_insert(event);
        self.record(|trace, levels| trace.error(levels, event.name().to_owned()));
    }

    /// The port this packet came in by, as the pipeline sees it now.
    fn in_port(&mut self) -> PortNo {
        self.look(slot::IN_PORT, u128::MAX);
        PortNo(self.key.get(slot::IN_PORT) as u32)
    }
}
