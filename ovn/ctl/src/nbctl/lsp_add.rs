//! `lsp-add SWITCH PORT [PARENT] [TAG]`.

use super::LSP;
use super::rows::{find_port, insert_under, name_or_uuid, prepare_ports, switch, switch_of};
use super::values::number;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Uuid;
use schema::nb::{LogicalSwitch, LogicalSwitchPort};

pub(super) const LSP_ADD: Verb = Verb {
    name: "lsp-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[
        Parameter::One("SWITCH"),
        Parameter::One("PORT"),
        Parameter::Maybe("PARENT"),
        Parameter::Maybe("TAG"),
    ],
    group: LSP,
    help: "add PORT to SWITCH; with PARENT, reached through that port under VLAN TAG",
    prepare,
    run,
};

/// A nested port: the port that carries it, and the tag it asks for.
struct Nested<'a> {
    parent: &'a str,
    tag: i64,
}

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["parent_name", "tag_request"]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let switch = switch(context.view, command.required(0))?;
    let nested = nested(command)?;
    let name = command.required(1);
    if let Some(port) = find_port(context.view, name)? {
        if !command.has("--may-exist") {
            fail!("{name}: a port with this name already exists");
        }
        return check_same(context, name, &port, switch, nested.as_ref());
    }
    let port = LogicalSwitchPort {
        name: name.into(),
        parent_name: nested.as_ref().map(|nested| nested.parent.into()),
        tag_request: nested.as_ref().map(|nested| nested.tag),
        ..Default::default()
    };
    insert_under::<LogicalSwitch, _>(context, switch, "ports", &port);
    Ok(())
}

fn nested(command: &Command) -> Result<Option<Nested<'_>>, Failure> {
    let Some(parent) = command.optional(2) else { return Ok(None) };
    let Some(tag) = command.optional(3) else { fail!("lsp-add with parent must also specify a tag") };
    match number(tag, 0..=4095) {
        Some(tag) => Ok(Some(Nested { parent, tag })),
        None => fail!("{tag}: invalid tag (must be in range 0 to 4095)"),
    }
}

/// Whether the port that exists is the one asked for.
fn check_same(
    context: &Context<'_>,
    name: &str,
    port: &LogicalSwitchPort,
    switch: Uuid,
    nested: Option<&Nested<'_>>,
) -> Result<(), Failure> {
    match switch_of(context.view, port.uuid) {
        Some(other) if other != switch => {
            fail!(
                "{name}: port already exists but in switch {}",
                name_or_uuid::<LogicalSwitch>(context.view, other)
            )
        }
        Some(_) | None => {}
    }
    let Some(nested) = nested else {
        match &port.parent_name {
            Some(parent) => fail!("{name}: port already exists but has parent {parent}"),
            None => return Ok(()),
        }
    };
    match (&port.parent_name, port.tag_request) {
        (None, _) => fail!("{name}: port already exists but has no parent"),
        (Some(parent), _) if **parent != *nested.parent => {
            fail!("{name}: port already exists with different parent {parent}")
        }
        (Some(_), None) => fail!("{name}: port already exists but has no tag_request"),
        (Some(_), Some(tag)) if tag != nested.tag => {
            fail!("{name}: port already exists with different tag_request {tag}")
        }
        (Some(_), Some(_)) => Ok(()),
    }
}
