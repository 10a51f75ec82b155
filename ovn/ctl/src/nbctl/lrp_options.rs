//! `lrp-set-options PORT KEY=VALUE...`.

use super::LRP;
use super::rows::{get, prepare_named};
use super::values::pairs;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::TypedRow;
use schema::nb::LogicalRouterPort;

pub(super) const SET: Verb = Verb {
    name: "lrp-set-options",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::Any("KEY=VALUE")],
    group: LRP,
    help: "set the options of PORT, which replace those it has",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalRouterPort>(needs, &["options"]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = get::<LogicalRouterPort>(context.view, command.required(0))?;
    context.view.set(LogicalRouterPort::TABLE, port, "options", pairs(command.rest(1)));
    Ok(())
}
