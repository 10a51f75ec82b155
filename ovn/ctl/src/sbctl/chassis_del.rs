//! `chassis-del CHASSIS`.

use super::chassis_add::GROUP;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Uuid;
use schema::TypedRow;
use schema::sb::{Chassis, Encap};

pub(super) const CHASSIS_DEL: Verb = Verb {
    name: "chassis-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("CHASSIS")],
    group: GROUP,
    help: "delete CHASSIS and the ways to reach it",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.columns(Chassis::TABLE, &["name", "encaps"]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    let Some(chassis) = find(context, name)? else {
        if command.has("--if-exists") {
            return Ok(());
        }
        fail!("no chassis named {name}");
    };
    context.view.delete(Chassis::TABLE, chassis.uuid);
    for encap in chassis.encaps {
        context.view.forget(Encap::TABLE, encap);
    }
    Ok(())
}

fn find(context: &Context<'_>, name: &str) -> Result<Option<Chassis>, Failure> {
    Ok(context.view.rows::<Chassis>()?.into_iter().find(|chassis| *chassis.name == *name))
}

/// The row of the chassis of that name.
pub(super) fn chassis(context: &Context<'_>, name: &str) -> Result<Uuid, Failure> {
    match find(context, name)? {
        Some(chassis) => Ok(chassis.uuid),
        None => fail!("no chassis named {name}"),
    }
}
