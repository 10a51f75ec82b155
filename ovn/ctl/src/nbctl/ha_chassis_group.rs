//! `ha-chassis-group-add GROUP`, `ha-chassis-group-del GROUP`, `ha-chassis-group-list [GROUP]`,
//! `ha-chassis-group-add-chassis GROUP CHASSIS PRIORITY`, `ha-chassis-group-remove-chassis GROUP CHASSIS`,
//! `ha-chassis-group-set-chassis-prio GROUP CHASSIS PRIORITY`: chassis that stand in for one another.

use super::rows::{detach, get, get_row, insert_under, prepare_named, rows};
use super::values::priority;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb, prepare_nothing};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::nb::{HaChassis, HaChassisGroup};

const GROUP: &str = "HA chassis group commands";
const COLUMN: &str = "ha_chassis";

pub(super) const ADD: Verb = Verb {
    name: "ha-chassis-group-add",
    options: &[],
    parameters: &[Parameter::One("GROUP")],
    group: GROUP,
    help: "create a group of chassis",
    prepare: prepare_nothing,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "ha-chassis-group-del",
    options: &[],
    parameters: &[Parameter::One("GROUP")],
    group: GROUP,
    help: "delete GROUP",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "ha-chassis-group-list",
    options: &[],
    parameters: &[Parameter::Maybe("GROUP")],
    group: GROUP,
    help: "print GROUP, or all, with their chassis",
    prepare,
    run: list,
};

pub(super) const ADD_CHASSIS: Verb = Verb {
    name: "ha-chassis-group-add-chassis",
    options: &[],
    parameters: &[Parameter::One("GROUP"), Parameter::One("CHASSIS"), Parameter::One("PRIORITY")],
    group: GROUP,
    help: "add CHASSIS to GROUP, or set its priority",
    prepare,
    run: add_chassis,
};

pub(super) const REMOVE_CHASSIS: Verb = Verb {
    name: "ha-chassis-group-remove-chassis",
    options: &[],
    parameters: &[Parameter::One("GROUP"), Parameter::One("CHASSIS")],
    group: GROUP,
    help: "take CHASSIS from GROUP",
    prepare,
    run: remove_chassis,
};

pub(super) const SET_PRIORITY: Verb = Verb {
    name: "ha-chassis-group-set-chassis-prio",
    options: &[],
    parameters: &[Parameter::One("GROUP"), Parameter::One("CHASSIS"), Parameter::One("PRIORITY")],
    group: GROUP,
    help: "set the priority of CHASSIS in GROUP",
    prepare,
    run: set_priority,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<HaChassisGroup>(needs, &[COLUMN]);
    needs.columns(HaChassis::TABLE, &["chassis_name", "priority"]);
    Ok(())
}

/// The chassis of that name in a group.
fn member(context: &Context<'_>, group: &HaChassisGroup, name: &str) -> Result<Option<Uuid>, Failure> {
    let members: Vec<HaChassis> = rows(context.view, &group.ha_chassis)?;
    Ok(members.iter().find(|member| *member.chassis_name == *name).map(|member| member.uuid))
}

/// The same where there must be one; `id` is how the group was named.
fn required(context: &Context<'_>, group: &HaChassisGroup, command: &Command) -> Result<Uuid, Failure> {
    let (id, name) = (command.required(0), command.required(1));
    match member(context, group, name)? {
        Some(member) => Ok(member),
        None => fail!("{name}: ha chassis not found in {id} ha chassis group"),
    }
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let uuid = context.fresh();
    context.view.insert_row(uuid, &HaChassisGroup { name: command.required(0).into(), ..Default::default() });
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let group = get::<HaChassisGroup>(context.view, command.required(0))?;
    context.view.delete(HaChassisGroup::TABLE, group);
    Ok(())
}

fn list(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let mut groups = match command.optional(0) {
        Some(id) => vec![get_row::<HaChassisGroup>(context.view, id)?],
        None => context.view.rows::<HaChassisGroup>()?,
    };
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    for group in groups {
        context.print(format!("{} ({})", group.uuid, group.name));
        for member in rows::<HaChassis>(context.view, &group.ha_chassis)? {
            context.print(format!("    {} ({})", member.uuid, member.chassis_name));
            context.print(format!("    priority {}\n", member.priority));
        }
        context.print("");
    }
    Ok(())
}

fn add_chassis(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let group = get_row::<HaChassisGroup>(context.view, command.required(0))?;
    let name = command.required(1);
    let priority = priority(command.required(2))?;
    match member(context, &group, name)? {
        Some(member) => context.view.set(HaChassis::TABLE, member, "priority", Datum::scalar(priority)),
        None => {
            let chassis = HaChassis { chassis_name: name.into(), priority, ..Default::default() };
            insert_under::<HaChassisGroup, _>(context, group.uuid, COLUMN, &chassis);
        }
    }
    Ok(())
}

fn remove_chassis(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let group = get_row::<HaChassisGroup>(context.view, command.required(0))?;
    let member = required(context, &group, command)?;
    detach::<HaChassisGroup>(context, group.uuid, COLUMN, [member]);
    context.view.forget(HaChassis::TABLE, member);
    Ok(())
}

fn set_priority(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let group = get_row::<HaChassisGroup>(context.view, command.required(0))?;
    let priority = priority(command.required(2))?;
    let member = required(context, &group, command)?;
    context.view.set(HaChassis::TABLE, member, "priority", Datum::scalar(priority));
    Ok(())
}
