//! Changed rows of ACLs, and of the switches and port groups that have them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ovsdb::Uuid;
use schema::nb;
use schema::tables::Delta;

use super::{Inputs, difference};
use crate::model::Acl;
use crate::network::{AclOwner, Unit};

impl Inputs {
    pub(super) fn acl(&mut self, delta: &Delta<nb::Acl>) {
        self.engine.set_unit(Unit::AclFacts(delta.uuid), delta.new.is_some());
        let parsed = delta.new.as_ref().map(|row| Arc::new(Acl::parse(row)));
        self.network.acls.set(&mut self.touched, delta.uuid, parsed);
    }

    pub(super) fn acls_of_switch(&mut self, delta: &Delta<nb::LogicalSwitch>) {
        let acls = |row: &Option<Arc<nb::LogicalSwitch>>| row.as_ref().map(|row| row.acls.clone());
        self.owner(AclOwner::Switch(delta.uuid), &acls(&delta.old), &acls(&delta.new));
    }

    /// A group without ACLs is none of its ports' concern.
    pub(super) fn acls_of_group(&mut self, delta: &Delta<nb::PortGroup>) {
        let acls = |row: &Option<Arc<nb::PortGroup>>| row.as_ref().map(|row| row.acls.clone());
        self.owner(AclOwner::Group(delta.uuid), &acls(&delta.old), &acls(&delta.new));
        let ruled = |row: &Option<Arc<nb::PortGroup>>| {
            row.as_ref().filter(|row| !row.acls.is_empty()).map(|row| row.ports.clone())
        };
        for (port, present) in difference(&ruled(&delta.old), &ruled(&delta.new)) {
            self.network.ruled_groups_of_port.set(&mut self.touched, &port, &delta.uuid, present);
        }
    }

    fn owner(&mut self, owner: AclOwner, old: &Option<BTreeSet<Uuid>>, new: &Option<BTreeSet<Uuid>>) {
        for (acl, present) in difference(old, new) {
            self.network.owners_of_acl.set(&mut self.touched, &acl, &owner, present);
        }
    }
}
