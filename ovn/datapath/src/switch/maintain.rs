//! What is done from time to time: counters given to flows, caches and timeouts seen to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use openflow::FlowRemovedReason;
use packet::MacAddr;

use super::receive::still_holds;
use super::{Changes, Switch};
use crate::bridge::{Bridge, BridgeId};
use crate::cache::Megaflow;
use crate::port::Port;
use crate::xlate::{Credit, Effect};

/// How often caches are seen to while there is something in them.
const INTERVAL: Duration = Duration::from_secs(1);

impl Switch {
    /// The next time [`Switch::handle_timeout`] has something to do, and what.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let flows = self.bridges.values().flat_map(|bridge| bridge.tables());
        let flows = flows.filter_map(|(_, table)| table.next_deadline()).map(|at| (at, "flow timeout"));
        let fdb = self.bridges.values().filter_map(|bridge| bridge.fdb.next_deadline());
        let fdb = fdb.map(|at| (at, "learned address ageing"));
        let caches = self.maintain_at.map(|at| (at, "flow cache upkeep"));
        let probes = self.probe_deadline().map(|at| (at, "connection probe"));
        let tracker = self.tracker.next_deadline().map(|at| (at, "connection expiry"));
        let bfd = self.bfd_deadline().map(|at| (at, "BFD"));
        flows.chain(fdb).chain(bfd).chain(caches).chain(probes).chain(tracker).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.maintain_at.is_some_and(|at| at <= now) {
            self.push_counters(now);
            self.cache.expire(now);
            self.recircs.sweep();
            self.maintain_at = (self.cache.len() > 0).then(|| now + INTERVAL);
        }
        if self.tracker.next_deadline().is_some_and(|at| at <= now) {
            self.tracker.handle_timeout(now);
        }
        self.run_bfd(now);
        let bridges: Vec<BridgeId> = self.bridges.keys().copied().collect();
        for bridge in bridges {
            self.expire_bridge(bridge, now);
        }
        self.probe_connections(now);
        self.send_notices();
    }

    /// Makes sure that caches will be seen to.
    pub(super) fn schedule_maintenance(&mut self, now: Instant) {
        self.maintain_at.get_or_insert(now + INTERVAL);
    }

    fn expire_bridge(&mut self, id: BridgeId, now: Instant) {
        let Some(bridge) = self.bridges.get(&id) else { return };
        let is_due = |table: &crate::flow::FlowTable| table.next_deadline().is_some_and(|at| at <= now);
        if bridge.tables().any(|(_, table)| is_due(table)) {
            // Idle timeouts look at counters, so what caches counted must be in them first.
            self.push_counters(now);
            self.expire_flows(id, now);
        }
        let Some(bridge) = self.bridges.get_mut(&id) else { return };
        if bridge.fdb.expire(now) {
            self.version += 1;
        }
    }

    fn expire_flows(&mut self, id: BridgeId, now: Instant) {
        let Some(bridge) = self.bridges.get_mut(&id) else { return };
        let mut gone = Vec::new();
        let version = self.version + 1;
        for (_, table) in bridge.tables_mut() {
            for rule in table.expired(now) {
                gone.push(rule);
                table.version = version;
            }
        }
        if gone.is_empty() {
            return;
        }
        self.version = version;
        let mut changes = Changes::default();
        for rule in gone {
            let hard = rule.hard_deadline().is_some_and(|at| at <= now);
            let reason = if hard { FlowRemovedReason::HardTimeout } else { FlowRemovedReason::IdleTimeout };
            let Some(bridge) = self.bridges.get_mut(&id) else { return };
            let tlv = bridge.tlv.clone();
            if let Some(table) = bridge.table_mut(rule.table) {
                table.remove(&rule, &tlv);
            }
            changes.note_removed(rule, reason);
        }
        self.commit(id, changes, now);
    }

    /// Gives what megaflows counted to the flows and ports that they passed through, and does again
    /// what their packets make the switch do.
    pub(crate) fn push_counters(&mut self, now: Instant) {
        self.credit_retired(now);
        let mut late = Late::default();
        for flow in self.cache.iter_mut().filter(|flow| flow.new_packets > 0) {
            let (packets, octets) = (flow.new_packets, flow.new_octets);
            for credit in &flow.credits {
                give(credit, packets, octets, &mut self.ports, flow.used);
            }
            late.note(flow, &self.bridges);
            flow.packets += packets;
            flow.octets += octets;
            (flow.new_packets, flow.new_octets) = (0, 0);
        }
        self.apply_late(late, now);
    }

    /// The same for megaflows that are gone.
    pub(super) fn credit_retired(&mut self, now: Instant) {
        let mut late = Late::default();
        for flow in self.cache.take_retired() {
            for credit in &flow.credits {
                give(credit, flow.new_packets, flow.new_octets, &mut self.ports, flow.used);
            }
            late.note(&flow, &self.bridges);
        }
        self.apply_late(late, now);
    }

    fn apply_late(&mut self, late: Late, now: Instant) {
        for (turn, used, effect) in late.seen.into_values() {
            self.apply_effects(&[effect], used.min(now), turn);
        }
        let mut others = late.others;
        others.sort_by_key(|other| other.turn);
        for Other { turn, used, effect, holds } in others {
            match effect {
                Effect::Flow(learned) if !holds => self.refresh_learned(&learned, used.min(now)),
                effect => self.apply_effects(&[effect], used.min(now), turn),
            }
        }
    }
}

/// What the packets of megaflows made the switch do, told after the packets have gone.
#[derive(Default)]
struct Late {
    /// Of what was seen of one address the last counts.
    seen: BTreeMap<(BridgeId, u16, MacAddr), (u64, Instant, Effect)>,
    others: Vec<Other>,
}

/// One thing that is no address.
struct Other {
    turn: u64,
    used: Instant,
    effect: Effect,
    /// The flows that teach are still there. What was taught by flows that are gone since is not
    /// taught again; it lives on if it is there.
    holds: bool,
}

impl Late {
    fn note(&mut self, flow: &Megaflow, bridges: &BTreeMap<BridgeId, Bridge>) {
        let (turn, used) = (flow.turn, flow.used);
        for effect in &flow.effects {
            let effect = effect.clone();
            let Effect::Learn { bridge, vlan, mac, .. } = effect else {
                self.others.push(Other { turn, used, effect, holds: still_holds(flow, bridges) });
                continue;
            };
            let last = self.seen.entry((bridge, vlan, mac)).or_insert_with(|| (turn, used, effect.clone()));
            if last.0 <= turn {
                *last = (turn, used, effect);
            }
        }
    }
}

/// Counts packets where they belong.
pub(super) fn give(
    credit: &Credit,
    packets: u64,
    octets: u64,
    ports: &mut [Option<Box<Port>>],
    used: Instant,
) {
    match credit {
        Credit::Rule(counters) => counters.add(packets, octets, used),
        Credit::Group(counters) => counters.add(None, packets, octets),
        Credit::Bucket(counters, at) => counters.add(Some(*at), packets, octets),
        Credit::Sent(id) => {
            if let Some(Some(port)) = ports.get_mut(id.0 as usize) {
                port.counters.tx_packets += packets;
                port.counters.tx_bytes += octets;
            }
        }
        Credit::Received(id) => {
            if let Some(Some(port)) = ports.get_mut(id.0 as usize) {
                port.counters.rx_packets += packets;
                port.counters.rx_bytes += octets;
            }
        }
    }
}
