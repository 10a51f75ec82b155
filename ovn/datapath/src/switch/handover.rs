//! The switch for another process: see [`crate::handover`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use openflow::{
    Body, Bucket, FlowMod, FlowRemovedReason, GroupMod, GroupModCommand, Message, MeterConfig, MeterId,
    MeterMod, MeterModCommand, PortConfig, PortNo, TlvMap, TlvTableCommand, TlvTableMod,
};

use super::{Changes, Switch};
use crate::bfd::Session;
use crate::bridge::{Bridge, BridgeId, Fragments};
use crate::counters::Event;
use crate::fdb::KeptAddress;
use crate::flow::{Counted, KeptRule, Rule, compile_actions};
use crate::group::{Group, GroupCounters};
use crate::handover::{HandOverError, In, Kept, Out, kept};
use crate::meter::Meter;
use crate::port::PortCounters;
use crate::qos::QueueCounts;
use crate::tlv::TlvTable;

/// A copy of a switch while it is made.
#[derive(Debug)]
pub struct Copying {
    at: At,
    /// The newest flow when the copy began: those made later go with the rest.
    newest: u64,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Beginning,
    /// The flows after this one.
    Flows(BridgeId, u8, u64),
    /// The connections from this place on.
    Connections(u32),
    End,
}

/// What a part holds.
const BEGINNING: u8 = 0;
const FLOWS: u8 = 1;
const CONNECTIONS: u8 = 2;
const END: u8 = 3;
const REST: u8 = 4;

/// Octets of flows in one part, about.
const PART_LEN: usize = 64 << 10;
/// Connections in one part: about as many octets.
const PART_CONNECTIONS: u32 = 400;
/// Buckets in one message of a group, so that it does not become too long.
const MESSAGE_BUCKETS: usize = 16;

impl Switch {
    /// Begins a copy. What changes from now on is noted, until [`Switch::end_copy`].
    pub fn begin_copy(&self) -> Copying {
        Copying { at: At::Beginning, newest: self.next_rule }
    }

    /// The next part of a copy; `None` when there is no more. All of it is as it is at `now`.
    pub fn copy_part(&mut self, copying: &mut Copying, now: Instant) -> Option<Vec<u8>> {
        let mut out = Out::new(now);
        copying.at = match copying.at {
            At::Beginning => {
                BEGINNING.put(&mut out);
                self.tracker.begin_copy(&mut out);
                let tables = self.bridges.values().map(|b| (b.name.clone(), b.tlv.maps()));
                tables.collect::<BTreeMap<_, _>>().put(&mut out);
                self.bridges.keys().next().map_or(At::Connections(0), |id| At::Flows(*id, 0, 0))
            }
            At::Flows(bridge, table, after) => {
                self.copy_flows((bridge, table, after), copying.newest, &mut out)
            }
            At::Connections(from) => {
                CONNECTIONS.put(&mut out);
                let next = self.tracker.put_connections(from, PART_CONNECTIONS, &mut out);
                if next.is_none() {
                    END.put(&mut out);
                }
                next.map_or(At::End, At::Connections)
            }
            At::End => return None,
        };
        Some(out.into_octets())
    }

    /// Writes flows of one table, and says where to go on.
    fn copy_flows(&self, (id, number, after): (BridgeId, u8, u64), newest: u64, out: &mut Out) -> At {
        FLOWS.put(out);
        let bridge = self.bridges.get(&id);
        bridge.map(|bridge| bridge.name.clone()).unwrap_or_default().put(out);
        let table = bridge.and_then(|bridge| bridge.table(number));
        for rule in table.into_iter().flat_map(|table| table.rules_after(after)) {
            if rule.id > newest {
                break;
            }
            if out.len() > PART_LEN {
                // The numbers of flows begin with 1.
                return At::Flows(id, number, rule.id - 1);
            }
            rule.put(out);
        }
        let next = bridge.and_then(|bridge| bridge.tables().map(|(other, _)| other).find(|n| *n > number));
        if let Some(next) = next {
            return At::Flows(id, next, 0);
        }
        let next = self.bridges.range(id..).map(|(other, _)| *other).find(|other| *other != id);
        next.map_or(At::Connections(0), |id| At::Flows(id, 0, 0))
    }

    /// The copy is done, or given up.
    pub fn end_copy(&mut self) {
        self.tracker.end_copy();
    }

    /// What changed since the copy was made, and all that is no part of it.
    pub fn copy_rest(&mut self, copying: &Copying, now: Instant) -> Vec<u8> {
        self.push_counters(now);
        let mut out = Out::new(now);
        REST.put(&mut out);
        self.next_rule.put(&mut out);
        let events = Event::ALL.iter().map(|event| (event.name().to_owned(), self.counters.get(*event)));
        events.collect::<BTreeMap<_, _>>().put(&mut out);
        self.bridges.len().put(&mut out);
        for bridge in self.bridges.values() {
            put_bridge(bridge, copying.newest, &mut out);
        }
        let ports: Vec<_> = self.ports.iter().flatten().collect();
        ports.len().put(&mut out);
        for port in ports {
            port.name.put(&mut out);
            let kept = KeptPort {
                number: port.number,
                config: port.config.0,
                added: port.added,
                counters: port.counters,
                gre_sequence: port.gre_sequence,
                queues: port.qos.as_ref().map(|qos| qos.counted()).unwrap_or_default(),
            };
            kept.put(&mut out);
            let session = self.by_name.get(&port.name).and_then(|id| self.bfd.get(id));
            session.is_some().put(&mut out);
            if let Some(session) = session {
                session.put(&mut out);
            }
        }
        self.tracker.put_rest(&mut out);
        out.into_octets()
    }

    /// Takes a part of another switch's copy, or the rest, written when it was `then`. Bridges and ports are those of
    /// this switch; what belongs to others is passed over.
    ///
    /// # Errors
    /// When it cannot be taken: this switch is of no use then.
    pub fn take_part(&mut self, part: &[u8], then: Instant) -> Result<(), HandOverError> {
        let mut from = In::new(part, then);
        while !from.is_empty() {
            match u8::read(&mut from)? {
                BEGINNING => self.take_beginning(&mut from)?,
                FLOWS => self.take_flows(&mut from)?,
                CONNECTIONS => self.tracker.take_connections(&mut from)?,
                END => self.tracker.sort_connections(),
                REST => self.take_rest(&mut from)?,
                _ => return Err(HandOverError::Damaged("a part")),
            }
        }
        Ok(())
    }

    fn take_beginning(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        self.tracker.take_beginning(from)?;
        let tables: BTreeMap<String, Vec<TlvMap>> = Kept::read(from)?;
        let names: Vec<(BridgeId, String)> =
            self.bridges.iter().map(|(id, b)| (*id, b.name.clone())).collect();
        for (id, name) in names {
            let done = self.flow_mod(id, &FlowMod::delete_all(), false, &mut Changes::default(), from.now());
            let refused = |code| HandOverError::Refused { bridge: name.clone(), code };
            done.map_err(refused)?;
            let Some(bridge) = self.bridges.get_mut(&id) else { continue };
            let maps = tables.get(&name).cloned().unwrap_or_default();
            let add = TlvTableMod { command: TlvTableCommand::Add, maps };
            bridge.tlv = TlvTable::default().changed(&add, 0).map_err(refused)?;
            bridge.doings.clear();
        }
        Ok(())
    }

    fn take_flows(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        let name = String::read(from)?;
        let id = self.bridge_of(&name);
        while !from.is_empty() {
            let rule = KeptRule::read(from)?;
            if let Some(id) = id {
                self.take_rule(id, &name, rule)?;
            }
        }
        Ok(())
    }

    fn take_rule(&mut self, id: BridgeId, name: &str, kept: KeptRule) -> Result<(), HandOverError> {
        let KeptRule { id: rule_id, learned, change, created, modified, counters } = kept;
        let table = change.table.unwrap_or(0);
        let taken = self.rule_unchecked(id, table, &change, counters, modified).and_then(|rule| {
            let rule = Rule { id: rule_id, learned, created, modified, ..rule };
            self.flow_insert(id, rule, &mut Changes::default())
        });
        taken.map_err(|code| HandOverError::Refused { bridge: name.to_owned(), code })
    }

    fn take_rest(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        let next_rule = u64::read(from)?;
        let events: BTreeMap<String, u64> = Kept::read(from)?;
        for event in Event::ALL {
            self.counters.add(*event, events.get(event.name()).copied().unwrap_or(0));
        }
        for _ in 0..usize::read(from)? {
            self.take_bridge(from)?;
        }
        self.next_rule = self.next_rule.max(next_rule);
        for _ in 0..usize::read(from)? {
            self.take_port(from)?;
        }
        self.tracker.take_rest(from)?;
        self.change_all();
        Ok(())
    }

    fn take_bridge(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        let kept = KeptBridge::read(from)?;
        let name = kept.name.clone();
        let id = self.bridge_of(&name);
        if let Some(bridge) = id.and_then(|id| self.bridges.get_mut(&id)) {
            take_settings(bridge, kept)?;
        }
        let mut here = BTreeSet::new();
        for _ in 0..usize::read(from)? {
            let (table, rule_id, counted) = <(u8, u64, Counted)>::read(from)?;
            here.insert((table, rule_id));
            let rule = if bool::read(from)? { Some(KeptRule::read(from)?) } else { None };
            match (id, rule) {
                (None, _) => {}
                (Some(id), Some(rule)) => self.take_rule(id, &name, rule)?,
                (Some(id), None) => {
                    let table = self.bridges.get_mut(&id).and_then(|bridge| bridge.table_mut(table));
                    let table = table.ok_or(HandOverError::Damaged("a table"))?;
                    let known = table.by_id(rule_id);
                    let known = known.ok_or(HandOverError::Damaged("a flow that was never copied"))?;
                    if known.counted().counted() != counted {
                        known.counters().set(counted);
                    }
                    // Its timeouts may be shorter now.
                    table.refile(rule_id);
                }
            }
        }
        let Some(id) = id else { return Ok(()) };
        let rules: Vec<Arc<Rule>> =
            self.bridges.get(&id).into_iter().flat_map(Bridge::rules).cloned().collect();
        for rule in rules.into_iter().filter(|rule| !here.contains(&(rule.table, rule.id))) {
            self.flow_remove(id, rule, FlowRemovedReason::Delete, &mut Changes::default());
        }
        Ok(())
    }

    fn take_port(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        let (name, kept) = (String::read(from)?, KeptPort::read(from)?);
        let id = self.port_named(&name);
        let has_session = bool::read(from)?;
        if has_session {
            let session = id.and_then(|id| self.bfd.get_mut(&id));
            Session::take(session, from)?;
        }
        let Some(id) = id else { return Ok(()) };
        if self.port(id).is_some_and(|port| port.number != kept.number) {
            return Err(HandOverError::Differs(format!("the number of port {name}")));
        }
        if let Some(port) = self.ports.get_mut(id.0 as usize).and_then(Option::as_deref_mut) {
            port.config = PortConfig(kept.config);
            port.added = kept.added;
            port.counters = kept.counters;
            port.gre_sequence = kept.gre_sequence;
            if let Some(qos) = &mut port.qos {
                qos.take(kept.queues);
            }
        }
        if has_session {
            self.note_bfd(id, from.now());
        }
        Ok(())
    }

    fn bridge_of(&self, name: &str) -> Option<BridgeId> {
        self.bridges.iter().find(|(_, bridge)| bridge.name == name).map(|(id, _)| *id)
    }
}

/// Writes a bridge; flows as old as the copy by their numbers alone.
fn put_bridge(bridge: &Bridge, newest: u64, out: &mut Out) {
    bridge.name.put(out);
    bridge.tlv.maps().put(out);
    bridge.fragments.to_flags().put(out);
    bridge.generation.put(out);
    bridge.groups.len().put(out);
    for (id, group) in &bridge.groups {
        let Group { kind, buckets, steps: _, selection, created, counters } = group;
        created.put(out);
        counters.counted().put(out);
        // A message has no room for all buckets that a group may have.
        let parts: Vec<&[Bucket]> = buckets.chunks(MESSAGE_BUCKETS).collect();
        parts.len().max(1).put(out);
        for buckets in parts.into_iter().chain(buckets.is_empty().then_some(&[][..])) {
            let command = GroupModCommand::Add;
            let (buckets, selection) = (buckets.to_vec(), selection.clone());
            Body::GroupMod(GroupMod { command, kind: *kind, group: *id, buckets, selection })
                .with_xid(0)
                .put(out);
        }
    }
    bridge.meters.len().put(out);
    for meter in bridge.meters.values() {
        let Meter { config: MeterConfig { meter, flags, bands }, created, gauge } = meter.clone();
        created.put(out);
        Body::MeterMod(MeterMod { command: MeterModCommand::Add, flags, meter, bands }).with_xid(0).put(out);
        gauge.put(out);
    }
    bridge.fdb.put(out);
    bridge.rules().count().put(out);
    for rule in bridge.rules() {
        (rule.table, rule.id, rule.counted().counted()).put(out);
        let is_new = rule.id > newest;
        is_new.put(out);
        if is_new {
            rule.put(out);
        }
    }
}

/// A bridge but for its flows and for what the database says of it.
struct KeptBridge {
    name: String,
    tlv: Vec<TlvMap>,
    fragments: u16,
    generation: Option<u64>,
    groups: Vec<(GroupMod, Instant, Arc<GroupCounters>)>,
    meters: BTreeMap<MeterId, Meter>,
    fdb: Vec<KeptAddress>,
}

impl KeptBridge {
    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        Ok(Self {
            name: Kept::read(from)?,
            tlv: Kept::read(from)?,
            fragments: Kept::read(from)?,
            generation: Kept::read(from)?,
            groups: (0..usize::read(from)?).map(|_| read_group(from)).collect::<Result<_, _>>()?,
            meters: (0..usize::read(from)?).map(|_| read_meter(from)).collect::<Result<_, _>>()?,
            fdb: Kept::read(from)?,
        })
    }
}

fn read_group(from: &mut In<'_>) -> Result<(GroupMod, Instant, Arc<GroupCounters>), HandOverError> {
    let created = Instant::read(from)?;
    let counters = GroupCounters::of(Kept::read(from)?);
    let mut whole: Option<GroupMod> = None;
    for _ in 0..usize::read(from)? {
        let Body::GroupMod(part) = Message::read(from)?.body else {
            return Err(HandOverError::Damaged("a group"));
        };
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => whole.buckets.extend(part.buckets),
        }
    }
    Ok((whole.ok_or(HandOverError::Damaged("a group"))?, created, counters))
}

fn read_meter(from: &mut In<'_>) -> Result<(MeterId, Meter), HandOverError> {
    let created = Instant::read(from)?;
    let Body::MeterMod(MeterMod { command: _, flags, meter, bands }) = Message::read(from)?.body else {
        return Err(HandOverError::Damaged("a meter"));
    };
    let kept = Meter::new(MeterConfig { meter, flags, bands }, created, from.now());
    kept.gauge.take(from)?;
    Ok((meter, kept))
}

/// Groups, meters and learned addresses are replaced by those of the other switch.
fn take_settings(bridge: &mut Bridge, kept: KeptBridge) -> Result<(), HandOverError> {
    let KeptBridge { name, tlv, fragments, generation, groups, meters, fdb } = kept;
    if bridge.tlv.maps() != tlv {
        return Err(HandOverError::Differs(format!("what bridge {name} knows of tunnel options")));
    }
    bridge.fragments = Fragments::from_flags(fragments).unwrap_or_default();
    bridge.generation = generation;
    bridge.groups.clear();
    for (GroupMod { command: _, kind, group, buckets, selection }, created, counters) in groups {
        let steps = buckets.iter().map(|bucket| compile_actions(&bucket.actions, &bridge.tlv));
        let steps = steps.collect::<Result<_, _>>();
        let steps = steps.map_err(|code| HandOverError::Refused { bridge: name.clone(), code })?;
        bridge.groups.insert(group, Group { kind, buckets, steps, selection, created, counters });
    }
    bridge.meters = meters;
    bridge.fdb.take(fdb);
    Ok(())
}

struct KeptPort {
    number: PortNo,
    config: u32,
    added: Instant,
    counters: PortCounters,
    gre_sequence: u32,
    /// When each queue began, and what went through it.
    queues: BTreeMap<u32, (Instant, QueueCounts)>,
}

kept!(KeptPort { number, config, added, counters, gre_sequence, queues });
kept!(QueueCounts { packets, octets, dropped });
kept!(PortCounters { rx_packets, rx_bytes, rx_dropped, tx_packets, tx_bytes, tx_dropped });
kept!(TlvMap { class, kind, length, index });
