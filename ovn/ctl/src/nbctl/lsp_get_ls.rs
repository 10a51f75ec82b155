//! `lsp-get-ls PORT`.

use super::LSP;
use super::rows::{name_of, port, prepare_ports, switch_of};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::LogicalSwitch;

pub(super) const LSP_GET_LS: Verb = Verb {
    name: "lsp-get-ls",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print the switch that PORT belongs to",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &[]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    if let Some(switch) = switch_of(context.view, port.uuid) {
        let name = name_of::<LogicalSwitch>(context.view, switch);
        context.print(format!("{switch} ({name})"));
    }
    Ok(())
}
