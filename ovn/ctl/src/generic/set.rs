//! `set TABLE RECORD COLUMN[:KEY]=VALUE...`: columns, or single keys of them.

use super::GROUP;
use super::argument::{column_name, set_column};
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::identify;
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
    prepare_assignments(command, command.rest(2), needs)
}

/// Asks for the columns that are assigned to: a value that is there already is not written.
fn prepare_assignments(command: &Command, assignments: &[String], needs: &mut Needs) -> Result<(), Failure> {
    let schema = needs.schema.clone();
    let target = Target::of(&schema, command)?;
    prepare_assignments_to(target.name, assignments, needs)
}

/// Asks for the columns of a table that are assigned to.
pub(crate) fn prepare_assignments_to(
    table: &str,
    assignments: &[String],
    needs: &mut Needs,
) -> Result<(), Failure> {
    let schema = needs.schema.clone();
    let (table, table_schema) = identify::table(&schema, table)?;
    for assignment in assignments {
        let (column, _) = identify::column((table, table_schema), column_name(assignment)?)?;
        needs.columns(table, &[&**column]);
    }
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let Some(row) = target.row(context, command, command.required(1))? else { return Ok(()) };
    for assignment in command.rest(2) {
        let (name, column) = target.column(column_name(assignment)?)?;
        target.check_mutable(name, column)?;
        set_column(context, target.name, row, assignment)?;
    }
    Ok(())
}
