//! The daemon around the switch: the database Open_vSwitch says which bridges and interfaces there
//! are, devices are asked for and answered, and what became of them is written back.
//!
//! ```text
//!  database ──rows──► config ──difference to what is──► bridges, ports, OpenDevice, CloseDevice, Listen...
//!     ▲                                                                  │
//!     └── ofport, error, state, cur_cfg ◄── status ◄── device_opened, device_failed, device_changed
//! ```
//! The difference is computed whole each time anything is asked for anew, so an interface that could
//! not be made is tried again then, and one that fails never keeps others from being made. `cur_cfg`
//! follows `next_cfg` when every device asked for has been answered.
//!
//! Nothing is done without the lock `ovs_vswitchd`: a second switch on one database waits.

mod apply;
mod config;
mod devices;
mod mirrors;
mod numbers;
mod options;
mod qos;
mod status;
#[cfg(test)]
mod tests;
mod zones;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use openflow::Versions;
use ovsdb::Str;
use ovsdb::replica::{LostReason, Replica, ReplicaEvent, ReplicaOptions, TxnId, TxnOutcome};
use ovsdb::rpc::Message;
use packet::MacAddr;
use schema::vswitch::{self, TableId, Tables};

use crate::connection::{ConnId, ConnKind};
use crate::device::{Captures, DeviceId, DeviceInfo, DeviceKind};
use crate::switch::Switch;
use config::Config;
use devices::{Interface, State};

/// What the shell is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Open a device and answer with [`Vswitchd::device_opened`] or [`Vswitchd::device_failed`].
    OpenDevice {
        /// The number to answer with.
        id: DeviceId,
        /// Name of the interface.
        name: String,
        /// Whether to make it.
        kind: DeviceKind,
        /// What to record, if it is a dummy.
        captures: Captures,
        /// Largest payload wanted.
        mtu: Option<u32>,
        /// Ethernet address wanted; only interfaces that are made get it.
        mac: Option<MacAddr>,
    },
    /// Change an open device; [`Vswitchd::device_changed`] tells what it is then.
    ChangeDevice {
        /// The device.
        id: DeviceId,
        /// Largest payload wanted.
        mtu: Option<u32>,
        /// Ethernet address wanted.
        mac: Option<MacAddr>,
    },
    /// Close a device, and remove it if it was made.
    CloseDevice {
        /// The device.
        id: DeviceId,
    },
    /// Take connections on the bridge's management socket (`<rundir>/<bridge>.mgmt`).
    Listen {
        /// Name of the bridge.
        bridge: String,
    },
    /// Take none any more; open ones are closed by the switch.
    Unlisten {
        /// Name of the bridge.
        bridge: String,
    },
    /// Receive tunnel packets on this UDP port.
    OpenTunnel {
        /// The port.
        udp_port: u16,
    },
    /// Receive none there any more.
    CloseTunnel {
        /// The port.
        udp_port: u16,
    },
}

/// The lock that only one switch at a time holds.
const LOCK: &str = "ovs_vswitchd";

/// The tables that are read or written.
const TABLES: [TableId; 10] = [
    TableId::OpenVSwitch,
    TableId::Bridge,
    TableId::Port,
    TableId::Interface,
    TableId::Mirror,
    TableId::QoS,
    TableId::Queue,
    TableId::Datapath,
    TableId::CtZone,
    TableId::CtTimeoutPolicy,
];

/// A switch configured by the database Open_vSwitch.
#[derive(Debug)]
pub struct Vswitchd {
    switch: Switch,
    replica: Replica,
    tables: Tables,
    /// What was put into effect last.
    config: Config,
    /// Put the configuration into effect again though it is the same: what failed may work now.
    again: bool,
    bridges: BTreeMap<Str, BridgeState>,
    /// By name, which is unique among all bridges.
    interfaces: BTreeMap<Str, Interface>,
    by_device: BTreeMap<DeviceId, Str>,
    next_device: u32,
    udp_ports: BTreeSet<u16>,
    outputs: VecDeque<Output>,
    /// The transaction on its way; one at a time.
    writing: Option<TxnId>,
    lost: Option<LostReason>,
    /// The last transaction was refused: nothing is written until something changes.
    refused: bool,
    stats_at: Option<Instant>,
    numbers: numbers::Numbers,
}

/// A bridge that is there.
#[derive(Debug)]
struct BridgeState {
    id: crate::BridgeId,
    secure: bool,
    versions: Versions,
}

impl Vswitchd {
    /// A switch that has not heard of its database yet. The seed makes its hashes unlike any other's.
    pub fn new(seed: u64) -> Self {
        let monitors: Vec<_> = TABLES.iter().map(|table| table.monitor()).collect();
        let tables = Tables::with_monitors(&monitors);
        let options = ReplicaOptions { lock: Some(LOCK.into()), ..ReplicaOptions::default() };
        Self {
            switch: Switch::new(seed),
            replica: Replica::new(vswitch::schema().clone(), monitors, options),
            tables,
            config: Config::default(),
            again: false,
            bridges: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            by_device: BTreeMap::new(),
            next_device: 0,
            udp_ports: BTreeSet::new(),
            outputs: VecDeque::new(),
            writing: None,
            lost: None,
            refused: false,
            stats_at: None,
            numbers: numbers::Numbers::default(),
        }
    }

    /// Whether all rows are known, so that [`Vswitchd::take_over`] can be called.
    pub fn is_synced(&self) -> bool {
        self.replica.is_synced()
    }

    /// Makes what the database asks for though another switch holds the lock, whose place this one takes: the shell
    /// answers with the other's devices. Nothing is written before the lock is ours.
    pub fn take_over(&mut self, now: Instant) {
        let config = config::read(&self.tables);
        self.apply(config, now);
    }

    /// The open devices by name, for a process that takes over.
    pub fn devices(&self) -> impl Iterator<Item = (&str, DeviceId, DeviceInfo)> {
        self.interfaces.iter().filter_map(|(name, interface)| match &interface.state {
            State::Open(id, info) => Some((&**name, *id, *info)),
            State::Opening(_) | State::Virtual | State::Failed(_) => None,
        })
    }

    /// The switch itself.
    pub fn switch(&self) -> &Switch {
        &self.switch
    }

    /// The switch itself, for packets and OpenFlow. Bridges and ports are the database's.
    pub fn switch_mut(&mut self) -> &mut Switch {
        &mut self.switch
    }

    /// A connection to the database server is there.
    pub fn database_connected(&mut self, now: Instant) {
        self.replica.connected(now);
    }

    /// The connection to the database server is gone; the switch goes on as it is.
    pub fn database_disconnected(&mut self, now: Instant) {
        self.replica.disconnected(now);
        self.database_events(now);
    }

    /// The database server said something.
    pub fn database_message(&mut self, message: Message, now: Instant) {
        self.replica.handle_message(message, now);
        self.database_events(now);
    }

    /// Octets of a message came from the database server: it lives.
    pub fn database_activity(&mut self, now: Instant) {
        self.replica.handle_activity(now);
    }

    /// The next message for the database server.
    pub fn poll_database(&mut self) -> Option<Message> {
        self.replica.poll_output()
    }

    /// The next thing that the shell is to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next time [`Vswitchd::handle_timeout`] has something to do, and what.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let stats = self.stats_at.map(|at| (at, "interface statistics"));
        let bfd = self.switch.bfd_news.map(|at| (at, "BFD status"));
        [bfd, self.switch.poll_timeout(), self.replica.poll_timeout(), stats].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.switch.handle_timeout(now);
        self.replica.handle_timeout(now);
        self.database_events(now);
        let news = self.switch.bfd_news.take().is_some();
        if news || self.stats_at.is_some_and(|at| at <= now) {
            self.write_status(now);
        }
    }

    /// Someone connected to a bridge's management socket.
    pub fn openflow_accepted(&mut self, bridge: &str, now: Instant) -> Option<ConnId> {
        let state = self.bridges.get(bridge)?;
        Some(self.switch.openflow_connected(state.id, ConnKind::Service, state.versions, now))
    }

    /// Whether this switch holds the lock and acts.
    pub fn is_active(&self) -> bool {
        self.replica.holds_lock()
    }

    /// Why the connection to the database is of no more use, once: the shell closes it.
    pub fn poll_database_lost(&mut self) -> Option<LostReason> {
        self.lost.take()
    }

    fn database_events(&mut self, now: Instant) {
        let mut news = false;
        while let Some(event) = self.replica.poll_event() {
            match event {
                ReplicaEvent::Synced | ReplicaEvent::Lock(_) => news = true,
                ReplicaEvent::Changes(changes) => {
                    news = true;
                    self.refused = false;
                    for change in &changes {
                        if let Err(error) = self.tables.apply(change) {
                            tracing::warn!(%error, "row left as it was");
                        }
                    }
                }
                ReplicaEvent::TxnDone { id, outcome } => {
                    if self.writing == Some(id) {
                        self.writing = None;
                        news = true;
                    }
                    if let TxnOutcome::Error(error) = outcome {
                        tracing::warn!(%error, "status could not be written");
                        self.refused = true;
                    }
                }
                ReplicaEvent::Lost(reason) => {
                    tracing::info!(%reason, "database connection lost");
                    self.lost = Some(reason);
                }
            }
        }
        if news {
            self.reconfigure(now);
        }
    }
}
