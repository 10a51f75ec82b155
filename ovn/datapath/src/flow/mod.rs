//! Flows: the rules of a bridge's tables and what they do.

mod handover;
mod rule;
mod step;
mod table;

pub(crate) use handover::{Counted, KeptRule};
pub(crate) use rule::{Rule, RuleCounters};
pub(crate) use step::{
    Bundle, CtStep, LearnStep, Skipped, Step, Steps, compile_actions, compile_instructions, groups_of,
    meters_in, meters_of, walk,
};
pub(crate) use table::FlowTable;
