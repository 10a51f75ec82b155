//! Packets for many ports, and the groups of ports that they are sent to.
//!
//! Stage: `l2_lkup`. Groups: `_MC_flood` (all ports), `_MC_flood_l2` (all but those to routers), `_MC_unknown` (those with
//! unknown addresses). Upstream: build_lswitch_destination_lookup_bmcast, build_mcast_groups.

use incr::Emit;
use lflow::pipeline::Stage;

use crate::flows::FlowSink;
use crate::model::{PortKind, Switch, SwitchPort};
use crate::network::{Network, View};
use crate::output::{Group, Output};

/// Where packets with group addresses go. Routers get only what they may have use for.
pub fn switch_flows(switch: &Switch, _: &View<'_>, flows: &mut FlowSink<'_>) {
    let to = |group: Group| format!("outport = \"{}\"; output;", group.name());
    if !switch.broadcasts_arp_to_routers {
        let requests = "eth.mcast && (arp.op == 1 || nd_ns)";
        flows.flow(Stage::LsInL2Lkup, 72, requests, to(Group::Unknown));
    }
    let for_routers = "eth.mcast && (nd_na || nd_rs || nd_ra)";
    flows.flow(Stage::LsInL2Lkup, 72, for_routers, to(Group::Flood));
    flows.flow(Stage::LsInL2Lkup, 71, "eth.mcast && arp", to(Group::Flood));
    flows.flow(Stage::LsInL2Lkup, 71, "eth.mcast && ip", to(Group::FloodL2));
    flows.flow(Stage::LsInL2Lkup, 70, "eth.mcast", to(Group::FloodL2));
}

/// The groups that a port is in.
pub fn members(port: &SwitchPort, switch: &Switch, emit: &mut Emit<Network>) {
    if !port.is_enabled || !port.receives_multicast {
        return;
    }
    let mut join = |group| {
        emit.output(Output::GroupMember { datapath: switch.uuid, group, port: port.name.clone() });
    };
    join(Group::Flood);
    match port.kind {
        PortKind::Router => {}
        PortKind::Vif
        | PortKind::Localnet
        | PortKind::Localport
        | PortKind::L2Gateway
        | PortKind::Other(_) => {
            join(Group::FloodL2);
        }
    }
    if port.has_unknown {
        join(Group::Unknown);
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{check, check_change};

    #[test]
    fn group_addresses_go_to_all_ports() {
        let script = "ls-add sw0; lsp-add sw0 p1; lsp-add sw0 p2; lsp-set-addresses p2 unknown";
        insta::assert_snapshot!(check(script, &["_MC_"]), @r#"
        sw0: _MC_flood has p1
        sw0: _MC_flood has p2
        sw0: _MC_flood_l2 has p1
        sw0: _MC_flood_l2 has p2
        sw0: _MC_unknown has p2
        sw0: ls_in_l2_lkup 72 eth.mcast && (nd_na || nd_rs || nd_ra) -> outport = "_MC_flood"; output;
        sw0: ls_in_l2_lkup 71 eth.mcast && arp -> outport = "_MC_flood"; output;
        sw0: ls_in_l2_lkup 71 eth.mcast && ip -> outport = "_MC_flood_l2"; output;
        sw0: ls_in_l2_lkup 70 eth.mcast -> outport = "_MC_flood_l2"; output;
        sw0: ls_in_l2_unknown 50 outport == "none" -> outport = "_MC_unknown"; output;
        "#);
        let change = "ls-set sw0 broadcast-arps-to-all-routers=false";
        insta::assert_snapshot!(check_change(script, change), @r#"+ sw0: ls_in_l2_lkup 72 eth.mcast && (arp.op == 1 || nd_ns) -> outport = "_MC_unknown"; output;"#);
    }

    #[test]
    fn a_port_can_stay_out_of_it() {
        let script = "ls-add sw0; lsp-add sw0 p1";
        insta::assert_snapshot!(check_change(script, "lsp-set-options p1 receive_multicast=false"), @r"
        - port p1 key 1 on sw0
        + port p1 key 1 on sw0
        - sw0: _MC_flood has p1
        - sw0: _MC_flood_l2 has p1
        ");
    }
}
