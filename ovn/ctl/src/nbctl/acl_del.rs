//! `acl-del SWITCH|PORT-GROUP [DIRECTION [PRIORITY MATCH]]`.

use super::acl::{GROUP, Owner, prepare};
use super::acl_add::tier;
use super::values::{direction, priority};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::nb::Acl;

pub(super) const ACL_DEL: Verb = Verb {
    name: "acl-del",
    options: &[("--tier", Argument::Required), ("--type", Argument::Required)],
    parameters: &[
        Parameter::One("SWITCH|PORT-GROUP"),
        Parameter::Maybe("DIRECTION"),
        Parameter::Maybe("PRIORITY"),
        Parameter::Maybe("MATCH"),
    ],
    group: GROUP,
    help: "delete rules of SWITCH or PORT-GROUP: all, those of DIRECTION, or one",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let owner = Owner::of(context, command)?;
    let (table, row) = owner.place();
    let tier = tier(command)?;
    let direction = command.optional(1).map(direction).transpose()?;
    let priority = command.optional(2).map(priority).transpose()?;
    let matching = command.optional(3);
    if priority.is_some() && matching.is_none() {
        fail!("cannot specify priority without match");
    }
    if direction.is_none() && tier.is_none() {
        context.view.verify(table, row, "acls");
        context.view.set(table, row, "acls", Datum::empty_set());
        return Ok(());
    }
    let is_meant = |acl: &Acl| {
        tier.is_none_or(|tier| acl.tier == tier)
            && direction.is_none_or(|direction| *acl.direction == *direction)
            && priority.is_none_or(|priority| acl.priority == priority)
            && matching.is_none_or(|matching| *acl.r#match == *matching)
    };
    let gone = owner.rules(context)?.into_iter().filter(is_meant).map(|acl| acl.uuid);
    context.view.remove(table, row, "acls", &Datum::set(gone));
    Ok(())
}
