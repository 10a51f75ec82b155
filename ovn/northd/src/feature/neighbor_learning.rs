//! What a router learns about its neighbours from what they say.
//!
//! Stages: `lookup_neighbor`, which looks whether a packet says something new, and `learn_neighbor`, which has the controller
//! note it in the southbound table `MAC_Binding`. A neighbour is believed about addresses of the port's networks. Where
//! bindings age, what matches one counts as its use. Upstream: build_neigh_learning_flows_for_lrouter,
//! build_neigh_learning_flows_for_lrouter_port.

use lflow::pipeline::Stage;
use lflow::regs;

use crate::feature::gateway;
use crate::flows::{Flow, FlowSink};
use crate::model::{Family, Router, RouterPort};
use crate::network::View;

/// What is learned from answers, and from solicitations.
pub fn router_flows(router: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    lookup(router, flows);
    learn(router, flows);
}

/// Requests are learned from as well, if the sender has an address of the port's networks. Otherwise, if the router is not
/// to learn from all of them, only if they ask for the router or the sender is known already.
pub fn port_flows(port: &RouterPort, router: &Router, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let at_gateway = gateway::resident(port, view);
    let look = format!("{} = lookup_arp(inport, arp.spa, arp.sha); ", regs::NEIGHBOR_KNOWN);
    for network in port.of(Family::V4) {
        let asks = format!("inport == {} && arp.spa == {}", port.quoted(), network.prefix());
        let wanted = regs::NEIGHBOR_WANTED;
        let mut add = |priority, matches: String, actions: String| {
            flows.add(Flow::new(Stage::LrInLookupNeighbor, priority, matches, actions).hint(port.uuid));
        };
        if router.learns_from_requests {
            add(100, format!("{asks} && arp.op == 1{at_gateway}"), format!("{look}next;"));
        } else {
            let for_us = format!("{asks} && arp.tpa == {} && arp.op == 1{at_gateway}", network.ip);
            add(110, for_us, format!("{look}{wanted} = 1; next;"));
            let actions = format!("{look}{wanted} = lookup_arp_ip(inport, arp.spa); next;");
            add(100, format!("{asks} && arp.op == 1{at_gateway}"), actions);
        }
    }
}

fn lookup(router: &Router, flows: &mut FlowSink<'_>) {
    let (known, wanted) = (regs::NEIGHBOR_KNOWN, regs::NEIGHBOR_WANTED);
    let is_wanted = if router.learns_from_requests { String::new() } else { format!("{wanted} = 1; ") };
    let mut add = |priority, matches: &str, look: &str, wanted: &str| {
        let actions = format!("{known} = {look}; {wanted}next;");
        flows.flow(Stage::LrInLookupNeighbor, priority, matches, actions);
    };
    let (by_option, by_frame) =
        ("lookup_nd(inport, nd.target, nd.tll)", "lookup_nd(inport, nd.target, eth.src)");
    add(100, "arp.op == 2", "lookup_arp(inport, arp.spa, arp.sha)", &is_wanted);
    add(100, "nd_na", by_option, &is_wanted);
    add(105, "nd_na && nd.tll == 0", by_frame, &is_wanted);
    let solicited = "lookup_nd(inport, ip6.src, nd.sll)";
    if router.learns_from_requests {
        add(100, "nd_ns", solicited, "");
    } else {
        // Advertisements that nobody asked for go to all nodes (RFC 4861, 7.2.6).
        let unasked = "ip6.src == fe80::/10 && ip6.dst == ff00::/8";
        let in_use = |ip: &str| format!("{wanted} = lookup_nd_ip(inport, {ip}); ");
        add(110, &format!("nd_na && {unasked}"), by_option, &in_use("nd.target"));
        add(115, &format!("nd_na && nd.tll == 0 && {unasked}"), by_frame, &in_use("nd.target"));
        add(100, "nd_ns", solicited, &in_use("ip6.src"));
    }
    flows.flow(Stage::LrInLookupNeighbor, 0, "1", format!("{known} = 1; next;"));
}

fn learn(router: &Router, flows: &mut FlowSink<'_>) {
    let (known, wanted) = (regs::NEIGHBOR_KNOWN, regs::NEIGHBOR_WANTED);
    let nothing_new = if router.learns_from_requests {
        format!("{known} == 1")
    } else {
        format!("{known} == 1 || {wanted} == 0")
    };
    let mut add = |priority, matches: &str, actions: &str| {
        flows.flow(Stage::LrInLearnNeighbor, priority, matches, actions);
    };
    add(100, &nothing_new, "next;");
    if router.ages.shortest().is_some() {
        // A flow of its own: controllers that do not know the action leave it out and go by the other one.
        add(101, &nothing_new, "mac_cache_use; next;");
    }
    add(95, "nd_ns && (ip6.src == 0 || nd.sll == 0)", "next;");
    add(95, "nd_na && nd.tll == 0", "put_nd(inport, nd.target, eth.src); next;");
    add(90, "arp", "put_arp(inport, arp.spa, arp.sha); next;");
    add(90, "nd_na", "put_nd(inport, nd.target, nd.tll); next;");
    add(90, "nd_ns", "put_nd(inport, ip6.src, nd.sll); next;");
    add(0, "1", "drop;");
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{check, check_change};

    const SCRIPT: &str = "lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24";

    #[test]
    fn neighbours_are_learned_from_what_they_say() {
        insta::assert_snapshot!(check(SCRIPT, &["_neighbor"]), @r#"
        lr0: lr_in_lookup_neighbor 105 nd_na && nd.tll == 0 -> reg9[2] = lookup_nd(inport, nd.target, eth.src); next;
        lr0: lr_in_lookup_neighbor 100 arp.op == 2 -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); next;
        lr0: lr_in_lookup_neighbor 100 inport == "rp" && arp.spa == 10.0.0.0/24 && arp.op == 1 -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); next;
        lr0: lr_in_lookup_neighbor 100 nd_na -> reg9[2] = lookup_nd(inport, nd.target, nd.tll); next;
        lr0: lr_in_lookup_neighbor 100 nd_ns -> reg9[2] = lookup_nd(inport, ip6.src, nd.sll); next;
        lr0: lr_in_lookup_neighbor 0 1 -> reg9[2] = 1; next;
        lr0: lr_in_learn_neighbor 100 reg9[2] == 1 -> next;
        lr0: lr_in_learn_neighbor 95 nd_na && nd.tll == 0 -> put_nd(inport, nd.target, eth.src); next;
        lr0: lr_in_learn_neighbor 95 nd_ns && (ip6.src == 0 || nd.sll == 0) -> next;
        lr0: lr_in_learn_neighbor 90 arp -> put_arp(inport, arp.spa, arp.sha); next;
        lr0: lr_in_learn_neighbor 90 nd_na -> put_nd(inport, nd.target, nd.tll); next;
        lr0: lr_in_learn_neighbor 90 nd_ns -> put_nd(inport, ip6.src, nd.sll); next;
        lr0: lr_in_learn_neighbor 0 1 -> drop;
        "#);
    }

    #[test]
    fn a_router_can_learn_from_what_concerns_it_only() {
        insta::assert_snapshot!(check_change(SCRIPT, "lr-set lr0 always_learn_from_arp_request=false"), @r#"
        - datapath lr0 key 1
        + datapath lr0 key 1
        + lr0: lr_in_lookup_neighbor 115 nd_na && nd.tll == 0 && ip6.src == fe80::/10 && ip6.dst == ff00::/8 -> reg9[2] = lookup_nd(inport, nd.target, eth.src); reg9[3] = lookup_nd_ip(inport, nd.target); next;
        + lr0: lr_in_lookup_neighbor 110 inport == "rp" && arp.spa == 10.0.0.0/24 && arp.tpa == 10.0.0.1 && arp.op == 1 -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); reg9[3] = 1; next;
        + lr0: lr_in_lookup_neighbor 110 nd_na && ip6.src == fe80::/10 && ip6.dst == ff00::/8 -> reg9[2] = lookup_nd(inport, nd.target, nd.tll); reg9[3] = lookup_nd_ip(inport, nd.target); next;
        - lr0: lr_in_lookup_neighbor 105 nd_na && nd.tll == 0 -> reg9[2] = lookup_nd(inport, nd.target, eth.src); next;
        + lr0: lr_in_lookup_neighbor 105 nd_na && nd.tll == 0 -> reg9[2] = lookup_nd(inport, nd.target, eth.src); reg9[3] = 1; next;
        - lr0: lr_in_lookup_neighbor 100 arp.op == 2 -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); next;
        + lr0: lr_in_lookup_neighbor 100 arp.op == 2 -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); reg9[3] = 1; next;
        - lr0: lr_in_lookup_neighbor 100 inport == "rp" && arp.spa == 10.0.0.0/24 && arp.op == 1 -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); next;
        + lr0: lr_in_lookup_neighbor 100 inport == "rp" && arp.spa == 10.0.0.0/24 && arp.op == 1 -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); reg9[3] = lookup_arp_ip(inport, arp.spa); next;
        - lr0: lr_in_lookup_neighbor 100 nd_na -> reg9[2] = lookup_nd(inport, nd.target, nd.tll); next;
        + lr0: lr_in_lookup_neighbor 100 nd_na -> reg9[2] = lookup_nd(inport, nd.target, nd.tll); reg9[3] = 1; next;
        - lr0: lr_in_lookup_neighbor 100 nd_ns -> reg9[2] = lookup_nd(inport, ip6.src, nd.sll); next;
        + lr0: lr_in_lookup_neighbor 100 nd_ns -> reg9[2] = lookup_nd(inport, ip6.src, nd.sll); reg9[3] = lookup_nd_ip(inport, ip6.src); next;
        - lr0: lr_in_learn_neighbor 100 reg9[2] == 1 -> next;
        + lr0: lr_in_learn_neighbor 100 reg9[2] == 1 || reg9[3] == 0 -> next;
        "#);
    }

    #[test]
    fn use_is_noted_where_bindings_age() {
        insta::assert_snapshot!(check_change(SCRIPT, "lr-set lr0 mac_binding_age_threshold=300"), @r"
        - datapath lr0 key 1
        + datapath lr0 key 1
        + lr0 forgets after Some(300) s
        + lr0: lr_in_learn_neighbor 101 reg9[2] == 1 -> mac_cache_use; next;
        ");
    }
}
