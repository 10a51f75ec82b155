//! `nfg-add GROUP ID MODE [FUNCTION]...`, `nfg-del GROUP`, `nfg-list`, `nfg-add-nf GROUP FUNCTION`,
//! `nfg-del-nf GROUP FUNCTION`: network functions that stand in for one another.

use super::network_function::{GROUP, IDS};
use super::rows::{detach, find, get, get_row, prepare_named};
use super::values::number;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::nb::{NetworkFunction, NetworkFunctionGroup};

const COLUMN: &str = "network_function";

pub(super) const ADD: Verb = Verb {
    name: "nfg-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[
        Parameter::One("GROUP"),
        Parameter::One("ID"),
        Parameter::One("MODE"),
        Parameter::Any("FUNCTION"),
    ],
    group: GROUP,
    help: "add a group of network functions, 'inline' or 'vtap'",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "nfg-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("GROUP")],
    group: GROUP,
    help: "delete a group of network functions",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "nfg-list",
    options: &[],
    parameters: &[Parameter::Maybe("GROUP")],
    group: GROUP,
    help: "print all groups of network functions",
    prepare,
    run: list,
};

pub(super) const ADD_FUNCTION: Verb = Verb {
    name: "nfg-add-nf",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("GROUP"), Parameter::One("FUNCTION")],
    group: GROUP,
    help: "add a network function to GROUP",
    prepare,
    run: add_function,
};

pub(super) const DEL_FUNCTION: Verb = Verb {
    name: "nfg-del-nf",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("GROUP"), Parameter::One("FUNCTION")],
    group: GROUP,
    help: "take a network function from GROUP",
    prepare,
    run: del_function,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<NetworkFunctionGroup>(needs, &["id", "mode", COLUMN]);
    prepare_named::<NetworkFunction>(needs, &["inport", "outport"]);
    Ok(())
}

/// The function of that name, which must be fit for the mode.
fn function(context: &Context<'_>, id: &str, mode: &str) -> Result<Uuid, Failure> {
    let function = get_row::<NetworkFunction>(context.view, id)?;
    let name = &function.name;
    match (mode, function.outport) {
        ("vtap", Some(_)) => fail!(
            "network-function {name} has outport set; outport must not be set for vtap mode network functions"
        ),
        ("vtap", None) | (_, Some(_)) => Ok(function.uuid),
        (_, None) => fail!(
            "network-function {name} has no outport set; outport is required for inline mode network functions"
        ),
    }
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    let known = context.view.named(NetworkFunctionGroup::TABLE, "name", name).first().copied();
    if known.is_some() && !command.has("--may-exist") {
        fail!("{name}: a network-function-group with this name already exists");
    }
    let Some(id) = number(command.required(1), IDS) else {
        fail!("network-function-group id must be between 1 and 255");
    };
    let mode = command.required(2);
    if !["inline", "vtap"].contains(&mode) {
        fail!("Unsupported mode provided for network-function-group:{name}, supported values: inline, vtap");
    }
    let functions: Result<Vec<Uuid>, Failure> =
        command.rest(3).iter().map(|id| function(context, id, mode)).collect();
    let functions = functions?;
    let group = known.unwrap_or_else(|| {
        let uuid = context.fresh();
        context.view.insert_row(uuid, &NetworkFunctionGroup { name: name.into(), ..Default::default() })
    });
    context.view.set(NetworkFunctionGroup::TABLE, group, "id", Datum::scalar(id));
    context.view.set(NetworkFunctionGroup::TABLE, group, "mode", Datum::scalar(mode));
    if !functions.is_empty() {
        context.view.verify(NetworkFunctionGroup::TABLE, group, COLUMN);
        context.view.set(NetworkFunctionGroup::TABLE, group, COLUMN, Datum::set(functions));
    }
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let id = command.required(0);
    if command.has("--if-exists") && find::<NetworkFunctionGroup>(context.view, id)?.is_none() {
        return Ok(());
    }
    let group = get::<NetworkFunctionGroup>(context.view, id)?;
    context.view.delete(NetworkFunctionGroup::TABLE, group);
    Ok(())
}

fn list(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    let mut groups = context.view.rows::<NetworkFunctionGroup>()?;
    groups.sort_by(|a, b| (&a.name, a.uuid).cmp(&(&b.name, b.uuid)));
    for group in groups {
        context.print(format!("{} ({}) mode:{}", group.uuid, group.name, group.mode));
    }
    Ok(())
}

fn add_function(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (group_id, id) = (command.required(0), command.required(1));
    let group = get_row::<NetworkFunctionGroup>(context.view, group_id)?;
    let function = function(context, id, &group.mode)?;
    if group.network_function.contains(&function) {
        if command.has("--may-exist") {
            return Ok(());
        }
        fail!("network-function {id} is already added to network-function-group {group_id}");
    }
    context.view.verify(NetworkFunctionGroup::TABLE, group.uuid, COLUMN);
    context.view.add(NetworkFunctionGroup::TABLE, group.uuid, COLUMN, &Datum::scalar(function));
    Ok(())
}

fn del_function(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (group_id, id) = (command.required(0), command.required(1));
    let if_exists = command.has("--if-exists");
    if if_exists && find::<NetworkFunctionGroup>(context.view, group_id)?.is_none() {
        return Ok(());
    }
    let group = get_row::<NetworkFunctionGroup>(context.view, group_id)?;
    let function = match find::<NetworkFunction>(context.view, id)? {
        None if !if_exists => Some(get::<NetworkFunction>(context.view, id)?),
        found => found,
    };
    if let Some(function) = function.filter(|function| group.network_function.contains(function)) {
        context.view.verify(NetworkFunctionGroup::TABLE, group.uuid, COLUMN);
        detach::<NetworkFunctionGroup>(context, group.uuid, COLUMN, [function]);
        return Ok(());
    }
    if if_exists {
        return Ok(());
    }
    // Upstream names the group where it means the function.
    fail!("network-function {group_id} is not part of any group")
}
