//! Actions that make flows.

use crate::Subfield;

/// `learn(...)`: adds or changes a flow made from the packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Learn {
    pub table: u8,
    pub priority: u16,
    pub cookie: u64,
    /// Seconds; 0 for ever.
    pub idle_timeout: u16,
    pub hard_timeout: u16,
    pub fin_idle_timeout: u16,
    pub fin_hard_timeout: u16,
    /// The flow, when it goes, is told to the controller.
    pub send_flow_removed: bool,
    /// The flows it made go when this flow goes.
    pub delete_learned: bool,
    /// At most so many flows with this cookie in the table; 0: no limit.
    pub limit: u32,
    /// The bit that becomes whether the flow is within the limit.
    pub result: Option<Subfield>,
    pub specs: Vec<LearnSpec>,
}

/// One test or action of the new flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LearnSpec {
    /// 1..=1023; the width of the source and of the destination.
    pub bits: u16,
    pub src: LearnSrc,
    pub dst: LearnDst,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LearnSrc {
    /// Bits of the packet at the time of learning.
    Field(Subfield),
    Immediate(u128),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LearnDst {
    Match(Subfield),
    Load(Subfield),
    /// Output to the port that the source says.
    Output,
}

impl Default for Learn {
    fn default() -> Self {
        Self {
            table: 1,
            priority: 32768,
            cookie: 0,
            idle_timeout: 0,
            hard_timeout: 0,
            fin_idle_timeout: 0,
            fin_hard_timeout: 0,
            send_flow_removed: false,
            delete_learned: false,
            limit: 0,
            result: None,
            specs: Vec::new(),
        }
    }
}
