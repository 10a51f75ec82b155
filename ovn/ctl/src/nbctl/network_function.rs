//! `nf-add FUNCTION ID PORT-IN [PORT-OUT]`, `nf-del FUNCTION`, `nf-list`: middleboxes behind switch ports.

use super::rows::{find, get, name_of, prepare_named};
use super::values::number;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{LogicalSwitchPort, NetworkFunction};

pub(super) const GROUP: &str = "Network function commands";

/// Numbers that functions and groups of them may have.
pub(super) const IDS: std::ops::RangeInclusive<i64> = 1..=255;

pub(super) const ADD: Verb = Verb {
    name: "nf-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[
        Parameter::One("FUNCTION"),
        Parameter::One("ID"),
        Parameter::One("PORT-IN"),
        Parameter::Maybe("PORT-OUT"),
    ],
    group: GROUP,
    help: "add a network function, which packets enter by PORT-IN and leave by PORT-OUT",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "nf-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("FUNCTION")],
    group: GROUP,
    help: "delete a network function",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "nf-list",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "print all network functions",
    prepare,
    run: list,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<NetworkFunction>(needs, &["id", "inport", "outport"]);
    prepare_named::<LogicalSwitchPort>(needs, &[]);
    Ok(())
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let inport = get::<LogicalSwitchPort>(context.view, command.required(2))?;
    let outport = command.optional(3).map(|id| get::<LogicalSwitchPort>(context.view, id)).transpose()?;
    let Some(id) = number(command.required(1), IDS) else {
        fail!("network-function id must be between 1 and 255");
    };
    let name = command.required(0);
    let Some(known) = context.view.named(NetworkFunction::TABLE, "name", name).first().copied() else {
        let function = NetworkFunction { name: name.into(), id, inport, outport, ..Default::default() };
        let uuid = context.fresh();
        context.view.insert_row(uuid, &function);
        return Ok(());
    };
    if !command.has("--may-exist") {
        fail!("{name}: same name network-function already exists");
    }
    for (column, value) in
        [("id", Datum::scalar(id)), ("inport", Datum::scalar(inport)), ("outport", Datum::set(outport))]
    {
        context.view.set(NetworkFunction::TABLE, known, column, value);
    }
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let id = command.required(0);
    if command.has("--if-exists") && find::<NetworkFunction>(context.view, id)?.is_none() {
        return Ok(());
    }
    let function = get::<NetworkFunction>(context.view, id)?;
    context.view.delete(NetworkFunction::TABLE, function);
    Ok(())
}

fn list(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    let mut functions = context.view.rows::<NetworkFunction>()?;
    functions.sort_by(|a, b| (&a.name, a.uuid).cmp(&(&b.name, b.uuid)));
    for function in functions {
        let outport = function.outport.map(|port| name_of::<LogicalSwitchPort>(context.view, port));
        context.print(format!(
            "{} ({}) id:{} in:{} out:{}",
            function.uuid,
            function.name,
            function.id,
            name_of::<LogicalSwitchPort>(context.view, function.inport),
            outport.as_deref().unwrap_or("<not_set>")
        ));
    }
    Ok(())
}
