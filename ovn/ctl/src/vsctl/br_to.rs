//! `br-to-vlan BRIDGE` and `br-to-parent BRIDGE`.

use super::BRIDGE;
use super::model::{Model, prepare};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::verb::{Parameter, Verb};

pub(super) const VLAN: Verb = Verb {
    name: "br-to-vlan",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: BRIDGE,
    help: "print the VLAN that BRIDGE is for, 0 if for none",
    prepare,
    run: vlan,
};

pub(super) const PARENT: Verb = Verb {
    name: "br-to-parent",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: BRIDGE,
    help: "print the bridge that BRIDGE is a part of, itself if it is none",
    prepare,
    run: parent,
};

fn vlan(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let model = Model::of(context)?;
    let vlan = model.bridge(command.required(0))?.fake.as_ref().map_or(0, |fake| fake.vlan);
    context.print(vlan.to_string());
    Ok(())
}

fn parent(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let model = Model::of(context)?;
    let bridge = model.bridge(command.required(0))?;
    context.print(bridge.fake.as_ref().map_or(&bridge.name, |fake| &fake.parent));
    Ok(())
}
