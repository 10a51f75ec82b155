//! Actions that make and change flows: `learn` and `fin_timeout`.
//!
//! A translation only reads the switch. What is learned is an [`Effect`], which is done when the
//! packet was translated, and again when megaflows give on their counts, so that a learned flow lives
//! while packets come that teach it. The packet itself meets what it taught at once: lookups that
//! follow see it too.

use std::sync::Arc;

use openflow::{Action, Field, FlowMod, FlowModFlags, LearnDst, LearnSrc, Match, PortNo, SetField};
use packet::key::{FlowKey, slot};
use packet::{EtherType, IpProto, TcpFlags};

use super::{Effect, Xlate};
use crate::bridge::BridgeId;
use crate::field::key_of_match;
use crate::flow::{LearnStep, RuleCounters, Steps, compile_instructions};

/// A flow that packets teach.
#[derive(Debug)]
pub(crate) struct Learned {
    pub bridge: BridgeId,
    pub change: FlowMod,
    /// At most so many learned flows with its cookie in its table; 0: any number.
    pub limit: u32,
    pub counters: Arc<RuleCounters>,
}

/// A flow that was learned by this translation, and is not in its table yet.
pub(super) struct Pending {
    pub learned: Arc<Learned>,
    pub value: FlowKey,
    pub mask: FlowKey,
    pub steps: Steps,
}

impl Pending {
    fn is_in(&self, bridge: BridgeId, table: u8) -> bool {
        self.learned.bridge == bridge && self.learned.change.table == Some(table)
    }
}

impl Xlate<'_> {
    pub(super) fn learn(&mut self, step: &LearnStep) {
        let Some(bridge) = self.current() else { return };
        let change = self.flow_to_learn(step);
        let table = step.learn.table;
        let existing = bridge
            .table(table)
            .and_then(|flows| flows.get(&change.matching, change.priority, &bridge.tlv))
            .cloned();
        let known = existing.is_some() || self.pending_like(&change);
        if let Some(result) = &step.result {
            self.depend(Some(table));
            let fits = known || step.learn.limit == 0 || self.learned_so_far(&change) < step.learn.limit;
            self.write_place(result, u128::from(fits));
        }
        if step.learn.limit != 0 && !known {
            self.depend(Some(table));
            if self.learned_so_far(&change) >= step.learn.limit {
                return self.note(|| "learn: the limit is reached".to_owned());
            }
        }
        self.note(|| format!("learned: {change}"));
        let is_news = existing.as_ref().is_none_or(|rule| !rule.is_as_learned(&change));
        let counters = existing.map_or_else(Arc::default, |rule| Arc::clone(rule.counters()));
        let learned = Arc::new(Learned { bridge: self.bridge, change, limit: step.learn.limit, counters });
        if is_news {
            self.meet_later(&learned);
        }
        self.out.effects.push(Effect::Flow(learned));
    }

    /// Has lookups that follow see a learned flow.
    fn meet_later(&mut self, learned: &Arc<Learned>) {
        let Some(bridge) = self.current() else { return };
        let change = &learned.change;
        let found = key_of_match(&change.matching, &bridge.tlv);
        let steps = compile_instructions(&change.instructions, change.table.unwrap_or(0), &bridge.tlv);
        // A flow that cannot be made is refused again when it is to be put in.
        if let (Ok((value, mask)), Ok(steps)) = (found, steps) {
            self.pending.push(Pending { learned: Arc::clone(learned), value, mask, steps });
        }
    }

    /// The newest flow of at least this priority that this translation learned and its packet matches.
    pub(super) fn pending_for(&mut self, key: &FlowKey, table: u8, priority: Option<u16>) -> Option<usize> {
        let (mut looked, mut found) = (FlowKey::ZERO, None);
        for (at, pending) in self.pending.iter().enumerate().filter(|(_, p)| p.is_in(self.bridge, table)) {
            let least = found.map_or(priority, |at: usize| Some(self.pending[at].learned.change.priority));
            for (bits, mask) in looked.words_mut().iter_mut().zip(pending.mask.words()) {
                *bits |= mask;
            }
            let matches = (key & &pending.mask) == pending.value;
            if matches && least.is_none_or(|least| pending.learned.change.priority >= least) {
                found = Some(at);
            }
        }
        self.look_all(&looked);
        found
    }

    /// Whether this translation learned a flow with the same match and priority before.
    fn pending_like(&self, change: &FlowMod) -> bool {
        self.pending.iter().filter(|pending| pending.learned.bridge == self.bridge).any(|pending| {
            let other = &pending.learned.change;
            (other.table, other.priority, &other.matching)
                == (change.table, change.priority, &change.matching)
        })
    }

    /// Learned flows with this cookie in its table, with those of this translation.
    fn learned_so_far(&self, change: &FlowMod) -> u32 {
        let table = change.table.unwrap_or(0);
        let known = self.current().and_then(|bridge| bridge.table(table));
        let known = known.map_or(0, |flows| flows.learned_with(change.cookie));
        let here = self.pending.iter().filter(|pending| {
            pending.is_in(self.bridge, table) && pending.learned.change.cookie == change.cookie
        });
        known + here.count() as u32
    }

    /// The flow that the action makes of the packet as it is now.
    fn flow_to_learn(&mut self, step: &LearnStep) -> FlowMod {
        let learn = &step.learn;
        let mut matching = Match::any();
        let mut actions = Vec::new();
        for (spec, src) in learn.specs.iter().zip(&step.sources) {
            let value = match (&spec.src, src) {
                (LearnSrc::Field(_), Some(place)) => self.read(place),
                (LearnSrc::Immediate(value), _) => *value,
                (LearnSrc::Field(_), None) => 0,
            };
            match spec.dst {
                LearnDst::Match(dst) if dst.field == Field::InPort16 => {
                    matching.set(Field::InPort, PortNo::from_u16(value as u16).0);
                }
                LearnDst::Match(dst) => {
                    let old = matching.get(dst.field).map_or((0, 0), |test| (test.value, test.mask));
                    let bits = SetField::sub(dst, value);
                    let value = old.0 & !bits.mask | bits.value;
                    matching.set_masked(dst.field, value, old.1 | bits.mask);
                }
                LearnDst::Load(dst) => actions.push(Action::set_bits(dst, value)),
                LearnDst::Output => {
                    let port =
                        if spec.bits <= 16 { PortNo::from_u16(value as u16) } else { PortNo(value as u32) };
                    actions.push(Action::output(port));
                }
            }
        }
        if learn.fin_idle_timeout | learn.fin_hard_timeout != 0 {
            actions.push(Action::FinTimeout { idle: learn.fin_idle_timeout, hard: learn.fin_hard_timeout });
        }
        let flags = if learn.send_flow_removed { FlowModFlags::SEND_FLOW_REM } else { 0 };
        FlowMod {
            idle_timeout: learn.idle_timeout,
            hard_timeout: learn.hard_timeout,
            flags: FlowModFlags(flags),
            ..FlowMod::add(learn.table, learn.priority, matching, actions, learn.cookie)
        }
    }

    /// The `fin_timeout` action: a FIN or RST lets the flow live only so many seconds more.
    pub(super) fn fin_timeout(&mut self, idle: u16, hard: u16) {
        let ends = u128::from((TcpFlags::FIN | TcpFlags::RST).0);
        let is_ip = EtherType(self.see(slot::ETH_TYPE) as u16).is_ip();
        if !is_ip || self.see(slot::NW_PROTO) != u128::from(IpProto::TCP.0) {
            return;
        }
        self.look(slot::TCP_FLAGS, ends);
        if self.key.get(slot::TCP_FLAGS) & ends != 0
            && let Some(rule) = self.rule()
        {
            self.out.effects.push(Effect::Shorten { bridge: self.bridge, rule, idle, hard });
        }
    }
}
