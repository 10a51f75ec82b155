//! `wait-until TABLE RECORD [CONDITION]...`: nothing of the line happens before the row satisfies the conditions.

use super::GROUP;
use super::compare::satisfies;
use super::find::prepare_conditions;
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::identify;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};

pub(crate) const WAIT_UNTIL: Verb = Verb {
    name: "wait-until",
    options: &[],
    parameters: &[Parameter::One("TABLE"), Parameter::One("RECORD"), Parameter::Any("COLUMN[:KEY]=VALUE")],
    group: GROUP,
    help: "wait until RECORD is in TABLE and satisfies all conditions",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_rows(needs.program, command, needs)?;
    prepare_conditions(command.rest(2), command, needs)
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let Some(row) = identify::find_row(context, target.name, command.required(1))? else {
        context.wishes.try_again = true;
        return Ok(());
    };
    for condition in command.rest(2) {
        if !satisfies(context, &target, row, condition)? {
            context.wishes.try_again = true;
            return Ok(());
        }
    }
    Ok(())
}
