//! `lsp-attach-mirror PORT MIRROR` and `lsp-detach-mirror PORT MIRROR`.

use super::LSP;
use super::rows::{detach, get_row, port, prepare_named};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{LogicalSwitchPort, Mirror};

pub(super) const ATTACH: Verb = Verb {
    name: "lsp-attach-mirror",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("PORT"), Parameter::One("MIRROR")],
    group: LSP,
    help: "let MIRROR have what goes through PORT",
    prepare,
    run: attach,
};

pub(super) const DETACH: Verb = Verb {
    name: "lsp-detach-mirror",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::One("MIRROR")],
    group: LSP,
    help: "let MIRROR no longer have what goes through PORT",
    prepare,
    run: detach_mirror,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalSwitchPort>(needs, &["mirror_rules"]);
    prepare_named::<Mirror>(needs, &[]);
    Ok(())
}

fn attach(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    let mirror = get_row::<Mirror>(context.view, command.required(1))?;
    if port.mirror_rules.contains(&mirror.uuid) {
        if command.has("--may-exist") {
            return Ok(());
        }
        fail!("mirror {} is already attached to the logical port {}.", mirror.name, command.required(0));
    }
    context.view.add(LogicalSwitchPort::TABLE, port.uuid, "mirror_rules", &Datum::scalar(mirror.uuid));
    Ok(())
}

fn detach_mirror(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    let mirror = get_row::<Mirror>(context.view, command.required(1))?;
    detach::<LogicalSwitchPort>(context, port.uuid, "mirror_rules", [mirror.uuid]);
    Ok(())
}
