//! Watching flows: who wants to be told of which changes, and what is told (OpenFlow 1.4 section 7.3.5.17; Nicira's
//! extension for 1.0, the ONF's number 187 for 1.3).

use super::FlowRemovedReason;
use crate::{GroupId, Instruction, Match, PortNo};

/// A wish to be told of changes of flows, or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowMonitor {
    /// Chosen by who asks; one connection has each once.
    pub id: u32,
    /// Always an addition before OpenFlow 1.4.
    pub command: MonitorCommand,
    pub flags: MonitorFlags,
    /// Only flows that output there; [`PortNo::ANY`] for all.
    pub out_port: PortNo,
    /// The same for a group; only from OpenFlow 1.4.
    pub out_group: GroupId,
    /// `None`: all tables.
    pub table: Option<u8>,
    pub matching: Match,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonitorCommand {
    Add,
    Modify,
    Delete,
}

/// Bits as OpenFlow 1.4 has them on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonitorFlags(pub u16);

impl MonitorFlags {
    /// The flows that are there already.
    pub const INITIAL: u16 = 1;
    pub const ADD: u16 = 2;
    pub const DELETE: u16 = 4;
    pub const MODIFY: u16 = 8;
    /// With what the flows do.
    pub const ACTIONS: u16 = 0x10;
    /// What the connection itself changes in full. Open vSwitch, whose tool this must work with, gives that meaning to
    /// the bit that the specification calls "only own", and knows the specification's bit 0x20 for it not at all.
    pub const OWN: u16 = 0x40;
    /// All that may be set.
    pub const ALL: u16 = 0x5f;

    pub const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

/// What is told of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowUpdate {
    Flow(Box<FlowUpdateFull>),
    /// The message of this number from the same connection made all its changes.
    Abbreviated(u32),
    /// No more is told of additions and modifications until what was told is read (from OpenFlow 1.4; before it is a
    /// message of its own).
    Paused,
    /// All that was not told has been told now.
    Resumed,
}

/// A flow as it is after the change, or as it was when it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowUpdateFull {
    pub event: FlowEvent,
    pub table: u8,
    pub priority: u16,
    pub idle_timeout: u16,
    pub hard_timeout: u16,
    pub cookie: u64,
    pub matching: Match,
    /// Empty unless they were asked for.
    pub instructions: Vec<Instruction>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEvent {
    /// It was there when the monitor was made. [`FlowEvent::Added`] before OpenFlow 1.4.
    Initial,
    Added,
    Removed(FlowRemovedReason),
    Modified,
}
