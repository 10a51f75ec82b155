//! The long names of fields, by which actions that name bits of fields are written: `NXM_NX_REG0[0..15]`.

use crate::{Field, Subfield};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

/// The name of the Nicira header, or of the standard one where there is no other; the families follow below.
const LONG: &[(Field, &str)] = &[
    (Field::PacketType, "OXM_OF_PACKET_TYPE"),
    (Field::ConjId, "NXM_NX_CONJ_ID"),
    (Field::DpHash, "NXM_NX_DP_HASH"),
    (Field::RecircId, "NXM_NX_RECIRC_ID"),
    (Field::TunId, "NXM_NX_TUN_ID"),
    (Field::TunSrc, "NXM_NX_TUN_IPV4_SRC"),
    (Field::TunDst, "NXM_NX_TUN_IPV4_DST"),
    (Field::TunIpv6Src, "NXM_NX_TUN_IPV6_SRC"),
    (Field::TunIpv6Dst, "NXM_NX_TUN_IPV6_DST"),
    (Field::TunFlags, "NXM_NX_TUN_FLAGS"),
    (Field::TunTtl, "tun_ttl"),
    (Field::TunTos, "tun_tos"),
    (Field::TunGbpId, "NXM_NX_TUN_GBP_ID"),
    (Field::TunGbpFlags, "NXM_NX_TUN_GBP_FLAGS"),
    (Field::TunErspanIdx, "NXOXM_ET_ERSPAN_IDX"),
    (Field::TunErspanVer, "NXOXM_ET_ERSPAN_VER"),
    (Field::TunErspanDir, "NXOXM_ET_ERSPAN_DIR"),
    (Field::TunErspanHwid, "NXOXM_ET_ERSPAN_HWID"),
    (Field::TunGtpuFlags, "NXOXM_ET_GTPU_FLAGS"),
    (Field::TunGtpuMsgtype, "NXOXM_ET_GTPU_MSGTYPE"),
    (Field::Metadata, "OXM_OF_METADATA"),
    (Field::InPort, "OXM_OF_IN_PORT"),
    (Field::InPort16, "NXM_OF_IN_PORT"),
    (Field::ActsetOutput, "OXM_OF_ACTSET_OUTPUT"),
    (Field::SkbPriority, "skb_priority"),
    (Field::PktMark, "NXM_NX_PKT_MARK"),
    (Field::CtState, "NXM_NX_CT_STATE"),
    (Field::CtZone, "NXM_NX_CT_ZONE"),
    (Field::CtMark, "NXM_NX_CT_MARK"),
    (Field::CtLabel, "NXM_NX_CT_LABEL"),
    (Field::CtNwProto, "NXM_NX_CT_NW_PROTO"),
    (Field::CtNwSrc, "NXM_NX_CT_NW_SRC"),
    (Field::CtNwDst, "NXM_NX_CT_NW_DST"),
    (Field::CtIpv6Src, "NXM_NX_CT_IPV6_SRC"),
    (Field::CtIpv6Dst, "NXM_NX_CT_IPV6_DST"),
    (Field::CtTpSrc, "NXM_NX_CT_TP_SRC"),
    (Field::CtTpDst, "NXM_NX_CT_TP_DST"),
    (Field::EthSrc, "NXM_OF_ETH_SRC"),
    (Field::EthDst, "NXM_OF_ETH_DST"),
    (Field::EthType, "NXM_OF_ETH_TYPE"),
    (Field::VlanTci, "NXM_OF_VLAN_TCI"),
    (Field::VlanVid, "OXM_OF_VLAN_VID"),
    (Field::VlanPcp, "OXM_OF_VLAN_PCP"),
    (Field::MplsLabel, "OXM_OF_MPLS_LABEL"),
    (Field::MplsTc, "OXM_OF_MPLS_TC"),
    (Field::MplsBos, "OXM_OF_MPLS_BOS"),
    (Field::MplsTtl, "NXM_NX_MPLS_TTL"),
    (Field::Ipv4Src, "NXM_OF_IP_SRC"),
    (Field::Ipv4Dst, "NXM_OF_IP_DST"),
    (Field::Ipv6Src, "NXM_NX_IPV6_SRC"),
    (Field::Ipv6Dst, "NXM_NX_IPV6_DST"),
    (Field::Ipv6Label, "NXM_NX_IPV6_LABEL"),
    (Field::IpProto, "NXM_OF_IP_PROTO"),
    (Field::IpTtl, "NXM_NX_IP_TTL"),
    (Field::IpFrag, "NXM_NX_IP_FRAG"),
    (Field::IpDscp, "OXM_OF_IP_DSCP"),
    (Field::IpTos, "NXM_OF_IP_TOS"),
    (Field::IpEcn, "NXM_NX_IP_ECN"),
    (Field::ArpOp, "NXM_OF_ARP_OP"),
    (Field::ArpSpa, "NXM_OF_ARP_SPA"),
    (Field::ArpTpa, "NXM_OF_ARP_TPA"),
    (Field::ArpSha, "NXM_NX_ARP_SHA"),
    (Field::ArpTha, "NXM_NX_ARP_THA"),
    (Field::NshFlags, "NXOXM_NSH_FLAGS"),
    (Field::NshMdtype, "NXOXM_NSH_MDTYPE"),
    (Field::NshNp, "NXOXM_NSH_NP"),
    (Field::NshSpi, "NXOXM_NSH_SPI"),
    (Field::NshSi, "NXOXM_NSH_SI"),
    (Field::NshC1, "NXOXM_NSH_C1"),
    (Field::NshC2, "NXOXM_NSH_C2"),
    (Field::NshC3, "NXOXM_NSH_C3"),
    (Field::NshC4, "NXOXM_NSH_C4"),
    (Field::NshTtl, "NXOXM_NSH_TTL"),
    (Field::TcpSrc, "NXM_OF_TCP_SRC"),
    (Field::TcpDst, "NXM_OF_TCP_DST"),
    (Field::TcpFlags, "NXM_NX_TCP_FLAGS"),
    (Field::UdpSrc, "NXM_OF_UDP_SRC"),
    (Field::UdpDst, "NXM_OF_UDP_DST"),
    (Field::SctpSrc, "OXM_OF_SCTP_SRC"),
    (Field::SctpDst, "OXM_OF_SCTP_DST"),
    (Field::Icmp4Type, "NXM_OF_ICMP_TYPE"),
    (Field::Icmp4Code, "NXM_OF_ICMP_CODE"),
    (Field::Icmp6Type, "NXM_NX_ICMPV6_TYPE"),
    (Field::Icmp6Code, "NXM_NX_ICMPV6_CODE"),
    (Field::NdTarget, "NXM_NX_ND_TARGET"),
    (Field::NdSll, "NXM_NX_ND_SLL"),
    (Field::NdTll, "NXM_NX_ND_TLL"),
    (Field::NdReserved, "ERICOXM_OF_ICMPV6_ND_RESERVED"),
    (Field::NdOptionsType, "ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE"),
];

pub(super) fn long_name(field: Field) -> Cow<'static, str> {
    static BY_FIELD: OnceLock<HashMap<Field, &'static str>> = OnceLock::new();
    match field {
        Field::TunMetadata(n) => format!("NXM_NX_TUN_METADATA{n}").into(),
        Field::Reg(n) => format!("NXM_NX_REG{n}").into(),
        Field::XReg(n) => format!("OXM_OF_PKT_REG{n}").into(),
        Field::XXReg(n) => format!("NXM_NX_XXREG{n}").into(),
        other => BY_FIELD
            .get_or_init(|| LONG.iter().copied().collect())
            .get(&other)
            .copied()
            .unwrap_or_default()
            .into(),
    }
}

/// Names of the standard for fields whose long name is Nicira's.
const STANDARD: [(&str, Field); 30] = [
    ("OXM_OF_TUNNEL_ID", Field::TunId),
    ("OXM_OF_ETH_DST", Field::EthDst),
    ("OXM_OF_ETH_SRC", Field::EthSrc),
    ("OXM_OF_ETH_TYPE", Field::EthType),
    ("OXM_OF_IP_ECN", Field::IpEcn),
    ("OXM_OF_IP_PROTO", Field::IpProto),
    ("OXM_OF_IPV4_SRC", Field::Ipv4Src),
    ("OXM_OF_IPV4_DST", Field::Ipv4Dst),
    ("OXM_OF_TCP_SRC", Field::TcpSrc),
    ("OXM_OF_TCP_DST", Field::TcpDst),
    ("OXM_OF_TCP_FLAGS", Field::TcpFlags),
    ("ONFOXM_ET_TCP_FLAGS", Field::TcpFlags),
    ("OXM_OF_UDP_SRC", Field::UdpSrc),
    ("OXM_OF_UDP_DST", Field::UdpDst),
    ("OXM_OF_ICMPV4_TYPE", Field::Icmp4Type),
    ("OXM_OF_ICMPV4_CODE", Field::Icmp4Code),
    ("OXM_OF_ARP_OP", Field::ArpOp),
    ("OXM_OF_ARP_SPA", Field::ArpSpa),
    ("OXM_OF_ARP_TPA", Field::ArpTpa),
    ("OXM_OF_ARP_SHA", Field::ArpSha),
    ("OXM_OF_ARP_THA", Field::ArpTha),
    ("OXM_OF_IPV6_SRC", Field::Ipv6Src),
    ("OXM_OF_IPV6_DST", Field::Ipv6Dst),
    ("OXM_OF_IPV6_FLABEL", Field::Ipv6Label),
    ("OXM_OF_ICMPV6_TYPE", Field::Icmp6Type),
    ("OXM_OF_ICMPV6_CODE", Field::Icmp6Code),
    ("OXM_OF_IPV6_ND_TARGET", Field::NdTarget),
    ("OXM_OF_IPV6_ND_SLL", Field::NdSll),
    ("OXM_OF_IPV6_ND_TLL", Field::NdTll),
    ("ONFOXM_ET_ACTSET_OUTPUT", Field::ActsetOutput),
];

/// The field with this name, long or short.
pub(super) fn field_named(name: &str) -> Option<Field> {
    static LONG: OnceLock<HashMap<String, Field>> = OnceLock::new();
    let long = LONG.get_or_init(|| {
        let own = Field::all().into_iter().map(|f| (long_name(f).into_owned(), f));
        own.chain(STANDARD.iter().map(|&(name, f)| (name.to_owned(), f))).collect()
    });
    long.get(name).copied().or_else(|| name.parse().ok())
}

/// `NAME[]` for the whole field, `NAME[3]` for a bit, `NAME[0..15]` for more.
pub(super) fn bits_text(bits: Subfield) -> String {
    let name = long_name(bits.field);
    match bits {
        _ if bits.is_whole() => format!("{name}[]"),
        Subfield { offset, bits: 1, .. } => format!("{name}[{offset}]"),
        Subfield { offset, bits, .. } => format!("{name}[{offset}..{}]", offset + bits - 1),
    }
}

/// As actions name it.
impl std::fmt::Display for Subfield {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&bits_text(*self))
    }
}

/// Reads [`bits_text`]; without brackets the whole field is meant.
pub(super) fn parse_bits(text: &str) -> Option<Subfield> {
    let Some((name, range)) = text.split_once('[') else { return field_named(text).map(Subfield::whole) };
    let field = field_named(name)?;
    let range = range.strip_suffix(']')?;
    if range.is_empty() {
        return Some(Subfield::whole(field));
    }
    let (first, last) = range.split_once("..").unwrap_or((range, range));
    let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
    (first <= last && last < field.bits()).then(|| Subfield::new(field, first, last - first + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_long_name_that_leads_back_to_it() {
        for field in Field::all() {
            assert_eq!(field_named(&long_name(field)), Some(field), "{field}");
        }
    }
}
