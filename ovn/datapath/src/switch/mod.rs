//! The switch: bridges, ports, caches and connections, driven by calls and asked for its outputs.

mod bfd;
mod changes;
mod filter;
mod flows;
mod groups;
mod handover;
mod inject;
mod learn;
mod maintain;
mod meters;
mod mirrors;
mod ports;
mod receive;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use openflow::{FlowRemoved, PacketIn2};
use packet::Frame;
use packet::key::TAGS_MAX;

pub use handover::Copying;
pub use ports::{AddPortError, PortSpec};

use crate::bfd::Session;
use crate::bridge::{Bridge, BridgeId};
use crate::cache::Cache;
use crate::connection::{ConnId, Connection};
use crate::conntrack::Tracker;
use crate::counters::{Counters, Event};
use crate::device::{Departure, DeviceId};
use crate::exec::Again;
use crate::port::{Port, PortId};
use crate::program::Punt;
use crate::recirc::Recircs;
use crate::tunnel::Tunnels;
use crate::xlate::{Paused, View};

pub(crate) use changes::{ChangeError, Changes, FlowChange};
pub(crate) use filter::{FlowFilter, all_actions};
pub(crate) use ports::describe;

/// A software switch. It does no I/O: frames and messages come in by calls, and what goes out is
/// fetched by [`Switch::take_departures`] and [`Switch::poll_output`].
#[derive(Debug)]
pub struct Switch {
    pub(crate) bridges: BTreeMap<BridgeId, Bridge>,
    pub(crate) ports: Vec<Option<Box<Port>>>,
    free_ports: VecDeque<u32>,
    pub(crate) by_name: BTreeMap<String, PortId>,
    by_device: HashMap<DeviceId, PortId>,
    pub(crate) tunnels: Tunnels,
    pub(crate) cache: Cache,
    pub(crate) counters: Counters,
    pub(crate) tracker: Tracker,
    recircs: Recircs,
    /// Tags of a frame that are looked at.
    pub(crate) tags_max: u8,
    /// Packets that go through the tables again; empty between packets that come in.
    again: VecDeque<Again>,
    /// Grows with every change that packets could notice.
    version: u64,
    next_bridge: u32,
    next_rule: u64,
    /// Packets executed so far.
    turn: u64,
    departures: Vec<Departure>,
    /// Answers to packets that were too large; empty between batches of frames.
    answers: VecDeque<(PortId, Frame)>,
    punts: Vec<(Arc<Punt>, Frame)>,
    /// Packets that wait for a controller, oldest first, by the number in their continuation.
    paused: VecDeque<(u64, Arc<Paused>)>,
    next_paused: u64,
    pub(crate) notices: VecDeque<Notice>,
    pub(crate) connections: BTreeMap<ConnId, Connection>,
    pub(crate) next_conn: u64,
    maintain_at: Option<Instant>,
    pub(crate) bfd: BTreeMap<PortId, Session>,
    /// Discriminators of sessions are made of it.
    next_bfd: u64,
    /// Since when there is something new about sessions that nobody asked for.
    pub(crate) bfd_news: Option<Instant>,
}

/// What controllers are to be told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Notice {
    PacketIn { bridge: BridgeId, controller_id: u16, packet_in: Box<PacketIn2> },
    FlowRemoved { bridge: BridgeId, removed: Box<FlowRemoved> },
    Port { bridge: BridgeId, reason: openflow::PortStatusReason, desc: Box<openflow::PortDesc> },
}

impl Switch {
    /// A switch without bridges. The seed makes its hashes unlike those of any other switch.
    pub fn new(seed: u64) -> Self {
        Self {
            bridges: BTreeMap::new(),
            ports: Vec::new(),
            free_ports: VecDeque::new(),
            by_name: BTreeMap::new(),
            by_device: HashMap::new(),
            tunnels: Tunnels::default(),
            cache: Cache::new(seed),
            counters: Counters::default(),
            tracker: Tracker::new(packet::key::mix(seed, 2)),
            recircs: Recircs::default(),
            tags_max: TAGS_MAX,
            again: VecDeque::new(),
            version: 1,
            next_bridge: 0,
            next_rule: 0,
            turn: 0,
            departures: Vec::new(),
            answers: VecDeque::new(),
            punts: Vec::new(),
            paused: VecDeque::new(),
            next_paused: packet::key::mix(seed, 0) >> 16,
            notices: VecDeque::new(),
            connections: BTreeMap::new(),
            next_conn: 0,
            maintain_at: None,
            bfd: BTreeMap::new(),
            next_bfd: seed,
            bfd_news: None,
        }
    }

    /// Adds a bridge without ports and flows.
    pub fn add_bridge(&mut self, name: &str, datapath_id: u64) -> BridgeId {
        let id = BridgeId(self.next_bridge);
        self.next_bridge += 1;
        self.bridges.insert(id, Bridge::new(name.to_owned(), datapath_id));
        self.change_all();
        id
    }

    /// Removes a bridge with its ports and flows.
    pub fn remove_bridge(&mut self, id: BridgeId, now: Instant) {
        let ports: Vec<PortId> =
            self.bridges.get(&id).into_iter().flat_map(|b| b.ports.values().copied()).collect();
        for port in ports {
            self.remove_port(port, now);
        }
        self.bridges.remove(&id);
        self.close_connections_of(id);
        self.change_all();
    }

    /// The packets that are to leave, in the order they were sent; `into` is cleared first and its
    /// room is used for the next ones.
    pub fn take_departures(&mut self, into: &mut Vec<Departure>) {
        into.clear();
        std::mem::swap(into, &mut self.departures);
    }

    /// The shell could not send so many packets; they are counted as dropped.
    pub fn send_failed(&mut self, packets: u64) {
        self.counters.add(Event::DropSend, packets);
    }

    /// Looks at so many tags of a frame, two at most: what lies below them is payload, of the type that the next
    /// tag's TPID says.
    pub fn set_tags_max(&mut self, tags_max: u8) {
        if self.tags_max != tags_max {
            self.tags_max = tags_max;
            self.change_all();
        }
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The number of the flow that was made last.
    pub(crate) const fn newest_rule(&self) -> u64 {
        self.next_rule
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { bridges: &self.bridges, ports: &self.ports, by_name: &self.by_name, recircs: &self.recircs }
    }

    /// A new version of the switch; what is changed by it gets its number.
    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Ports, groups or options of a bridge changed, or the ends of patch ports.
    pub(crate) fn change_all(&mut self) {
        let version = self.next_version();
        for bridge in self.bridges.values_mut() {
            bridge.version = version;
        }
    }
}
