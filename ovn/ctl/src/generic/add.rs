//! `add TABLE RECORD COLUMN [KEY=]VALUE...`: elements to a set, or pairs to a map.

use super::GROUP;
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::text::parse_datum;
use crate::verb::{Parameter, Verb};
use ovsdb::{ColumnType, Datum};

pub(crate) const ADD: Verb = Verb {
    name: "add",
    options: &[("--if-exists", Argument::None)],
    parameters: &[
        Parameter::One("TABLE"),
        Parameter::One("RECORD"),
        Parameter::One("COLUMN"),
        Parameter::Many("[KEY=]VALUE"),
    ],
    group: GROUP,
    help: "add values to COLUMN of RECORD in TABLE",
    prepare,
    run,
};

pub(super) fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_rows(needs.program, command, needs)?;
    let schema = needs.schema.clone();
    let target = Target::of(&schema, command)?;
    let (column, _) = target.column(command.required(2))?;
    needs.columns(target.name, &[&**column]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let Some(row) = target.row(context, command, command.required(1))? else { return Ok(()) };
    let (name, column) = target.column(command.required(2))?;
    target.check_mutable(context, row, name, column)?;
    let some = ColumnType { min: 1, max: None, ..column.ty.clone() };
    let mut more = if some.is_map() { Datum::empty_map() } else { Datum::empty_set() };
    for argument in command.rest(3) {
        let value = parse_datum(argument, &some, context.symbols)?;
        more = match (more, value) {
            (Datum::Map(first), Datum::Map(then)) => Datum::map(first.into_iter().chain(then)),
            (first, then) => Datum::set(first.keys().chain(then.keys()).cloned()),
        };
    }
    context.view.add(target.name, row, name, &more);
    Ok(())
}
