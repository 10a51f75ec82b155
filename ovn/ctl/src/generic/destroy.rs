//! `destroy TABLE [RECORD]...`: rows away.

use super::GROUP;
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::{Context, LogModule};
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};

pub(crate) const DESTROY: Verb = Verb {
    name: "destroy",
    options: &[("--all", Argument::None), ("--if-exists", Argument::None)],
    parameters: &[Parameter::One("TABLE"), Parameter::Any("RECORD")],
    group: GROUP,
    help: "delete RECORDs from TABLE, or with --all every one",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_rows(needs.program, command, needs)
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let names = command.rest(1);
    let is_all = command.has("--all");
    if is_all && !names.is_empty() {
        fail!("--all and records argument should not be specified together");
    }
    if !is_all && names.is_empty() {
        context.warn(LogModule::DbCtlBase, "either --all or records argument should be specified".to_owned());
    }
    let all: Vec<_> = if is_all { context.view.uuids(target.name).collect() } else { Vec::new() };
    let mut rows = all;
    for name in names {
        rows.extend(target.row(context, command, name)?);
    }
    for row in rows {
        // What refers to a row of a table that is no root keeps it; without that the database drops it by itself.
        if target.schema.is_root || context.view.is_new(target.name, row) {
            context.view.delete(target.name, row);
        }
    }
    Ok(())
}
