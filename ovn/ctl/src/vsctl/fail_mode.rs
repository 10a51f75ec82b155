//! `get-fail-mode`, `del-fail-mode`, `set-fail-mode BRIDGE MODE`: what a bridge does without a controller.

use super::controller::GROUP;
use super::model::{Model, prepare};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::vswitch::Bridge;

pub(super) const GET: Verb = Verb {
    name: "get-fail-mode",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: GROUP,
    help: "print what BRIDGE does without a controller, if that is set",
    prepare,
    run: get,
};

pub(super) const DEL: Verb = Verb {
    name: "del-fail-mode",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: GROUP,
    help: "leave open what BRIDGE does without a controller",
    prepare,
    run: del,
};

pub(super) const SET: Verb = Verb {
    name: "set-fail-mode",
    options: &[],
    parameters: &[Parameter::One("BRIDGE"), Parameter::One("MODE")],
    group: GROUP,
    help: "let BRIDGE without a controller learn addresses (standalone) or follow its flows alone (secure)",
    prepare,
    run: set,
};

fn get(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let row = Model::of(context)?.bridge(command.required(0))?.row;
    let mode = context.view.value(Bridge::TABLE, row, "fail_mode").into_owned();
    if let Some(mode) = mode.as_str() {
        context.print(mode);
    }
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let row = Model::of(context)?.real_bridge(command.required(0))?.row;
    context.view.set(Bridge::TABLE, row, "fail_mode", Datum::empty_set());
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let row = Model::of(context)?.real_bridge(command.required(0))?.row;
    let mode = command.required(1);
    if !["standalone", "secure"].contains(&mode) {
        fail!("fail-mode must be \"standalone\" or \"secure\"");
    }
    context.view.set(Bridge::TABLE, row, "fail_mode", Datum::scalar(mode));
    Ok(())
}
