//! Connections of controllers and tools: OpenFlow as the switch speaks it.
//!
//! ```text
//!  connect ──► HELLO sent ──HELLO received──► ready: requests answered in order, bundles kept until
//!                  │                             their commit, notices sent as configured
//!                  └──no version in common──► error sent, closed
//! ```
//! The shell moves octets: [`Switch::openflow_input`] with what was read, [`Switch::openflow_output`]
//! for what can be written. Nothing is written faster than it is fetched, so a slow reader costs no
//! memory beyond the bounds of `limits`: at the first its packet-ins are dropped and counted, at the
//! second it is closed.

mod bundle;
mod handle;
mod handover;
mod monitor;
mod multipart;
mod notify;
mod queues;
mod role;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use openflow::{
    Body, BundleId, ErrorCode, ErrorMessage, Framer, Message, PacketInFormat, Role, Version, Versions,
};

use crate::bridge::BridgeId;
use crate::limits::{PROBE_INTERVAL, TX_MAX, TX_PACKETS_MAX};
use crate::switch::Switch;
use bundle::Bundle;
use monitor::Monitors;
use role::AsyncMasks;

/// A connection. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnKind {
    /// Someone who connected to the bridge's management socket: hears of nothing before asking to.
    Service,
    /// A controller that the bridge was configured to connect to.
    Controller,
}

/// What the shell is to do with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnOutput {
    /// Write these octets.
    Send(Vec<u8>),
    /// Close it, and call [`Switch::openflow_closed`].
    Close(&'static str),
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub bridge: BridgeId,
    kind: ConnKind,
    framer: Framer,
    ours: Versions,
    /// What was agreed on, once it was.
    version: Option<Version>,
    /// Octets of an unmatched packet that it gets; 0 keeps a service connection from hearing of anything.
    miss_send_len: u16,
    format: PacketInFormat,
    controller_id: u16,
    role: Role,
    /// What it wants to be told unasked.
    masks: AsyncMasks,
    monitors: Monitors,
    /// Whether flow mods of OpenFlow 1.0 say their table.
    names_tables: bool,
    bundles: BTreeMap<BundleId, Bundle>,
    tx: VecDeque<Vec<u8>>,
    tx_len: usize,
    closing: Option<&'static str>,
    heard: Instant,
    /// An echo request has no reply yet.
    probing: bool,
}

impl Connection {
    fn new(bridge: BridgeId, kind: ConnKind, ours: Versions, now: Instant) -> Self {
        let mut this = Self {
            bridge,
            kind,
            framer: Framer::new(),
            ours,
            version: None,
            miss_send_len: if kind == ConnKind::Service { 0 } else { 128 },
            format: PacketInFormat::Standard,
            controller_id: 0,
            role: Role::Equal,
            masks: AsyncMasks::default(),
            monitors: Monitors::default(),
            names_tables: false,
            bundles: BTreeMap::new(),
            tx: VecDeque::new(),
            tx_len: 0,
            closing: None,
            heard: now,
            probing: false,
        };
        this.queue(Message::encode_hello(0, ours));
        this
    }

    fn queue(&mut self, octets: Vec<u8>) {
        if self.closing.is_some() {
            return;
        }
        self.tx_len += octets.len();
        self.tx.push_back(octets);
        if self.tx_len > TX_MAX {
            self.tx.clear();
            self.close("the peer does not read");
        }
    }

    fn send(&mut self, message: &Message) {
        let version = self.version.unwrap_or(Version::Of15);
        for octets in message.encode_split(version) {
            self.queue(octets);
        }
    }

    fn send_error(&mut self, code: ErrorCode, cause: &[u8]) {
        let xid = cause.get(4..8).and_then(|x| x.try_into().ok()).map_or(0, u32::from_be_bytes);
        self.send(&Body::Error(ErrorMessage::about(code, cause)).with_xid(xid));
    }

    fn close(&mut self, why: &'static str) {
        self.closing.get_or_insert(why);
    }

    /// Whether packets for it must be dropped: it has not read those before.
    fn is_congested(&self) -> bool {
        self.tx_len > TX_PACKETS_MAX
    }

    fn probe_at(&self) -> Instant {
        self.heard + PROBE_INTERVAL * if self.probing { 2 } else { 1 }
    }
}

impl Switch {
    /// Someone connected to a bridge, or the bridge to a controller; these versions may be spoken.
    pub fn openflow_connected(
        &mut self,
        bridge: BridgeId,
        kind: ConnKind,
        versions: Versions,
        now: Instant,
    ) -> ConnId {
        let id = ConnId(self.next_conn);
        self.next_conn += 1;
        self.connections.insert(id, Connection::new(bridge, kind, versions, now));
        id
    }

    /// The connection is gone; bundles that were not committed are forgotten.
    pub fn openflow_closed(&mut self, id: ConnId) {
        self.connections.remove(&id);
    }

    /// The bridge is gone, and what was connected to it has nothing to talk to.
    pub(crate) fn close_connections_of(&mut self, bridge: BridgeId) {
        for connection in self.connections.values_mut().filter(|c| c.bridge == bridge) {
            connection.close("the bridge was removed");
        }
    }

    /// Octets came in.
    pub fn openflow_input(&mut self, id: ConnId, octets: &[u8], now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.heard = now;
        connection.probing = false;
        connection.framer.push(octets);
        loop {
            let Some(connection) = self.connections.get_mut(&id).filter(|c| c.closing.is_none()) else {
                return;
            };
            match connection.framer.next_frame() {
                Ok(Some(frame)) => self.openflow_frame(id, &frame, now),
                Ok(None) => break,
                Err(_) => return connection.close("a message with a length below its header's"),
            }
        }
        self.send_notices();
    }

    /// What the shell is to do next with a connection; call again until it is `None`.
    pub fn openflow_output(&mut self, id: ConnId) -> Option<ConnOutput> {
        self.resume_monitors(id);
        let connection = self.connections.get_mut(&id)?;
        if let Some(octets) = connection.tx.pop_front() {
            connection.tx_len -= octets.len();
            return Some(ConnOutput::Send(octets));
        }
        connection.closing.map(ConnOutput::Close)
    }

    /// Connections that have something to write or are to be closed.
    pub fn openflow_pending(&self) -> impl Iterator<Item = ConnId> + '_ {
        let pending = |c: &Connection| !c.tx.is_empty() || c.closing.is_some() || c.monitors.is_paused();
        self.connections.iter().filter(move |(_, c)| pending(c)).map(|(id, _)| *id)
    }

    /// Whether so much waits to be written that nothing more should be read from the connection.
    pub fn openflow_is_congested(&self, id: ConnId) -> bool {
        self.connections.get(&id).is_some_and(Connection::is_congested)
    }

    /// The next time a connection has to be asked for a sign of life.
    pub(crate) fn probe_deadline(&self) -> Option<Instant> {
        self.connections.values().filter(|c| c.closing.is_none()).map(Connection::probe_at).min()
    }

    /// Asks silent connections for a sign of life, and closes those that gave none.
    pub(crate) fn probe_connections(&mut self, now: Instant) {
        for connection in self.connections.values_mut().filter(|c| c.closing.is_none()) {
            if connection.probe_at() > now {
                continue;
            }
            if connection.probing || connection.version.is_none() {
                connection.close("no sign of life");
            } else {
                connection.probing = true;
                connection.send(&Body::EchoRequest(Vec::new()).with_xid(0));
            }
        }
    }

    /// One whole message.
    fn openflow_frame(&mut self, id: ConnId, frame: &[u8], now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(version) = connection.version else { return agree(connection, frame) };
        match Message::decode(version, frame) {
            Ok(message) => {
                if let Err(code) = self.openflow_message(id, message, frame, now)
                    && let Some(connection) = self.connections.get_mut(&id)
                {
                    connection.send_error(code, frame);
                }
            }
            Err(error) => connection.send(&error.reply()),
        }
    }
}

/// The first message must be a HELLO with a version that both speak.
fn agree(connection: &mut Connection, frame: &[u8]) {
    let Ok(Message { body: Body::Hello(peer), .. }) = Message::decode(Version::Of15, frame) else {
        return connection.close("the first message is no HELLO");
    };
    match connection.ours.negotiate(peer) {
        Some(version) => connection.version = Some(version),
        None => {
            connection.send_error(ErrorCode::HELLO_INCOMPATIBLE, frame);
            connection.close("no version in common");
        }
    }
}

/// Seconds and nanoseconds of a time, as messages have them.
fn duration(time: Duration) -> (u32, u32) {
    (u32::try_from(time.as_secs()).unwrap_or(u32::MAX), time.subsec_nanos())
}

#[cfg(test)]
mod tests;
