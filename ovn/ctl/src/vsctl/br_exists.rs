//! `br-exists BRIDGE`.

use super::BRIDGE;
use super::model::{Model, prepare};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::verb::{Parameter, Verb};

/// The exit code that says no.
const NO: u8 = 2;

pub(super) const BR_EXISTS: Verb = Verb {
    name: "br-exists",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: BRIDGE,
    help: "exit with 2 if there is no BRIDGE",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let exists = Model::of(context)?.bridges.contains_key(command.required(0));
    if exists { Ok(()) } else { Err(Failure::silent(NO)) }
}
