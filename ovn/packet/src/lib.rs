//! Addresses and wire protocols: one protocol a file, octets in, octets out.
//!
//! The invariant: this crate knows nothing else of ours. It has no state, no clock and no I/O, and
//! nothing in it can fail on octets other than by saying [`Malformed`].

mod codes;
mod cursor;
mod mac;
mod malformed;

pub use codes::{EtherType, IpProto, Vni};
pub use cursor::Cursor;
pub use mac::{MacAddr, ParseMacError};
pub use malformed::Malformed;
