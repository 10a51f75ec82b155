//! Which frames a router takes: those to its ports' addresses and those to groups, where the port is.
//!
//! Stage: `admission`, which notes the MAC address of the port for [`router_arp`](super::router_arp). Upstream:
//! build_adm_ctrl_flows_for_lrouter, build_adm_ctrl_flows_for_lrouter_port.

use lflow::pipeline::Stage;
use lflow::regs;

use crate::feature::{gateway, packet_size};
use crate::flows::{Flow, FlowSink};
use crate::model::{Router, RouterPort};
use crate::network::View;

/// No VLAN tags, no group addresses as source, and nothing else than what ports take.
pub fn router_flows(_: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    let flow = Flow::new(Stage::LrInAdmission, 100, "vlan.present || eth.src[40]", "drop;");
    flows.add(flow.described("VLAN tags do not pass routers, and a group address cannot be a source"));
    let flow = Flow::new(Stage::LrInAdmission, 0, "1", "drop;");
    flows.add(flow.described("the frame is not for the router"));
}

/// What a port takes. A gateway takes frames to itself on the chassis that has it only.
pub fn port_flows(port: &RouterPort, _: &Router, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let Some(mac) = port.mac.filter(|_| port.is_enabled) else { return };
    let here = format!("inport == {}", port.quoted());
    let noted = format!("{} = {mac}; next;", regs::INPORT_MAC);
    let at_gateway = gateway::resident(port, view);
    for matches in [format!("eth.dst == {mac} && {here}{at_gateway}"), format!("eth.mcast && {here}")] {
        packet_size::checked(port, Stage::LrInAdmission, &matches, &noted, flows);
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{check, check_change};

    const SCRIPT: &str = "lr-add lr0; lrp-add lr0 rp 0a:00:00:00:01:00 10.0.0.1/24";

    #[test]
    fn frames_to_a_port_are_taken() {
        insta::assert_snapshot!(check(SCRIPT, &["admission"]), @r#"
        lr0: lr_in_admission 100 vlan.present || eth.src[40] -> drop;
        lr0: lr_in_admission 50 eth.dst == 0a:00:00:00:01:00 && inport == "rp" -> xreg0[0..47] = 0a:00:00:00:01:00; next;
        lr0: lr_in_admission 50 eth.mcast && inport == "rp" -> xreg0[0..47] = 0a:00:00:00:01:00; next;
        lr0: lr_in_admission 0 1 -> drop;
        "#);
        assert_eq!(check_change(SCRIPT, "lrp-set-enabled rp disabled").lines().count(), 3);
    }

    #[test]
    fn a_gateway_takes_them_on_its_chassis() {
        let change = check_change(
            SCRIPT,
            "lrp-set-gateway-chassis rp hv1 1; lrp-set-options rp gateway_mtu=1400 gateway_mtu_bypass=tcp",
        );
        let lines: Vec<&str> = change.lines().filter(|line| line.contains("admission")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        + lr0: lr_in_admission 55 eth.dst == 0a:00:00:00:01:00 && inport == "rp" && is_chassis_resident("cr-rp") && (tcp) -> xreg0[0..47] = 0a:00:00:00:01:00; next;
        + lr0: lr_in_admission 55 eth.mcast && inport == "rp" && (tcp) -> xreg0[0..47] = 0a:00:00:00:01:00; next;
        + lr0: lr_in_admission 50 eth.dst == 0a:00:00:00:01:00 && inport == "rp" && is_chassis_resident("cr-rp") -> reg9[1] = check_pkt_larger(1414); xreg0[0..47] = 0a:00:00:00:01:00; next;
        - lr0: lr_in_admission 50 eth.dst == 0a:00:00:00:01:00 && inport == "rp" -> xreg0[0..47] = 0a:00:00:00:01:00; next;
        + lr0: lr_in_admission 50 eth.mcast && inport == "rp" -> reg9[1] = check_pkt_larger(1414); xreg0[0..47] = 0a:00:00:00:01:00; next;
        - lr0: lr_in_admission 50 eth.mcast && inport == "rp" -> xreg0[0..47] = 0a:00:00:00:01:00; next;
        "#);
    }
}
