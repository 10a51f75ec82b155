//! `list-ifaces BRIDGE`.

use super::INTERFACE;
use super::model::{Model, prepare};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::verb::{Parameter, Verb};
use std::collections::BTreeSet;

pub(super) const LIST_IFACES: Verb = Verb {
    name: "list-ifaces",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: INTERFACE,
    help: "print the names of all interfaces of BRIDGE but its own",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let model = Model::of(context)?;
    let bridge = model.bridge(command.required(0))?;
    let names = bridge.ports.values().flat_map(|port| port.interfaces.keys());
    for name in names.filter(|name| **name != bridge.name).collect::<BTreeSet<_>>() {
        context.print(name);
    }
    Ok(())
}
