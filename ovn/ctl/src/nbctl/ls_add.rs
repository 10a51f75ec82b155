//! `ls-add [SWITCH]`.

use super::LS;
use super::new_name::{OPTIONS, new_name};
use super::rows::prepare_switches;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::LogicalSwitch;

pub(super) const LS_ADD: Verb = Verb {
    name: "ls-add",
    options: OPTIONS,
    parameters: &[Parameter::Maybe("SWITCH")],
    group: LS,
    help: "create a logical switch, named SWITCH",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_switches(needs);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    if let Some(name) = new_name::<LogicalSwitch>(context, command)? {
        let uuid = context.fresh();
        context.view.insert_row(uuid, &LogicalSwitch { name: name.into(), ..Default::default() });
    }
    Ok(())
}
