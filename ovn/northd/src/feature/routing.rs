//! Where packets go next: the networks of a router's own ports.
//!
//! Stages: `ip_routing`, where of all routes that match the one with the longest prefix has the highest priority, and
//! `ip_routing_ecmp`, through which packets pass that have one next hop only. Routes that are configured are in
//! [`static_route`](super::static_route). Upstream: add_route, build_ip_routing_flows_for_lrp.

use lflow::pipeline::Stage;
use lflow::regs::{self, Register};

use crate::flows::{Flow, FlowSink};
use crate::model::static_route::Chosen;
use crate::model::{Family, InPrefix, Prefix, Router, RouterPort};
use crate::network::View;

/// Where a route is from: of two with the same prefix the later one of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody wrote it down.
    Static,
    /// The router has a port there.
    Connected,
}

/// What no route is found for is dropped, as is what is only for the link that it is on.
pub fn router_flows(_: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    let drop =
        |priority, matches, why| Flow::new(Stage::LrInIpRouting, priority, matches, "drop;").described(why);
    flows.add(drop(10550, "nd_rs || nd_ra", "router discovery stays on its link"));
    flows.add(drop(0, "1", "no route"));
    flows.flow(Stage::LrInIpRoutingEcmp, 20000, format!("{} == 0", regs::ECMP_GROUP), "next;");
    let flow = Flow::new(Stage::LrInIpRoutingEcmp, 0, "1", "drop;");
    flows.add(flow.described("no next hop was chosen"));
}

/// The networks of a port.
pub fn port_flows(port: &RouterPort, _: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    for network in &port.networks {
        let chosen = Chosen { by_source: false, prefix: network.prefix() };
        // Every link has these addresses.
        let here = match network.is_link_local() {
            true => format!("inport == {} && ", port.quoted()),
            false => String::new(),
        };
        let hop = format!("{}.dst", network.family().ip());
        let actions = format!("ip.ttl--; {}", towards(port, network, &hop));
        let flow = Flow::new(
            Stage::LrInIpRouting,
            priority(&chosen, Origin::Connected),
            format!("{here}{}", matches(&chosen)),
            actions,
        );
        flows.add(flow.hint(port.uuid));
    }
}

/// The packets of a route.
pub fn matches(Chosen { by_source, prefix }: &Chosen) -> String {
    format!("{}.{} == {prefix}", prefix.family().ip(), if *by_source { "src" } else { "dst" })
}

/// The priority of a route: the longest prefix counts, of two of one length that of the destination.
pub fn priority(Chosen { by_source, prefix }: &Chosen, origin: Origin) -> u16 {
    /// Steps between the lengths of prefixes, in which there is room for origins.
    const STEP: u16 = 12;
    /// Below are all lengths once more, for routes before which all others go.
    const BASE: u16 = (128 + 1) * STEP;
    let origin = match (by_source, origin) {
        (true, Origin::Static | Origin::Connected) => 0,
        (false, Origin::Static) => 4,
        (false, Origin::Connected) => 6,
    };
    BASE + u16::from(Prefix::length(prefix)) * STEP + origin
}

/// Sends packets out of `port` to the neighbour `hop` (an address or a field), who is asked for from `own`.
pub fn towards(port: &RouterPort, own: &InPrefix, hop: &str) -> String {
    let mac = port.mac.unwrap_or_default();
    let (next_hop, router_address) = registers(own.family());
    format!(
        "{next_hop} = {hop}; {router_address} = {}; eth.src = {mac}; outport = {}; flags.loopback = 1; next;",
        own.ip,
        port.quoted()
    )
}

/// Where the next hop is kept, and the router's address on its link.
pub fn registers(family: Family) -> (Register, Register) {
    match family {
        Family::V4 => (regs::NEXT_HOP4, regs::ROUTER_ADDRESS4),
        Family::V6 => (regs::NEXT_HOP6, regs::ROUTER_ADDRESS6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fixture::check;

    #[test]
    fn networks_of_ports_are_reached_directly() {
        let script = "lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24 10.0.0.129/25 fd00::1/64";
        insta::assert_snapshot!(check(script, &["ip_routing"]), @r#"
        lr0: lr_in_ip_routing_pre 0 1 -> next;
        lr0: lr_in_ip_routing 10550 nd_rs || nd_ra -> drop;
        lr0: lr_in_ip_routing 2322 inport == "rp" && ip6.dst == fe80::/64 -> ip.ttl--; xxreg0 = ip6.dst; xxreg1 = fe80::800:ff:fe00:100; eth.src = 0a:00:00:00:01:00; outport = "rp"; flags.loopback = 1; next;
        lr0: lr_in_ip_routing 2322 ip6.dst == fd00::/64 -> ip.ttl--; xxreg0 = ip6.dst; xxreg1 = fd00::1; eth.src = 0a:00:00:00:01:00; outport = "rp"; flags.loopback = 1; next;
        lr0: lr_in_ip_routing 1854 ip4.dst == 10.0.0.128/25 -> ip.ttl--; reg0 = ip4.dst; reg5 = 10.0.0.129; eth.src = 0a:00:00:00:01:00; outport = "rp"; flags.loopback = 1; next;
        lr0: lr_in_ip_routing 1842 ip4.dst == 10.0.0.0/24 -> ip.ttl--; reg0 = ip4.dst; reg5 = 10.0.0.1; eth.src = 0a:00:00:00:01:00; outport = "rp"; flags.loopback = 1; next;
        lr0: lr_in_ip_routing 0 1 -> drop;
        lr0: lr_in_ip_routing_ecmp 20000 reg8[0..15] == 0 -> next;
        lr0: lr_in_ip_routing_ecmp 0 1 -> drop;
        "#);
    }

    #[test]
    fn the_longest_prefix_counts_then_the_destination_then_the_origin() {
        let at = |by_source, text, origin| {
            let prefix = Prefix::parse(text).expect("a prefix");
            priority(&Chosen { by_source, prefix }, origin)
        };
        let order = [
            at(true, "0.0.0.0/0", Origin::Static),
            at(false, "0.0.0.0/0", Origin::Static),
            at(false, "0.0.0.0/0", Origin::Connected),
            at(false, "10.0.0.0/8", Origin::Static),
            at(true, "10.0.0.1/32", Origin::Static),
            at(false, "fd00::1/128", Origin::Connected),
        ];
        assert!(
            order.is_sorted_by(|a, b| a < b) && order.iter().all(|priority| *priority < 10550),
            "{order:?}"
        );
    }
}
