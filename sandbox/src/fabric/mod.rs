//! The wire between the chassis: a user-space fabric with faults.
//!
//! `line.rs` is one direction of one attachment (delay, loss, order, rate), `core.rs` joins the attachments like a
//! learning switch, cuts and heals; both are pure: (frame, now) in, (time, frame) out, every random choice from a
//! seed. `run.rs` moves real frames between real interfaces and the core on a thread of its own.

pub mod core;
pub mod line;
pub mod port;
pub mod random;
pub mod run;

pub use core::{Counters, Delivery, End, Fabric, Side};
