//! Learning of MAC addresses behind ports with unknown addresses.
//!
//! Stages: `lookup_fdb` and `put_fdb` of the ingress pipeline. Where a source address is not known at its port, the
//! controller notes it in the southbound table `FDB`, from which [`l2_lookup`](super::l2_lookup) finds it.
//! Upstream: build_lswitch_learn_fdb_op, build_lswitch_from_localnet_op.

use lflow::pipeline::Stage;
use lflow::regs;

use crate::flows::{Flow, FlowSink};
use crate::model::{PortKind, Switch, SwitchPort};
use crate::network::View;

/// Nothing is learned but by the flows of ports; see [`pass_through`](super::pass_through) for the defaults.
pub fn switch_flows(_: &Switch, _: &View<'_>, _: &mut FlowSink<'_>) {}

/// Learns at a port, and remembers what came in from a physical network.
pub fn port_flows(port: &SwitchPort, _: &Switch, _: &View<'_>, flows: &mut FlowSink<'_>) {
    let here = format!("inport == {}", port.quoted());
    let from_localnet = match port.kind {
        PortKind::Localnet => "flags.localnet = 1; ",
        PortKind::Vif | PortKind::Localport | PortKind::L2Gateway | PortKind::Router | PortKind::Other(_) => {
            ""
        }
    };
    if !from_localnet.is_empty() {
        let flow = Flow::new(Stage::LsInLookupFdb, 50, &here, format!("{from_localnet}next;"));
        flows.add(flow.for_port(&port.name).hint(port.uuid));
    }
    // Prescribed addresses need not be learned.
    if !port.has_unknown || port.has_port_security || !port.learns_mac {
        return;
    }
    let known = regs::LOOKUP_FDB;
    let look = format!("{from_localnet}{known} = lookup_fdb(inport, eth.src); next;");
    let flow = Flow::new(Stage::LsInLookupFdb, 100, &here, look);
    flows.add(flow.for_port(&port.name).hint(port.uuid));
    let unknown = format!("{here} && {known} == 0");
    let flow = Flow::new(Stage::LsInPutFdb, 100, unknown, "put_fdb(inport, eth.src); next;");
    flows.add(flow.for_port(&port.name).hint(port.uuid));
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{check, check_change};

    #[test]
    fn addresses_are_learned_where_they_are_unknown() {
        let script = "ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 unknown; lsp-add sw0 p2; lsp-set-addresses p2 00:00:00:00:00:02";
        insta::assert_snapshot!(check(script, &["_fdb 1"]), @r#"
        sw0: ls_in_lookup_fdb 100 inport == "p1" -> reg0[11] = lookup_fdb(inport, eth.src); next;
        sw0: ls_in_put_fdb 100 inport == "p1" && reg0[11] == 0 -> put_fdb(inport, eth.src); next;
        "#);
        insta::assert_snapshot!(check_change(script, "lsp-set-port-security p1 00:00:00:00:00:01"), @r#"
        - port p1 key 1 on sw0
        + port p1 key 1 on sw0
        - sw0: ls_in_lookup_fdb 100 inport == "p1" -> reg0[11] = lookup_fdb(inport, eth.src); next;
        - sw0: ls_in_put_fdb 100 inport == "p1" && reg0[11] == 0 -> put_fdb(inport, eth.src); next;
        "#);
    }

    #[test]
    fn a_physical_network_is_marked_and_learned_from_only_if_told_so() {
        let script = "ls-add sw0; lsp-add sw0 ln; lsp-set-type ln localnet; lsp-set-addresses ln unknown";
        insta::assert_snapshot!(check(script, &["fdb 50", "fdb 100"]), @r#"sw0: ls_in_lookup_fdb 50 inport == "ln" -> flags.localnet = 1; next;"#);
        let change = "lsp-set-options ln network_name=phys localnet_learn_fdb=true";
        let lines = check_change(script, change);
        let flows: Vec<&str> = lines.lines().filter(|line| line.contains("fdb")).collect();
        insta::assert_snapshot!(flows.join("\n"), @r#"
        + sw0: ls_in_lookup_fdb 100 inport == "ln" -> flags.localnet = 1; reg0[11] = lookup_fdb(inport, eth.src); next;
        + sw0: ls_in_put_fdb 100 inport == "ln" && reg0[11] == 0 -> put_fdb(inport, eth.src); next;
        "#);
    }
}
