//! `create TABLE COLUMN[:KEY]=VALUE...`: a new row, whose UUID is printed.

use super::GROUP;
use super::argument::set_column;
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::{Context, LogModule};
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use std::collections::BTreeMap;

pub(crate) const CREATE: Verb = Verb {
    name: "create",
    options: &[("--id", Argument::Required)],
    parameters: &[Parameter::One("TABLE"), Parameter::Many("COLUMN[:KEY]=VALUE")],
    group: GROUP,
    help: "create a record in TABLE and print its UUID; with --id=@NAME, name it for other commands",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_rows(needs.program, command, needs)
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let row = match command.option("--id") {
        Some(id) => context.symbols.create(id, target.name)?,
        None => context.fresh(),
    };
    if !command.has("--id") && !target.schema.is_root {
        let warning = format!(
            "applying \"create\" command to table {} without --id option will have no effect",
            target.name
        );
        context.warn(LogModule::DbCtlBase, warning);
    }
    context.view.insert(target.name, row, BTreeMap::new());
    for assignment in command.rest(1) {
        set_column(context, target.name, row, assignment)?;
    }
    context.print(row.to_string());
    Ok(())
}
