//! `get TABLE RECORD [COLUMN[:KEY]]...`: values, a line each.

use super::GROUP;
use super::argument::{Argument as ColumnArgument, column_name};
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::text::{format, parse_atom};
use crate::verb::{Parameter, Verb};
use ovsdb::Uuid;

pub(crate) const GET: Verb = Verb {
    name: "get",
    options: &[("--id", Argument::Required), ("--if-exists", Argument::None)],
    parameters: &[Parameter::One("TABLE"), Parameter::One("RECORD"), Parameter::Any("COLUMN[:KEY]")],
    group: GROUP,
    help: "print values of RECORD in TABLE; with --id=@NAME, name the record for other commands",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    if command.has("--id") && command.has("--if-exists") {
        fail!("--if-exists and --id may not be specified together");
    }
    prepare_rows(needs.program, command, needs)?;
    let schema = needs.schema.clone();
    let target = Target::of(&schema, command)?;
    for argument in command.rest(2).iter().filter(|argument| *argument != "_uuid") {
        let (column, _) = target.column(column_name(argument)?)?;
        needs.columns(target.name, &[&**column]);
    }
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let name = command.required(1);
    let Some(row) = target.row(context, command, name)? else { return Ok(()) };
    if let Some(id) = command.option("--id") {
        context.symbols.give(id, row)?;
    }
    for argument in command.rest(2) {
        if argument == "_uuid" {
            context.print(row.to_string());
        } else {
            value(context, command, &target, row, argument)?;
        }
    }
    Ok(())
}

fn value(
    context: &mut Context<'_>,
    command: &Command,
    target: &Target<'_>,
    row: Uuid,
    text: &str,
) -> Result<(), Failure> {
    let argument = ColumnArgument::parse(target, text)?;
    argument.end(text)?;
    let value = context.view.value(target.name, row, argument.name).into_owned();
    let Some(key) = &argument.key else {
        context.print(format(&value, argument.column.ty.max == Some(1)));
        return Ok(());
    };
    argument.map_value("get")?;
    let key_atom = parse_atom(key, &argument.column.ty.key, context.symbols)?;
    match value.get(&key_atom) {
        Some(value) => context.print(value.to_string()),
        None if command.has("--if-exists") => context.print(""),
        None => fail!(
            "no key \"{key}\" in {} record \"{}\" column {}",
            target.name,
            command.required(1),
            argument.name
        ),
    }
    Ok(())
}
