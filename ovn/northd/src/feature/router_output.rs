//! How packets leave a router, and how neighbours are asked for that nobody knows yet.
//!
//! Stages: `arp_request` (the packet waits at the controller, and a request goes out in its place) and `delivery`. Upstream:
//! build_arp_request_flows_for_lrouter, build_egress_delivery_flows_for_lrouter_port.

use lflow::pipeline::Stage;
use lflow::regs;

use crate::flows::{Flow, FlowSink};
use crate::model::{Router, RouterPort};
use crate::network::View;

/// Packets whose next hop has no MAC address yet become requests for it.
pub fn router_flows(_: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    let unknown = "eth.dst == 00:00:00:00:00:00";
    let request = format!(
        "arp {{ eth.dst = ff:ff:ff:ff:ff:ff; arp.spa = {}; arp.tpa = {}; arp.op = 1; output; }};",
        regs::ROUTER_ADDRESS4,
        regs::NEXT_HOP4
    );
    flows.flow(Stage::LrInArpRequest, 100, format!("{unknown} && ip4"), request);
    let solicitation = format!("nd_ns {{ nd.target = {}; output; }};", regs::NEXT_HOP6);
    flows.flow(Stage::LrInArpRequest, 100, format!("{unknown} && ip6"), solicitation);
    flows.flow(Stage::LrInArpRequest, 0, "1", "output;");
    let flow = Flow::new(Stage::LrOutDelivery, 0, "1", "drop;");
    flows.add(flow.described("the port is disabled"));
}

/// A port that is enabled lets packets out.
pub fn port_flows(port: &RouterPort, _: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    if port.is_enabled {
        let matches = format!("outport == {}", port.quoted());
        flows.add(Flow::new(Stage::LrOutDelivery, 100, matches, "output;").hint(port.uuid));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check;

    #[test]
    fn packets_leave_or_ask() {
        let script = "lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24";
        insta::assert_snapshot!(check(script, &["arp_request", "delivery"]), @r#"
        lr0: lr_in_arp_request 100 eth.dst == 00:00:00:00:00:00 && ip4 -> arp { eth.dst = ff:ff:ff:ff:ff:ff; arp.spa = reg5; arp.tpa = reg0; arp.op = 1; output; };
        lr0: lr_in_arp_request 100 eth.dst == 00:00:00:00:00:00 && ip6 -> nd_ns { nd.target = xxreg0; output; };
        lr0: lr_in_arp_request 0 1 -> output;
        lr0: lr_out_delivery 100 outport == "rp" -> output;
        lr0: lr_out_delivery 0 1 -> drop;
        "#);
    }
}
