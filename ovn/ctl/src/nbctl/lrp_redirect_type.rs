//! `lrp-set-redirect-type PORT TYPE` and `lrp-get-redirect-type PORT`: how packets get to the chassis of a gateway port.

use super::LRP;
use super::rows::{get, get_row, prepare_named};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::LogicalRouterPort;

/// The option that says so.
const OPTION: &str = "redirect-type";

pub(super) const SET: Verb = Verb {
    name: "lrp-set-redirect-type",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::One("TYPE")],
    group: LRP,
    help: "set how packets get to the gateway chassis of PORT, 'overlay' or 'bridged'",
    prepare,
    run: set,
};

pub(super) const GET: Verb = Verb {
    name: "lrp-get-redirect-type",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LRP,
    help: "print how packets get to the gateway chassis of PORT, 'overlay' or 'bridged'",
    prepare,
    run: print,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalRouterPort>(needs, &["options"]);
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = get::<LogicalRouterPort>(context.view, command.required(0))?;
    let ty = command.required(1);
    if !["bridged", "overlay"].iter().any(|known| known.eq_ignore_ascii_case(ty)) {
        fail!("Invalid redirect type: {ty}");
    }
    context.view.add(LogicalRouterPort::TABLE, port, "options", &Datum::map([(OPTION, ty)]));
    Ok(())
}

fn print(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = get_row::<LogicalRouterPort>(context.view, command.required(0))?;
    context.print(port.options.get(OPTION).map_or("overlay", |ty| ty));
    Ok(())
}
