//! Logs as OVN's users know them: numbered lines, levels by module and destination, settable while running.
//!
//! The cores say `tracing::info!(target: "binding", ...)`; one `tracing` layer here turns each event into a line of
//! upstream's pattern, for the console, a file and syslog, and follows `vlog/set`. A call site that repeats a warning or
//! error beyond [`limit::BURST`] is silenced until its budget refills, and the number left out is told.

pub mod commands;
mod layer;
pub mod limit;
pub mod pattern;
pub mod state;

pub use layer::{Vlog, init};
pub use state::{Destination, Level, SpecError};
