//! `add-br BRIDGE [PARENT VLAN]`.

use super::BRIDGE;
use super::model::{BridgeModel, Model, in_words, prepare};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::targets::leading_number;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::vswitch::{Bridge, Interface, OpenVSwitch, Port};
use std::collections::BTreeSet;

pub(super) const ADD_BR: Verb = Verb {
    name: "add-br",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("BRIDGE"), Parameter::Maybe("PARENT"), Parameter::Maybe("VLAN")],
    group: BRIDGE,
    help: "create BRIDGE; with PARENT and VLAN, as a bridge for that VLAN of PARENT",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    if name.is_empty() {
        fail!("bridge name must not be empty string");
    }
    let vlan = match (command.optional(1), command.optional(2)) {
        (None, _) => None,
        (Some(_), None) => fail!("'add-br' command takes exactly 1 or 3 arguments"),
        (Some(parent), Some(vlan)) => match leading_number(vlan) {
            vlan @ 0..=4095 => Some((parent, vlan)),
            _ => fail!("add-br: vlan must be between 0 and 4095"),
        },
    };
    let model = Model::of(context)?;
    if command.has("--may-exist")
        && let Some(bridge) = model.bridges.get(name)
    {
        return check_same(command, bridge, vlan);
    }
    model.check_free(name, &format!("cannot create a bridge named {name}"))?;
    match vlan {
        None => add_real(context, &model, name),
        Some((parent, vlan)) => return add_fake(context, &model, name, parent, vlan),
    }
    Ok(())
}

/// Whether the bridge that exists is the one asked for.
fn check_same(command: &Command, bridge: &BridgeModel, vlan: Option<(&str, i64)>) -> Result<(), Failure> {
    let (name, line) = (&bridge.name, in_words(command));
    match (&bridge.fake, vlan) {
        (None, None) => Ok(()),
        (Some(fake), None) => {
            fail!("\"{line}\" but {name} is a VLAN bridge for VLAN {}", fake.vlan)
        }
        (None, Some(_)) => {
            fail!("\"{line}\" but {name} is not a VLAN bridge")
        }
        (Some(fake), Some((parent, _))) if *fake.parent != *parent => {
            fail!("\"{line}\" but {name} has the wrong parent {}", fake.parent)
        }
        (Some(fake), Some((_, vlan))) if fake.vlan != vlan => {
            fail!("\"{line}\" but {name} is a VLAN bridge for the wrong VLAN {}", fake.vlan)
        }
        (Some(_), Some(_)) => Ok(()),
    }
}

/// A port with one interface of the switch itself.
fn internal_port(context: &mut Context<'_>, name: &str) -> Port {
    let uuid = context.fresh();
    let interface = Interface { name: name.into(), r#type: "internal".into(), ..Default::default() };
    let interface = context.view.insert_row(uuid, &interface);
    context.wishes.interfaces_added.push((interface, name.to_owned()));
    Port { name: name.into(), interfaces: BTreeSet::from([interface]), ..Default::default() }
}

fn insert(context: &mut Context<'_>, row: &impl TypedRow) -> Uuid {
    let uuid = context.fresh();
    context.view.insert_row(uuid, row)
}

fn add_real(context: &mut Context<'_>, model: &Model, name: &str) {
    let port = internal_port(context, name);
    let port = insert(context, &port);
    let bridge = Bridge { name: name.into(), ports: BTreeSet::from([port]), ..Default::default() };
    let bridge = insert(context, &bridge);
    context.view.add(OpenVSwitch::TABLE, model.switch, "bridges", &Datum::scalar(bridge));
}

fn add_fake(
    context: &mut Context<'_>,
    model: &Model,
    name: &str,
    parent_name: &str,
    vlan: i64,
) -> Result<(), Failure> {
    let Some(parent) = model.bridges.get(parent_name) else {
        fail!("parent bridge {parent_name} does not exist")
    };
    if parent.fake.is_some() {
        fail!("cannot create bridge with fake bridge as parent");
    }
    let is_same = |other: &&BridgeModel| {
        other.fake.as_ref().is_some_and(|fake| *fake.parent == *parent_name && fake.vlan == vlan)
    };
    if let Some(other) = model.bridges.values().find(is_same) {
        fail!("bridge {parent_name} already has a child VLAN bridge {} on VLAN {vlan}", other.name);
    }
    let port = Port { tag: Some(vlan), fake_bridge: true, ..internal_port(context, name) };
    let port = insert(context, &port);
    context.view.add(Bridge::TABLE, parent.row, "ports", &Datum::scalar(port));
    Ok(())
}
