//! `lsp-set-enabled PORT STATE` and `lsp-get-enabled PORT`.

use super::LSP;
use super::rows::{port, prepare_ports};
use super::values::enabled;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::LogicalSwitchPort;

pub(super) const SET: Verb = Verb {
    name: "lsp-set-enabled",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::One("STATE")],
    group: LSP,
    help: "set the administrative state of PORT, 'enabled' or 'disabled'",
    prepare,
    run: set,
};

pub(super) const GET: Verb = Verb {
    name: "lsp-get-enabled",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print the administrative state of PORT, 'enabled' or 'disabled'",
    prepare,
    run: get,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["enabled"]);
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    let enabled = enabled(command.required(1))?;
    context.view.set(LogicalSwitchPort::TABLE, port.uuid, "enabled", Datum::scalar(enabled));
    Ok(())
}

fn get(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let is_enabled = port(context.view, command.required(0))?.enabled != Some(false);
    context.print(if is_enabled { "enabled" } else { "disabled" });
    Ok(())
}
