//! What a router answers by ICMP: echo requests, packets whose time has run out, packets to ports and protocols that it
//! does not have.
//!
//! Stage: `ip_input`. Upstream: build_ipv6_input_flows_for_lrouter_port, build_lrouter_ipv4_ip_input. RFC 792, RFC 4443.

use lflow::pipeline::Stage;

use crate::feature::router_input::routable;
use crate::flows::{Flow, FlowSink};
use crate::model::{Family, Router, RouterPort};
use crate::network::View;

/// The answers of a port.
pub fn port_flows(port: &RouterPort, router: &Router, view: &View<'_>, flows: &mut FlowSink<'_>) {
    for family in Family::ALL {
        echo(port, family, flows);
        time_exceeded(port, family, view, flows);
        // What comes to a gateway may be the answer to something that was translated.
        if router.chassis.is_none() && !view.has_gateways(router.uuid) {
            unreachable(port, family, flows);
        }
    }
}

fn echo(port: &RouterPort, family: Family, flows: &mut FlowSink<'_>) {
    let (ip, asks, answer) = match family {
        Family::V4 => ("ip4", "icmp4.type == 8 && icmp4.code == 0", "icmp4.type = 0"),
        Family::V6 => ("ip6", "icmp6.type == 128 && icmp6.code == 0", "icmp6.type = 129"),
    };
    let own = port.ips(family);
    if own.is_empty() {
        return;
    }
    let matches = format!("{ip}.dst == {{{}}} && {asks}", own.join(", "));
    let actions = format!("{ip}.dst <-> {ip}.src; ip.ttl = 255; {answer}; flags.loopback = 1; next;");
    flows.add(Flow::new(Stage::LrInIpInput, 90, matches, actions).hint(port.uuid));
}

/// Sent out of the port that the packet came in by. A gateway says it in the name of the destination, so that the error is
/// about a connection that translation knows.
fn time_exceeded(port: &RouterPort, family: Family, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let (ip, icmp, kind) = match family {
        Family::V4 => ("ip4", "icmp4", "type = 11"),
        Family::V6 => ("ip6", "icmp6", "type = 3"),
    };
    let outport = port.quoted();
    let sources = routable(port, family).map(|address| {
        let from = match family {
            Family::V4 => String::new(),
            Family::V6 => format!(" && ip6.src == {}", address.prefix()),
        };
        (from, address.ip)
    });
    let count = if family == Family::V4 { 1 } else { usize::MAX };
    for (from, address) in sources.take(count) {
        let addresses = if view.is_gateway(port) {
            format!("{ip}.dst <-> {ip}.src")
        } else {
            format!("{ip}.dst = {ip}.src; {ip}.src = {address}")
        };
        let matches = format!("inport == {outport} && {ip}{from} && ip.ttl == {{0, 1}} && !ip.later_frag");
        let actions = format!(
            "{icmp} {{ eth.dst <-> eth.src; {icmp}.{kind}; {icmp}.code = 0; {addresses}; ip.ttl = 254; \
             outport = {outport}; flags.loopback = 1; output; }};"
        );
        flows.add(Flow::new(Stage::LrInIpInput, 31, matches, actions).hint(port.uuid));
    }
}

fn unreachable(port: &RouterPort, family: Family, flows: &mut FlowSink<'_>) {
    let (ip, icmp, no_port, no_protocol) = match family {
        Family::V4 => ("ip4", "icmp4", "type = 3; icmp4.code = 3", "type = 3; icmp4.code = 2"),
        Family::V6 => ("ip6", "icmp6", "type = 1; icmp6.code = 4", "type = 1; icmp6.code = 3"),
    };
    let back = format!("eth.dst <-> eth.src; {ip}.dst <-> {ip}.src;");
    let error = |kind: &str| format!("{icmp} {{ {back} ip.ttl = 255; {icmp}.{kind}; next; }};");
    for own in port.ips(family) {
        let to_us = format!("{ip} && {ip}.dst == {own} && !ip.later_frag");
        let mut add = |priority, protocol: &str, actions: String| {
            let matches = format!("{to_us}{protocol}");
            flows.add(Flow::new(Stage::LrInIpInput, priority, matches, actions).hint(port.uuid));
        };
        add(80, " && tcp", format!("tcp_reset {{ {back} next; }};"));
        add(80, " && sctp", format!("sctp_abort {{ {back} next; }};"));
        add(80, " && udp", error(no_port));
        add(70, "", error(no_protocol));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{check, check_change};

    const SCRIPT: &str = "lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24";

    #[test]
    fn a_router_answers_by_icmp() {
        insta::assert_snapshot!(check(SCRIPT, &["icmp", "tcp_reset", "sctp_abort"]), @r#"
        lr0: lr_in_ip_input 90 ip4.dst == {10.0.0.1} && icmp4.type == 8 && icmp4.code == 0 -> ip4.dst <-> ip4.src; ip.ttl = 255; icmp4.type = 0; flags.loopback = 1; next;
        lr0: lr_in_ip_input 90 ip6.dst == {fe80::800:ff:fe00:100} && icmp6.type == 128 && icmp6.code == 0 -> ip6.dst <-> ip6.src; ip.ttl = 255; icmp6.type = 129; flags.loopback = 1; next;
        lr0: lr_in_ip_input 80 ip4 && ip4.dst == 10.0.0.1 && !ip.later_frag && sctp -> sctp_abort { eth.dst <-> eth.src; ip4.dst <-> ip4.src; next; };
        lr0: lr_in_ip_input 80 ip4 && ip4.dst == 10.0.0.1 && !ip.later_frag && tcp -> tcp_reset { eth.dst <-> eth.src; ip4.dst <-> ip4.src; next; };
        lr0: lr_in_ip_input 80 ip4 && ip4.dst == 10.0.0.1 && !ip.later_frag && udp -> icmp4 { eth.dst <-> eth.src; ip4.dst <-> ip4.src; ip.ttl = 255; icmp4.type = 3; icmp4.code = 3; next; };
        lr0: lr_in_ip_input 80 ip6 && ip6.dst == fe80::800:ff:fe00:100 && !ip.later_frag && sctp -> sctp_abort { eth.dst <-> eth.src; ip6.dst <-> ip6.src; next; };
        lr0: lr_in_ip_input 80 ip6 && ip6.dst == fe80::800:ff:fe00:100 && !ip.later_frag && tcp -> tcp_reset { eth.dst <-> eth.src; ip6.dst <-> ip6.src; next; };
        lr0: lr_in_ip_input 80 ip6 && ip6.dst == fe80::800:ff:fe00:100 && !ip.later_frag && udp -> icmp6 { eth.dst <-> eth.src; ip6.dst <-> ip6.src; ip.ttl = 255; icmp6.type = 1; icmp6.code = 4; next; };
        lr0: lr_in_ip_input 70 ip4 && ip4.dst == 10.0.0.1 && !ip.later_frag -> icmp4 { eth.dst <-> eth.src; ip4.dst <-> ip4.src; ip.ttl = 255; icmp4.type = 3; icmp4.code = 2; next; };
        lr0: lr_in_ip_input 70 ip6 && ip6.dst == fe80::800:ff:fe00:100 && !ip.later_frag -> icmp6 { eth.dst <-> eth.src; ip6.dst <-> ip6.src; ip.ttl = 255; icmp6.type = 1; icmp6.code = 3; next; };
        lr0: lr_in_ip_input 31 inport == "rp" && ip4 && ip.ttl == {0, 1} && !ip.later_frag -> icmp4 { eth.dst <-> eth.src; icmp4.type = 11; icmp4.code = 0; ip4.dst = ip4.src; ip4.src = 10.0.0.1; ip.ttl = 254; outport = "rp"; flags.loopback = 1; output; };
        "#);
    }

    #[test]
    fn a_router_with_a_gateway_does_not_say_that_there_is_nothing() {
        let change = "lrp-add lr0 out 0a:00:00:00:01:01 192.0.2.1/24; lrp-set-gateway-chassis out hv1 1";
        let lines = check(&format!("{SCRIPT}; {change}"), &["ip_input 80", "ip_input 70", "ip_input 31"]);
        insta::assert_snapshot!(lines, @r#"
        lr0: lr_in_ip_input 31 inport == "out" && ip4 && ip.ttl == {0, 1} && !ip.later_frag -> icmp4 { eth.dst <-> eth.src; icmp4.type = 11; icmp4.code = 0; ip4.dst <-> ip4.src; ip.ttl = 254; outport = "out"; flags.loopback = 1; output; };
        lr0: lr_in_ip_input 31 inport == "rp" && ip4 && ip.ttl == {0, 1} && !ip.later_frag -> icmp4 { eth.dst <-> eth.src; icmp4.type = 11; icmp4.code = 0; ip4.dst = ip4.src; ip4.src = 10.0.0.1; ip.ttl = 254; outport = "rp"; flags.loopback = 1; output; };
        "#);
        assert!(check_change(SCRIPT, change).contains("- lr0: lr_in_ip_input 80"));
    }
}
