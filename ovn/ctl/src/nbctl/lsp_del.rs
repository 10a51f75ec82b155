//! `lsp-del PORT`.

use super::LSP;
use super::rows::{delete_port, find, prepare_ports};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
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
    if command.has("--if-exists") && find::<LogicalSwitchPort>(context.view, id)?.is_none() {
        return Ok(());
    }
    delete_port::<LogicalSwitch>(context, id)
}
