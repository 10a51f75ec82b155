//! Every action of the language has a case here in which a trace executes it.

mod network;

use lflow::Pipeline;
use lflow::action::{
    self, Action, Check, Context, CtOriginal, FdbScope, LbKind, NatKind, NeighborProtocol, RelayDirection,
    Replacement, Tracking,
};
use network::small;
use std::collections::BTreeSet;
use trace::Command;

/// Names actions, and lists the names. A new action does not compile here before it has one, and has no case then.
macro_rules! names {
    ($($pattern:pat => $name:literal,)*) => {
        const NAMES: &[&str] = &[$($name),*];

        fn name(action: &Action) -> &'static str {
            match action {
                $($pattern => $name,)*
            }
        }
    };
}

names! {
    Action::Output => "output",
    Action::Next(_) => "next",
    Action::Load(_) => "load",
    Action::Move(_) => "move",
    Action::Exchange(_) => "exchange",
    Action::Push(_) => "push",
    Action::Pop(_) => "pop",
    Action::DecrementTtl => "ip.ttl--",
    Action::LoadOvnField(_) => "icmp4.frag_mtu",
    Action::CtClear => "ct_clear",
    Action::CtNext(Tracking::Track, _) => "ct_next",
    Action::CtNext(Tracking::CommitNat, _) => "ct_commit_nat",
    Action::CtNext(Tracking::CommitToZone, _) => "ct_commit_to_zone",
    Action::CtCommit(_) => "ct_commit",
    Action::CtNat(action::CtNat { kind: NatKind::Dnat, .. }) => "ct_dnat",
    Action::CtNat(action::CtNat { kind: NatKind::Snat, .. }) => "ct_snat",
    Action::CtNat(action::CtNat { kind: NatKind::DnatInCommonZone, .. }) => "ct_dnat_in_czone",
    Action::CtNat(action::CtNat { kind: NatKind::SnatInCommonZone, .. }) => "ct_snat_in_czone",
    Action::CtSnatToVip => "ct_snat_to_vip",
    Action::CtLb(action::CtLb { kind: LbKind::Label, .. }) => "ct_lb",
    Action::CtLb(action::CtLb { kind: LbKind::Mark, .. }) => "ct_lb_mark",
    Action::CtLb(action::CtLb { kind: LbKind::MarkLocal, .. }) => "ct_lb_mark_local",
    Action::CtOriginal(CtOriginal::Ipv4Destination, _) => "ct_nw_dst",
    Action::CtOriginal(CtOriginal::Ipv6Destination, _) => "ct_ip6_dst",
    Action::CtOriginal(CtOriginal::DestinationPort, _) => "ct_tp_dst",
    Action::CtOriginal(CtOriginal::Protocol, _) => "ct_proto",
    Action::CtStateSave(_) => "ct_state_save",
    Action::Select(_) => "select",
    Action::ForwardGroup(_) => "fwd_group",
    Action::Clone(_) => "clone",
    Action::Replace(Replacement::Arp, _) => "arp",
    Action::Replace(Replacement::NdNs, _) => "nd_ns",
    Action::Replace(Replacement::NdNa, _) => "nd_na",
    Action::Replace(Replacement::NdNaRouter, _) => "nd_na_router",
    Action::Replace(Replacement::Icmp4, _) => "icmp4",
    Action::Replace(Replacement::Icmp4Error, _) => "icmp4_error",
    Action::Replace(Replacement::Icmp6, _) => "icmp6",
    Action::Replace(Replacement::Icmp6Error, _) => "icmp6_error",
    Action::Replace(Replacement::TcpReset, _) => "tcp_reset",
    Action::Replace(Replacement::SctpAbort, _) => "sctp_abort",
    Action::Replace(Replacement::Reject, _) => "reject",
    Action::GetNeighbor(action::GetNeighbor { protocol: NeighborProtocol::Arp, .. }) => "get_arp",
    Action::GetNeighbor(action::GetNeighbor { protocol: NeighborProtocol::Nd, .. }) => "get_nd",
    Action::PutNeighbor(action::PutNeighbor { protocol: NeighborProtocol::Arp, .. }) => "put_arp",
    Action::PutNeighbor(action::PutNeighbor { protocol: NeighborProtocol::Nd, .. }) => "put_nd",
    Action::LookupNeighbor(action::LookupNeighbor { protocol: NeighborProtocol::Arp, mac: Some(_), .. }) => "lookup_arp",
    Action::LookupNeighbor(action::LookupNeighbor { protocol: NeighborProtocol::Arp, mac: None, .. }) => "lookup_arp_ip",
    Action::LookupNeighbor(action::LookupNeighbor { protocol: NeighborProtocol::Nd, mac: Some(_), .. }) => "lookup_nd",
    Action::LookupNeighbor(action::LookupNeighbor { protocol: NeighborProtocol::Nd, mac: None, .. }) => "lookup_nd_ip",
    Action::ChkEvpnArp(_) => "chk_evpn_arp",
    Action::MacCacheUse => "mac_cache_use",
    Action::PutFdb(_) => "put_fdb",
    Action::GetFdb(action::GetFdb { scope: FdbScope::Local, .. }) => "get_fdb",
    Action::GetFdb(action::GetFdb { scope: FdbScope::Remote, .. }) => "get_remote_fdb",
    Action::LookupFdb(_) => "lookup_fdb",
    Action::Check(Check::InPortSecurity, _) => "check_in_port_sec",
    Action::Check(Check::OutPortSecurity, _) => "check_out_port_sec",
    Action::Check(Check::LbHairpin, _) => "chk_lb_hairpin",
    Action::Check(Check::LbHairpinReply, _) => "chk_lb_hairpin_reply",
    Action::Check(Check::EcmpNextHopMac, _) => "chk_ecmp_nh_mac",
    Action::Check(Check::EcmpNextHop, _) => "chk_ecmp_nh",
    Action::Check(Check::LbAffinity, _) => "chk_lb_aff",
    Action::CheckPktLarger(_) => "check_pkt_larger",
    Action::CommitEcmpNh(_) => "commit_ecmp_nh",
    Action::CommitLbAff(_) => "commit_lb_aff",
    Action::PutDhcpOpts(_) => "put_dhcp_opts",
    Action::PutDhcpv6Opts(_) => "put_dhcpv6_opts",
    Action::DhcpRelay(action::DhcpRelay { direction: RelayDirection::Request, .. }) => "dhcp_relay_req_chk",
    Action::DhcpRelay(action::DhcpRelay { direction: RelayDirection::Response, .. }) => "dhcp_relay_resp_chk",
    Action::PutNdRaOpts(_) => "put_nd_ra_opts",
    Action::DnsLookup(_) => "dns_lookup",
    Action::SetQueue(_) => "set_queue",
    Action::SetMeter(_) => "set_meter",
    Action::Log(_) => "log",
    Action::Sample(_) => "sample",
    Action::Mirror(_) => "mirror",
    Action::FloodRemote => "flood_remote",
    Action::HandleSvcCheck(_) => "handle_svc_check",
    Action::HandleBfdMsg => "handle_bfd_msg",
    Action::HandleDhcpv6Reply => "handle_dhcpv6_reply",
    Action::Igmp => "igmp",
    Action::BindVport(_) => "bind_vport",
    Action::TriggerEvent(_) => "trigger_event",
}

/// The name of an action and of those in it.
fn all_names(actions: &[Action], names: &mut BTreeSet<&'static str>) {
    for action in actions {
        names.insert(name(action));
        if let Action::Clone(inner) | Action::Replace(_, inner) = action {
            all_names(inner, names);
        }
    }
}

const UDP: &str =
    "ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 9 && udp.src == 7 && udp.dst == 53";
const TCP: &str =
    "ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 9 && tcp.src == 7 && tcp.dst == 80";
const SCTP: &str =
    "ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 9 && sctp.src == 7 && sctp.dst == 80";
const UDP6: &str = "ip6.src == fd00::1 && ip6.dst == fd00::2 && ip.ttl == 9 && udp.src == 7 && udp.dst == 53";
const ARP: &str = "arp.op == 1 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.2 && arp.sha == 00:00:00:00:00:01";
const ND: &str = "nd_ns && ip6.src == fd00::1 && nd.target == fd00::2 && nd.sll == 00:00:00:00:00:01";
const RS: &str =
    "ip6.src == fe80::1 && ip6.dst == ff02::2 && icmp6.type == 133 && icmp6.code == 0 && ip.ttl == 255";

/// What is done in table 0, and to which packet.
const CASES: &[(&str, &str)] = &[
    ("outport = \"p2\"; output;", UDP),
    ("next(1);", UDP),
    ("reg0 = 1; next;", UDP),
    ("reg0 = ip4.src; next;", UDP),
    ("eth.src <-> eth.dst; next;", UDP),
    ("push(eth.src); pop(eth.dst); next;", UDP),
    ("ip.ttl--; next;", UDP),
    ("icmp4_error { icmp4.frag_mtu = 1400; next; };", UDP),
    ("ct_clear; next;", UDP),
    ("ct_next;", UDP),
    ("ct_commit_nat;", UDP),
    ("ct_commit_to_zone(dnat);", UDP),
    ("ct_commit { ct_mark = 1; ct_label = 2; }; next;", UDP),
    ("ct_dnat(10.0.0.7);", UDP),
    ("ct_snat(10.0.0.8);", UDP),
    ("ct_dnat_in_czone(10.0.0.7);", UDP),
    ("ct_snat_in_czone(10.0.0.8);", UDP),
    ("ct_snat_to_vip; next;", UDP),
    ("ct_lb(backends=10.0.0.9:80);", TCP),
    ("ct_lb_mark(backends=10.0.0.9:80);", TCP),
    ("ct_lb_mark_local(backends=\"p2\":10.0.0.9:80);", TCP),
    ("reg1 = ct_nw_dst(); next;", UDP),
    ("xxreg1 = ct_ip6_dst(); next;", UDP6),
    ("reg1[0..15] = ct_tp_dst(); next;", UDP),
    ("reg1[0..7] = ct_proto(); next;", UDP),
    ("reg8[0..7] = ct_state_save(); next;", UDP),
    ("reg8[16..31] = select(3, 4);", UDP),
    ("fwd_group(childports=\"p2\");", UDP),
    ("clone { reg0 = 1; }; next;", UDP),
    ("arp { next; };", UDP),
    ("nd_ns { next; };", UDP6),
    ("nd_na { next; };", ND),
    ("nd_na_router { next; };", ND),
    ("icmp4 { next; };", UDP),
    ("icmp6 { next; };", UDP6),
    ("icmp6_error { next; };", UDP6),
    ("tcp_reset { next; };", TCP),
    ("sctp_abort { next; };", SCTP),
    ("reject { next; };", UDP),
    ("get_arp(inport, ip4.dst); next;", UDP),
    ("get_nd(inport, ip6.dst); next;", UDP6),
    ("put_arp(inport, arp.spa, arp.sha); next;", ARP),
    ("put_nd(inport, nd.target, nd.sll); next;", ND),
    ("reg0[0] = lookup_arp(inport, arp.spa, arp.sha); next;", ARP),
    ("reg0[0] = lookup_arp_ip(inport, arp.spa); next;", ARP),
    ("reg0[0] = lookup_nd(inport, ip6.src, nd.sll); next;", ND),
    ("reg0[0] = lookup_nd_ip(inport, ip6.src); next;", ND),
    ("reg0[0] = chk_evpn_arp(ip4.dst); next;", UDP),
    ("mac_cache_use; next;", UDP),
    ("put_fdb(inport, eth.src); next;", UDP),
    ("outport = get_fdb(eth.dst); next;", UDP),
    ("remote_outport = get_remote_fdb(eth.dst); next;", UDP),
    ("reg0[0] = lookup_fdb(inport, eth.src); next;", UDP),
    ("reg0[0] = check_in_port_sec(); next;", UDP),
    ("reg0[0] = check_out_port_sec(); next;", UDP),
    ("reg0[0] = chk_lb_hairpin(); next;", UDP),
    ("reg0[0] = chk_lb_hairpin_reply(); next;", UDP),
    ("reg9[5] = chk_ecmp_nh_mac(); next;", UDP),
    ("reg9[5] = chk_ecmp_nh(); next;", UDP),
    ("reg9[6] = chk_lb_aff(); next;", UDP),
    ("reg0[1] = check_pkt_larger(1400); next;", UDP),
    ("commit_ecmp_nh(ipv6 = false, proto = udp); next;", UDP),
    (
        "commit_lb_aff(vip = \"10.0.0.2:53\", backend = \"10.0.0.9:53\", proto = udp, timeout = 30); next;",
        UDP,
    ),
    ("reg0[0] = put_dhcp_opts(offerip = 10.0.0.1, router = 10.0.0.254); next;", UDP),
    ("reg0[0] = put_dhcpv6_opts(ia_addr = fd00::1, server_id = 00:00:00:00:00:09); next;", UDP6),
    ("reg9[7] = dhcp_relay_req_chk(10.0.0.1, 10.0.0.2); next;", UDP),
    ("reg9[7] = dhcp_relay_resp_chk(10.0.0.1, 10.0.0.2); next;", UDP),
    (
        "reg0[0] = put_nd_ra_opts(addr_mode = \"slaac\", mtu = 1500, prefix = fd00::/64, slla = 00:00:00:00:00:09); next;",
        RS,
    ),
    ("reg0[0] = dns_lookup(); next;", UDP),
    ("set_queue(1); next;", UDP),
    ("set_meter(5); next;", UDP),
    ("log(verdict=drop); next;", UDP),
    ("sample(probability=1); next;", UDP),
    ("mirror(\"p2\");", UDP),
    ("flood_remote; next;", UDP),
    ("handle_svc_check(inport); next;", UDP),
    ("handle_bfd_msg(); next;", UDP),
    ("handle_dhcpv6_reply; next;", UDP6),
    ("igmp; next;", UDP),
    ("bind_vport(\"p2\", inport); next;", UDP),
    (
        "trigger_event(event = \"empty_lb_backends\", vip = \"10.0.0.2:53\", protocol = \"udp\", load_balancer = \"12345678-abcd-9876-fedc-11119f8e7d6c\"); next;",
        UDP,
    ),
];

/// What a trace says of actions in table 0 beside the actions, and the packet that comes to table 1 or to a port.
fn done(actions: &str, packet: &str) -> String {
    let flows = [
        ("ingress", 0, 0, "1", actions),
        ("ingress", 1, 0, "1", "log(verdict=allow); outport = \"p2\"; output;"),
        ("egress", 0, 0, "1", "output;"),
    ];
    let packet = format!(
        "inport == \"p1\" && eth.src == 00:00:00:00:00:01 && eth.dst == 00:00:00:00:00:02 && {packet}"
    );
    let Ok(Command::Trace(request)) = Command::parse(&["--summary", "sw0", &packet]) else {
        panic!("{packet}")
    };
    let output = trace::trace(&small(&flows), &request);
    assert_eq!(output.warnings, [""; 0], "{actions}");
    let remark = |line: &str| {
        let line = line.trim();
        match line.split_once("packet=") {
            Some((_, packet)) => Some(format!("    {}", packet.trim_matches(['"', ';']))),
            None => line.contains("/*").then(|| format!("    {line}")),
        }
    };
    // The first lines are the packet and the datapath.
    output.text.lines().skip(2).filter_map(remark).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_action_is_executed() {
    let (mut names, mut text) = (BTreeSet::new(), String::new());
    for (actions, packet) in CASES {
        let context = Context { pipeline: Pipeline::Ingress, table: 0 };
        let parsed = action::parse(actions, context).unwrap_or_else(|error| panic!("{actions}: {error}"));
        all_names(&parsed.actions, &mut names);
        let done = done(actions, packet);
        assert!(!done.is_empty() && !done.contains("not implemented"), "{actions}: {done}");
        text.push_str(&format!("{actions}\n{done}\n\n"));
    }
    let missing: Vec<&&str> = NAMES.iter().filter(|name| !names.contains(**name)).collect();
    assert!(missing.is_empty(), "actions without a case: {missing:?}");
    insta::assert_snapshot!(text);
}
