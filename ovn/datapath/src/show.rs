//! Keys and programs as text, for operators: in the words that Open vSwitch has for those of its datapaths.

use std::net::{Ipv4Addr, Ipv6Addr};

use packet::key::{FlowKey, Slot, slot};
use packet::{EtherType, IpProto, MacAddr};

use crate::conntrack::{Nat, Side};
use crate::program::{Ct, Op};

/// How a slot is written.
#[derive(Clone, Copy)]
enum Form {
    Hex,
    Decimal,
    /// A number in the low eight bits of a place for more.
    Octet,
    Mac,
    V4,
    V6,
    /// Words, with `+` and `-` for bits that are one and zero.
    State,
    TcpFlags,
    Frag,
}

/// Slots that stand alone, in the order in which datapaths tell them.
const ALONE: &[(&str, Slot, Form)] = &[
    ("skb_priority", slot::SKB_PRIORITY, Form::Hex),
    ("skb_mark", slot::PKT_MARK, Form::Hex),
    ("ct_state", slot::CT_STATE, Form::State),
    ("ct_zone", slot::CT_ZONE, Form::Decimal),
    ("ct_mark", slot::CT_MARK, Form::Hex),
    ("ct_label", slot::CT_LABEL, Form::Hex),
];

/// What of a header is told, and the word for the header.
type Header = (&'static str, &'static [(&'static str, Slot, Form)]);

const TUNNEL: &[(&str, Slot, Form)] = &[
    ("tun_id", slot::TUN_ID, Form::Hex),
    ("src", slot::TUN_IPV4_SRC, Form::V4),
    ("dst", slot::TUN_IPV4_DST, Form::V4),
    ("tos", slot::TUN_TOS, Form::Hex),
    ("ttl", slot::TUN_TTL, Form::Decimal),
    ("flags", slot::TUN_FLAGS, Form::Hex),
    ("options", slot::TUN_PRESENT, Form::Hex),
];
const TUNNEL6: &[(&str, Slot, Form)] = &[
    ("tun_id", slot::TUN_ID, Form::Hex),
    ("ipv6_src", slot::TUN_SRC, Form::V6),
    ("ipv6_dst", slot::TUN_DST, Form::V6),
    ("tos", slot::TUN_TOS, Form::Hex),
    ("ttl", slot::TUN_TTL, Form::Decimal),
    ("flags", slot::TUN_FLAGS, Form::Hex),
    ("options", slot::TUN_PRESENT, Form::Hex),
];
const CT_TUPLE4: &[(&str, Slot, Form)] = &[
    ("src", slot::CT_IPV4_SRC, Form::V4),
    ("dst", slot::CT_IPV4_DST, Form::V4),
    ("proto", slot::CT_NW_PROTO, Form::Decimal),
    ("tp_src", slot::CT_TP_SRC, Form::Decimal),
    ("tp_dst", slot::CT_TP_DST, Form::Decimal),
];
const CT_TUPLE6: &[(&str, Slot, Form)] = &[
    ("src", slot::CT_NW_SRC, Form::V6),
    ("dst", slot::CT_NW_DST, Form::V6),
    ("proto", slot::CT_NW_PROTO, Form::Decimal),
    ("tp_src", slot::CT_TP_SRC, Form::Decimal),
    ("tp_dst", slot::CT_TP_DST, Form::Decimal),
];
const ETH: &[(&str, Slot, Form)] = &[("src", slot::ETH_SRC, Form::Mac), ("dst", slot::ETH_DST, Form::Mac)];
const VLAN: &[(&str, Slot, Form)] =
    &[("vid", slot::VLAN_VID, Form::Decimal), ("pcp", slot::VLAN_PCP, Form::Decimal)];
const IPV4: &[(&str, Slot, Form)] = &[
    ("src", slot::IPV4_SRC, Form::V4),
    ("dst", slot::IPV4_DST, Form::V4),
    ("proto", slot::NW_PROTO, Form::Decimal),
    ("tos", slot::NW_TOS, Form::Hex),
    ("ttl", slot::NW_TTL, Form::Decimal),
    ("frag", slot::NW_FRAG, Form::Frag),
];
const IPV6: &[(&str, Slot, Form)] = &[
    ("src", slot::NW_SRC, Form::V6),
    ("dst", slot::NW_DST, Form::V6),
    ("label", slot::IPV6_LABEL, Form::Hex),
    ("proto", slot::NW_PROTO, Form::Decimal),
    ("tclass", slot::NW_TOS, Form::Hex),
    ("hlimit", slot::NW_TTL, Form::Decimal),
    ("frag", slot::NW_FRAG, Form::Frag),
];
const ARP: &[(&str, Slot, Form)] = &[
    ("sip", slot::IPV4_SRC, Form::V4),
    ("tip", slot::IPV4_DST, Form::V4),
    ("op", slot::NW_PROTO, Form::Decimal),
    ("sha", slot::ARP_SHA, Form::Mac),
    ("tha", slot::ARP_THA, Form::Mac),
];
const PORTS: &[(&str, Slot, Form)] =
    &[("src", slot::TP_SRC, Form::Decimal), ("dst", slot::TP_DST, Form::Decimal)];
const ICMP: &[(&str, Slot, Form)] =
    &[("type", slot::TP_SRC, Form::Octet), ("code", slot::TP_DST, Form::Octet)];
const FLAGS: &[(&str, Slot, Form)] = &[("", slot::TCP_FLAGS, Form::TcpFlags)];
const ND: &[(&str, Slot, Form)] = &[
    ("target", slot::ND_TARGET, Form::V6),
    ("sll", slot::ARP_SHA, Form::Mac),
    ("tll", slot::ARP_THA, Form::Mac),
];

/// The headers of network and transport that a packet of this type has.
fn headers(kind: EtherType, proto: IpProto) -> Vec<Header> {
    if kind == EtherType::ARP || kind == EtherType::RARP {
        return vec![("arp", ARP)];
    }
    if !kind.is_ip() {
        return Vec::new();
    }
    let is_v4 = kind == EtherType::IPV4;
    let mut found: Vec<Header> = vec![if is_v4 { ("ipv4", IPV4) } else { ("ipv6", IPV6) }];
    match proto {
        IpProto::TCP => found.extend([("tcp", PORTS), ("tcp_flags", FLAGS)]),
        IpProto::UDP => found.push(("udp", PORTS)),
        IpProto::SCTP => found.push(("sctp", PORTS)),
        IpProto::ICMP if is_v4 => found.push(("icmp", ICMP)),
        IpProto::ICMP6 if !is_v4 => found.extend([("icmpv6", ICMP), ("nd", ND)]),
        _ => {}
    }
    found
}

/// How ports are called.
pub(crate) type Names<'a> = &'a dyn Fn(crate::PortId) -> String;

/// The bits of a key that a mask has, as Open vSwitch's datapaths tell them; `recirc` is the number that the packet
/// goes on with, and the port is the switch's own.
pub(crate) fn show_key(key: &FlowKey, mask: &FlowKey, recirc: u64, names: Names<'_>) -> String {
    let mut parts = Vec::new();
    // The high part of an IPv6 address is what an IPv4 one has not got.
    let is_v6 = |slot| key.get(slot) >> 32 != 0;
    let tunnel = if is_v6(slot::TUN_DST) || is_v6(slot::TUN_SRC) { TUNNEL6 } else { TUNNEL };
    parts.extend(header(("tunnel", tunnel), key, mask));
    for (name, slot, form) in ALONE {
        parts.extend(value_of(key, mask, *slot, *form).map(|value| format!("{name}({value})")));
    }
    let tuple = if is_v6(slot::CT_NW_SRC) || is_v6(slot::CT_NW_DST) {
        ("ct_tuple6", CT_TUPLE6)
    } else {
        ("ct_tuple4", CT_TUPLE4)
    };
    parts.extend(header(tuple, key, mask));
    let number = if recirc == 0 { "0".to_owned() } else { format!("{recirc:#x}") };
    parts.push(format!("recirc_id({number})"));
    if mask.get(slot::IN_PORT) != 0 {
        parts.push(format!("in_port({})", names(crate::PortId(key.get(slot::IN_PORT) as u32))));
    }
    parts.extend(header(("eth", ETH), key, mask));
    let inner = inner_parts(key, mask);
    let has_tag = key.get(slot::VLAN_TCI) & 0x1000 != 0 && mask.get(slot::VLAN_TCI) != 0;
    if has_tag {
        parts.push(format!("eth_type({:#06x})", EtherType::VLAN.0));
        parts.push(header(("vlan", VLAN), key, mask).unwrap_or_else(|| "vlan()".to_owned()));
        if !inner.is_empty() {
            parts.push(format!("encap({})", inner.join(",")));
        }
    } else {
        parts.extend(inner);
    }
    parts.join(",")
}

fn inner_parts(key: &FlowKey, mask: &FlowKey) -> Vec<String> {
    let kind = EtherType(key.get(slot::ETH_TYPE) as u16);
    let mut parts = Vec::new();
    if mask.get(slot::ETH_TYPE) != 0 {
        parts.push(format!("eth_type({:#06x})", kind.0));
    }
    let proto = IpProto(key.get(slot::NW_PROTO) as u8);
    parts.extend(headers(kind, proto).into_iter().filter_map(|part| header(part, key, mask)));
    parts
}

/// A header with what of it the mask has; `None` if that is nothing.
fn header((name, fields): Header, key: &FlowKey, mask: &FlowKey) -> Option<String> {
    let shown: Vec<String> = fields
        .iter()
        .filter_map(|(label, slot, form)| {
            let value = value_of(key, mask, *slot, *form)?;
            Some(if label.is_empty() { value } else { format!("{label}={value}") })
        })
        .collect();
    (!shown.is_empty()).then(|| format!("{name}({})", shown.join(",")))
}

/// A value, with its mask if that is not all of it; `None` without bits in the mask.
fn value_of(key: &FlowKey, mask: &FlowKey, slot: Slot, form: Form) -> Option<String> {
    let full = match slot {
        _ if matches!(form, Form::Octet) => 0xff,
        // The bit that says that there is a tag is no part of its number.
        slot::VLAN_VID => 0xfff,
        slot => slot.full_mask(),
    };
    let bits = mask.get(slot) & full;
    if bits == 0 {
        return None;
    }
    let value = key.get(slot) & full;
    Some(match form {
        Form::State => flags(&STATES, value, bits),
        Form::TcpFlags if bits == full => words(&TCP_FLAGS, value),
        Form::TcpFlags => flags(&TCP_FLAGS, value, bits),
        _ if bits == full => show_value(value, form),
        // Of fragments one bit may be looked at.
        Form::Frag => show_value(value & bits, form),
        Form::Hex | Form::Decimal | Form::Octet | Form::Mac | Form::V4 | Form::V6 => {
            let mask = if matches!(form, Form::Decimal | Form::Octet) { Form::Hex } else { form };
            format!("{}/{}", show_value(value & bits, form), show_value(bits, mask))
        }
    })
}

const STATES: [&str; 8] = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];
const TCP_FLAGS: [&str; 9] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"];

/// Bits by their names, with their values.
fn flags(names: &[&str], value: u128, bits: u128) -> String {
    let looked = names.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 != 0);
    looked.map(|(bit, name)| format!("{}{name}", if value >> bit & 1 != 0 { "+" } else { "-" })).collect()
}

/// The names of bits that are one.
fn words(names: &[&str], value: u128) -> String {
    let set = names.iter().enumerate().filter(|(bit, _)| value >> bit & 1 != 0);
    let set: Vec<&str> = set.map(|(_, name)| *name).collect();
    if set.is_empty() { "0".to_owned() } else { set.join("|") }
}

fn show_value(value: u128, form: Form) -> String {
    match form {
        Form::Hex | Form::State | Form::TcpFlags if value == 0 => "0".to_owned(),
        Form::Hex | Form::State | Form::TcpFlags => format!("{value:#x}"),
        Form::Decimal | Form::Octet => value.to_string(),
        Form::Mac => MacAddr::from_u64(value as u64).to_string(),
        Form::V4 => Ipv4Addr::from(value as u32).to_string(),
        Form::V6 => Ipv6Addr::from(value).to_string(),
        Form::Frag => match value & 3 {
            0 => "no",
            1 => "first",
            _ => "later",
        }
        .to_owned(),
    }
}

/// A program on one line, for packets of this key; `names` tells what a port is called.
pub(crate) fn show_ops(ops: &[Op], key: &FlowKey, names: Names<'_>) -> String {
    if ops.is_empty() {
        return "drop".to_owned();
    }
    ops.iter().map(|op| show_op(op, key, names)).collect::<Vec<_>>().join(",")
}

fn show_op(op: &Op, key: &FlowKey, names: Names<'_>) -> String {
    match op {
        Op::Output(port) => names(*port),
        Op::Enqueue(port, queue) => format!("set(skb_priority({queue:#x})),{}", names(*port)),
        Op::Tunnel(encap) => format!("tunnel({},remote={})", names(encap.port), encap.remote),
        Op::Punt(punt) => format!("controller(reason={:?},id={})", punt.reason, punt.controller_id),
        Op::Set(sets) => {
            let mut values = FlowKey::ZERO;
            let mut mask = FlowKey::ZERO;
            for set in sets {
                values[usize::from(set.word)] |= set.value;
                mask[usize::from(set.word)] |= set.mask;
            }
            let kind = EtherType(key.get(slot::ETH_TYPE) as u16);
            let proto = IpProto(key.get(slot::NW_PROTO) as u8);
            let parts: Vec<Header> =
                [("eth", ETH), ("vlan", VLAN)].into_iter().chain(headers(kind, proto)).collect();
            let parts = parts.into_iter().filter_map(|part| header(part, &values, &mask));
            parts.map(|part| format!("set({part})")).collect::<Vec<_>>().join(",")
        }
        Op::PushVlan { tpid, tci } => match (*tpid, tci >> 13) {
            (0x8100, pcp) => format!("push_vlan(vid={},pcp={pcp})", tci & 0xfff),
            (tpid, pcp) => format!("push_vlan(tpid={tpid:#06x},vid={},pcp={pcp})", tci & 0xfff),
        },
        Op::PopVlan => "pop_vlan".to_owned(),
        Op::Ct(ct) => show_ct(ct),
        Op::CtClear => "ct_clear".to_owned(),
        Op::Meter(gauge) => format!("meter({})", gauge.id().0),
        Op::Truncate(len) => format!("trunc({len})"),
        Op::Clone(nested) => format!("clone({})", show_ops(nested, key, names)),
        Op::CheckLarger { length, larger, smaller } => {
            format!(
                "check_pkt_len(size={length},gt({}),le({}))",
                show_ops(larger, key, names),
                show_ops(smaller, key, names)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::TlvTable;

    /// A flow as a datapath tells it.
    fn told(flow: &str) -> String {
        let matching = flow.parse().unwrap();
        let (key, mask) = crate::field::key_of_match(&matching, &TlvTable::default()).unwrap();
        show_key(&key, &mask, 0, &|port| port.0.to_string())
    }

    #[test]
    fn keys_are_told_by_their_headers() {
        for (flow, wanted) in [
            (
                "in_port=3,tcp,nw_src=10.0.0.0/24,tp_dst=80,tcp_flags=+syn-ack",
                "recirc_id(0),in_port(3),eth_type(0x0800),\
                 ipv4(src=10.0.0.0/255.255.255.0,proto=6),tcp(dst=80),tcp_flags(+syn-ack)",
            ),
            (
                "dl_vlan=5,dl_vlan_pcp=3,ipv6,ipv6_dst=fe80::1,nw_tos=0x70",
                "recirc_id(0),eth_type(0x8100),vlan(vid=5,pcp=3),\
                 encap(eth_type(0x86dd),ipv6(dst=fe80::1,tclass=0x70/0xfc))",
            ),
            (
                "arp,arp_op=1,arp_spa=1.2.3.4,dl_src=00:00:00:00:00:01",
                "recirc_id(0),eth(src=00:00:00:00:00:01),eth_type(0x0806),arp(sip=1.2.3.4,op=1)",
            ),
            (
                "ct_state=-new+est,ct_zone=4,ct_mark=0x1/0xf,icmp,icmp_type=8",
                "ct_state(-new+est),ct_zone(4),ct_mark(0x1/0xf),recirc_id(0),eth_type(0x0800),\
                 ipv4(proto=1),icmp(type=8)",
            ),
            (
                "tun_id=5,tun_src=1.1.1.1,pkt_mark=7,ip,nw_frag=no",
                "tunnel(tun_id=0x5,src=1.1.1.1),skb_mark(0x7),recirc_id(0),eth_type(0x0800),ipv4(frag=no)",
            ),
        ] {
            assert_eq!(told(flow), wanted, "{flow}");
        }
    }
}
