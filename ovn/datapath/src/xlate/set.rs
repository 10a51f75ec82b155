//! The action set of OpenFlow: what `write_actions` collects and is executed when no table is left.

use openflow::Action;

use super::Xlate;
use crate::counters::Event;
use crate::flow::compile_actions;

impl Xlate<'_> {
    /// Puts actions into the set: at most one of a kind, the last one counts.
    pub(super) fn write_set(&mut self, actions: &[Action]) {
        for action in actions {
            let rank = rank(action);
            self.set.retain(|other| match (other, action) {
                (Action::SetField(old), Action::SetField(new)) => old.field != new.field,
                (other, _) => self::rank(other) != rank || matches!(action, Action::CopyField { .. }),
            });
            self.set.push(action.clone());
        }
    }

    /// Executes what is in the set, and what that leads to.
    pub(super) fn action_set(&mut self) {
        let floor = self.levels.len();
        while self.failure.is_none() && self.begin_action_set() {
            self.run(floor);
        }
    }

    /// Begins to execute what is in the set; false if there is nothing.
    pub(super) fn begin_action_set(&mut self) -> bool {
        if self.set.is_empty() {
            return false;
        }
        let mut actions = std::mem::take(&mut self.set);
        actions.sort_by_key(rank);
        // With a group, an output of the set is not executed (OpenFlow 1.5.1 section 5.6).
        if actions.iter().any(|action| matches!(action, Action::Group(_))) {
            actions.retain(|action| !matches!(action, Action::Output { .. }));
        }
        let Some(bridge) = self.current() else { return false };
        match compile_actions(&actions, &bridge.tlv) {
            Ok(steps) => {
                let (table, cookie, depth, miss) = self.position();
                self.push_steps(steps, table, cookie, depth, miss);
                true
            }
            Err(_) => {
                // The set was checked when its flow was added; options may be gone since.
                self.fail(Event::DropNotExecuted);
                false
            }
        }
    }
}

/// Order of execution (OpenFlow 1.5.1 section 5.6).
fn rank(action: &Action) -> u8 {
    match action {
        Action::PopVlan | Action::PopMpls(_) => 1,
        Action::PushMpls(_) => 2,
        Action::PushVlan(_) => 3,
        Action::DecTtl { .. } | Action::DecMplsTtl => 5,
        Action::CopyField { .. } => 6,
        Action::SetField(_) => 7,
        Action::SetQueue(_) | Action::PopQueue => 8,
        Action::Meter(_) => 0,
        Action::Group(_) => 9,
        Action::Output { .. }
        | Action::OutputTrunc { .. }
        | Action::Enqueue { .. }
        | Action::OutputReg { .. } => 10,
        Action::Push(_)
        | Action::Pop(_)
        | Action::Resubmit { .. }
        | Action::Learn(_)
        | Action::Conjunction(_)
        | Action::Ct(_)
        | Action::Nat(_)
        | Action::CtClear
        | Action::Controller(_)
        | Action::Clone(_)
        | Action::CheckPktLarger { .. }
        | Action::Sample(_)
        | Action::Bundle(_)
        | Action::Multipath(_)
        | Action::Note(_)
        | Action::Exit
        | Action::FinTimeout { .. }
        | Action::DeleteField(_) => 4,
    }
}
