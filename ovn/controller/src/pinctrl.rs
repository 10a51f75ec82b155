//! The connection by which packets come from the switch and go back to it.
//!
//! ```text
//! connected ─► HELLO, GET_CONFIG_REQUEST, SET_PACKET_IN_FORMAT ─► SET_CONFIG ─► PACKET_IN2... PACKET_OUT, RESUME
//! ```
//! What is done with a packet is in [`crate::packet_in`]. Upstream: pinctrl.c.

use openflow::{
    Body, Message, PacketIn2, PacketInFormat, PacketInReason, PacketOut, SwitchConfig, Version, Versions,
};
use std::collections::VecDeque;
use std::time::Instant;

use crate::budget::Budget;
use crate::ofctrl::Xids;
use crate::packet_in::{self, LearnedAt, Names, NeighborAt, Reaction};
use crate::waiting::Waiting;

/// Octets of a packet that come along: all of it.
const WHOLE_PACKET: u16 = u16::MAX;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Pinctrl {
    is_connected: bool,
    waiting: Waiting,
    budget: Budget,
    pub(crate) counters: Counters,
    output: VecDeque<Message>,
}

/// Packets that nothing came of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Octets that are not what the flow took them for.
    pub(crate) malformed: u64,
    /// More from one port than are answered.
    pub(crate) over_budget: u64,
}

/// What is to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    /// A MAC address was seen at a port.
    Mac(LearnedAt),
    /// A neighbour has a MAC address.
    Neighbor(NeighborAt),
}

impl Pinctrl {
    pub(crate) fn connected(&mut self, xids: &mut Xids) {
        self.is_connected = true;
        self.output.clear();
        for body in [
            Body::Hello(Versions::of(&[Version::Of15])),
            Body::GetConfigRequest,
            Body::SetPacketInFormat(PacketInFormat::Nxt2),
        ] {
            self.output.push_back(body.with_xid(xids.next()));
        }
    }

    pub(crate) fn disconnected(&mut self) {
        self.is_connected = false;
        self.waiting.clear();
        self.output.clear();
    }

    pub(crate) fn poll_output(&mut self) -> Option<Message> {
        self.output.pop_front()
    }

    /// Sends packets of our own, if the switch is there to take them.
    pub(crate) fn send(&mut self, packets: Vec<PacketOut>, xids: &mut Xids) {
        if self.is_connected {
            self.output.extend(packets.into_iter().map(|out| Body::PacketOut(out).with_xid(xids.next())));
        }
    }

    /// Takes a message. What is to be written down is given back.
    pub(crate) fn handle(
        &mut self,
        message: Message,
        names: &dyn Names,
        now: Instant,
        xids: &mut Xids,
    ) -> Option<Learned> {
        let Message { xid, body } = message;
        match body {
            Body::EchoRequest(data) => self.output.push_back(Body::EchoReply(data).with_xid(xid)),
            Body::GetConfigReply(config) => {
                let config = SwitchConfig { miss_send_len: WHOLE_PACKET, ..config };
                self.output.push_back(Body::SetConfig(config).with_xid(xids.next()));
            }
            Body::PacketIn2(packet) => return self.packet(packet, names, now, xids),
            Body::Error(error) => {
                tracing::warn!(xid, "the switch answers a packet with an error: {}", error.code)
            }
            // Ports come and go in the database too.
            _ => {}
        }
        None
    }

    fn packet(
        &mut self,
        packet: PacketIn2,
        names: &dyn Names,
        now: Instant,
        xids: &mut Xids,
    ) -> Option<Learned> {
        if packet.reason != PacketInReason::Action {
            return None;
        }
        let (datapath, port) = packet_in::origin(&packet);
        if packet_in::is_answered(&packet) && !self.budget.take(datapath, port, now) {
            self.counters.over_budget += 1;
            return None;
        }
        match packet_in::react(&packet, names) {
            Reaction::Nothing => {}
            Reaction::Malformed => self.counters.malformed += 1,
            Reaction::Learn(learned) => return Some(Learned::Mac(learned)),
            Reaction::Neighbor(neighbor) => {
                let go_on =
                    self.waiting.known(neighbor).map(|packet| Body::Resume(packet).with_xid(xids.next()));
                self.output.extend(go_on);
                return Some(Learned::Neighbor(neighbor));
            }
            Reaction::Ask { hop, question } => {
                self.output.push_back(Body::PacketOut(question).with_xid(xids.next()));
                if packet.continuation.is_some() {
                    self.waiting.add(hop, packet, now);
                }
            }
            Reaction::Resume { packet, is_malformed } => {
                self.counters.malformed += u64::from(is_malformed);
                if packet.continuation.is_some() {
                    self.output.push_back(Body::Resume(packet).with_xid(xids.next()));
                }
            }
            Reaction::Send(out) => self.output.push_back(Body::PacketOut(out).with_xid(xids.next())),
        }
        None
    }
}
