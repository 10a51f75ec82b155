//! Actions: what a logical flow does with the packets that match it.
//!
//! Each family of actions is a file: what it means, how it is parsed, how it is printed. [`Action`] lists
//! them all, and everything that handles actions matches on it without a wildcard, so that a new one is
//! not forgotten anywhere.
//!
//! Facts: ovn-sb(5), `Logical_Flow`, column `actions`.

pub mod assign;
pub mod check;
pub mod conntrack;
pub mod dhcp;
pub mod ecmp;
pub mod fdb;
mod flood;
pub mod flow;
pub mod load_balance;
pub mod log;
pub mod meter;
pub mod nat;
pub mod neighbor;
pub mod nested;
pub mod options;
pub mod packet_in;
pub mod packet_size;
mod parse;
pub mod queue;
mod router_advertisement;
pub mod sample;
pub mod select;
pub mod stack;
pub mod ttl;

#[cfg(test)]
mod tests;

pub use assign::{Constant, Exchange, Load, LoadOvnField, Move};
pub use check::Check;
pub use conntrack::{CtCommit, CtNext, CtOriginal, Tracking, Zone};
pub use dhcp::{DhcpRelay, PutOptions, RelayDirection};
pub use ecmp::CommitEcmpNh;
pub use fdb::{FdbScope, GetFdb, LookupFdb, PutFdb};
pub use flow::Next;
pub use load_balance::{Backend, CommitLbAff, CtLb, LbKind, LbSnat, Transport};
pub use log::{Log, Severity, Verdict};
pub use meter::SetMeter;
pub use nat::{CtNat, NatKind, NatTarget};
pub use neighbor::{ChkEvpnArp, GetNeighbor, LookupNeighbor, NeighborProtocol, PutNeighbor};
pub use nested::Replacement;
pub use options::{NamedValue, OptionForm};
pub use packet_in::{BindVport, Event, TriggerEvent};
pub use packet_size::CheckPktLarger;
pub use parse::{Context, NESTING_MAX, Parsed, parse};
pub use sample::{ObservationPoint, Sample};
pub use select::{ForwardGroup, Select};

use crate::lexer;
use crate::symbols::FieldRef;
use std::fmt;
use std::sync::Arc;

/// One action. No actions at all is `drop;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `output;`: into the egress pipeline of `outport`, or from there out of it.
    Output,
    /// `next;`: on to another table.
    Next(Next),
    /// `field = constant;`
    Load(Load),
    /// `field = field;`
    Move(Move),
    /// `field <-> field;`
    Exchange(Exchange),
    /// `push(field);`
    Push(FieldRef),
    /// `pop(field);`
    Pop(FieldRef),
    /// `ip.ttl--;`: the packet ends here if that leaves zero.
    DecrementTtl,
    /// `icmp4.frag_mtu = 1400;` and the like: of a packet that is being made.
    LoadOvnField(LoadOvnField),
    /// `ct_clear;`: the packet is as if it had never been tracked.
    CtClear,
    /// `ct_next;` and the like: track, perhaps commit, then the next table.
    CtNext(Tracking, CtNext),
    /// `ct_commit;`, `ct_commit { ... };`: remember the connection.
    CtCommit(CtCommit),
    /// `ct_dnat(...);` and the like: translate an address, then the next table.
    CtNat(CtNat),
    /// `ct_snat_to_vip;`: translate the source to the address of the load balancer that sent the packet back.
    CtSnatToVip,
    /// `ct_lb_mark(...);` and the like: choose a backend, then the next table.
    CtLb(CtLb),
    /// `field = ct_nw_dst();` and the like.
    CtOriginal(CtOriginal, FieldRef),
    /// `field = ct_state_save();`: the lowest 8 bits of `ct_state`, zero if the packet is not tracked.
    CtStateSave(FieldRef),
    /// `field = select(...);`: choose a value, then the next table.
    Select(Select),
    /// `fwd_group(...);`: choose a port, then output.
    ForwardGroup(ForwardGroup),
    /// `clone { ... };`: do this to a copy.
    Clone(Vec<Self>),
    /// `arp { ... };` and the like: do this to another packet made after this one.
    Replace(Replacement, Vec<Self>),
    /// `get_arp(port, ip);`, `get_nd(port, ip);`
    GetNeighbor(GetNeighbor),
    /// `put_arp(port, ip, mac);`, `put_nd(port, ip, mac);`
    PutNeighbor(PutNeighbor),
    /// `bit = lookup_arp(port, ip, mac);`, `bit = lookup_arp_ip(port, ip);` and the same with `nd`.
    LookupNeighbor(LookupNeighbor),
    /// `bit = chk_evpn_arp(ip);`
    ChkEvpnArp(ChkEvpnArp),
    /// `mac_cache_use;`: what is known of the packet's sender is still of use.
    MacCacheUse,
    /// `put_fdb(port, mac);`
    PutFdb(PutFdb),
    /// `port = get_fdb(mac);`, `port = get_remote_fdb(mac);`
    GetFdb(GetFdb),
    /// `bit = lookup_fdb(port, mac);`
    LookupFdb(LookupFdb),
    /// `bit = check_in_port_sec();` and the like.
    Check(Check, FieldRef),
    /// `bit = check_pkt_larger(n);`
    CheckPktLarger(CheckPktLarger),
    /// `commit_ecmp_nh(...);`
    CommitEcmpNh(CommitEcmpNh),
    /// `commit_lb_aff(...);`
    CommitLbAff(CommitLbAff),
    /// `bit = put_dhcp_opts(...);`: make a DHCPv4 reply of the packet.
    PutDhcpOpts(PutOptions),
    /// `bit = put_dhcpv6_opts(...);`: make a DHCPv6 reply of the packet.
    PutDhcpv6Opts(PutOptions),
    /// `bit = dhcp_relay_req_chk(...);`, `bit = dhcp_relay_resp_chk(...);`
    DhcpRelay(DhcpRelay),
    /// `bit = put_nd_ra_opts(...);`: make a router advertisement of the packet.
    PutNdRaOpts(PutOptions),
    /// `bit = dns_lookup();`: make a DNS answer of the packet.
    DnsLookup(FieldRef),
    /// `set_queue(n);`
    SetQueue(u32),
    /// `set_meter(...);`
    SetMeter(SetMeter),
    /// `log(...);`
    Log(Log),
    /// `sample(...);`
    Sample(Sample),
    /// `mirror("port");`: a copy to that port.
    Mirror(Arc<str>),
    /// `flood_remote;`: copies to all chassis of other availability zones.
    FloodRemote,
    /// `handle_svc_check(port);`
    HandleSvcCheck(FieldRef),
    /// `handle_bfd_msg();`
    HandleBfdMsg,
    /// `handle_dhcpv6_reply;`: a reply to a router that asked for a prefix.
    HandleDhcpv6Reply,
    /// `igmp;`: the controller keeps track of multicast groups.
    Igmp,
    /// `bind_vport("port", parent);`
    BindVport(BindVport),
    /// `trigger_event(...);`
    TriggerEvent(TriggerEvent),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output => f.write_str("output;"),
            Self::Next(next) => write!(f, "{next}"),
            Self::Load(load) => write!(f, "{load}"),
            Self::Move(r#move) => write!(f, "{move}"),
            Self::Exchange(exchange) => write!(f, "{exchange}"),
            Self::Push(field) => write!(f, "push({field});"),
            Self::Pop(field) => write!(f, "pop({field});"),
            Self::DecrementTtl => f.write_str("ip.ttl--;"),
            Self::LoadOvnField(load) => write!(f, "{load}"),
            Self::CtClear => f.write_str("ct_clear;"),
            Self::CtNext(tracking, next) => tracking.write(f, next),
            Self::CtCommit(commit) => write!(f, "{commit}"),
            Self::CtNat(nat) => write!(f, "{nat}"),
            Self::CtSnatToVip => f.write_str("ct_snat_to_vip;"),
            Self::CtLb(lb) => write!(f, "{lb}"),
            Self::CtOriginal(what, result) => write!(f, "{result} = {}();", what.name()),
            Self::CtStateSave(result) => write!(f, "{result} = ct_state_save();"),
            Self::Select(select) => write!(f, "{select}"),
            Self::ForwardGroup(group) => write!(f, "{group}"),
            Self::Clone(actions) => write!(f, "clone {{ {} }};", List(actions)),
            Self::Replace(kind, actions) => write!(f, "{kind} {{ {} }};", List(actions)),
            Self::GetNeighbor(get) => write!(f, "{get}"),
            Self::PutNeighbor(put) => write!(f, "{put}"),
            Self::LookupNeighbor(lookup) => write!(f, "{lookup}"),
            Self::ChkEvpnArp(check) => write!(f, "{check}"),
            Self::MacCacheUse => f.write_str("mac_cache_use;"),
            Self::PutFdb(put) => write!(f, "{put}"),
            Self::GetFdb(get) => write!(f, "{get}"),
            Self::LookupFdb(lookup) => write!(f, "{lookup}"),
            Self::Check(check, result) => write!(f, "{result} = {}();", check.name()),
            Self::CheckPktLarger(check) => write!(f, "{check}"),
            Self::CommitEcmpNh(commit) => write!(f, "{commit}"),
            Self::CommitLbAff(commit) => write!(f, "{commit}"),
            Self::PutDhcpOpts(put) => put.write(f, "put_dhcp_opts"),
            Self::PutDhcpv6Opts(put) => put.write(f, "put_dhcpv6_opts"),
            Self::DhcpRelay(relay) => write!(f, "{relay}"),
            Self::PutNdRaOpts(put) => put.write(f, "put_nd_ra_opts"),
            Self::DnsLookup(result) => write!(f, "{result} = dns_lookup();"),
            Self::SetQueue(id) => write!(f, "set_queue({id});"),
            Self::SetMeter(meter) => write!(f, "{meter}"),
            Self::Log(log) => write!(f, "{log}"),
            Self::Sample(sample) => write!(f, "{sample}"),
            Self::Mirror(port) => write_call(f, "mirror", port),
            Self::FloodRemote => f.write_str("flood_remote;"),
            Self::HandleSvcCheck(port) => write!(f, "handle_svc_check({port});"),
            Self::HandleBfdMsg => f.write_str("handle_bfd_msg();"),
            Self::HandleDhcpv6Reply => f.write_str("handle_dhcpv6_reply;"),
            Self::Igmp => f.write_str("igmp;"),
            Self::BindVport(bind) => write!(f, "{bind}"),
            Self::TriggerEvent(trigger) => write!(f, "{trigger}"),
        }
    }
}

/// `name("argument");`
fn write_call(f: &mut fmt::Formatter<'_>, name: &str, argument: &str) -> fmt::Result {
    write!(f, "{name}(")?;
    lexer::write_quoted(f, argument)?;
    f.write_str(");")
}

/// Actions, as they are written one after the other; `drop;` if there are none.
pub struct List<'a>(pub &'a [Action]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("drop;");
        }
        for (i, action) in self.0.iter().enumerate() {
            write!(f, "{}{action}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}
