//! Southbound and local rows to OpenFlow.
//!
//! - [`tables`]: the OpenFlow tables of the integration bridge, and registers.
//! - [`compile`]: logical actions to OpenFlow actions, one file a family.
//!
//! Invariant: this crate knows no sockets, no clock; messages come in and go out as values.

pub mod compile;
pub mod tables;
