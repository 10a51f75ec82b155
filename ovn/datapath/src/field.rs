//! Where the fields of OpenFlow lie in the flow key, and when they exist.

use openflow::{ErrorCode, Field, Match, Prereq, Subfield};
use packet::key::{FlowKey, Slot, slot};
use packet::{EtherType, Icmp6, IpProto};

use crate::tlv::TlvTable;

/// A field, or some bits of one, ready to be read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where the whole field is.
    pub slot: Slot,
    /// First bit, counted from the lowest of the field.
    pub offset: u8,
    /// How many bits.
    pub bits: u8,
    /// The tunnel option that becomes present when this is written.
    pub option: Option<u8>,
    /// What must be true of the packet.
    pub prereq: Prereq,
}

impl Place {
    /// The bits of a key, right-aligned.
    pub(crate) fn get(&self, key: &FlowKey) -> u128 {
        (key.get(self.slot) & self.mask()) >> self.offset
    }

    /// The mask of this place in its slot.
    pub(crate) fn mask(&self) -> u128 {
        let bits = low_bits(self.bits) << self.offset;
        // The octet is a field for its six bits of DSCP alone: ECN reads as zero and stays as it is.
        if self.slot == slot::NW_TOS { bits & 0xfc } else { bits }
    }
}

pub(crate) const fn low_bits(bits: u8) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

/// The fields that this switch does not have. A pattern, so that the compiler counts them along with the others.
macro_rules! absent {
    () => {
        Field::PacketType
            | Field::DpHash
            | Field::RecircId
            | Field::ActsetOutput
            | Field::TunGtpuFlags
            | Field::TunGtpuMsgtype
            | Field::MplsLabel
            | Field::MplsTc
            | Field::MplsBos
            | Field::MplsTtl
            | Field::NshFlags
            | Field::NshMdtype
            | Field::NshNp
            | Field::NshSpi
            | Field::NshSi
            | Field::NshC1
            | Field::NshC2
            | Field::NshC3
            | Field::NshC4
            | Field::NshTtl
            | Field::NdReserved
            | Field::NdOptionsType
    };
}

/// Where a field lies. `None` for fields that this switch does not have (MPLS, NSH, GTP-U, ...), and
/// for tunnel options that are not in the table.
pub(crate) fn slot_of(field: Field, tlv: &TlvTable) -> Option<Slot> {
    Some(match field {
        Field::ConjId => slot::CONJ_ID,
        Field::TunId => slot::TUN_ID,
        Field::TunSrc => slot::TUN_IPV4_SRC,
        Field::TunDst => slot::TUN_IPV4_DST,
        Field::TunIpv6Src => slot::TUN_SRC,
        Field::TunIpv6Dst => slot::TUN_DST,
        Field::TunFlags => slot::TUN_FLAGS,
        Field::TunTtl => slot::TUN_TTL,
        Field::TunTos => slot::TUN_TOS,
        Field::TunGbpId => slot::TUN_GBP_ID,
        Field::TunGbpFlags => slot::TUN_GBP_FLAGS,
        Field::TunErspanIdx => slot::TUN_ERSPAN_IDX,
        Field::TunErspanVer => slot::TUN_ERSPAN_VER,
        Field::TunErspanDir => slot::TUN_ERSPAN_DIR,
        Field::TunErspanHwid => slot::TUN_ERSPAN_HWID,
        Field::TunMetadata(n) => tlv.slot(n)?,
        Field::Metadata => slot::METADATA,
        Field::Reg(n) => slot::reg(n),
        Field::XReg(n) => slot::xreg(n),
        Field::XXReg(n) => slot::xxreg(n),
        Field::InPort | Field::InPort16 => slot::IN_PORT,
        Field::SkbPriority => slot::SKB_PRIORITY,
        Field::PktMark => slot::PKT_MARK,
        Field::CtState => slot::CT_STATE,
        Field::CtZone => slot::CT_ZONE,
        Field::CtMark => slot::CT_MARK,
        Field::CtLabel => slot::CT_LABEL,
        Field::CtNwProto => slot::CT_NW_PROTO,
        Field::CtNwSrc => slot::CT_IPV4_SRC,
        Field::CtNwDst => slot::CT_IPV4_DST,
        Field::CtIpv6Src => slot::CT_NW_SRC,
        Field::CtIpv6Dst => slot::CT_NW_DST,
        Field::CtTpSrc => slot::CT_TP_SRC,
        Field::CtTpDst => slot::CT_TP_DST,
        Field::EthSrc => slot::ETH_SRC,
        Field::EthDst => slot::ETH_DST,
        Field::EthType => slot::ETH_TYPE,
        Field::VlanTci => slot::VLAN_TCI,
        Field::VlanVid => slot::VLAN_VID,
        Field::VlanPcp => slot::VLAN_PCP,
        Field::Ipv4Src | Field::ArpSpa => slot::IPV4_SRC,
        Field::Ipv4Dst | Field::ArpTpa => slot::IPV4_DST,
        Field::Ipv6Src => slot::NW_SRC,
        Field::Ipv6Dst => slot::NW_DST,
        Field::Ipv6Label => slot::IPV6_LABEL,
        Field::IpProto | Field::ArpOp => slot::NW_PROTO,
        Field::IpTtl => slot::NW_TTL,
        Field::IpFrag => slot::NW_FRAG,
        Field::IpDscp => slot::NW_DSCP,
        Field::IpTos => slot::NW_TOS,
        Field::IpEcn => slot::NW_ECN,
        Field::ArpSha | Field::NdSll => slot::ARP_SHA,
        Field::ArpTha | Field::NdTll => slot::ARP_THA,
        Field::TcpSrc | Field::UdpSrc | Field::SctpSrc | Field::Icmp4Type | Field::Icmp6Type => slot::TP_SRC,
        Field::TcpDst | Field::UdpDst | Field::SctpDst | Field::Icmp4Code | Field::Icmp6Code => slot::TP_DST,
        Field::TcpFlags => slot::TCP_FLAGS,
        Field::NdTarget => slot::ND_TARGET,
        absent!() => return None,
    })
}

/// Where some bits of a field lie.
///
/// # Errors
/// `BAD_SET_TYPE`-like codes are the caller's to choose; here `None` says that the switch has no such
/// field or that the bits go beyond it.
pub(crate) fn place_of(sub: Subfield, tlv: &TlvTable) -> Option<Place> {
    let slot = slot_of(sub.field, tlv)?;
    let option = match sub.field {
        Field::TunMetadata(n) => Some(n),
        _ => None,
    };
    // A tunnel option has the width of the table, not the widest there can be; the wire says a
    // whole option as the widest. Of an ARP operation the key keeps the eight bits that are in use.
    let narrow = option.is_some() || sub.field == Field::ArpOp;
    let bits = if narrow && sub.offset == 0 && sub.bits > u16::from(slot.bits) {
        slot.bits
    } else {
        u8::try_from(sub.bits).ok()?
    };
    let offset = u8::try_from(sub.offset).ok()?;
    if bits == 0 || u16::from(offset) + u16::from(bits) > u16::from(slot.bits) {
        return None;
    }
    Some(Place { slot, offset, bits, option, prereq: sub.field.prereq() })
}

/// A match as bits of the key: what they must be, and which count.
///
/// # Errors
/// `BAD_FIELD` for a field that this switch does not have, `BAD_VALUE` for a value that no packet
/// can have.
pub(crate) fn key_of_match(matching: &Match, tlv: &TlvTable) -> Result<(FlowKey, FlowKey), ErrorCode> {
    let mut value = FlowKey::ZERO;
    let mut mask = FlowKey::ZERO;
    for test in matching.iter() {
        if test.field == Field::PacketType {
            // Ethernet, 0 in its name space 0: all that this switch forwards.
            if test.value != 0 {
                return Err(ErrorCode::BAD_VALUE);
            }
            continue;
        }
        let slot = slot_of(test.field, tlv).ok_or(ErrorCode::BAD_FIELD)?;
        if test.value & !slot.full_mask() != 0 {
            return Err(ErrorCode::BAD_VALUE);
        }
        value.set_masked(slot, test.value, test.mask);
        mask.set_masked(slot, test.mask, test.mask);
        if let Field::TunMetadata(n) = test.field {
            value.set_masked(slot::TUN_PRESENT, 1 << n, 1 << n);
            mask.set_masked(slot::TUN_PRESENT, 1 << n, 1 << n);
        }
    }
    Ok((value, mask))
}

/// Whether a field exists in the packet of this key, and which bits of the key tell.
pub(crate) fn exists(prereq: Prereq, key: &FlowKey, looked: &mut FlowKey) -> bool {
    let mut is = |slot: Slot, wanted: u128| {
        looked.set(slot, u128::MAX);
        key.get(slot) == wanted
    };
    let (v4, v6) = (u128::from(EtherType::IPV4.0), u128::from(EtherType::IPV6.0));
    let proto = |p: IpProto| u128::from(p.0);
    match prereq {
        Prereq::None | Prereq::Ethernet => true,
        Prereq::Vlan => key.get(bit(slot::VLAN_TCI, 12, looked)) != 0,
        Prereq::Mpls | Prereq::Nsh => false,
        Prereq::Ipv4 => is(slot::ETH_TYPE, v4),
        Prereq::Ipv6 => is(slot::ETH_TYPE, v6),
        Prereq::Ip => is(slot::ETH_TYPE, v4) || is(slot::ETH_TYPE, v6),
        Prereq::Arp => {
            is(slot::ETH_TYPE, u128::from(EtherType::ARP.0))
                || is(slot::ETH_TYPE, u128::from(EtherType::RARP.0))
        }
        Prereq::Tcp | Prereq::Udp | Prereq::Sctp => {
            let wanted = match prereq {
                Prereq::Tcp => IpProto::TCP,
                Prereq::Udp => IpProto::UDP,
                _ => IpProto::SCTP,
            };
            (is(slot::ETH_TYPE, v4) || is(slot::ETH_TYPE, v6))
                && is(slot::NW_PROTO, proto(wanted))
                && !is_later(key, looked)
        }
        Prereq::Icmp4 => {
            is(slot::ETH_TYPE, v4) && is(slot::NW_PROTO, proto(IpProto::ICMP)) && !is_later(key, looked)
        }
        Prereq::Icmp6 => {
            is(slot::ETH_TYPE, v6) && is(slot::NW_PROTO, proto(IpProto::ICMP6)) && !is_later(key, looked)
        }
        Prereq::Nd | Prereq::NdSolicit | Prereq::NdAdvert => {
            let solicit = u128::from(Icmp6::NEIGHBOR_SOLICITATION);
            let advert = u128::from(Icmp6::NEIGHBOR_ADVERTISEMENT);
            let icmp6 =
                is(slot::ETH_TYPE, v6) && is(slot::NW_PROTO, proto(IpProto::ICMP6)) && is(slot::TP_DST, 0);
            icmp6
                && match prereq {
                    Prereq::NdSolicit => is(slot::TP_SRC, solicit),
                    Prereq::NdAdvert => is(slot::TP_SRC, advert),
                    _ => is(slot::TP_SRC, solicit) || is(slot::TP_SRC, advert),
                }
                && !is_later(key, looked)
        }
        Prereq::Ct => key.get(bit(slot::CT_STATE, 5, looked)) != 0,
    }
}

/// One bit of a slot, noted as looked at.
pub(crate) fn bit(slot: Slot, bit: u8, looked: &mut FlowKey) -> Slot {
    let part = slot.part(bit, 1).expect("the bit is inside its slot and one bit straddles nothing");
    looked.set(part, 1);
    part
}

/// A fragment that is not the first has no transport header.
fn is_later(key: &FlowKey, looked: &mut FlowKey) -> bool {
    key.get(bit(slot::NW_FRAG, 1, looked)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_place_as_wide_as_it_or_none() {
        let tlv = TlvTable::default();
        for field in Field::all() {
            // Operations of ARP beyond one octet, ports as types of ICMP and the low bits of a slot
            // are the exceptions.
            let Some(slot) = slot_of(field, &tlv) else { continue };
            if field != Field::ArpOp {
                assert!(u16::from(slot.bits) >= field.bits(), "{field}");
            }
        }
    }

    #[test]
    fn what_no_packet_can_be_is_refused() {
        let tlv = TlvTable::default();
        let mpls = Match::any().with(Field::MplsLabel, 1u8);
        assert_eq!(key_of_match(&mpls, &tlv), Err(ErrorCode::BAD_FIELD));
        let arp = Match::any().with(Field::ArpOp, 0x100u16);
        assert_eq!(key_of_match(&arp, &tlv), Err(ErrorCode::BAD_VALUE));
        let option = Match::any().with(Field::TunMetadata(0), 1u8);
        assert_eq!(key_of_match(&option, &tlv), Err(ErrorCode::BAD_FIELD));
    }
}
