//! Matches as `ovs-ofctl` writes them: `tcp,reg14=0x1,nw_src=10.0.0.0/24,tp_dst=80`.

use super::error::{Error, Result};
use super::style::Style;
use super::value::{masked_text, parse_masked};
use crate::{Field, Match, MatchField};
use std::fmt;

/// A word for a layer 3 or 4 protocol: Ethernet type and IP protocol.
const PROTOCOLS: &[(&str, u128, Option<u128>)] = &[
    ("icmp", 0x0800, Some(1)),
    ("tcp", 0x0800, Some(6)),
    ("udp", 0x0800, Some(17)),
    ("sctp", 0x0800, Some(132)),
    ("ip", 0x0800, None),
    ("icmp6", 0x86dd, Some(58)),
    ("tcp6", 0x86dd, Some(6)),
    ("udp6", 0x86dd, Some(17)),
    ("sctp6", 0x86dd, Some(132)),
    ("ipv6", 0x86dd, None),
    ("arp", 0x0806, None),
    ("rarp", 0x8035, None),
    ("mpls", 0x8847, None),
    ("mplsm", 0x8848, None),
];

/// Other words for a protocol.
const PROTOCOL_ALIASES: &[(&str, &str)] =
    &[("ip4", "ip"), ("icmpv6", "icmp6"), ("icmp4", "icmp"), ("ip6", "ipv6")];

/// The order in which the fields of a packet are written, after protocol, registers, tunnel, metadata and VLAN.
const PACKET_ORDER: &[Field] = &[
    Field::EthSrc,
    Field::EthDst,
    Field::EthType,
    Field::Ipv6Src,
    Field::Ipv6Dst,
    Field::Ipv6Label,
    Field::Ipv4Src,
    Field::Ipv4Dst,
    Field::ArpSpa,
    Field::ArpTpa,
    Field::IpProto,
    Field::ArpOp,
    Field::ArpSha,
    Field::ArpTha,
    Field::NshFlags,
    Field::NshTtl,
    Field::NshMdtype,
    Field::NshNp,
    Field::NshSpi,
    Field::NshSi,
    Field::NshC1,
    Field::NshC2,
    Field::NshC3,
    Field::NshC4,
    Field::IpDscp,
    Field::IpEcn,
    Field::IpTtl,
    Field::MplsLabel,
    Field::MplsTc,
    Field::MplsTtl,
    Field::MplsBos,
    Field::IpFrag,
    Field::Icmp4Type,
    Field::Icmp4Code,
    Field::Icmp6Type,
    Field::Icmp6Code,
    Field::NdTarget,
    Field::NdSll,
    Field::NdTll,
    Field::NdReserved,
    Field::NdOptionsType,
    Field::TcpSrc,
    Field::UdpSrc,
    Field::SctpSrc,
    Field::TcpDst,
    Field::UdpDst,
    Field::SctpDst,
    Field::TcpFlags,
];

/// What comes before the protocol.
const HEAD_ORDER: &[Field] = &[
    Field::PktMark,
    Field::RecircId,
    Field::DpHash,
    Field::ConjId,
    Field::SkbPriority,
    Field::ActsetOutput,
    Field::CtState,
    Field::CtZone,
    Field::CtMark,
    Field::CtLabel,
    Field::CtNwSrc,
    Field::CtIpv6Src,
    Field::CtNwDst,
    Field::CtIpv6Dst,
    Field::CtNwProto,
    Field::CtTpSrc,
    Field::CtTpDst,
    Field::PacketType,
];

/// The tunnel, after the registers.
const TUNNEL_ORDER: &[Field] = &[
    Field::TunId,
    Field::TunSrc,
    Field::TunDst,
    Field::TunIpv6Src,
    Field::TunIpv6Dst,
    Field::TunGbpId,
    Field::TunGbpFlags,
    Field::TunTos,
    Field::TunTtl,
    Field::TunErspanVer,
    Field::TunErspanIdx,
    Field::TunErspanDir,
    Field::TunErspanHwid,
    Field::TunGtpuFlags,
    Field::TunGtpuMsgtype,
    Field::TunFlags,
];

/// The short name that matches use.
fn match_name(field: Field) -> String {
    let name = match field {
        Field::InPort => "in_port",
        Field::EthSrc => "dl_src",
        Field::EthDst => "dl_dst",
        Field::EthType => "dl_type",
        Field::Ipv4Src => "nw_src",
        Field::Ipv4Dst => "nw_dst",
        Field::IpFrag => "nw_frag",
        Field::Icmp6Type => "icmp_type",
        Field::Icmp6Code => "icmp_code",
        Field::TcpSrc | Field::UdpSrc | Field::SctpSrc => "tp_src",
        Field::TcpDst | Field::UdpDst | Field::SctpDst => "tp_dst",
        other => return other.to_string(),
    };
    name.to_owned()
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&parts(self, Style::default()).join(","))
    }
}

/// The tests of the match in the order of text.
pub(super) fn parts(m: &Match, style: Style<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    let one = |f: MatchField| match f.field {
        Field::CtZone => format!("ct_zone={}", f.value),
        Field::InPort => format!("in_port={}", style.port(crate::PortNo(f.value as u32))),
        field => format!("{}={}", match_name(field), masked_text(field, f.value, f.mask)),
    };
    parts.extend(HEAD_ORDER.iter().filter_map(|&f| m.get(f)).map(one));
    let protocol = protocol(m);
    parts.extend(protocol.map(|(name, ..)| name.to_owned()));
    parts.extend(m.iter().filter(|f| matches!(f.field, Field::Reg(_))).map(one));
    parts.extend(TUNNEL_ORDER.iter().filter_map(|&f| m.get(f)).map(one));
    parts.extend(m.iter().filter(|f| matches!(f.field, Field::TunMetadata(_))).map(one));
    parts.extend([Field::Metadata, Field::InPort].into_iter().filter_map(|f| m.get(f)).map(one));
    parts.extend(m.get(Field::VlanTci).into_iter().flat_map(vlan_parts));
    for &field in PACKET_ORDER {
        let said = match (field, protocol) {
            (Field::EthType, Some(_)) | (Field::IpProto, Some((.., Some(_)))) => true,
            (_, Some(_) | None) => false,
        };
        match m.get(field) {
            Some(_) if said => {}
            Some(f) if field == Field::IpDscp => parts.push(format!("nw_tos={}", f.value << 2)),
            Some(f) if ports(field) && f.mask != 0xffff => {
                parts.push(format!("{}={:#x}/{:#x}", match_name(field), f.value, f.mask));
            }
            Some(f) => parts.push(one(f)),
            None => {}
        }
    }
    parts
}

const fn ports(field: Field) -> bool {
    matches!(
        field,
        Field::TcpSrc | Field::TcpDst | Field::UdpSrc | Field::UdpDst | Field::SctpSrc | Field::SctpDst
    )
}

/// The word that says the Ethernet type and, if there is one for it, the IP protocol.
fn protocol(m: &Match) -> Option<(&'static str, u128, Option<u128>)> {
    let eth_type = m.exact(Field::EthType)?;
    let proto = m.exact(Field::IpProto);
    let of_type = || PROTOCOLS.iter().filter(|(_, t, _)| *t == eth_type);
    of_type()
        .find(|(.., p)| p.is_some() && *p == proto)
        .or_else(|| of_type().find(|(.., p)| p.is_none()))
        .copied()
}

fn vlan_parts(f: MatchField) -> Vec<String> {
    let (value, mask) = (f.value, f.mask);
    let vid = format!("dl_vlan={}", value & 0xfff);
    let pcp = format!("dl_vlan_pcp={}", value >> 13);
    match mask {
        0x1fff if value & 0x1000 != 0 => vec![vid],
        0xf000 if value & 0x1000 != 0 => vec![pcp],
        0xffff if value & 0x1000 != 0 => vec![vid, pcp],
        0xffff => vec![format!("vlan_tci={value:#06x}")],
        _ => vec![format!("vlan_tci={value:#06x}/{mask:#06x}")],
    }
}

/// Takes one part of a match: a protocol, or a field and its value. The protocol must have been said before what
/// depends on it (`tp_src`, `icmp_type`).
pub(super) fn parse_part(m: &mut Match, name: &str, value: Option<&str>) -> Result<()> {
    let expected = || Error::new(name, "a field or a protocol");
    let Some(value) = value else {
        let name = PROTOCOL_ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
        let &(_, eth_type, proto) = PROTOCOLS.iter().find(|(n, ..)| *n == name).ok_or_else(expected)?;
        m.set(Field::EthType, eth_type);
        if let Some(proto) = proto {
            m.set(Field::IpProto, proto);
        }
        return Ok(());
    };
    let bad_value = || Error::new(value, &format!("a value of {name}"));
    let number = || super::value::parse_number(value).ok_or_else(bad_value);
    match name {
        "dl_vlan" => match number()? {
            0xffff => m.set_masked(Field::VlanTci, 0, 0x1fff),
            vid if vid <= 0xfff => m.set_masked(Field::VlanTci, vid | 0x1000, 0x1fff),
            _ => return Err(bad_value()),
        },
        "dl_vlan_pcp" if number()? <= 7 => m.set_masked(Field::VlanTci, number()? << 13 | 0x1000, 0xf000),
        "dl_vlan_pcp" => return Err(bad_value()),
        "nw_tos" | "ip_tos" if number()? & !0xfc != 0 => return Err(bad_value()),
        _ => {
            let field = match_field(m, name).ok_or_else(expected)?;
            let (value, mask) = parse_masked(field, value).ok_or_else(bad_value)?;
            if mask != field.full_mask() && field.maskable() == crate::Maskable::No {
                return Err(Error::new(name, "no mask on this field"));
            }
            m.set_masked(field, value, mask);
        }
    }
    Ok(())
}

/// The field that a name means in a match, which for ports and ICMP depends on the protocol.
fn match_field(m: &Match, name: &str) -> Option<Field> {
    let proto = m.exact(Field::IpProto);
    let v6 = m.exact(Field::EthType) == Some(0x86dd);
    let arp = matches!(m.exact(Field::EthType), Some(0x0806 | 0x8035));
    Some(match (name, proto) {
        ("in_port", _) => Field::InPort,
        ("nw_src", _) if arp => Field::ArpSpa,
        ("nw_dst", _) if arp => Field::ArpTpa,
        ("nw_proto", _) if arp => Field::ArpOp,
        ("nw_frag", _) => Field::IpFrag,
        ("tp_src", Some(17)) => Field::UdpSrc,
        ("tp_dst", Some(17)) => Field::UdpDst,
        ("tp_src", Some(132)) => Field::SctpSrc,
        ("tp_dst", Some(132)) => Field::SctpDst,
        ("icmp_type", _) if v6 => Field::Icmp6Type,
        ("icmp_code", _) if v6 => Field::Icmp6Code,
        _ => name.parse().ok()?,
    })
}
