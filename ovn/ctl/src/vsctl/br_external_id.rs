//! `br-set-external-id BRIDGE KEY [VALUE]` and `br-get-external-id BRIDGE [KEY]`.

use super::BRIDGE;
use super::model::{BridgeModel, Model, prepare};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::vswitch::{Bridge, Port};

/// What keys of a VLAN bridge begin with on the port that stands for it.
const FAKE: &str = "fake-bridge-";

pub(super) const SET: Verb = Verb {
    name: "br-set-external-id",
    options: &[],
    parameters: &[Parameter::One("BRIDGE"), Parameter::One("KEY"), Parameter::Maybe("VALUE")],
    group: BRIDGE,
    help: "set KEY of BRIDGE's external ids to VALUE, or take it away",
    prepare,
    run: set,
};

pub(super) const GET: Verb = Verb {
    name: "br-get-external-id",
    options: &[],
    parameters: &[Parameter::One("BRIDGE"), Parameter::Maybe("KEY")],
    group: BRIDGE,
    help: "print KEY of BRIDGE's external ids, or all of them",
    prepare,
    run: get,
};

/// Where the external ids of a bridge are: table, row, and what keys begin with.
fn place(bridge: &BridgeModel) -> (&'static str, Uuid, &'static str) {
    match &bridge.fake {
        Some(fake) => (Port::TABLE, fake.port, FAKE),
        None => (Bridge::TABLE, bridge.row, ""),
    }
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let model = Model::of(context)?;
    let (table, row, prefix) = place(model.bridge(command.required(0))?);
    let key = format!("{prefix}{}", command.required(1));
    match command.optional(2) {
        Some(value) => context.view.add(table, row, "external_ids", &Datum::map([(key.as_str(), value)])),
        None => context.view.remove(table, row, "external_ids", &Datum::scalar(key)),
    }
    Ok(())
}

fn get(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let model = Model::of(context)?;
    let (table, row, prefix) = place(model.bridge(command.required(0))?);
    let ids = context.view.value(table, row, "external_ids").into_owned();
    if let Some(key) = command.optional(1) {
        if let Some(value) = ids.get_str(&format!("{prefix}{key}")) {
            context.print(value);
        }
        return Ok(());
    }
    let texts =
        |atom: &ovsdb::Atom| if let ovsdb::Atom::String(text) = atom { text.clone() } else { "".into() };
    for (key, value) in ids.keys().map(texts).zip(ids.values().map(texts)) {
        if let Some(key) = key.strip_prefix(prefix) {
            context.print(format!("{key}={value}"));
        }
    }
    Ok(())
}
