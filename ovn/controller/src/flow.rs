//! A flow of the integration bridge, as units emit it.

use lflow::expr::Conjunction;
use openflow::{Action, Match};
use ovsdb::Uuid;
use std::cmp::Ordering;
use std::sync::Arc;

use crate::tables::OfTable;

/// What a switch tells flows apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    pub table: OfTable,
    pub priority: u16,
    pub matching: Match,
}

impl FlowKey {
    pub fn new(table: OfTable, priority: u16, mut matching: Match) -> Arc<Self> {
        matching.shrink();
        Arc::new(Self { table, priority, matching })
    }
}

/// A flow with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    pub key: Arc<FlowKey>,
    /// The first 32 bits of the UUID of the southbound row that it was made from; zero for none.
    pub cookie: u32,
    pub action: FlowAction,
    /// Whose conjunction ids, counted from zero, the match and the conjunctions of this flow mean.
    pub conjunctive: Option<ConjunctionOwner>,
}

/// What a flow does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FlowAction {
    /// None drop the packet.
    Actions(Arc<[Action]>),
    /// It is an alternative of conjunctive matches. Several flows with one match become one.
    Conjunctions(Vec<Conjunction>),
}

/// Who uses conjunction ids: one logical flow on one datapath.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConjunctionOwner {
    pub flow: Uuid,
    pub datapath: u32,
    /// How many ids it uses.
    pub count: u32,
}

impl PartialOrd for FlowAction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Actions that are shared are found equal without being looked at.
impl Ord for FlowAction {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Actions(a), Self::Actions(b)) if Arc::ptr_eq(a, b) => Ordering::Equal,
            (Self::Actions(a), Self::Actions(b)) => a.cmp(b),
            (Self::Conjunctions(a), Self::Conjunctions(b)) => a.cmp(b),
            (Self::Actions(_), Self::Conjunctions(_)) => Ordering::Less,
            (Self::Conjunctions(_), Self::Actions(_)) => Ordering::Greater,
        }
    }
}
