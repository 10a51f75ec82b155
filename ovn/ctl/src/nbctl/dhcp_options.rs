//! `dhcp-options-create CIDR [KEY=VALUE]...`, `dhcp-options-del OPTIONS`, `dhcp-options-list`,
//! `dhcp-options-set-options OPTIONS [KEY=VALUE]...`, `dhcp-options-get-options OPTIONS`.

use super::addresses::Cidr;
use super::values::pairs;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb, prepare_nothing};
use crate::view::View;
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::nb::DhcpOptions;
use std::collections::BTreeMap;

const GROUP: &str = "DHCP options commands";

pub(super) const CREATE: Verb = Verb {
    name: "dhcp-options-create",
    options: &[],
    parameters: &[Parameter::One("CIDR"), Parameter::Any("KEY=VALUE")],
    group: GROUP,
    help: "create DHCP options for the network CIDR, with these external IDs",
    prepare: prepare_nothing,
    run: create,
};

pub(super) const DEL: Verb = Verb {
    name: "dhcp-options-del",
    options: &[],
    parameters: &[Parameter::One("DHCP-OPTIONS")],
    group: GROUP,
    help: "delete DHCP options, given by UUID",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "dhcp-options-list",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "print the UUIDs of all DHCP options",
    prepare,
    run: list,
};

pub(super) const SET_OPTIONS: Verb = Verb {
    name: "dhcp-options-set-options",
    options: &[],
    parameters: &[Parameter::One("DHCP-OPTIONS"), Parameter::Any("KEY=VALUE")],
    group: GROUP,
    help: "set the options themselves, which replace those there are",
    prepare,
    run: set_options,
};

pub(super) const GET_OPTIONS: Verb = Verb {
    name: "dhcp-options-get-options",
    options: &[],
    parameters: &[Parameter::One("DHCP-OPTIONS")],
    group: GROUP,
    help: "print the options themselves",
    prepare,
    run: get_options,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.columns(DhcpOptions::TABLE, &["cidr", "options"]);
    Ok(())
}

/// The options that `id`, a UUID, means.
pub(super) fn find(view: &View, id: &str) -> Result<DhcpOptions, Failure> {
    let found = id.parse::<Uuid>().ok().map(|uuid| view.row(uuid)).transpose()?.flatten();
    let Some(options) = found else { fail!("{id}: dhcp options UUID not found") };
    Ok(options)
}

fn create(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let cidr = command.required(0);
    if Cidr::parse(cidr).is_none() {
        fail!("Invalid cidr format '{cidr}'");
    }
    let values = [("cidr", Datum::scalar(cidr)), ("external_ids", pairs(command.rest(1)))];
    let values: BTreeMap<_, _> = values.into_iter().map(|(column, value)| (column.into(), value)).collect();
    let uuid = context.fresh();
    context.view.insert(DhcpOptions::TABLE, uuid, values);
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let options = find(context.view, command.required(0))?;
    context.view.delete(DhcpOptions::TABLE, options.uuid);
    Ok(())
}

fn list(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    let mut options = context.view.rows::<DhcpOptions>()?;
    options.sort_by(|a, b| (&a.cidr, a.uuid).cmp(&(&b.cidr, b.uuid)));
    for options in options {
        context.print(options.uuid.to_string());
    }
    Ok(())
}

fn set_options(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let options = find(context.view, command.required(0))?;
    context.view.set(DhcpOptions::TABLE, options.uuid, "options", pairs(command.rest(1)));
    Ok(())
}

fn get_options(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    for (key, value) in find(context.view, command.required(0))?.options {
        context.print(format!("{key}={value}"));
    }
    Ok(())
}
