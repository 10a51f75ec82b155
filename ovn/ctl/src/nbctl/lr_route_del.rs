//! `lr-route-del ROUTER [PREFIX [NEXTHOP [PORT]]]`.

use super::addresses::normal_prefix;
use super::routes::{COLUMN, DISCARD, GROUP, Policy, routes};
use super::rows::{detach, get};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{Bfd, LogicalRouter, LogicalRouterStaticRoute as Route};

pub(super) const LR_ROUTE_DEL: Verb = Verb {
    name: "lr-route-del",
    options: &[
        ("--if-exists", Argument::None),
        ("--policy", Argument::Required),
        ("--route-table", Argument::Required),
    ],
    parameters: &[
        Parameter::One("ROUTER"),
        Parameter::Maybe("PREFIX"),
        Parameter::Maybe("NEXTHOP"),
        Parameter::Maybe("PORT"),
    ],
    group: GROUP,
    help: "delete routes of ROUTER",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::routes::prepare(needs);
    needs.columns(Bfd::TABLE, &[]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let policy = Policy::of(command)?;
    if command.optional(1).is_none() && policy.is_none() {
        context.view.set(LogicalRouter::TABLE, router, COLUMN, Datum::empty_set());
        return Ok(());
    }
    let prefix = command.optional(1).map(|text| normal(text, "prefix", normal_prefix)).transpose()?;
    let nexthop = command.optional(2).map(|text| normal(text, "nexthop", normal_hop)).transpose()?;
    let port = command.optional(3);
    let table = command.option("--route-table").unwrap_or_default();
    let is_meant = |route: &Route| {
        policy.is_none_or(|policy| Policy::of_route(route) == policy)
            && prefix.as_ref().is_none_or(|prefix| normal_prefix(&route.ip_prefix).as_ref() == Some(prefix))
            && nexthop.as_ref().is_none_or(|hop| normal_hop(&route.nexthop).as_ref() == Some(hop))
            && *route.route_table == *table
            && port.is_none_or(|port| route.output_port.as_deref() == Some(port))
    };
    let gone: Vec<Route> = routes(context.view, router)?.into_iter().filter(is_meant).collect();
    if gone.is_empty() && !command.has("--if-exists") {
        fail!(
            "no matching route: policy '{}', prefix '{}', nexthop '{}', output_port '{}'.",
            policy.map_or("any", Policy::name),
            prefix.as_deref().unwrap_or("(null)"),
            nexthop.as_deref().unwrap_or("any"),
            port.unwrap_or("any")
        );
    }
    for session in gone.iter().filter_map(|route| route.bfd) {
        context.view.delete(Bfd::TABLE, session);
    }
    detach::<LogicalRouter>(context, router, COLUMN, gone.iter().map(|route| route.uuid));
    Ok(())
}

fn normal(text: &str, what: &str, normal: fn(&str) -> Option<String>) -> Result<String, Failure> {
    match normal(text) {
        Some(normal) => Ok(normal),
        None => fail!("bad {what} argument: {text}"),
    }
}

fn normal_hop(text: &str) -> Option<String> {
    if text == DISCARD { Some(text.to_owned()) } else { normal_prefix(text) }
}
