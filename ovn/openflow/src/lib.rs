//! OpenFlow 1.3-1.5 (and as much of 1.0 as `ovs-ofctl` speaks) with the extensions of Nicira and the ONF.
//!
//! The tour: [`Field`] names every field; [`Match`] is what a flow looks at, [`Action`] and [`Instruction`] what it
//! does; [`Message`] is everything that is said between a switch and a controller: `decode` and `encode` make it from
//! octets and octets of it, and [`Framer`] cuts a stream of octets into messages. Flows, matches and actions print and
//! parse as `ovs-ofctl` does it.
//!
//! The invariant: this crate turns octets into values and back, and knows nothing of who sends them. Any octets give
//! a message or the error to answer with; memory and nesting are bounded by the input's length and named limits.
#![forbid(unsafe_code)]

mod action;
mod codec;
mod field;
mod matching;
mod message;
mod port;
mod text;
mod version;

pub use action::*;
pub use codec::{
    DecodeError, FlowChange, Frame, FrameError, Framer, HEADER_LEN, Malformed, decode_actions, decode_match,
    encode_actions, encode_match,
};
pub use field::{Access, Field, Format, Maskable, OxmId, Prereq, Subfield, UnknownField, vendor};
pub use matching::{Contradiction, Match, MatchField};
pub use message::*;
pub use port::PortNo;
pub use text::{Actions, PortNames, Style, Styled, TextError, parse_actions};
pub use version::{Version, Versions};
