//! What flows name: which of them a command is about, and what must be there for them.

use openflow::{Action, ErrorCode, Field, GroupId, Instruction, Match, MeterId, PortNo};

use super::ChangeError;
use crate::bridge::Bridge;
use crate::flow::{Rule, groups_of, meters_in, walk};

/// Which flows a loose command or a request for statistics is about.
#[derive(Clone, Copy)]
pub(crate) struct FlowFilter<'a> {
    pub matching: &'a Match,
    pub cookie: u64,
    pub cookie_mask: u64,
    pub out_port: PortNo,
    pub out_group: GroupId,
}

impl FlowFilter<'_> {
    pub(crate) fn admits(&self, rule: &Rule) -> bool {
        (rule.cookie ^ self.cookie) & self.cookie_mask == 0
            && (self.matching.is_any() || rule.matching().is_within(self.matching))
            && (self.out_port == PortNo::ANY || outputs_to(rule, self.out_port))
            && (self.out_group == GroupId::ANY || rule.doing.groups.contains(&self.out_group))
    }
}

fn outputs_to(rule: &Rule, port: PortNo) -> bool {
    let mut found = false;
    walk(&all_actions(rule.instructions()), &mut |action| match action {
        Action::Output { port: out, .. } | Action::Enqueue { port: out, .. } => found |= *out == port,
        Action::Bundle(bundle) => found |= bundle.members.contains(&port),
        Action::Controller(_) => found |= port == PortNo::CONTROLLER,
        _ => {}
    });
    found
}

/// The actions of all instructions.
pub(crate) fn all_actions(instructions: &[Instruction]) -> Vec<Action> {
    instructions
        .iter()
        .flat_map(|instruction| match instruction {
            Instruction::Apply(actions) | Instruction::Write(actions) => actions.as_slice(),
            Instruction::Meter(_)
            | Instruction::ClearActions
            | Instruction::WriteMetadata { .. }
            | Instruction::GotoTable(_) => &[],
        })
        .cloned()
        .collect()
}

/// Groups and meters that actions name must be there.
pub(super) fn check_references(bridge: &Bridge, actions: &[Action]) -> Result<(), ChangeError> {
    let mut meters = Vec::new();
    meters_in(actions, &mut meters);
    check_groups(bridge, &groups_of(actions))?;
    check_meters(bridge, &meters)
}

/// Groups that packets are to go to must be there.
pub(super) fn check_groups(bridge: &Bridge, groups: &[GroupId]) -> Result<(), ChangeError> {
    match groups.iter().all(|group| bridge.groups.contains_key(group)) {
        true => Ok(()),
        false => Err(ErrorCode::BAD_OUT_GROUP),
    }
}

/// Meters that packets are to pass must be there.
pub(super) fn check_meters(bridge: &Bridge, meters: &[MeterId]) -> Result<(), ChangeError> {
    match meters.iter().all(|meter| bridge.meters.contains_key(meter)) {
        true => Ok(()),
        false => Err(ErrorCode::INVALID_METER),
    }
}

/// Bits of the `tun_metadata` fields that a match names.
pub(super) fn options_of(matching: &Match) -> u64 {
    let bit = |field: Field| if let Field::TunMetadata(n) = field { 1 << n } else { 0 };
    matching.iter().fold(0, |used, test| used | bit(test.field))
}
