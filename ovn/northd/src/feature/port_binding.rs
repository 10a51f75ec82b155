//! The southbound row of a port, with the chassis that should have it.

use std::sync::Arc;

use incr::Emit;

use crate::feature::router_binding;
use crate::model::{PortKind, Switch, SwitchPort};
use crate::network::{Network, View, complain};
use crate::output::Output;

/// The row of a switch port.
pub fn rows(port: &SwitchPort, switch: &Switch, key: u32, view: &View<'_>, emit: &mut Emit<Network>) {
    let mut row = port.row(switch.uuid, key, switch.vlan_passthru);
    if port.kind == PortKind::Router {
        row = router_binding::switch_side(port, row, view);
    }
    for name in &port.requested_chassis {
        match view.chassis(name) {
            Some(chassis) if row.requested_chassis.contains(&chassis.uuid) => {}
            Some(chassis) => row.requested_chassis.push(chassis.uuid),
            None => {
                let text = format!("options:requested-chassis names \"{name}\", which is no chassis");
                complain(emit, &format!("switch port {}", port.name), &[text]);
            }
        }
    }
    emit.output(Output::Port(Arc::new(row)));
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{check, check_change};

    #[test]
    fn supported_ports_get_a_row_and_others_a_complaint() {
        let script = "ls-add sw0; lsp-add sw0 p1; lsp-add sw0 ln; lsp-set-type ln localnet
            lsp-add sw0 vip; lsp-set-type vip virtual; lsp-add sw0 rp; lsp-set-type rp router";
        insta::assert_snapshot!(check(script, &["datapath", "port ", "complaint"]), @r#"
        complaint: switch port vip: type "virtual" is not supported; the port is left out
        datapath sw0 key 1
        port ln (localnet) key 1 on sw0
        port p1 key 2 on sw0
        port rp (patch) key 3 on sw0 peer=<error>
        sw0: ls_in_lookup_fdb 50 inport == "ln" -> flags.localnet = 1; next;
        sw0: ls_in_external_port 0 1 -> next;
        sw0: ls_in_l2_lkup 72 eth.mcast && (nd_na || nd_rs || nd_ra) -> outport = "_MC_flood"; output;
        sw0: ls_in_l2_lkup 71 eth.mcast && arp -> outport = "_MC_flood"; output;
        sw0: ls_in_l2_lkup 71 eth.mcast && ip -> outport = "_MC_flood_l2"; output;
        sw0: ls_in_l2_lkup 70 eth.mcast -> outport = "_MC_flood_l2"; output;
        sw0: ls_in_l2_lkup 0 1 -> outport = get_fdb(eth.dst); next;
        sw0: ls_in_l2_unknown 50 outport == "none" -> drop;
        "#);
    }

    #[test]
    fn a_tunnel_key_can_be_asked_for() {
        let script = "ls-add sw0; lsp-add sw0 p1; lsp-add sw0 p2";
        insta::assert_snapshot!(check_change(script, "lsp-set-options p2 requested-tnl-key=1"), @r"
        - port p1 key 1 on sw0
        + port p1 key 3 on sw0
        + port p2 key 1 on sw0
        - port p2 key 2 on sw0
        ");
        let change = "lsp-set-options p1 requested-tnl-key=7; lsp-set-options p2 requested-tnl-key=7";
        insta::assert_snapshot!(check_change(script, change), @r"
        + complaint: switch port p2: tunnel key 7 is taken or out of range; it gets another
        - port p1 key 1 on sw0
        + port p1 key 7 on sw0
        - port p2 key 2 on sw0
        + port p2 key 2 on sw0
        ");
    }
}
