//! What a router does not pass on: packets with impossible addresses, for groups, or for the router itself.
//!
//! Stage: `ip_input`, after [`router_arp`](super::router_arp) and [`router_icmp`](super::router_icmp) had their say.
//! Upstream: build_lrouter_drop_own_dest, build_misc_local_traffic_drop_flows_for_lrouter,
//! build_lrouter_ipv4_ip_input. RFC 1812 section 5.3.7, RFC 4291.

use lflow::pipeline::Stage;
use lflow::regs;

use crate::flows::{Flow, FlowSink};
use crate::model::{Family, InPrefix, Router, RouterPort};
use crate::network::View;

/// What no router takes.
pub fn router_flows(_: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    let mut drop = |priority, matches, why| {
        flows.add(Flow::new(Stage::LrInIpInput, priority, matches, "drop;").described(why));
    };
    let martian = "ip4.src_mcast || ip4.src == 255.255.255.255 || ip4.src == 127.0.0.0/8 || \
                   ip4.dst == 127.0.0.0/8 || ip4.src == 0.0.0.0/8 || ip4.dst == 0.0.0.0/8";
    drop(100, martian, "an address that cannot be there");
    drop(85, "arp || nd", "it is not about the router's addresses");
    drop(83, "ip6.mcast_rsvd", "a reserved group");
    drop(82, "ip4.mcast || ip6.mcast", "groups are not routed");
    drop(50, "eth.bcast", "broadcasts are not routed");
    drop(32, "ip.ttl == {0, 1} && !ip.later_frag && (ip4.mcast || ip6.mcast)", "no errors about groups");
    drop(30, "ip.ttl == {0, 1}", "its time has run out");
    flows.flow(Stage::LrInIpInput, 84, "nd_rs || nd_ra", "next;");
}

/// Nobody else has the port's addresses as source, and what is for them and was not answered ends here.
pub fn port_flows(port: &RouterPort, _: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    for network in port.of(Family::V4) {
        let broadcast = network.broadcast().map(|ip| format!(", {ip}")).unwrap_or_default();
        let matches = format!("ip4.src == {{{}{broadcast}}} && {} == 0", network.ip, regs::OWN_ERROR);
        let flow = Flow::new(Stage::LrInIpInput, 100, matches, "drop;");
        flows.add(flow.hint(port.uuid).described("the source is the router's own address"));
    }
    for family in Family::ALL {
        let own = port.ips(family);
        if own.is_empty() {
            continue;
        }
        let matches = format!("{}.dst == {{{}}}", family.ip(), own.join(", "));
        let flow = Flow::new(Stage::LrInIpInput, 60, matches, "drop;");
        flows.add(flow.hint(port.uuid).described("the router has no use for it"));
    }
}

/// The port's addresses by which it may speak to hosts of other links.
pub fn routable(port: &RouterPort, family: Family) -> impl Iterator<Item = &InPrefix> {
    port.of(family).filter(|address| !address.is_link_local())
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check;

    #[test]
    fn what_is_not_to_be_passed_on_is_dropped() {
        let script = "lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24 fd00::1/64";
        let lines = check(script, &["ip_input"]);
        let drops: Vec<&str> = lines.lines().filter(|line| line.ends_with("drop;")).collect();
        insta::assert_snapshot!(drops.join("\n"), @r"
        lr0: lr_in_ip_input 100 ip4.src == {10.0.0.1, 10.0.0.255} && reg9[0] == 0 -> drop;
        lr0: lr_in_ip_input 100 ip4.src_mcast || ip4.src == 255.255.255.255 || ip4.src == 127.0.0.0/8 || ip4.dst == 127.0.0.0/8 || ip4.src == 0.0.0.0/8 || ip4.dst == 0.0.0.0/8 -> drop;
        lr0: lr_in_ip_input 85 arp || nd -> drop;
        lr0: lr_in_ip_input 83 ip6.mcast_rsvd -> drop;
        lr0: lr_in_ip_input 82 ip4.mcast || ip6.mcast -> drop;
        lr0: lr_in_ip_input 60 ip4.dst == {10.0.0.1} -> drop;
        lr0: lr_in_ip_input 60 ip6.dst == {fd00::1, fe80::800:ff:fe00:100} -> drop;
        lr0: lr_in_ip_input 50 eth.bcast -> drop;
        lr0: lr_in_ip_input 32 ip.ttl == {0, 1} && !ip.later_frag && (ip4.mcast || ip6.mcast) -> drop;
        lr0: lr_in_ip_input 30 ip.ttl == {0, 1} -> drop;
        ");
    }
}
