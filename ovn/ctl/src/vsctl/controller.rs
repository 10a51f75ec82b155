//! `get-controller`, `del-controller`, `set-controller BRIDGE TARGET...`: the OpenFlow controllers of a bridge.

use super::model::{BridgeModel, Model};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::targets::{Targets, remote};
use crate::verb::{Parameter, Verb};
use schema::TypedRow;
use schema::vswitch::{Bridge, Controller};

pub(super) const GROUP: &str = "Controller commands";

pub(super) const GET: Verb = Verb {
    name: "get-controller",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: GROUP,
    help: "print the controllers of BRIDGE",
    prepare,
    run: get,
};

pub(super) const DEL: Verb = Verb {
    name: "del-controller",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: GROUP,
    help: "delete the controllers of BRIDGE",
    prepare,
    run: del,
};

pub(super) const SET: Verb = Verb {
    name: "set-controller",
    options: &[("--inactivity-probe", Argument::Required)],
    parameters: &[Parameter::One("BRIDGE"), Parameter::Any("TARGET")],
    group: GROUP,
    help: "set the controllers of BRIDGE, with probes every so many milliseconds",
    prepare,
    run: set,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::model::prepare(command, needs)?;
    needs.columns(Controller::TABLE, &["target"]);
    Ok(())
}

/// The controllers of a bridge.
fn targets(bridge: &BridgeModel) -> Targets<'static> {
    Targets { owner: Bridge::TABLE, row: bridge.row, column: "controller", table: Controller::TABLE }
}

/// The controllers of a bridge that is none for a VLAN.
fn own_targets(context: &mut Context<'_>, command: &Command) -> Result<Targets<'static>, Failure> {
    Ok(targets(Model::of(context)?.real_bridge(command.required(0))?))
}

fn get(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    // A VLAN bridge has those of its parent.
    targets(Model::of(context)?.bridge(command.required(0))?).print(context);
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    own_targets(context, command)?.clear(context);
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let targets = own_targets(context, command)?;
    let rows = command.rest(1).iter().map(|target| remote(context, command, target)).collect();
    targets.replace(context, rows);
    Ok(())
}
