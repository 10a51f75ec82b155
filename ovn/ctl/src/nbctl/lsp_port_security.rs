//! `lsp-set-port-security PORT [ADDRESSES]...` and `lsp-get-port-security PORT`.

use super::LSP;
use super::rows::{port, prepare_ports};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::LogicalSwitchPort;

pub(super) const SET: Verb = Verb {
    name: "lsp-set-port-security",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::Any("ADDRESSES")],
    group: LSP,
    help: "set the source addresses that PORT may use",
    prepare,
    run: set,
};

pub(super) const GET: Verb = Verb {
    name: "lsp-get-port-security",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print the source addresses that PORT may use",
    prepare,
    run: get,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["port_security"]);
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    let addresses = Datum::set(command.rest(1).iter().map(String::as_str));
    context.view.set(LogicalSwitchPort::TABLE, port.uuid, "port_security", addresses);
    Ok(())
}

fn get(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    for address in port(context.view, command.required(0))?.port_security {
        context.print(address);
    }
    Ok(())
}
