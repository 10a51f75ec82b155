//! `lsp-set-options PORT KEY=VALUE...` and `lsp-get-options PORT`.

use super::LSP;
use super::rows::{port, prepare_ports};
use super::values::pairs;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::TypedRow;
use schema::nb::LogicalSwitchPort;

pub(super) const SET: Verb = Verb {
    name: "lsp-set-options",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::Any("KEY=VALUE")],
    group: LSP,
    help: "set the options of PORT, which replace those it has",
    prepare,
    run: set,
};

pub(super) const GET: Verb = Verb {
    name: "lsp-get-options",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print the options of PORT",
    prepare,
    run: get,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["options"]);
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    context.view.set(LogicalSwitchPort::TABLE, port.uuid, "options", pairs(command.rest(1)));
    Ok(())
}

fn get(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    for (key, value) in port(context.view, command.required(0))?.options {
        context.print(format!("{key}={value}"));
    }
    Ok(())
}
