//! `copp-add NAME PROTOCOL METER`, `copp-del NAME [PROTOCOL]`, `copp-list NAME`, `ls-copp-add NAME SWITCH`,
//! `lr-copp-add NAME ROUTER`: how much of each protocol chassis take to themselves.

use super::rows::{Datapath, find, find_row, get, prepare_named};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::nb::{Copp, LogicalRouter, LogicalSwitch};

const GROUP: &str = "Control plane protection commands";

pub(super) const ADD: Verb = Verb {
    name: "copp-add",
    options: &[],
    parameters: &[Parameter::One("NAME"), Parameter::One("PROTOCOL"), Parameter::One("METER")],
    group: GROUP,
    help: "let the policy NAME limit PROTOCOL by METER",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "copp-del",
    options: &[],
    parameters: &[Parameter::One("NAME"), Parameter::Maybe("PROTOCOL")],
    group: GROUP,
    help: "delete the policy NAME, or what it says about PROTOCOL",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "copp-list",
    options: &[],
    parameters: &[Parameter::One("NAME")],
    group: GROUP,
    help: "print protocols and meters of the policy NAME",
    prepare,
    run: list,
};

pub(super) const LS_ADD: Verb = Verb {
    name: "ls-copp-add",
    options: &[],
    parameters: &[Parameter::One("NAME"), Parameter::One("SWITCH")],
    group: GROUP,
    help: "put SWITCH under the policy NAME",
    prepare: prepare_attach::<LogicalSwitch>,
    run: attach::<LogicalSwitch>,
};

pub(super) const LR_ADD: Verb = Verb {
    name: "lr-copp-add",
    options: &[],
    parameters: &[Parameter::One("NAME"), Parameter::One("ROUTER")],
    group: GROUP,
    help: "put ROUTER under the policy NAME",
    prepare: prepare_attach::<LogicalRouter>,
    run: attach::<LogicalRouter>,
};

/// The protocols, in the order in which errors list them.
const PROTOCOLS: &[&str] = &[
    "arp",
    "arp-resolve",
    "dhcpv4-opts",
    "dhcpv6-opts",
    "dns",
    "event-elb",
    "icmp4-error",
    "icmp6-error",
    "igmp",
    "nd-na",
    "nd-ns",
    "nd-ns-resolve",
    "nd-ra-opts",
    "tcp-reset",
    "bfd",
    "reject",
    "svc-monitor",
    "dhcpv4-relay",
];

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<Copp>(needs, &["meters"]);
    Ok(())
}

fn prepare_attach<T: Datapath>(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<Copp>(needs, &[]);
    prepare_named::<T>(needs, &["copp"]);
    Ok(())
}

fn check_protocol(protocol: &str) -> Result<(), Failure> {
    if PROTOCOLS.contains(&protocol) {
        return Ok(());
    }
    fail!("Invalid control protocol. Allowed values: {}.", PROTOCOLS.join(", "))
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (name, protocol, meter) = (command.required(0), command.required(1), command.required(2));
    check_protocol(protocol)?;
    let known = match find::<Copp>(context.view, name)? {
        // A UUID is no name for a new policy.
        None if name.parse::<Uuid>().is_ok() => get::<Copp>(context.view, name)?,
        None => {
            let uuid = context.fresh();
            context.view.insert_row(uuid, &Copp { name: name.into(), ..Default::default() })
        }
        Some(known) => known,
    };
    context.view.add(Copp::TABLE, known, "meters", &Datum::map([(protocol, meter)]));
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let protocol = command.optional(1);
    protocol.map_or(Ok(()), check_protocol)?;
    let Some(policy) = find::<Copp>(context.view, command.required(0))? else { return Ok(()) };
    if let Some(protocol) = protocol {
        context.view.remove(Copp::TABLE, policy, "meters", &Datum::scalar(protocol));
    }
    if protocol.is_none() || context.view.value(Copp::TABLE, policy, "meters").is_empty() {
        context.view.delete(Copp::TABLE, policy);
    }
    Ok(())
}

fn list(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let Some(policy) = find_row::<Copp>(context.view, command.required(0))? else { return Ok(()) };
    for (protocol, meter) in policy.meters {
        context.print(format!("{protocol}: {meter}"));
    }
    Ok(())
}

fn attach<T: Datapath>(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let datapath = get::<T>(context.view, command.required(1))?;
    let policy = get::<Copp>(context.view, command.required(0))?;
    context.view.set(T::TABLE, datapath, "copp", Datum::scalar(policy));
    Ok(())
}
