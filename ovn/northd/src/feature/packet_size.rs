//! Packets that are larger than a router port's link takes: the sender is told, and sends smaller ones.
//!
//! Ports have a bound by `options:gateway_mtu`. Stages: `admission` and `ip_input` for what comes in by such a port,
//! `chk_pkt_len` and `larger_pkts` for what would leave by it. What matches `options:gateway_mtu_bypass` passes. Upstream:
//! build_gateway_mtu_flow, build_check_pkt_len_flows_for_lrouter. RFC 1191, RFC 8201.

use lflow::pipeline::Stage;
use lflow::regs;

use crate::flows::{Flow, FlowSink};
use crate::model::{Family, InPrefix, Router, RouterPort};
use crate::network::View;

/// Octets of an Ethernet header, which are compared too.
const ETHERNET: u32 = 14;

/// A flow with these actions that looks at the size of packets first, if the port has a bound; what passes all the same does
/// not look.
pub fn checked(port: &RouterPort, stage: Stage, matches: &str, actions: &str, flows: &mut FlowSink<'_>) {
    let Some(mtu) = port.mtu else {
        return flows.add(Flow::new(stage, 50, matches, actions).hint(port.uuid));
    };
    let check = format!("{} = check_pkt_larger({}); {actions}", regs::PACKET_LARGER, mtu + ETHERNET);
    flows.add(Flow::new(stage, 50, matches, check).hint(port.uuid));
    if let Some(bypass) = &port.mtu_bypass {
        flows.add(Flow::new(stage, 55, format!("{matches} && ({bypass})"), actions).hint(port.uuid));
    }
}

/// The errors for packets too large to come in by a port, or to leave by it.
pub fn port_flows(port: &RouterPort, router: &Router, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let Some(mtu) = port.mtu else { return };
    error(port, Stage::LrInIpInput, mtu, "", flows);
    let leaves = format!("outport == {}", port.quoted());
    checked(port, Stage::LrInChkPktLen, &leaves, "next;", flows);
    for other in view.ports_of_router(router.uuid).filter(|other| other.uuid != port.uuid) {
        error(other, Stage::LrInLargerPkts, mtu, &format!(" && {leaves}"), flows);
    }
}

/// The error for a packet that came in by `port`, from the port's address.
fn error(port: &RouterPort, stage: Stage, mtu: u32, leaves: &str, flows: &mut FlowSink<'_>) {
    let Some(mac) = port.mac else { return };
    let (own, larger) = (regs::OWN_ERROR, regs::PACKET_LARGER);
    for family in Family::ALL {
        let address = port.of(family).find(|address| !address.is_link_local());
        let Some(InPrefix { ip: address, .. }) = address else { continue };
        let (ip, icmp, kind) = match family {
            Family::V4 => ("ip4", "icmp4", "type = 3; icmp4.code = 4"),
            Family::V6 => ("ip6", "icmp6", "type = 2; icmp6.code = 0"),
        };
        let inport = port.quoted();
        let matches = format!("inport == {inport}{leaves} && {ip} && {larger} && {own} == 0");
        let actions = format!(
            "{icmp}_error {{ {own} = 1; {larger} = 0; eth.dst = {mac}; {ip}.dst = {ip}.src; {ip}.src = {address}; \
             ip.ttl = 255; {icmp}.{kind}; {icmp}.frag_mtu = {mtu}; next(pipeline=ingress, table=0); }};"
        );
        flows.add(Flow::new(stage, 150, matches, actions).hint(port.uuid));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check;

    #[test]
    fn senders_of_large_packets_are_told() {
        let script = "lr-add lr0; lrp-add lr0 in 0a:00:00:00:01:00 10.0.0.1/24 fd00::1/64
            lrp-add lr0 out 0a:00:00:00:01:01 192.0.2.1/24; lrp-set-options out gateway_mtu=1400";
        insta::assert_snapshot!(check(script, &["chk_pkt_len", "larger_pkts", "ip_input 150"]), @r#"
        lr0: lr_in_ip_input 150 inport == "out" && ip4 && reg9[1] && reg9[0] == 0 -> icmp4_error { reg9[0] = 1; reg9[1] = 0; eth.dst = 0a:00:00:00:01:01; ip4.dst = ip4.src; ip4.src = 192.0.2.1; ip.ttl = 255; icmp4.type = 3; icmp4.code = 4; icmp4.frag_mtu = 1400; next(pipeline=ingress, table=0); };
        lr0: lr_in_chk_pkt_len 50 outport == "out" -> reg9[1] = check_pkt_larger(1414); next;
        lr0: lr_in_chk_pkt_len 0 1 -> next;
        lr0: lr_in_larger_pkts 150 inport == "in" && outport == "out" && ip4 && reg9[1] && reg9[0] == 0 -> icmp4_error { reg9[0] = 1; reg9[1] = 0; eth.dst = 0a:00:00:00:01:00; ip4.dst = ip4.src; ip4.src = 10.0.0.1; ip.ttl = 255; icmp4.type = 3; icmp4.code = 4; icmp4.frag_mtu = 1400; next(pipeline=ingress, table=0); };
        lr0: lr_in_larger_pkts 150 inport == "in" && outport == "out" && ip6 && reg9[1] && reg9[0] == 0 -> icmp6_error { reg9[0] = 1; reg9[1] = 0; eth.dst = 0a:00:00:00:01:00; ip6.dst = ip6.src; ip6.src = fd00::1; ip.ttl = 255; icmp6.type = 2; icmp6.code = 0; icmp6.frag_mtu = 1400; next(pipeline=ingress, table=0); };
        lr0: lr_in_larger_pkts 0 1 -> next;
        "#);
    }
}
