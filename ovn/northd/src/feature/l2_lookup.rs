//! Which port a packet for one MAC address goes to.
//!
//! Stages: `l2_lkup`, where known addresses have a flow each and others are looked up among the learned ones, and
//! `l2_unknown` for those that are not found there either. Upstream: build_lswitch_ip_unicast_lookup,
//! build_lswitch_lflows_l2_unknown, build_lswitch_port_sec_op.

use std::collections::BTreeSet;

use lflow::pipeline::Stage;

use crate::feature::gateway;
use crate::flows::{Flow, FlowSink};
use crate::model::{Switch, SwitchPort};
use crate::network::{Peer, View};
use crate::output::Group;

/// What happens to addresses that no port says are its own.
pub fn switch_flows(switch: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    flows.flow(Stage::LsInL2Lkup, 0, "1", "outport = get_fdb(eth.dst); next;");
    let nowhere = "outport == \"none\"";
    if view.has_unknown(switch.uuid) {
        let flood = format!("outport = \"{}\"; output;", Group::Unknown.name());
        flows.flow(Stage::LsInL2Unknown, 50, nowhere, flood);
    } else {
        let flow = Flow::new(Stage::LsInL2Unknown, 50, nowhere, "drop;");
        flows.add(flow.described("no port has the destination address"));
    }
    flows.flow(Stage::LsInL2Unknown, 0, "1", "output;");
}

/// The way to a port's own addresses.
pub fn port_flows(port: &SwitchPort, switch: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let quoted = port.quoted();
    if !port.is_enabled {
        // It may still be found among the learned addresses.
        let learned = Flow::new(Stage::LsInL2Unknown, 50, format!("outport == {quoted}"), "drop;");
        flows.add(learned.for_port(&port.name).hint(port.uuid).described("the port is disabled"));
    }
    if port.forces_fdb_lookup {
        return;
    }
    let actions = if !port.is_enabled {
        "drop;".to_owned()
    } else if port.clones_to_unknown && view.has_unknown(switch.uuid) {
        let unknown = Group::Unknown.name();
        format!("clone {{ outport = {quoted}; output; }}; outport = \"{unknown}\"; output;")
    } else {
        format!("outport = {quoted}; output;")
    };
    // What comes from a physical network for a gateway is taken by the chassis that has it.
    let at_gateway = match view.peer_of_switch_port(port) {
        Some(Peer::Router(peer)) if view.has_localnet(switch.uuid) => gateway::resident(peer, view),
        Some(Peer::Router(_) | Peer::Switch(_)) | None => String::new(),
    };
    let macs: BTreeSet<_> = view.addresses_of(port).iter().map(|addresses| addresses.mac).collect();
    for mac in macs {
        let flow = Flow::new(Stage::LsInL2Lkup, 50, format!("eth.dst == {mac}{at_gateway}"), &actions);
        flows.add(flow.hint(port.uuid));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{Fixture, check, check_change};

    const SCRIPT: &str = "ls-add sw0; lsp-add sw0 p1
        lsp-set-addresses p1 \"00:00:00:00:00:01 10.0.0.1\" \"00:00:00:00:00:01 10.0.0.2\" 00:00:00:00:00:11";

    #[test]
    fn every_address_leads_to_its_port() {
        insta::assert_snapshot!(check(SCRIPT, &["ls_in_l2_lkup 50", "lkup 0", "l2_unknown"]), @r#"
        sw0: ls_in_l2_lkup 50 eth.dst == 00:00:00:00:00:01 -> outport = "p1"; output;
        sw0: ls_in_l2_lkup 50 eth.dst == 00:00:00:00:00:11 -> outport = "p1"; output;
        sw0: ls_in_l2_lkup 0 1 -> outport = get_fdb(eth.dst); next;
        sw0: ls_in_l2_unknown 50 outport == "none" -> drop;
        sw0: ls_in_l2_unknown 0 1 -> output;
        "#);
    }

    #[test]
    fn the_first_port_with_unknown_addresses_gets_what_is_not_found() {
        let mut fixture = Fixture::new(SCRIPT);
        let change = "lsp-add sw0 p2; lsp-set-addresses p2 unknown";
        insta::assert_snapshot!(fixture.run(change).join("\n"), @r#"
        + port p2 key 2 on sw0
        + sw0: _MC_flood has p2
        + sw0: _MC_flood_l2 has p2
        + sw0: _MC_unknown has p2
        + sw0: ls_in_lookup_fdb 100 inport == "p2" -> reg0[11] = lookup_fdb(inport, eth.src); next;
        + sw0: ls_in_put_fdb 100 inport == "p2" && reg0[11] == 0 -> put_fdb(inport, eth.src); next;
        - sw0: ls_in_l2_unknown 50 outport == "none" -> drop;
        + sw0: ls_in_l2_unknown 50 outport == "none" -> outport = "_MC_unknown"; output;
        "#);
        insta::assert_snapshot!(fixture.reran().join(", "), @"port_facts p2, switch sw0, switch_port p2");
        let second = fixture.run("lsp-add sw0 p3; lsp-set-addresses p3 unknown");
        assert!(second.iter().all(|line| !line.contains("l2_unknown")));
        insta::assert_snapshot!(fixture.reran().join(", "), @"port_facts p3, switch_port p3");
    }

    #[test]
    fn options_change_the_way() {
        let clone = "lsp-set-options p1 pkt_clone_type=mc_unknown";
        let script = format!("{SCRIPT}; lsp-add sw0 p2; lsp-set-addresses p2 unknown");
        insta::assert_snapshot!(check_change(&script, clone), @r#"
        - port p1 key 1 on sw0
        + port p1 key 1 on sw0
        + sw0: ls_in_l2_lkup 50 eth.dst == 00:00:00:00:00:01 -> clone { outport = "p1"; output; }; outport = "_MC_unknown"; output;
        - sw0: ls_in_l2_lkup 50 eth.dst == 00:00:00:00:00:01 -> outport = "p1"; output;
        + sw0: ls_in_l2_lkup 50 eth.dst == 00:00:00:00:00:11 -> clone { outport = "p1"; output; }; outport = "_MC_unknown"; output;
        - sw0: ls_in_l2_lkup 50 eth.dst == 00:00:00:00:00:11 -> outport = "p1"; output;
        "#);
        let unknown = format!("{SCRIPT}; lsp-set-addresses p1 unknown 00:00:00:00:00:01");
        insta::assert_snapshot!(check_change(&unknown, "lsp-set-options p1 force_fdb_lookup=true"), @r#"
        - port p1 key 1 on sw0
        + port p1 key 1 on sw0
        - sw0: ls_in_l2_lkup 50 eth.dst == 00:00:00:00:00:01 -> outport = "p1"; output;
        "#);
    }
}
