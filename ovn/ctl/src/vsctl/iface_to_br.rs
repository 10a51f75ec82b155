//! `iface-to-br IFACE`.

use super::INTERFACE;
use super::model::{Model, prepare};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::verb::{Parameter, Verb};

pub(super) const IFACE_TO_BR: Verb = Verb {
    name: "iface-to-br",
    options: &[],
    parameters: &[Parameter::One("IFACE")],
    group: INTERFACE,
    help: "print the name of the bridge that has IFACE",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    match Model::of(context)?.find_interface(name) {
        Some((bridge, _, _)) => context.print(&bridge.name),
        None => fail!("no interface named {name}"),
    }
    Ok(())
}
