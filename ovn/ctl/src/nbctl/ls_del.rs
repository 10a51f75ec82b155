//! `ls-del SWITCH`.

use super::LS;
use super::rows::{find, ports, prepare_switches, switch};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::references;
use schema::TypedRow;
use schema::nb::{LogicalSwitch, LogicalSwitchPort};

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
    let switch = match find::<LogicalSwitch>(context.view, id)? {
        Some(switch) => switch,
        None if command.has("--if-exists") => return Ok(()),
        None => switch(context.view, id)?,
    };
    let ports = references(&ports(context.view, switch));
    context.view.delete(LogicalSwitch::TABLE, switch);
    for port in ports {
        context.view.forget(LogicalSwitchPort::TABLE, port);
    }
    Ok(())
}
