//! Sending a packet to the controller.

use crate::MeterId;

/// `controller(...)`: a copy of the packet goes to the controller, or the packet itself waits there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Controller {
    /// At most this many octets of it.
    pub max_len: u16,
    /// The controller with this number; 0 unless one asked for another.
    pub controller_id: u16,
    pub reason: PacketInReason,
    /// Octets that come back in the packet-in.
    pub userdata: Vec<u8>,
    /// The pipeline stops here and goes on when the controller resumes it.
    pub pause: bool,
    pub meter: Option<MeterId>,
}

impl Default for Controller {
    fn default() -> Self {
        Self {
            max_len: u16::MAX,
            controller_id: 0,
            reason: PacketInReason::Action,
            userdata: Vec::new(),
            pause: false,
            meter: None,
        }
    }
}

/// Why a packet is with the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PacketInReason {
    /// No flow matched, or the flow that matches all did.
    NoMatch,
    /// An action said so.
    Action,
    InvalidTtl,
    ActionSet,
    Group,
    PacketOut,
    ExplicitMiss,
    ImplicitMiss,
    Unknown(u8),
}

impl From<u8> for PacketInReason {
    fn from(n: u8) -> Self {
        match n {
            0 => Self::NoMatch,
            1 => Self::Action,
            2 => Self::InvalidTtl,
            3 => Self::ActionSet,
            4 => Self::Group,
            5 => Self::PacketOut,
            6 => Self::ExplicitMiss,
            7 => Self::ImplicitMiss,
            n => Self::Unknown(n),
        }
    }
}

impl From<PacketInReason> for u8 {
    fn from(reason: PacketInReason) -> Self {
        match reason {
            PacketInReason::NoMatch => 0,
            PacketInReason::Action => 1,
            PacketInReason::InvalidTtl => 2,
            PacketInReason::ActionSet => 3,
            PacketInReason::Group => 4,
            PacketInReason::PacketOut => 5,
            PacketInReason::ExplicitMiss => 6,
            PacketInReason::ImplicitMiss => 7,
            PacketInReason::Unknown(n) => n,
        }
    }
}
