//! `lr-policy-del ROUTER [PRIORITY|UUID [MATCH]]`.

use super::policies::{COLUMN, GROUP, chain, policies};
use super::rows::{detach, get};
use super::values::priority;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::nb::{LogicalRouter, LogicalRouterPolicy as Policy};

pub(super) const LR_POLICY_DEL: Verb = Verb {
    name: "lr-policy-del",
    options: &[("--chain", Argument::Required), ("--if-exists", Argument::None)],
    parameters: &[Parameter::One("ROUTER"), Parameter::Maybe("PRIORITY|UUID"), Parameter::Maybe("MATCH")],
    group: GROUP,
    help: "delete policies of ROUTER",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::policies::prepare(needs);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let wanted_chain = command.option("--chain").unwrap_or_default();
    let (which, matching) = (command.optional(1), command.optional(2));
    if which.is_none() && wanted_chain.is_empty() {
        context.view.set(LogicalRouter::TABLE, router, COLUMN, Datum::empty_set());
        return Ok(());
    }
    let known = policies(context.view, router)?;
    if matching.is_none()
        && let Some(Ok(uuid)) = which.map(str::parse::<Uuid>)
    {
        if known.iter().any(|policy| policy.uuid == uuid) {
            detach::<LogicalRouter>(context, router, COLUMN, [uuid]);
        } else if !command.has("--if-exists") {
            fail!("Logical router policy uuid is not found.");
        }
        return Ok(());
    }
    // A priority of 0 stands for any.
    let priority = which.map(priority).transpose()?.filter(|priority| *priority != 0);
    let is_meant = |policy: &Policy| {
        priority.is_none_or(|priority| policy.priority == priority)
            && chain(policy) == wanted_chain
            && matching.is_none_or(|matching| *policy.r#match == *matching)
    };
    let gone: Vec<Uuid> = known.into_iter().filter(is_meant).map(|policy| policy.uuid).collect();
    detach::<LogicalRouter>(context, router, COLUMN, gone);
    Ok(())
}
