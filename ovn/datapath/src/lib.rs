//! The software switch: bridges with OpenFlow tables, between devices, tunnels and controllers.
//!
//! The tour, along the way of a packet: [`Switch::receive`] extracts its flow key (crate `packet`)
//! and asks the `cache`; what the cache does not know is translated by `xlate`, which walks the
//! flow tables (`flow`, `classifier`) and comes to a `program`; `exec` executes that on the frame,
//! and [`Departure`]s are what leaves. Controllers change tables through connections; the database
//! Open_vSwitch makes bridges and ports.
//!
//! The invariant: this crate knows nothing of logical networks, and does no I/O. Frames, datagrams
//! and messages come in by calls with the present time; what goes out is fetched by the caller. All
//! state is bounded by the names in `limits`.
#![forbid(unsafe_code)]

mod bfd;
mod bridge;
mod cache;
mod classifier;
mod commands;
mod connection;
mod conntrack;
mod counters;
mod device;
mod exec;
mod fdb;
mod field;
mod flow;
mod group;
mod handover;
mod limits;
mod meter;
mod mirror;
mod oversize;
mod police;
mod port;
mod program;
mod qos;
mod recirc;
mod show;
mod switch;
#[cfg(test)]
mod testing;
mod tlv;
mod tunnel;
pub mod vswitchd;
mod xlate;

pub use bridge::BridgeId;
pub use commands::{COMMANDS, Run};
pub use connection::{ConnId, ConnKind, ConnOutput};
pub use counters::{Counters, Event};
pub use device::{Captures, Departure, DeviceId, DeviceInfo, DeviceKind, Outer, TunnelKind, TunnelPacket};
pub use handover::{FORMAT, HandOverError};
pub use mirror::{MirrorConfig, MirrorOut};
pub use port::{Erspan, Port, PortCounters, PortId, PortKind, Setting, Tunnel, VlanMode, Vlans};
pub use switch::{AddPortError, Copying, PortSpec, Switch};
pub use vswitchd::Vswitchd;
