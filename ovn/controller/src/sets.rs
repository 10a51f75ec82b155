//! Address sets: their members as constants, each parsed once.
//!
//! Logical flows read a small set as a whole. The members of a large one are units of their own, so that the change of
//! one costs one: see [`lflow::expr::OpenSets`].

use incr::Touched;
use lflow::lexer::Integer;
use ovsdb::Str;
use schema::sb;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Complaint;
use crate::network::{MemberId, Network, SetMember};

/// How many members make a set a large one. Below, a flow for each combination of members is often shorter than a
/// conjunctive match, and computing a flow anew is cheap.
pub(crate) const LARGE: usize = 16;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct AddressSets {
    sets: BTreeMap<Str, Members>,
    /// The first number that was never given.
    next: u32,
    /// Numbers that were given back.
    free: Vec<MemberId>,
}

#[derive(Debug, Default)]
struct Members {
    constants: BTreeMap<Str, Integer>,
    /// Empty for a small set.
    ids: BTreeMap<Str, MemberId>,
}

impl AddressSets {
    /// A set is gone. Gives the members that are no longer units.
    pub(crate) fn remove(&mut self, net: &mut Network, touched: &mut Touched, name: &Str) -> Vec<MemberId> {
        let gone: Vec<MemberId> = self.sets.remove(name).unwrap_or_default().ids.into_values().collect();
        for &member in &gone {
            net.set_members.set(touched, member, None);
        }
        self.free.extend(&gone);
        net.large_sets.set(touched, name.clone(), None);
        net.address_sets.set(touched, name.clone(), None);
        gone
    }

    /// A set is there, or has other members. Gives the members that become units or no longer are.
    pub(crate) fn replace(
        &mut self,
        net: &mut Network,
        touched: &mut Touched,
        row: &sb::AddressSet,
        complaints: &mut Vec<Complaint>,
    ) -> Vec<(MemberId, bool)> {
        let mut members = self.sets.remove(&row.name).unwrap_or_default();
        members.constants.retain(|text, _| row.addresses.contains(text));
        for text in &row.addresses {
            if members.constants.contains_key(text) {
                continue;
            }
            match text.parse() {
                Ok(constant) => drop(members.constants.insert(text.clone(), constant)),
                Err(_) => {
                    complaints.push(Complaint(format!("address set {}: {text:?} is no address", row.name)));
                }
            }
        }
        let is_large = members.constants.len() >= LARGE;
        let mut changes = Vec::new();
        members.ids.retain(|text, member| {
            let stays = is_large && members.constants.contains_key(text);
            if !stays {
                net.set_members.set(touched, *member, None);
                self.free.push(*member);
                changes.push((*member, false));
            }
            stays
        });
        for (text, &constant) in members.constants.iter().filter(|_| is_large) {
            if members.ids.contains_key(text) {
                continue;
            }
            let member = self.free.pop().unwrap_or_else(|| {
                self.next += 1;
                MemberId(self.next)
            });
            members.ids.insert(text.clone(), member);
            net.set_members.set(
                touched,
                member,
                Some(Arc::new(SetMember { set: row.name.clone(), constant })),
            );
            changes.push((member, true));
        }
        let constants = Arc::new(members.constants.values().copied().collect());
        net.address_sets.set(touched, row.name.clone(), Some(constants));
        net.large_sets.set(touched, row.name.clone(), is_large.then_some(()));
        self.sets.insert(row.name.clone(), members);
        changes
    }
}
