//! `acl-add SWITCH|PORT-GROUP DIRECTION PRIORITY MATCH ACTION [NETWORK-FUNCTION-GROUP]`.

use super::acl::{GROUP, Owner, order, prepare};
use super::rows::get;
use super::values::{direction, number, priority, whole_number};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::generic::set_column;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{Acl, NetworkFunctionGroup};
use std::collections::BTreeMap;

pub(super) const ACL_ADD: Verb = Verb {
    name: "acl-add",
    options: &[
        ("--apply-after-lb", Argument::None),
        ("--label", Argument::Required),
        ("--log", Argument::None),
        ("--may-exist", Argument::None),
        ("--meter", Argument::Required),
        ("--name", Argument::Required),
        ("--sample-est", Argument::Required),
        ("--sample-new", Argument::Required),
        ("--severity", Argument::Required),
        ("--tier", Argument::Required),
        ("--type", Argument::Required),
    ],
    parameters: &[
        Parameter::One("SWITCH|PORT-GROUP"),
        Parameter::One("DIRECTION"),
        Parameter::One("PRIORITY"),
        Parameter::One("MATCH"),
        Parameter::One("ACTION"),
        Parameter::Maybe("NETWORK-FUNCTION-GROUP"),
    ],
    group: GROUP,
    help: "add a rule to SWITCH or PORT-GROUP",
    prepare,
    run,
};

const ACTIONS: &[&str] = &["allow", "allow-related", "allow-stateless", "drop", "pass", "reject"];
const SEVERITIES: &[&str] = &["alert", "warning", "notice", "info", "debug"];

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let owner = Owner::of(context, command)?;
    let acl = wanted(context, command)?;
    if owner.rules(context)?.iter().any(|known| order(known, &acl).is_eq()) {
        if command.has("--may-exist") {
            return Ok(());
        }
        fail!("Same ACL already existed on the ls {}.", command.required(0));
    }
    let row = context.fresh();
    context.view.insert_row(row, &acl);
    for (option, column) in [("--sample-new", "sample_new"), ("--sample-est", "sample_est")] {
        if let Some(value) = command.option(option)
            && let Err(failure) = set_column(context, Acl::TABLE, row, &format!("{column}={value}"))
        {
            fail!("invalid {option}: {}", failure.message.unwrap_or_default());
        }
    }
    let (table, owner) = owner.place();
    context.view.add(table, owner, "acls", &Datum::scalar(row));
    Ok(())
}

/// The rule that the command describes.
fn wanted(context: &Context<'_>, command: &Command) -> Result<Acl, Failure> {
    let direction = direction(command.required(1))?;
    let priority = priority(command.required(2))?;
    let action = command.required(4);
    if !ACTIONS.contains(&action) {
        fail!(
            "{action}: action must be one of \"allow\", \"allow-related\", \"allow-stateless\", \"drop\", and \"reject\""
        );
    }
    let group = command.optional(5).map(|id| get::<NetworkFunctionGroup>(context.view, id)).transpose()?;
    let option = |name| command.option(name);
    if let Some(severity) = option("--severity")
        && !SEVERITIES.contains(&severity)
    {
        fail!("bad severity: {severity}");
    }
    let after_lb = direction == "from-lport" && command.has("--apply-after-lb");
    Ok(Acl {
        priority,
        direction: direction.into(),
        r#match: command.required(3).into(),
        action: action.into(),
        network_function_group: group,
        log: ["--log", "--severity", "--name", "--meter"].into_iter().any(|option| command.has(option)),
        severity: option("--severity").map(Into::into),
        name: option("--name").map(Into::into),
        meter: option("--meter").map(Into::into),
        label: label(command, action)?,
        options: if after_lb {
            BTreeMap::from([("apply-after-lb".into(), "true".into())])
        } else {
            BTreeMap::new()
        },
        tier: tier(command)?.unwrap_or_default(),
        ..Default::default()
    })
}

fn label(command: &Command, action: &str) -> Result<i64, Failure> {
    let Some(label) = command.option("--label") else { return Ok(0) };
    if !["allow", "allow-related"].contains(&action) {
        fail!("label can only be set with actions \"allow\" or \"allow-related\"");
    }
    match number(label, 0..=u32::MAX.into()) {
        Some(label) => Ok(label),
        None => fail!("{label}: label must in range 0...4294967295"),
    }
}

/// The number of `--tier`.
pub(super) fn tier(command: &Command) -> Result<Option<i64>, Failure> {
    let Some(tier) = command.option("--tier") else { return Ok(None) };
    match whole_number(tier) {
        Some(tier) => Ok(Some(tier)),
        None => fail!("Invalid tier {tier}"),
    }
}
