//! `list TABLE [RECORD]...`: all columns of some or all rows, as a table.

use super::GROUP;
use super::rows::{Target, prepare_rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::output::{Cell, Table};
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Str, Uuid};

pub(crate) const LIST: Verb = Verb {
    name: "list",
    options: &[("--columns", Argument::Required), ("--if-exists", Argument::None)],
    parameters: &[Parameter::One("TABLE"), Parameter::Any("RECORD")],
    group: GROUP,
    help: "print RECORDs of TABLE, or all of them",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_rows(needs.program, command, needs)?;
    prepare_columns(command, needs)
}

/// Asks for the columns that are to be printed.
pub(super) fn prepare_columns(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    let schema = needs.schema.clone();
    let target = Target::of(&schema, command)?;
    let columns = columns(&target, command)?;
    let named: Vec<&str> = columns.iter().filter(|name| ***name != *"_uuid").map(|name| &**name).collect();
    needs.columns(target.name, &named);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let target = Target::of(&schema, command)?;
    let names = command.rest(1);
    let mut rows = Vec::new();
    for name in names {
        rows.extend(target.row(context, command, name)?);
    }
    if names.is_empty() {
        rows.extend(context.view.uuids(target.name));
    }
    context.output.table = Some(table(context, command, &target, &rows)?);
    Ok(())
}

/// A table of these rows.
pub(super) fn table(
    context: &Context<'_>,
    command: &Command,
    target: &Target<'_>,
    rows: &[Uuid],
) -> Result<Table, Failure> {
    let mut columns = columns(target, command)?;
    columns.retain(|name| **name == *"_uuid" || context.served.column(target.name, name));
    let cells = |row: &Uuid| {
        let cell = |name: &Str| match target.schema.columns.get(name) {
            Some(column) => Cell::new(context.view.value(target.name, *row, name).into_owned(), &column.ty),
            None => Cell::scalar(Datum::scalar(*row)),
        };
        columns.iter().map(cell).collect()
    };
    Ok(Table {
        headings: columns.iter().map(|name| name.to_string()).collect(),
        rows: rows.iter().map(cells).collect(),
        ..Table::default()
    })
}

/// `_uuid` and all columns, or those that `--columns` names.
fn columns(target: &Target<'_>, command: &Command) -> Result<Vec<Str>, Failure> {
    let Some(names) = command.option("--columns") else {
        return Ok(std::iter::once("_uuid".into()).chain(target.schema.columns.keys().cloned()).collect());
    };
    let names = names.split([' ', ',']).filter(|name| !name.is_empty());
    let column = |name: &str| {
        if name.eq_ignore_ascii_case("_uuid") {
            return Ok("_uuid".into());
        }
        target.column(name).map(|(name, _)| name.clone())
    };
    let columns: Vec<Str> = names.map(column).collect::<Result<_, _>>()?;
    if columns.is_empty() {
        fail!("must specify at least one column name");
    }
    Ok(columns)
}
