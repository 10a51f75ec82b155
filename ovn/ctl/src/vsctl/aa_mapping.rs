//! `add-aa-mapping`, `del-aa-mapping BRIDGE I-SID VLAN`, `get-aa-mapping BRIDGE`: what a bridge asks of its uplinks by
//! Auto Attach (IEEE 802.1Qcj).

use super::model::{Model, prepare as prepare_model};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::targets::leading_number;
use crate::verb::{Parameter, Verb};
use ovsdb::{Atom, Datum, Uuid};
use schema::TypedRow;
use schema::vswitch::{AutoAttach, Bridge};

const GROUP: &str = "Auto Attach commands";
const COLUMN: &str = "mappings";

pub(super) const ADD: Verb = Verb {
    name: "add-aa-mapping",
    options: &[],
    parameters: &[Parameter::One("BRIDGE"), Parameter::One("I-SID"), Parameter::One("VLAN")],
    group: GROUP,
    help: "have the uplinks of BRIDGE carry VLAN as service I-SID",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "del-aa-mapping",
    options: &[],
    parameters: &[Parameter::One("BRIDGE"), Parameter::One("I-SID"), Parameter::One("VLAN")],
    group: GROUP,
    help: "no longer have the uplinks of BRIDGE carry VLAN as service I-SID",
    prepare,
    run: del,
};

pub(super) const GET: Verb = Verb {
    name: "get-aa-mapping",
    options: &[],
    parameters: &[Parameter::One("BRIDGE")],
    group: GROUP,
    help: "print the services and VLANs that the uplinks of BRIDGE are to carry",
    prepare,
    run: get,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_model(command, needs)?;
    needs.columns(Bridge::TABLE, &["auto_attach"]);
    needs.columns(AutoAttach::TABLE, &[COLUMN]);
    Ok(())
}

/// The service and the VLAN that a command names.
fn mapping(command: &Command) -> Result<(i64, i64), Failure> {
    let number = |text: &str| {
        let digits = text.trim_start().trim_start_matches(['-', '+']);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            fail!("Invalid argument {text}");
        }
        Ok(leading_number(text))
    };
    Ok((number(command.required(1))?, number(command.required(2))?))
}

/// The bridge that a command names (its parent, if it is for a VLAN) and its Auto Attach settings.
fn settings(context: &mut Context<'_>, command: &Command) -> Result<(Uuid, Option<Uuid>), Failure> {
    let bridge = Model::of(context)?.bridge(command.required(0))?.row;
    Ok((bridge, context.view.value(Bridge::TABLE, bridge, "auto_attach").as_uuid()))
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (service, vlan) = mapping(command)?;
    let (bridge, settings) = settings(context, command)?;
    let settings = match settings {
        Some(settings) => settings,
        None => {
            let uuid = context.fresh();
            context.view.insert_row(uuid, &AutoAttach::default());
            context.view.set(Bridge::TABLE, bridge, "auto_attach", Datum::scalar(uuid));
            uuid
        }
    };
    // A service that is mapped already keeps the lower VLAN.
    let service = Atom::Integer(service);
    let known = context.view.value(AutoAttach::TABLE, settings, COLUMN).get(&service).cloned();
    let vlan = Atom::Integer(vlan);
    let vlan = known.filter(|known| *known < vlan).unwrap_or(vlan);
    context.view.add(AutoAttach::TABLE, settings, COLUMN, &Datum::map([(service, vlan)]));
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (service, vlan) = mapping(command)?;
    if let (_, Some(settings)) = settings(context, command)? {
        context.view.remove(AutoAttach::TABLE, settings, COLUMN, &Datum::map([(service, vlan)]));
    }
    Ok(())
}

fn get(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (_, Some(settings)) = settings(context, command)? else { return Ok(()) };
    let Some(settings) = context.view.row::<AutoAttach>(settings)? else { return Ok(()) };
    for (service, vlan) in settings.mappings {
        context.print(format!("{service} {vlan}"));
    }
    Ok(())
}
