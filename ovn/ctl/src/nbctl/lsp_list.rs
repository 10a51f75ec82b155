//! `lsp-list SWITCH`.

use super::LSP;
use super::rows::{prepare_ports, print_ports};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::LogicalSwitch;

pub(super) const LSP_LIST: Verb = Verb {
    name: "lsp-list",
    options: &[],
    parameters: &[Parameter::One("SWITCH")],
    group: LSP,
    help: "print the names of all ports of SWITCH",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &[]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    print_ports::<LogicalSwitch>(context, command.required(0))
}
