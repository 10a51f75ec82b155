//! `chassis-add CHASSIS ENCAP-TYPE ENCAP-IP`.

use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::sb::{Chassis, Encap};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const GROUP: &str = "Chassis commands";

pub(super) const CHASSIS_ADD: Verb = Verb {
    name: "chassis-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("CHASSIS"), Parameter::One("ENCAP-TYPE"), Parameter::One("ENCAP-IP")],
    group: GROUP,
    help: "create CHASSIS, reached at ENCAP-IP by tunnels of types ENCAP-TYPE[,ENCAP-TYPE...]",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.columns(Chassis::TABLE, &["name"]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    if context.view.rows::<Chassis>()?.iter().any(|chassis| *chassis.name == *name) {
        if command.has("--may-exist") {
            return Ok(());
        }
        fail!("cannot create a chassis named {name} because a chassis named {name} already exists");
    }
    let types: BTreeSet<&str> = command.required(1).split(',').filter(|ty| !ty.is_empty()).collect();
    let mut encaps = BTreeSet::new();
    for ty in types {
        let encap = Encap {
            r#type: ty.into(),
            ip: command.required(2).into(),
            chassis_name: name.into(),
            options: BTreeMap::from([("csum".into(), "true".into())]),
            ..Default::default()
        };
        let uuid = context.fresh();
        encaps.insert(context.view.insert_row(uuid, &encap));
    }
    let uuid = context.fresh();
    context.view.insert_row(uuid, &Chassis { name: name.into(), ..Default::default() });
    // Also where there are none: the database is to refuse that.
    context.view.set(Chassis::TABLE, uuid, "encaps", Datum::set(encaps));
    Ok(())
}
