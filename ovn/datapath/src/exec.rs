//! Programs executed on frames.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use openflow::PortConfig;
use packet::key::{FlowKey, Layout, WORDS, WordSet, extract, mix, rewrite, slot};
use packet::{EtherType, Frame, Gre, Segmenter};

use crate::cache::Turn;
use crate::conntrack::{Cut, Outcome, Rewritten, Tracked, Tracker};
use crate::counters::{Counters, Event};
use crate::device::{Departure, DeviceId, TunnelKind, TunnelPacket};
use crate::limits::ANSWERS_MAX;
use crate::meter::{Gauge, Verdict, remarked};
use crate::oversize::{self, Oversize};
use crate::port::{Port, PortId, PortKind};
use crate::program::{Ct, Encap, Op, Punt};
use crate::recirc::Recirc;

/// What executing a program may touch.
pub(crate) struct Executor<'a> {
    pub ports: &'a mut [Option<Box<Port>>],
    pub departures: &'a mut Vec<Departure>,
    /// Errors about packets that were too large, and the ports that they come in by.
    pub answers: &'a mut VecDeque<(PortId, Frame)>,
    /// Frames for controllers, to be sent after the batch.
    pub punts: &'a mut Vec<(Arc<Punt>, Frame)>,
    pub counters: &'a mut Counters,
    /// Of the packet as it came in: spreads tunnel packets over the paths of the underlay.
    pub hash: u64,
    pub tracker: &'a mut Tracker,
    /// What the tracker knows of the packet.
    pub tracked: Tracked,
    /// How the packet is to be cut where it leaves.
    pub cut: Option<Cut>,
    /// What became of its addresses and ports in this pass.
    pub rewritten: Rewritten,
    /// Packets to go through the tables again.
    pub again: &'a mut VecDeque<Again>,
    /// How often this one did.
    pub depth: u8,
    pub now: Instant,
}

/// A packet to go through the tables again.
#[derive(Debug)]
pub(crate) struct Again {
    pub recirc: Arc<Recirc>,
    pub frame: Frame,
    /// Where its headers are.
    pub layout: Layout,
    pub rewritten: Rewritten,
    pub tracked: Tracked,
    pub cut: Option<Cut>,
    pub depth: u8,
}

impl Again {
    /// What tells it from others on the same way. `None` if its headers do not follow from what it was.
    pub(crate) fn turn(&self) -> Option<Turn> {
        let rewriter = match self.rewritten {
            Rewritten::No => None,
            Rewritten::By(rewriter) => Some(rewriter),
            Rewritten::Otherwise => return None,
        };
        Some(Turn::new(self.recirc.number(), &self.tracked, rewriter))
    }
}

impl Executor<'_> {
    /// Executes a program on a frame as it came in. One that is to be cut goes through whole if the
    /// program can take it so.
    pub(crate) fn run_received(&mut self, ops: &[Op], frame: Frame, layout: Layout) {
        if frame.segments().is_none() || ops.iter().all(Op::takes_segments) {
            return self.run(ops, frame, layout);
        }
        let Some(mut segmenter) = Segmenter::new(&frame) else {
            return self.counters.count(Event::DropSegments);
        };
        // Flags of the parts differ, and so would keys.
        self.rewritten = Rewritten::Otherwise;
        loop {
            let mut octets = vec![0; Frame::HEADROOM];
            if !segmenter.emit(&mut octets) {
                return;
            }
            let segment = Frame::with_headroom(octets, Frame::HEADROOM);
            let layout = extract(&segment, &mut FlowKey::default());
            let (tracked, cut) = (self.tracked.clone(), self.cut);
            self.run(ops, segment, layout);
            (self.tracked, self.cut) = (tracked, cut);
        }
    }

    /// Executes a program on a frame that nobody needs afterwards: the last operation takes it.
    pub(crate) fn run(&mut self, ops: &[Op], mut frame: Frame, mut layout: Layout) {
        let Some((last, rest)) = ops.split_last() else { return };
        for op in rest {
            if !self.step(op, &mut frame, &mut layout) {
                return;
            }
        }
        match last {
            Op::Output(port) => self.output(*port, 0, frame),
            Op::Enqueue(port, queue) => self.output(*port, *queue, frame),
            Op::Tunnel(encap) => self.tunnel(encap, frame),
            Op::Punt(punt) => self.punt(punt, frame),
            Op::Clone(nested) => self.run(nested, frame, layout),
            Op::CheckLarger { length, larger, smaller } => {
                let ops =
                    if self.wire_len(&frame, &layout) > usize::from(*length) { larger } else { smaller };
                self.run(ops, frame, layout);
            }
            Op::Ct(ct) => {
                if self.track(ct, &mut frame, &mut layout) {
                    self.send_again(ct, frame, layout);
                }
            }
            Op::Meter(gauge) => {
                self.measure(gauge, &mut frame, &layout);
            }
            Op::Set(_) | Op::PushVlan { .. } | Op::PopVlan | Op::Truncate(_) | Op::CtClear => {}
        }
    }

    /// Executes one operation that others follow. False if there is nothing left to execute them on.
    fn step(&mut self, op: &Op, frame: &mut Frame, layout: &mut Layout) -> bool {
        match op {
            Op::Output(port) => self.output(*port, 0, frame.clone()),
            Op::Enqueue(port, queue) => self.output(*port, *queue, frame.clone()),
            Op::Tunnel(encap) => self.tunnel(encap, frame.clone()),
            Op::Punt(punt) => self.punt(punt, frame.clone()),
            Op::Set(sets) => rewrite(frame.as_mut_slice(), layout, sets),
            Op::PushVlan { tpid, tci } => {
                let before = frame.len();
                frame.push_vlan(EtherType(*tpid), *tci);
                if frame.len() > before {
                    layout.grow(4);
                    layout.tags += 1;
                }
            }
            Op::PopVlan => {
                if frame.pop_vlan() {
                    layout.shrink(4);
                    layout.tags = layout.tags.saturating_sub(1);
                }
            }
            Op::Truncate(len) => {
                // What is cut off still counts in the checksum.
                frame.finish_checksum();
                layout.partial = false;
                frame.truncate(*len as usize);
            }
            Op::Clone(nested) => {
                let (tracked, cut) = (self.tracked.clone(), self.cut);
                self.run(nested, frame.clone(), *layout);
                (self.tracked, self.cut) = (tracked, cut);
            }
            Op::Ct(ct) => {
                if !self.track(ct, frame, layout) {
                    return false;
                }
                if ct.recirc.is_some() {
                    self.send_again(ct, frame.clone(), *layout);
                }
            }
            Op::CtClear => self.tracked = Tracked::default(),
            Op::Meter(gauge) => return self.measure(gauge, frame, layout),
            Op::CheckLarger { length, larger, smaller } => {
                let ops = if self.wire_len(frame, layout) > usize::from(*length) { larger } else { smaller };
                return ops.iter().all(|op| self.step(op, frame, layout));
            }
        }
        true
    }

    /// Whether the frame passes a meter. Parts of a frame that is still to be cut pass or fail together.
    fn measure(&mut self, gauge: &Gauge, frame: &mut Frame, layout: &Layout) -> bool {
        let packets = Segmenter::new(frame).map_or(1, |segmenter| segmenter.remaining().max(1) as u64);
        match gauge.pass(packets, frame.len() as u64, self.now) {
            Verdict::Pass => {}
            Verdict::Drop => {
                self.counters.count(Event::DropMeter);
                return false;
            }
            Verdict::Remark(by) => remark(frame, layout, by),
        }
        true
    }

    /// Octets that the frame has on a wire: of one that is cut where it leaves, those of the longest part.
    fn wire_len(&self, frame: &Frame, layout: &Layout) -> usize {
        self.cut.map_or(frame.wire_len(), |cut| cut.wire_len(frame.len(), layout))
    }

    /// Sends the packet through the tracker. False if it was a fragment that waits for others.
    fn track(&mut self, ct: &Ct, frame: &mut Frame, layout: &mut Layout) -> bool {
        let outcome = self.tracker.track(&ct.request, &mut self.tracked, frame, Some(layout), self.now);
        self.rewritten = self.rewritten.and(self.tracked.take_rewritten());
        match outcome {
            Outcome::Same => {}
            Outcome::Held => return false,
            outcome @ (Outcome::Rewritten | Outcome::Joined(_)) => {
                self.rewritten = Rewritten::Otherwise;
                *layout = extract(frame, &mut FlowKey::default());
                layout.partial = frame.is_partial();
                if let Outcome::Joined(cut) = outcome {
                    self.cut = Some(cut);
                }
            }
        }
        true
    }

    /// Has a tracked packet go through the tables again, if it is to.
    fn send_again(&mut self, ct: &Ct, frame: Frame, layout: Layout) {
        if let Some(recirc) = &ct.recirc {
            let (recirc, tracked) = (Arc::clone(recirc), self.tracked.clone());
            let (rewritten, cut, depth) = (self.rewritten, self.cut, self.depth + 1);
            self.again.push_back(Again { recirc, frame, layout, rewritten, tracked, cut, depth });
        }
    }

    fn port(&mut self, id: PortId) -> Option<&mut Port> {
        self.ports.get_mut(id.0 as usize)?.as_deref_mut()
    }

    fn output(&mut self, id: PortId, queue: u32, frame: Frame) {
        match self.cut {
            None => self.output_one(id, queue, frame),
            Some(cut) => cut.apply(frame).into_iter().for_each(|frame| self.output_one(id, queue, frame)),
        }
    }

    fn output_one(&mut self, id: PortId, queue: u32, frame: Frame) {
        let Some(port) = self.port(id) else { return self.counters.count(Event::DropPort) };
        let PortKind::Device(device) = port.kind else { return };
        if port.config.0 & PortConfig::NO_FWD != 0 {
            port.counters.tx_dropped += 1;
            return;
        }
        let mtu = port.mtu;
        let most = mtu as usize + ETHERNET_LEN;
        // Of frames that are still to be cut their parts count.
        if mtu != 0 && frame.len() > most && frame.wire_len() > most {
            return self.output_oversize(id, queue, device, frame, mtu);
        }
        self.leave(id, queue, device, frame);
    }

    /// What of a frame that may be too large leaves.
    fn output_oversize(&mut self, id: PortId, queue: u32, device: DeviceId, frame: Frame, mtu: u32) {
        match oversize::treat(frame, mtu) {
            Oversize::Fits(frame) => self.leave(id, queue, device, frame),
            Oversize::Fragments(fragments) => {
                self.counters.count(Event::Fragmented);
                fragments.into_iter().for_each(|fragment| self.leave(id, queue, device, fragment));
            }
            Oversize::Answer(answer) => {
                self.counters.count(Event::DropOversize);
                if self.answers.len() < ANSWERS_MAX {
                    self.counters.count(Event::OversizeAnswered);
                    self.answers.push_back((id, answer));
                }
            }
            Oversize::Lost => self.counters.count(Event::DropOversize),
        }
    }

    /// A frame leaves that is not too large.
    fn leave(&mut self, id: PortId, queue: u32, device: DeviceId, frame: Frame) {
        let now = self.now;
        let Some(port) = self.port(id) else { return };
        if let Some(qos) = &mut port.qos
            && !qos.passes(queue, frame.len() as u64, now)
        {
            port.counters.tx_dropped += 1;
            return;
        }
        port.counters.tx_packets += 1;
        port.counters.tx_bytes += frame.len() as u64;
        self.departures.push(Departure::Device { device, frame });
    }

    fn punt(&mut self, punt: &Arc<Punt>, mut frame: Frame) {
        let passes = |gauge: &Arc<Gauge>| gauge.pass(1, frame.len() as u64, self.now) != Verdict::Drop;
        if !punt.meter.as_ref().is_none_or(passes) {
            return self.counters.count(Event::DropMeter);
        }
        frame.finish_checksum();
        self.punts.push((Arc::clone(punt), frame));
    }

    fn tunnel(&mut self, encap: &Encap, frame: Frame) {
        match self.cut {
            None => self.tunnel_one(encap, frame),
            Some(cut) => cut.apply(frame).into_iter().for_each(|frame| self.tunnel_one(encap, frame)),
        }
    }

    fn tunnel_one(&mut self, encap: &Encap, mut frame: Frame) {
        let octets = frame.len() as u64;
        if let Some(port) = self.port(encap.port) {
            port.counters.tx_packets += 1;
            port.counters.tx_bytes += octets;
        }
        // No card computes or cuts what is inside a tunnel packet.
        if frame.segments().is_some() {
            return self.tunnel_segments(encap, &frame);
        }
        frame.finish_checksum();
        frame.push_front(&encap.header);
        self.finish_gre(encap, frame.as_mut_slice());
        let datagram_len = frame.len();
        self.depart(encap, frame, datagram_len);
    }

    /// Sends the segments of a frame, as many together as may be.
    fn tunnel_segments(&mut self, encap: &Encap, frame: &Frame) {
        let Some(mut segmenter) = Segmenter::new(frame) else {
            return self.counters.count(Event::DropSegments);
        };
        let datagram_len = encap.header.len() + frame.wire_len();
        let most = (TunnelPacket::TRAIN_LEN_MAX / datagram_len).clamp(1, TunnelPacket::TRAIN_MAX);
        while segmenter.remaining() > 0 {
            let n = segmenter.remaining().min(most);
            let mut payload = Vec::with_capacity(n * datagram_len);
            for _ in 0..n {
                let start = payload.len();
                payload.extend_from_slice(&encap.header);
                segmenter.emit(&mut payload);
                self.finish_gre(encap, &mut payload[start..]);
            }
            self.depart(encap, Frame::from(payload), datagram_len);
        }
    }

    /// Gives a packet of GRE what differs from packet to packet: number, time and checksum.
    fn finish_gre(&mut self, encap: &Encap, packet: &mut [u8]) {
        if !matches!(encap.kind, TunnelKind::Gre | TunnelKind::Erspan) {
            return;
        }
        let now = self.now;
        let Some(port) = self.port(encap.port) else { return };
        let time = now.saturating_duration_since(port.added).as_micros() / 100;
        if let (true, Some(field)) =
            (packet.starts_with(&ERSPAN3), packet.get_mut(ERSPAN3_TIMESTAMP..ERSPAN3_TIMESTAMP + 4))
        {
            field.copy_from_slice(&(time as u32).to_be_bytes());
        }
        Gre::finish(packet, port.gre_sequence);
        port.gre_sequence = port.gre_sequence.wrapping_add(1);
    }

    fn depart(&mut self, encap: &Encap, payload: Frame, datagram_len: usize) {
        // The range for ports that no service has (RFC 6335 section 6).
        let source_port = 32768 + (mix(self.hash, 1) % 28232) as u16;
        self.departures.push(Departure::Tunnel(TunnelPacket {
            local: encap.local,
            remote: encap.remote,
            source_port,
            destination_port: encap.udp_port,
            checksum: encap.checksum,
            dont_fragment: encap.dont_fragment,
            tos: encap.tos,
            ttl: encap.ttl,
            payload,
            datagram_len,
        }));
    }
}

/// Octets of an Ethernet header without tags.
const ETHERNET_LEN: usize = 14;

/// How a packet of ERSPAN's second version begins: GRE with a number alone.
const ERSPAN3: [u8; 4] = [0x10, 0, 0x22, 0xeb];
/// Where such a packet says its time.
const ERSPAN3_TIMESTAMP: usize = 12;

/// Raises the drop precedence of an IP packet.
fn remark(frame: &mut Frame, layout: &Layout, by: u8) {
    let mut key = FlowKey::ZERO;
    extract(frame, &mut key);
    if !EtherType(key.get(slot::ETH_TYPE) as u16).is_ip() {
        return;
    }
    let tos = remarked(key.get(slot::NW_TOS) as u8, by);
    let (mut value, mut mask) = (FlowKey::ZERO, FlowKey::ZERO);
    value.set(slot::NW_TOS, tos.into());
    mask.set(slot::NW_TOS, u128::MAX);
    let set = |word: &usize| WordSet { word: *word as u8, mask: mask[*word], value: value[*word] };
    let sets: Vec<WordSet> = (0..WORDS).filter(|word| mask[*word] != 0).map(|word| set(&word)).collect();
    rewrite(frame.as_mut_slice(), layout, &sets);
}
