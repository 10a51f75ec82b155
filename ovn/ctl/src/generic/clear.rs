//! `clear TABLE RECORD COLUMN...`: columns to the empty set or map.

use super::GROUP;
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;

pub(crate) const CLEAR: Verb = Verb {
    name: "clear",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("TABLE"), Parameter::One("RECORD"), Parameter::Many("COLUMN")],
    group: GROUP,
    help: "empty columns of RECORD in TABLE",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_rows(needs.program, command, needs)?;
    let schema = needs.schema.clone();
    let target = Target::of(&schema, command)?;
    for name in command.rest(2) {
        let (column, _) = target.column(name)?;
        needs.columns(target.name, &[&**column]);
    }
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let Some(row) = target.row(context, command, command.required(1))? else { return Ok(()) };
    for name in command.rest(2) {
        let (name, column) = target.column(name)?;
        target.check_mutable(context, row, name, column)?;
        if column.ty.min > 0 {
            fail!(
                "\"clear\" operation cannot be applied to column {name} of table {}, which is not allowed to be empty",
                target.name
            );
        }
        context.view.set(target.name, row, name, Datum::default_for(&column.ty));
    }
    Ok(())
}
