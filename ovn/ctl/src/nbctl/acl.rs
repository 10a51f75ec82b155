//! Access control lists: what `acl-add`, `acl-del` and `acl-list` share.

use super::rows::{find, get, prepare_named, rows};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use ovsdb::Uuid;
use schema::TypedRow;
use schema::nb::{Acl, LogicalSwitch, NetworkFunctionGroup, PortGroup};
use std::cmp::{Ordering, Reverse};

pub(super) const GROUP: &str = "ACL commands";

/// What the rules are of: a switch or a port group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Switch(Uuid),
    PortGroup(Uuid),
}

/// Asks for what finding the owner and telling its rules apart takes.
pub(super) fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<PortGroup>(needs, &["acls"]);
    prepare_named::<LogicalSwitch>(needs, &["acls"]);
    prepare_named::<NetworkFunctionGroup>(needs, &[]);
    needs.columns(Acl::TABLE, &["direction", "priority", "match", "options", "tier"]);
    Ok(())
}

impl Owner {
    /// The owner that the first argument and `--type` mean.
    pub(super) fn of(context: &Context<'_>, command: &Command) -> Result<Self, Failure> {
        let id = command.required(0);
        let view = &context.view;
        match command.option("--type") {
            Some("port-group") => Ok(Self::PortGroup(get::<PortGroup>(view, id)?)),
            Some("switch") => Ok(Self::Switch(get::<LogicalSwitch>(view, id)?)),
            Some(other) => fail!("Invalid value '{other}' for option --type"),
            None => match (find::<PortGroup>(view, id)?, find::<LogicalSwitch>(view, id)?) {
                (Some(group), None) => Ok(Self::PortGroup(group)),
                (None, Some(switch)) => Ok(Self::Switch(switch)),
                (Some(_), Some(_)) => fail!(
                    "Same name '{id}' exists in both port-groups and logical switches. Specify --type=port-group or \
                     switch, or use a UUID."
                ),
                (None, None) => fail!("'{id}' is not found for port-group or switch."),
            },
        }
    }

    /// Its rules.
    pub(super) fn rules(self, context: &Context<'_>) -> Result<Vec<Acl>, Failure> {
        let (table, row) = self.place();
        rows(context.view, &crate::view::references(&context.view.value(table, row, "acls")))
    }

    /// Its table, and the row there.
    pub(super) fn place(self) -> (&'static str, Uuid) {
        match self {
            Self::Switch(row) => (LogicalSwitch::TABLE, row),
            Self::PortGroup(row) => (PortGroup::TABLE, row),
        }
    }
}

/// Whether the rule comes after load balancing.
pub(super) fn is_after_lb(acl: &Acl) -> bool {
    acl.options.get("apply-after-lb").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The order in which rules are listed; two that are equal in it may not both be there.
pub(super) fn order(a: &Acl, b: &Acl) -> Ordering {
    let key = |acl: &Acl| {
        (acl.direction.clone(), is_after_lb(acl), acl.tier, Reverse(acl.priority), acl.r#match.clone())
    };
    key(a).cmp(&key(b))
}
