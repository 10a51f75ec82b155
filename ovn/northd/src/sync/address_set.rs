//! `Address_Set`: a row a set of addresses, known by its name.

use std::collections::BTreeSet;

use ovsdb::{Atom, Str};
use schema::sb;
use schema::tables::Delta;

use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};
use crate::sync::{Members, content_uuid};

/// The sets. The member "none" makes a set exist without giving it an address.
#[derive(Default)]
pub struct AddressSets {
    mirror: Mirror<Str, Members<Option<Str>>, sb::AddressSet>,
}

impl AddressSets {
    /// An address should be in a set, or should no longer be.
    pub fn want(&mut self, set: Str, address: Option<Str>, present: bool) {
        let members = self.mirror.want_mut(set.clone());
        members.set(address, present);
        if members.is_empty() {
            self.mirror.want(set, None);
        }
    }

    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::AddressSet>) {
        self.mirror.found(delta, |row| row.name.clone());
    }

    /// Compares what may differ.
    pub fn plan(&mut self, plan: &mut Plan) {
        for name in self.mirror.take_dirty() {
            let wanted = self.mirror.wanted(&name);
            for (uuid, _) in self.mirror.rows(&name).skip(usize::from(wanted.is_some())) {
                plan.delete::<sb::AddressSet>(uuid);
            }
            let Some(wanted) = wanted else { continue };
            let addresses: BTreeSet<Str> = wanted.iter().flatten().cloned().collect();
            match self.mirror.row(&name) {
                Some((uuid, row)) => {
                    let added = addresses.difference(&row.addresses).map(|text| Atom::String(text.clone()));
                    let removed = row.addresses.difference(&addresses).map(|text| Atom::String(text.clone()));
                    plan.members::<sb::AddressSet>(uuid, "addresses", added.collect(), removed.collect());
                }
                None => {
                    let uuid =
                        fresh_uuid(content_uuid(&[name.as_bytes()]), |uuid| self.mirror.is_taken(uuid));
                    plan.insert(uuid, &sb::AddressSet { name, addresses, ..Default::default() });
                }
            }
        }
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.mirror.mark_all();
    }

    /// Whether something may differ.
    pub fn is_dirty(&self) -> bool {
        self.mirror.is_dirty()
    }
}
