//! `add-port BRIDGE PORT [COLUMN[:KEY]=VALUE]...`.

use super::PORT;
use super::model::{BridgeModel, Model, PortModel, add_port};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::generic::{prepare_assignments_to, set_column};
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::TypedRow;
use schema::vswitch::Port;
use std::collections::BTreeSet;

pub(super) const ADD_PORT: Verb = Verb {
    name: "add-port",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("BRIDGE"), Parameter::One("PORT"), Parameter::Any("COLUMN[:KEY]=VALUE")],
    group: PORT,
    help: "add network device PORT to BRIDGE, with these columns of its Port record",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::model::prepare(command, needs)?;
    prepare_assignments_to(Port::TABLE, command.rest(2), needs)
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (bridge, name) = (command.required(0), command.required(1));
    let wanted = Wanted { bridge, name, interfaces: BTreeSet::from([name]) };
    let line = format!("add-port {bridge} {name}");
    add(context, command, &wanted, &line, command.rest(2), false)
}

/// A port to add.
pub(super) struct Wanted<'a> {
    pub(super) bridge: &'a str,
    pub(super) name: &'a str,
    pub(super) interfaces: BTreeSet<&'a str>,
}

/// Adds a port; `line` is the command as errors have it.
pub(super) fn add(
    context: &mut Context<'_>,
    command: &Command,
    wanted: &Wanted<'_>,
    line: &str,
    columns: &[String],
    is_fake_interface: bool,
) -> Result<(), Failure> {
    let model = Model::read(context.view)?;
    if command.has("--may-exist")
        && let Some((bridge, port)) = model.find_port(wanted.name)
    {
        return check_same(wanted, line, bridge, port);
    }
    model.check_free(wanted.name, &format!("cannot create a port named {}", wanted.name))?;
    for interface in wanted.interfaces.iter().filter(|interface| **interface != wanted.name) {
        model.check_free(interface, &format!("cannot create an interface named {interface}"))?;
    }
    let bridge = model.bridge(wanted.bridge)?;
    let (port, _) = add_port(context, bridge, wanted.name, &wanted.interfaces);
    if is_fake_interface {
        context.view.set(Port::TABLE, port, "bond_fake_iface", ovsdb::Datum::scalar(true));
    }
    for column in columns {
        set_column(context, Port::TABLE, port, column)?;
    }
    Ok(())
}

/// Whether the port that exists is the one asked for.
fn check_same(
    wanted: &Wanted<'_>,
    line: &str,
    bridge: &BridgeModel,
    port: &PortModel,
) -> Result<(), Failure> {
    let name = wanted.name;
    if *bridge.name != *wanted.bridge {
        fail!("\"--may-exist {line}\" but {name} is actually attached to bridge {}", bridge.name);
    }
    let have: BTreeSet<&str> = port.interfaces.keys().map(|name| &**name).collect();
    if have != wanted.interfaces {
        let have: Vec<&str> = have.into_iter().collect();
        fail!("\"--may-exist {line}\" but {name} actually has interface(s) {}", have.join(", "));
    }
    Ok(())
}
