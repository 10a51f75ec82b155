//! `lrp-set-enabled PORT STATE` and `lrp-get-enabled PORT`.

use super::LRP;
use super::rows::{get, get_row, prepare_named};
use super::values::enabled;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::LogicalRouterPort;

pub(super) const SET: Verb = Verb {
    name: "lrp-set-enabled",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::One("STATE")],
    group: LRP,
    help: "set the administrative state of PORT, 'enabled' or 'disabled'",
    prepare,
    run: set,
};

pub(super) const GET: Verb = Verb {
    name: "lrp-get-enabled",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LRP,
    help: "print the administrative state of PORT, 'enabled' or 'disabled'",
    prepare,
    run: print,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalRouterPort>(needs, &["enabled"]);
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = get::<LogicalRouterPort>(context.view, command.required(0))?;
    let enabled = enabled(command.required(1))?;
    context.view.set(LogicalRouterPort::TABLE, port, "enabled", Datum::scalar(enabled));
    Ok(())
}

fn print(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = get_row::<LogicalRouterPort>(context.view, command.required(0))?;
    context.print(if port.enabled == Some(false) { "disabled" } else { "enabled" });
    Ok(())
}
