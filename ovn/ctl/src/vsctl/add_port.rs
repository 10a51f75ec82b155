//! `add-port BRIDGE PORT [COLUMN[:KEY]=VALUE]...`.

use super::PORT;
use super::model::{BridgeModel, Model, PortModel, add_port, in_words, prepare};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::generic::set_column;
use crate::verb::{Parameter, Verb};
use schema::TypedRow;
use schema::vswitch::Port;

pub(super) const ADD_PORT: Verb = Verb {
    name: "add-port",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("BRIDGE"), Parameter::One("PORT"), Parameter::Any("COLUMN[:KEY]=VALUE")],
    group: PORT,
    help: "add network device PORT to BRIDGE, with these columns of its Port record",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (bridge, name) = (command.required(0), command.required(1));
    let wanted = Wanted { bridge, name, interfaces: vec![name] };
    add(context, command, &wanted, command.rest(2))
}

/// A port to add.
pub(super) struct Wanted<'a> {
    pub(super) bridge: &'a str,
    pub(super) name: &'a str,
    pub(super) interfaces: Vec<&'a str>,
}

/// Adds a port, with these settings of its columns.
pub(super) fn add(
    context: &mut Context<'_>,
    command: &Command,
    wanted: &Wanted<'_>,
    columns: &[String],
) -> Result<(), Failure> {
    if wanted.name.is_empty() {
        fail!("port name must not be empty string");
    }
    if wanted.interfaces.iter().any(|name| name.is_empty()) {
        fail!("interface name must not be empty string");
    }
    let model = Model::of(context)?;
    if command.has("--may-exist")
        && let Some((bridge, port)) = model.find_port(wanted.name)
    {
        return check_same(command, wanted, bridge, port);
    }
    model.check_free(wanted.name, &format!("cannot create a port named {}", wanted.name))?;
    for interface in wanted.interfaces.iter().filter(|interface| **interface != wanted.name) {
        model.check_free(interface, &format!("cannot create an interface named {interface}"))?;
    }
    let place = model.bridge(wanted.bridge)?.place();
    // The model is to be the cache's own again before it changes.
    drop(model);
    let port = add_port(context, &place, wanted.name, &wanted.interfaces);
    if command.has("--fake-iface") {
        context.view.set(Port::TABLE, port, "bond_fake_iface", ovsdb::Datum::scalar(true));
    }
    for column in columns {
        set_column(context, Port::TABLE, port, column)?;
    }
    Ok(())
}

/// Whether the port that exists is the one asked for.
fn check_same(
    command: &Command,
    wanted: &Wanted<'_>,
    bridge: &BridgeModel,
    port: &PortModel,
) -> Result<(), Failure> {
    let (name, line) = (wanted.name, in_words(command));
    if *bridge.name != *wanted.bridge {
        fail!("\"{line}\" but {name} is actually attached to bridge {}", bridge.name);
    }
    let have: Vec<&str> = port.interfaces.keys().map(|name| &**name).collect();
    let mut interfaces = wanted.interfaces.clone();
    interfaces.sort_unstable();
    if have != interfaces {
        fail!("\"{line}\" but {name} actually has interface(s) {}", have.join(", "));
    }
    Ok(())
}
