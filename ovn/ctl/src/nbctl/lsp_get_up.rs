//! `lsp-get-up PORT`.

use super::LSP;
use super::rows::{port, prepare_ports};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};

pub(super) const LSP_GET_UP: Verb = Verb {
    name: "lsp-get-up",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print whether PORT is 'up' or 'down'",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["up"]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let is_up = port(context.view, command.required(0))?.up == Some(true);
    context.print(if is_up { "up" } else { "down" });
    Ok(())
}
