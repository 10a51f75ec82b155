//! `lr-lb-add ROUTER LB`, `lr-lb-del ROUTER [LB]`, `lr-lb-list ROUTER`, and the same for switches: the load balancers of
//! a router or switch.

use super::lb_add::GROUP;
use super::lb_list::{prepare_list, print};
use super::rows::{Datapath, detach, detach_all, get, name_of, prepare_named, rows};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::references;
use ovsdb::Datum;
use schema::nb::{LoadBalancer, LoadBalancerGroup, LogicalRouter, LogicalSwitch};

const COLUMN: &str = "load_balancer";
const GROUPS: &str = "load_balancer_group";

pub(super) const LR_ADD: Verb = Verb {
    name: "lr-lb-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("ROUTER"), Parameter::One("LB")],
    group: GROUP,
    help: "let ROUTER use a load balancer",
    prepare: prepare::<LogicalRouter>,
    run: add::<LogicalRouter>,
};

pub(super) const LR_DEL: Verb = Verb {
    name: "lr-lb-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("ROUTER"), Parameter::Maybe("LB")],
    group: GROUP,
    help: "let ROUTER no longer use a load balancer, or any",
    prepare: prepare::<LogicalRouter>,
    run: del::<LogicalRouter>,
};

pub(super) const LR_LIST: Verb = Verb {
    name: "lr-lb-list",
    options: &[],
    parameters: &[Parameter::One("ROUTER")],
    group: GROUP,
    help: "print the load balancers of ROUTER",
    prepare: prepare_all::<LogicalRouter>,
    run: list::<LogicalRouter>,
};

pub(super) const LS_ADD: Verb = Verb {
    name: "ls-lb-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("SWITCH"), Parameter::One("LB")],
    group: GROUP,
    help: "let SWITCH use a load balancer",
    prepare: prepare::<LogicalSwitch>,
    run: add::<LogicalSwitch>,
};

pub(super) const LS_DEL: Verb = Verb {
    name: "ls-lb-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("SWITCH"), Parameter::Maybe("LB")],
    group: GROUP,
    help: "let SWITCH no longer use a load balancer, or any",
    prepare: prepare::<LogicalSwitch>,
    run: del::<LogicalSwitch>,
};

pub(super) const LS_LIST: Verb = Verb {
    name: "ls-lb-list",
    options: &[],
    parameters: &[Parameter::One("SWITCH")],
    group: GROUP,
    help: "print the load balancers of SWITCH",
    prepare: prepare_all::<LogicalSwitch>,
    run: list::<LogicalSwitch>,
};

fn prepare<T: Datapath>(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<T>(needs, &[COLUMN]);
    prepare_named::<LoadBalancer>(needs, &[]);
    Ok(())
}

fn prepare_all<T: Datapath>(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<T>(needs, &[COLUMN, GROUPS]);
    needs.rows::<LoadBalancerGroup>();
    prepare_list(needs);
    Ok(())
}

fn add<T: Datapath>(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let datapath = get::<T>(context.view, command.required(0))?;
    let balancer = get::<LoadBalancer>(context.view, command.required(1))?;
    if context.view.value(T::TABLE, datapath, COLUMN).contains(&balancer.into()) {
        if command.has("--may-exist") {
            return Ok(());
        }
        fail!("{balancer} : a load balancer with this UUID already exists");
    }
    context.view.add(T::TABLE, datapath, COLUMN, &Datum::scalar(balancer));
    Ok(())
}

fn del<T: Datapath>(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let datapath = get::<T>(context.view, command.required(0))?;
    let Some(id) = command.optional(1) else {
        detach_all::<T>(context, datapath, COLUMN);
        return Ok(());
    };
    let balancer = get::<LoadBalancer>(context.view, id)?;
    if context.view.value(T::TABLE, datapath, COLUMN).contains(&balancer.into()) {
        detach::<T>(context, datapath, COLUMN, [balancer]);
    } else if !command.has("--if-exists") {
        let name = name_of::<LoadBalancer>(context.view, balancer);
        fail!("load balancer {name} is not part of any logical {}.", T::WHAT);
    }
    Ok(())
}

fn list<T: Datapath>(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let datapath = get::<T>(context.view, command.required(0))?;
    let mut balancers: Vec<LoadBalancer> =
        rows(context.view, &references(&context.view.value(T::TABLE, datapath, COLUMN)))?;
    let groups: Vec<LoadBalancerGroup> =
        rows(context.view, &references(&context.view.value(T::TABLE, datapath, GROUPS)))?;
    for group in groups {
        balancers.extend(rows::<LoadBalancer>(context.view, &group.load_balancer)?);
    }
    print(context, balancers);
    Ok(())
}
