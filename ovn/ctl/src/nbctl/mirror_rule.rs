//! `mirror-rule-add MIRROR PRIORITY MATCH ACTION`, `mirror-rule-del MIRROR [PRIORITY [MATCH]]`: what a mirror to a
//! logical port takes.

use super::mirror::GROUP;
use super::rows::{detach, get_row, insert_under, prepare_named, rows};
use super::values::priority;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::{Mirror, MirrorRule};

pub(super) const ADD: Verb = Verb {
    name: "mirror-rule-add",
    options: &[],
    parameters: &[
        Parameter::One("MIRROR"),
        Parameter::One("PRIORITY"),
        Parameter::One("MATCH"),
        Parameter::One("ACTION"),
    ],
    group: GROUP,
    help: "add a rule to MIRROR, whose ACTION is 'mirror' or 'skip'",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "mirror-rule-del",
    options: &[],
    parameters: &[Parameter::One("MIRROR"), Parameter::Maybe("PRIORITY"), Parameter::Maybe("MATCH")],
    group: GROUP,
    help: "delete rules of MIRROR: all, one of PRIORITY, or those of PRIORITY that match as MATCH",
    prepare,
    run: del,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<Mirror>(needs, &["mirror_rules"]);
    needs.rows::<MirrorRule>();
    Ok(())
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let mirror = get_row::<Mirror>(context.view, command.required(0))?;
    let priority = priority(command.required(1))?;
    let action = command.required(3);
    if !["mirror", "skip"].contains(&action) {
        fail!("{action}: action must be one of \"mirror\", \"skip\"");
    }
    let rule = MirrorRule {
        priority,
        r#match: command.required(2).into(),
        action: action.into(),
        ..Default::default()
    };
    let known: Vec<MirrorRule> = rows(context.view, &mirror.mirror_rules)?;
    let is_same = |known: &MirrorRule| {
        (known.priority, &known.r#match, &known.action) == (priority, &rule.r#match, &rule.action)
    };
    if known.iter().any(is_same) {
        fail!("Same mirror-rule already exists on the mirror {}.", command.required(0));
    }
    insert_under::<Mirror, _>(context, mirror.uuid, "mirror_rules", &rule);
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let mirror = get_row::<Mirror>(context.view, command.required(0))?;
    let priority = command.optional(1).map(priority).transpose()?;
    let matching = command.optional(2);
    let rules: Vec<MirrorRule> = rows(context.view, &mirror.mirror_rules)?;
    let is_meant = |rule: &MirrorRule| {
        priority.is_none_or(|priority| rule.priority == priority)
            && matching.is_none_or(|matching| *rule.r#match == *matching)
    };
    // A priority alone means only one of its rules.
    let most = if priority.is_some() && matching.is_none() { 1 } else { rules.len() };
    let gone: Vec<_> = rules.into_iter().filter(is_meant).map(|rule| rule.uuid).take(most).collect();
    detach::<Mirror>(context, mirror.uuid, "mirror_rules", gone);
    Ok(())
}
