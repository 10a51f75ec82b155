//! One packet of a set.

use super::sets::Var;
use super::values::{Bit, Value, Values, packet_fields};
use lflow::expr::{Microflow, Packet};
use openflow::Field;
use packet::MacAddr;
use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A MAC address as a number.
pub(super) struct Address(pub(super) u128);

impl FromStr for Address {
    type Err = <MacAddr as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let MacAddr(octets) = text.parse()?;
        Ok(Self(octets.iter().fold(0, |value, octet| value << 8 | u128::from(*octet))))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::flow_text::ethernet(self.0))
    }
}

/// One packet and one way that it can go: the values of all bits.
pub(super) struct Example(HashMap<Var, bool>);

impl Example {
    /// The bits that matter; others are zero.
    pub(super) fn new(bits: &[(Var, bool)]) -> Self {
        Self(bits.iter().copied().collect())
    }

    pub(super) fn bit(&self, var: Var) -> bool {
        self.0.get(&var).copied().unwrap_or(false)
    }

    /// Some field of the packet as it came in.
    fn number(&self, base: Var, bits: u16) -> u128 {
        (0..Var::from(bits)).fold(0, |value, i| value << 1 | u128::from(self.bit(base + i)))
    }

    /// The packet as it came in: of fields that others are needed for, only those that it has.
    pub(super) fn packet(&self) -> Microflow {
        let mut flow = Microflow::default();
        // What others need comes first.
        for (field, base) in packet_fields() {
            let value = self.number(base, field.bits());
            if value != 0 && has(field, &flow) {
                flow.set(field, value);
            }
        }
        flow
    }

    /// The packet as it is where its fields have these values.
    pub(super) fn packet_now(&self, values: &Values) -> Microflow {
        let came = self.packet();
        let mut flow = came.clone();
        for (field, value) in values.changed() {
            let number = match value {
                Value::Constant(value) => *value,
                Value::Run(base) => self.now(&came, *base, field.bits()),
                Value::Bits(bits) => bits.iter().rev().fold(0, |number, bit| {
                    number << 1
                        | match bit {
                            Bit::Known(value) => u128::from(*value),
                            Bit::Of(var) => self.now(&came, *var, 1),
                        }
                }),
                Value::Hops(fewer) => came.field(Field::IpTtl).saturating_sub(u128::from(*fewer)),
            };
            flow.set(field, number);
        }
        flow
    }

    /// Bits from a variable on, of the packet that came in where they are its.
    fn now(&self, came: &Microflow, base: Var, bits: u16) -> u128 {
        (base..base + Var::from(bits)).fold(0, |number, var| {
            let of_packet =
                packet_fields().find(|(field, base)| (*base..*base + Var::from(field.bits())).contains(&var));
            let bit = match of_packet {
                Some((field, base)) => came.field(field) >> (Var::from(field.bits()) - 1 - (var - base)) & 1,
                None => u128::from(self.bit(var)),
            };
            number << 1 | bit
        })
    }
}

/// The values of all bits of a packet.
#[cfg(test)]
pub(super) fn bits_of(flow: &Microflow) -> HashMap<Var, bool> {
    let mut bits = HashMap::new();
    for (field, base) in packet_fields() {
        let value = flow.field(field);
        for i in 0..field.bits() {
            bits.insert(base + Var::from(field.bits() - 1 - i), value >> i & 1 == 1);
        }
    }
    bits
}

/// Whether a packet has a field, by those of its fields that are known already.
pub(super) fn has(field: Field, flow: &Microflow) -> bool {
    let kind = flow.field(Field::EthType);
    let (is_v4, is_v6) = (kind == 0x0800, kind == 0x86dd);
    let is_ip = is_v4 || is_v6;
    let protocol = |number: u128| is_ip && flow.field(Field::IpProto) == number;
    let is_nd = |types: &[u128]| {
        is_v6
            && protocol(58)
            && types.contains(&flow.field(Field::Icmp6Type))
            && flow.field(Field::Icmp6Code) == 0
            && flow.field(Field::IpTtl) == 255
    };
    match field {
        Field::IpProto | Field::IpFrag | Field::IpTtl | Field::IpDscp | Field::IpEcn => is_ip,
        Field::Ipv4Src | Field::Ipv4Dst => is_v4,
        Field::Ipv6Src | Field::Ipv6Dst | Field::Ipv6Label => is_v6,
        Field::TcpSrc | Field::TcpDst | Field::TcpFlags => protocol(6),
        Field::UdpSrc | Field::UdpDst => protocol(17),
        Field::SctpSrc | Field::SctpDst => protocol(132),
        Field::Icmp4Type | Field::Icmp4Code => is_v4 && protocol(1),
        Field::Icmp6Type | Field::Icmp6Code => is_v6 && protocol(58),
        Field::ArpOp | Field::ArpSpa | Field::ArpTpa | Field::ArpSha | Field::ArpTha => {
            matches!(kind, 0x0806 | 0x8035)
        }
        Field::NdTarget => is_nd(&[135, 136]),
        Field::NdSll => is_nd(&[135]),
        Field::NdTll => is_nd(&[136]),
        _ => true,
    }
}

/// What the fields of packets are called in the logical language.
const NAMES: &[(Field, &str)] = &[
    (Field::Reg(14), "inport"),
    (Field::EthType, "eth.type"),
    (Field::EthSrc, "eth.src"),
    (Field::EthDst, "eth.dst"),
    (Field::VlanTci, "vlan.tci"),
    (Field::IpProto, "ip.proto"),
    (Field::IpFrag, "ip.frag"),
    (Field::IpTtl, "ip.ttl"),
    (Field::IpDscp, "ip.dscp"),
    (Field::IpEcn, "ip.ecn"),
    (Field::Ipv4Src, "ip4.src"),
    (Field::Ipv4Dst, "ip4.dst"),
    (Field::Ipv6Src, "ip6.src"),
    (Field::Ipv6Dst, "ip6.dst"),
    (Field::Ipv6Label, "ip6.label"),
    (Field::TcpSrc, "tcp.src"),
    (Field::TcpDst, "tcp.dst"),
    (Field::TcpFlags, "tcp.flags"),
    (Field::UdpSrc, "udp.src"),
    (Field::UdpDst, "udp.dst"),
    (Field::SctpSrc, "sctp.src"),
    (Field::SctpDst, "sctp.dst"),
    (Field::Icmp4Type, "icmp4.type"),
    (Field::Icmp4Code, "icmp4.code"),
    (Field::Icmp6Type, "icmp6.type"),
    (Field::Icmp6Code, "icmp6.code"),
    (Field::NdTarget, "nd.target"),
    (Field::NdSll, "nd.sll"),
    (Field::NdTll, "nd.tll"),
    (Field::PktMark, "pkt.mark"),
    (Field::ArpOp, "arp.op"),
    (Field::ArpSpa, "arp.spa"),
    (Field::ArpTpa, "arp.tpa"),
    (Field::ArpSha, "arp.sha"),
    (Field::ArpTha, "arp.tha"),
];
/// What ARP's fields are called in a reverse ARP packet.
const REVERSE: &[(Field, &str)] = &[
    (Field::ArpOp, "rarp.op"),
    (Field::ArpSpa, "rarp.spa"),
    (Field::ArpTpa, "rarp.tpa"),
    (Field::ArpSha, "rarp.sha"),
    (Field::ArpTha, "rarp.tha"),
];

/// What a field of packets is called, of a packet of some Ethernet type.
pub(super) fn name(field: Field, kind: Option<u128>) -> &'static str {
    let reverse = REVERSE.iter().filter(|_| kind == Some(0x8035));
    let mut names = reverse.chain(NAMES);
    names.find(|(known, _)| *known == field).map_or("?", |(_, name)| name)
}

/// A number as a value of a field.
pub(super) fn shown(field: Field, value: u128) -> String {
    match field {
        Field::EthSrc | Field::EthDst | Field::ArpSha | Field::ArpTha | Field::NdSll | Field::NdTll => {
            Address(value).to_string()
        }
        Field::Ipv4Src | Field::Ipv4Dst | Field::ArpSpa | Field::ArpTpa => {
            Ipv4Addr::from_bits(value as u32).to_string()
        }
        Field::Ipv6Src | Field::Ipv6Dst | Field::NdTarget => Ipv6Addr::from_bits(value).to_string(),
        Field::EthType | Field::VlanTci | Field::PktMark | Field::TcpFlags => format!("{value:#x}"),
        _ => value.to_string(),
    }
}

/// A packet as an expression that describes it. `inport` is the name of its port.
pub(super) fn expression(flow: &Microflow, inport: &str) -> String {
    let mut terms = vec![format!("inport == \"{inport}\"")];
    let kind = flow.field(Field::EthType);
    for (field, _) in packet_fields().filter(|(field, _)| *field != Field::Reg(14)) {
        let value = flow.field(field);
        let is_needed = matches!(field, Field::EthSrc | Field::EthDst);
        if value != 0 && has(field, flow) || is_needed {
            terms.push(match (field, value) {
                (Field::EthType, 0x0800) => "ip4".to_owned(),
                (Field::EthType, 0x86dd) => "ip6".to_owned(),
                (Field::EthType, 0x0806) => "arp".to_owned(),
                _ => format!("{} == {}", name(field, Some(kind)), shown(field, value)),
            });
        }
    }
    terms.join(" && ")
}

/// What makes an example one that people expect, where the set has a choice.
pub(super) const LIKELY: &[(Field, u128)] = &[
    (Field::EthType, 0x0800),
    (Field::VlanTci, 0),
    (Field::IpFrag, 0),
    (Field::IpTtl, 64),
    (Field::IpProto, 1),
    (Field::IpProto, 6),
];
