//! Southbound and local rows to OpenFlow.
//!
//! - [`Controller`]: the state machine; [`Link`] and [`Output`] are how it meets the world.
//! - [`commands`]: what the control socket understands.
//! - [`tables`]: the OpenFlow tables of the integration bridge, and registers.
//! - [`model`]: rows parsed once.
//! - [`host`], [`inputs`], [`zones`], `sets`, `gateways`, `reach`: rows to inputs; which ports and datapaths are on this
//!   chassis.
//! - `conditions`: which southbound rows are asked for.
//! - [`network`]: what flows are computed from, and the units that compute them.
//! - `physical`: flows between the bridge's ports and the logical pipelines, one file a feature.
//! - `logical`, [`compile`]: logical flows to OpenFlow flows, and actions, one file a family.
//! - `sync`, `writer`: rows that this controller writes, one file a table, and the transactions that do it.
//! - `ofctrl`, `pinctrl`, `packet_in`, `waiting`, `budget`, `names`, `uses`: the connections to the switch, and what is done
//!   with packets from it and with what it has counted.
//! - `advertise`: router advertisements that nobody asks for.
//! - [`groups`], [`meters`]: groups and meters of the switch, by number.
//! - [`flow_table`]: the flows that are wanted and those that the switch has; the difference is what is sent.
//!
//! Invariant: this crate knows no sockets, no clock; messages come in and go out as values.

mod advertise;
mod budget;
pub mod commands;
pub mod compile;
mod conditions;
mod controller;
mod events;
pub mod flow;
pub mod flow_table;
mod gateways;
pub mod groups;
pub mod host;
pub mod inputs;
mod logical;
pub mod meters;
pub mod model;
mod names;
pub mod network;
mod ofctrl;
pub mod packet_in;
mod physical;
mod pinctrl;
mod places;
mod reach;
mod sets;
mod sync;
pub mod tables;
mod uses;
mod variables;
mod waiting;
mod writer;
pub mod zones;

pub use controller::Controller;
pub use events::{Keys, Link, Now, Options, Output};

#[cfg(test)]
mod tests;
