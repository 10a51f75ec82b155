//! `lrp-del PORT`, `lrp-list ROUTER`.

use super::LRP;
use super::rows::{delete_port, find, prepare_datapaths, prepare_named, print_ports};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::{LogicalRouter, LogicalRouterPort};

pub(super) const DEL: Verb = Verb {
    name: "lrp-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("PORT")],
    group: LRP,
    help: "delete PORT from its router",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "lrp-list",
    options: &[],
    parameters: &[Parameter::One("ROUTER")],
    group: LRP,
    help: "print the names of all ports of ROUTER",
    prepare,
    run: list,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_datapaths::<LogicalRouter>(needs);
    prepare_named::<LogicalRouterPort>(needs, &[]);
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let id = command.required(0);
    if command.has("--if-exists") && find::<LogicalRouterPort>(context.view, id)?.is_none() {
        return Ok(());
    }
    delete_port::<LogicalRouter>(context, id)
}

fn list(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    print_ports::<LogicalRouter>(context, command.required(0))
}
