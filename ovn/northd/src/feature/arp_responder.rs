//! Answers to ARP requests and neighbour solicitations for the known addresses of ports, given where they are asked.
//!
//! Stage: `arp_rsp`. Only requests to everybody are answered: one to the owner alone asks whether the owner
//! is there. The owner itself gets no answer, or it would take its own address for a duplicate. What comes in from a
//! physical network is answered by the chassis that has the port, else every chassis would.
//! Upstream: build_lswitch_arp_nd_responder_known_ips. RFC 826, RFC 4861 section 7.2.

use std::net::{Ipv4Addr, Ipv6Addr};

use lflow::pipeline::Stage;
use packet::MacAddr;

use crate::flows::{Flow, FlowSink};
use crate::model::address::solicited_node;
use crate::model::{PortKind, Switch, SwitchPort};
use crate::network::{Peer, View};

/// The answers for a port that has nothing but known addresses.
pub fn port_flows(port: &SwitchPort, switch: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    if !port.answers_neighbours || switch.vlan_passthru || !counts_as_up(port, view) {
        return;
    }
    // A router is there as long as its port is, whoever asks.
    let (to_all, advertisement) = match port.kind {
        PortKind::Router => ("", "nd_na_router"),
        PortKind::Vif
        | PortKind::Localnet
        | PortKind::Localport
        | PortKind::L2Gateway
        | PortKind::Other(_) => (" && eth.dst == ff:ff:ff:ff:ff:ff", "nd_na"),
    };
    let at_owner = at_owner(port, switch, view);
    for addresses in view.addresses_of(port).iter() {
        for ip in &addresses.v4 {
            let asks = format!("arp.tpa == {ip} && arp.op == 1{to_all}");
            answer(port, &asks, &at_owner, &arp_reply(addresses.mac, *ip), flows);
        }
        for ip in &addresses.v6 {
            let to = match to_all {
                "" => format!("{{{ip}, {}}}", solicited_node(*ip)),
                _ => solicited_node(*ip).to_string(),
            };
            let asks = format!("nd_ns && ip6.dst == {to} && nd.target == {ip}");
            let actions = neighbour_advertisement(advertisement, addresses.mac, *ip);
            answer(port, &asks, &at_owner, &actions, flows);
        }
    }
}

/// The condition under which a request is answered: with a physical network, that it is not from there or this chassis
/// has what it is for.
fn at_owner(port: &SwitchPort, switch: &Switch, view: &View<'_>) -> String {
    if !view.has_localnet(switch.uuid) {
        return String::new();
    }
    let here = match view.peer_of_switch_port(port) {
        Some(Peer::Router(peer)) if view.is_gateway(peer) => crate::flows::quoted(&peer.redirect_name()),
        Some(Peer::Router(_) | Peer::Switch(_)) | None => port.quoted(),
    };
    format!(" && ((flags.localnet == 1 && is_chassis_resident({here})) || flags.localnet == 0)")
}

fn counts_as_up(port: &SwitchPort, view: &View<'_>) -> bool {
    matches!(port.kind, PortKind::Localport | PortKind::Router)
        || view.global().ignores_down_ports
        || view.is_up(port.uuid)
}

#[track_caller]
fn answer(port: &SwitchPort, asks: &str, at_owner: &str, actions: &str, flows: &mut FlowSink<'_>) {
    flows.add(Flow::new(Stage::LsInArpRsp, 50, format!("{asks}{at_owner}"), actions).hint(port.uuid));
    let by_owner = format!("{asks} && inport == {}", port.quoted());
    flows.add(Flow::new(Stage::LsInArpRsp, 100, by_owner, "next;").for_port(&port.name).hint(port.uuid));
}

fn arp_reply(mac: MacAddr, ip: Ipv4Addr) -> String {
    format!(
        "eth.dst = eth.src; eth.src = {mac}; arp.op = 2; arp.tha = arp.sha; arp.sha = {mac}; \
         arp.tpa = arp.spa; arp.spa = {ip}; outport = inport; flags.loopback = 1; output;"
    )
}

fn neighbour_advertisement(action: &str, mac: MacAddr, ip: Ipv6Addr) -> String {
    format!(
        "{action} {{ eth.src = {mac}; ip6.src = {ip}; nd.target = {ip}; nd.tll = {mac}; \
         outport = inport; flags.loopback = 1; output; }};"
    )
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{Fixture, check, check_change, select};

    const SCRIPT: &str =
        "ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 \"00:00:00:00:00:01 10.0.0.1 fd00::1\"";

    #[test]
    fn known_addresses_are_answered_for() {
        insta::assert_snapshot!(check(SCRIPT, &["arp_rsp"]), @r#"
        sw0: ls_in_arp_rsp 100 arp.tpa == 10.0.0.1 && arp.op == 1 && eth.dst == ff:ff:ff:ff:ff:ff && inport == "p1" -> next;
        sw0: ls_in_arp_rsp 100 nd_ns && ip6.dst == ff02::1:ff00:1 && nd.target == fd00::1 && inport == "p1" -> next;
        sw0: ls_in_arp_rsp 50 arp.tpa == 10.0.0.1 && arp.op == 1 && eth.dst == ff:ff:ff:ff:ff:ff -> eth.dst = eth.src; eth.src = 00:00:00:00:00:01; arp.op = 2; arp.tha = arp.sha; arp.sha = 00:00:00:00:00:01; arp.tpa = arp.spa; arp.spa = 10.0.0.1; outport = inport; flags.loopback = 1; output;
        sw0: ls_in_arp_rsp 50 nd_ns && ip6.dst == ff02::1:ff00:1 && nd.target == fd00::1 -> nd_na { eth.src = 00:00:00:00:00:01; ip6.src = fd00::1; nd.target = fd00::1; nd.tll = 00:00:00:00:00:01; outport = inport; flags.loopback = 1; output; };
        sw0: ls_in_arp_rsp 0 1 -> next;
        "#);
    }

    #[test]
    fn with_a_physical_network_only_the_chassis_of_the_port_answers_it() {
        let mut fixture = Fixture::new(SCRIPT);
        let lines = fixture.run("lsp-add sw0 ln; lsp-set-type ln localnet; lsp-set-addresses ln unknown");
        insta::assert_snapshot!(select(&lines, &["arp_rsp"]), @r#"
        + sw0: ls_in_arp_rsp 50 arp.tpa == 10.0.0.1 && arp.op == 1 && eth.dst == ff:ff:ff:ff:ff:ff && ((flags.localnet == 1 && is_chassis_resident("p1")) || flags.localnet == 0) -> eth.dst = eth.src; eth.src = 00:00:00:00:00:01; arp.op = 2; arp.tha = arp.sha; arp.sha = 00:00:00:00:00:01; arp.tpa = arp.spa; arp.spa = 10.0.0.1; outport = inport; flags.loopback = 1; output;
        - sw0: ls_in_arp_rsp 50 arp.tpa == 10.0.0.1 && arp.op == 1 && eth.dst == ff:ff:ff:ff:ff:ff -> eth.dst = eth.src; eth.src = 00:00:00:00:00:01; arp.op = 2; arp.tha = arp.sha; arp.sha = 00:00:00:00:00:01; arp.tpa = arp.spa; arp.spa = 10.0.0.1; outport = inport; flags.loopback = 1; output;
        + sw0: ls_in_arp_rsp 50 nd_ns && ip6.dst == ff02::1:ff00:1 && nd.target == fd00::1 && ((flags.localnet == 1 && is_chassis_resident("p1")) || flags.localnet == 0) -> nd_na { eth.src = 00:00:00:00:00:01; ip6.src = fd00::1; nd.target = fd00::1; nd.tll = 00:00:00:00:00:01; outport = inport; flags.loopback = 1; output; };
        - sw0: ls_in_arp_rsp 50 nd_ns && ip6.dst == ff02::1:ff00:1 && nd.target == fd00::1 -> nd_na { eth.src = 00:00:00:00:00:01; ip6.src = fd00::1; nd.target = fd00::1; nd.tll = 00:00:00:00:00:01; outport = inport; flags.loopback = 1; output; };
        "#);
        insta::assert_snapshot!(fixture.reran().join(", "), @"port_facts ln, switch sw0, switch_port ln, switch_port p1");
    }

    #[test]
    fn nobody_answers_where_that_would_be_wrong() {
        for change in [
            "lsp-set-addresses p1 \"00:00:00:00:00:01 10.0.0.1\" unknown",
            "lsp-set-options p1 disable_arp_nd_rsp=true",
            "ls-set sw0 vlan-passthru=true",
            "set NB_Global ignore_lsp_down=false",
        ] {
            let lines = check(&format!("{SCRIPT}; {change}"), &["arp_rsp"]);
            assert_eq!(lines, "sw0: ls_in_arp_rsp 0 1 -> next;", "{change}");
        }
    }

    #[test]
    fn a_port_that_comes_up_is_answered_for_if_down_ports_count() {
        let script = format!("{SCRIPT}; set NB_Global ignore_lsp_down=false");
        let lines = check_change(&script, "lsp-set-up p1 up");
        assert_eq!(lines.lines().count(), 4, "{lines}");
    }
}
