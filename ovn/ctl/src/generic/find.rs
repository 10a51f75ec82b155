//! `find TABLE [CONDITION]...`: the rows that satisfy all conditions, as a table.

use super::GROUP;
use super::compare::satisfies;
use super::list::{prepare_columns, table};
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};

pub(crate) const FIND: Verb = Verb {
    name: "find",
    options: &[("--columns", Argument::Required)],
    parameters: &[Parameter::One("TABLE"), Parameter::Any("COLUMN[:KEY]=VALUE")],
    group: GROUP,
    help: "print the records of TABLE that satisfy all conditions",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_rows(needs.program, command, needs)?;
    prepare_columns(command, needs)?;
    prepare_conditions(command.rest(1), command, needs)
}

/// Asks for the columns of the conditions.
pub(super) fn prepare_conditions(
    conditions: &[String],
    command: &Command,
    needs: &mut Needs,
) -> Result<(), Failure> {
    let schema = needs.schema.clone();
    let target = Target::of(&schema, command)?;
    for condition in conditions {
        let (column, _) = target.column(super::argument::column_name(condition)?)?;
        needs.columns(target.name, &[&**column]);
    }
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let mut rows = Vec::new();
    let all: Vec<_> = context.view.uuids(target.name).collect();
    'rows: for row in all {
        for condition in command.rest(1) {
            if !satisfies(context, &target, row, condition)? {
                continue 'rows;
            }
        }
        rows.push(row);
    }
    context.output.table = Some(table(context, command, &target, &rows)?);
    Ok(())
}
