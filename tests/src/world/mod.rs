//! A whole deployment in one thread and in virtual time: the databases, northd, chassis with switch and controller,
//! guests and the network between.
//!
//! ```text
//!             ┌──────── central: DatabaseNode (northbound, southbound) ◄──► Northd
//!             │
//!  Controller ┴► DatabaseNode (Open_vSwitch) ◄──► Vswitchd ──frames──► guests
//!      └────────────────OpenFlow────────────────────┘ └──tunnels──► Underlay ──► the other chassis' Vswitchd
//! ```
//! Every message and packet is a delivery in one queue, and the clock only ever moves to what is due next, so a world
//! is a function of its seed and of what the test does: the same twice gives the same [`World::trace`]. The cores are
//! driven as their daemons drive them: all that is due at one instant is handed over, then all that they want is done.

mod chassis;
mod database;
mod guest;
mod operator;
mod queue;
mod run;
mod switch;
mod trace;
mod underlay;
mod wires;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use controller::Link;
use datapath::{ConnId, TunnelPacket};
use northd::northd::{Db, Northd, NorthdOptions};
use ovsdb::rpc::Message;
use ovsdb::server::SessionId;
use ovsdb::{Uuid, UuidGenerator};
use packet::MacAddr;
use schema::{nb, sb};

pub use chassis::Chassis;
pub use guest::Guest;
pub use underlay::{Underlay, Way};

use database::DatabaseNode;
use queue::Queue;

/// Names a chassis of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChassisId(usize);

/// Names a guest of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestId(usize);

/// A client of a database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Client {
    Northd(Db),
    Switch(ChassisId),
    /// [`Link::Vswitch`] or [`Link::Southbound`] of the controller of a chassis.
    Controller(ChassisId, Link),
}

/// Where a database server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Site {
    Central,
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
    /// Octets of OpenFlow from the controller.
    ToBridge(ChassisId, ConnId, Vec<u8>),
    /// Octets of OpenFlow from the switch.
    FromBridge(ChassisId, ConnId, Vec<u8>),
    /// A packet on the underlay, and where it arrives.
    Tunnel(ChassisId, TunnelPacket),
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
/// How long whoever was refused waits before the next attempt to connect.
const RECONNECT_DELAY: Duration = Duration::from_millis(100);

/// The row of `NB_Global`.
const NB_GLOBAL: Uuid = Uuid::from_u128(1);

/// A deployment. See the module's documentation.
pub struct World {
    queue: Queue<Delivery>,
    central: DatabaseNode,
    northd: Northd,
    chassis: Vec<Chassis>,
    guests: Vec<Guest>,
    /// The network between chassis.
    pub underlay: Underlay,
    uuids: UuidGenerator,
    trace: Vec<String>,
}

impl World {
    /// Databases with only the row that `ovn-nbctl init` makes, and a northd.
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            queue: Queue::new(),
            central: DatabaseNode::new(seed + 1, &[nb::schema(), sb::schema()]),
            northd: Northd::new(&NorthdOptions { seed: seed + 2, ..NorthdOptions::default() }),
            chassis: Vec::new(),
            guests: Vec::new(),
            underlay: Underlay::new(seed + 3),
            uuids: UuidGenerator::new(seed + 4),
            trace: Vec::new(),
        };
        world.init_northbound();
        for db in [Db::Northbound, Db::Southbound] {
            world.queue.push(CONTROL_DELAY, Delivery::Connect(Client::Northd(db)));
        }
        world
    }

    /// Adds a chassis with this address on the underlay; all that depends on chance in it follows from `seed`.
    pub fn add_chassis(&mut self, name: &str, ip: IpAddr, seed: u64) -> ChassisId {
        let id = ChassisId(self.chassis.len());
        self.chassis.push(Chassis::new(name, ip, seed, &self.queue));
        self.queue.push(CONTROL_DELAY, Delivery::Connect(Client::Switch(id)));
        self.drain();
        id
    }

    /// Starts a guest. Its switch hears nothing of it until [`World::plug`] writes the row.
    pub fn add_guest(&mut self, chassis: ChassisId, name: &str, mac: MacAddr, ip: Ipv4Addr) -> GuestId {
        self.guests.push(Guest::new(name, chassis, mac, ip));
        GuestId(self.guests.len() - 1)
    }

    /// A chassis.
    pub fn chassis(&self, id: ChassisId) -> &Chassis {
        &self.chassis[id.0]
    }

    /// A guest.
    pub fn guest(&self, id: GuestId) -> &Guest {
        &self.guests[id.0]
    }

    /// Forgets what a guest has heard so far.
    pub fn clear_heard(&mut self, id: GuestId) {
        self.guests[id.0].heard.clear();
    }

    /// Everything that arrived anywhere, a line each, with the microseconds since the beginning.
    pub fn trace(&self) -> &[String] {
        &self.trace
    }

    /// The time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.queue.elapsed()
    }

    /// A guest sends an echo request, after it has found out where to.
    pub fn ping(&mut self, from: GuestId, to: GuestId, seq: u16) {
        let ip = self.guests[to.0].ip;
        let frame = self.guests[from.0].ping(ip, seq);
        self.send(from, frame);
    }

    /// Whether the echo request was answered.
    pub fn is_answered(&self, from: GuestId, to: GuestId, seq: u16) -> bool {
        self.guests[from.0].answered.contains(&(self.guests[to.0].ip, seq))
    }

    /// A guest sends any frame.
    pub fn send(&mut self, from: GuestId, frame: Vec<u8>) {
        self.queue.push(GUEST_DELAY, Delivery::FromGuest(from, frame));
    }

    /// The controller of a chassis dies, and a fresh one is started at once.
    pub fn crash_controller(&mut self, id: ChassisId) {
        let chassis = &mut self.chassis[id.0];
        chassis.database.close(Client::Controller(id, Link::Vswitch));
        self.central.close(Client::Controller(id, Link::Southbound));
        for (conn, _) in std::mem::take(&mut chassis.conns).into_values() {
            chassis.switch.switch_mut().openflow_closed(conn);
        }
        chassis.replace_controller();
        self.drain();
    }
}
