//! `pg-add GROUP [PORT]...`, `pg-set-ports GROUP PORT...`, `pg-get-ports GROUP`, `pg-del GROUP`.

use super::rows::{get, get_row, name_of, prepare_named};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::View;
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{LogicalSwitchPort, PortGroup};

const GROUP: &str = "Port group commands";

pub(super) const ADD: Verb = Verb {
    name: "pg-add",
    options: &[],
    parameters: &[Parameter::One("GROUP"), Parameter::Any("PORT")],
    group: GROUP,
    help: "create a port group, with these ports",
    prepare,
    run: add,
};

pub(super) const SET_PORTS: Verb = Verb {
    name: "pg-set-ports",
    options: &[],
    parameters: &[Parameter::One("GROUP"), Parameter::Many("PORT")],
    group: GROUP,
    help: "set the ports of GROUP",
    prepare,
    run: set_ports,
};

pub(super) const GET_PORTS: Verb = Verb {
    name: "pg-get-ports",
    options: &[],
    parameters: &[Parameter::One("GROUP")],
    group: GROUP,
    help: "print the ports of GROUP",
    prepare,
    run: get_ports,
};

pub(super) const DEL: Verb = Verb {
    name: "pg-del",
    options: &[],
    parameters: &[Parameter::One("GROUP")],
    group: GROUP,
    help: "delete GROUP",
    prepare: prepare_del,
    run: del,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalSwitchPort>(needs, &[]);
    prepare_named::<PortGroup>(needs, &["ports"]);
    Ok(())
}

fn prepare_del(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<PortGroup>(needs, &[]);
    Ok(())
}

/// The ports of these names.
fn ports(view: &View, ids: &[String]) -> Result<Datum, Failure> {
    let ports: Result<Vec<_>, Failure> = ids.iter().map(|id| get::<LogicalSwitchPort>(view, id)).collect();
    Ok(Datum::set(ports?))
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let ports = ports(context.view, command.rest(1))?;
    let group = context.fresh();
    context.view.insert_row(group, &PortGroup { name: command.required(0).into(), ..Default::default() });
    if !ports.is_empty() {
        context.view.set(PortGroup::TABLE, group, "ports", ports);
    }
    Ok(())
}

fn set_ports(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let group = get::<PortGroup>(context.view, command.required(0))?;
    let ports = ports(context.view, command.rest(1))?;
    context.view.set(PortGroup::TABLE, group, "ports", ports);
    Ok(())
}

fn get_ports(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let group = get_row::<PortGroup>(context.view, command.required(0))?;
    let mut names: Vec<String> =
        group.ports.iter().map(|port| name_of::<LogicalSwitchPort>(context.view, *port)).collect();
    names.sort();
    if !names.is_empty() {
        context.print(names.join(" "));
    }
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let group = get::<PortGroup>(context.view, command.required(0))?;
    context.view.delete(PortGroup::TABLE, group);
    Ok(())
}
