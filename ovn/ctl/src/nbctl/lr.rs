//! `lr-add [ROUTER]`, `lr-del ROUTER`, `lr-list`.

use super::LR;
use super::new_name::{OPTIONS, new_name};
use super::rows::{delete_datapath, find, prepare_datapaths, prepare_named, print_names};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::LogicalRouter;

pub(super) const ADD: Verb = Verb {
    name: "lr-add",
    options: OPTIONS,
    parameters: &[Parameter::Maybe("ROUTER")],
    group: LR,
    help: "create a logical router, named ROUTER",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "lr-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("ROUTER")],
    group: LR,
    help: "delete ROUTER and all its ports",
    prepare: prepare_del,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "lr-list",
    options: &[],
    parameters: &[],
    group: LR,
    help: "print the names of all logical routers",
    prepare,
    run: list,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalRouter>(needs, &[]);
    Ok(())
}

fn prepare_del(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_datapaths::<LogicalRouter>(needs);
    Ok(())
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    if let Some(name) = new_name::<LogicalRouter>(context, command)? {
        let uuid = context.fresh();
        context.view.insert_row(uuid, &LogicalRouter { name: name.into(), ..Default::default() });
    }
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let id = command.required(0);
    if command.has("--if-exists") && find::<LogicalRouter>(context.view, id)?.is_none() {
        return Ok(());
    }
    delete_datapath::<LogicalRouter>(context, id)
}

fn list(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    print_names::<LogicalRouter>(context);
    Ok(())
}
