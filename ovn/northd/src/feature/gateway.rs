//! Gateways: router ports by which packets leave from one of certain chassis only.
//!
//! Stage: `gw_redirect`. Such a port has a second binding of type `chassisredirect`, made in
//! [`router_binding`](super::router_binding), which the first chassis of its group takes; what is sent to that goes to
//! this chassis. Upstream: build_gateway_redirect_flows_for_lrouter.

use lflow::pipeline::Stage;

use crate::flows::{Flow, FlowSink, quoted};
use crate::model::{Router, RouterPort};
use crate::network::View;

/// The way to the chassis that has the gateway.
pub fn port_flows(port: &RouterPort, _: &Router, view: &View<'_>, flows: &mut FlowSink<'_>) {
    if view.is_gateway(port) {
        let actions = format!("outport = {}; next;", quoted(&port.redirect_name()));
        let matches = format!("outport == {}", port.quoted());
        flows.add(Flow::new(Stage::LrInGwRedirect, 50, matches, actions).hint(port.uuid));
    }
}

/// ` && is_chassis_resident(...)` if the port is a gateway: the condition to be where it is.
pub fn resident(port: &RouterPort, view: &View<'_>) -> String {
    match view.is_gateway(port) {
        true => format!(" && is_chassis_resident({})", quoted(&port.redirect_name())),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{check_change, select};

    #[test]
    fn what_leaves_by_a_gateway_goes_to_its_chassis() {
        let script = "lr-add lr0; lrp-add lr0 out 0a:00:00:00:01:02 192.0.2.1/24";
        let lines = check_change(script, "lrp-set-gateway-chassis out hv1 10");
        let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        insta::assert_snapshot!(select(&lines, &["redirect", "group", "port "]), @r#"
        + chassis group out: hv1 10
        + port cr-out (chassisredirect) key 2 on lr0 always-redirect=true distributed-port=out group out
        + port out (patch) key 1 on lr0 chassis-redirect-port=cr-out peer=<error>
        - port out (patch) key 1 on lr0 peer=<error>
        + lr0: lr_in_admission 50 eth.dst == 0a:00:00:00:01:02 && inport == "out" && is_chassis_resident("cr-out") -> xreg0[0..47] = 0a:00:00:00:01:02; next;
        - lr0: lr_in_admission 50 eth.dst == 0a:00:00:00:01:02 && inport == "out" -> xreg0[0..47] = 0a:00:00:00:01:02; next;
        + lr0: lr_in_lookup_neighbor 100 inport == "out" && arp.spa == 192.0.2.0/24 && arp.op == 1 && is_chassis_resident("cr-out") -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); next;
        - lr0: lr_in_lookup_neighbor 100 inport == "out" && arp.spa == 192.0.2.0/24 && arp.op == 1 -> reg9[2] = lookup_arp(inport, arp.spa, arp.sha); next;
        + lr0: lr_in_ip_input 90 inport == "out" && arp.op == 1 && arp.tpa == 192.0.2.1 && arp.spa == 192.0.2.0/24 && is_chassis_resident("cr-out") -> eth.dst = eth.src; eth.src = xreg0[0..47]; arp.op = 2; arp.tha = arp.sha; arp.sha = xreg0[0..47]; arp.tpa <-> arp.spa; outport = inport; flags.loopback = 1; output;
        - lr0: lr_in_ip_input 90 inport == "out" && arp.op == 1 && arp.tpa == 192.0.2.1 && arp.spa == 192.0.2.0/24 -> eth.dst = eth.src; eth.src = xreg0[0..47]; arp.op = 2; arp.tha = arp.sha; arp.sha = xreg0[0..47]; arp.tpa <-> arp.spa; outport = inport; flags.loopback = 1; output;
        + lr0: lr_in_ip_input 90 inport == "out" && ip6.dst == {fe80::800:ff:fe00:102, ff02::1:ff00:102} && nd_ns && nd.target == fe80::800:ff:fe00:102 && is_chassis_resident("cr-out") -> nd_na_router { eth.src = xreg0[0..47]; ip6.src = nd.target; nd.tll = xreg0[0..47]; outport = inport; flags.loopback = 1; output; };
        - lr0: lr_in_ip_input 90 inport == "out" && ip6.dst == {fe80::800:ff:fe00:102, ff02::1:ff00:102} && nd_ns && nd.target == fe80::800:ff:fe00:102 -> nd_na_router { eth.src = xreg0[0..47]; ip6.src = nd.target; nd.tll = xreg0[0..47]; outport = inport; flags.loopback = 1; output; };
        + lr0: lr_in_ip_input 31 inport == "out" && ip4 && ip.ttl == {0, 1} && !ip.later_frag -> icmp4 { eth.dst <-> eth.src; icmp4.type = 11; icmp4.code = 0; ip4.dst <-> ip4.src; ip.ttl = 254; outport = "out"; flags.loopback = 1; output; };
        - lr0: lr_in_ip_input 31 inport == "out" && ip4 && ip.ttl == {0, 1} && !ip.later_frag -> icmp4 { eth.dst <-> eth.src; icmp4.type = 11; icmp4.code = 0; ip4.dst = ip4.src; ip4.src = 192.0.2.1; ip.ttl = 254; outport = "out"; flags.loopback = 1; output; };
        + lr0: lr_in_gw_redirect 50 outport == "out" -> outport = "cr-out"; next;
        "#);
        let pinned =
            check_change(&format!("{script}; lr-set lr0 chassis=hv1"), "lrp-set-gateway-chassis out hv1 10");
        assert_eq!(pinned, "", "the whole router is on one chassis");
    }
}
