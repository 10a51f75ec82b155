//! Sessions of BFD on ports: their packets in and out, and what they find.

use std::time::Instant;

use openflow::Action;
use packet::Frame;
use packet::key::{FlowKey, L4, Layout, extract, mix, slot};

use super::Switch;
use crate::bfd::{BfdConfig, Session};
use crate::flow::compile_actions;
use crate::port::{PortId, PortKind, Setting};
use crate::xlate::Xlate;

impl Switch {
    /// Begins, changes or ends the session of a port.
    pub(crate) fn set_bfd(&mut self, id: PortId, config: Option<BfdConfig>, now: Instant) {
        match (config, self.bfd.get_mut(&id)) {
            (None, None) => return,
            (None, Some(_)) => {
                self.bfd.remove(&id);
            }
            (Some(config), Some(session)) => session.configure(config, now),
            (Some(config), None) => {
                self.next_bfd = mix(self.next_bfd, 1);
                // The odd half of the numbers has no zero.
                let discriminator = (self.next_bfd >> 32) as u32 | 1;
                self.bfd.insert(id, Session::new(config, discriminator, now));
            }
        }
        self.note_bfd(id, now);
    }

    /// When a session has something to do.
    pub(super) fn bfd_deadline(&self) -> Option<Instant> {
        self.bfd.values().map(Session::poll_timeout).min()
    }

    /// Sends what is due, and notices who is silent.
    pub(super) fn run_bfd(&mut self, now: Instant) {
        let due: Vec<PortId> =
            self.bfd.iter().filter(|(_, session)| session.poll_timeout() <= now).map(|(id, _)| *id).collect();
        for id in due {
            let mac = self.port(id).map(|port| port.mac).unwrap_or_default();
            let frame = self.bfd.get_mut(&id).and_then(|session| {
                let packet = session.poll_transmit(now)?;
                Some(session.config().frame(&packet, mac))
            });
            self.note_bfd(id, now);
            if let Some(frame) = frame {
                self.send_by(id, &frame, now);
            }
        }
    }

    /// Whether a packet that came in by a port was for its session, and is done with.
    pub(super) fn take_bfd(
        &mut self,
        id: PortId,
        frame: &Frame,
        key: &FlowKey,
        layout: &Layout,
        now: Instant,
    ) -> bool {
        if self.bfd.is_empty() || layout.l4 != L4::Udp {
            return false;
        }
        // Through a tunnel that networks share, the other end speaks without a key; with one, a guest does.
        let kind = self.port(id).map(|port| &port.kind);
        let shared = matches!(kind, Some(PortKind::Tunnel(tunnel)) if tunnel.in_key == Setting::Flow);
        if shared && key.get_u64(slot::TUN_ID) != 0 {
            return false;
        }
        let Some(session) = self.bfd.get_mut(&id) else { return false };
        let Some(packet) = session.config().packet_in(frame, key, layout) else { return false };
        session.receive(&packet, now);
        self.note_bfd(id, now);
        true
    }

    /// The sessions by the names of their ports.
    pub(crate) fn bfd_sessions(&mut self) -> Vec<(String, PortId)> {
        let named = self.bfd.keys().filter_map(|id| Some((self.port(*id)?.name.clone(), *id)));
        let mut named: Vec<_> = named.collect();
        named.sort();
        named
    }

    /// What a session finds is what groups and bundles see of the port, and what the database is told.
    pub(crate) fn note_bfd(&mut self, id: PortId, now: Instant) {
        let alive = self.bfd.get(&id).map(Session::forwarding);
        self.bfd_news.get_or_insert(now);
        if self.port(id).is_some_and(|port| port.alive != alive) {
            self.change_port(id, |port| port.alive = alive);
        }
    }

    /// Sends a frame of ours by a port, as an output there would.
    fn send_by(&mut self, id: PortId, frame: &[u8], now: Instant) {
        let Some(port) = self.port(id) else { return };
        let (bridge, number) = (port.bridge, port.number);
        let Some(tlv) = self.bridges.get(&bridge).map(|bridge| &bridge.tlv) else { return };
        let Ok(steps) = compile_actions(&[Action::output(number)], tlv) else { return };
        let mut key = FlowKey::ZERO;
        let layout = extract(frame, &mut key);
        key.set(slot::IN_PORT, u128::from(openflow::PortNo::NONE.0));
        let translation = Xlate::new(self.view(), bridge, key.clone()).start_with(steps).finish();
        self.execute_once(bridge, &translation, Frame::copy_from(frame), layout, &key, now);
    }
}
