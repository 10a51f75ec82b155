//! What may enter and leave a switch: no VLAN tags, no group addresses as source, and per port only the addresses
//! that its `port_security` allows.
//!
//! Stages: `check_port_sec` and `apply_port_sec`, both pipelines. The addresses themselves are compared by the controllers,
//! from `Port_Binding.port_security`. Upstream: build_lswitch_lflows_admission_control, build_lswitch_port_sec_op,
//! build_lswitch_output_port_sec_od.

use lflow::pipeline::Stage;
use lflow::regs;

use crate::flows::{Flow, FlowSink};
use crate::model::{Switch, SwitchPort};
use crate::network::View;

/// The rules for every port.
pub fn switch_flows(switch: &Switch, _: &View<'_>, flows: &mut FlowSink<'_>) {
    let refused = regs::PORT_SEC_DROP;
    if !switch.vlan_passthru {
        let flow = Flow::new(Stage::LsInCheckPortSec, 100, "vlan.present", "drop;");
        flows.add(flow.described("VLAN tags do not pass without vlan-passthru"));
    }
    let flow = Flow::new(Stage::LsInCheckPortSec, 100, "eth.src[40]", "drop;");
    flows.add(flow.described("a group address cannot be a source"));
    flows.flow(Stage::LsInCheckPortSec, 50, "1", format!("{refused} = check_in_port_sec(); next;"));
    let flow = Flow::new(Stage::LsInApplyPortSec, 50, format!("{refused} == 1"), "drop;");
    flows.add(flow.described("port security forbids the source"));

    // What goes to many ports would need an answer for each of them, and each of them should get it anyway.
    flows.flow(Stage::LsOutCheckPortSec, 100, "eth.mcast", format!("{refused} = 0; next;"));
    flows.flow(Stage::LsOutCheckPortSec, 0, "1", format!("{refused} = check_out_port_sec(); next;"));
    let flow = Flow::new(Stage::LsOutApplyPortSec, 50, format!("{refused} == 1"), "drop;");
    flows.add(flow.described("port security forbids the destination"));
    flows.flow(Stage::LsOutApplyPortSec, 0, "1", "output;");
}

/// A disabled port lets nothing in. That nothing is sent to it is a matter of `l2_lookup`.
pub fn port_flows(port: &SwitchPort, _: &Switch, _: &View<'_>, flows: &mut FlowSink<'_>) {
    if !port.is_enabled {
        let matches = format!("inport == {}", port.quoted());
        let actions = format!("{} = 1; next;", regs::PORT_SEC_DROP);
        let flow = Flow::new(Stage::LsInCheckPortSec, 100, matches, actions);
        flows.add(flow.for_port(&port.name).hint(port.uuid));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{check, check_change};

    #[test]
    fn only_a_switch_without_passthru_refuses_vlan_tags() {
        let flows = check("ls-add sw0; lsp-add sw0 p1", &["port_sec"]);
        insta::assert_snapshot!(flows, @r"
        sw0: ls_in_check_port_sec 100 eth.src[40] -> drop;
        sw0: ls_in_check_port_sec 100 vlan.present -> drop;
        sw0: ls_in_check_port_sec 50 1 -> reg0[15] = check_in_port_sec(); next;
        sw0: ls_in_apply_port_sec 50 reg0[15] == 1 -> drop;
        sw0: ls_in_apply_port_sec 0 1 -> next;
        sw0: ls_out_check_port_sec 100 eth.mcast -> reg0[15] = 0; next;
        sw0: ls_out_check_port_sec 0 1 -> reg0[15] = check_out_port_sec(); next;
        sw0: ls_out_apply_port_sec 50 reg0[15] == 1 -> drop;
        sw0: ls_out_apply_port_sec 0 1 -> output;
        ");
        let script = "ls-add sw0; lsp-add sw0 p1";
        insta::assert_snapshot!(check_change(script, "ls-set sw0 vlan-passthru=true"), @r"
        - port p1 key 1 on sw0
        + port p1 key 1 on sw0
        - sw0: ls_in_check_port_sec 100 vlan.present -> drop;
        ");
    }

    #[test]
    fn a_disabled_port_lets_nothing_in_and_gets_nothing() {
        let script = "ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 00:00:00:00:00:01";
        insta::assert_snapshot!(check_change(script, "lsp-set-enabled p1 disabled"), @r#"
        - sw0: _MC_flood has p1
        - sw0: _MC_flood_l2 has p1
        + sw0: ls_in_check_port_sec 100 inport == "p1" -> reg0[15] = 1; next;
        + sw0: ls_in_l2_lkup 50 eth.dst == 00:00:00:00:00:01 -> drop;
        - sw0: ls_in_l2_lkup 50 eth.dst == 00:00:00:00:00:01 -> outport = "p1"; output;
        + sw0: ls_in_l2_unknown 50 outport == "p1" -> drop;
        "#);
    }
}
