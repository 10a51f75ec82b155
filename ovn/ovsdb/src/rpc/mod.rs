//! JSON-RPC 1.0 as OVSDB speaks it (RFC 7047 section 4): messages, the stream they travel in, and their bytes.
//!
//! A connection is a sequence of JSON objects back to back, without length and with optional white space
//! between them. [`Framer`] turns bytes into [`Message`]s however they are cut, [`Frame`] is an encoded message
//! whose bulk may be shared by many connections.

mod frame;
mod framer;
mod message;

pub use crate::json::Tape;
pub use frame::{Frame, Piece, Pieces, ToBeMade};
pub use framer::{FrameError, Framer, MESSAGE_BYTES_MAX, NESTING_MAX, Receiver};
pub use message::{Message, MessageError};
