//! `del-br BRIDGE`.

use super::BRIDGE;
use super::model::{Model, prepare, remove_port};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::vswitch::{Bridge, Interface, OpenVSwitch, Port};

pub(super) const DEL_BR: Verb = Verb {
    name: "del-br",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("BRIDGE")],
    group: BRIDGE,
    help: "delete BRIDGE and all its ports",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    let model = Model::of(context)?;
    if command.has("--if-exists") && !model.bridges.contains_key(name) {
        return Ok(());
    }
    let bridge = model.bridge(name)?;
    if bridge.fake.is_some() {
        let ports: Vec<_> = bridge.ports.values().chain(&bridge.local).cloned().collect();
        let place = bridge.place();
        // The model is to be the cache's own again before it changes.
        drop(model);
        for port in ports {
            remove_port(context, &place, &port);
        }
        return Ok(());
    }
    context.view.remove(OpenVSwitch::TABLE, model.switch, "bridges", &Datum::scalar(bridge.row));
    context.view.forget(Bridge::TABLE, bridge.row);
    // The ports of its VLAN bridges are on the same row.
    for part in model.bridges.values().filter(|part| part.row == bridge.row) {
        for port in part.ports.values().chain(&part.local) {
            context.view.forget(Port::TABLE, port.row);
            for interface in port.interfaces.values() {
                context.view.forget(Interface::TABLE, *interface);
            }
        }
    }
    Ok(())
}
