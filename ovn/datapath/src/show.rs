//! Keys and programs as text, for operators.

use std::net::{Ipv4Addr, Ipv6Addr};

use packet::MacAddr;
use packet::key::{FlowKey, Slot, slot};

use crate::conntrack::{Nat, Side};
use crate::program::{Ct, Op};

/// How a slot is written.
#[derive(Clone, Copy)]
enum Form {
    Hex,
    Decimal,
    Mac,
    V4,
    /// IPv6, or IPv4 if it is one.
    Ip,
}

/// Slots that differ between packets that come in, with their names.
const SHOWN: &[(&str, Slot, Form)] = &[
    ("in_port", slot::IN_PORT, Form::Decimal),
    ("ct_state", slot::CT_STATE, Form::Hex),
    ("ct_zone", slot::CT_ZONE, Form::Decimal),
    ("ct_mark", slot::CT_MARK, Form::Hex),
    ("ct_label", slot::CT_LABEL, Form::Hex),
    ("ct_nw_src", slot::CT_NW_SRC, Form::Ip),
    ("ct_nw_dst", slot::CT_NW_DST, Form::Ip),
    ("ct_nw_proto", slot::CT_NW_PROTO, Form::Decimal),
    ("ct_tp_src", slot::CT_TP_SRC, Form::Decimal),
    ("ct_tp_dst", slot::CT_TP_DST, Form::Decimal),
    ("tun_id", slot::TUN_ID, Form::Hex),
    ("tun_src", slot::TUN_SRC, Form::Ip),
    ("tun_dst", slot::TUN_DST, Form::Ip),
    ("tun_flags", slot::TUN_FLAGS, Form::Hex),
    ("tun_options", slot::TUN_PRESENT, Form::Hex),
    ("eth_src", slot::ETH_SRC, Form::Mac),
    ("eth_dst", slot::ETH_DST, Form::Mac),
    ("eth_type", slot::ETH_TYPE, Form::Hex),
    ("vlan_tci", slot::VLAN_TCI, Form::Hex),
    ("nw_src", slot::NW_SRC, Form::Ip),
    ("nw_dst", slot::NW_DST, Form::Ip),
    ("nw_proto", slot::NW_PROTO, Form::Decimal),
    ("nw_tos", slot::NW_TOS, Form::Hex),
    ("nw_ttl", slot::NW_TTL, Form::Decimal),
    ("nw_frag", slot::NW_FRAG, Form::Hex),
    ("ipv6_label", slot::IPV6_LABEL, Form::Hex),
    ("tp_src", slot::TP_SRC, Form::Decimal),
    ("tp_dst", slot::TP_DST, Form::Decimal),
    ("tcp_flags", slot::TCP_FLAGS, Form::Hex),
    ("arp_sha", slot::ARP_SHA, Form::Mac),
    ("arp_tha", slot::ARP_THA, Form::Mac),
    ("nd_target", slot::ND_TARGET, Form::Ip),
];

/// The bits of a key that a mask has.
pub(crate) fn show_key(key: &FlowKey, mask: &FlowKey) -> String {
    let mut parts = Vec::new();
    for (name, slot, form) in SHOWN {
        let bits = mask.get(*slot);
        if bits == 0 {
            continue;
        }
        let value = key.get(*slot);
        // An IPv4 address has only the low bits of its place.
        let full = match form {
            Form::Ip if value & !u128::from(u32::MAX) == 0 => u128::from(u32::MAX),
            Form::Ip | Form::Hex | Form::Decimal | Form::Mac | Form::V4 => slot.full_mask(),
        };
        let bits = bits & full;
        let value = show_value(value, *form);
        parts.push(match bits == full {
            true => format!("{name}={value}"),
            false => format!("{name}={value}/{}", show_value(bits, *form)),
        });
    }
    parts.join(",")
}

fn show_value(value: u128, form: Form) -> String {
    match form {
        Form::Hex => format!("{value:#x}"),
        Form::Decimal => value.to_string(),
        Form::Mac => MacAddr::from_u64(value as u64).to_string(),
        Form::V4 => Ipv4Addr::from(value as u32).to_string(),
        Form::Ip => match u32::try_from(value) {
            Ok(_) => show_value(value, Form::V4),
            Err(_) => Ipv6Addr::from(value).to_string(),
        },
    }
}

/// A program on one line; `name` tells what a port is called.
pub(crate) fn show_ops(ops: &[Op], name: &dyn Fn(crate::PortId) -> String) -> String {
    if ops.is_empty() {
        return "drop".to_owned();
    }
    ops.iter().map(|op| show_op(op, name)).collect::<Vec<_>>().join(",")
}

fn show_op(op: &Op, name: &dyn Fn(crate::PortId) -> String) -> String {
    match op {
        Op::Output(port) => name(*port),
        Op::Tunnel(encap) => format!("tunnel({},remote={})", name(encap.port), encap.remote),
        Op::Punt(punt) => format!("controller(reason={:?},id={})", punt.reason, punt.controller_id),
        Op::Set(sets) => {
            let mut key = FlowKey::ZERO;
            let mut mask = FlowKey::ZERO;
            for set in sets {
                key[usize::from(set.word)] |= set.value;
                mask[usize::from(set.word)] |= set.mask;
            }
            format!("set({})", show_key(&key, &mask))
        }
        Op::PushVlan { tpid, tci } => format!("push_vlan(tpid={tpid:#x},tci={tci:#x})"),
        Op::PopVlan => "pop_vlan".to_owned(),
        Op::Ct(ct) => show_ct(ct),
        Op::CtClear => "ct_clear".to_owned(),
        Op::Meter(gauge) => format!("meter({})", gauge.id().0),
        Op::Truncate(len) => format!("trunc({len})"),
        Op::Clone(nested) => format!("clone({})", show_ops(nested, name)),
        Op::CheckLarger { length, larger, smaller } => {
            format!(
                "check_pkt_len(size={length},gt({}),le({}))",
                show_ops(larger, name),
                show_ops(smaller, name)
            )
        }
    }
}

/// A `ct` action as Open vSwitch writes those of its datapath.
fn show_ct(ct: &Ct) -> String {
    let request = &ct.request;
    let mut parts = Vec::new();
    match (request.commit, request.force) {
        (true, true) => parts.push("commit,force".to_owned()),
        (true, false) => parts.push("commit".to_owned()),
        (false, _) => {}
    }
    if request.zone != 0 {
        parts.push(format!("zone={}", request.zone));
    }
    if request.mark.1 != 0 {
        parts.push(format!("mark={:#x}/{:#x}", request.mark.0, request.mark.1));
    }
    if request.label.1 != 0 {
        parts.push(format!("label={:#x}/{:#x}", request.label.0, request.label.1));
    }
    parts.extend(request.helper.map(|helper| format!("helper={}", helper.name())));
    parts.extend(request.nat.as_ref().map(show_nat));
    let action = if parts.is_empty() { "ct".to_owned() } else { format!("ct({})", parts.join(",")) };
    match &ct.recirc {
        None => action,
        Some(recirc) => format!("{action},recirc({:#x})", recirc.number()),
    }
}

fn show_nat(nat: &Nat) -> String {
    let side = match nat.side {
        None => return "nat".to_owned(),
        Some(Side::Source) => "src",
        Some(Side::Destination) => "dst",
    };
    let mut text = String::new();
    if let Some(range) = nat.range {
        let (first, last) = (range.first.ip(range.v6), range.last.ip(range.v6));
        let bracket = |ip: std::net::IpAddr| {
            if nat.ports.is_some() && range.v6 { format!("[{ip}]") } else { ip.to_string() }
        };
        text += &format!("={}", bracket(first));
        text += &if last == first { String::new() } else { format!("-{}", bracket(last)) };
    }
    if let Some((first, last)) = nat.ports {
        text += &if last == first { format!(":{first}") } else { format!(":{first}-{last}") };
    }
    let persistent = if nat.persistent { ",persistent" } else { "" };
    let random = if nat.random { ",random" } else { "" };
    format!("nat({side}{text}{persistent}{random})")
}
