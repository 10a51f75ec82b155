//! `lr-nat-update-ext-ip ROUTER TYPE IP ADDRESS-SET`.

use super::addresses::normal_prefix;
use super::nat::{COLUMN, GROUP, Type, nats};
use super::rows::{get, prepare_named};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{AddressSet, LogicalRouter, Nat};

pub(super) const LR_NAT_UPDATE_EXT_IP: Verb = Verb {
    name: "lr-nat-update-ext-ip",
    options: &[("--is-exempted", Argument::None)],
    parameters: &[
        Parameter::One("ROUTER"),
        Parameter::One("TYPE"),
        Parameter::One("IP"),
        Parameter::One("ADDRESS-SET"),
    ],
    group: GROUP,
    help: "translate only, or with --is-exempted all but, what has its other end in ADDRESS-SET",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::nat::prepare(needs);
    prepare_named::<AddressSet>(needs, &[]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let ty = Type::parse(command.required(1))?;
    let addresses = get::<AddressSet>(context.view, command.required(3))?;
    let ip = command.required(2);
    let Some(ip) = normal_prefix(ip) else { fail!("{ip}: Invalid IP address or CIDR") };
    let is_meant = |nat: &Nat| *nat.r#type == *ty.name() && ty.key(nat).as_ref() == Some(&ip);
    let Some(nat) = nats(context.view, router)?.into_iter().find(is_meant) else {
        fail!("{}: Could not locate nat rule for: {ip}.", ty.name());
    };
    context.view.verify(LogicalRouter::TABLE, router, COLUMN);
    let column = if command.has("--is-exempted") { "exempted_ext_ips" } else { "allowed_ext_ips" };
    context.view.set(Nat::TABLE, nat.uuid, column, Datum::scalar(addresses));
    Ok(())
}
