//! `set TABLE RECORD COLUMN[:KEY]=VALUE...`: columns, or single keys of them.

use super::GROUP;
use super::argument::{column_name, set_column};
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};

pub(crate) const SET: Verb = Verb {
    name: "set",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("TABLE"), Parameter::One("RECORD"), Parameter::Many("COLUMN[:KEY]=VALUE")],
    group: GROUP,
    help: "set values of RECORD in TABLE",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_rows(needs.program, command, needs)?;
    let schema = needs.schema.clone();
    let target = Target::of(&schema, command)?;
    // A value that is there already is not written.
    for assignment in command.rest(2) {
        let (column, _) = target.column(column_name(assignment)?)?;
        needs.columns(target.name, &[&**column]);
    }
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let Some(row) = target.row(context, command, command.required(1))? else { return Ok(()) };
    for assignment in command.rest(2) {
        set_column(context, target.name, row, assignment)?;
    }
    Ok(())
}
