//! Labs: topologies, the fabric, guests, faults, scenarios and reports.
//!
//! Read in this order: `topology` (what a lab consists of), `fabric` (the wire between the chassis), `lab` (real
//! namespaces, held by one supervisor), `sim` (the same in one thread and virtual time), `scenario` (steps that run in
//! either). `text` reads the files people write, `cli` is `ovn sandbox`.
//!
//! Invariant: but for `sim`, which runs their cores, this crate does not know how a daemon works inside. It starts
//! executables, talks OVSDB to their sockets and looks at frames; any of them may be somebody else's.
#![allow(
    clippy::disallowed_methods,
    reason = "an outer crate: it runs real labs, with clocks, sockets and processes"
)]

pub mod cli;
pub mod db;
pub mod fabric;
pub mod lab;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod sys;
pub mod text;
pub mod tools;
pub mod topology;

pub use cli::logical::{LogicalNetwork, read as logical_network};
pub use cli::main;
pub use cli::ping::main as ping;
