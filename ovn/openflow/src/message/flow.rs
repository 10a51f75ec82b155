//! Changing flows.

use crate::{Action, GroupId, Instruction, Match, PortNo};

/// Adds, changes or deletes flows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowMod {
    pub command: FlowModCommand,
    /// `None` is every table (only when deleting; "the first with room" when OpenFlow 1.0 adds).
    pub table: Option<u8>,
    pub priority: u16,
    pub matching: Match,
    pub instructions: Vec<Instruction>,
    pub cookie: u64,
    /// When changing or deleting: only flows whose cookie is `cookie` in these bits.
    pub cookie_mask: u64,
    /// Seconds without a packet until the flow goes; 0 for ever.
    pub idle_timeout: u16,
    /// Seconds until the flow goes; 0 for ever.
    pub hard_timeout: u16,
    /// When deleting: only flows that output there; [`PortNo::ANY`] for all.
    pub out_port: PortNo,
    pub out_group: GroupId,
    pub flags: FlowModFlags,
    /// Lower goes first when the table is full (OpenFlow 1.4 and later).
    pub importance: u16,
    /// A packet kept in the switch to send through the flow; always `u32::MAX` (none) here.
    pub buffer_id: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlowModCommand {
    Add,
    Modify,
    ModifyStrict,
    Delete,
    DeleteStrict,
}

/// Bits as on the wire from OpenFlow 1.3: `SEND_FLOW_REM` 1, `CHECK_OVERLAP` 2, `RESET_COUNTS` 4,
/// `NO_PKT_COUNTS` 8, `NO_BYT_COUNTS` 0x10.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowModFlags(pub u16);

impl FlowModFlags {
    pub const SEND_FLOW_REM: u16 = 1;
    pub const CHECK_OVERLAP: u16 = 2;
    pub const RESET_COUNTS: u16 = 4;
    pub const NO_PACKET_COUNTS: u16 = 8;
    pub const NO_BYTE_COUNTS: u16 = 0x10;
    /// What stays with a flow; the others are about the addition only.
    pub const KEPT: u16 = Self::SEND_FLOW_REM | Self::NO_PACKET_COUNTS | Self::NO_BYTE_COUNTS;

    pub const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

impl FlowMod {
    /// An addition with nothing special about it.
    pub fn add(table: u8, priority: u16, matching: Match, actions: Vec<Action>, cookie: u64) -> Self {
        let instructions = if actions.is_empty() { Vec::new() } else { vec![Instruction::Apply(actions)] };
        Self {
            table: Some(table),
            priority,
            matching,
            instructions,
            cookie,
            ..Self::empty(FlowModCommand::Add)
        }
    }

    /// Deletes the one flow with this match and priority.
    pub fn delete_strict(table: u8, priority: u16, matching: Match) -> Self {
        Self { table: Some(table), priority, matching, ..Self::empty(FlowModCommand::DeleteStrict) }
    }

    /// Deletes every flow of every table.
    pub fn delete_all() -> Self {
        Self::empty(FlowModCommand::Delete)
    }

    /// All tables, every packet, no instructions.
    pub fn empty(command: FlowModCommand) -> Self {
        Self {
            command,
            table: None,
            priority: 0,
            matching: Match::any(),
            instructions: Vec::new(),
            cookie: 0,
            cookie_mask: 0,
            idle_timeout: 0,
            hard_timeout: 0,
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            flags: FlowModFlags::default(),
            importance: 0,
            buffer_id: u32::MAX,
        }
    }

    /// The actions that it applies.
    pub fn actions(&self) -> &[Action] {
        fn applied(i: &Instruction) -> Option<&[Action]> {
            match i {
                Instruction::Apply(actions) => Some(actions),
                Instruction::Meter(_)
                | Instruction::ClearActions
                | Instruction::Write(_)
                | Instruction::WriteMetadata { .. }
                | Instruction::GotoTable(_) => None,
            }
        }
        self.instructions.iter().find_map(applied).unwrap_or_default()
    }
}

/// A flow has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRemoved {
    pub table: u8,
    pub priority: u16,
    pub matching: Match,
    pub cookie: u64,
    pub reason: FlowRemovedReason,
    pub duration_sec: u32,
    pub duration_nsec: u32,
    pub idle_timeout: u16,
    pub hard_timeout: u16,
    pub packets: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlowRemovedReason {
    IdleTimeout,
    HardTimeout,
    Delete,
    GroupDelete,
    MeterDelete,
    Eviction,
    Unknown(u8),
}

impl From<u8> for FlowRemovedReason {
    fn from(n: u8) -> Self {
        match n {
            0 => Self::IdleTimeout,
            1 => Self::HardTimeout,
            2 => Self::Delete,
            3 => Self::GroupDelete,
            4 => Self::MeterDelete,
            5 => Self::Eviction,
            n => Self::Unknown(n),
        }
    }
}

impl From<FlowRemovedReason> for u8 {
    fn from(reason: FlowRemovedReason) -> Self {
        match reason {
            FlowRemovedReason::IdleTimeout => 0,
            FlowRemovedReason::HardTimeout => 1,
            FlowRemovedReason::Delete => 2,
            FlowRemovedReason::GroupDelete => 3,
            FlowRemovedReason::MeterDelete => 4,
            FlowRemovedReason::Eviction => 5,
            FlowRemovedReason::Unknown(n) => n,
        }
    }
}
