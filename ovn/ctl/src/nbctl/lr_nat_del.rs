//! `lr-nat-del ROUTER [TYPE [IP [GATEWAY-PORT]]]`.

use super::addresses::normal_prefix;
use super::nat::{COLUMN, GROUP, Type, nats};
use super::rows::{detach, detach_all, get};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Uuid;
use schema::nb::{LogicalRouter, LogicalRouterPort, Nat};

pub(super) const LR_NAT_DEL: Verb = Verb {
    name: "lr-nat-del",
    options: &[("--if-exists", Argument::None), ("--match", Argument::Required)],
    parameters: &[
        Parameter::One("ROUTER"),
        Parameter::Maybe("TYPE"),
        Parameter::Maybe("IP|GATEWAY-PORT"),
        Parameter::Maybe("GATEWAY-PORT"),
    ],
    group: GROUP,
    help: "delete translations of ROUTER; IP is the logical one of 'snat', the external one of others",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::nat::prepare(needs);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let matching = command.option("--match");
    let ty = command.optional(1).map(Type::parse).transpose()?;
    if ty.is_none() && matching.is_none() {
        detach_all::<LogicalRouter>(context, router, COLUMN);
        return Ok(());
    }
    let ip = command.optional(2).and_then(normal_prefix);
    let gateway = match (command.optional(2), command.optional(3)) {
        // A single word that is no address is a gateway port.
        (Some(id), None) if ip.is_none() => Some(get::<LogicalRouterPort>(context.view, id)?),
        (Some(text), Some(_)) if ip.is_none() => fail!("{text}: Invalid IP address or CIDR"),
        (_, Some(id)) => Some(get::<LogicalRouterPort>(context.view, id)?),
        (_, None) => None,
    };
    let key = |nat: &Nat| ty.unwrap_or(Type::Both).key(nat);
    let is_meant = |nat: &Nat| {
        key(nat).is_some_and(|key| ip.as_ref().is_none_or(|ip| *ip == key))
            && ty.is_none_or(|ty| *nat.r#type == *ty.name())
            && gateway.is_none_or(|gateway| nat.gateway_port == Some(gateway))
            && matching.is_none_or(|matching| *nat.r#match == *matching)
    };
    let gone: Vec<Uuid> =
        nats(context.view, router)?.into_iter().filter(is_meant).map(|nat| nat.uuid).collect();
    if let (Some(ty), Some(ip), Some(port)) = (ty, ip, command.optional(3))
        && gone.is_empty()
        && !command.has("--if-exists")
    {
        let which = match matching {
            Some(matching) => format!(", gateway_port ({port}) and match ({matching})"),
            None => format!(" and gateway_port ({port})"),
        };
        fail!("no matching NAT with the type ({}), {} ({ip}){which}", ty.name(), ty.key_column());
    }
    detach::<LogicalRouter>(context, router, COLUMN, gone);
    Ok(())
}
