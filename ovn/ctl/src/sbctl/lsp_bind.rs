//! `lsp-bind PORT CHASSIS`.

use super::chassis_del::chassis;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::sb::{Chassis, PortBinding};

pub(super) const GROUP: &str = "Port binding commands";

pub(super) const LSP_BIND: Verb = Verb {
    name: "lsp-bind",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("PORT"), Parameter::One("CHASSIS")],
    group: GROUP,
    help: "bind logical port PORT to CHASSIS",
    prepare,
    run,
};

pub(super) fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.columns(Chassis::TABLE, &["name"]);
    needs.columns(PortBinding::TABLE, &["logical_port", "chassis", "up"]);
    Ok(())
}

/// The binding of a port.
pub(super) fn find_port(context: &Context<'_>, name: &str) -> Result<Option<PortBinding>, Failure> {
    Ok(context.view.rows::<PortBinding>()?.into_iter().find(|port| *port.logical_port == *name))
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (port_name, chassis_name) = (command.required(0), command.required(1));
    let Some(port) = find_port(context, port_name)? else { fail!("no port named {port_name}") };
    let chassis = chassis(context, chassis_name)?;
    if let Some(bound) = port.chassis {
        if command.has("--may-exist") && bound == chassis {
            return Ok(());
        }
        let name = context.view.row::<Chassis>(bound)?.map(|chassis| chassis.name).unwrap_or_default();
        fail!("lport ({port_name}) has already been binded to chassis ({name})");
    }
    context.view.set(PortBinding::TABLE, port.uuid, "chassis", Datum::scalar(chassis));
    context.view.set(PortBinding::TABLE, port.uuid, "up", Datum::scalar(true));
    Ok(())
}
