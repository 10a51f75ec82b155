//! What controllers are told without having asked at that moment.

use openflow::{
    Body, FlowRemoved, PacketIn, PacketIn2, PacketInFormat, PacketInReason, PortDesc, PortStatus,
    PortStatusReason, Role,
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
                Notice::PacketIn { bridge, controller_id, packet_in, max_len } => {
                    self.send_packet_in(bridge, controller_id, &packet_in, max_len);
                }
                Notice::FlowRemoved { bridge, removed } => self.send_flow_removed(bridge, &removed),
                Notice::Port { bridge, reason, desc } => self.send_port_status(bridge, reason, &desc),
            }
        }
    }

    fn listeners(&mut self, bridge: BridgeId) -> impl Iterator<Item = &mut Connection> {
        self.connections.values_mut().filter(move |c| c.bridge == bridge && c.wants_notices())
    }

    fn send_packet_in(&mut self, bridge: BridgeId, controller_id: u16, packet_in: &PacketIn2, max_len: u16) {
        let mut sent = 0;
        let mut dropped = 0;
        for connection in
            self.listeners(bridge).filter(|c| c.controller_id == controller_id && c.role != Role::Secondary)
        {
            if connection.is_congested() {
                dropped += 1;
                continue;
            }
            sent += 1;
            let body = connection.packet_in_body(packet_in, max_len);
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
        for connection in self.listeners(bridge).filter(|c| c.role != Role::Secondary) {
            connection.send(&Body::FlowRemoved(removed.clone()).with_xid(0));
        }
    }

    fn send_port_status(&mut self, bridge: BridgeId, reason: PortStatusReason, desc: &PortDesc) {
        for connection in self.listeners(bridge) {
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

    fn packet_in_body(&self, packet_in: &PacketIn2, max_len: u16) -> Body {
        let missed = matches!(
            packet_in.reason,
            PacketInReason::NoMatch | PacketInReason::ExplicitMiss | PacketInReason::ImplicitMiss
        );
        let len_max = usize::from(if missed { self.miss_send_len } else { max_len });
        let full_len = packet_in.packet.len();
        // A packet that is to be resumed is whole, as it comes back from the controller.
        let len = if packet_in.continuation.is_some() { full_len } else { full_len.min(len_max) };
        let packet = packet_in.packet[..len].to_vec();
        match self.format {
            PacketInFormat::Nxt2 => Body::PacketIn2(PacketIn2 {
                packet,
                full_len: (len < full_len).then_some(full_len as u32),
                ..packet_in.clone()
            }),
            PacketInFormat::Standard | PacketInFormat::Nxt => {
                let body = if self.format == PacketInFormat::Nxt { Body::NxPacketIn } else { Body::PacketIn };
                body(PacketIn {
                    buffer_id: u32::MAX,
                    total_len: u16::try_from(full_len).unwrap_or(u16::MAX),
                    reason: packet_in.reason,
                    table: packet_in.table,
                    cookie: packet_in.cookie,
                    metadata: packet_in.metadata.clone(),
                    packet,
                })
            }
        }
    }
}
