//! Answers to ARP requests and neighbour solicitations for a router's own addresses.
//!
//! Stage: `ip_input`. A gateway's are answered by the chassis that has it. Upstream: build_lrouter_arp_flow,
//! build_lrouter_nd_flow.

use std::net::IpAddr;

use lflow::pipeline::Stage;
use lflow::regs;

use crate::feature::gateway;
use crate::flows::{Flow, FlowSink};
use crate::model::address::solicited_node;
use crate::model::{Router, RouterPort};
use crate::network::View;

/// The answers for a port.
pub fn port_flows(port: &RouterPort, _: &Router, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let (here, mac) = (format!("inport == {}", port.quoted()), regs::INPORT_MAC);
    let at_gateway = gateway::resident(port, view);
    for network in &port.networks {
        let (matches, actions) = match network.ip {
            IpAddr::V4(ip) => (
                format!(
                    "{here} && arp.op == 1 && arp.tpa == {ip} && arp.spa == {}{at_gateway}",
                    network.prefix()
                ),
                format!(
                    "eth.dst = eth.src; eth.src = {mac}; arp.op = 2; arp.tha = arp.sha; arp.sha = {mac}; \
                     arp.tpa <-> arp.spa; outport = inport; flags.loopback = 1; output;"
                ),
            ),
            IpAddr::V6(ip) => (
                format!(
                    "{here} && ip6.dst == {{{ip}, {}}} && nd_ns && nd.target == {ip}{at_gateway}",
                    solicited_node(ip)
                ),
                format!(
                    "nd_na_router {{ eth.src = {mac}; ip6.src = nd.target; nd.tll = {mac}; \
                     outport = inport; flags.loopback = 1; output; }};"
                ),
            ),
        };
        flows.add(Flow::new(Stage::LrInIpInput, 90, matches, actions).hint(port.uuid));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check;

    #[test]
    fn own_addresses_are_answered_for() {
        let script = "lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24 fd00::1/64";
        insta::assert_snapshot!(check(script, &["arp.op = 2", "nd_na_router"]), @r#"
        lr0: lr_in_ip_input 90 inport == "rp" && arp.op == 1 && arp.tpa == 10.0.0.1 && arp.spa == 10.0.0.0/24 -> eth.dst = eth.src; eth.src = xreg0[0..47]; arp.op = 2; arp.tha = arp.sha; arp.sha = xreg0[0..47]; arp.tpa <-> arp.spa; outport = inport; flags.loopback = 1; output;
        lr0: lr_in_ip_input 90 inport == "rp" && ip6.dst == {fd00::1, ff02::1:ff00:1} && nd_ns && nd.target == fd00::1 -> nd_na_router { eth.src = xreg0[0..47]; ip6.src = nd.target; nd.tll = xreg0[0..47]; outport = inport; flags.loopback = 1; output; };
        lr0: lr_in_ip_input 90 inport == "rp" && ip6.dst == {fe80::800:ff:fe00:100, ff02::1:ff00:100} && nd_ns && nd.target == fe80::800:ff:fe00:100 -> nd_na_router { eth.src = xreg0[0..47]; ip6.src = nd.target; nd.tll = xreg0[0..47]; outport = inport; flags.loopback = 1; output; };
        "#);
    }
}
