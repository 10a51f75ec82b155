//! `lrp-set-gateway-chassis PORT CHASSIS [PRIORITY]`, `lrp-del-gateway-chassis PORT CHASSIS`,
//! `lrp-get-gateway-chassis PORT`: the chassis that may host a gateway port.

use super::LRP;
use super::rows::{detach, get_row, insert_under, prepare_named, rows};
use super::values::priority;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::View;
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{GatewayChassis, LogicalRouterPort};

pub(super) const SET: Verb = Verb {
    name: "lrp-set-gateway-chassis",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("PORT"), Parameter::One("CHASSIS"), Parameter::Maybe("PRIORITY")],
    group: LRP,
    help: "let CHASSIS host PORT, with this priority or 0",
    prepare,
    run: set,
};

pub(super) const DEL: Verb = Verb {
    name: "lrp-del-gateway-chassis",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::One("CHASSIS")],
    group: LRP,
    help: "let CHASSIS no longer host PORT",
    prepare,
    run: del,
};

pub(super) const GET: Verb = Verb {
    name: "lrp-get-gateway-chassis",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LRP,
    help: "print the chassis that may host PORT, with their priorities",
    prepare,
    run: print,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalRouterPort>(needs, &["gateway_chassis"]);
    needs.columns(GatewayChassis::TABLE, &["name", "chassis_name", "priority"]);
    Ok(())
}

/// The candidates of a port, the preferred one first.
pub(super) fn candidates(view: &View, port: &LogicalRouterPort) -> Result<Vec<GatewayChassis>, Failure> {
    let mut candidates: Vec<GatewayChassis> = rows(view, &port.gateway_chassis)?;
    candidates.sort_by(|a, b| (b.priority, &b.name).cmp(&(a.priority, &a.name)));
    Ok(candidates)
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let id = command.required(0);
    let port = get_row::<LogicalRouterPort>(context.view, id)?;
    let chassis = command.required(1);
    let priority = command.optional(2).map_or(Ok(0), priority)?;
    let known = candidates(context.view, &port)?.into_iter().find(|known| *known.chassis_name == *chassis);
    if let Some(known) = known {
        context.view.set(GatewayChassis::TABLE, known.uuid, "priority", Datum::scalar(priority));
        return Ok(());
    }
    let candidate = GatewayChassis {
        name: format!("{id}-{chassis}").into(),
        chassis_name: chassis.into(),
        priority,
        ..Default::default()
    };
    insert_under::<LogicalRouterPort, _>(context, port.uuid, "gateway_chassis", &candidate);
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = get_row::<LogicalRouterPort>(context.view, command.required(0))?;
    let chassis = command.required(1);
    // A name that begins with that of a candidate means it too, the candidates in the order of their UUIDs.
    let candidates: Vec<GatewayChassis> = rows(context.view, &port.gateway_chassis)?;
    let Some(candidate) = candidates.iter().find(|candidate| chassis.starts_with(&*candidate.chassis_name))
    else {
        fail!("chassis {chassis} is not added to logical port {}", command.required(0));
    };
    detach::<LogicalRouterPort>(context, port.uuid, "gateway_chassis", [candidate.uuid]);
    context.view.forget(GatewayChassis::TABLE, candidate.uuid);
    Ok(())
}

fn print(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = get_row::<LogicalRouterPort>(context.view, command.required(0))?;
    for candidate in candidates(context.view, &port)? {
        context.print(format!("{} {:>5}", candidate.name, candidate.priority));
    }
    Ok(())
}
