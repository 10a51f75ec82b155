//! The `sim` backend: a whole deployment in one thread and in virtual time, the databases, northd, chassis with switch
//! and controller, guests and the network between.
//!
//! ```text
//!             ┌──────── central: DatabaseNode (northbound, southbound) ◄──► Northd
//!             │
//!  Controller ┴► DatabaseNode (Open_vSwitch) ◄──► Vswitchd ──frames──► guests (smoltcp)
//!      └────────────────OpenFlow────────────────────┘ └──tunnels──► Fabric ──► the other chassis' Vswitchd
//! ```
//! Every message and packet is a delivery in one queue, and the clock only ever moves to what is due next, so a
//! [`World`] is a function of its seed and of what is done to it: the same twice gives the same events. The cores are
//! driven as their daemons drive them: all that is due at one instant is handed over, then all that they want is done.
//!
//! `world.rs` is what can be done to a world, `run.rs` how time goes on, `wires.rs` connections, `switch.rs` what
//! switches want, `succession.rs` how one takes another's place,
//! `guest.rs` guests and their programs (`ping.rs`, `traffic.rs`, `dns.rs`), `tool.rs` clients that are started for a moment.
//! [`lab::Sim`] makes a world of a topology and drives it by tokio's clock, which is stopped and jumps to what comes
//! next: so the steps of scenarios are the same code as in real namespaces.

mod agenda;
mod chassis;
pub mod client;
mod database;
mod dns;
mod events;
mod guest;
pub mod lab;
mod neighbours;
mod operator;
mod ping;
pub mod play;
mod queue;
mod run;
mod stack;
mod succession;
mod switch;
mod tool;
mod traffic;
mod underlay;
mod wires;
mod world;

use std::time::Duration;

use controller::Link;
use northd::northd::Db;
use ovsdb::rpc::Message;
use ovsdb::server::SessionId;

pub use chassis::Chassis;
pub use guest::{Guest, ProgramId};
pub use tool::{HungUp, Line};
pub use world::{Tell, Watched, World};

/// Names a chassis of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChassisId(usize);

/// Names a guest of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestId(usize);

/// Names a connection to a bridge, whichever switch has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WireId(u64);

/// A part of a world that has deadlines of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Central,
    Northd,
    Chassis(ChassisId),
    Fabric,
    Guest(GuestId),
}

/// A client of a database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Client {
    Northd(Db),
    Switch(ChassisId),
    /// A switch that is to take the other's place.
    Heir(ChassisId),
    /// [`Link::Vswitch`] or [`Link::Southbound`] of the controller of a chassis.
    Controller(ChassisId, Link),
    /// One that was started for a moment, at that server.
    Tool(Site, u64),
}

/// Where a database server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// The northbound and southbound databases.
    Central,
    /// The switch database of a chassis.
    Chassis(ChassisId),
}

/// What is on its way.
#[derive(Debug)]
enum Delivery {
    /// An attempt to connect to a database.
    Connect(Client),
    /// An attempt to connect to the integration bridge.
    ConnectBridge(ChassisId, Link),
    /// A message for a database server.
    ToServer(Site, SessionId, Message),
    /// A message from a database server.
    FromServer(Site, SessionId, Message),
    /// A database server has closed a connection.
    HungUp(Site, SessionId),
    /// Octets of OpenFlow from the controller.
    ToBridge(ChassisId, WireId, Vec<u8>),
    /// Octets of OpenFlow from the switch.
    FromBridge(ChassisId, WireId, Vec<u8>),
    /// A part of a switch for the one that takes its place.
    Copy(ChassisId),
    /// A frame of the fabric, and where it arrives.
    Underlay(ChassisId, crate::fabric::line::Frame),
    /// A frame that a guest sends.
    FromGuest(GuestId, Vec<u8>),
    /// A frame for a guest.
    ToGuest(GuestId, Vec<u8>),
}

/// How long a message is on a connection between two processes.
const CONTROL_DELAY: Duration = Duration::from_micros(100);
/// How long a bridge takes for one OpenFlow message.
const OPENFLOW_PACE: Duration = Duration::from_micros(100);
/// How long a frame is between a guest and its switch.
const GUEST_DELAY: Duration = Duration::from_micros(10);
/// How long a frame is between two chassis, besides what the fabric is told to do.
const UNDERLAY_DELAY: Duration = Duration::from_micros(200);
/// How long whoever was refused waits before the next attempt to connect.
const RECONNECT_DELAY: Duration = Duration::from_millis(100);
