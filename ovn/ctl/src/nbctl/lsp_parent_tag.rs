//! `lsp-get-parent PORT` and `lsp-get-tag PORT`: of a nested port.

use super::LSP;
use super::rows::{port, prepare_ports};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};

pub(super) const GET_PARENT: Verb = Verb {
    name: "lsp-get-parent",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print the port that carries PORT, if one does",
    prepare,
    run: get_parent,
};

pub(super) const GET_TAG: Verb = Verb {
    name: "lsp-get-tag",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print the VLAN tag of PORT, if it has one",
    prepare,
    run: get_tag,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["parent_name", "tag"]);
    Ok(())
}

fn get_parent(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    if let Some(parent) = port(context.view, command.required(0))?.parent_name {
        context.print(parent);
    }
    Ok(())
}

fn get_tag(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    if let Some(tag) = port(context.view, command.required(0))?.tag {
        context.print(tag.to_string());
    }
    Ok(())
}
