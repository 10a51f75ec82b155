//! Keys as flows: what a packet is, and what of it counted.

use openflow::{Field, Match};
use packet::key::{FlowKey, slot};
use packet::{EtherType, IpProto};

use crate::conntrack::state;
use crate::field::slot_of;
use crate::tlv::TlvTable;

/// Fields before the protocol.
const HEAD: [Field; 4] = [Field::PktMark, Field::CtZone, Field::CtMark, Field::CtLabel];

/// Fields that are told where they are not zero, registers aside.
const PIPELINE: [Field; 9] = [
    Field::TunId,
    Field::TunSrc,
    Field::TunDst,
    Field::TunIpv6Src,
    Field::TunIpv6Dst,
    Field::TunTos,
    Field::TunTtl,
    Field::TunFlags,
    Field::Metadata,
];

/// The bit of a key's tag that says that there is one.
const TAGGED: u128 = 0x1000;

/// Registers there are.
const REGISTERS: u8 = 16;

/// Words for the state of a connection, in the order of text.
pub(super) const STATES: [(&str, u8); 8] = [
    ("new", state::NEW),
    ("est", state::EST),
    ("rel", state::REL),
    ("rpl", state::RPL),
    ("inv", state::INV),
    ("trk", state::TRK),
    ("snat", state::SNAT),
    ("dnat", state::DNAT),
];

/// A packet as Open vSwitch writes flows: every field that it has. `recirc` is the number that it goes on with.
pub(super) fn flow(key: &FlowKey, recirc: u64, tlv: &TlvTable) -> String {
    let mut parts = Vec::new();
    if recirc != 0 {
        parts.push(format!("recirc_id={recirc:#x}"));
    }
    let bits = key.get(slot::CT_STATE) as u8;
    if bits != 0 {
        let set = STATES.iter().filter(|(_, bit)| bits & bit != 0).map(|(name, _)| *name);
        parts.push(format!("ct_state={}", set.collect::<Vec<_>>().join("|")));
    }
    let mut exact = FlowKey::ZERO;
    exact.words_mut().fill(u64::MAX);
    parts.extend(text(matched(&HEAD, key, &exact, tlv, true)));
    if recirc != 0 {
        parts.push("eth".to_owned());
    }
    let mut rest = matched(&pipeline(), key, &exact, tlv, true);
    for test in matched(&of_packet(key), key, &exact, tlv, false).iter() {
        rest.set_masked(test.field, test.value, test.mask);
    }
    parts.extend(text(rest));
    let text = parts.join(",");
    if key.get(slot::VLAN_TCI) & TAGGED == 0 {
        return text;
    }
    // Of a tagged frame the inner tag is told too, also where there is none.
    let inner = key.get(slot::INNER_TCI);
    let told = match inner & TAGGED {
        0 => format!("vlan_tci1={inner:#06x}"),
        _ => format!("dl_vlan1={},dl_vlan_pcp1={}", inner & 0xfff, inner >> 13),
    };
    text.replacen("dl_src=", &format!("{told},dl_src="), 1)
}

/// The bits of a packet that its way depended on.
pub(super) fn megaflow(key: &FlowKey, mask: &FlowKey, recirc: u64, tlv: &TlvTable) -> String {
    let number = if recirc == 0 { "0".to_owned() } else { format!("{recirc:#x}") };
    let mut parts = vec![format!("recirc_id={number}")];
    let mut head = HEAD.to_vec();
    head.push(Field::CtState);
    parts.extend(text(matched(&head, key, mask, tlv, false)));
    parts.push("eth".to_owned());
    let fields: Vec<Field> = pipeline().into_iter().chain(of_packet(key)).collect();
    parts.extend(text(matched(&fields, key, mask, tlv, false)));
    parts.join(",")
}

fn text(matching: Match) -> Option<String> {
    (!matching.is_any()).then(|| matching.to_string())
}

fn pipeline() -> Vec<Field> {
    let options = (0..64).map(Field::TunMetadata);
    (0..REGISTERS).map(Field::Reg).chain(PIPELINE).chain(options).collect()
}

/// Tests of these fields where the mask has bits; where `nonzero`, only of fields that are not zero.
fn matched(fields: &[Field], key: &FlowKey, mask: &FlowKey, tlv: &TlvTable, nonzero: bool) -> Match {
    let mut found = Match::any();
    for field in fields {
        let Some(slot) = slot_of(*field, tlv) else { continue };
        let (value, bits) = (key.get(slot), mask.get(slot) & slot.full_mask());
        if bits != 0 && !(nonzero && value == 0) {
            // Of some fields the key keeps the bits that are in use.
            let whole = bits == slot.full_mask();
            found.set_masked(*field, value & bits, if whole { field.full_mask() } else { bits });
        }
    }
    found
}

/// The fields that a packet has by its types.
fn of_packet(key: &FlowKey) -> Vec<Field> {
    let mut fields = vec![Field::InPort, Field::VlanTci, Field::EthSrc, Field::EthDst, Field::EthType];
    let kind = EtherType(key.get(slot::ETH_TYPE) as u16);
    if kind == EtherType::ARP || kind == EtherType::RARP {
        fields.extend([Field::ArpSpa, Field::ArpTpa, Field::ArpOp, Field::ArpSha, Field::ArpTha]);
    }
    if !kind.is_ip() {
        return fields;
    }
    let is_v4 = kind == EtherType::IPV4;
    if is_v4 {
        fields.extend([Field::Ipv4Src, Field::Ipv4Dst]);
    } else {
        fields.extend([Field::Ipv6Src, Field::Ipv6Dst, Field::Ipv6Label]);
    }
    fields.extend([Field::IpProto, Field::IpDscp, Field::IpEcn, Field::IpTtl, Field::IpFrag]);
    let is_later = key.get(slot::NW_FRAG) & 2 != 0;
    match IpProto(key.get(slot::NW_PROTO) as u8) {
        _ if is_later => {}
        IpProto::TCP => fields.extend([Field::TcpSrc, Field::TcpDst, Field::TcpFlags]),
        IpProto::UDP => fields.extend([Field::UdpSrc, Field::UdpDst]),
        IpProto::SCTP => fields.extend([Field::SctpSrc, Field::SctpDst]),
        IpProto::ICMP if is_v4 => fields.extend([Field::Icmp4Type, Field::Icmp4Code]),
        IpProto::ICMP6 if !is_v4 => fields.extend([Field::Icmp6Type, Field::Icmp6Code]),
        _ => {}
    }
    fields
}
