//! `lsp-set-type PORT TYPE [peer=PEER]` and `lsp-get-type PORT`.

use super::LSP;
use super::rows::{port, prepare_ports};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::LogicalSwitchPort;

/// The types that a port may have.
const TYPES: &[&str] = &[
    "",
    "external",
    "l2gateway",
    "localnet",
    "localport",
    "mirror",
    "remote",
    "router",
    "switch",
    "virtual",
    "vtep",
];

pub(super) const SET: Verb = Verb {
    name: "lsp-set-type",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::One("TYPE"), Parameter::Maybe("peer=PEER")],
    group: LSP,
    help: "set the type of PORT; one of type 'switch' leads to the port PEER",
    prepare,
    run: set,
};

pub(super) const GET: Verb = Verb {
    name: "lsp-get-type",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print the type of PORT",
    prepare,
    run: get,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["type", "peer"]);
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let peer = command.optional(2).map(|word| word.strip_prefix("peer=").ok_or(word));
    let peer = match peer.transpose() {
        Ok(peer) => peer,
        Err(word) => fail!("Unrecognized argument: {word}\n"),
    };
    let port = port(context.view, command.required(0))?;
    let ty = command.required(1);
    if !TYPES.contains(&ty) {
        fail!("Logical switch port type '{ty}' is unrecognized. Not setting type.");
    }
    if peer.is_some() && ty != "switch" {
        fail!("Peer can only be set for a logical switch port with type 'switch'.");
    }
    context.view.set(LogicalSwitchPort::TABLE, port.uuid, "type", Datum::scalar(ty));
    if let Some(peer) = peer {
        context.view.set(LogicalSwitchPort::TABLE, port.uuid, "peer", Datum::scalar(peer));
    }
    Ok(())
}

fn get(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let ty = port(context.view, command.required(0))?.r#type;
    context.print(ty);
    Ok(())
}
