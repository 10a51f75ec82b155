//! `list-ports BRIDGE`.

use super::PORT;
use super::model::{Model, prepare};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::verb::{Parameter, Verb};

pub(super) const LIST_PORTS: Verb = Verb {
    name: "list-ports",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: PORT,
    help: "print the names of all ports of BRIDGE but its own",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let model = Model::of(context)?;
    for name in model.bridge(command.required(0))?.ports.keys() {
        context.print(name);
    }
    Ok(())
}
