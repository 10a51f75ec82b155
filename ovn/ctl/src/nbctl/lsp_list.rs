//! `lsp-list SWITCH`.

use super::LSP;
use super::rows::{self, prepare_ports, print_sorted, switch};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::references;
use schema::nb::LogicalSwitchPort;

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
    let mut ports = Vec::new();
    let switch = switch(context.view, command.required(0))?;
    for uuid in references(&rows::ports(context.view, switch)) {
        ports.extend(context.view.row::<LogicalSwitchPort>(uuid)?);
    }
    print_sorted(context, ports.into_iter().map(|port| (port.name, port.uuid)));
    Ok(())
}
