//! Requests for a router's addresses, and its own, on a switch: they need not go to all ports.
//!
//! Stage: `l2_lkup`. What asks for a router's address goes to the router and to hosts, not to other routers; what a router asks goes
//! to hosts, who do not hear it from another router's port again. Upstream: build_lswitch_rport_arp_req_flows.

use std::net::IpAddr;

use lflow::pipeline::Stage;

use crate::flows::{Flow, FlowSink};
use crate::model::{Switch, SwitchPort};
use crate::network::{Peer, View};
use crate::output::Group;

/// The ways of a port that leads to a router.
pub fn port_flows(port: &SwitchPort, _: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let Some(Peer::Router(router_port)) = view.peer_of_switch_port(port) else { return };
    let Some(mac) = router_port.mac.filter(|_| router_port.is_enabled && port.is_enabled) else { return };
    let (quoted, hosts) = (port.quoted(), Group::FloodL2.name());
    for network in &router_port.networks {
        let asks = match network.ip {
            IpAddr::V4(ip) => format!("arp.op == 1 && arp.tpa == {ip}"),
            IpAddr::V6(ip) => format!("nd_ns && nd.target == {ip}"),
        };
        let actions = format!("clone {{ outport = {quoted}; output; }}; outport = \"{hosts}\"; output;");
        let matches = format!("flags[1] == 0 && {asks}");
        flows.add(Flow::new(Stage::LsInL2Lkup, 80, matches, actions).hint(port.uuid));
    }
    let matches = format!("eth.src == {mac} && (arp.op == 1 || rarp.op == 3 || nd_ns)");
    let flow = Flow::new(Stage::LsInL2Lkup, 75, matches, format!("outport = \"{hosts}\"; output;"));
    flows.add(flow.hint(port.uuid));
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check;

    #[test]
    fn requests_for_a_router_go_to_it() {
        let script = "ls-add sw0; lsp-add sw0 sp; lsp-set-type sp router; lsp-set-addresses sp router
            lsp-set-options sp router-port=rp; lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24";
        insta::assert_snapshot!(check(script, &["l2_lkup 80", "l2_lkup 75", "l2_lkup 50", "arp_rsp", "port "]), @r#"
        port rp (patch) key 1 on lr0 peer=sp
        port sp (patch) key 1 on sw0 peer=rp
        sw0: ls_in_arp_rsp 100 arp.tpa == 10.0.0.1 && arp.op == 1 && inport == "sp" -> next;
        sw0: ls_in_arp_rsp 100 nd_ns && ip6.dst == {fe80::800:ff:fe00:100, ff02::1:ff00:100} && nd.target == fe80::800:ff:fe00:100 && inport == "sp" -> next;
        sw0: ls_in_arp_rsp 50 arp.tpa == 10.0.0.1 && arp.op == 1 -> eth.dst = eth.src; eth.src = 0a:00:00:00:01:00; arp.op = 2; arp.tha = arp.sha; arp.sha = 0a:00:00:00:01:00; arp.tpa = arp.spa; arp.spa = 10.0.0.1; outport = inport; flags.loopback = 1; output;
        sw0: ls_in_arp_rsp 50 nd_ns && ip6.dst == {fe80::800:ff:fe00:100, ff02::1:ff00:100} && nd.target == fe80::800:ff:fe00:100 -> nd_na_router { eth.src = 0a:00:00:00:01:00; ip6.src = fe80::800:ff:fe00:100; nd.target = fe80::800:ff:fe00:100; nd.tll = 0a:00:00:00:01:00; outport = inport; flags.loopback = 1; output; };
        sw0: ls_in_arp_rsp 0 1 -> next;
        sw0: ls_in_external_port 0 1 -> next;
        sw0: ls_in_l2_lkup 80 flags[1] == 0 && arp.op == 1 && arp.tpa == 10.0.0.1 -> clone { outport = "sp"; output; }; outport = "_MC_flood_l2"; output;
        sw0: ls_in_l2_lkup 80 flags[1] == 0 && nd_ns && nd.target == fe80::800:ff:fe00:100 -> clone { outport = "sp"; output; }; outport = "_MC_flood_l2"; output;
        sw0: ls_in_l2_lkup 75 eth.src == 0a:00:00:00:01:00 && (arp.op == 1 || rarp.op == 3 || nd_ns) -> outport = "_MC_flood_l2"; output;
        sw0: ls_in_l2_lkup 72 eth.mcast && (nd_na || nd_rs || nd_ra) -> outport = "_MC_flood"; output;
        sw0: ls_in_l2_lkup 71 eth.mcast && arp -> outport = "_MC_flood"; output;
        sw0: ls_in_l2_lkup 71 eth.mcast && ip -> outport = "_MC_flood_l2"; output;
        sw0: ls_in_l2_lkup 70 eth.mcast -> outport = "_MC_flood_l2"; output;
        sw0: ls_in_l2_lkup 50 eth.dst == 0a:00:00:00:01:00 -> outport = "sp"; output;
        sw0: ls_in_l2_lkup 0 1 -> outport = get_fdb(eth.dst); next;
        sw0: ls_in_l2_unknown 50 outport == "none" -> drop;
        lr0: lr_in_admission 50 eth.dst == 0a:00:00:00:01:00 && inport == "rp" -> xreg0[0..47] = 0a:00:00:00:01:00; next;
        lr0: lr_in_admission 50 eth.mcast && inport == "rp" -> xreg0[0..47] = 0a:00:00:00:01:00; next;
        lr0: lr_in_lookup_neighbor 100 inport == "rp" && arp.spa == 10.0.0.0/24 && arp.op == 1 -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); next;
        lr0: lr_in_ip_input 90 inport == "rp" && arp.op == 1 && arp.tpa == 10.0.0.1 && arp.spa == 10.0.0.0/24 -> eth.dst = eth.src; eth.src = xreg0[0..47]; arp.op = 2; arp.tha = arp.sha; arp.sha = xreg0[0..47]; arp.tpa <-> arp.spa; outport = inport; flags.loopback = 1; output;
        lr0: lr_in_ip_input 90 inport == "rp" && ip6.dst == {fe80::800:ff:fe00:100, ff02::1:ff00:100} && nd_ns && nd.target == fe80::800:ff:fe00:100 -> nd_na_router { eth.src = xreg0[0..47]; ip6.src = nd.target; nd.tll = xreg0[0..47]; outport = inport; flags.loopback = 1; output; };
        lr0: lr_in_ip_input 31 inport == "rp" && ip4 && ip.ttl == {0, 1} && !ip.later_frag -> icmp4 { eth.dst <-> eth.src; icmp4.type = 11; icmp4.code = 0; ip4.dst = ip4.src; ip4.src = 10.0.0.1; ip.ttl = 254; outport = "rp"; flags.loopback = 1; output; };
        lr0: lr_in_ip_routing 2322 inport == "rp" && ip6.dst == fe80::/64 -> ip.ttl--; xxreg0 = ip6.dst; xxreg1 = fe80::800:ff:fe00:100; eth.src = 0a:00:00:00:01:00; outport = "rp"; flags.loopback = 1; next;
        lr0: lr_in_ip_routing 1842 ip4.dst == 10.0.0.0/24 -> ip.ttl--; reg0 = ip4.dst; reg5 = 10.0.0.1; eth.src = 0a:00:00:00:01:00; outport = "rp"; flags.loopback = 1; next;
        lr0: lr_out_delivery 100 outport == "rp" -> output;
        "#);
    }
}
