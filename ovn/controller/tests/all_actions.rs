//! The tables of `actions/*.txt` leave no action out.

use lflow::action::{
    self, Action, Context, FdbScope, GetFdb, LookupNeighbor, NeighborProtocol, RelayDirection,
};
use lflow::pipeline::Pipeline;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How each action is written, or what it is.
const ALL: &[&str] = &[
    "arp",
    "bind_vport",
    "check_in_port_sec",
    "check_out_port_sec",
    "check_pkt_larger",
    "chk_ecmp_nh",
    "chk_ecmp_nh_mac",
    "chk_evpn_arp",
    "chk_lb_aff",
    "chk_lb_hairpin",
    "chk_lb_hairpin_reply",
    "clone",
    "commit_ecmp_nh",
    "commit_lb_aff",
    "constant to field",
    "constant to field of a new packet",
    "ct_clear",
    "ct_commit",
    "ct_commit_nat",
    "ct_commit_to_zone",
    "ct_dnat",
    "ct_dnat_in_czone",
    "ct_ip6_dst",
    "ct_lb",
    "ct_lb_mark",
    "ct_lb_mark_local",
    "ct_next",
    "ct_nw_dst",
    "ct_proto",
    "ct_snat",
    "ct_snat_in_czone",
    "ct_snat_to_vip",
    "ct_state_save",
    "ct_tp_dst",
    "dhcp_relay_req_chk",
    "dhcp_relay_resp_chk",
    "dns_lookup",
    "exchange of fields",
    "field to field",
    "flood_remote",
    "fwd_group",
    "get_arp",
    "get_fdb",
    "get_nd",
    "get_remote_fdb",
    "handle_bfd_msg",
    "handle_dhcpv6_reply",
    "handle_svc_check",
    "icmp4",
    "icmp4_error",
    "icmp6",
    "icmp6_error",
    "igmp",
    "ip.ttl--",
    "log",
    "lookup_arp",
    "lookup_arp_ip",
    "lookup_fdb",
    "lookup_nd",
    "lookup_nd_ip",
    "mac_cache_use",
    "mirror",
    "nd_na",
    "nd_na_router",
    "nd_ns",
    "next",
    "output",
    "pop",
    "push",
    "put_arp",
    "put_dhcp_opts",
    "put_dhcpv6_opts",
    "put_fdb",
    "put_nd",
    "put_nd_ra_opts",
    "reject",
    "sample",
    "sctp_abort",
    "select",
    "set_meter",
    "set_queue",
    "tcp_reset",
    "trigger_event",
];

fn of_protocol(protocol: NeighborProtocol, arp: &str, nd: &str) -> String {
    match protocol {
        NeighborProtocol::Arp => arp.to_owned(),
        NeighborProtocol::Nd => nd.to_owned(),
    }
}

/// The one of [`ALL`] that an action is; those in it go to `inner`.
fn word<'a>(action: &'a Action, inner: &mut Vec<&'a Action>) -> String {
    let word = match action {
        Action::Output => "output",
        Action::Next(_) => "next",
        Action::Load(_) => "constant to field",
        Action::Move(_) => "field to field",
        Action::Exchange(_) => "exchange of fields",
        Action::Push(_) => "push",
        Action::Pop(_) => "pop",
        Action::DecrementTtl => "ip.ttl--",
        Action::LoadOvnField(_) => "constant to field of a new packet",
        Action::CtClear => "ct_clear",
        Action::CtNext(tracking, _) => tracking.name(),
        Action::CtCommit(_) => "ct_commit",
        Action::CtNat(nat) => nat.kind.name(),
        Action::CtSnatToVip => "ct_snat_to_vip",
        Action::CtLb(lb) => lb.kind.name(),
        Action::CtOriginal(what, _) => what.name(),
        Action::CtStateSave(_) => "ct_state_save",
        Action::Select(_) => "select",
        Action::ForwardGroup(_) => "fwd_group",
        Action::Clone(actions) => {
            inner.extend(actions);
            "clone"
        }
        Action::Replace(kind, actions) => {
            inner.extend(actions);
            return kind.to_string();
        }
        Action::GetNeighbor(get) => return of_protocol(get.protocol, "get_arp", "get_nd"),
        Action::PutNeighbor(put) => return of_protocol(put.protocol, "put_arp", "put_nd"),
        Action::LookupNeighbor(LookupNeighbor { protocol, mac: Some(_), .. }) => {
            return of_protocol(*protocol, "lookup_arp", "lookup_nd");
        }
        Action::LookupNeighbor(LookupNeighbor { protocol, mac: None, .. }) => {
            return of_protocol(*protocol, "lookup_arp_ip", "lookup_nd_ip");
        }
        Action::ChkEvpnArp(_) => "chk_evpn_arp",
        Action::MacCacheUse => "mac_cache_use",
        Action::PutFdb(_) => "put_fdb",
        Action::GetFdb(GetFdb { scope: FdbScope::Local, .. }) => "get_fdb",
        Action::GetFdb(GetFdb { scope: FdbScope::Remote, .. }) => "get_remote_fdb",
        Action::LookupFdb(_) => "lookup_fdb",
        Action::Check(check, _) => check.name(),
        Action::CheckPktLarger(_) => "check_pkt_larger",
        Action::CommitEcmpNh(_) => "commit_ecmp_nh",
        Action::CommitLbAff(_) => "commit_lb_aff",
        Action::PutDhcpOpts(_) => "put_dhcp_opts",
        Action::PutDhcpv6Opts(_) => "put_dhcpv6_opts",
        Action::DhcpRelay(relay) => match relay.direction {
            RelayDirection::Request => "dhcp_relay_req_chk",
            RelayDirection::Response => "dhcp_relay_resp_chk",
        },
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
    };
    word.to_owned()
}

#[test]
fn the_tables_have_a_case_of_every_action() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/actions");
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let table = fs::read_to_string(entry.expect("an entry").path()).expect("a table");
        let contexts = [Pipeline::Ingress, Pipeline::Egress].map(|pipeline| Context { pipeline, table: 10 });
        for case in table.lines().filter_map(|line| line.strip_prefix("> ")) {
            for parsed in contexts.iter().filter_map(|context| action::parse(case, *context).ok()) {
                let mut todo: Vec<&Action> = parsed.actions.iter().collect();
                while let Some(action) = todo.pop() {
                    seen.insert(word(action, &mut todo));
                }
            }
        }
    }
    let all: BTreeSet<String> = ALL.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new(), "they have no case");
    assert_eq!(seen.difference(&all).collect::<Vec<_>>(), Vec::<&String>::new(), "they are new");
}
