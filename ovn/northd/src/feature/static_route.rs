//! Routes that are written down (`Logical_Router.static_routes`).
//!
//! Stages: `ip_routing`, and `ip_routing_ecmp` where there are several next hops for the same packets: the first chooses one
//! of them for each connection, the second goes there. It knows the packets by the same match and priority as the first, so
//! that a route more or less does not touch others. Routes to a neighbour that no port reaches are left out. Upstream:
//! parsed_routes_add_static, build_ecmp_route_flow, build_static_route_flow.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use incr::Emit;
use lflow::pipeline::Stage;
use lflow::regs;
use ovsdb::Str;
use packet::MacAddr;

use crate::feature::routing::{self, Origin};
use crate::flows::{Flow, FlowSink};
use crate::model::address::solicited_node;
use crate::model::static_route::Way;
use crate::model::{InPrefix, Router, RouterPort, StaticRoute};
use crate::network::{Network, RouteKey, View, complain};

/// A route that leads somewhere.
struct Hop<'a> {
    route: &'a StaticRoute,
    port: &'a RouterPort,
    own: &'a InPrefix,
    ip: Option<IpAddr>,
}

/// The flows of all routes of the same packets.
pub fn flows(key: &RouteKey, router: &Router, view: &View<'_>, emit: &mut Emit<Network>) {
    let routes: Vec<&Arc<StaticRoute>> = view.routes(key).collect();
    let ways = || routes.iter().filter_map(|route| Some((&***route, &route.way.as_ref()?.1)));
    let (priority, matches) = (routing::priority(&key.chosen, Origin::Static), routing::matches(&key.chosen));
    if let Some((route, _)) = ways().find(|(_, way)| **way == Way::Discard) {
        let flow = Flow::new(Stage::LrInIpRouting, priority, matches, "drop;");
        return view.sink(router.uuid, emit).add(flow.hint(route.uuid).described("the route says discard"));
    }
    let mut hops = Vec::new();
    for (route, way) in ways() {
        let Way::Hop { port, ip } = way else { continue };
        match find(router, port.as_ref(), *ip, key, view) {
            Some((port, own)) => hops.push(Hop { route, port, own, ip: *ip }),
            None => {
                let hop = ip.map_or_else(|| "its destination".into(), |ip| ip.to_string());
                let text = format!("no port towards {hop}; the route to {} is left out", key.chosen.prefix);
                complain(emit, &format!("static route of router {}", router.name), &[text]);
            }
        }
    }
    hops.sort_by_key(|hop| (hop.ip, &hop.port.name, hop.route.uuid));
    hops.dedup_by_key(|hop| (hop.ip, &hop.port.name));
    let mut flows = view.sink(router.uuid, emit);
    for ip in hops.iter().filter_map(|hop| hop.ip).collect::<BTreeSet<_>>() {
        solicit(ip, &mut flows);
    }
    match &hops[..] {
        [] => {}
        [hop] => {
            let actions = format!("ip.ttl--; {}", hop.actions(key));
            flows.add(Flow::new(Stage::LrInIpRouting, priority, matches, actions).hint(hop.route.uuid));
        }
        hops => several(hops, key, priority, &matches, &mut flows),
    }
}

/// Chooses, and goes there.
fn several(hops: &[Hop<'_>], key: &RouteKey, priority: u16, matches: &str, flows: &mut FlowSink<'_>) {
    let (group, member) = (regs::ECMP_GROUP, regs::ECMP_MEMBER);
    let members: Vec<String> = (1..=hops.len()).map(|n| n.to_string()).collect();
    let members = members.join(", ");
    let fields: BTreeSet<&Str> = hops.iter().flat_map(|hop| &hop.route.selection_fields).collect();
    let choice = if fields.is_empty() {
        members
    } else {
        let fields: Vec<&str> = fields.into_iter().map(|field| &**field).collect();
        format!("values=({members}); hash_fields=\"{}\"", fields.join(","))
    };
    let choose = format!("ip.ttl--; flags.loopback = 1; {group} = 1; {member} = select({choice});");
    flows.flow(Stage::LrInIpRouting, priority, matches, choose);
    for (n, hop) in hops.iter().enumerate() {
        let chosen = format!("{matches} && {member} == {}", n + 1);
        let flow = Flow::new(Stage::LrInIpRoutingEcmp, priority, chosen, hop.actions(key));
        flows.add(flow.hint(hop.route.uuid));
    }
}

impl Hop<'_> {
    fn actions(&self, key: &RouteKey) -> String {
        let to = || format!("{}.dst", key.chosen.prefix.family().ip());
        routing::towards(self.port, self.own, &self.ip.map_or_else(to, |ip| ip.to_string()))
    }
}

/// The port towards a neighbour, and its address there: the port that is named, else the one with the longest prefix that
/// the neighbour is in.
fn find<'a>(
    router: &Router,
    name: Option<&Str>,
    ip: Option<IpAddr>,
    key: &RouteKey,
    view: &View<'a>,
) -> Option<(&'a RouterPort, &'a InPrefix)> {
    if let Some(name) = name {
        let port = view.router_port_named(name)?;
        view.router_of(port.uuid).filter(|other| other.uuid == router.uuid)?;
        let near = ip.and_then(|ip| port.address_towards(ip));
        let own = near.or_else(|| port.of(key.chosen.prefix.family()).next())?;
        return Some((port, own));
    }
    let ports = view.ports_of_router(router.uuid);
    let near = ports.filter_map(|port| Some((&**port, port.address_towards(ip?)?)));
    near.min_by_key(|(port, own)| (std::cmp::Reverse(own.prefix().length()), &port.name))
}

/// A solicitation for a next hop goes to the next hop's group, not to that of the packet's destination.
fn solicit(hop: IpAddr, flows: &mut FlowSink<'_>) {
    let IpAddr::V6(ip) = hop else { return };
    let group = solicited_node(ip);
    let [.., a, b, c, d] = group.octets();
    let mac = MacAddr([0x33, 0x33, a, b, c, d]);
    let matches = format!("eth.dst == 00:00:00:00:00:00 && ip6 && {} == {ip}", regs::NEXT_HOP6);
    let actions = format!("nd_ns {{ eth.dst = {mac}; ip6.dst = {group}; nd.target = {ip}; output; }};");
    flows.flow(Stage::LrInArpRequest, 200, matches, actions);
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{Fixture, check, check_change};

    const SCRIPT: &str = "lr-add lr0; lrp-add lr0 a 0a:00:00:00:01:00 10.0.0.1/24 fd00::1/64
        lrp-add lr0 b 0a:00:00:00:01:01 10.0.1.1/24";

    fn routes(script: &str) -> String {
        let lines = check_change(SCRIPT, script);
        lines.lines().filter(|line| !line.contains("port ")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_route_leads_to_its_next_hop() {
        insta::assert_snapshot!(routes("lr-route-add lr0 10.7.0.0/16 10.0.1.77; lr-route-add lr0 ::/0 fd00::9
            lr-route-add lr0 10.9.0.0/16 discard; lr-route-add lr0 src-ip:10.0.0.0/24 10.0.1.78
            lr-route-add lr0 10.10.0.0/16 172.16.0.1 b; lr-route-add lr0 10.11.0.0/16 \"\" b"), @r"
            + lr0: lr_in_ip_routing 1744 ip4.dst == 10.9.0.0/16 -> drop;
            + lr0: lr_in_arp_request 200 eth.dst == 00:00:00:00:00:00 && ip6 && xxreg0 == fd00::9 -> nd_ns { eth.dst = 33:33:ff:00:00:09; ip6.dst = ff02::1:ff00:9; nd.target = fd00::9; output; };
            ");
    }

    #[test]
    fn of_several_next_hops_one_is_chosen() {
        let script = "lr-route-add lr0 10.8.0.0/16 10.0.1.77; lr-route-add lr0 10.8.0.0/16 10.0.1.78";
        insta::assert_snapshot!(routes(script), @"+ lr0: lr_in_ip_routing 1744 ip4.dst == 10.8.0.0/16 -> ip.ttl--; flags.loopback = 1; reg8[0..15] = 1; reg8[16..31] = select(1, 2);");
        let mut fixture = Fixture::new(&format!("{SCRIPT}; {script}"));
        fixture.run("lr-route-add lr0 10.9.0.0/16 10.0.1.77");
        insta::assert_snapshot!(fixture.reran().join(", "), @"routes lr0 10.9.0.0/16, static_route 10.9.0.0/16");
    }

    #[test]
    fn a_next_hop_that_no_port_reaches_is_complained_about() {
        let script = format!(
            "{SCRIPT}; lr-route-add lr0 10.7.0.0/16 172.16.0.1; lr-route-add lr0 10.8.0.0/16 1.1.1.1 nowhere"
        );
        insta::assert_snapshot!(check(&script, &["complaint", "10.7", "10.8"]), @r"
        complaint: static route of router lr0: no port towards 1.1.1.1; the route to 10.8.0.0/16 is left out
        complaint: static route of router lr0: no port towards 172.16.0.1; the route to 10.7.0.0/16 is left out
        ");
    }
}
