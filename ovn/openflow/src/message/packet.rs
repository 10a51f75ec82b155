//! Packets to and from the controller.

use crate::{Action, Match, PacketInReason, PortNo};

/// How the switch sends packets to this controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PacketInFormat {
    /// The version's own message.
    #[default]
    Standard,
    /// NXT_PACKET_IN.
    Nxt,
    /// NXT_PACKET_IN2, the only one with userdata.
    Nxt2,
}

/// The standard packet-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketIn {
    /// `u32::MAX`: the whole packet is here.
    pub buffer_id: u32,
    pub total_len: u16,
    pub reason: PacketInReason,
    pub table: u8,
    pub cookie: u64,
    /// The fields of the pipeline: the port and what else is not zero.
    pub metadata: Match,
    pub packet: Vec<u8>,
}

/// NXT_PACKET_IN2, and NXT_RESUME, which has the same properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketIn2 {
    pub packet: Vec<u8>,
    /// The length before truncation, if it was truncated.
    pub full_len: Option<u32>,
    pub table: u8,
    pub cookie: u64,
    pub reason: PacketInReason,
    pub metadata: Match,
    pub userdata: Vec<u8>,
    /// What the switch needs to go on; nobody else looks inside. `None` if the packet was not paused.
    pub continuation: Option<Vec<u8>>,
}

/// A packet for the switch to treat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketOut {
    pub buffer_id: u32,
    /// As if it came in there; with OpenFlow 1.5 further fields can be given.
    pub metadata: Match,
    pub actions: Vec<Action>,
    pub packet: Vec<u8>,
}

impl PacketOut {
    pub fn new(in_port: PortNo, actions: Vec<Action>, packet: Vec<u8>) -> Self {
        let metadata = Match::any().with(crate::Field::InPort, in_port.0);
        Self { buffer_id: u32::MAX, metadata, actions, packet }
    }
}
