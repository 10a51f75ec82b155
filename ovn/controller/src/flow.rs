//! A flow of the integration bridge, as units emit it.

use lflow::expr::Conjunction;
use openflow::{Action, Match};
use ovsdb::Uuid;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::tables::OfTable;

/// What a switch tells flows apart by: table, priority and match.
///
/// There are as many as flows, so it is kept in as few octets as it takes, those in which matches are sent: the table,
/// two of priority, the fields.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey(Arc<[u8]>);

/// How many octets stand before the match.
const HEAD: usize = 3;

impl FlowKey {
    pub fn new(table: OfTable, priority: u16, matching: &Match) -> Self {
        // Room for most.
        let mut octets = Vec::with_capacity(128);
        octets.push(table.number());
        octets.extend(priority.to_be_bytes());
        openflow::encode_match(matching, &mut octets);
        Self(octets.into())
    }

    pub fn table(&self) -> OfTable {
        OfTable(self.0[0])
    }

    pub fn priority(&self) -> u16 {
        u16::from_be_bytes([self.0[1], self.0[2]])
    }

    /// The match as it is sent, see [`openflow::encode_match`].
    pub fn octets(&self) -> &[u8] {
        &self.0[HEAD..]
    }

    pub fn matching(&self) -> Match {
        openflow::decode_match(self.octets()).expect("a key was made of a match")
    }
}

impl fmt::Debug for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FlowKey").field(&self.table()).field(&self.priority()).field(&self.matching()).finish()
    }
}

/// A flow with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    pub key: FlowKey,
    /// The first 32 bits of the UUID of the southbound row that it was made from; zero for none.
    pub cookie: u32,
    pub action: FlowAction,
    /// Whose conjunction ids, counted from zero, the match and the conjunctions of this flow mean.
    pub conjunctive: Option<Arc<ConjunctionOwner>>,
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
