//! `lb-add LB VIP[:PORT] IP[:PORT],... [PROTOCOL [ADDRESS-FAMILY]]`.

use super::rows::{find, prepare_named};
use super::vips::{self, Vip};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Str, Uuid};
use schema::TypedRow;
use schema::nb::LoadBalancer;
use std::collections::BTreeMap;

pub(super) const GROUP: &str = "Load balancer commands";

pub(super) const LB_ADD: Verb = Verb {
    name: "lb-add",
    options: &[
        ("--add-duplicate", Argument::None),
        ("--add-route", Argument::None),
        ("--event", Argument::None),
        ("--may-exist", Argument::None),
        ("--reject", Argument::None),
        ("--template", Argument::None),
    ],
    parameters: &[
        Parameter::One("LB"),
        Parameter::One("VIP[:PORT]"),
        Parameter::One("IP[:PORT],..."),
        Parameter::Maybe("PROTOCOL"),
        Parameter::Maybe("ADDRESS-FAMILY"),
    ],
    group: GROUP,
    help: "create a load balancer, or add a virtual address to one",
    prepare,
    run,
};

const PROTOCOLS: &[&str] = &["tcp", "udp", "sctp"];

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LoadBalancer>(needs, &["protocol", "vips"]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let name = command.required(0);
    if command.has("--event") && command.has("--reject") {
        fail!("--reject and --event can't specified at the same time");
    }
    let protocol = command.optional(3);
    if let Some(protocol) = protocol.filter(|protocol| !PROTOCOLS.contains(protocol)) {
        fail!("{protocol}: protocol must be one of \"tcp\", \"udp\",  or \"sctp\".");
    }
    let is_v6 = command.optional(4).is_some_and(|family| family != "ipv4");
    let (vip, backends) = (command.required(1), command.required(2));
    let vip = if command.has("--template") {
        vips::template(context, vip, backends, is_v6)?
    } else {
        vips::plain(context, vip, backends)?
    };
    if protocol.is_some() && !vip.has_port {
        fail!("Protocol is unnecessary when no port of vip is given.");
    }
    if !command.has("--add-duplicate")
        && let Some(known) = find::<LoadBalancer>(context.view, name)?
    {
        return extend(context, command, known, &vip);
    }
    let balancer = LoadBalancer {
        name: name.into(),
        protocol: Some(protocol.unwrap_or("tcp").into()),
        vips: BTreeMap::from([(vip.vip.as_str().into(), vip.backends.as_str().into())]),
        options: options(command, is_v6),
        ..Default::default()
    };
    let uuid = context.fresh();
    context.view.insert_row(uuid, &balancer);
    Ok(())
}

fn options(command: &Command, is_v6: bool) -> BTreeMap<Str, Str> {
    let family = if is_v6 { "ipv6" } else { "ipv4" };
    let options = [
        ("--reject", "reject", "true"),
        ("--event", "event", "true"),
        ("--add-route", "add_route", "true"),
        ("--template", "template", "true"),
        ("--template", "address-family", family),
    ];
    let given = options.into_iter().filter(|(option, _, _)| command.has(option));
    given.map(|(_, key, value)| (key.into(), value.into())).collect()
}

/// Adds a virtual address to a load balancer.
fn extend(context: &mut Context<'_>, command: &Command, balancer: Uuid, vip: &Vip) -> Result<(), Failure> {
    let view = &mut *context.view;
    let is_known = view.value(LoadBalancer::TABLE, balancer, "vips").get_str(&vip.vip).is_some();
    if is_known && !command.has("--may-exist") {
        fail!("{}: a load balancer with this vip ({}) already exists", command.required(0), vip.vip);
    }
    if let Some(protocol) = command.optional(3) {
        view.verify(LoadBalancer::TABLE, balancer, "protocol");
        view.set(LoadBalancer::TABLE, balancer, "protocol", Datum::scalar(protocol));
    }
    view.verify(LoadBalancer::TABLE, balancer, "vips");
    let pair = Datum::map([(vip.vip.as_str(), vip.backends.as_str())]);
    view.add(LoadBalancer::TABLE, balancer, "vips", &pair);
    Ok(())
}
