//! What flows do, kept once for all flows of a table that do the same, as most of OVN's do.
//!
//! Steps are made when the first packet comes, as most flows never see one; that they can be made is found out when the
//! flow is added.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use openflow::{Action, Conjunction, ErrorCode, Field, GroupId, Instruction, MeterId};

use super::step::{Steps, compile_instructions, groups_of, meters_in, meters_of, walk};
use crate::classifier::WordHash;
use crate::switch::all_actions;
use crate::tlv::TlvTable;

/// The instructions of flows of one table, and what is known of them.
#[derive(Debug)]
pub(crate) struct Doing {
    pub table: u8,
    pub instructions: Vec<Instruction>,
    /// Of which conjunctions such a flow is a part; it then does nothing else.
    pub conjunctions: Box<[Conjunction]>,
    /// Groups that it names.
    pub groups: Box<[GroupId]>,
    /// Meters that its packets pass.
    pub meters: Box<[MeterId]>,
    /// Bits of the `tun_metadata` fields that it names.
    pub options: u64,
    /// It has `learn` actions whose flows go when it goes.
    pub teaches: bool,
    steps: OnceLock<Steps>,
}

impl Doing {
    /// # Errors
    /// The code to answer with: what this switch cannot do.
    pub(crate) fn new(table: u8, instructions: Vec<Instruction>, tlv: &TlvTable) -> Result<Self, ErrorCode> {
        compile_instructions(&instructions, table, tlv)?;
        let actions = all_actions(&instructions);
        let conjunctions: Box<[_]> = actions
            .iter()
            .filter_map(|action| if let Action::Conjunction(part) = action { Some(*part) } else { None })
            .collect();
        let other = |action: &Action| !matches!(action, Action::Conjunction(_) | Action::Note(_));
        if !conjunctions.is_empty() && actions.iter().any(other) {
            return Err(ErrorCode::BAD_ARGUMENT);
        }
        let mut teaches = false;
        walk(&actions, &mut |action| {
            teaches |= matches!(action, Action::Learn(learn) if learn.delete_learned);
        });
        let mut meters = meters_of(&instructions);
        meters_in(&actions, &mut meters);
        let (groups, options) = (groups_of(&actions).into(), options_of(&actions));
        let (meters, steps) = (meters.into(), OnceLock::new());
        Ok(Self { table, instructions, conjunctions, groups, meters, options, teaches, steps })
    }

    /// The instructions, ready to be executed. Tunnel options that are named stay where they are as long as a flow does
    /// this, so that what could be made once can be made again.
    pub(crate) fn steps(&self, tlv: &TlvTable) -> Steps {
        let make = || compile_instructions(&self.instructions, self.table, tlv).unwrap_or_else(|_| [].into());
        Arc::clone(self.steps.get_or_init(make))
    }
}

/// Bits of the `tun_metadata` fields that actions name.
fn options_of(actions: &[Action]) -> u64 {
    let mut used = 0;
    let mut add = |field: Field| {
        if let Field::TunMetadata(n) = field {
            used |= 1 << n;
        }
    };
    walk(actions, &mut |action| match action {
        Action::SetField(set) => add(set.field),
        Action::CopyField { src, dst } => {
            add(src.field);
            add(dst.field);
        }
        Action::Push(sub) | Action::Pop(sub) | Action::OutputReg { src: sub, .. } => add(sub.field),
        Action::CheckPktLarger { dst, .. } => add(dst.field),
        _ => {}
    });
    used
}

/// All that flows of one bridge do. Those that no flow does any more go when there are twice as many as had one when it
/// was last looked.
#[derive(Debug, Default)]
pub(crate) struct Doings {
    by_table: BTreeMap<u8, HashSet<Known, WordHash>>,
    len: usize,
    used: usize,
}

#[derive(Debug)]
struct Known(Arc<Doing>);

impl Borrow<[Instruction]> for Known {
    fn borrow(&self) -> &[Instruction] {
        &self.0.instructions
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.instructions.as_slice().hash(state);
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.0.instructions == other.0.instructions
    }
}

impl Eq for Known {}

impl Doings {
    /// Fewer than so many are not looked through.
    const FEW: usize = 1024;

    /// What a flow of this table with these instructions does.
    ///
    /// # Errors
    /// See [`Doing::new`].
    #[expect(
        clippy::mutable_key_type,
        reason = "hashed and compared are instructions, which stay as they are"
    )]
    pub(crate) fn of(
        &mut self,
        table: u8,
        instructions: &[Instruction],
        tlv: &TlvTable,
    ) -> Result<Arc<Doing>, ErrorCode> {
        let known = self.by_table.entry(table).or_default();
        if let Some(Known(doing)) = known.get(instructions) {
            return Ok(Arc::clone(doing));
        }
        let doing = Arc::new(Doing::new(table, instructions.to_vec(), tlv)?);
        known.insert(Known(Arc::clone(&doing)));
        self.len += 1;
        if self.len > 2 * self.used.max(Self::FEW) {
            self.sweep();
        }
        Ok(doing)
    }

    /// Forgets those that no flow does.
    fn sweep(&mut self) {
        for known in self.by_table.values_mut() {
            known.retain(|Known(doing)| Arc::strong_count(doing) > 1);
            known.shrink_to_fit();
        }
        self.len = self.by_table.values().map(HashSet::len).sum();
        self.used = self.len;
    }

    /// The tunnel options changed: what a new flow does is looked at anew.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use openflow::FlowMod;

    use super::*;

    fn instructions(text: &str) -> Vec<Instruction> {
        text.parse::<FlowMod>().unwrap().instructions
    }

    #[test]
    fn what_many_flows_do_is_kept_once_and_goes_with_the_last() {
        let (mut doings, tlv) = (Doings::default(), TlvTable::default());
        let one = doings.of(1, &instructions("actions=resubmit(,2)"), &tlv).unwrap();
        let same = doings.of(1, &instructions("actions=resubmit(,2)"), &tlv).unwrap();
        assert!(Arc::ptr_eq(&one, &same));
        // To go on to an earlier table is refused, so tables tell them apart.
        assert!(doings.of(1, &instructions("actions=goto_table:2"), &tlv).is_ok());
        assert!(doings.of(3, &instructions("actions=goto_table:2"), &tlv).is_err());
        for n in 0..10_000u32 {
            doings.of(1, &instructions(&format!("actions=load:{n}->NXM_NX_REG0[]")), &tlv).unwrap();
            assert!(doings.len <= 2 * Doings::FEW, "nobody does them");
        }
        let again = doings.of(1, &instructions("actions=resubmit(,2)"), &tlv).unwrap();
        assert!(Arc::ptr_eq(&one, &again), "somebody does that");
    }
}
