//! The shell around the cores: sockets, files, clock, control sockets, pidfiles, logs.
//!
//! Invariant: this crate moves bytes and asks the time; it decides no policy. A `run_*` function is one daemon, and
//! begins with a drawing of what comes in and goes out. Together with `sandbox` it is the only place that may name
//! tokio, sockets, files or the clock.
#![allow(clippy::disallowed_methods)] // The clock and the environment are read here, for everybody else.

pub mod appctl;
pub mod base;
pub mod controller;
pub mod ctl;
pub mod device;
pub mod northd;
pub mod ofctl;
pub mod ovsdb_client;
pub mod ovsdb_server;
pub mod ovsdb_tool;
mod sys;
pub mod trace;
pub mod vlog;
pub mod vswitchd;
