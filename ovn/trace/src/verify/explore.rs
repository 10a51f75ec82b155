//! From table to table with sets of packets: the work list.
//!
//! A [`State`] is a set of packets that are at one place and in which each field is the same function of the packet that
//! came in. Of a table's flows, each takes what matches it and none before it. Packets that came to the same place by
//! different ways, and whose fields are the same from there on, are one state again; what nobody looks at any more is
//! forgotten before, so that this is often so.

use super::choices::{Asked, Choices};
use super::flows::{Compiled, Flow, Reads, Texts};
use super::sets::{Set, Sets};
use super::values::{Bit, Given, Value, Values};
use crate::network::{Datapath, Network};
use lflow::Pipeline;
use openflow::Field;
use ovsdb::Uuid;
use schema::sb::LogicalFlow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// The most states that one question may lead to.
pub(super) const STATES_MAX: usize = 2_000_000;
/// The most pipelines that a packet may go through.
pub(super) const HOPS_MAX: u16 = 32;
/// How many results of matches are remembered; when there are more, all are forgotten.
const MATCHES_MAX: usize = 1 << 20;

/// What packets of one state have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) values: Values,
    /// What was pushed, the lowest bits first.
    pub(super) stack: Vec<Vec<Bit>>,
    /// How much was assumed so far.
    pub(super) asked: Asked,
    /// Whether there are other packets made of the same one.
    pub(super) is_copy: bool,
    /// What kind of answer it is, where it is not the packet that came in.
    pub(super) made: Option<&'static str>,
    /// What all packets of the set came in with: the number of one of [`Explorer::given`].
    pub(super) given: usize,
}

/// Packets at one place.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) shape: Shape,
    pub(super) set: Set,
}

/// A place, in the order in which places are visited: packets go from smaller ones to larger ones, save for loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// How many pipelines were begun before this one.
    pub(super) hops: u16,
    /// Number of the datapath.
    pub(super) datapath: usize,
    pub(super) is_egress: bool,
    pub(super) table: u8,
}

impl Place {
    pub(super) fn pipeline(self) -> Pipeline {
        if self.is_egress { Pipeline::Egress } else { Pipeline::Ingress }
    }
}

/// The end of packets' way.
pub(super) enum Event {
    /// Out of the port that was asked for.
    Arrived,
    /// No flow of the table sends them on; with the flow that they match, if there is one.
    Dropped { place: Place, flow: Option<Arc<LogicalFlow>> },
}

impl Event {
    /// Whether two ends are one place.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Arrived, Self::Arrived) => true,
            (Self::Dropped { place: a, flow: f }, Self::Dropped { place: b, flow: g }) => {
                let of = |place: &Place| (place.datapath, place.is_egress, place.table);
                of(a) == of(b) && f.as_ref().map(|row| row.uuid) == g.as_ref().map(|row| row.uuid)
            }
            (Self::Arrived, Self::Dropped { .. }) | (Self::Dropped { .. }, Self::Arrived) => false,
        }
    }
}

/// Why a question has no complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    States,
    Nodes,
    Hops,
}

/// What is to be found out.
pub(super) struct Goal {
    /// The datapath and key of the port to arrive at.
    pub(super) to: (Uuid, u32),
    /// Whether ends of other ways are of interest.
    pub(super) drops: bool,
}

/// An exploration.
pub(super) struct Explorer<'n> {
    pub(super) network: &'n Network,
    pub(super) datapaths: Vec<&'n Datapath>,
    numbers: HashMap<Uuid, usize>,
    pub(super) sets: Sets,
    pub(super) choices: Choices,
    pub(super) goal: Goal,
    /// Bits that packets came in with. They are in the sets too, but from here it is known at once, without a set being
    /// made, that a flow is for none of the packets.
    pub(super) given: Vec<Given>,
    pub(super) events: Vec<(Event, State)>,
    /// What had to be assumed.
    pub(super) notes: BTreeSet<&'static str>,
    pub(super) limit: Option<Limit>,
    pub(super) states: usize,
    compiled: HashMap<usize, Rc<Compiled>>,
    texts: Texts,
    matches: HashMap<(Uuid, usize, Vec<Value>), Set>,
    work: BTreeMap<Place, HashMap<Shape, Set>>,
}

impl<'n> Explorer<'n> {
    pub(super) fn new(network: &'n Network, goal: Goal) -> Self {
        let datapaths: Vec<&Datapath> = network.datapaths().collect();
        let numbers = datapaths.iter().enumerate().map(|(i, datapath)| (datapath.uuid, i)).collect();
        Self {
            network,
            datapaths,
            numbers,
            sets: Sets::default(),
            choices: Choices::default(),
            goal,
            given: vec![Given::default()],
            events: Vec::new(),
            notes: BTreeSet::new(),
            limit: None,
            states: 0,
            compiled: HashMap::new(),
            texts: Texts::new(),
            matches: HashMap::new(),
            work: BTreeMap::new(),
        }
    }

    pub(super) fn number(&self, datapath: Uuid) -> Option<usize> {
        self.numbers.get(&datapath).copied()
    }

    pub(super) fn datapath(&self, place: Place) -> &'n Datapath {
        self.datapaths[place.datapath]
    }

    /// Follows all packets to their ends.
    pub(super) fn run(&mut self) {
        while let Some((place, states)) = self.work.pop_first() {
            let mut states: VecDeque<(Shape, Set)> = states.into_iter().collect();
            // The order of a table of hashes is nobody's business.
            states.make_contiguous().sort_by_key(|(_, set)| *set);
            while let Some((shape, set)) = states.pop_front() {
                self.states += 1;
                if self.states > STATES_MAX {
                    self.limit = Some(Limit::States);
                }
                if self.sets.is_full() {
                    self.limit = Some(Limit::Nodes);
                }
                if matches!(self.limit, Some(Limit::States | Limit::Nodes)) {
                    return;
                }
                self.visit(place, State { shape, set });
                if self.sets.is_crowded() {
                    self.forget_sets(&mut states);
                }
            }
        }
    }

    /// Forgets the sets that nobody needs any more.
    fn forget_sets(&mut self, pending: &mut VecDeque<(Shape, Set)>) {
        self.matches.clear();
        let work = self.work.values_mut().flat_map(HashMap::values_mut);
        let events = self.events.iter_mut().map(|(_, state)| &mut state.set);
        let pending = pending.iter_mut().map(|(_, set)| set);
        self.sets.keep(work.chain(events).chain(pending));
    }

    /// Packets come to a table.
    pub(super) fn enter(&mut self, place: Place, mut state: State) {
        if state.set.is_empty() {
            return;
        }
        if place.hops > HOPS_MAX {
            self.limit = self.limit.or(Some(Limit::Hops));
            return;
        }
        let reads = self.compiled(place.datapath).stages(place.pipeline()).reads(place.table);
        forget(&mut state.shape.values, &reads);
        let known = self.work.entry(place).or_default();
        let before = known.get(&state.shape).copied().unwrap_or(Set::NONE);
        let both = self.sets.or(before, state.set);
        known.insert(state.shape, both);
    }

    pub(super) fn compiled(&mut self, datapath: usize) -> Rc<Compiled> {
        if let Some(known) = self.compiled.get(&datapath) {
            return known.clone();
        }
        let compiled = Rc::new(Compiled::new(self.network, self.datapaths[datapath], &mut self.texts));
        self.compiled.insert(datapath, compiled.clone());
        compiled
    }

    /// Packets in a table: each flow gets what no flow before it got.
    fn visit(&mut self, place: Place, state: State) {
        let flows = self.compiled(place.datapath).stages(place.pipeline()).table(place.table);
        let mut rest = state.set;
        for flow in flows.iter() {
            if rest.is_empty() {
                return;
            }
            let matched = match flow.test.known(&state.shape.values, &self.given[state.shape.given]) {
                Some(false) => continue,
                Some(true) => std::mem::replace(&mut rest, Set::NONE),
                None => {
                    let matching = self.matching(place, flow, &state.shape.values);
                    let matched = self.sets.and(rest, matching);
                    rest = self.sets.minus(rest, matching);
                    matched
                }
            };
            if !matched.is_empty() {
                self.take(place, flow, State { shape: state.shape.clone(), set: matched });
            }
        }
        self.dropped(place, None, State { set: rest, ..state });
    }

    fn take(&mut self, place: Place, flow: &Flow, state: State) {
        let sent = self.actions(place, &flow.actions, state.clone());
        let set = self.sets.minus(state.set, sent);
        self.dropped(place, Some(&flow.row), State { set, ..state });
    }

    fn dropped(&mut self, place: Place, flow: Option<&Arc<LogicalFlow>>, state: State) {
        if self.goal.drops && !state.set.is_empty() {
            self.events.push((Event::Dropped { place, flow: flow.cloned() }, state));
        }
    }

    fn matching(&mut self, place: Place, flow: &Flow, values: &Values) -> Set {
        let tested = flow.tested.iter().map(|field| values.get(*field)).collect();
        let key = (flow.row.uuid, place.datapath, tested);
        if let Some(&known) = self.matches.get(&key) {
            return known;
        }
        let set = flow.test.set(values, &mut self.sets);
        if self.matches.len() >= MATCHES_MAX {
            self.matches.clear();
        }
        self.matches.insert(key, set);
        set
    }
}

/// Forgets registers, and what connection tracking said, as far as nobody reads them.
fn forget(values: &mut Values, reads: &Reads) {
    let fields: Vec<Field> = values.changed().map(|(field, _)| field).collect();
    for field in fields {
        let is_internal = match field {
            Field::Reg(14 | 15) => false,
            Field::Reg(_)
            | Field::CtState
            | Field::CtMark
            | Field::CtLabel
            | Field::CtNwProto
            | Field::CtNwSrc
            | Field::CtNwDst
            | Field::CtIpv6Src
            | Field::CtIpv6Dst
            | Field::CtTpSrc
            | Field::CtTpDst => true,
            _ => false,
        };
        if is_internal {
            values.clear(field, !reads.get(&field).copied().unwrap_or(0));
        }
    }
}
