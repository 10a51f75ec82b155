//! Packets on their way in: caches, translation, execution.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use openflow::PortConfig;
use packet::key::{FlowKey, L4, Layout, extract_tags, slot};
use packet::{Erspan, ErspanForm, EtherType, Frame, Geneve, Gre, Joiner, Malformed, Vxlan};

use super::Switch;
use crate::bridge::{Bridge, BridgeId};
use crate::cache::{Megaflow, MegaflowId, WayId};
use crate::conntrack::{Cut, Rewritten, Tracked};
use crate::counters::Event;
use crate::device::{DeviceId, Outer, TunnelKind};
use crate::exec::{Again, Executor};
use crate::limits::{RECIRC_COPIES_MAX, RECIRC_DEPTH_MAX};
use crate::police::passes;
use crate::port::PortId;
use crate::recirc::restrict;
use crate::xlate::{Depends, Effect, Translation, Xlate};

/// One way of a packet through the tables.
struct Pass {
    tracked: Tracked,
    /// How the packet is to be cut where it leaves.
    cut: Option<Cut>,
    /// How many there were before.
    depth: u8,
}

impl Switch {
    /// Frames came in by a device. What they cause to be sent is there to be taken afterwards.
    pub fn receive(&mut self, device: DeviceId, frames: impl IntoIterator<Item = Frame>, now: Instant) {
        let Some(port) = self.by_device.get(&device).copied() else {
            self.counters.count(Event::DropNoPort);
            return;
        };
        let mut key = FlowKey::ZERO;
        key.set(slot::IN_PORT, u128::from(port.0));
        for frame in frames {
            self.process(port, &mut key, frame, now);
        }
        self.settle(now);
    }

    /// Datagrams of one sender came in together on a tunnel's UDP port: `payload` is what follows their
    /// UDP headers, in pieces of `datagram_len` octets, the last of which may be shorter.
    pub fn tunnel_datagrams(
        &mut self,
        udp_port: u16,
        outer: impl Into<Outer>,
        payload: Frame,
        datagram_len: usize,
        now: Instant,
    ) {
        let outer = outer.into();
        if payload.len() <= datagram_len {
            return self.tunnel_datagram(udp_port, outer, payload, now);
        }
        let mut key = FlowKey::ZERO;
        // The port and header of the packet before, and it with those that followed it.
        let mut open: Option<(PortId, &[u8], Joiner)> = None;
        for datagram in payload.chunks(datagram_len.max(1)) {
            if let Some((port, header, joiner)) = &mut open
                && datagram.starts_with(header)
            {
                let inner = &datagram[header.len()..];
                if !joiner.add(inner) {
                    let frame = std::mem::replace(joiner, Joiner::new(Frame::copy_from(inner))).finish();
                    self.process(*port, &mut key, frame, now);
                }
                continue;
            }
            if let Some((port, _, joiner)) = open.take() {
                self.process(port, &mut key, joiner.finish(), now);
            }
            key = FlowKey::ZERO;
            match self.decapsulate(udp_port, &outer, datagram, &mut key) {
                Ok((port, header_len)) => {
                    let (header, inner) = datagram.split_at(header_len);
                    open = Some((port, header, Joiner::new(Frame::copy_from(inner))));
                }
                Err(event) => self.counters.count(event),
            }
        }
        if let Some((port, _, joiner)) = open {
            self.process(port, &mut key, joiner.finish(), now);
        }
        self.settle(now);
    }

    /// A datagram came in on a tunnel's UDP port: `payload` is what follows the UDP header, or the IP header of GRE.
    pub fn tunnel_datagram(
        &mut self,
        udp_port: u16,
        outer: impl Into<Outer>,
        mut payload: Frame,
        now: Instant,
    ) {
        let mut key = FlowKey::ZERO;
        match self.decapsulate(udp_port, &outer.into(), &payload, &mut key) {
            Ok((port, header_len)) => {
                payload.pull_front(header_len);
                self.process(port, &mut key, payload, now);
                self.settle(now);
            }
            Err(event) => self.counters.count(event),
        }
    }

    /// Reads a tunnel header into the key: the port that the packet is for, and octets of the header.
    fn decapsulate(
        &self,
        udp_port: u16,
        outer: &Outer,
        payload: &[u8],
        key: &mut FlowKey,
    ) -> Result<(PortId, usize), Event> {
        let kind = self.tunnels.kind(udp_port).ok_or(Event::DropTunnelPort)?;
        let malformed = |_| Event::DropTunnelHeader;
        let (kind, id, geneve, rest) = match kind {
            TunnelKind::Geneve => {
                let (geneve, rest) = Geneve::parse(payload).map_err(malformed)?;
                (kind, geneve.vni.get(), Some(geneve), rest)
            }
            TunnelKind::Vxlan => {
                let (vxlan, rest) = Vxlan::parse(payload).map_err(malformed)?;
                (kind, vxlan.vni.get(), None, rest)
            }
            TunnelKind::Gre | TunnelKind::Erspan => {
                let (kind, id, rest) = gre(payload, key).map_err(malformed)?;
                (kind, id, None, rest)
            }
        };
        let Outer { from, to, tos, ttl } = *outer;
        let port = self.tunnels.lookup(kind, udp_port, id, from, to).ok_or(Event::DropTunnelPort)?;
        let bridge =
            self.port(port).and_then(|port| self.bridges.get(&port.bridge)).ok_or(Event::DropNoPort)?;
        if let Some(geneve) = geneve {
            // A payload that is no frame has no meaning here.
            if geneve.protocol != EtherType::ETHERNET || !bridge.tlv.read(&geneve, key) {
                return Err(Event::DropTunnelHeader);
            }
            key.set(slot::TUN_FLAGS, u128::from(geneve.oam));
        }
        key.set(slot::TUN_ID, u128::from(id));
        key.set(slot::TUN_TOS, u128::from(tos));
        key.set(slot::TUN_TTL, u128::from(ttl));
        key.set(slot::TUN_SRC, address_bits(from));
        key.set(slot::TUN_DST, address_bits(to));
        key.set(slot::IN_PORT, u128::from(port.0));
        Ok((port, payload.len() - rest.len()))
    }

    /// What is left when a batch of packets has gone through: answers to those that were too large, which are packets
    /// themselves, and what controllers are to get.
    pub(super) fn settle(&mut self, now: Instant) {
        // An answer is never answered, so this ends.
        while let Some((port, frame)) = self.answers.pop_front() {
            let mut key = FlowKey::ZERO;
            key.set(slot::IN_PORT, u128::from(port.0));
            self.process(port, &mut key, frame, now);
        }
        self.deliver_punts();
    }

    /// One packet that came in by a port; the pipeline's part of the key is set.
    fn process(&mut self, port_id: PortId, key: &mut FlowKey, mut frame: Frame, now: Instant) {
        let Some(port) = self.ports.get_mut(port_id.0 as usize).and_then(Option::as_deref_mut) else {
            return self.counters.count(Event::DropNoPort);
        };
        port.counters.rx_packets += 1;
        port.counters.rx_bytes += frame.len() as u64;
        if port.config.0 & (PortConfig::NO_RECV | PortConfig::PORT_DOWN) != 0 {
            port.counters.rx_dropped += 1;
            return;
        }
        if !port.police.is_empty() && !passes(&port.police, frame.len(), now) {
            port.counters.rx_dropped += 1;
            return self.counters.count(Event::DropPolicing);
        }
        let (bridge, number) = (port.bridge, port.number);
        let layout = extract_left(&mut frame, key, self.tags_max);
        if self.take_bfd(port_id, &frame, key, &layout, now) {
            return;
        }
        let (id, way) = match self.known(key) {
            Some(known) => known,
            None => {
                let mut pipeline = key.clone();
                pipeline.set(slot::IN_PORT, u128::from(number.0));
                let translation = Xlate::new(self.view(), bridge, pipeline).start().finish();
                (self.keep(translation, key, now), None)
            }
        };
        // Fragments become other packets on their way.
        let way = way.filter(|_| self.is_steady(id) && key.get_u64(slot::NW_FRAG) == 0);
        let first = Pass { tracked: Tracked::default(), cut: None, depth: 0 };
        self.execute(id, key, frame, layout, first, now);
        self.go_on(key, way, now);
    }

    /// The packets that a packet sent through the tables again, until there are none left. `key` is
    /// the one it was looked up by, and `way` is its way, if that is known.
    fn go_on(&mut self, key: &FlowKey, mut way: Option<WayId>, now: Instant) {
        let mut copies = 0;
        while let Some(mut again) = self.again.pop_front() {
            let at = copies;
            copies += 1;
            if again.depth > RECIRC_DEPTH_MAX || copies > RECIRC_COPIES_MAX as usize {
                self.counters.count(Event::DropRecirc);
                way = None;
                continue;
            }
            self.counters.count(Event::Recirculated);
            let turn = again.turn();
            let step = way.zip(turn.as_ref()).and_then(|(way, turn)| self.cache.step(way, at, turn));
            let id = match step.filter(|id| self.is_valid(*id)) {
                Some(id) => {
                    self.counters.count(Event::ExactHit);
                    id
                }
                None => {
                    let id = self.find_again(key, &mut again, now);
                    way = way.filter(|way| turn.is_some_and(|turn| self.cache.note_step(*way, at, turn, id)));
                    id
                }
            };
            way = way.filter(|_| self.is_steady(id));
            let Again { frame, layout, tracked, cut, depth, .. } = again;
            self.execute(id, key, frame, layout, Pass { tracked, cut, depth }, now);
        }
    }

    /// The megaflow of a packet that goes through the tables again, found by its headers as they are now.
    fn find_again(&mut self, first: &FlowKey, again: &mut Again, now: Instant) -> MegaflowId {
        let mut key = first.clone();
        again.recirc.mark(&mut key);
        again.tracked.write(&mut key);
        again.layout = extract_left(&mut again.frame, &mut key, self.tags_max);
        if let Some((id, _)) = self.known(&key) {
            return id;
        }
        let frozen = &again.recirc.frozen;
        let translation = Xlate::new(self.view(), frozen.bridge, key.clone()).start_again(frozen).finish();
        self.keep(translation, &key, now)
    }

    /// The megaflow that a packet belongs to, if there is one and it still holds, and the packet's way.
    fn known(&mut self, key: &FlowKey) -> Option<(MegaflowId, Option<WayId>)> {
        let known @ (id, _) = self.cache.lookup(key, &mut self.counters)?;
        if !self.is_valid(id) {
            self.counters.count(Event::MegaflowStale);
            self.cache.forget(id);
            return None;
        }
        Some(known)
    }

    fn is_steady(&self, id: MegaflowId) -> bool {
        self.cache.get(id).is_some_and(|flow| flow.steady)
    }

    /// Keeps what came out of the tables for the packet of this key.
    fn keep(&mut self, mut translation: Translation, key: &FlowKey, now: Instant) -> MegaflowId {
        self.counters.count(Event::Upcall);
        restrict(&mut translation.looked, key);
        let valid = self.version;
        let effects = translation.effects.clone();
        self.schedule_maintenance(now);
        let id = self.cache.insert(key, translation, valid, now, &mut self.counters);
        self.credit_retired(now);
        self.apply_effects(&effects, now, self.turn + 1);
        id
    }

    /// Executes a megaflow's program on one of its packets, and counts. `key` is that of the packet as it came in.
    fn execute(
        &mut self,
        id: MegaflowId,
        key: &FlowKey,
        frame: Frame,
        layout: Layout,
        pass: Pass,
        now: Instant,
    ) {
        let Some(flow) = self.cache.get_mut(id) else { return };
        flow.used = now;
        self.turn += 1;
        flow.turn = self.turn;
        // Flows may have gone since it last taught them; afterwards counters being given on does it.
        let is_first = flow.new_packets == 0;
        let teaches = |effect: &Effect| !matches!(effect, Effect::Learn { .. });
        let taught: Vec<Effect> = match is_first && flow.packets != 0 && flow.effects.iter().any(teaches) {
            true => flow.effects.iter().filter(|effect| teaches(effect)).cloned().collect(),
            false => Vec::new(),
        };
        flow.new_packets += 1;
        flow.new_octets += frame.len() as u64;
        for event in &flow.events {
            self.counters.count(*event);
        }
        let hash = if flow.ops.iter().any(|op| matches!(op, crate::program::Op::Tunnel(_))) {
            flow_hash(key)
        } else {
            0
        };
        let mut executor = Executor {
            ports: &mut self.ports,
            departures: &mut self.departures,
            answers: &mut self.answers,
            punts: &mut self.punts,
            counters: &mut self.counters,
            hash,
            tracker: &mut self.tracker,
            tracked: pass.tracked,
            cut: pass.cut,
            rewritten: Rewritten::No,
            again: &mut self.again,
            depth: pass.depth,
            now,
        };
        executor.run_received(&flow.ops, frame, layout);
        self.apply_effects(&taught, now, self.turn);
    }

    /// Whether nothing changed that the megaflow depends on.
    fn is_valid(&mut self, id: MegaflowId) -> bool {
        let version = self.version;
        let Some(flow) = self.cache.get_mut(id) else { return false };
        if flow.valid == version {
            return true;
        }
        let valid = still_holds(flow, &self.bridges);
        if valid {
            flow.valid = version;
        }
        valid
    }

    /// Does what packets make the switch do besides forwarding them. They came at `now`, the last of them as the
    /// packet of this number.
    pub(super) fn apply_effects(&mut self, effects: &[Effect], now: Instant, turn: u64) {
        for effect in effects {
            let (bridge, vlan, mac, port) = match effect {
                Effect::Learn { bridge, vlan, mac, port } => (*bridge, *vlan, *mac, *port),
                Effect::Flow(learned) => {
                    self.learn(learned, now);
                    continue;
                }
                Effect::Shorten { bridge, rule, idle, hard } => {
                    self.shorten(*bridge, rule, *idle, *hard);
                    continue;
                }
            };
            let Some(found) = self.bridges.get_mut(&bridge) else { continue };
            if found.fdb.learn(vlan, mac, port, (now, turn)) {
                self.version += 1;
            }
        }
    }

    /// Executes a translation that is not kept, on one frame.
    pub(super) fn execute_once(
        &mut self,
        bridge: BridgeId,
        translation: &Translation,
        frame: Frame,
        layout: Layout,
        key: &FlowKey,
        now: Instant,
    ) {
        let octets = frame.len() as u64;
        for event in &translation.events {
            self.counters.count(*event);
        }
        for credit in &translation.credits {
            super::maintain::give(credit, 1, octets, &mut self.ports, now);
        }
        let mut executor = Executor {
            ports: &mut self.ports,
            departures: &mut self.departures,
            answers: &mut self.answers,
            punts: &mut self.punts,
            counters: &mut self.counters,
            hash: flow_hash(key),
            tracker: &mut self.tracker,
            tracked: Tracked::from_key(key),
            cut: None,
            rewritten: Rewritten::No,
            again: &mut self.again,
            depth: 0,
            now,
        };
        executor.run(&translation.ops, frame, layout);
        // Packets that go on are looked up by the port's own number, not by its number in the bridge.
        let mut lookup = key.clone();
        let number = openflow::PortNo(key.get(slot::IN_PORT) as u32);
        let port = self.bridges.get(&bridge).and_then(|bridge| bridge.ports.get(&number));
        lookup.set(slot::IN_PORT, port.map_or(u128::MAX, |port| u128::from(port.0)));
        self.go_on(&lookup, None, now);
        self.apply_effects(&translation.effects, now, self.turn);
    }
}

/// Whether nothing changed that a megaflow depends on since it was last known to hold.
pub(super) fn still_holds(flow: &Megaflow, bridges: &BTreeMap<BridgeId, Bridge>) -> bool {
    let unchanged = |depends: &Depends| {
        let Some(bridge) = bridges.get(&depends.bridge) else { return false };
        let tables = (0..crate::bridge::TABLES)
            .filter(|table| depends.tables[usize::from(table / 64)] >> (table % 64) & 1 != 0);
        bridge.version <= flow.valid
            && depends.addresses.iter().all(|((vlan, mac), port)| bridge.fdb.lookup(*vlan, *mac) == *port)
            && tables.filter_map(|table| bridge.table(table)).all(|table| table.version <= flow.valid)
    };
    flow.depends.iter().all(unchanged)
}

/// Extracts the key of a frame, and notes in the layout what its sender left undone. A checksum over
/// anything but the transport header that was found is finished here, as nothing keeps it up to date.
fn extract_left(frame: &mut Frame, key: &mut FlowKey, tags_max: u8) -> Layout {
    let mut layout = extract_tags(frame, key, tags_max);
    if let Some(partial) = frame.offload().partial {
        let transport = matches!(layout.l4, L4::Tcp | L4::Udp) && u32::from(partial.start) == layout.l4_at;
        if !transport {
            frame.finish_checksum();
        }
        layout.partial = transport;
    }
    layout
}

/// The same for all packets of one connection.
fn flow_hash(key: &FlowKey) -> u64 {
    let mut hash = 0;
    for slot in [slot::NW_SRC, slot::NW_DST] {
        let word = usize::from(slot.word);
        hash = packet::key::mix(packet::key::mix(hash, key[word]), key[word + 1]);
    }
    let ends = key.get_u64(slot::TP_SRC) << 16 | key.get_u64(slot::TP_DST);
    hash = packet::key::mix(hash, ends << 8 | key.get_u64(slot::NW_PROTO));
    packet::key::mix(hash, key.get_u64(slot::ETH_SRC) ^ key.get_u64(slot::ETH_DST) << 16)
}

/// Reads a header of GRE: what is spoken, the key, and the frame. What ERSPAN says of it goes into the flow key.
fn gre<'a>(payload: &'a [u8], key: &mut FlowKey) -> Result<(TunnelKind, u32, &'a [u8]), Malformed> {
    let (gre, rest) = Gre::parse(payload)?;
    match gre.protocol {
        EtherType::ETHERNET => Ok((TunnelKind::Gre, gre.key.unwrap_or(0), rest)),
        Gre::ERSPAN2 | Gre::ERSPAN3 if gre.sequence.is_some() => {
            let (erspan, rest) = Erspan::parse(rest)?;
            match erspan.form {
                ErspanForm::Index(index) => {
                    key.set(slot::TUN_ERSPAN_VER, 1);
                    key.set(slot::TUN_ERSPAN_IDX, index.into());
                }
                ErspanForm::Hardware { egress, hwid, timestamp: _ } => {
                    key.set(slot::TUN_ERSPAN_VER, 2);
                    key.set(slot::TUN_ERSPAN_DIR, egress.into());
                    key.set(slot::TUN_ERSPAN_HWID, hwid.into());
                }
            }
            Ok((TunnelKind::Erspan, erspan.session.into(), rest))
        }
        _ => Err(Malformed { layer: "gre", offset: 2, what: "a protocol that carries no frames" }),
    }
}

/// An address as the key holds it.
fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
