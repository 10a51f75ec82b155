//! `lsp-unbind PORT`.

use super::lsp_bind::{GROUP, find_port, prepare};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::sb::PortBinding;

pub(super) const LSP_UNBIND: Verb = Verb {
    name: "lsp-unbind",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("PORT")],
    group: GROUP,
    help: "undo the binding of logical port PORT",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    let Some(port) = find_port(context, name)? else {
        if command.has("--if-exists") {
            return Ok(());
        }
        fail!("no port named {name}");
    };
    context.view.set(PortBinding::TABLE, port.uuid, "chassis", Datum::empty_set());
    context.view.set(PortBinding::TABLE, port.uuid, "up", Datum::empty_set());
    Ok(())
}
