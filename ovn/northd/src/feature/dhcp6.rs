//! DHCPv6 replies for ports with `dhcpv6_options`.
//!
//! Stages: `dhcp_options` makes the reply, `dhcp_response` sends it back. RFC 8415. Upstream: build_dhcpv6_options_flows.

use lflow::pipeline::Stage;

use crate::flows::{Flow, FlowSink};
use crate::model::prefix::InPrefix;
use crate::model::{Switch, SwitchPort, dhcp};
use crate::network::View;
use std::net::IpAddr;

/// The answers for a port, one for each MAC address with an address in the network of the options.
pub fn port_flows(port: &SwitchPort, switch: &Switch, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let Some(told) = port.dhcp6.and_then(|row| view.dhcp_options(row)) else { return };
    let (Some(network), Some(mac)) = (told.network, told.server_mac) else { return };
    if !port.asks_for_addresses(switch) {
        return;
    }
    let (server, inport) = (InPrefix::link_local(mac).ip, port.quoted());
    for addresses in &port.addresses {
        let Some(offer) = addresses.v6.iter().find(|ip| network.contains(IpAddr::V6(**ip))) else { continue };
        let asks = format!(
            "inport == {inport} && eth.src == {} && ip6.mcast && ip6.dst == ff02::1:2 \
             && udp.src == 546 && udp.dst == 547",
            addresses.mac
        );
        let address = if told.is_stateless { String::new() } else { format!("ia_addr = {offer}, ") };
        let settings = dhcp::list(&told.settings);
        let answer = format!("reg0[3] = put_dhcpv6_opts({address}{settings}); next;");
        let flow = Flow::new(Stage::LsInDhcpOptions, 100, &asks, answer);
        flows.add(flow.for_port(&port.name).hint(told.uuid));
        let send = format!(
            "eth.dst = eth.src; eth.src = {mac}; ip6.dst = ip6.src; ip6.src = {server}; udp.src = 547; \
             udp.dst = 546; outport = inport; flags.loopback = 1; output;"
        );
        let flow = Flow::new(Stage::LsInDhcpResponse, 100, format!("{asks} && reg0[3]"), send);
        flows.add(flow.for_port(&port.name).hint(told.uuid));
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check;

    const SCRIPT: &str = "ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 \"00:00:00:00:00:01 fd00::4\"
        lsp-set-dhcpv6-options p1 fd00::/64; dhcp-options-set fd00::/64 server_id=0a:00:00:00:00:fe dns_server=fd00::53";

    #[test]
    fn a_port_is_offered_its_address_in_the_network() {
        // Options that came after the port was told of them count as well.
        let script = format!("{SCRIPT}; lsp-set-dhcpv6-options p1 fd00::/64");
        insta::assert_snapshot!(check(&script, &["dhcp_options 100"]), @r#"sw0: ls_in_dhcp_options 100 inport == "p1" && eth.src == 00:00:00:00:00:01 && ip6.mcast && ip6.dst == ff02::1:2 && udp.src == 546 && udp.dst == 547 -> reg0[3] = put_dhcpv6_opts(ia_addr = fd00::4, dns_server = fd00::53, server_id = 0a:00:00:00:00:fe); next;"#);
        insta::assert_snapshot!(check(&script, &["dhcp_response 100"]), @r#"sw0: ls_in_dhcp_response 100 inport == "p1" && eth.src == 00:00:00:00:00:01 && ip6.mcast && ip6.dst == ff02::1:2 && udp.src == 546 && udp.dst == 547 && reg0[3] -> eth.dst = eth.src; eth.src = 0a:00:00:00:00:fe; ip6.dst = ip6.src; ip6.src = fe80::800:ff:fe00:fe; udp.src = 547; udp.dst = 546; outport = inport; flags.loopback = 1; output;"#);
        let script =
            format!("{script}; dhcp-options-set fd00::/64 server_id=0a:00:00:00:00:fe dhcpv6_stateless=true");
        insta::assert_snapshot!(check(&script, &["dhcp_options 100"]), @r#"sw0: ls_in_dhcp_options 100 inport == "p1" && eth.src == 00:00:00:00:00:01 && ip6.mcast && ip6.dst == ff02::1:2 && udp.src == 546 && udp.dst == 547 -> reg0[3] = put_dhcpv6_opts(server_id = 0a:00:00:00:00:fe); next;"#);
    }
}
