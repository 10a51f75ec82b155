//! Flows: the rules of a bridge's tables and what they do.

mod doing;
mod handover;
mod packed;
mod rule;
mod step;
mod table;

pub(crate) use doing::{Doing, Doings};
pub(crate) use handover::{Counted, KeptRule};
pub(crate) use packed::PackedMatch;
pub(crate) use rule::{Rule, RuleCounters};
pub(crate) use step::{
    Bundle, CtStep, LearnStep, Skipped, Step, Steps, compile_actions, compile_instructions, groups_of,
    meters_in, walk,
};
pub(crate) use table::FlowTable;
