//! `lsp-del PORT`.

use super::LSP;
use super::rows::{find_port, port, prepare_ports, switch_of};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{LogicalSwitch, LogicalSwitchPort};

pub(super) const LSP_DEL: Verb = Verb {
    name: "lsp-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "delete PORT from its switch",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &[]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let id = command.required(0);
    let port = match find_port(context.view, id)? {
        Some(port) => port,
        None if command.has("--if-exists") => return Ok(()),
        None => port(context.view, id)?,
    };
    if let Some(switch) = switch_of(context.view, port.uuid) {
        context.view.remove(LogicalSwitch::TABLE, switch, "ports", &Datum::scalar(port.uuid));
    }
    context.view.forget(LogicalSwitchPort::TABLE, port.uuid);
    Ok(())
}
