//! What OpenFlow 1.0 writes in its own way: the fixed match of 40 octets, which is only read (this crate writes
//! NXM, which can say all), and the NXM match.

use super::octets::{Put, Reader, Result};
use super::oxm::{self, HeaderStyle, Unknown};
use crate::{ErrorCode, Field, Match, PortNo};

/// Bits of `wildcards`.
mod wild {
    pub(super) const IN_PORT: u32 = 1;
    pub(super) const DL_VLAN: u32 = 1 << 1;
    pub(super) const DL_SRC: u32 = 1 << 2;
    pub(super) const DL_DST: u32 = 1 << 3;
    pub(super) const DL_TYPE: u32 = 1 << 4;
    pub(super) const NW_PROTO: u32 = 1 << 5;
    pub(super) const TP_SRC: u32 = 1 << 6;
    pub(super) const TP_DST: u32 = 1 << 7;
    pub(super) const NW_SRC_SHIFT: u32 = 8;
    pub(super) const NW_DST_SHIFT: u32 = 14;
    pub(super) const DL_VLAN_PCP: u32 = 1 << 20;
    pub(super) const NW_TOS: u32 = 1 << 21;
}

/// `dl_vlan` for packets without a tag.
const VLAN_NONE: u16 = 0xffff;

/// The fixed match of section 5.2.3. What its layer 3 type does not have is ignored, as the section says.
pub(super) fn read_match(r: &mut Reader<'_>) -> Result<Match> {
    let wildcards = r.u32()?;
    let exact = |bit| wildcards & bit == 0;
    let mut m = Match::any();
    let in_port = r.u16()?;
    if exact(wild::IN_PORT) {
        m.set(Field::InPort, PortNo::from_u16(in_port).0);
    }
    for (bit, field) in [(wild::DL_SRC, Field::EthSrc), (wild::DL_DST, Field::EthDst)] {
        let [a, b, c, d, e, f] = r.array()?;
        if exact(bit) {
            m.set(field, u64::from_be_bytes([0, 0, a, b, c, d, e, f]));
        }
    }
    let (vid, pcp) = (r.u16()?, r.u8()?);
    read_vlan(&mut m, exact(wild::DL_VLAN).then_some(vid), exact(wild::DL_VLAN_PCP).then_some(pcp));
    r.skip(1)?;
    let eth_type = r.u16()?;
    let (tos, proto) = (r.u8()?, r.u8()?);
    r.skip(2)?;
    let (src, dst, tp_src, tp_dst) = (r.u32()?, r.u32()?, r.u16()?, r.u16()?);
    if exact(wild::DL_TYPE) {
        m.set(Field::EthType, eth_type);
        let proto = exact(wild::NW_PROTO).then_some(proto);
        let fields = layer3(&mut m, eth_type, exact(wild::NW_TOS).then_some(tos), proto);
        if let Some((src_field, dst_field)) = fields {
            m.set_masked(src_field, src.into(), prefix(wildcards >> wild::NW_SRC_SHIFT));
            m.set_masked(dst_field, dst.into(), prefix(wildcards >> wild::NW_DST_SHIFT));
        }
        if let Some((src_field, dst_field)) = layer4(eth_type, proto) {
            if exact(wild::TP_SRC) {
                m.set(src_field, tp_src);
            }
            if exact(wild::TP_DST) {
                m.set(dst_field, tp_dst);
            }
        }
    }
    Ok(m)
}

fn read_vlan(m: &mut Match, vid: Option<u16>, pcp: Option<u8>) {
    match (vid, pcp) {
        (Some(VLAN_NONE), _) => m.set_masked(Field::VlanTci, 0, 0x1000),
        (Some(vid), None) => m.set_masked(Field::VlanTci, u128::from(vid & 0xfff | 0x1000), 0x1fff),
        (None, Some(pcp)) => m.set_masked(Field::VlanTci, u128::from(pcp & 7) << 13 | 0x1000, 0xf000),
        (Some(vid), Some(pcp)) => {
            m.set_masked(
                Field::VlanTci,
                u128::from(pcp & 7) << 13 | u128::from(vid & 0xfff | 0x1000),
                0xffff,
            );
        }
        (None, None) => {}
    }
}

/// A count of ignored low bits, 32 and more for all, as a mask.
fn prefix(ignored: u32) -> u128 {
    u128::from(u32::MAX.checked_shl(ignored & 0x3f).unwrap_or(0))
}

fn layer3(m: &mut Match, eth_type: u16, tos: Option<u8>, proto: Option<u8>) -> Option<(Field, Field)> {
    match eth_type {
        0x0800 => {
            if let Some(tos) = tos {
                m.set(Field::IpTos, tos & 0xfc);
            }
            if let Some(proto) = proto {
                m.set(Field::IpProto, proto);
            }
            Some((Field::Ipv4Src, Field::Ipv4Dst))
        }
        0x0806 => {
            if let Some(op) = proto {
                m.set(Field::ArpOp, op);
            }
            Some((Field::ArpSpa, Field::ArpTpa))
        }
        _ => None,
    }
}

const fn layer4(eth_type: u16, proto: Option<u8>) -> Option<(Field, Field)> {
    match (eth_type, proto) {
        (0x0800, Some(6)) => Some((Field::TcpSrc, Field::TcpDst)),
        (0x0800, Some(17)) => Some((Field::UdpSrc, Field::UdpDst)),
        (0x0800, Some(132)) => Some((Field::SctpSrc, Field::SctpDst)),
        (0x0800, Some(1)) => Some((Field::Icmp4Type, Field::Icmp4Code)),
        _ => None,
    }
}

/// An NXM match, whose length is said elsewhere; padded to 8 octets.
pub(super) fn read_nxm(r: &mut Reader<'_>, length: usize) -> Result<Match> {
    let mut body = r.sub(length)?.with_short(ErrorCode::NXM_INVALID);
    r.skip(length.next_multiple_of(8) - length)?;
    oxm::read_entries(&mut body, Unknown::Refuse)
}

/// Writes the entries padded, and puts their length into the two octets at `length_at`.
pub(super) fn put_nxm(out: &mut Vec<u8>, length_at: usize, m: &Match) {
    let start = out.len();
    oxm::put_entries(out, HeaderStyle::Nxm, m);
    out.patch_len(length_at, start);
    out.pad8(start);
}
