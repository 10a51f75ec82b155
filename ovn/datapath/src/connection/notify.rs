//! What controllers are told without having asked at that moment.

use openflow::{
    AsyncKind, Body, FlowRemoved, PacketIn, PacketIn2, PacketInFormat, PortDesc, PortStatus, PortStatusReason,
};

use super::{ConnKind, Connection};
use crate::bridge::BridgeId;
use crate::counters::Event;
use crate::switch::{Notice, Switch};

impl Switch {
    /// Puts waiting notices into the queues of the connections that want them.
    pub(crate) fn send_notices(&mut self) {
        while let Some(notice) = self.notices.pop_front() {
            match notice {
                Notice::PacketIn { bridge, controller_id, packet_in } => {
                    self.send_packet_in(bridge, controller_id, &packet_in);
                }
                Notice::FlowRemoved { bridge, removed } => self.send_flow_removed(bridge, &removed),
                Notice::Port { bridge, reason, desc } => self.send_port_status(bridge, reason, &desc),
            }
        }
    }

    fn listeners(&mut self, bridge: BridgeId) -> impl Iterator<Item = &mut Connection> {
        self.connections.values_mut().filter(move |c| c.bridge == bridge && c.wants_notices())
    }

    fn send_packet_in(&mut self, bridge: BridgeId, controller_id: u16, packet_in: &PacketIn2) {
        let mut sent = 0;
        let mut dropped = 0;
        let reason = u8::from(packet_in.reason);
        for connection in self
            .listeners(bridge)
            .filter(|c| c.controller_id == controller_id && c.wants(AsyncKind::PacketIn, reason))
        {
            if connection.is_congested() {
                dropped += 1;
                continue;
            }
            sent += 1;
            let body = connection.packet_in_body(packet_in);
            connection.send(&body.with_xid(0));
        }
        if sent > 0 {
            self.counters.count(Event::PacketIn);
        }
        if dropped > 0 || sent == 0 {
            self.counters.count(Event::PacketInDrop);
        }
    }

    fn send_flow_removed(&mut self, bridge: BridgeId, removed: &FlowRemoved) {
        let reason = u8::from(removed.reason);
        for connection in self.listeners(bridge).filter(|c| c.wants(AsyncKind::FlowRemoved, reason)) {
            connection.send(&Body::FlowRemoved(removed.clone()).with_xid(0));
        }
    }

    fn send_port_status(&mut self, bridge: BridgeId, reason: PortStatusReason, desc: &PortDesc) {
        let number = match reason {
            PortStatusReason::Add => 0,
            PortStatusReason::Delete => 1,
            PortStatusReason::Modify => 2,
            PortStatusReason::Unknown(n) => n,
        };
        for connection in self.listeners(bridge).filter(|c| c.wants(AsyncKind::PortStatus, number)) {
            connection.send(&Body::PortStatus(PortStatus { reason, desc: desc.clone() }).with_xid(0));
        }
    }
}

impl Connection {
    /// Whether it is ready and wants to hear of what happens.
    fn wants_notices(&self) -> bool {
        let asked = self.kind == ConnKind::Controller || self.miss_send_len != 0;
        self.version.is_some() && self.closing.is_none() && asked
    }

    /// The message has the whole packet, whatever `max_len` and `miss_send_len` say: they are about packets that wait in
    /// a buffer (OpenFlow 1.5.1 section 7.4.1), of which there are none, as in Open vSwitch.
    fn packet_in_body(&self, packet_in: &PacketIn2) -> Body {
        match self.format {
            PacketInFormat::Nxt2 => Body::PacketIn2(packet_in.clone()),
            PacketInFormat::Standard | PacketInFormat::Nxt => {
                let body = if self.format == PacketInFormat::Nxt { Body::NxPacketIn } else { Body::PacketIn };
                body(PacketIn {
                    buffer_id: u32::MAX,
                    total_len: u16::try_from(packet_in.packet.len()).unwrap_or(u16::MAX),
                    reason: packet_in.reason,
                    table: packet_in.table,
                    cookie: packet_in.cookie,
                    metadata: packet_in.metadata.clone(),
                    packet: packet_in.packet.clone(),
                })
            }
        }
    }
}
