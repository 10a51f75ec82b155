//! `ls-del SWITCH`.

use super::LS;
use super::rows::{delete_datapath, find, prepare_switches};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::LogicalSwitch;

pub(super) const LS_DEL: Verb = Verb {
    name: "ls-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("SWITCH")],
    group: LS,
    help: "delete SWITCH and all its ports",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_switches(needs);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let id = command.required(0);
    if command.has("--if-exists") && find::<LogicalSwitch>(context.view, id)?.is_none() {
        return Ok(());
    }
    delete_datapath::<LogicalSwitch>(context, id)
}
