//! Router advertisements: answers to solicitations, and what chassis need to know for those that nobody asks for.
//!
//! Stages: `nd_ra_options` makes the advertisement, `nd_ra_response` sends it back. RFC 4861 section 6.2.
//! Upstream: build_ND_RA_flows_for_lrouter_port, copy_ra_to_sb.

use std::collections::BTreeMap;
use std::net::IpAddr;

use lflow::pipeline::Stage;
use ovsdb::Str;

use crate::flows::{Flow, FlowSink};
use crate::model::ra::Advertised;
use crate::model::{Family, Router, RouterPort};
use crate::network::{Peer, View};

/// The answers of a port to a switch.
pub fn port_flows(port: &RouterPort, _: &Router, view: &View<'_>, flows: &mut FlowSink<'_>) {
    let (Some(mac), Some(advertised)) = (port.mac, advertised(port, view)) else { return };
    let prefixes = prefixes(port);
    if prefixes.is_empty() {
        return;
    }
    let mut told = format!("addr_mode = \"{}\", slla = {mac}", advertised.mode);
    if let Some(mtu) = advertised.mtu {
        told += &format!(", mtu = {mtu}");
    }
    if advertised.preference != "MEDIUM" {
        told += &format!(", router_preference = \"{}\"", advertised.preference);
    }
    if let Some(servers) = &advertised.rdnss {
        told += &format!(", rdnss = {servers}");
    }
    for (name, text) in [("dnssl", &advertised.dnssl), ("route_info", &advertised.route_info)] {
        if let Some(text) = text {
            told += &format!(", {name} = {}", crate::flows::quoted(text));
        }
    }
    for prefix in prefixes {
        told += &format!(", prefix = {prefix}");
    }
    let asks = format!("inport == {} && ip6.dst == ff02::2", port.quoted());
    let answer = format!("reg0[5] = put_nd_ra_opts({told}); next;");
    flows.add(Flow::new(Stage::LrInNdRaOptions, 50, format!("{asks} && nd_rs"), answer).hint(port.uuid));
    let own = crate::model::prefix::InPrefix::link_local(mac).ip;
    let send = format!(
        "eth.dst = eth.src; eth.src = {mac}; ip6.dst = ip6.src; ip6.src = {own}; outport = inport; \
         flags.loopback = 1; output;"
    );
    let is_answered = format!("{asks} && nd_ra && reg0[5]");
    flows.add(Flow::new(Stage::LrInNdRaResponse, 50, is_answered, send).hint(port.uuid));
}

/// What the binding of a port says of advertisements that nobody asks for.
pub fn binding_options(port: &RouterPort, view: &View<'_>) -> BTreeMap<Str, Str> {
    let (Some(mac), Some(advertised)) = (port.mac, advertised(port, view)) else { return BTreeMap::new() };
    let Some((min, max)) = advertised.periodic else { return BTreeMap::new() };
    let own = crate::model::prefix::InPrefix::link_local(mac).ip;
    let mut options: BTreeMap<Str, Str> = [
        ("send_periodic", "true".to_owned()),
        ("address_mode", advertised.mode.to_string()),
        ("max_interval", max.to_string()),
        ("min_interval", min.to_string()),
        ("src_addr", own.to_string()),
        ("src_eth", mac.to_string()),
        ("prefixes", prefixes(port).join(" ")),
        ("prf", advertised.preference.to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (format!("ipv6_ra_{name}").into(), value.into()))
    .collect();
    let maybe = [
        ("ipv6_ra_mtu", advertised.mtu.map(|mtu| mtu.to_string().into())),
        ("ipv6_ra_rdnss", advertised.rdnss.clone()),
        ("ipv6_ra_dnssl", advertised.dnssl.clone()),
        ("ipv6_ra_route_info", advertised.route_info.clone()),
    ];
    options.extend(maybe.into_iter().filter_map(|(name, value)| Some((name.into(), value?))));
    options
}

/// What a port advertises: only one to a switch does.
fn advertised<'a>(port: &'a RouterPort, view: &View<'_>) -> Option<&'a Advertised> {
    let advertised = port.advertised.as_ref()?;
    matches!(view.peer_of_router_port(port), Some(Peer::Switch(_))).then_some(advertised)
}

/// The networks of a port that its neighbours make addresses of.
fn prefixes(port: &RouterPort) -> Vec<String> {
    let is_local = |ip: IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    let networks = port.of(Family::V6).filter(|network| !is_local(network.ip));
    networks.map(|network| network.prefix().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use crate::tests::fixture::check;

    const SCRIPT: &str =
        "ls-add sw0; lsp-add sw0 sr; lsp-set-type sr router; lsp-set-options sr router-port=rs
        lr-add lr0; lrp-add lr0 rs 0a:00:00:00:01:00 fd00::1/64 10.0.0.1/24";
    const CONFIG: &str = "lrp-set-ra rs address_mode=slaac mtu=1400 rdnss=fd00::53 dnssl=ovn.org router_preference=HIGH \
        route_info=LOW-fd01::/48";

    #[test]
    fn a_solicitation_is_answered() {
        let script = format!("{SCRIPT}; {CONFIG}");
        insta::assert_snapshot!(check(&script, &["nd_ra_options 50"]), @r#"lr0: lr_in_nd_ra_options 50 inport == "rs" && ip6.dst == ff02::2 && nd_rs -> reg0[5] = put_nd_ra_opts(addr_mode = "slaac", slla = 0a:00:00:00:01:00, mtu = 1400, router_preference = "HIGH", rdnss = fd00::53, dnssl = "ovn.org", route_info = "LOW-fd01::/48", prefix = fd00::/64); next;"#);
        insta::assert_snapshot!(check(&script, &["nd_ra_response 50"]), @r#"lr0: lr_in_nd_ra_response 50 inport == "rs" && ip6.dst == ff02::2 && nd_ra && reg0[5] -> eth.dst = eth.src; eth.src = 0a:00:00:00:01:00; ip6.dst = ip6.src; ip6.src = fe80::800:ff:fe00:100; outport = inport; flags.loopback = 1; output;"#);
        assert_eq!(check(SCRIPT, &["nd_ra_options 50"]), "");
        assert_eq!(check(&format!("{script}; lrp-set-networks rs 10.0.0.1/24"), &["nd_ra_options 50"]), "");
    }

    #[test]
    fn the_binding_says_what_is_sent_unasked() {
        let script = format!("{SCRIPT}; {CONFIG} send_periodic=true max_interval=60");
        insta::assert_snapshot!(check(&script, &["port rs"]), @"port rs (patch) key 1 on lr0 ipv6_ra_address_mode=slaac ipv6_ra_dnssl=ovn.org ipv6_ra_max_interval=60 ipv6_ra_min_interval=20 ipv6_ra_mtu=1400 ipv6_ra_prefixes=fd00::/64 ipv6_ra_prf=HIGH ipv6_ra_rdnss=fd00::53 ipv6_ra_route_info=LOW-fd01::/48 ipv6_ra_send_periodic=true ipv6_ra_src_addr=fe80::800:ff:fe00:100 ipv6_ra_src_eth=0a:00:00:00:01:00 peer=sr");
    }
}
