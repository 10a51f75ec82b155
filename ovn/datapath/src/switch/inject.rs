//! Packets from and to controllers: packet-out, packet-in, pause and resume.

use std::sync::Arc;
use std::time::Instant;

use openflow::{ErrorCode, Match, PacketIn2, PacketOut, PortNo};
use packet::Frame;
use packet::key::{FlowKey, extract_tags, slot};

use super::{Notice, Switch};
use crate::bridge::BridgeId;
use crate::counters::Event;
use crate::field::key_of_match;
use crate::flow::compile_actions;
use crate::limits::PAUSED_MAX;
use crate::program::Punt;
use crate::xlate::Xlate;

impl Switch {
    /// Executes a controller's actions on its packet.
    ///
    /// # Errors
    /// The code to answer with.
    pub(crate) fn packet_out(
        &mut self,
        id: BridgeId,
        out: &PacketOut,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        if out.buffer_id != u32::MAX {
            return Err(ErrorCode::BUFFER_UNKNOWN);
        }
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        super::filter::check_references(bridge, &out.actions)?;
        let steps = compile_actions(&out.actions, &bridge.tlv)?;
        let (key, layout) = self.pipeline_of(id, &out.metadata, &out.packet)?;
        self.counters.count(Event::PacketOut);
        let translation = Xlate::new(self.view(), id, key.clone()).start_with(steps).finish();
        self.execute_once(id, &translation, Frame::copy_from(&out.packet), layout, &key, now);
        self.settle(now);
        Ok(())
    }

    /// A controller lets a paused packet go on, as the message has it now.
    ///
    /// # Errors
    /// The code to answer with: `RESUME_STALE` if nobody waits under this continuation.
    pub(crate) fn resume(
        &mut self,
        id: BridgeId,
        message: &PacketIn2,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        let token =
            message.continuation.as_deref().and_then(|octets| octets.try_into().ok()).map(u64::from_be_bytes);
        let token = token.ok_or(ErrorCode::RESUME_STALE)?;
        let at = self
            .paused
            .iter()
            .position(|(number, paused)| *number == token && self.bridges.contains_key(&paused.bridge));
        let (_, paused) = at.and_then(|at| self.paused.remove(at)).ok_or(ErrorCode::RESUME_STALE)?;
        let (key, layout) = self.pipeline_of(id, &message.metadata, &message.packet)?;
        self.counters.count(Event::Resume);
        let translation = Xlate::new(self.view(), paused.bridge, key.clone()).start_paused(&paused).finish();
        self.execute_once(paused.bridge, &translation, Frame::copy_from(&message.packet), layout, &key, now);
        self.settle(now);
        Ok(())
    }

    /// The key of a packet that a controller describes.
    fn pipeline_of(
        &self,
        id: BridgeId,
        metadata: &Match,
        packet: &[u8],
    ) -> Result<(FlowKey, packet::key::Layout), ErrorCode> {
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        let (mut key, _) = key_of_match(metadata, &bridge.tlv)?;
        if metadata.in_port().is_none() {
            key.set(slot::IN_PORT, u128::from(PortNo::NONE.0));
        }
        let layout = extract_tags(packet, &mut key, self.tags_max);
        Ok((key, layout))
    }

    /// Sends the frames that programs gave to controllers.
    pub(super) fn deliver_punts(&mut self) {
        if self.punts.is_empty() {
            return;
        }
        let mut punts = std::mem::take(&mut self.punts);
        for (punt, frame) in punts.drain(..) {
            self.deliver_punt(&punt, &frame);
        }
        self.punts = punts;
        self.send_notices();
    }

    fn deliver_punt(&mut self, punt: &Punt, frame: &[u8]) {
        let continuation = punt.pause.as_ref().map(|paused| {
            if self.paused.len() >= PAUSED_MAX {
                self.paused.pop_front();
                self.counters.count(Event::ResumeForgotten);
            }
            self.next_paused += 1;
            self.paused.push_back((self.next_paused, Arc::clone(paused)));
            self.next_paused.to_be_bytes().to_vec()
        });
        let packet_in = Box::new(PacketIn2 {
            packet: frame.to_vec(),
            full_len: None,
            // A paused packet is in no table: it goes on from where the continuation says.
            table: if continuation.is_some() { 0 } else { punt.table },
            cookie: punt.cookie,
            reason: punt.reason,
            metadata: punt.metadata.clone(),
            userdata: punt.userdata.clone(),
            continuation,
        });
        self.notices.push_back(Notice::PacketIn {
            bridge: punt.bridge,
            controller_id: punt.controller_id,
            packet_in,
        });
    }
}
