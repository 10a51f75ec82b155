//! `port-to-br PORT`.

use super::PORT;
use super::model::{Model, prepare};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::verb::{Parameter, Verb};

pub(super) const PORT_TO_BR: Verb = Verb {
    name: "port-to-br",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: PORT,
    help: "print the name of the bridge that has PORT",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    match Model::of(context)?.find_port(name) {
        Some((bridge, _)) => context.print(&bridge.name),
        None => fail!("no port named {name}"),
    }
    Ok(())
}
