//! The state of a switch as octets, for a process that takes the place of another.
//!
//! ```text
//!  old: copy ──parts: flows, connections──► new: take_part     both forward nothing new, the old one works on
//!  old: rest ──what changed since, and all that is small──►    the old one stands still until the new one goes on
//! ```
//! Most of a switch is flows and connections, which take long to copy and change little, so they go first, a part at
//! a time; what has changed of them meanwhile goes with the rest. Bridges, ports and their settings are not here:
//! the new process has them from the database, and matches what is here by name.
//!
//! Flows, groups and meters travel as the OpenFlow messages that make them, everything else as `octets` says. Caches
//! are not kept, as they fill by themselves, and neither are packets that wait: for a controller or for fragments.
//! [`FORMAT`] is to change with anything here; another format is refused.

mod octets;

pub(crate) use octets::{In, Kept, Out, kept};

/// The format of what this crate writes and reads.
pub const FORMAT: u32 = 4;

/// Why a state cannot be handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandOverError {
    /// The octets are none that this crate writes.
    #[error("what was handed over is damaged: {0}")]
    Damaged(&'static str),
    /// The switch that takes over is configured otherwise.
    #[error("{0} differs from what is handed over")]
    Differs(String),
    /// A flow or group that this switch refuses.
    #[error("bridge {bridge} cannot have what is handed over: {code:?}")]
    Refused {
        /// Name of the bridge.
        bridge: String,
        /// What a controller would be answered.
        code: openflow::ErrorCode,
    },
}
