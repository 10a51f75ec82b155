//! `remove TABLE RECORD COLUMN KEY|VALUE|KEY=VALUE...`: elements from a set; keys or pairs from a map.

use super::GROUP;
use super::add::prepare;
use super::rows::Target;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::text::parse_datum;
use crate::verb::{Parameter, Verb};
use ovsdb::ColumnType;

pub(crate) const REMOVE: Verb = Verb {
    name: "remove",
    options: &[("--if-exists", Argument::None)],
    parameters: &[
        Parameter::One("TABLE"),
        Parameter::One("RECORD"),
        Parameter::One("COLUMN"),
        Parameter::Many("KEY|VALUE|KEY=VALUE"),
    ],
    group: GROUP,
    help: "remove values from COLUMN of RECORD in TABLE",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let Some(row) = target.row(context, command, command.required(1))? else { return Ok(()) };
    let (name, column) = target.column(command.required(2))?;
    target.check_mutable(context, row, name, column)?;
    let some = ColumnType { min: 1, max: None, ..column.ty.clone() };
    let keys = ColumnType { value: None, ..some.clone() };
    context.view.verify(target.name, row, name);
    for argument in command.rest(3) {
        let less = match parse_datum(argument, &some, context.symbols) {
            Err(_) if some.is_map() => parse_datum(argument, &keys, context.symbols),
            other => other,
        }?;
        context.view.remove(target.name, row, name, &less);
    }
    let left = context.view.value(target.name, row, name).len();
    if !column.ty.allows_len(left) {
        let min = column.ty.min;
        fail!(
            "\"remove\" operation would put {left} values in column {name} of table {} but the minimum number is {min}",
            target.name
        );
    }
    Ok(())
}
