//! `lsp-add-router-port SWITCH PORT ROUTER-PORT` and `lsp-add-localnet-port SWITCH PORT NETWORK`: ports with all that
//! their type takes.

use super::LSP;
use super::rows::{find_port, insert_under, name_or_uuid, prepare_ports, switch, switch_of};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Uuid;
use schema::nb::{LogicalSwitch, LogicalSwitchPort};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ROUTER: Verb = Verb {
    name: "lsp-add-router-port",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("SWITCH"), Parameter::One("PORT"), Parameter::One("ROUTER-PORT")],
    group: LSP,
    help: "add PORT to SWITCH, which leads to ROUTER-PORT",
    prepare,
    run: |context, command| {
        add(context, command, &Kind { ty: "router", address: "router", option: "router-port" })
    },
};

pub(super) const LOCALNET: Verb = Verb {
    name: "lsp-add-localnet-port",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("SWITCH"), Parameter::One("PORT"), Parameter::One("NETWORK")],
    group: LSP,
    help: "add PORT to SWITCH, which leads to the physical NETWORK",
    prepare,
    run: |context, command| {
        add(context, command, &Kind { ty: "localnet", address: "unknown", option: "network_name" })
    },
};

/// What such a port has: type, address, and the option that says where it leads.
struct Kind {
    ty: &'static str,
    address: &'static str,
    option: &'static str,
}

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["type", "options", "addresses"]);
    Ok(())
}

fn add(context: &mut Context<'_>, command: &Command, kind: &Kind) -> Result<(), Failure> {
    let switch = switch(context.view, command.required(0))?;
    let (name, target) = (command.required(1), command.required(2));
    if let Some(port) = find_port(context.view, name)? {
        if !command.has("--may-exist") {
            fail!("{name}: a port with this name already exists");
        }
        return check_same(context, &port, switch, command, kind);
    }
    let port = LogicalSwitchPort {
        name: name.into(),
        r#type: kind.ty.into(),
        addresses: BTreeSet::from([kind.address.into()]),
        options: BTreeMap::from([(kind.option.into(), target.into())]),
        ..Default::default()
    };
    insert_under::<LogicalSwitch, _>(context, switch, "ports", &port);
    Ok(())
}

/// Whether the port that exists is the one asked for.
fn check_same(
    context: &Context<'_>,
    port: &LogicalSwitchPort,
    switch: Uuid,
    command: &Command,
    kind: &Kind,
) -> Result<(), Failure> {
    let (name, target) = (command.required(1), command.required(2));
    match switch_of(context.view, port.uuid) {
        Some(other) if other != switch => {
            let other = name_or_uuid::<LogicalSwitch>(context.view, other);
            fail!("{name}: a port already exists but in switch {other}")
        }
        Some(_) | None => {}
    }
    if *port.r#type != *kind.ty {
        fail!("{name}: a port already exists but with different type \"{}\"", port.r#type);
    }
    let known = port.options.get(kind.option).map_or("", |known| known);
    if known != target {
        fail!("{name}: a port already exists but with different {} \"{known}\"", kind.option);
    }
    Ok(())
}
