//! DHCPv4 replies for ports with `dhcpv4_options`.
//!
//! Stages: `dhcp_options` makes the reply, `dhcp_response` sends it back. No lease state: the address is the
//! port's own. RFC 2131. Upstream: build_dhcpv4_options_flows.

use lflow::pipeline::Stage;

use crate::flows::{Flow, FlowSink};
use crate::model::{Switch, SwitchPort, dhcp};
use crate::network::View;
use std::net::IpAddr;

/// The answers for a port, one for each MAC address with an address in the network of the options.
pub fn port_flows(port: &SwitchPort, switch: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let Some(told) = port.dhcp4.and_then(|row| view.dhcp_options(row)) else { return };
    let (Some(network), Some(mac), Some(server)) = (told.network, told.server_mac, told.server) else {
        return;
    };
    if !port.asks_for_addresses(switch) {
        return;
    }
    let mut settings = told.settings.clone();
    settings.extend(port.hostname.clone().map(|name| ("hostname".into(), name)));
    settings.insert("netmask".into(), network.mask().to_string().into());
    let settings = dhcp::list(&settings);
    let inport = port.quoted();
    for addresses in &port.addresses {
        let Some(offer) = addresses.v4.iter().find(|ip| network.contains(IpAddr::V4(**ip))) else { continue };
        let client = format!("inport == {inport} && eth.src == {}", addresses.mac);
        let asks = format!(
            "{client} && (ip4.src == {{{offer}, 0.0.0.0}} && ip4.dst == {{{server}, 255.255.255.255}}) \
             && udp.src == 68 && udp.dst == 67"
        );
        let answer = format!("reg0[3] = put_dhcp_opts(offerip = {offer}, {settings}); next;");
        let flow = Flow::new(Stage::LsInDhcpOptions, 100, asks, answer);
        flows.add(flow.for_port(&port.name).hint(told.uuid));
        let is_answered = format!("{client} && ip4 && udp.src == 68 && udp.dst == 67 && reg0[3]");
        let send = format!(
            "eth.dst = eth.src; eth.src = {mac}; ip4.src = {server}; udp.src = 67; udp.dst = 68; \
             outport = inport; flags.loopback = 1; output;"
        );
        let flow = Flow::new(Stage::LsInDhcpResponse, 100, is_answered, send);
        flows.add(flow.for_port(&port.name).hint(told.uuid));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::{Fixture, check, select};

    const SCRIPT: &str =
        "ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 \"00:00:00:00:00:01 10.9.0.1 10.0.0.4\"
        dhcp-options-set 10.0.0.0/24 server_id=10.0.0.1 server_mac=0a:00:00:00:00:fe lease_time=3600 mtu=1400
        lsp-set-dhcpv4-options p1 10.0.0.0/24";

    #[test]
    fn a_port_is_offered_its_address_in_the_network() {
        insta::assert_snapshot!(check(SCRIPT, &["dhcp_options 100"]), @r#"sw0: ls_in_dhcp_options 100 inport == "p1" && eth.src == 00:00:00:00:00:01 && (ip4.src == {10.0.0.4, 0.0.0.0} && ip4.dst == {10.0.0.1, 255.255.255.255}) && udp.src == 68 && udp.dst == 67 -> reg0[3] = put_dhcp_opts(offerip = 10.0.0.4, lease_time = 3600, mtu = 1400, netmask = 255.255.255.0, server_id = 10.0.0.1); next;"#);
        insta::assert_snapshot!(check(SCRIPT, &["dhcp_response 100"]), @r#"sw0: ls_in_dhcp_response 100 inport == "p1" && eth.src == 00:00:00:00:00:01 && ip4 && udp.src == 68 && udp.dst == 67 && reg0[3] -> eth.dst = eth.src; eth.src = 0a:00:00:00:00:fe; ip4.src = 10.0.0.1; udp.src = 67; udp.dst = 68; outport = inport; flags.loopback = 1; output;"#);
    }

    #[test]
    fn a_changed_option_changes_the_ports_that_have_it() {
        let mut fixture = Fixture::new(&format!("{SCRIPT}; lsp-add sw0 p2"));
        let lines = fixture.run(
            "dhcp-options-set 10.0.0.0/24 server_id=10.0.0.1 server_mac=0a:00:00:00:00:fe lease_time=60",
        );
        let lines = select(&lines, &["dhcp_options"]);
        assert_eq!(
            (lines.lines().count(), fixture.reran()),
            (2, vec!["switch_port p1".to_owned()]),
            "{lines}"
        );
    }

    #[test]
    fn nobody_is_answered_where_that_would_be_wrong() {
        for change in [
            "lsp-set-enabled p1 disabled",
            "lsp-set-addresses p1 \"00:00:00:00:00:01 10.9.0.1\"",
            "dhcp-options-set 10.0.0.0/24 server_id=10.0.0.1 lease_time=3600",
            "ls-set sw0 dhcp_relay_port=p2",
        ] {
            assert_eq!(
                check(&format!("{SCRIPT}; {change}"), &["dhcp_options 100", "dhcp_response 100"]),
                "",
                "{change}"
            );
        }
    }

    #[test]
    fn what_no_client_can_be_told_is_complained_about() {
        let script = format!("{SCRIPT}; lsp-set-options p1 hostname=1-a; dhcp-options-set 10.0.0.0/24 mtu=x");
        insta::assert_snapshot!(check(&script, &["complaint"]).replace('\n', " | "), @r#"complaint: DHCP options of p1: nobody is answered without server_id, server_mac and lease_time | complaint: DHCP options of p1: options:mtu is "x", which no client can be told | complaint: switch port p1: options:hostname is "1-a", expected a name in quotes"#);
    }
}
