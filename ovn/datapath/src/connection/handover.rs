//! Connections for another process: the peer does not notice.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use openflow::{Framer, Message, PacketInFormat, Role, Version, Versions};

use super::monitor::Monitors;
use super::role::AsyncMasks;
use super::{ConnId, ConnKind, Connection};
use crate::handover::{HandOverError, In, Kept, Out, kept};
use crate::switch::Switch;

kept!(ConnKind => Service, Controller);

/// A connection as another process had it. What versions may be spoken is of no more interest: one was agreed on.
struct KeptConnection {
    bridge: String,
    kind: ConnKind,
    /// Octets of a message that is not whole yet.
    begun: Vec<u8>,
    version: Version,
    miss_send_len: u16,
    format: PacketInFormat,
    controller_id: u16,
    role: Role,
    masks: AsyncMasks,
    names_tables: bool,
    heard: Instant,
    probing: bool,
    /// Each as the message that asks for it.
    monitors: Vec<Message>,
}

kept!(KeptConnection {
    bridge,
    kind,
    begun,
    version,
    miss_send_len,
    format,
    controller_id,
    role,
    masks,
    names_tables,
    heard,
    probing,
    monitors
});

impl Switch {
    /// A connection for another process. `None` if it is in the middle of something: no version was agreed on, a
    /// bundle is open, or something waits to be written. The peer has to connect anew then.
    pub fn put_connection(&self, id: ConnId, now: Instant) -> Option<Vec<u8>> {
        let Connection {
            bridge,
            kind,
            framer,
            ours: _,
            version,
            miss_send_len,
            format,
            controller_id,
            role,
            masks,
            monitors,
            names_tables,
            bundles,
            tx,
            tx_len: _,
            closing,
            heard,
            probing,
        } = self.connections.get(&id)?;
        if !bundles.is_empty() || monitors.is_paused() || !tx.is_empty() || closing.is_some() {
            return None;
        }
        let kept = KeptConnection {
            bridge: self.bridges.get(bridge)?.name.clone(),
            kind: *kind,
            begun: framer.rest().to_vec(),
            version: (*version)?,
            miss_send_len: *miss_send_len,
            format: *format,
            controller_id: *controller_id,
            role: *role,
            masks: *masks,
            names_tables: *names_tables,
            heard: *heard,
            probing: *probing,
            monitors: monitors.messages(),
        };
        let mut out = Out::new(now);
        kept.put(&mut out);
        Some(out.into_octets())
    }

    /// Goes on with a connection that another process wrote when it was `then`. `None` if its bridge is not here.
    ///
    /// # Errors
    /// When the octets are none of it.
    pub fn take_connection(
        &mut self,
        octets: &[u8],
        then: Instant,
    ) -> Result<Option<(ConnId, String)>, HandOverError> {
        let kept = KeptConnection::read(&mut In::new(octets, then))?;
        let found = self.bridges.iter().find(|(_, bridge)| bridge.name == kept.bridge);
        let Some(bridge) = found.map(|(id, _)| *id) else { return Ok(None) };
        let mut framer = Framer::new();
        framer.push(&kept.begun);
        let id = ConnId(self.next_conn);
        self.next_conn += 1;
        let connection = Connection {
            bridge,
            kind: kept.kind,
            framer,
            ours: Versions::of(&[kept.version]),
            version: Some(kept.version),
            miss_send_len: kept.miss_send_len,
            format: kept.format,
            controller_id: kept.controller_id,
            role: kept.role,
            masks: kept.masks,
            monitors: Monitors::from_messages(kept.monitors),
            names_tables: kept.names_tables,
            bundles: BTreeMap::new(),
            tx: VecDeque::new(),
            tx_len: 0,
            closing: None,
            heard: kept.heard,
            probing: kept.probing,
        };
        self.connections.insert(id, connection);
        Ok(Some((id, kept.bridge)))
    }
}
