//! Access control rules as units see them: which there are on a switch, and what that means for the switch.

use std::sync::Arc;

use incr::Emit;
use ovsdb::Uuid;

use super::{Fact, Network, Unit, View, complain};
use crate::feature;
use crate::model::Acl;
use crate::model::acl::Place;

/// Whose rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AclOwner {
    /// A switch.
    Switch(Uuid),
    /// A port group.
    Group(Uuid),
}

/// A rule on one of the switches that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclOnSwitch {
    /// The rule.
    pub acl: Uuid,
    /// The switch.
    pub switch: Uuid,
}

/// What a switch needs because of some rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AclPart {
    /// That rules are asked at a place.
    Rules(Place),
    /// That they are asked tier by tier, up to one.
    Tier(Place, u8),
    /// That connections are tracked.
    Connections,
}

impl<'a> View<'a> {
    /// A rule.
    pub fn acl(&self, acl: Uuid) -> Option<&'a Arc<Acl>> {
        self.network.acls.get(self.reads, &acl)
    }

    /// Whether a switch has any rule.
    pub fn has_acls(&self, switch: Uuid) -> bool {
        Place::ALL.iter().any(|place| self.has_acls_at(switch, *place))
    }

    /// Whether a switch has a rule that is asked at a place.
    pub fn has_acls_at(&self, switch: Uuid, place: Place) -> bool {
        self.has_acl_part(switch, AclPart::Rules(place))
    }

    /// Whether a switch tracks connections because of its rules.
    pub fn is_stateful(&self, switch: Uuid) -> bool {
        self.has_acl_part(switch, AclPart::Connections)
    }

    /// The last tier of rules that a switch has at a place.
    pub fn last_tier(&self, switch: Uuid, place: Place) -> u8 {
        let has = |tier: &u8| self.has_acl_part(switch, AclPart::Tier(place, *tier));
        (1..=Acl::TIER_MAX).rev().find(has).unwrap_or(0)
    }

    fn has_acl_part(&self, switch: Uuid, part: AclPart) -> bool {
        self.network.acl_parts.any(self.reads, &(switch, part))
    }

    /// A port's part in making the rules of its groups those of its switch.
    pub(super) fn port_group_facts(&self, port: Uuid, switch: Uuid, emit: &mut Emit<Network>) {
        for group in self.network.ruled_groups_of_port.get(self.reads, &port) {
            emit.fact(Fact::GroupOnSwitch { group: *group, switch });
        }
    }

    pub(super) fn acl_facts(&self, acl: Uuid, emit: &mut Emit<Network>) {
        let Some(row) = self.acl(acl) else { return };
        complain(emit, &format!("ACL {acl} (priority {})", row.priority), &row.complaints);
        if row.matches.is_none() {
            return;
        }
        for owner in self.network.owners_of_acl.get(self.reads, &acl) {
            match owner {
                AclOwner::Switch(switch) => on_switch(row, *switch, emit),
                AclOwner::Group(group) => {
                    for switch in self.network.switches_of_group.get(self.reads, group) {
                        on_switch(row, *switch, emit);
                    }
                }
            }
        }
    }

    pub(super) fn acl_unit(&self, unit: AclOnSwitch, emit: &mut Emit<Network>) {
        let Some(row) = self.acl(unit.acl).filter(|_| self.has_key(unit.switch)) else { return };
        feature::acl::flows(row, unit.switch, self, &mut self.sink(unit.switch, emit));
    }
}

fn on_switch(row: &Acl, switch: Uuid, emit: &mut Emit<Network>) {
    let acl = row.uuid;
    let mut needs = vec![AclPart::Rules(row.place)];
    if row.is_stateful() {
        needs.push(AclPart::Connections);
    }
    if row.tier > 0 {
        needs.push(AclPart::Tier(row.place, row.tier));
    }
    for part in needs {
        emit.fact(Fact::Acl { switch, part, acl });
    }
    emit.unit(Unit::Acl(AclOnSwitch { acl, switch }));
}
