//! `lr-route-add ROUTER PREFIX NEXTHOP [PORT]`.

use super::addresses::{normal_address, normal_prefix};
use super::routes::{COLUMN, DISCARD, GROUP, Policy, routes};
use super::rows::{find, get, get_row, insert_under, prepare_named};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::nb::{Bfd, LogicalRouter, LogicalRouterPort, LogicalRouterStaticRoute as Route};

pub(super) const LR_ROUTE_ADD: Verb = Verb {
    name: "lr-route-add",
    options: &[
        ("--bfd", Argument::Optional),
        ("--ecmp", Argument::None),
        ("--ecmp-symmetric-reply", Argument::None),
        ("--may-exist", Argument::None),
        ("--override-connected", Argument::None),
        ("--policy", Argument::Required),
        ("--route-table", Argument::Required),
    ],
    parameters: &[
        Parameter::One("ROUTER"),
        Parameter::One("PREFIX"),
        Parameter::One("NEXTHOP"),
        Parameter::Maybe("PORT"),
    ],
    group: GROUP,
    help: "add a route to ROUTER; NEXTHOP is an address, a port or 'discard'",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::routes::prepare(needs);
    prepare_named::<LogicalRouterPort>(needs, &[]);
    needs.columns(Bfd::TABLE, &["dst_ip", "logical_port"]);
    Ok(())
}

/// Which route is meant, and where it leads.
struct Wanted<'a> {
    prefix: String,
    nexthop: String,
    /// Name of the port to send out of.
    port: Option<String>,
    policy: Policy,
    table: &'a str,
}

impl Wanted<'_> {
    /// The first known route for the same packets, to this next hop if one is given.
    fn among<'r>(&self, known: &'r [Route], nexthop: Option<&str>) -> Option<&'r Route> {
        known.iter().find(|route| {
            *route.route_table == *self.table
                && Policy::of_route(route) == self.policy
                && normal_prefix(&route.ip_prefix).as_ref() == Some(&self.prefix)
                && nexthop.is_none_or(|nexthop| *route.nexthop == *nexthop)
        })
    }
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let wanted = wanted(context, command)?;
    let session = session(context, command, &wanted)?;
    let known = routes(context.view, router)?;
    let is_symmetric = command.has("--ecmp-symmetric-reply");
    let is_ecmp = command.has("--ecmp") || is_symmetric;
    let same = wanted.among(&known, is_ecmp.then_some(wanted.nexthop.as_str()));
    if wanted.nexthop == DISCARD {
        check_discard(command, is_ecmp, &wanted)?;
    }
    let may_exist = command.has("--may-exist");
    match same {
        Some(_) if is_ecmp && may_exist => return Ok(()),
        Some(_) if is_ecmp => fail!("duplicate nexthop for the same ECMP route"),
        Some(route) if !route.external_ids.contains_key("ic-learned-route") => {
            if may_exist {
                return update(context, command, router, route, &wanted, session);
            }
            let (prefix, policy) = (&wanted.prefix, wanted.policy.name());
            fail!(
                "duplicate prefix: {prefix} (policy: {policy}). Use option --ecmp to allow this for ECMP routing."
            );
        }
        Some(_) | None => {}
    }
    if wanted.among(&known, Some(DISCARD)).is_some() {
        fail!("discard nexthop for the same ECMP route exists.");
    }
    let mut route = Route {
        ip_prefix: wanted.prefix.as_str().into(),
        nexthop: wanted.nexthop.as_str().into(),
        output_port: wanted.port.as_deref().map(Into::into),
        policy: command.option("--policy").map(Into::into),
        route_table: wanted.table.into(),
        ..Default::default()
    };
    for (is_set, option) in
        [(is_symmetric, "ecmp_symmetric_reply"), (command.has("--override-connected"), "override-connected")]
    {
        if is_set {
            route.options.insert(option.into(), "true".into());
        }
    }
    route.bfd = session_or_new(context, command, &wanted, session)?;
    insert_under::<LogicalRouter, _>(context, router, COLUMN, &route);
    Ok(())
}

fn wanted<'a>(context: &Context<'_>, command: &'a Command) -> Result<Wanted<'a>, Failure> {
    let policy = Policy::of(command)?.unwrap_or(Policy::Destination);
    let prefix = command.required(1);
    let Some(prefix) = normal_prefix(prefix) else { fail!("bad prefix argument: {prefix}") };
    let hop = command.required(2);
    let mut port = None;
    let nexthop = if hop == DISCARD {
        hop.to_owned()
    } else if let Some(address) = normal_address(hop) {
        address
    } else if let Some(found) = find::<LogicalRouterPort>(context.view, hop)? {
        port = context.view.row::<LogicalRouterPort>(found)?;
        String::new()
    } else {
        fail!("bad nexthop argument: {hop}")
    };
    if let Some(id) = command.optional(3) {
        port = Some(get_row::<LogicalRouterPort>(context.view, id)?);
    }
    let port = port.map(|port| port.name.to_string());
    Ok(Wanted { prefix, nexthop, port, policy, table: command.option("--route-table").unwrap_or_default() })
}

/// What routes that drop cannot have.
fn check_discard(command: &Command, is_ecmp: bool, wanted: &Wanted<'_>) -> Result<(), Failure> {
    if is_ecmp {
        fail!("ecmp is not valid for discard routes.");
    }
    if command.has("--bfd") {
        fail!("bfd dst_ip cannot be discard.");
    }
    if wanted.port.is_some() {
        fail!("outport is not valid for discard routes.");
    }
    Ok(())
}

/// The BFD session that `--bfd` means, if there is one.
fn session(context: &Context<'_>, command: &Command, wanted: &Wanted<'_>) -> Result<Option<Uuid>, Failure> {
    if let Some(id) = command.option("--bfd") {
        let session = id.parse().ok().filter(|uuid| context.view.contains(Bfd::TABLE, *uuid));
        if session.is_none() {
            fail!("no entry found in the BFD table");
        }
        return Ok(session);
    }
    if !command.has("--bfd") {
        return Ok(None);
    }
    let sessions = context.view.rows::<Bfd>()?;
    let is_meant = |session: &&Bfd| {
        *session.dst_ip == *wanted.nexthop
            && wanted.port.as_ref().is_none_or(|port| *session.logical_port == **port)
    };
    Ok(sessions.iter().find(is_meant).map(|session| session.uuid))
}

/// The session that was found, or where `--bfd` asks for one a new one.
fn session_or_new(
    context: &mut Context<'_>,
    command: &Command,
    wanted: &Wanted<'_>,
    session: Option<Uuid>,
) -> Result<Option<Uuid>, Failure> {
    if session.is_some() || !command.has("--bfd") {
        return Ok(session);
    }
    let Some(port) = &wanted.port else { fail!("insert entry in the BFD table failed") };
    let uuid = context.fresh();
    let session = Bfd {
        dst_ip: wanted.nexthop.as_str().into(),
        logical_port: port.as_str().into(),
        ..Default::default()
    };
    context.view.insert_row(uuid, &session);
    Ok(Some(uuid))
}

/// Lets a known route lead where the command says.
fn update(
    context: &mut Context<'_>,
    command: &Command,
    router: Uuid,
    route: &Route,
    wanted: &Wanted<'_>,
    session: Option<Uuid>,
) -> Result<(), Failure> {
    let session = session_or_new(context, command, wanted, session)?;
    let view = &mut *context.view;
    view.verify(LogicalRouter::TABLE, router, COLUMN);
    view.verify(Route::TABLE, route.uuid, "ip_prefix");
    view.verify(Route::TABLE, route.uuid, "nexthop");
    let values = [
        ("ip_prefix", Some(Datum::scalar(wanted.prefix.as_str()))),
        ("nexthop", Some(Datum::scalar(wanted.nexthop.as_str()))),
        ("output_port", wanted.port.as_deref().map(Datum::scalar)),
        ("policy", command.option("--policy").map(Datum::scalar)),
        ("bfd", session.map(Datum::scalar)),
    ];
    for (column, value) in values {
        if let Some(value) = value {
            view.set(Route::TABLE, route.uuid, column, value);
        }
    }
    Ok(())
}
