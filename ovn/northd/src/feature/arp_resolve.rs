//! The MAC address of a packet's next hop.
//!
//! Stage: `arp_resolve`. Neighbours whose addresses are in the northbound database are known; of others the controllers
//! know what was learned (`MAC_Binding`) or given (`Static_MAC_Binding`). Who is not known is asked for by
//! [`router_output`](super::router_output). Upstream: build_arp_resolve_flows_for_lrouter,
//! build_arp_resolve_flows_for_lsp, build_arp_resolve_flows_for_lrp.

use incr::Emit;
use lflow::pipeline::Stage;
use packet::MacAddr;
use std::net::IpAddr;

use crate::feature::routing;
use crate::flows::{Flow, FlowSink};
use crate::model::{Family, PortKind, Router, RouterPort, Switch, SwitchPort};
use crate::network::{Network, Peer, View};

/// What is done about neighbours that northd does not know.
pub fn router_flows(_: &Router, _: &View<'_>, flows: &mut FlowSink<'_>) {
    flows.flow(Stage::LrInArpResolve, 500, "ip4.mcast || ip6.mcast", "next;");
    for (family, ask) in [(Family::V4, "get_arp"), (Family::V6, "get_nd")] {
        let (hop, _) = routing::registers(family);
        flows.flow(Stage::LrInArpResolve, 1, family.ip(), format!("{ask}(outport, {hop}); next;"));
    }
    let flow = Flow::new(Stage::LrInArpResolve, 0, "1", "drop;");
    flows.add(flow.described("only IP packets are routed"));
}

/// A router port that is connected to another one knows its addresses.
pub fn port_flows(port: &RouterPort, router: &Router, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let Some(Peer::Router(peer)) = view.peer_of_router_port(port) else { return };
    let Some(mac) = peer.mac.filter(|_| !router.finds_routers) else { return };
    for network in &peer.networks {
        flows.add(known(port, network.ip, mac).hint(peer.uuid));
    }
}

/// The routers that a switch is connected to know the addresses of its ports, as far as they have a network in common.
pub fn switch_port_flows(port: &SwitchPort, switch: &Switch, view: &View<'_>, emit: &mut Emit<Network>) {
    if !port.is_enabled {
        return;
    }
    for connection in view.routers_on(switch.uuid).filter(|connection| connection.switch_port != port.uuid) {
        let Some(router) = view.router_of(connection.router_port) else { continue };
        let Some(router_port) = view.router_port(connection.router_port) else { continue };
        if port.kind == PortKind::Router && router.finds_routers || !view.has_key(router.uuid) {
            continue;
        }
        let mut flows = view.sink(router.uuid, emit);
        for addresses in view.addresses_of(port).iter() {
            let ips = addresses.v4.iter().copied().map(IpAddr::from);
            for ip in ips.chain(addresses.v6.iter().copied().map(IpAddr::from)) {
                if router_port.address_towards(ip).is_some() {
                    flows.add(known(router_port, ip, addresses.mac).hint(port.uuid));
                }
            }
        }
    }
}

#[track_caller]
fn known(port: &RouterPort, ip: IpAddr, mac: MacAddr) -> Flow {
    let (hop, _) = routing::registers(Family::of(ip));
    let matches = format!("outport == {} && {hop} == {ip}", port.quoted());
    Flow::new(Stage::LrInArpResolve, 100, matches, format!("eth.dst = {mac}; next;"))
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{Fixture, check, select};

    const SCRIPT: &str = "ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 \"00:00:00:00:00:01 10.0.0.11 fd00::11 172.16.0.1\"
        lr-add lr0; lrp-add lr0 lr0-sw0 0a:00:00:00:01:00 10.0.0.1/24 fd00::1/64
        lsp-add sw0 sw0-lr0; lsp-set-type sw0-lr0 router; lsp-set-addresses sw0-lr0 router; lsp-set-options sw0-lr0 router-port=lr0-sw0";

    #[test]
    fn neighbours_in_the_database_are_known() {
        insta::assert_snapshot!(check(SCRIPT, &["arp_resolve"]), @r#"
        lr0: lr_in_arp_resolve 500 ip4.mcast || ip6.mcast -> next;
        lr0: lr_in_arp_resolve 100 outport == "lr0-sw0" && reg0 == 10.0.0.11 -> eth.dst = 00:00:00:00:00:01; next;
        lr0: lr_in_arp_resolve 100 outport == "lr0-sw0" && xxreg0 == fd00::11 -> eth.dst = 00:00:00:00:00:01; next;
        lr0: lr_in_arp_resolve 1 ip4 -> get_arp(outport, reg0); next;
        lr0: lr_in_arp_resolve 1 ip6 -> get_nd(outport, xxreg0); next;
        lr0: lr_in_arp_resolve 0 1 -> drop;
        "#);
    }

    #[test]
    fn routers_on_a_switch_know_each_other_and_a_port_more_touches_nothing_else() {
        let mut fixture = Fixture::new(SCRIPT);
        let lines = fixture.run("lr-add lr1; lrp-add lr1 lr1-sw0 0a:00:00:00:02:00 10.0.0.2/24; lsp-add sw0 sw0-lr1
            lsp-set-type sw0-lr1 router; lsp-set-addresses sw0-lr1 router; lsp-set-options sw0-lr1 router-port=lr1-sw0");
        insta::assert_snapshot!(select(&lines, &["arp_resolve 100"]), @r#"
        + lr0: lr_in_arp_resolve 100 outport == "lr0-sw0" && reg0 == 10.0.0.2 -> eth.dst = 0a:00:00:00:02:00; next;
        + lr0: lr_in_arp_resolve 100 outport == "lr0-sw0" && xxreg0 == fe80::800:ff:fe00:200 -> eth.dst = 0a:00:00:00:02:00; next;
        + lr1: lr_in_arp_resolve 100 outport == "lr1-sw0" && reg0 == 10.0.0.1 -> eth.dst = 0a:00:00:00:01:00; next;
        + lr1: lr_in_arp_resolve 100 outport == "lr1-sw0" && reg0 == 10.0.0.11 -> eth.dst = 00:00:00:00:00:01; next;
        + lr1: lr_in_arp_resolve 100 outport == "lr1-sw0" && xxreg0 == fe80::800:ff:fe00:100 -> eth.dst = 0a:00:00:00:01:00; next;
        "#);
        fixture.run("lsp-add sw0 p2; lsp-set-addresses p2 \"00:00:00:00:00:02 10.0.0.12\"");
        insta::assert_snapshot!(fixture.reran().join(", "), @"port_facts p2, switch_port p2");
    }

    #[test]
    fn routers_that_are_connected_directly_know_each_other() {
        let script = "lr-add lr0; lrp-add lr0 a 0a:00:00:00:01:00 10.0.0.1/30; lrp-set-peer a b
            lr-add lr1; lrp-add lr1 b 0a:00:00:00:01:01 10.0.0.2/30; lrp-set-peer b a";
        insta::assert_snapshot!(check(script, &["arp_resolve 100"]), @r#"
        lr0: lr_in_arp_resolve 100 outport == "a" && reg0 == 10.0.0.2 -> eth.dst = 0a:00:00:00:01:01; next;
        lr0: lr_in_arp_resolve 100 outport == "a" && xxreg0 == fe80::800:ff:fe00:101 -> eth.dst = 0a:00:00:00:01:01; next;
        lr1: lr_in_arp_resolve 100 outport == "b" && reg0 == 10.0.0.1 -> eth.dst = 0a:00:00:00:01:00; next;
        lr1: lr_in_arp_resolve 100 outport == "b" && xxreg0 == fe80::800:ff:fe00:100 -> eth.dst = 0a:00:00:00:01:00; next;
        "#);
    }
}
