//! `lr-route-list ROUTER`.

use super::addresses::{Cidr, normal_prefix};
use super::routes::{DISCARD, GROUP, Policy, routes};
use super::rows::{get, name_of};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::{Context, LogModule};
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::{LogicalRouter, LogicalRouterStaticRoute as Route};
use std::cmp::{Ordering, Reverse};
use std::net::IpAddr;

pub(super) const LR_ROUTE_LIST: Verb = Verb {
    name: "lr-route-list",
    options: &[("--route-table", Argument::Required)],
    parameters: &[Parameter::One("ROUTER")],
    group: GROUP,
    help: "print the routes of ROUTER",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::routes::prepare(needs);
    Ok(())
}

/// A route with its place in the list.
struct Listed {
    rank: Reverse<u32>,
    address: IpAddr,
    route: Route,
}

impl Listed {
    /// Routes that are equal in this serve the same packets.
    fn same_packets(&self, other: &Self) -> Ordering {
        let key = |listed: &Self| (listed.route.route_table.clone(), listed.rank, listed.address);
        key(self).cmp(&key(other))
    }

    fn order(&self, other: &Self) -> Ordering {
        let details = |listed: &Self| (listed.route.nexthop.clone(), listed.route.output_port.clone());
        self.same_packets(other).then_with(|| details(self).cmp(&details(other)))
    }
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let table = command.option("--route-table");
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for route in routes(context.view, router)? {
        if table.is_some_and(|table| *route.route_table != *table) {
            continue;
        }
        let Some(prefix) = Cidr::parse(&route.ip_prefix) else {
            let name = name_of::<LogicalRouter>(context.view, router);
            let text = format!("router {router} ({name}) has invalid prefix: {}", route.ip_prefix);
            context.warn(LogModule::Nbctl, text);
            continue;
        };
        let of_destination =
            route.policy.as_deref().is_none_or(|policy| policy == Policy::Destination.name());
        let list = if prefix.address.is_ipv4() { &mut v4 } else { &mut v6 };
        let rank = Reverse(2 * prefix.length + u32::from(of_destination));
        list.push(Listed { rank, address: prefix.address, route });
    }
    if !v4.is_empty() {
        context.print("IPv4 Routes");
        print(context, &mut v4);
    }
    if !v6.is_empty() {
        context.print(if v4.is_empty() { "IPv6 Routes" } else { "\nIPv6 Routes" });
        print(context, &mut v6);
    }
    Ok(())
}

fn print(context: &mut Context<'_>, routes: &mut [Listed]) {
    routes.sort_by(Listed::order);
    for (place, listed) in routes.iter().enumerate() {
        let (before, after) = (place.checked_sub(1).map(|place| &routes[place]), routes.get(place + 1));
        if before.is_none_or(|before| before.route.route_table != listed.route.route_table) {
            let table =
                if listed.route.route_table.is_empty() { "<main>" } else { &*listed.route.route_table };
            let gap = if place > 0 { "\n" } else { "" };
            context.print(format!("{gap}Route Table {table}:"));
        }
        let is_ecmp = [before, after].into_iter().flatten().any(|other| other.same_packets(listed).is_eq());
        context.print(line(&listed.route, is_ecmp));
    }
}

fn line(route: &Route, is_ecmp: bool) -> String {
    let prefix = normal_prefix(&route.ip_prefix).unwrap_or_default();
    let nexthop = if *route.nexthop == *DISCARD {
        DISCARD.to_owned()
    } else {
        normal_prefix(&route.nexthop).unwrap_or_default()
    };
    let mut line = format!("{prefix:>25} {nexthop:>25} {}", route.policy.as_deref().unwrap_or("dst-ip"));
    if let Some(port) = &route.output_port {
        line.push_str(&format!(" {port}"));
    }
    let has =
        |option: &str| route.options.get(option).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    for (is_so, text) in [
        (route.external_ids.contains_key("ic-learned-route"), " (learned)"),
        (is_ecmp, " ecmp"),
        (has("ecmp_symmetric_reply"), " ecmp-symmetric-reply"),
        (has("override-connected"), " override-connected"),
        (route.bfd.is_some(), " bfd"),
    ] {
        if is_so {
            line.push_str(text);
        }
    }
    line
}
