//! Fields that are written together.

use openflow::Field;

/// What a packet loses when it becomes one of another protocol: all above Ethernet and VLAN.
pub(crate) const ABOVE_LINK: &[Field] = &[
    Field::Ipv4Src,
    Field::Ipv4Dst,
    Field::Ipv6Src,
    Field::Ipv6Dst,
    Field::Ipv6Label,
    Field::IpProto,
    Field::IpTtl,
    Field::IpFrag,
    Field::IpDscp,
    Field::IpEcn,
    Field::TcpSrc,
    Field::TcpDst,
    Field::TcpFlags,
    Field::UdpSrc,
    Field::UdpDst,
    Field::SctpSrc,
    Field::SctpDst,
    Field::Icmp4Type,
    Field::Icmp4Code,
    Field::Icmp6Type,
    Field::Icmp6Code,
    Field::NdTarget,
    Field::NdSll,
    Field::NdTll,
];

/// What connection tracking says of a packet.
pub(crate) const TRACKING: &[Field] = &[
    Field::CtState,
    Field::CtMark,
    Field::CtLabel,
    Field::CtNwProto,
    Field::CtNwSrc,
    Field::CtNwDst,
    Field::CtIpv6Src,
    Field::CtIpv6Dst,
    Field::CtTpSrc,
    Field::CtTpDst,
];
